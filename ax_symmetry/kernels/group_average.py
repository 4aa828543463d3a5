"""A group, split into parts over each of which a kernel that is a product over their columns is averaged for itself.

The average over a direct product of groups is the product of the averages over its factors, each of them over the
columns that it moves; and over the symmetric group on m blocks it is a permanent of m x m entries (see `permanents`),
m 2^m operations for m!. Mirrors inside of the blocks, independent of each other, only change the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import factorial, prod

import numpy as np
import torch
from torch import Tensor

from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.kernels.permanents import permanent

Entries = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""A kernel of some columns. Of points `... x n x P` and rows `... x n' x d` (further points may follow), images
`I... x F x w` (points) and columns `J... x w`: entries `I... x J... x ... x n x n'`, averaged over the F images."""

LARGEST_SUM = 24
"""Up to this order the sum over all elements takes less time than permanents."""


@dataclass(frozen=True)
class ElementAverage:
    """An average over elements that are written out.

    Attributes:
        columns: The k columns that they move.
        images: Their F images, as points: `F x k`.
    """

    columns: Tensor
    images: Tensor

    @property
    def sets(self) -> list[Tensor]:
        """The sets of columns that it takes apart."""
        return [self.columns]

    def __call__(self, entries: Entries, points: Tensor, rows: Tensor) -> Tensor:
        """Evaluate the average; see `average`."""
        return entries(points, rows, self.images, self.columns)


@dataclass(frozen=True)
class PermanentAverage:
    """An average over all permutations of m blocks of w columns, and over mirrors.

    Attributes:
        blocks: The columns of the blocks, `m x w`.
        images: For each of K elements that mirror F images of the blocks, as points: `K x m x F x w`. The F are
            averaged in the entries of one permanent, the K are permanents of their own.
        rest: Other columns, `r`, that the K elements move.
        rest_images: Their points, `K x r`.
    """

    blocks: Tensor
    images: Tensor
    rest: Tensor
    rest_images: Tensor

    @property
    def sets(self) -> list[Tensor]:
        """The sets of columns that it takes apart."""
        return [*self.blocks, *([self.rest] if len(self.rest) else [])]

    def __call__(self, entries: Entries, points: Tensor, rows: Tensor) -> Tensor:
        """Evaluate the average; see `average`."""
        matrices = entries(points, rows, self.images, self.blocks)  # K x m x m x ... x n x n'
        alone = len(matrices) == 1
        average_of_each = permanent(matrices[0] if alone else matrices.movedim(0, 2)) / factorial(len(self.blocks))
        if len(self.rest):
            of_rest = entries(points, rows, self.rest_images.unsqueeze(-2), self.rest)
            average_of_each = average_of_each * (of_rest[0] if alone else of_rest)
        return average_of_each if alone else average_of_each.mean(dim=0)


def average(
    parts: Sequence[ElementAverage | PermanentAverage], entries: Entries, points: Tensor, rows: Tensor
) -> Tensor:
    """Average a kernel k(g x, x') over the elements g of a group.

    Args:
        parts: The group, see `parts_of`.
        entries: The kernel, a product over the sets of columns of the parts.
        points: Points of rows x, `... x n x P`, of which the images are made; let them be the fewer.
        rows: Rows x' `... x n' x d`; they may be followed by further points.

    Returns:
        Entries `... x n x n'`.
    """
    found = parts[0](entries, points, rows)
    for part in parts[1:]:
        found = found * part(entries, points, rows)
    return found


def parts_of(action: Action, few: int = LARGEST_SUM) -> list[ElementAverage | PermanentAverage]:
    """Split the group into parts whose averages multiply; columns that it leaves alone are a part as well.

    Args:
        action: The group.
        few: Up to this order the symmetric group on blocks is a sum over its elements.
    """
    moved = {c for factor in action.factors for c in factor.columns}
    fixed = torch.tensor([c for c in range(action.width) if c not in moved])
    parts = [part for factor in action.factors for part in _parts(action, factor, few)]
    return [*parts, ElementAverage(fixed, fixed[None])] if len(fixed) else parts


def sets_of(parts: Sequence[ElementAverage | PermanentAverage]) -> tuple[tuple[int, ...], ...]:
    """Return the sets of columns that parts take apart."""
    return tuple(tuple(own.tolist()) for part in parts for own in part.sets)


def _parts(action: Action, factor: Factor, few: int) -> Iterator[ElementAverage | PermanentAverage]:
    columns, k = torch.tensor(factor.columns), len(factor.columns)
    if not factor.blocks or factor.order <= few:
        yield ElementAverage(columns, torch.from_numpy(action.to_row_points(factor, factor.elements)))
        return
    blocks = np.asarray(factor.blocks)
    rest = np.setdiff1d(np.arange(k), blocks)
    flips = factor.coset_representatives >= k
    inside, outside = [np.unique(flips[:, block], axis=0) for block in blocks], np.unique(flips[:, rest], axis=0)
    if prod(map(len, inside)) * len(outside) == len(flips):  # every block is mirrored for itself
        flipped = columns[blocks] + action.width * torch.from_numpy(inside[0])[:, None]
        yield PermanentAverage(columns[blocks], flipped.movedim(0, 1)[None], columns[:0], columns[None, :0])
        if len(rest):
            yield ElementAverage(columns[rest], columns[rest] + action.width * torch.from_numpy(outside))
    else:
        images = torch.from_numpy(action.to_row_points(factor, factor.coset_representatives))
        yield PermanentAverage(columns[blocks], images[:, blocks].unsqueeze(2), columns[rest], images[:, rest])
