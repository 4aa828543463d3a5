"""The action of a finite group on rows of numbers: images, orbit sizes, canonical representatives.

A group element permutes columns and may mirror them. So a row x of d numbers is extended by its mirror image to 2 d
*points*: point j is x[j], and point j + d is x[j] mirrored. An element is a tuple of d points, and applying it to x is
one gather. Numbers are moved, never computed, so a permutation is exact to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import factorial, prod

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.factor import Factor, PointIndices
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large

Rows = npt.NDArray[np.float64]
"""Rows of numbers, `n x d` where nothing else is said."""


@dataclass(frozen=True)
class Action:
    """A finite group that acts on rows of d numbers: the direct product of its factors.

    Attributes:
        width: The number d of columns.
        factors: The direct factors, whose columns are disjoint; the group is trivial if there are none.
    """

    width: int
    factors: tuple[Factor, ...]

    @cached_property
    def order(self) -> int:
        """The number |G| of elements, exact for any size."""
        return prod(factor.order for factor in self.factors)

    @cached_property
    def elements(self) -> PointIndices:
        """All elements, the identity first, `|G| x d` points.

        Raises:
            SymmetryError: The group has more than `ENUMERATION_LIMIT` elements.
        """
        if self.order > ENUMERATION_LIMIT:
            raise too_large(self.order)
        table = np.arange(self.width)[None]
        for factor in self.factors:
            moved = self.to_row_points(factor, factor.elements)
            table = np.repeat(table, len(moved), axis=0).reshape(len(table), len(moved), -1)
            table[..., list(factor.columns)] = moved
            table = table.reshape(-1, self.width)
        return table

    @cached_property
    def generators(self) -> PointIndices:
        """Elements that generate the group, factor by factor, `r x d` points."""
        rows = []
        for factor in self.factors:
            for generator in factor.all_generators:
                row = np.arange(self.width)
                row[list(factor.columns)] = self.to_row_points(factor, np.asarray(generator[: len(factor.columns)]))
                rows.append(row)
        return np.asarray(rows, dtype=np.intp).reshape(-1, self.width)

    def to_row_points(self, factor: Factor, points: PointIndices) -> PointIndices:
        """Translate points of a factor's k columns to points of the whole row."""
        k, columns = len(factor.columns), np.asarray(factor.columns)
        return columns[points % k] + self.width * (points // k)

    def images(self, x: Rows, mirrored: Rows | None = None) -> tuple[npt.NDArray[np.intp], PointIndices]:
        """List the distinct images of every row, the row itself first.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.

        Returns:
            For each of the N images the index of its row (`N`, ascending) and its points (`N x d`); `gather_images`
            makes the numbers of them. O(N d), and O(d |G| log |G|) for every pattern of ties among the rows.

        Raises:
            SymmetryError: The group has more than `ENUMERATION_LIMIT` elements.

        Example:
            >>> swap = Action(2, (Factor((0, 1), (), ((0,), (1,))),))
            >>> x = np.array([[1.0, 2.0], [3.0, 3.0]])
            >>> rows, points = swap.images(x)
            >>> rows.tolist(), gather_images(x, None, rows, points).tolist()
            ([0, 0, 1], [[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])
        """
        z, elements = with_mirror_images(x, mirrored), self.elements
        keep = np.zeros((len(x), len(elements)), dtype=bool)
        for same_ties in self._by_ties(z):
            one, other = z[same_ties[0], self._rivals]
            if (one == other).any():
                distinct = np.unique(z[same_ties[0], elements], axis=0, return_index=True)[1]
                keep[np.asarray(same_ties)[:, None], distinct] = True
            else:
                keep[same_ties] = True
        rows, which = np.nonzero(keep)
        return rows, elements[which]

    def orbit_sizes(self, x: Rows, mirrored: Rows | None = None) -> list[int]:
        """Count the distinct images of every row, without writing out the permutations of blocks.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.

        Returns:
            The n sizes, exact for any size.

        Raises:
            SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
        """
        z, sizes = with_mirror_images(x, mirrored), [1] * len(x)
        for same_ties in self._by_ties(z):
            for factor in self.factors:
                candidates = z[same_ties[0], self.to_row_points(factor, factor.coset_representatives)]
                if factor.blocks:
                    candidates = _sort_blocks(candidates[None], factor, range(len(factor.columns)))[1][0]
                size = sum(_arrangements(row, factor) for row in np.unique(candidates, axis=0))
                for i in same_ties:
                    sizes[i] *= size
        return sizes

    def canonical_points(
        self,
        x: Rows,
        mirrored: Rows | None = None,
        comparison_order: Sequence[int] = (),
        compared: Rows | None = None,
    ) -> PointIndices:
        """Find the canonical representative: the lexicographically least image.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.
            comparison_order: The columns in the order of comparison, block after block; by default from left to right.
            compared: The numbers by which the points compare, `n x 2 d`; their own by default.

        Returns:
            The points `n x d` of the representatives. O(n m log m) for the symmetric group on m blocks, O(n |G| d) for
            a group that is written out.

        Raises:
            SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
        """
        return self._least_points(with_mirror_images(x, mirrored) if compared is None else compared, comparison_order)

    def _least_points(self, z: Rows, comparison_order: Sequence[int]) -> PointIndices:
        """Find the least images of rows beside their mirror images, `n x 2 d`."""
        points = np.tile(np.arange(self.width), (len(z), 1))
        for factor in self.factors:
            rank = {column: i for i, column in enumerate(comparison_order or range(self.width))}
            local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
            candidates = np.broadcast_to(
                self.to_row_points(factor, factor.coset_representatives), (len(z), *factor.coset_representatives.shape)
            )
            values = np.take_along_axis(z[:, None, :], candidates, axis=2)
            if factor.blocks:
                arrangement, values = _sort_blocks(values, factor, local)
                candidates = np.take_along_axis(candidates, arrangement, axis=2)
            best = _lexicographic_argmin(values, local)
            points[:, list(factor.columns)] = candidates[np.arange(len(z)), best]
        return points

    def canonical_rows(
        self,
        x: Rows,
        mirrored: Rows | None = None,
        comparison_order: Sequence[int] = (),
        compared: Rows | None = None,
    ) -> Rows:
        """Return the canonical representatives `n x d` themselves; see `canonical_points`."""
        z = with_mirror_images(x, mirrored)
        return np.take_along_axis(z, self._least_points(z if compared is None else compared, comparison_order), axis=1)

    @cached_property
    def _rivals(self) -> PointIndices:
        """The pairs `2 x P` of points that elements can bring to the same place."""
        pairs: set[tuple[int, int]] = set()
        for factor in self.factors:
            for j in range(len(factor.columns)):
                pairs.update(combinations(self.to_row_points(factor, factor.reachable_points(j)).tolist(), 2))
        return np.asarray(sorted(pairs), dtype=np.intp).reshape(-1, 2).T

    def _by_ties(self, z: Rows) -> list[list[int]]:
        """Group rows `n x 2 d` of points by their ties between rivals: in a group, the same elements agree."""
        first, second = self._rivals
        collections: dict[bytes, list[int]] = {}
        for i, ties in enumerate(np.packbits(z[:, first] == z[:, second], axis=1)):
            collections.setdefault(ties.tobytes(), []).append(i)
        return list(collections.values())


def with_mirror_images(x: Rows, mirrored: Rows | None) -> Rows:
    """Extend rows `n x d` by their mirror images to points `n x 2 d`.

    A mirrored number that differs from a number of its row by rounding alone is replaced by it: 0.9 and 0.1 are mirror
    images at 0.5, although 1 - 0.9 is not quite 0.1.
    """
    if mirrored is None or np.isnan(mirrored).all():
        return np.hstack([x, np.full_like(x, np.nan)])
    images = mirrored.copy()
    for j in np.flatnonzero(~np.isnan(mirrored).all(axis=0)):
        nearest = x[np.arange(len(x)), np.abs(images[:, j, None] - x).argmin(axis=1)]
        close = np.abs(images[:, j] - nearest) <= 1e-12 * (np.abs(images[:, j]) + np.abs(x[:, j]))
        images[close, j] = nearest[close]
    return np.hstack([x, images])


def gather_images(x: Rows, mirrored: Rows | None, rows: npt.ArrayLike, points: PointIndices) -> Rows:
    """Return the numbers `N x d` of N images, given the row and the points of each."""
    return with_mirror_images(x, mirrored)[np.asarray(rows, dtype=np.intp)[:, None], points]


def _sort_blocks(values: Rows, factor: Factor, local: Sequence[int]) -> tuple[PointIndices, Rows]:
    """Sort the blocks of `n x K x k` values by their slots, in the order of the positions `local`.

    Returns:
        The arrangement of the positions, and the sorted values, both `n x K x k`.
    """
    rank = {j: i for i, j in enumerate(local)}
    blocks = np.asarray(sorted(factor.blocks, key=lambda block: min(rank[j] for j in block)))
    slots = sorted(range(blocks.shape[1]), key=lambda s: rank[int(blocks[0, s])])
    by_slot = [values[..., blocks[:, s]] for s in slots]
    sorting = np.lexsort(by_slot[::-1], axis=-1)
    arrangement = np.broadcast_to(np.arange(values.shape[-1]), values.shape).copy()
    arrangement[..., blocks.ravel()] = blocks[sorting].reshape(*values.shape[:-1], blocks.size)
    return arrangement, np.take_along_axis(values, arrangement, axis=-1)


def _lexicographic_argmin(values: Rows, local: Sequence[int]) -> PointIndices:
    """Return which of K candidates `n x K x k` is the least in lexicographic order of the columns `local`."""
    alive = np.ones(values.shape[:2], dtype=bool)
    for column in local if values.shape[1] > 1 else ():
        column_values = np.where(alive, values[..., column], np.inf)
        alive &= column_values == column_values.min(axis=1, keepdims=True)
    return alive.argmax(axis=1)


def _arrangements(row: Rows, factor: Factor) -> int:
    """Count the distinct arrangements of the blocks of one row: m! / product of the factorials of multiplicities."""
    if not factor.blocks:
        return 1
    counts = np.unique(row[np.asarray(factor.blocks)], axis=0, return_counts=True)[1]
    return factorial(len(factor.blocks)) // prod(factorial(int(c)) for c in counts)
