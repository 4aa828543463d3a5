"""Count the different experiments of a finite search space without listing them."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb, inf, prod
from typing import Any

from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.given import search_space_of
from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Factor
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.symmetry.symmetry import Symmetry


def count_configurations(symmetry: Symmetry | Mapping[str, Any], search_space: SearchSpace) -> int:
    """Count the configurations of a finite search space, those of one orbit as one.

    By Burnside's lemma this is the mean number of configurations that an element of the group fixes (Burnside, "Theory
    of Groups of Finite Order", 1897). For the symmetric group on blocks, multisets of blocks are counted.

    Args:
        symmetry: A symmetry, or its dict.
        search_space: A search space of choices, integers and `digits`, without parameter constraints; or an experiment
            or client that has one.

    Returns:
        The number of orbits, exact for any size. O(d |G|), or O(d) for the symmetric group on blocks.

    Raises:
        SymmetryError: The symmetry does not fit the search space or is infinite, a parameter has infinitely many
            values, there are parameter constraints, or a part of the group with mirrors has more than
            `ENUMERATION_LIMIT` elements.
    """
    symmetry, search_space = Symmetry.of(symmetry), search_space_of(search_space)
    symmetry.validate(search_space)
    if symmetry.order == inf:
        raise SymmetryError("count_configurations counts the orbits of finite groups alone; drop the infinite part.")
    if search_space.parameter_constraints or symmetry.implied(search_space.parameters):
        raise SymmetryError("count_configurations counts no parameter constraints and no implied parameter; drop them.")
    values = {name: _cardinality(p) for name, p in search_space.parameters.items()}
    sizes = [values[name] for name in symmetry.parameters]
    moved = {column for factor in symmetry.action.factors for column in factor.columns}
    still = prod(size for column, size in enumerate(sizes) if column not in moved)
    others = prod(size for name, size in values.items() if name not in symmetry.parameters)
    return others * still * prod(_orbits(factor, sizes) for factor in symmetry.action.factors)


def _orbits(factor: Factor, sizes: list[int]) -> int:
    """Count the orbits of a factor on the configurations of its columns, given how many values each column has."""
    local_sizes = [sizes[column] for column in factor.columns]
    if not factor.generators:
        block = prod(local_sizes[j] for j in factor.blocks[0])
        return comb(block + len(factor.blocks) - 1, len(factor.blocks))
    if factor.order > ENUMERATION_LIMIT:
        raise too_large(factor.order)
    return sum(_fixed(element, local_sizes) for element in factor.elements.tolist()) // factor.order


def _fixed(element: list[int], sizes: list[int]) -> int:
    """Count the configurations that an element, given as points of the columns, fixes: one value for each cycle.

    A cycle with an odd number of mirrors fixes the center alone, which is a value only if there is an odd number of
    them.
    """
    count, seen, k = 1, set(), len(sizes)
    for start in range(k):
        column, mirrored = start, False
        while column not in seen:
            seen.add(column)
            mirrored ^= element[column] >= k
            column = element[column] % k
            if column == start:
                count *= sizes[start] % 2 if mirrored else sizes[start]
    return count


def _cardinality(p: Parameter) -> int:
    """Count the values of a parameter."""
    if isinstance(p, ChoiceParameter):
        return len(p.values)
    if isinstance(p, RangeParameter) and p.parameter_type == ParameterType.INT:
        return int(p.upper) - int(p.lower) + 1
    if isinstance(p, RangeParameter) and p.digits is not None:
        return round((p.upper - p.lower) * 10**p.digits) + 1
    if isinstance(p, FixedParameter):
        return 1
    raise SymmetryError(
        f"parameter {p.name} is continuous, so that the search space holds infinitely many configurations; give it "
        "digits, or make it an integer or a choice."
    )
