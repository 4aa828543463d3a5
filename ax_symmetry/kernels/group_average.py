"""Factor the average of a kernel over a group into independent averages: sums over elements, and permanents.

Let the kernel be a product of kernels of disjoint sets of columns. Over a direct product of groups its average is the
product of the averages over the factors, each of the columns that the factor moves. Over the symmetric group on m
blocks, if the kernel is a product over the blocks, it is the permanent of m x m entries, divided by m! (see
`permanents`): m 2^m operations in place of m!. Mirrors that act on each block for itself only change the entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial, prod
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ax_symmetry.groups.actions import Action, Factor
from ax_symmetry.kernels.pairs import to_matrices
from ax_symmetry.kernels.permanents import permanent

LARGEST_SUM = 24
"""Up to this order the sum over all elements takes less time than a permanent."""


class Entries(Protocol):
    """A kernel of w columns, evaluated at images, and averaged over some."""

    def __call__(
        self, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor, symmetric: bool = False
    ) -> Tensor:
        """Evaluate the kernel of the images of points with the columns of rows.

        Args:
            points: Points `... x n x P`.
            rows: Rows `... x n' x d`; further points may follow the d columns.
            images: Lists of F images, `I... x F x w` as indices into the points; the kernel is averaged over the F.
            columns: Lists of columns, `J... x w`.
            symmetric: Whether the points are those of the rows; then each pair of them is evaluated once.

        Returns:
            Entries `I... x J... x ... x n x n'`; if symmetric `I... x J... x ... x n (n + 1) / 2`, see `pairs`.
        """


@dataclass(frozen=True)
class ElementAverage:
    """An average over elements that are written out.

    Attributes:
        columns: The k columns that they move.
        images: The F elements, as points of these columns: `F x k`.
    """

    columns: Tensor
    images: Tensor

    @property
    def sets(self) -> list[Tensor]:
        """The sets of columns over which the kernel must be a product."""
        return [self.columns]

    def __call__(self, entries: Entries, points: Tensor, rows: Tensor, symmetric: bool = False) -> Tensor:
        """Evaluate the average; see `average`."""
        return entries(points, rows, self.images, self.columns)


@dataclass(frozen=True)
class PermanentAverage:
    """An average over all permutations of m blocks of w columns, and over mirrors.

    Attributes:
        blocks: The columns of the blocks, `m x w`.
        images: For each of K elements, by which mirrors act on all blocks together, F images of the blocks, by mirrors
            that act on each block for itself, as points: `K x m x F x w`. The F are averaged in the entries of one
            permanent, the K are permanents of their own.
        rest: The r other columns that the K elements move.
        rest_images: Their images, as points: `K x r`.
    """

    blocks: Tensor
    images: Tensor
    rest: Tensor
    rest_images: Tensor

    @property
    def sets(self) -> list[Tensor]:
        """The sets of columns over which the kernel must be a product."""
        return [*self.blocks, *([self.rest] if len(self.rest) else [])]

    def __call__(self, entries: Entries, points: Tensor, rows: Tensor, symmetric: bool = False) -> Tensor:
        """Evaluate the average; see `average`."""
        matrices = entries(points, rows, self.images, self.blocks, symmetric)  # K x m x m x entries
        alone = len(matrices) == 1
        averages = permanent(matrices[0] if alone else matrices.movedim(0, 2)) / factorial(len(self.blocks))
        if len(self.rest):
            of_rest = entries(points, rows, self.rest_images.unsqueeze(-2), self.rest, symmetric)
            averages = averages * (of_rest[0] if alone else of_rest)
        averages = averages if alone else averages.mean(dim=0)
        return to_matrices(averages, points.shape[-2]) if symmetric else averages


Average = ElementAverage | PermanentAverage


def average(
    averages: Sequence[Average], entries: Entries, points: Tensor, rows: Tensor, symmetric: bool = False
) -> Tensor:
    """Average a kernel k(g x, x') over the elements g of a group.

    Args:
        averages: The independent averages that make it up, see `independent_averages`.
        entries: The kernel, a product over their sets of columns.
        points: Points of rows x, `... x n x P`, of which the images are taken; let them be the fewer.
        rows: Rows x' `... x n' x d`; further points may follow the d columns.
        symmetric: Whether they are the same rows, and k is symmetric: then each pair of rows has one permanent.

    Returns:
        Entries `... x n x n'`.
    """
    entry, *others = (one(entries, points, rows, symmetric) for one in averages)
    return prod(others, start=entry)


def independent_averages(action: Action, largest_sum: int = LARGEST_SUM) -> list[Average]:
    """Factor the average over a group; the columns that it leaves alone have one of their own, over the identity.

    Args:
        action: The group.
        largest_sum: Up to this order the symmetric group on blocks is summed over its elements.
    """
    moved = {c for factor in action.factors for c in factor.columns}
    fixed = torch.tensor([c for c in range(action.width) if c not in moved])
    averages = [one for factor in action.factors for one in _of_factor(action, factor, largest_sum)]
    return [*averages, ElementAverage(fixed, fixed[None])] if len(fixed) else averages


def column_sets(averages: Sequence[Average]) -> tuple[tuple[int, ...], ...]:
    """Return the disjoint sets of columns over which a kernel must be a product to be averaged like this."""
    return tuple(tuple(columns.tolist()) for one in averages for columns in one.sets)


def _of_factor(action: Action, factor: Factor, largest_sum: int) -> Iterator[Average]:
    columns, k = torch.tensor(factor.columns), len(factor.columns)
    if not factor.blocks or factor.order <= largest_sum:
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
