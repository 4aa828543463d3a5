"""Group training rows by orbit, comparing random one-dimensional projections of their images."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ax_symmetry.kernels.column_action import ColumnAction


def canonical_rows(action: ColumnAction, x: Tensor) -> Tensor:
    """Return the canonical representatives of rows `n x d` as full rows `n x D`; see `Action.canonical_points`."""
    full = action.one_experiment(_in_one_period(action, action.append_implied(x)))
    mirrored = _in_one_period(action, action.mirrored(full)).numpy(force=True) if action.mirrors else None
    return torch.from_numpy(action.action.canonical_rows(full.numpy(force=True), mirrored)).to(x)


def _in_one_period(action: ColumnAction, full: Tensor) -> Tensor:
    """Bring periodic columns of full rows into one period."""
    if action.circles is None:
        return full
    columns = torch.tensor(action.circles.columns, device=full.device)
    periods, origins = action.circles.periods.to(full), action.circles.origins.to(full)
    turns = (full.index_select(-1, columns) - origins) / periods
    return full.index_copy(-1, columns, origins + periods * (turns - (turns + 1e-9).floor()))


class RowOrbits:
    """The orbits of rows, equal up to a relative rounding of about 1e-9.

    Distinct images project to distinct numbers with probability one; the lowest of them stands for the orbit. Cost:
    O(|G| n d).

    Args:
        action: The group, on the columns of the rows; of at most 10,000 elements.
        x: The rows, `n x d`.
    """

    def __init__(self, action: ColumnAction, x: Tensor) -> None:
        direction = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(0), dtype=torch.double).to(x)
        self.projections, self.projections_of_images = x @ direction, action(x) @ direction

    @cached_property
    def numbers(self) -> Tensor:
        """The orbit of each row, numbered from 0: `n`."""
        lowest, order = self.projections_of_images.min(dim=-1).values.sort()
        orbit = torch.empty_like(order)
        begins = lowest.diff() > _slack(self.projections_of_images)
        orbit[order] = torch.cat([begins.new_zeros(1), begins]).cumsum(0)
        return orbit

    def representatives(self, preferred: Tensor) -> Tensor:
        """Choose one row of each orbit, and all rows equal to it.

        Args:
            preferred: A mask `n`: an orbit with such rows is represented by one of them.

        Returns:
            The mask `n` of the chosen rows.
        """
        height = self.projections + torch.where(preferred, 0.0, 1 + 2 * self.projections.abs().max())
        least = torch.full_like(height, torch.inf).scatter_reduce(0, self.numbers, height, "amin")
        return height <= least[self.numbers] + _slack(self.projections)

    @property
    def is_complete(self) -> bool:
        """Whether the rows are whole orbits: all images of every row are among them."""
        rows, images = self.projections.sort().values, self.projections_of_images.flatten()
        after = torch.searchsorted(rows, images).clamp(max=len(rows) - 1)
        gaps = torch.minimum((rows[after] - images).abs(), (rows[(after - 1).clamp(min=0)] - images).abs())
        return bool(gaps.max() <= 1e3 * _slack(rows))


def _slack(projections: Tensor) -> Tensor:
    """Return by how much rounding may move a projection."""
    return 1e-9 * (1 + projections.abs().max())
