"""The action of a finite group on rows of numbers: images, orbit sizes, canonical representatives.

A group element moves columns and may mirror them. A row x of d numbers is therefore kept beside its mirror image as one
row of 2 d *points*: point j is x[j], point j + d is x[j] mirrored. An element is then a tuple of d points, and its
image of x is one gather: no number is computed again, so a permutation is exact to the last bit.

Nothing here knows of Ax, of names, or of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from math import factorial, prod

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, Permutation, generate, order, too_large

PointIndices = npt.NDArray[np.intp]
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """A direct factor of the group: it moves its own columns and no others.

    Attributes:
        columns: The k columns of the row that it moves.
        generators: Generators as permutations of the 2 k points of these columns: all of them, or, where the factor
            holds the symmetric group on `blocks`, mirrors.
        blocks: The blocks, as positions in `columns`, that the factor permutes in every way; empty if there are none.
            Their m! permutations are never written out to sort or to count. They must map the group of the mirrors to
            itself, so that every element is one of its elements, then a permutation of the blocks.
    """

    columns: tuple[int, ...]
    generators: tuple[Permutation, ...]
    blocks: tuple[tuple[int, ...], ...] = ()

    @property
    def order(self) -> int:
        """The number of elements, exact for any size."""
        return (order(self.generators) if self.generators else 1) * factorial(len(self.blocks))

    @cached_property
    def all_generators(self) -> tuple[Permutation, ...]:
        """Generators of the whole factor as permutations of the 2 k points: the swaps of neighbouring blocks first."""
        k = len(self.columns)
        swaps = []
        for one, other in zip(self.blocks, self.blocks[1:]):
            move = {**dict(zip(one, other)), **dict(zip(other, one))}
            swaps.append(tuple(move.get(j % k, j % k) + k * (j // k) for j in range(2 * k)))
        return (*swaps, *self.generators)

    @cached_property
    def coset_representatives(self) -> PointIndices:
        """The elements `K x k` but for the permutations of the blocks, the identity first, as points of the columns.

        Raises:
            SymmetryError: There are more than `ENUMERATION_LIMIT`.
        """
        k = len(self.columns)
        return generate(self.generators)[:, :k] if self.generators else np.arange(k)[None]

    @cached_property
    def elements(self) -> PointIndices:
        """All elements `|G| x k`, the identity first, as points of the columns."""
        if not self.blocks:
            return self.coset_representatives
        sortings = np.tile(np.arange(len(self.columns)), (factorial(len(self.blocks)), 1))
        blocks = np.asarray(self.blocks)
        sortings[:, blocks.ravel()] = blocks[list(permutations(range(len(blocks))))].reshape(len(sortings), -1)
        return self.coset_representatives[:, sortings].reshape(-1, len(self.columns))

    def reachable_points(self, j: int) -> PointIndices:
        """List the points that elements bring to position j of the columns."""
        sources = next(([b[block.index(j)] for b in self.blocks] for block in self.blocks if j in block), [j])
        return np.unique(self.coset_representatives[:, sources])


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
    def elements(self) -> PointIndices:
        """All elements `|G| x d`, the identity first.

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
        """Elements `r x d` that generate the group: those of the factors, one factor after the other."""
        rows = []
        for factor in self.factors:
            for generator in factor.all_generators:
                row = np.arange(self.width)
                row[list(factor.columns)] = self.to_row_points(factor, np.asarray(generator[: len(factor.columns)]))
                rows.append(row)
        return np.asarray(rows, dtype=np.intp).reshape(-1, self.width)

    def to_row_points(self, factor: Factor, points: PointIndices) -> PointIndices:
        """Translate points of a factor's own columns to points of the whole row."""
        k, columns = len(factor.columns), np.asarray(factor.columns)
        return columns[points % k] + self.width * (points // k)

    def images(self, x: Rows, mirrored: Rows | None = None) -> tuple[npt.NDArray[np.intp], PointIndices]:
        """List the distinct images of every row, the row itself first.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.

        Returns:
            For each of the N images the row it comes from (`N`, in order) and its points (`N x d`). Time is O(N d) and
            O(d |G| log |G|) for every pattern of ties among the rows.

        Raises:
            SymmetryError: The group has more than `ENUMERATION_LIMIT` elements.
        """
        z, points = with_mirror_images(x, mirrored), self.elements
        keep = np.zeros((len(x), len(points)), dtype=bool)
        for alike in self._alike(z):
            one, other = z[alike[0], self._rivals]
            if (one == other).any():
                distinct = np.unique(z[alike[0], points], axis=0, return_index=True)[1]
                keep[np.asarray(alike)[:, None], distinct] = True
            else:
                keep[alike] = True
        rows, which = np.nonzero(keep)
        return rows, points[which]

    def orbit_sizes(self, x: Rows, mirrored: Rows | None = None) -> list[int]:
        """Count the distinct images of every row; permutations of blocks are counted, not written out.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.

        Returns:
            The n sizes, exact for any size.

        Raises:
            SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
        """
        z, sizes = with_mirror_images(x, mirrored), [1] * len(x)
        for alike in self._alike(z):
            for factor in self.factors:
                candidates = z[alike[0], self.to_row_points(factor, factor.coset_representatives)]
                if factor.blocks:
                    candidates = _sort_blocks(candidates[None], factor, range(len(factor.columns)))[1][0]
                size = sum(_arrangements(row, factor) for row in np.unique(candidates, axis=0))
                for i in alike:
                    sizes[i] *= size
        return sizes

    def canonical_points(
        self, x: Rows, mirrored: Rows | None = None, comparison_order: Sequence[int] = ()
    ) -> PointIndices:
        """Find the canonical representative: the image that comes first when columns are compared one after the other.

        Args:
            x: Rows `n x d`.
            mirrored: The same rows with every column mirrored, `n x d`; needed if the group mirrors.
            comparison_order: The columns in the order of comparison, block after block; the given order without it.

        Returns:
            The points `n x d` of the representatives. O(n m log m) for the symmetric group on m blocks, O(n |G| d) for
            a group that is written out.

        Raises:
            SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
        """
        z = with_mirror_images(x, mirrored)
        points = np.tile(np.arange(self.width), (len(x), 1))
        for factor in self.factors:
            rank = {column: i for i, column in enumerate(comparison_order or range(self.width))}
            local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
            candidates = np.broadcast_to(
                self.to_row_points(factor, factor.coset_representatives), (len(x), *factor.coset_representatives.shape)
            )
            values = np.take_along_axis(z[:, None, :], candidates, axis=2)
            if factor.blocks:
                arrangement, values = _sort_blocks(values, factor, local)
                candidates = np.take_along_axis(candidates, arrangement, axis=2)
            best = _lexicographic_argmin(values, local)
            points[:, list(factor.columns)] = candidates[np.arange(len(x)), best]
        return points

    def canonical_rows(self, x: Rows, mirrored: Rows | None = None, comparison_order: Sequence[int] = ()) -> Rows:
        """Return the canonical representatives `n x d` themselves; see `canonical_points`."""
        points = self.canonical_points(x, mirrored, comparison_order)
        return np.take_along_axis(with_mirror_images(x, mirrored), points, axis=1)

    @cached_property
    def _rivals(self) -> PointIndices:
        """The pairs `2 x P` of points that can come to the same place."""
        pairs: set[tuple[int, int]] = set()
        for factor in self.factors:
            for j in range(len(factor.columns)):
                pairs.update(combinations(self.to_row_points(factor, factor.reachable_points(j)).tolist(), 2))
        return np.asarray(sorted(pairs), dtype=np.intp).reshape(-1, 2).T

    def _alike(self, z: Rows) -> list[list[int]]:
        """Collect rows `n x 2 d` of points of which the same images agree: those with the same ties between rivals."""
        first, second = self._rivals
        collections: dict[bytes, list[int]] = {}
        for i, ties in enumerate(np.packbits(z[:, first] == z[:, second], axis=1)):
            collections.setdefault(ties.tobytes(), []).append(i)
        return list(collections.values())


def with_mirror_images(x: Rows, mirrored: Rows | None) -> Rows:
    """Put rows `n x d` beside their mirror images: the points `n x 2 d`.

    A mirrored number that only rounding sets apart from a number of its row is taken to be that number: 0.9 and 0.1 are
    each other's mirror images at 0.5, although 1 - 0.9 is not quite 0.1.
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
    """Gather images: row by row the numbers `N x d` at `points`."""
    return with_mirror_images(x, mirrored)[np.asarray(rows, dtype=np.intp)[:, None], points]


def _sort_blocks(values: Rows, factor: Factor, local: Sequence[int]) -> tuple[PointIndices, Rows]:
    """Sort the blocks of `n x K x k` values by their slots; return the arrangement of the positions and the values."""
    rank = {j: i for i, j in enumerate(local)}
    blocks = np.asarray(sorted(factor.blocks, key=lambda block: min(rank[j] for j in block)))
    slots = sorted(range(blocks.shape[1]), key=lambda s: rank[int(blocks[0, s])])
    by_slot = [values[..., blocks[:, s]] for s in slots]
    sorting = np.lexsort(by_slot[::-1], axis=-1)
    arrangement = np.broadcast_to(np.arange(values.shape[-1]), values.shape).copy()
    arrangement[..., blocks.ravel()] = blocks[sorting].reshape(*values.shape[:-1], blocks.size)
    return arrangement, np.take_along_axis(values, arrangement, axis=-1)


def _lexicographic_argmin(values: Rows, local: Sequence[int]) -> PointIndices:
    """Tell which of K candidates `n x K x k` comes first in lexicographic order of the columns `local`."""
    alive = np.ones(values.shape[:2], dtype=bool)
    for column in local if values.shape[1] > 1 else ():
        column_values = np.where(alive, values[..., column], np.inf)
        alive &= column_values == column_values.min(axis=1, keepdims=True)
    return alive.argmax(axis=1)


def _arrangements(row: Rows, factor: Factor) -> int:
    """Count the distinct arrangements of the blocks of one row: m! over the factorials of the multiplicities."""
    if not factor.blocks:
        return 1
    counts = np.unique(row[np.asarray(factor.blocks)], axis=0, return_counts=True)[1]
    return factorial(len(factor.blocks)) // prod(factorial(int(c)) for c in counts)
