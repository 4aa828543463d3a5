"""Check that a search space has a symmetry."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.given import search_space_of
from ax_symmetry._ax.parameters import is_derived
from ax_symmetry.errors import SymmetryError
from ax_symmetry.space.bounds import implied_parameters, is_linear, maximum, numeric_bounds
from ax_symmetry.space.dependents import check_dependents
from ax_symmetry.space.grid import Grid, grid_of, numbers_of
from ax_symmetry.symmetry.simplex import Simplex, simplex_hint
from ax_symmetry.symmetry.symmetry import Symmetry

TRAITS = {
    "parameter_type": "type",
    "log_scale": "log scale",
    "logit_scale": "logit scale",
    "digits": "digits",
    "step_size": "step size",
    "is_ordered": "is_ordered",
}
"""Attributes in which parameters of one slot must agree, beside bounds and values, and their names in messages."""


def validate(symmetry: Symmetry, search_space: SearchSpace) -> None:
    """Check that a search space has a symmetry.

    Parameters that the group brings to one another's place must agree in kind, type, bounds, scale, digits and values,
    and what depends on them in a hierarchical search space must correspond; none may be fixed, a fidelity or a task.
    Each part of the symmetry has checks of its own, such as a mirror's center in the middle of the range. An implied
    parameter must stay within the bounds of those it trades places with.

    Args:
        symmetry: The symmetry.
        search_space: The search space, or an experiment or client that has one.

    Raises:
        SymmetryError: The search space lacks the symmetry; the message names the parameter and the way out.
    """
    search_space = search_space_of(search_space)
    implied = implied_parameters(symmetry, search_space)
    absent = [n for n in symmetry.parameters if n not in search_space.parameters and n not in implied]
    if absent:
        raise _not_there(absent, symmetry, search_space)
    free = {name: search_space.parameters[name] for name in symmetry.parameters if name not in implied}
    for name, p in free.items():
        _check_movable(name, p)
    for names in symmetry.parameter_orbits:
        present = [free[name] for name in names if name in free]
        for other in present[1:]:
            _check_alike(present[0], other)
    check_dependents(symmetry, search_space)
    for part in symmetry.parts:
        part.check_space(symmetry, free)
    for name, simplex in implied.items():
        _check_derived(simplex, name, search_space)
        _check_implied(symmetry, simplex, name, search_space)


def check_untransformed(
    symmetry: Symmetry, model: SearchSpace, stage: SearchSpace, symmetrized: SearchSpace | None = None
) -> None:
    """Check that no earlier transform has changed the parameters of the symmetry.

    Args:
        symmetry: The symmetry.
        model: The search space as the first transform of all received it: the declared one, widened to cover the data.
        stage: The search space as this transform receives it.
        symmetrized: What the other one of our transforms, if it came before, may have made of it.

    Raises:
        SymmetryError: One has changed them.
    """
    implied = implied_parameters(symmetry, model)
    for name in symmetry.parameters:
        before, now = model.parameters.get(name), stage.parameters.get(name)
        freed = symmetrized is not None and now == symmetrized.parameters.get(name)
        changed = type(before) is not type(now) and not (freed and isinstance(before, FixedParameter))
        if isinstance(before, RangeParameter) and isinstance(now, RangeParameter):
            changed = now.lower > before.lower or now.upper < before.upper or _scale(now) != _scale(before)
            if not implied.keys() & set(symmetry.orbit_of(name)):  # data of an implied one widen the others further
                spaces = [model] if symmetrized is None else [model, symmetrized]
                changed = changed or numeric_bounds(now) not in [numeric_bounds(s.parameters[name]) for s in spaces]
        elif isinstance(before, ChoiceParameter) and isinstance(now, ChoiceParameter):
            changed = not set(before.values) <= set(now.values)
        if changed:
            raise SymmetryError(
                f"a transform before this one has changed parameter {name}. Put Canonicalize and "
                "SymmetrizeObservations first in the transforms."
            )


def kernel_obstacle(search_space: SearchSpace, symmetry: Symmetry | None = None) -> str | None:
    """Say which parameter keeps Ax's model from a kernel of ours, of a symmetry if one is given; None without any."""
    for name, p in search_space.parameters.items():
        if p.is_fidelity:
            return f"parameter {name} is a fidelity, for which Ax has a model and a kernel of its own"
        if isinstance(p, ChoiceParameter) and p.is_task:
            return f"parameter {name} is a task, for which Ax has a model and a kernel of its own"
    for implied, simplex in symmetry.implied(search_space.parameters).items() if symmetry else ():
        for name in simplex.parameters:
            part = search_space.parameters.get(name)
            if isinstance(part, RangeParameter) and not is_linear(part):
                return f"parameter {name} is not linear in the model, but implies {implied}"
    return None


