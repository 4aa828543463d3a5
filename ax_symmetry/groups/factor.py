"""A direct factor of a group that acts on rows: one that may hold the symmetric group on blocks without listing it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import factorial

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.permutations import Permutation, generate, order

PointIndices = npt.NDArray[np.intp]
"""Indices of points (see `actions`), such as elements of a group: `|G| x d` points for rows of d numbers."""


@dataclass(frozen=True)
class Factor:
    """A direct factor of the group: it moves its own columns and no others.

    With `blocks`, the factor is the semidirect product of N, which `generators` generate, and the symmetric group on
    the blocks: every element is a permutation of the blocks followed by an element of N. The m! permutations are never
    written out to sort or to count.

    Attributes:
        columns: The k columns of the row that the factor moves.
        generators: Permutations of the 2 k points of these columns. They generate the factor, or N if there are blocks.
        blocks: The m blocks, as positions in `columns`, that the factor permutes in every way; empty if there are none.
            The permutations of the blocks must map N to itself.
    """

    columns: tuple[int, ...]
    generators: tuple[Permutation, ...]
    blocks: tuple[tuple[int, ...], ...] = ()

    @property
    def order(self) -> int:
        """The number of elements, exact for any size."""
        return (order(self.generators) if self.generators else 1) * factorial(len(self.blocks))

    @property
    def is_symmetric(self) -> bool:
        """Whether it is the symmetric group on the blocks, and no more."""
        return bool(self.blocks) and not self.generators

    @cached_property
    def all_generators(self) -> tuple[Permutation, ...]:
        """Generators of the whole factor as permutations of the 2 k points: swaps of neighbouring blocks come first."""
        k = len(self.columns)
        swaps = []
        for one, other in zip(self.blocks, self.blocks[1:]):
            move = {**dict(zip(one, other)), **dict(zip(other, one))}
            swaps.append(tuple(move.get(j % k, j % k) + k * (j // k) for j in range(2 * k)))
        return (*swaps, *self.generators)

    @cached_property
    def coset_representatives(self) -> PointIndices:
        """One element for each coset of the permutations of the blocks: those of N, the identity first, `K x k` points.

        Without blocks these are all elements.

        Raises:
            SymmetryError: There are more than `ENUMERATION_LIMIT`.
        """
        k = len(self.columns)
        return generate(self.generators)[:, :k] if self.generators else np.arange(k)[None]

    @cached_property
    def elements(self) -> PointIndices:
        """All elements, the identity first, `|G| x k` points of the columns."""
        if not self.blocks:
            return self.coset_representatives
        arrangements = np.tile(np.arange(len(self.columns)), (factorial(len(self.blocks)), 1))
        blocks = np.asarray(self.blocks)
        arrangements[:, blocks.ravel()] = blocks[list(permutations(range(len(blocks))))].reshape(len(arrangements), -1)
        return self.coset_representatives[:, arrangements].reshape(-1, len(self.columns))

    def reachable_points(self, j: int) -> PointIndices:
        """List the points of the columns that some element brings to position j."""
        sources = next(([b[block.index(j)] for b in self.blocks] for block in self.blocks if j in block), [j])
        return np.unique(self.coset_representatives[:, sources])
