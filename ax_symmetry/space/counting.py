"""Count the different experiments of a finite search space without listing them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from itertools import count, takewhile
from math import comb, inf, prod
from typing import Any

import numpy as np
from ax.core.parameter import Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.given import search_space_of
from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Factor
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.dependents import inert_slots
from ax_symmetry.space.grid import cardinality, positions
from ax_symmetry.space.simplex_sums import SimplexSums
from ax_symmetry.space.tallies import Columns, Cycle, Rule, Tally, add, joined
from ax_symmetry.symmetry.inert import Inert
from ax_symmetry.symmetry.symmetry import Symmetry


def count_configurations(symmetry: Symmetry | Mapping[str, Any], search_space: SearchSpace) -> int:
    """Count the configurations of a finite search space, those of one orbit as one.

    By Burnside's lemma this is the mean number of configurations that an element of the group fixes (Burnside, "Theory
    of Groups of Finite Order", 1897). For the symmetric group on blocks, multisets of blocks are counted. With
    a simplex they are tallied by their sums, of which the total is taken. Those that differ in inert values alone are
    one, and none has a value of a `distinct` slot twice.

    Args:
        symmetry: A symmetry, or its dict.
        search_space: A search space of choices, integers and `digits`, without parameter constraints but those that
            a simplex implies: its sum, and the bounds of an implied parameter; or an experiment or client that has one.

    Returns:
        The number of orbits, exact for any size. O(d |G|), or O(d) for the symmetric group on blocks; with a simplex of
        N steps N^2 times that.

    Raises:
        SymmetryError: The symmetry does not fit the search space or is infinite, a parameter has infinitely many
            values, there are other parameter constraints, a part of the group with mirrors has more than
            `ENUMERATION_LIMIT` elements, or a part has several `distinct` slots, or one in blocks that do not trade
            places in every way.
    """
    symmetry, search_space = Symmetry.of(symmetry), search_space_of(search_space)
    symmetry.validate(search_space)
    if symmetry.order == inf:
        raise SymmetryError("count_configurations counts the orbits of finite groups alone; drop the infinite part.")
    sums = SimplexSums(symmetry, search_space)
    if not all(sums.imply(*constraint) for constraint in linear_constraints(search_space)):
        raise SymmetryError(
            "count_configurations counts no parameter constraints, but the sum of a simplex and those that keep an "
            "implied parameter within the bounds of the others; drop them."
        )
    sizes = {name: 1 if p is None else _cardinality(p) for name, p in sums.parameters.items()}
    if min(sums.totals, default=0) < 0:
        return 0
    rules = _rules(symmetry, inert_slots(symmetry, search_space), sums)
    columns = Columns([sums.steps(name, size) for name, size in sizes.items()], sums.totals, rules)
    distinct = [[symmetry.parameters.index(name) for name in slot] for slot in symmetry.distinct]
    moved = {column for factor in symmetry.action.factors for column in factor.columns}
    parts = [_orbits(factor, columns, distinct) for factor in symmetry.action.factors]
    parts.append(columns.tally([Cycle((column,)) for column in range(len(sizes)) if column not in moved]))
    others = prod(_cardinality(p) for n, p in search_space.parameters.items() if n not in symmetry.parameters)
    return others * int(reduce(joined, parts).flat[-1])


def _rules(symmetry: Symmetry, inert: Sequence[Inert], sums: SimplexSums) -> list[Rule]:
    """Write down by columns and positions of values which slots are inert, and when."""
    rules, number = [], {name: column for column, name in enumerate(symmetry.parameters)}
    for one in inert:
        p = sums.parameters[one.switch]
        values = frozenset() if p is None else positions(p, one.values)
        rules.append(Rule(number[one.switch], values, frozenset(number[name] for name in one.names)))
    return rules


def _orbits(factor: Factor, columns: Columns, distinct: Sequence[Sequence[int]]) -> Tally:
    """Tally the orbits of a factor on the configurations of its columns."""
    differ = [slot for slot in distinct if set(slot) & set(factor.columns)]
    if factor.is_symmetric:
        blocks = [[factor.columns[j] for j in block] for block in factor.blocks]
        return _multisets(blocks[0], len(blocks), columns, {column for slot in differ for column in slot})
    if differ:
        raise SymmetryError(
            "count_configurations counts slots in which blocks must differ where the blocks trade places in every way "
            "alone; count the configurations with repeats, without distinct."
        )
    if factor.order > ENUMERATION_LIMIT:
        raise too_large(factor.order)
    fixed = sum(columns.tally(_cycles(element, factor.columns)) for element in factor.elements.tolist())
    return np.asarray(fixed // factor.order, dtype=object)


def _multisets(block: Sequence[int], m: int, columns: Columns, distinct: Collection[int]) -> Tally:
    """Tally the multisets of m blocks, given the columns of one; blocks that are there differ in some column."""
    differ = [column for column in block if column in distinct]
    if len(differ) > 1:
        raise SymmetryError(
            "count_configurations counts one slot in which blocks must differ, not several at a time; count the "
            "configurations with repeats, without distinct."
        )
    free: Tally = np.zeros_like(columns.one)  # of blocks that any number of may be alike
    once: dict[int, Tally] = {}  # of those of which there is at most one for each value
    for position, inert, tally in columns.combinations([Cycle((column,)) for column in block], differ):
        if differ and differ[0] not in inert and len(inert & set(block)) < len(block) - 1:
            once.setdefault(position[differ[0]], np.zeros_like(tally))[...] += tally
        else:
            free[...] += tally
    sizes = np.zeros((m + 1, *free.shape), dtype=object)
    sizes[(0,) * sizes.ndim] = 1
    for sums in np.argwhere(free):
        before, kinds = sizes.copy(), free[tuple(sums)]
        for k in takewhile(lambda k: k <= m and (k * sums < free.shape).all(), count(1)):
            add(sizes, before, np.asarray([k, *(k * sums)]), comb(kinds + k - 1, k))
    for tally in once.values():
        before = sizes.copy()
        for sums in np.argwhere(tally):
            add(sizes, before, np.asarray([1, *sums]), tally[tuple(sums)])
    return np.asarray(sizes[m], dtype=object)


def _cycles(element: list[int], columns: Sequence[int]) -> list[Cycle]:
    """List the cycles of an element, given as points of the columns."""
    seen, k, cycles = set(), len(columns), []
    for start in range(k):
        column, mirrored, cycle = start, False, []
        while column not in seen:
            seen.add(column)
            cycle.append(columns[column])
            mirrored ^= element[column] >= k
            column = element[column] % k
        if cycle:
            cycles.append(Cycle(tuple(cycle), mirrored))
    return cycles


def _cardinality(p: Parameter) -> int:
    """Count the values of a parameter."""
    size = cardinality(p)
    if size is None:
        raise SymmetryError(
            f"parameter {p.name} is continuous, so that the search space holds infinitely many configurations; give it "
            "digits, or make it an integer or a choice."
        )
    return size
