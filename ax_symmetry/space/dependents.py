"""Hierarchical search spaces: parameters that are there for some values of others alone (Ax's `dependents`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ax.core.parameter import Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.inert import Inert, check_sums, generator_maps
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
    check_sums(symmetry, inert_slots(symmetry, search_space))


def inert_slots(symmetry: Symmetry, search_space: SearchSpace) -> tuple[Inert, ...]:
    """List the slots of blocks that change nothing while another has some value: as declared, and dependent ones."""
    listed = dict.fromkeys(symmetry.inert)
    below = {name: dependents_of(search_space.parameters.get(name)) for name in symmetry.parameters}
    for name, dependents in below.items():
        by_names: dict[tuple[str, ...], list[Any]] = {}
        for value in getattr(search_space.parameters.get(name), "values", ()) if dependents else ():
            gone = frozenset().union(*dependents.values()) - dependents.get(value, frozenset())
            names = tuple(n for n in symmetry.parameters if n in _all_below(gone, below))
            if names:
                by_names.setdefault(names, []).append(value)
        listed.update(dict.fromkeys(Inert(name, tuple(values), names) for names, values in by_names.items()))
    return tuple(listed)


def _all_below(names: frozenset[str], below: Mapping[str, Dependents]) -> frozenset[str]:
    """Return names with all that depend on them, directly or by way of others."""
    following = frozenset().union(*(n for name in names for n in below.get(name, {}).values()))
    return names | _all_below(following, below) if following else names


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