def _scale(p: RangeParameter) -> tuple[Any, ...]:
    return p.parameter_type, p.log_scale, p.logit_scale


def _not_there(absent: list[str], symmetry: Symmetry, search_space: SearchSpace) -> SymmetryError:
    """Make the error for parameters that are not in the search space."""
    unused = [name for name in search_space.parameters if name not in symmetry.parameters]
    close = [match for name in absent[:1] for match in get_close_matches(name, unused, n=1)]
    hint = f"did you mean {close[0]}?" if close else f"its parameters are {', '.join(search_space.parameters)}."
    for simplex in symmetry.simplexes:
        if len(missing := [name for name in simplex.parameters if name in absent]) > 1:
            hint += f" Of the simplex, only one of {', '.join(missing)} can be implied by the others."
    hint += "".join(f" {simplex_hint(symmetry, name, search_space.parameters)}" for name in absent).rstrip()
    return SymmetryError(
        f"parameter {' and parameter '.join(absent)} of the symmetry is not in the search space: {hint} If a transform "
        "before this one replaced it, put Canonicalize and SymmetrizeObservations first in the transforms."
    )


def _check_movable(name: str, p: Parameter) -> None:
    """Check that a parameter can be moved at all."""
    reason = None
    if isinstance(p, FixedParameter):
        reason = f"is fixed at {p.value!r}"
    elif is_derived(p):
        reason = "is derived from others, by no simplex that the symmetry declares,"
    elif not isinstance(p, (RangeParameter, ChoiceParameter)):
        reason = f"is a {type(p).__name__}, neither a range nor a choice,"
    elif p.is_fidelity:
        reason = "is a fidelity"
    elif isinstance(p, ChoiceParameter) and p.is_task:
        reason = "is a task"
    if reason:
        raise SymmetryError(f"parameter {name} {reason} and cannot trade places; take it out of the symmetry.")


def _check_alike(a: Parameter, b: Parameter) -> None:
    """Check that two parameters of one slot have equal domains."""
    traits: dict[str, list[Any]] = {"kind": [type(p).__name__ for p in (a, b)]}
    if type(a) is type(b):
        traits |= {words: [_trait(p, name) for p in (a, b)] for name, words in TRAITS.items()}
        traits["bounds"] = [[p.lower, p.upper] if isinstance(p, RangeParameter) else None for p in (a, b)]
        traits["values"] = [list(p.values) if isinstance(p, ChoiceParameter) else None for p in (a, b)]
    for words, (one, other) in traits.items():
        if one != other:
            raise SymmetryError(
                f"parameters {a.name} and {b.name} share a slot but differ in {words}: {one} and {other}. Parameters "
                "that trade places must be alike: declare them so, or take them out of the symmetry."
            )


def _trait(p: Parameter, name: str) -> Any:
    value = getattr(p, name, None)
    return value.name if isinstance(value, ParameterType) else value


