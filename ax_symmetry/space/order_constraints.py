"""Order constraints: the walls of the fundamental domain as linear constraints on the search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from ax.core.parameter import ChoiceParameter, RangeParameter
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.parameters import is_equality
from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Factor
from ax_symmetry.groups.fundamental_domain import Wall, walls
from ax_symmetry.space.bounds import is_linear, linear_constraints, maximum, numeric_bounds
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.mirror import TOLERANCE, is_symmetric_about

Weights = dict[str, float]
Constraint = tuple[Weights, float]
"""Weights and bound: `sum of weight * value <= bound`."""


class NotLinear(SymmetryError):
    """A wall of the fundamental domain runs through a parameter that Ax cannot constrain."""


def order_constraints(
    encoding: ParameterEncoding, comparison_order: Sequence[int], search_space: SearchSpace
) -> list[Constraint]:
    """List the constraints `sum of weight * value <= bound` that confine a search to the fundamental domain.

    A factor of the group that the search space does not have (alike parameters with other bounds or values, a parameter
    constraint that the factor does not preserve) is left out, as its constraints could exclude whole orbits.

    Args:
        encoding: The encoding, whose columns the walls are about.
        comparison_order: The columns in the order of comparison.
        search_space: The space to be searched.

    Returns:
        Pairs of weights by parameter and bound. One linear program for each image of a constraint under a generator.

    Raises:
        NotLinear: A wall runs through a parameter that Ax cannot constrain: a choice, or one with a log scale.
        SymmetryError: The group is too large for its walls to be listed.
    """
    names, action = encoding.symmetry.parameters, encoding.symmetry.action
    if encoding.inert:
        raise NotLinear(
            f"constrain: blocks may be absent by {encoding.inert[0].switch}, and come last then, which Ax cannot "
            "constrain; set constrain to False."
        )
    kept = [factor for factor in action.factors if _preserves(factor, encoding, search_space)]
    columns = {column for factor in kept for column in factor.columns}
    constraints = []
    for column, point in _irredundant(walls(action, comparison_order), action.width):
        if column not in columns:
            continue
        weights, bound = _difference(encoding, column, point)
        for name in weights:
            p = encoding.parameters[name]
            if not is_linear(p):
                kind = "a choice" if not isinstance(p, RangeParameter) else "on a log or logit scale"
                raise NotLinear(
                    f"constrain: parameter {name} of {', '.join(names)} is {kind}, which Ax cannot constrain. Name "
                    "another slot first in order_by, or set constrain to False."
                )
        constraints.append((weights, bound))
    return constraints


def is_kept(constraint: ParameterConstraint, encoding: ParameterEncoding, search_space: SearchSpace) -> bool:
    """Tell whether the group keeps a parameter constraint of a search space: its images hold there as well."""
    own = [(dict(constraint.constraint_dict), float(constraint.bound))]
    own += [({n: -w for n, w in weights.items()}, -bound) for weights, bound in own if is_equality(constraint)]
    known = list(_half_spaces(encoding.ranges, search_space))
    images = [image for factor in encoding.symmetry.action.factors for image in _generators(factor, encoding)]
    return all(
        _implies(search_space, known, moved) for image in images for moved in _moved(own, image, encoding)
    )


def _irredundant(domain: Sequence[Wall], width: int) -> Iterator[Wall]:
    """Leave out walls that follow from others: c <= point from c <= p <= point, c <= center from c <= p <= center."""
    limits: dict[int, set[int]] = {}
    for column, point in domain:
        limits.setdefault(column, set()).add(point)
    for column, point in domain:
        is_center = point == column + width  # x <= 2 center - x
        above = [p for p in limits[column] if p in limits]
        if not any(point in limits[p] or (is_center and p + width in limits[p]) for p in above):
            yield column, point


def _difference(encoding: ParameterEncoding, column: int, point: int) -> Constraint:
    """Write `row[column] <= row[point]` in terms of the parameters of the search space."""
    weights, bound = _linear(encoding, column)
    other, offset = _linear(encoding, point)
    for name, weight in other.items():
        weights[name] = weights.get(name, 0.0) - weight
    return {name: weight for name, weight in weights.items() if weight}, offset - bound


def _linear(encoding: ParameterEncoding, point: int) -> Constraint:
    """Write a point of a row as `sum of weight * value + offset` over parameters of the search space."""
    names = encoding.symmetry.parameters
    name = names[point % len(names)]
    weights, offset = {name: 1.0}, 0.0
    if name in encoding.implied:
        weights, offset = encoding.implied[name].implied_terms(name)
    if point < len(names):
        return weights, offset
    return {n: -w for n, w in weights.items()}, 2 * encoding.symmetry.centers[name] - offset


def _preserves(factor: Factor, encoding: ParameterEncoding, search_space: SearchSpace) -> bool:
    """Tell whether a search space has a factor of the group: whether every generator maps it into itself."""
    names = [
        encoding.symmetry.parameters[c]
        for c in factor.columns
        if encoding.symmetry.parameters[c] not in encoding.implied
    ]
    parameters = {name: search_space.parameters.get(name) for name in names}
    if not all(isinstance(p, (RangeParameter, ChoiceParameter)) for p in parameters.values()):
        return False
    allowed = {n: list[Any](p.values) for n, p in parameters.items() if isinstance(p, ChoiceParameter)}
    known = list(_half_spaces(names, search_space))
    images = list(_generators(factor, encoding))
    moved = [constraint for image in images for constraint in _moved(known, image, encoding)]
    return all(_same_choices(image, allowed, encoding) for image in images) and all(
        _implies(search_space, known, constraint) for constraint in moved
    )


def _half_spaces(names: Iterable[str], search_space: SearchSpace) -> Iterator[Constraint]:
    """List all parameter constraints, and the bounds of the named parameters."""
    yield from linear_constraints(search_space)
    for name in names:
        p = search_space.parameters[name]
        if isinstance(p, RangeParameter):
            yield {name: 1.0}, float(p.upper)
            yield {name: -1.0}, -float(p.lower)


def _generators(factor: Factor, encoding: ParameterEncoding) -> Iterator[dict[str, int]]:
    """List the generators of a factor, each as the points that take the places of the parameters that move."""
    names, action = encoding.symmetry.parameters, encoding.symmetry.action
    for generator in factor.all_generators:
        points = action.to_row_points(factor, np.asarray(generator[: len(factor.columns)]))
        yield {names[c]: int(p) for c, p in zip(factor.columns, points) if c != p}


def _same_choices(image: dict[str, int], allowed: dict[str, list[Any]], encoding: ParameterEncoding) -> bool:
    """Tell whether a generator maps the values of choice parameters to values that are allowed as well."""
    names = encoding.symmetry.parameters
    for name, point in image.items():
        if name in allowed:
            values, others = allowed[name], allowed.get(names[point % len(names)])
            numbers = sorted(encoding.encode_value(name, v) for v in values)
            center = (len(encoding.choices[name]) - 1) / 2
            if values != others or (point >= len(names) and not is_symmetric_about(numbers, center)):
                return False
    return True


def _moved(known: Sequence[Constraint], image: dict[str, int], encoding: ParameterEncoding) -> Iterator[Constraint]:
    """Pull constraints back: y satisfies the result if and only if its image satisfies the known ones."""
    for weights, bound in known:
        moved: Weights = {}
        for name, weight in weights.items():
            terms, offset = _linear(encoding, image[name]) if name in image else ({name: 1.0}, 0.0)
            bound -= weight * offset
            for n, w in terms.items():
                moved[n] = moved.get(n, 0.0) + weight * w
        yield {n: w for n, w in moved.items() if w}, bound


def _implies(search_space: SearchSpace, known: Sequence[Constraint], constraint: Constraint) -> bool:
    """Tell whether a constraint holds everywhere in a search space."""
    weights, bound = constraint
    scale = 1e-12
    for name, weight in weights.items():
        low, high = numeric_bounds(search_space.parameters[name]) or (0.0, 0.0)
        scale += abs(weight) * (high - low)
    if any(weights == w and b <= bound + TOLERANCE * scale for w, b in known):
        return True
    most = maximum(weights, search_space)
    return most is None or most <= bound + 1e-6 * scale
