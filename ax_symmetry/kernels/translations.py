"""The quotient map of translations: what a common factor, or a common number, leaves of columns.

Coordinates u are columns, or logarithms of their values, and a translation adds t v to them. Let W hold a weight for
each coordinate. Then

    q(u) = u - v (v' W u) / (v' W v)

is the same for u and u + t v, so that a kernel of q is exactly invariant, and positive semidefinite as a kernel of a
map. With 1 / lengthscale^2 as weights the distance of two rows is that at the best t, so that an RBF kernel of q is the
max-alignment kernel, and a column that does not matter counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

import torch
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.column_places import ColumnPlace
from ax_symmetry.kernels.rotations import Rotations
from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Translations:
    """The quotient map on rows of D columns.

    Attributes:
        span: The r directions, in coordinates, `r x D`.
        centers: What is kept of each column's numbers where all are in the middle, `D`; a mirror leaves it alone.
        logs: The c columns whose coordinates are logarithms.
        lines: `value = slope * column + offset` and `coordinate = (log value - start) / width` for each of these,
            `4 x c`: slope, offset, start and width.
    """

    span: Tensor
    centers: Tensor
    logs: tuple[int, ...]
    lines: Tensor

    @classmethod
    def of(
        cls, symmetry: Symmetry, places: Mapping[str, ColumnPlace], width: int, rotations: Rotations | None = None
    ) -> Translations | None:
        """Find the map on D columns, in which pairs that are turned have one unit; None without translations.

        Raises:
            NotAveraged: A parameter is bent in its column.
        """
        if not symmetry.directions:
            return None
        span, centers = torch.zeros(len(symmetry.directions), width).double(), torch.zeros(width).double()
        lines: dict[int, tuple[float, float, float, float]] = {}
        for row, direction in zip(span, symmetry.directions):
            for name, weight in direction.weights:
                place, step = places[name], places[name].slope
                (column,) = place.columns
                centers[column] = place.mirror_sum / 2
                if direction.is_log and place.log_slope is not None:
                    step = place.log_slope
                elif direction.is_log and step is not None:
                    low, high = (log(v) for v in place.ends) if place.ends else (0.0, 1.0)
                    lines[column] = 1 / step, -place.offset / step, low, high - low
                    step, centers[column] = 1 / (high - low), 0.5 if place.ends else 0.0
                if step is None:
                    raise NotAveraged(f"parameter {name} is bent in the model, but has a {direction.key}.")
                row[column] = weight * step
        if rotations is not None:
            centers[rotations.pairs] = rotations.centers
            span[:, rotations.pairs[:, 1]] *= rotations.ratios
        table = torch.tensor(list(lines.values()), dtype=torch.double).reshape(-1, 4).T
        return cls(span, centers, tuple(lines), table)

    def coordinates(self, rows: Tensor) -> Tensor:
        """Take the logarithms in rows `... x n x D` that the map is about."""
        if not self.logs:
            return rows
        index, (slope, offset, start, width) = torch.tensor(self.logs, device=rows.device), self.lines.to(rows)
        values = (slope * rows.index_select(-1, index) + offset).clamp_min(torch.finfo(rows.dtype).tiny)
        return rows.index_copy(-1, index, (values.log() - start) / width)

    def __call__(self, rows: Tensor, weights: Tensor | None = None, shares: Tensor | None = None) -> Tensor:
        """Return what is left of coordinates when the translations are divided out.

        Args:
            rows: Coordinates `... x n x D`.
            weights: Their weights `... x 1 x D`, 1 by default; equal for columns that the group moves to each other.
            shares: How far each number counts, `... x n x D`, from 0 to 1; all by default.
        """
        span, centers = self.span.to(rows), self.centers.to(rows)
        weight = rows.new_ones(1, rows.shape[-1]) if weights is None else weights
        weight = weight if shares is None else weight * shares
        weighted = span * weight.unsqueeze(-2)  # ... x n x r x D, or of one row for all n
        gram = weighted @ span.mT
        gram = gram + torch.finfo(rows.dtype).tiny ** 0.5 * torch.eye(len(span)).to(rows)  # where nothing counts
        per_row = weighted / gram if len(span) == 1 else torch.linalg.solve(gram, weighted)
        if shares is None:
            return rows - ((rows - centers) @ per_row.squeeze(-3).mT) @ span
        return rows - (per_row @ (rows - centers).unsqueeze(-1)).squeeze(-1) @ span

    def scaled(self, lower: Tensor, width: Tensor) -> Translations:
        """Return the map of rows `(x - lower) / width`, given both for the D columns."""
        logs = list(self.logs)
        span, centers = self.span / width, (self.centers - lower) / width
        span[:, logs], centers[logs] = self.span[:, logs], self.centers[logs]
        slope, offset, start, log_width = self.lines
        lines = torch.stack([slope * width[logs], offset + slope * lower[logs], start, log_width])
        return replace(self, span=span, centers=centers, lines=lines)
