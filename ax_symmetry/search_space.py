"""Does this symmetry fit that search space?"""

from __future__ import annotations

from typing import Any

import numpy as np
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.codec import linear_constraints
from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry import Symmetry

TRAITS = ("parameter_type", "log_scale", "logit_scale", "digits", "step_size", "is_ordered", "dependents")


def validate(symmetry: Symmetry, search_space: SearchSpace) -> None:
    """Check that a search space has a symmetry.

    Parameters that the group brings to one another's place must agree in kind, type, bounds, scale, digits and values; none
    may be fixed, a fidelity or a task; a mirror's center must be the middle of the range; and an implied parameter must
    stay within the bounds of those it trades places with.

    Raises:
        SymmetryError: They do not; the message names the parameter and the way out.
    """
    implied = symmetry.implied(search_space.parameters)
    absent = [n for n in symmetry.parameters if n not in search_space.parameters and n not in implied]
    if absent:
        raise SymmetryError(
            f"parameter {absent[0]} of the symmetry is not in the search space, whose parameters are "
            f"{', '.join(search_space.parameters)}. Correct the name; if a transform before this one replaced the parameter, "
            "put Canonicalize and SymmetrizeObservations first in the transforms."
        )
    for name in symmetry.parameters:
        if name not in implied:
            _check_kind(name, search_space.parameters[name])
    for simplex in symmetry.simplexes:
        for name in simplex.parameters:
            if name not in implied and not _is_float_range(search_space.parameters[name]):
                raise SymmetryError(f"simplex: parameter {name} must be a range parameter of type float to be part of a sum.")
    for names in symmetry.classes:
        present = [search_space.parameters[name] for name in names if name in search_space.parameters]
        for other in present[1:]:
            _check_alike(present[0], other)
    for name, center in symmetry.centers.items():
        _check_center(search_space.parameters[name], center)
    for name in implied:
        _check_implied(symmetry, name, search_space)


def check_stage(symmetry: Symmetry, declared: SearchSpace, stage: SearchSpace) -> None:
    """Check that no transform before this one has changed the symmetry's parameters.

    Args:
        symmetry: The symmetry, which fits the declared space.
        declared: The search space as the user declared it.
        stage: The search space as this transform receives it; its bounds may be wider.

    Raises:
        SymmetryError: They have changed.
    """
    for name in symmetry.parameters:
        before, now = declared.parameters.get(name), stage.parameters.get(name)
        if before is None:
            continue
        changed = type(before) is not type(now)
        if isinstance(before, RangeParameter) and isinstance(now, RangeParameter):
            narrower = now.lower > before.lower or now.upper < before.upper
            changed = narrower or now.log_scale != before.log_scale or now.parameter_type != before.parameter_type
        if changed:
            raise SymmetryError(
                f"a transform before this one has changed parameter {name}. Put Canonicalize and SymmetrizeObservations first in "
                "the transforms."
            )


def _is_float_range(p: Parameter) -> bool:
    return isinstance(p, RangeParameter) and p.parameter_type == ParameterType.FLOAT


def _check_kind(name: str, p: Parameter) -> None:
    """Check that a parameter can be moved at all."""
    if isinstance(p, FixedParameter):
        raise SymmetryError(f"parameter {name} is fixed at {p.value!r} and cannot trade places; take it out of the symmetry.")
    if getattr(p, "is_fidelity", False):
        raise SymmetryError(f"parameter {name} is a fidelity and cannot trade places; take it out of the symmetry.")
    if getattr(p, "is_task", False):
        raise SymmetryError(f"parameter {name} is a task and cannot trade places; take it out of the symmetry.")
    if not isinstance(p, (RangeParameter, ChoiceParameter)):
        raise SymmetryError(f"parameter {name} is a {type(p).__name__}; only range and choice parameters can trade places.")


