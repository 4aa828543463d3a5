"""Count the different experiments of a finite search space without listing them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import count, takewhile
from math import comb, inf, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.given import search_space_of
from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Factor
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.dependents import inert_slots
from ax_symmetry.space.grid import cardinality
from ax_symmetry.space.simplex_sums import SimplexSums
from ax_symmetry.symmetry.symmetry import Symmetry

Tally = npt.NDArray[np.object_]
"""How many configurations have each sum: exact integers by the steps of every simplex, one axis for each of these."""


def count_configurations(symmetry: Symmetry | Mapping[str, Any], search_space: SearchSpace) -> int:
    """Count the configurations of a finite search space, those of one orbit as one.

    By Burnside's lemma this is the mean number of configurations that an element of the group fixes (Burnside, "Theory
    of Groups of Finite Order", 1897). For the symmetric group on blocks, multisets of blocks are counted. Where a
    simplex implies a parameter that trades places, they are tallied by their sums, of which the total is taken.

    Args:
        symmetry: A symmetry, or its dict.
        search_space: A search space of choices, integers and `digits`, without parameter constraints but those that
            keep an implied parameter within the bounds of the others; or an experiment or client that has one.

    Returns:
        The number of orbits, exact for any size. O(d |G|), or O(d) for the symmetric group on blocks; with a simplex of
        N steps N^2 times that.

    Raises:
        SymmetryError: The symmetry does not fit the search space or is infinite, a parameter has infinitely many
            values, there are other parameter constraints, or a part of the group with mirrors has more than
            `ENUMERATION_LIMIT` elements.
    """
    symmetry, search_space = Symmetry.of(symmetry), search_space_of(search_space)
    symmetry.validate(search_space)
    if symmetry.order == inf:
        raise SymmetryError("count_configurations counts the orbits of finite groups alone; drop the infinite part.")
    if inert := inert_slots(symmetry, search_space):
        raise SymmetryError(
            f"count_configurations does not count blocks that may be absent, as by {inert[0].switch}, so far; count "
            "the configurations without them, or drop absent."
        )
    if symmetry.distinct:
        raise SymmetryError(
            "count_configurations does not count slots in which blocks must differ so far; count the configurations "
            "with repeats, without distinct."
        )
    sums = SimplexSums(symmetry, search_space)
    if not all(sums.imply(*constraint) for constraint in linear_constraints(search_space)):
        raise SymmetryError(
            "count_configurations counts no parameter constraints, but those that keep an implied parameter within "
            "the bounds of the others; drop them."
        )
    sizes = {name: 1 if p is None else _cardinality(p) for name, p in sums.parameters.items()}
    if min(sums.totals, default=0) < 0:
        return 0
    tallies = [_tally(sums.steps(name, size), sums.totals) for name, size in sizes.items()]
    moved = {column for factor in symmetry.action.factors for column in factor.columns}
    parts = [_orbits(factor, [tallies[column] for column in factor.columns]) for factor in symmetry.action.factors]
    parts += [tally for column, tally in enumerate(tallies) if column not in moved]
    others = prod(_cardinality(p) for n, p in search_space.parameters.items() if n not in symmetry.parameters)
    return others * int(reduce(_join, parts).flat[-1])


def _tally(steps: npt.NDArray[np.intp], totals: tuple[int, ...]) -> Tally:
    """Tally the values of one parameter by the steps, one row for each value, that they add to each sum."""
    tally = np.zeros([total + 1 for total in totals], dtype=object)
    for step in steps:
        if (step <= totals).all():
            tally[tuple(step)] += 1
    return tally


def _join(one: Tally, other: Tally) -> Tally:
    """Tally all pairs of a configuration of one and of the other."""
    joined = np.zeros_like(one)
    for sums in np.argwhere(one):
        _add(joined, other, sums, one[tuple(sums)])
    return joined


def _add(tally: Tally, other: Tally, sums: npt.NDArray[np.intp], times: int) -> None:
    """Add to a tally, in place, a number of times another whose sums are so much greater; those beyond are dropped."""
    tally[tuple(slice(s, None) for s in sums)] += times * other[tuple(slice(n - s) for s, n in zip(sums, tally.shape))]


def _orbits(factor: Factor, tallies: list[Tally]) -> Tally:
    """Tally the orbits of a factor on the configurations of its columns, given the tally of each column's values."""
    if not factor.generators:
        return _multisets(reduce(_join, [tallies[j] for j in factor.blocks[0]]), len(factor.blocks))
    if factor.order > ENUMERATION_LIMIT:
        raise too_large(factor.order)
    fixed = sum(_fixed(element, tallies) for element in factor.elements.tolist())
    return np.asarray(fixed // factor.order, dtype=object)


def _multisets(block: Tally, m: int) -> Tally:
    """Tally the multisets of m blocks, given the tally of one block."""
    sizes = np.zeros((m + 1, *block.shape), dtype=object)
    sizes[(0,) * sizes.ndim] = 1
    for sums in np.argwhere(block):
        before, kinds = sizes.copy(), block[tuple(sums)]
        for k in takewhile(lambda k: k <= m and (k * sums < block.shape).all(), count(1)):
            _add(sizes, before, np.asarray([k, *(k * sums)]), comb(kinds + k - 1, k))
    return np.asarray(sizes[m], dtype=object)


def _fixed(element: list[int], tallies: list[Tally]) -> Tally:
    """Tally the configurations that an element, given as points of the columns, fixes: one value for each cycle.

    A cycle with an odd number of mirrors fixes the center alone, which is a value only if there is an odd number of
    them; its values are in no sum.
    """
    seen, k, parts = set(), len(tallies), []
    for start in range(k):
        column, mirrored, length = start, False, 0
        while column not in seen:
            seen.add(column)
            mirrored ^= element[column] >= k
            column = element[column] % k
            length += 1
        if length:
            tally = tallies[start]
            parts.append(np.asarray(tally % 2, dtype=object) if mirrored else _stretched(tally, length))
    return reduce(_join, parts)


def _stretched(tally: Tally, length: int) -> Tally:
    """Multiply the sums of a tally."""
    stretched = np.zeros_like(tally)
    stretched[(slice(None, None, length),) * tally.ndim] = tally[tuple(slice(-(-n // length)) for n in tally.shape)]
    return stretched


def _cardinality(p: Parameter) -> int:
    """Count the values of a parameter."""
    size = cardinality(p)
    if size is None:
        raise SymmetryError(
            f"parameter {p.name} is continuous, so that the search space holds infinitely many configurations; give it "
            "digits, or make it an integer or a choice."
        )
    return size