def _check_derived(simplex: Simplex, name: str, search_space: SearchSpace) -> None:
    """Check that a derived parameter is derived as the simplex implies."""
    p: Any = search_space.parameters.get(name)
    weights, offset = simplex.implied_terms(name)
    if p is not None and (p.parameter_names_to_weights, p.intercept) != (weights, offset):
        raise SymmetryError(
            f"simplex: parameter {name} is derived as {p.expression_str!r}, but the simplex says "
            f"{_number(offset)} - {' - '.join(weights)}. Make the two agree."
        )


def _check_implied(symmetry: Symmetry, simplex: Simplex, name: str, search_space: SearchSpace) -> None:
    """Check that an implied parameter has values of those it trades places with: by a linear program, and on grids."""
    alike = (search_space.parameters.get(other) for other in symmetry.orbit_of(name))
    p = next((q for q in alike if q is not None and not is_derived(q)), None)
    if p is None:
        return  # it trades places with none
    _check_implied_grid(simplex, name, p, search_space)
    weights, offset = simplex.implied_terms(name)
    above, below = maximum(weights, search_space), maximum({n: -w for n, w in weights.items()}, search_space)
    bounds = numeric_bounds(p)
    if bounds is None or above is None or below is None:
        return  # Ax will say that the parameter constraints allow nothing
    (lower, upper), (low, high), grid = bounds, (offset - below, offset + above), grid_of(p)
    # Values on a grid that exceed a bound do so by a step.
    slack = max(1e-7 * (upper - lower), 0.0 if grid is None else (1 - 1e-6) * grid.step)
    terms, wanted = " + ".join(weights), []
    if low < lower - slack:
        wanted.append(f"{terms} <= {_number(offset - lower)}")
    if high > upper + slack:
        wanted.append(f"{terms} >= {_number(offset - upper)}")
    if wanted:
        scale = "declare them without a log scale, " if getattr(p, "log_scale", False) else ""  # Ax constrains none
        raise SymmetryError(
            f"simplex: {name} is implied and can reach [{_number(low)}, {_number(high)}], beyond the bounds of "
            f"{p.name}, [{_number(lower)}, {_number(upper)}], with which it trades places. Adapt the bounds, or "
            f"{scale}add the parameter constraint {' and '.join(wanted)}."
        )


def _check_implied_grid(simplex: Simplex, name: str, p: Parameter, search_space: SearchSpace) -> None:
    """Check that an implied parameter is a whole number, or on the grid, where those it trades places with are."""
    grid = grid_of(p)
    if grid is None:
        if isinstance(p, ChoiceParameter):
            raise SymmetryError(
                f"simplex: {name} is implied and trades places with {p.name}, whose values {list(p.values)} are not "
                "evenly spaced, so that not every sum leaves one of them. Space them evenly, or declare ranges."
            )
        return
    others = {n: search_space.parameters[n] for n in simplex.parameters if n in search_space.parameters and n != name}
    for other, q in others.items():
        own, numbers = grid_of(q), numbers_of(q)
        steps = np.diff(numbers) if len(numbers) else np.asarray([np.nan if own is None else own.step])
        if not Grid(0.0, grid.step).holds(steps).all():
            raise SymmetryError(
                f"simplex: {name} is implied and trades places with {p.name}, which goes by steps of "
                f"{_number(grid.step)}, but {other} of the same sum does not. Give it the same steps, or take it out "
                "of the simplex."
            )
    start = simplex.total - sum((numeric_bounds(q) or (0.0, 0.0))[0] for q in others.values())
    if not grid.holds(start):
        near = grid.nearest(start) - start + simplex.total
        raise SymmetryError(
            f"simplex: the total {_number(simplex.total)} leaves for {name}, which is implied, no value of {p.name}, "
            f"which goes by steps of {_number(grid.step)} from {_number(grid.origin)} and trades places with it. Take "
            f"another total, such as {_number(float(near))}."
        )


def _number(value: float) -> str:
    """Write a number as a parameter constraint can have it, without the noise of its last bit."""
    return f"{value + 0.0:.15g}"
