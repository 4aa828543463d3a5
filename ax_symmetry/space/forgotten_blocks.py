"""What a search space looks as if it had forgotten: a block in a constraint, the constraint that keeps a sum."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.parameters import is_equality
from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.space.bounds import maximum
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.order_constraints import is_kept
from ax_symmetry.symmetry.symmetry import Symmetry


def forgotten_blocks(symmetry: Symmetry, search_space: SearchSpace) -> str:
    """Tell of parameter constraints that look as if a block was forgotten.

    These treat some parameters of a slot alike and leave out the others, and the group does not preserve them, as it
    does `a + b <= 1` where `c` is implied. One with several weights in a slot, such as `a <= b`, breaks the group on
    purpose.

    Returns:
        A sentence for each; empty if there are none.
    """
    if not search_space.parameter_constraints:
        return ""
    encoding, told = ParameterEncoding(symmetry, search_space), []
    for constraint in search_space.parameter_constraints:
        weights = {name: float(w) for name, w in constraint.constraint_dict.items() if w}
        left_out = _left_out(weights, symmetry)
        if left_out and not is_kept(constraint, encoding, search_space):
            told.append(
                f"The parameter constraint {_written(constraint, weights)} leaves out {' and '.join(left_out)}, which "
                "the symmetry lets take the place of those that it names. Was it forgotten?"
            )
    return " ".join(told)


def loose_sums(symmetry: Symmetry, search_space: SearchSpace) -> str:
    """Tell of simplexes all of whose parts are parameters, and whose sum nothing in the search space keeps.

    Returns:
        A sentence for each; empty if there are none.
    """
    told = []
    for simplex in symmetry.simplexes:
        if not set(simplex.parameters) <= set(search_space.parameters):
            continue
        near = 1e-6 * (1 + abs(simplex.total))
        ends = [maximum(dict.fromkeys(simplex.parameters, sign), search_space) for sign in (1.0, -1.0)]
        if any(end is not None and end > sign * simplex.total + near for end, sign in zip(ends, (1.0, -1.0))):
            told.append(
                f"simplex: nothing in the search space keeps {simplex.terms} at {simplex.total:.15g}, so that "
                "candidates need not sum to it. Constrain the sum from above and from below, or leave one of them out "
                "of the search space; it is implied then."
            )
    return " ".join(told)


def warn_of_forgotten_blocks(symmetry: Symmetry, search_space: SearchSpace, stacklevel: int) -> None:
    """Give one warning of all such constraints, and one of all such simplexes, if there are any.

    Args:
        symmetry: The symmetry.
        search_space: The search space.
        stacklevel: As for `warnings.warn`, seen from the caller.
    """
    if told := forgotten_blocks(symmetry, search_space):
        told += " If so, constrain all blocks alike; if not, candidates respect it as it is."
        warnings.warn(told, SymmetryWarning, stacklevel=stacklevel + 1)
    if told := loose_sums(symmetry, search_space):
        warnings.warn(told, SymmetryWarning, stacklevel=stacklevel + 1)


def _left_out(weights: Mapping[str, float], symmetry: Symmetry) -> list[str]:
    """Name the blocks that lack a slot of which other blocks have a weight; none if the weights of a slot differ."""
    left_out: dict[str, None] = {}
    for part in symmetry.parts:
        for slot in zip(*part.blocks):
            used = {weights[name] for name in slot if name in weights}
            if len(used) > 1:
                return []
            if used:
                left_out |= {f"block {', '.join(b)}": None for name, b in zip(slot, part.blocks) if name not in weights}
    return list(left_out)


def _written(constraint: ParameterConstraint, weights: Mapping[str, float]) -> str:
    """Write a constraint as users do."""
    bound: Any = float(constraint.bound)
    sign = -1 if all(w < 0 for w in weights.values()) else 1
    relation = "=" if is_equality(constraint) else "<=" if sign > 0 else ">="
    terms = ""
    for name, weight in weights.items():
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} * "
        terms += f" {'-' if sign * weight < 0 else '+'} {factor}{name}"
    return f"{terms.removeprefix(' + ').strip()} {relation} {sign * bound:g}"
