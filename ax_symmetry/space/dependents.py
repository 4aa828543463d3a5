"""Hierarchical search spaces: parameters that are there for some values of others alone (Ax's `dependents`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ax.core.parameter import Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.symmetry import Symmetry

Dependents = dict[Any, frozenset[str]]
"""By values of a parameter the names of those that are there with it."""


def dependents_of(p: Parameter | None) -> Dependents:
    """Return what is there for each value of a parameter; values with nothing are left out."""
    given: Mapping[Any, Any] = p.dependents if p is not None and p.is_hierarchical else {}
    return {value: frozenset(names) for value, names in given.items() if names}


def check_dependents(symmetry: Symmetry, search_space: SearchSpace) -> None:
    """Check that every generator brings what depends on a parameter to what depends on the one in its place.

    Raises:
        SymmetryError: Some generator does not, or a parameter with dependents is mirrored.
    """
    dependents = {name: dependents_of(p) for name, p in search_space.parameters.items()}
    if not any(dependents.values()):
        return
    for name in symmetry.parameters:
        if dependents.get(name) and name in symmetry.centers:
            raise SymmetryError(
                f"mirror: parameter {name} has dependents, which are there for some of its values alone, and cannot be "
                "mirrored; take it out of the mirror."
            )
    _check_own_block(symmetry, dependents)
    for moved in generator_maps(symmetry):
        for name, own in dependents.items():
            image = {value: frozenset(moved.get(n, n) for n in names) for value, names in own.items()}
            if image != dependents.get(moved.get(name, name), {}):
                raise _differ(name, moved.get(name, name), dependents)


def generator_maps(symmetry: Symmetry) -> Iterator[dict[str, str]]:
    """List for every generator of the group where it moves each parameter; whether it mirrors them does not count."""
    names = symmetry.parameters
    for points in symmetry.action.generators.tolist():
        yield {names[point % len(names)]: name for name, point in zip(names, points)}


def _check_own_block(symmetry: Symmetry, dependents: Mapping[str, Dependents]) -> None:
    """Check that what depends on a slot of a block is in the same block."""
    for part in symmetry.parts:
        for block in part.blocks:
            for name in block:
                for other in sorted(frozenset().union(*dependents.get(name, {}).values()) - set(block)):
                    raise SymmetryError(
                        f"blocks: parameter {other} depends on {name} and is not in the block {', '.join(block)}. Add "
                        f"it to the block, and what depends on the others of this slot to theirs, or take {name} out "
                        "of the symmetry."
                    )


def _differ(name: str, other: str, dependents: Mapping[str, Dependents]) -> SymmetryError:
    """Make the error for what a generator moves to a place where something else depends."""
    one, two = ({v: sorted(names) for v, names in dependents.get(n, {}).items()} for n in (name, other))
    if name == other:
        return SymmetryError(
            f"blocks: on parameter {name} depend {one}, not all that trade places with these. Let all of a slot depend "
            "on it, with the same values, or none."
        )
    return SymmetryError(
        f"parameters {name} and {other} share a slot but differ in dependents: {one} and {two}, which do not "
        "correspond slot by slot. Declare them so, or take them out of the symmetry."
    )
