"""Bounds and parameter constraints of a search space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.parameters import is_derived, is_equality
from ax_symmetry.symmetry.mirror import TOLERANCE, is_symmetric_about
from ax_symmetry.symmetry.simplex import Simplex
from ax_symmetry.symmetry.symmetry import Symmetry


def implied_parameters(symmetry: Symmetry, search_space: SearchSpace) -> dict[str, Simplex]:
    """Return the simplexes of implied parameters: those that the search space lacks, or derives."""
    return symmetry.implied([name for name, p in search_space.parameters.items() if not is_derived(p)])


def is_unordered(p: Parameter) -> bool:
    """Tell whether a parameter is a choice whose values have no order."""
    return isinstance(p, ChoiceParameter) and not p.is_ordered and not p.is_task


def is_linear(p: Parameter) -> bool:
    """Tell whether a parameter is a range on a linear scale, which Ax can constrain."""
    return isinstance(p, RangeParameter) and not (p.log_scale or p.logit_scale)


def without_roles(search_space: SearchSpace) -> SearchSpace:
    """Return a copy of a search space in which fidelities and tasks are parameters like others."""
    space = search_space.clone()
    for name, p in space.parameters.items():
        if isinstance(p, RangeParameter) and p.is_fidelity:
            grid = {key: getattr(p, key) for key in ("digits", "step_size") if hasattr(p, key)}  # not in every Ax
            space.parameters[name] = RangeParameter(
                name=name, parameter_type=p.parameter_type, lower=p.lower, upper=p.upper, log_scale=p.log_scale,
                logit_scale=p.logit_scale, **grid,
            )
        elif isinstance(p, ChoiceParameter) and (p.is_fidelity or p.is_task):
            space.parameters[name] = ChoiceParameter(
                name=name, parameter_type=p.parameter_type, values=p.values, is_ordered=p.is_ordered,
                sort_values=p.sort_values,
            )
    return space


def symmetrized_space(
    symmetry: Symmetry, search_space: SearchSpace, data: Mapping[str, npt.ArrayLike] | None = None
) -> SearchSpace:
    """Return the smallest search space with the symmetry that contains a given one.

    Ax widens the model's space to cover out-of-range data one parameter at a time, but images of these data are out of
    range in other parameters, too. So the domains of alike parameters are joined, and mirrored about their centers.

    Args:
        symmetry: The symmetry, which the space that the user declared has.
        search_space: The model's space; a copy is returned.
        data: Values of implied parameters by name, which the bounds must cover as well.
    """
    space = search_space.clone()
    for names in symmetry.parameter_orbits:
        present = [space.parameters[name] for name in names if name in space.parameters]
        center = symmetry.centers.get(names[0])
        beyond = [float(v) for name in names for v in np.ravel((data or {}).get(name, []))]
        _join_ranges([p for p in present if isinstance(p, RangeParameter)], center, beyond)
        for p in _join_choices([p for p in present if isinstance(p, ChoiceParameter)], center):
            space.parameters[p.name] = p
    return space


def _join_ranges(parameters: Sequence[RangeParameter], center: float | None, beyond: Sequence[float]) -> None:
    """Widen ranges in place to the bounds of all of them, the numbers `beyond`, and the mirror images of these."""
    if not parameters:
        return
    if parameters[0].log_scale or parameters[0].logit_scale:
        beyond = [v for v in beyond if v > 0 and (v < 1 or not parameters[0].logit_scale)]
    lower, upper = float(min(p.lower for p in parameters)), float(max(p.upper for p in parameters))
    slack = TOLERANCE * (upper - lower)  # an implied number is off by rounding
    lower = min([lower, *(v for v in beyond if v < lower - slack)])
    upper = max([upper, *(v for v in beyond if v > upper + slack)])
    if center is not None and not is_symmetric_about([lower, upper], center):
        lower, upper = min(lower, 2 * center - upper), max(upper, 2 * center - lower)
    for p in parameters:
        if (p.lower, p.upper) != (lower, upper):
            p.lower = math.floor(lower) if p.parameter_type == ParameterType.INT else lower
            p.upper = math.ceil(upper) if p.parameter_type == ParameterType.INT else upper


def _join_choices(parameters: Sequence[ChoiceParameter], center: float | None) -> Iterator[ChoiceParameter]:
    """Give choice parameters, in place, the values of all of them and the mirror images of these.

    Yields:
        Parameters to replace integer ones, whose values are no longer integers.
    """
    by_size = sorted(parameters, key=lambda p: -len(p.values))  # the order of the values is that of the longest list
    values: list[Any] = list(dict.fromkeys(v for p in by_size for v in p.values))
    if values and center is not None and not is_symmetric_about(sorted(values), center):
        near = TOLERANCE * (max(values) - min(values))
        values += [2 * center - v for v in values if all(abs(2 * center - v - w) > near for w in values)]
    if all(p.values == values for p in parameters):
        return
    if parameters[0].is_ordered and all(isinstance(v, (int, float)) for v in values):
        values.sort()
    for p in parameters:
        if p.parameter_type != ParameterType.INT:
            p.set_values(values)
        elif all(v == round(v) for v in values):
            p.set_values([round(v) for v in values])
        else:  # Ax, too, makes the parameter whose data have decimals a float
            yield ChoiceParameter(
                name=p.name, parameter_type=ParameterType.FLOAT, values=values, is_ordered=p.is_ordered,
                sort_values=p.sort_values, dependents=p.dependents if p.is_hierarchical else None,
            )


def linear_constraints(search_space: SearchSpace) -> Iterator[tuple[dict[str, float], float]]:
    """List the parameter constraints `sum of weight * value <= bound` as weights and bound; an equality is two."""
    for constraint in search_space.parameter_constraints:
        yield dict(constraint.constraint_dict), float(constraint.bound)
        if is_equality(constraint):
            yield {n: -w for n, w in constraint.constraint_dict.items()}, -float(constraint.bound)


def maximum(weights: Mapping[str, float], search_space: SearchSpace) -> float | None:
    """Maximise `sum of weight * value` over a search space, with choices relaxed to their range: a linear program.

    Returns:
        The maximum; None if no point satisfies the parameter constraints.
    """
    from scipy.optimize import linprog

    boxes = {n: b for n, p in search_space.parameters.items() if (b := numeric_bounds(p)) is not None}
    constraints = list(linear_constraints(search_space))
    lower = np.asarray([low for low, _ in boxes.values()])
    width = np.asarray([high - low for low, high in boxes.values()])
    # In units of the ranges, as the solver's tolerances are absolute.
    rows = np.asarray([[w.get(n, 0.0) for n in boxes] for w, _ in constraints]).reshape(-1, len(boxes))
    bounds = np.asarray([bound for _, bound in constraints]) - rows @ lower
    rows = rows * width
    norm = np.abs(rows).max(axis=1, initial=0.0)
    norm[norm == 0.0] = 1.0
    goal = np.asarray([weights.get(n, 0.0) for n in boxes])
    scale = np.abs(goal * width).max() or 1.0
    solution = linprog(-goal * width / scale, A_ub=rows / norm[:, None], b_ub=bounds / norm, bounds=(0.0, 1.0))
    return float(goal @ lower - scale * solution.fun) if solution.success else None


def numeric_bounds(p: Parameter) -> tuple[float, float] | None:
    """Return the least and the greatest value of a parameter; None if its values are not numbers."""
    if isinstance(p, RangeParameter):
        return float(p.lower), float(p.upper)
    values = p.values if isinstance(p, ChoiceParameter) else [p.value] if isinstance(p, FixedParameter) else []
    numbers = [float(v) for v in values if isinstance(v, (int, float))]
    return (min(numbers), max(numbers)) if numbers and len(numbers) == len(values) else None