def _check_alike(a: Parameter, b: Parameter) -> None:
    """Check that two parameters of one slot are equivalent."""
    way_out = "Parameters that trade places must be alike: declare them so, or take them out of the symmetry."
    if type(a) is not type(b):
        raise SymmetryError(
            f"parameters {a.name} and {b.name} share a slot but differ in kind: {type(a).__name__} and "
            f"{type(b).__name__}. {way_out}"
        )
    for trait in TRAITS:
        values = [_trait(p, trait) for p in (a, b)]
        if values[0] != values[1]:
            name = trait.replace("parameter_", "").replace("_", " ")
            raise SymmetryError(
                f"parameters {a.name} and {b.name} share a slot but differ in {name}: {values[0]} and {values[1]}. {way_out}"
            )
    if isinstance(a, RangeParameter) and (a.lower, a.upper) != (b.lower, b.upper):
        raise SymmetryError(
            f"parameters {a.name} and {b.name} share a slot but differ in bounds: [{a.lower}, {a.upper}] and "
            f"[{b.lower}, {b.upper}]. {way_out}"
        )
    if isinstance(a, ChoiceParameter) and list(a.values) != list(b.values):
        raise SymmetryError(
            f"parameters {a.name} and {b.name} share a slot but differ in values: {a.values} and {b.values}. {way_out}"
        )


def _trait(p: Parameter, trait: str) -> Any:
    try:
        value = getattr(p, trait, None)
    except Exception:  # Ax raises its own error for `dependents` of a parameter that has none
        return None
    return value.name if isinstance(value, ParameterType) else value


def _check_center(p: Parameter, center: float) -> None:
    """Check that a mirror maps the range to itself."""
    if isinstance(p, RangeParameter):
        middle = (p.lower + p.upper) / 2
        if p.log_scale or p.logit_scale:
            scale = "log" if p.log_scale else "logit"
            raise SymmetryError(f"mirror: parameter {p.name} has a {scale} scale, which a mirror does not preserve; drop one.")
        if abs(center - middle) > 1e-9 * (p.upper - p.lower):
            raise SymmetryError(
                f"mirror: the center of {p.name} is {center} but the middle of its range [{p.lower}, {p.upper}] is {middle}. "
                "Move the center or the bounds."
            )
    elif isinstance(p, ChoiceParameter):
        numeric = p.parameter_type in (ParameterType.INT, ParameterType.FLOAT)
        if not (numeric and p.is_ordered and np.allclose(np.add(p.values, p.values[::-1]), 2 * center, rtol=0, atol=1e-9)):
            raise SymmetryError(
                f"mirror: the values {p.values} of {p.name} are not ordered numbers that lie symmetrically about {center}; "
                "drop the mirror or correct the values."
            )


def _check_implied(symmetry: Symmetry, name: str, search_space: SearchSpace) -> None:
    """Check, by two linear programs, that an implied parameter stays within the bounds of those it trades places with."""
    from scipy.optimize import linprog

    simplex = symmetry.implied(search_space.parameters)[name]
    alike = next(names for names in symmetry.classes if name in names)
    present = [n for n in alike if n in search_space.parameters]
    if not present:
        return
    ranges = {n: p for n, p in search_space.parameters.items() if isinstance(p, RangeParameter)}
    weights = [[w.get(n, 0.0) for n in ranges] for w, _ in linear_constraints(search_space)]
    bounds = [bound for _, bound in linear_constraints(search_space)]
    others = np.asarray([1.0 if n in simplex.parameters else 0.0 for n in ranges])
    box = [(p.lower, p.upper) for p in ranges.values()]
    extremes = [linprog(sign * others, A_ub=weights or None, b_ub=bounds or None, bounds=box) for sign in (1, -1)]
    if not all(result.success for result in extremes):
        return
    highest, lowest = simplex.total - extremes[0].fun, simplex.total + extremes[1].fun
    p = ranges[present[0]]
    slack = 1e-7 * (p.upper - p.lower)
    if lowest < p.lower - slack or highest > p.upper + slack:
        terms = " + ".join(n for n in simplex.parameters if n != name)
        wanted = []
        if lowest < p.lower - slack:
            wanted.append(f"{terms} <= {simplex.total - p.lower:g}")
        if highest > p.upper + slack:
            wanted.append(f"{terms} >= {simplex.total - p.upper:g}")
        raise SymmetryError(
            f"simplex: {name} is implied and can reach [{lowest:g}, {highest:g}], beyond the bounds [{p.lower:g}, {p.upper:g}] "
            f"of {present[0]}, with which it trades places. Add the parameter constraint {' and '.join(wanted)}, or adapt the bounds."
        )
