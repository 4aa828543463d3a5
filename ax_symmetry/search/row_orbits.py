"""Which rows of a model lie on the same orbit, found out on a line."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ax_symmetry.kernels.column_action import ColumnAction


class RowOrbits:
    """The orbits on which rows lie, which rounding may have moved by about 1e-9 of their size.

    All images are mapped to a line, no two different ones to the same place; the lowest tells the orbit. Cost: |G| n d.

    Args:
        action: The group, of at most 10,000 elements.
        x: The rows, `n x d`.
    """

    def __init__(self, action: ColumnAction, x: Tensor) -> None:
        direction = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(0), dtype=torch.double).to(x)
        self.projections, self.projections_of_images = x @ direction, action(x) @ direction

    @cached_property
    def numbers(self) -> Tensor:
        """The number of the orbit of each row: `n` numbers from 0 on."""
        lowest, order = self.projections_of_images.min(dim=-1).values.sort()
        orbit = torch.empty_like(order)
        begins = lowest.diff() > _slack(self.projections_of_images)
        orbit[order] = torch.cat([begins.new_zeros(1), begins]).cumsum(0)
        return orbit

    def representatives(self, preferred: Tensor) -> Tensor:
        """Choose one row of each orbit, a preferred one if there is any, and all that are equal to it.

        Args:
            preferred: Which rows to choose if possible, a mask `n`.

        Returns:
            Which rows are chosen, a mask `n`.
        """
        height = self.projections + torch.where(preferred, 0.0, 1 + 2 * self.projections.abs().max())
        least = torch.full_like(height, torch.inf).scatter_reduce(0, self.numbers, height, "amin")
        return height <= least[self.numbers] + _slack(self.projections)

    @property
    def is_complete(self) -> bool:
        """Whether all images of the rows are among them."""
        own, images = self.projections.sort().values, self.projections_of_images.flatten()
        after = torch.searchsorted(own, images).clamp(max=len(own) - 1)
        gaps = torch.minimum((own[after] - images).abs(), (own[(after - 1).clamp(min=0)] - images).abs())
        return bool(gaps.max() <= 1e3 * _slack(own))


def _slack(projections: Tensor) -> Tensor:
    return 1e-9 * (1 + projections.abs().max())
