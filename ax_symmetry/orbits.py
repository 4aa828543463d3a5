"""The action of a finite group on rows of numbers: images, orbit sizes, canonical representatives.

A group element moves columns and may mirror them. A row x of d numbers is therefore kept beside its mirror image as one row
of 2 d *points*: point j is x[j], point j + d is x[j] mirrored. An element is then a tuple of d points, and its image of x is
one gather: no number is computed again, so a permutation is exact to the last bit.

Nothing here knows of Ax, of names, or of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import factorial, prod

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups import ENUMERATION_LIMIT, Permutation, generate, order, too_large

Points = npt.NDArray[np.intp]
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """A direct factor of the group: it moves its own columns and no others.

    Attributes:
        columns: The k columns of the row that it moves.
        generators: Generators as permutations of the 2 k points of these columns: all of them, or, where the factor holds
            the symmetric group on `blocks`, the others.
        blocks: The blocks, as positions in `columns`, that the factor permutes in every way; empty if there are none.
            Their m! permutations are never written out to sort or to count. The group that `generators` generate must
            then be mapped to itself by these permutations, so that every element is one of its elements and a sorting.
    """

    columns: tuple[int, ...]
    generators: tuple[Permutation, ...]
    blocks: tuple[tuple[int, ...], ...] = ()

    @property
    def order(self) -> int:
        """The number of elements, exact for any size."""
        return (order(self.generators) if self.generators else 1) * factorial(len(self.blocks))

    @cached_property
    def cosets(self) -> Points:
        """The elements `K x k` but for the permutations of the blocks, the identity first, as points of the columns."""
        k = len(self.columns)
        return generate(self.generators)[:, :k] if self.generators else np.arange(k)[None]

    @cached_property
    def elements(self) -> Points:
        """All elements `|G| x k`, the identity first, as points of the columns."""
        if not self.blocks:
            return self.cosets
        sortings = np.tile(np.arange(len(self.columns)), (factorial(len(self.blocks)), 1))
        blocks = np.asarray(self.blocks)
        sortings[:, blocks.ravel()] = blocks[list(permutations(range(len(blocks))))].reshape(len(sortings), -1)
        return self.cosets[:, sortings].reshape(-1, len(self.columns))


@dataclass(frozen=True)
class Action:
    """A finite group that acts on rows of d numbers, as the direct product of its factors.

    Attributes:
        width: The number d of columns.
        factors: The direct factors; their columns are disjoint.
    """

    width: int
    factors: tuple[Factor, ...]

    @cached_property
    def order(self) -> int:
        """The number |G| of elements, exact for any size."""
        return prod(factor.order for factor in self.factors)

    @cached_property
    def elements(self) -> Points:
        """All elements `|G| x d`, the identity first.

        Raises:
            SymmetryError: The group has more than `ENUMERATION_LIMIT` elements.
        """
        if self.order > ENUMERATION_LIMIT:
            raise too_large(self.order)
        table = np.arange(self.width)[None]
        for factor in self.factors:
            moved = self.widen(factor, factor.elements)
            table = np.repeat(table, len(moved), axis=0).reshape(len(table), len(moved), -1)
            table[..., list(factor.columns)] = moved
            table = table.reshape(-1, self.width)
        return table

    def widen(self, factor: Factor, points: Points) -> Points:
        """Translate points of a factor's own columns to points of the whole row."""
        k, columns = len(factor.columns), np.asarray(factor.columns)
        return columns[points % k] + self.width * (points // k)

    def images(self, x: Rows, mirrored: Rows | None = None) -> tuple[npt.NDArray[np.intp], Points]:
        """List the distinct images of every row, the row itself first.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.

        Returns:
            For each of the N images the row it comes from (`N`, in order) and its points (`N x d`). Time and memory are
            O(N d) where no two elements agree, and never more than O(n |G| d).
        """
        points = self.elements
        z = both(x, mirrored)
        y = z[:, points]
        keep = np.ones(y.shape[:2], dtype=bool)
        symmetric = (y == x[:, None, :]).all(axis=2).sum(axis=1) > 1
        for i in np.flatnonzero(symmetric):
            first = np.unique(y[i], axis=0, return_index=True)[1]
            keep[i] = False
            keep[i, first] = True
        rows, which = np.nonzero(keep)
        return rows, points[which]

    def orbit_sizes(self, x: Rows, mirrored: Rows | None = None) -> list[int]:
        """Count the distinct images of every row; permutations of blocks are counted, not written out."""
        z = both(x, mirrored)
        sizes = [1] * len(x)
        for factor in self.factors:
            values = z[:, self.widen(factor, factor.cosets)]
            if factor.blocks:
                values = _sort_blocks(values, factor, range(len(factor.columns)))[1]
            for i, candidates in enumerate(values):
                sizes[i] *= sum(_arrangements(row, factor) for row in np.unique(candidates, axis=0))
        return sizes

    def least(self, x: Rows, mirrored: Rows | None = None, priority: Sequence[int] = ()) -> Points:
        """Find the canonical representative: the image that comes first when columns are compared one after the other.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.
            priority: The columns in the order of comparison, block after block; the given order without it.

        Returns:
            The points `n x d` of the representatives. O(n m log m) for the symmetric group on m blocks, O(n |G| d) for a
            group that is written out.

        Raises:
            SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
        """
        z = both(x, mirrored)
        points = np.tile(np.arange(self.width), (len(x), 1))
        for factor in self.factors:
            rank = {column: i for i, column in enumerate(priority or range(self.width))}
            local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
            candidates = np.broadcast_to(self.widen(factor, factor.cosets), (len(x), *factor.cosets.shape))
            values = np.take_along_axis(z[:, None, :], candidates, axis=2)
            if factor.blocks:
                arrangement, values = _sort_blocks(values, factor, local)
                candidates = np.take_along_axis(candidates, arrangement, axis=2)
            best = _lexicographic_argmin(values, local)
            points[:, list(factor.columns)] = candidates[np.arange(len(x)), best]
        return points


def both(x: Rows, mirrored: Rows | None) -> Rows:
    """Put rows `n x d` beside their mirror images: the points `n x 2 d`."""
    return np.hstack([x, np.full_like(x, np.nan) if mirrored is None else mirrored])


def take(x: Rows, mirrored: Rows | None, rows: npt.ArrayLike, points: Points) -> Rows:
    """Gather images: row by row the numbers `N x d` at `points`."""
    return np.take_along_axis(both(x, mirrored)[rows], points, axis=1)


def _sort_blocks(values: Rows, factor: Factor, local: Sequence[int]) -> tuple[Points, Rows]:
    """Sort the blocks of `n x K x k` values by their slots; return the arrangement of the k positions and the values."""
    blocks = np.asarray(factor.blocks)
    rank = {column: i for i, column in enumerate(local)}
    slots = sorted(range(blocks.shape[1]), key=lambda s: rank[int(blocks[0, s])])
    by_slot = [values[..., blocks[:, s]] for s in slots]
    sorting = np.lexsort(by_slot[::-1], axis=-1)
    arrangement = np.broadcast_to(np.arange(values.shape[-1]), values.shape).copy()
    arrangement[..., blocks.ravel()] = blocks[sorting].reshape(*values.shape[:-1], blocks.size)
    return arrangement, np.take_along_axis(values, arrangement, axis=-1)


def _lexicographic_argmin(values: Rows, local: Sequence[int]) -> Points:
    """Tell which of K candidates `n x K x k` comes first in lexicographic order of the columns `local`."""
    alive = np.ones(values.shape[:2], dtype=bool)
    for column in local:
        column_values = np.where(alive, values[..., column], np.inf)
        alive &= column_values == column_values.min(axis=1, keepdims=True)
    return alive.argmax(axis=1)


def _arrangements(row: Rows, factor: Factor) -> int:
    """Count the distinct arrangements of the blocks of one row: m! over the factorials of the multiplicities."""
    if not factor.blocks:
        return 1
    counts = np.unique(row[np.asarray(factor.blocks)], axis=0, return_counts=True)[1]
    return factorial(len(factor.blocks)) // prod(factorial(int(c)) for c in counts)
