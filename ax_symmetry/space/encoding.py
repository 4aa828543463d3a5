"""Values of parameters as numbers, and back; what of a search space the numbers depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.groups.actions import Rows
from ax_symmetry.symmetry.declaration import Simplex
from ax_symmetry.symmetry.symmetry import Symmetry

TOLERANCE = 1e-9
"""By how much of a parameter's range a center may miss the middle, and one number another and still be the same."""


class ParameterEncoding:
    """Turns values of the symmetry's parameters into rows of numbers, and back.

    A range parameter is its own number, to the last bit; a choice is its position in `values`, a boolean 0 or 1.

    Attributes:
        symmetry: The symmetry, whose `parameters` are the columns.
        choices: The values of every choice parameter, in order.
        implied: The simplexes of the parameters that others imply.
        derived: Those of them that the search space derives, and that have a value in every parameterization.
    """

    def __init__(self, symmetry: Symmetry, search_space: SearchSpace) -> None:
        self.symmetry = symmetry
        self.implied = implied_parameters(symmetry, search_space)
        self.derived = [name for name in self.implied if name in search_space.parameters]
        self.columns = {name: i for i, name in enumerate(symmetry.parameters)}
        self.parameters = {n: search_space.parameters[n] for n in symmetry.parameters if n not in self.implied}
        self.choices = {n: _ordered_values(p) for n, p in self.parameters.items() if isinstance(p, ChoiceParameter)}
        self._positions = {n: {v: i for i, v in enumerate(values)} for n, values in self.choices.items()}
        self._centers = np.asarray([self._center(name) for name in symmetry.parameters])

    def _center(self, name: str) -> float:
        if name not in self.symmetry.centers:
            return np.nan
        return (len(self.choices[name]) - 1) / 2 if name in self.choices else self.symmetry.centers[name]

    def encode(self, table: Mapping[str, Sequence[Any]]) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Write values as numbers.

        Args:
            table: For every parameter of the search space that the symmetry names the values of n observations.

        Returns:
            Which of the n observations have every parameter, and the numbers `k x d` of those k.
        """
        columns = {n: np.asarray([self.encode_value(n, v) for v in table[n]], dtype=float) for n in self.parameters}
        complete = ~np.any([np.isnan(c) for c in columns.values()], axis=0)
        columns = {name: column[complete] for name, column in columns.items()}
        for name, simplex in self.implied.items():
            columns[name] = simplex.imply({n: columns[n] for n in simplex.parameters if n != name})
        return complete, np.stack([columns[name] for name in self.symmetry.parameters], axis=1)

    def encode_value(self, name: str, value: Any) -> float:
        """Write one value as a number; nan if it is missing, or none of a choice parameter's values."""
        if name in self.choices:
            return float(self._positions[name].get(value, np.nan)) if value is not None and value == value else np.nan
        return np.nan if value is None else float(value)

    def mirrored(self, x: Rows) -> Rows:
        """Mirror every column of rows `n x d`; nan where the group does not mirror it.

        The image of a rounded number is rounded, that of an out-of-range number between the steps is not.
        """
        images = 2 * self._centers - x
        return np.where(x == self.rounded(x), self.rounded(images), images)

    def rounded(self, x: Rows) -> Rows:
        """Round integers and `digits` as Ax will: as Python's `round` does."""
        x = x.copy()
        for name, p in self.parameters.items():
            if isinstance(p, RangeParameter):
                digits = 0 if p.parameter_type == ParameterType.INT else p.digits
                if digits is not None:
                    x[:, self.columns[name]] = [round(v, digits) for v in x[:, self.columns[name]].tolist()]
        return x

    def snapped(self, x: Rows) -> Rows:
        """Round candidates as Ax will, and put those on a bound that rounding errors have pushed beyond."""
        x = self.rounded(x)
        for name, p in self.parameters.items():
            if isinstance(p, RangeParameter):
                column, slack = x[:, self.columns[name]], TOLERANCE * (p.upper - p.lower)
                column[(column < p.lower) & (column >= p.lower - slack)] = p.lower
                column[(column > p.upper) & (column <= p.upper + slack)] = p.upper
        return x

    def decode(self, x: Rows) -> dict[str, list[Any]]:
        """Write numbers `n x d` as values, for every parameter of the search space that the symmetry names."""
        table: dict[str, list[Any]] = {}
        for name, p in self.parameters.items():
            numbers = x[:, self.columns[name]].tolist()
            if name in self.choices:
                table[name] = [self.choices[name][int(v)] for v in numbers]
            elif p.parameter_type == ParameterType.INT:
                table[name] = [int(v) if v.is_integer() else v for v in numbers]
            else:
                table[name] = numbers
        return {**table, **{name: x[:, self.columns[name]].tolist() for name in self.derived}}

    def constraint_values(self, x: Rows) -> Rows:
        """Write rows `n x d` as parameter constraints count them: a numeric choice by its value, not its position."""
        constraint_values = x.copy()
        for name, values in self.choices.items():
            if all(isinstance(v, (int, float)) for v in values):
                constraint_values[:, self.columns[name]] = np.asarray(values, dtype=float)[
                    x[:, self.columns[name]].astype(int)
                ]
        return constraint_values

    def to_unit_cube(self, x: Rows) -> Rows:
        """Scale rows `n x d` so that distances compare: ranges (their logarithms, if they are log-scale) to [0, 1]."""
        scaled = x.copy()
        for name in self.symmetry.parameters:
            alike = next(names for names in self.symmetry.parameter_orbits if name in names)
            p = next((self.parameters[n] for n in alike if n in self.parameters), None)
            column = self.columns[name]
            if isinstance(p, RangeParameter):
                lower, upper, numbers = float(p.lower), float(p.upper), x[:, column]
                if p.log_scale:
                    lower, upper = np.log(lower), np.log(upper)
                    with np.errstate(divide="ignore", invalid="ignore"):  # out-of-range data need not be positive
                        numbers = np.log(numbers)
                scaled[:, column] = (numbers - lower) / (upper - lower)
            elif isinstance(p, ChoiceParameter):
                scaled[:, column] = x[:, column] / max(len(p.values) - 1, 1)
        return scaled


def implied_parameters(symmetry: Symmetry, search_space: SearchSpace) -> dict[str, Simplex]:
    """Return the parameters that are not free: not in the search space, or derived there, with their simplexes."""
    return symmetry.implied([name for name, p in search_space.parameters.items() if not is_derived(p)])


def has_ranges_alone(search_space: SearchSpace) -> bool:
    """Tell whether all parameters are numbers of a range, or fixed."""
    return all(isinstance(p, (RangeParameter, FixedParameter)) for p in search_space.parameters.values())


def is_derived(p: Parameter) -> bool:
    """Tell whether Ax computes a parameter from others (`DerivedParameter`, from Ax 1.2 on)."""
    return hasattr(p, "parameter_names_to_weights")


def symmetrized_space(
    symmetry: Symmetry, search_space: SearchSpace, data: Mapping[str, npt.ArrayLike] | None = None
) -> SearchSpace:
    """Return the search space with what alike parameters may be joined, and mirrored about their centers.

    Ax widens the model's space to cover out-of-range data one parameter at a time; images of these data are out of
    range in the other parameters.

    Args:
        symmetry: The symmetry; it holds for the space that the user declared.
        search_space: The model's space; a copy is returned.
        data: Values of implied parameters, by name, that the bounds must cover as well.
    """
    space = search_space.clone()
    for names in symmetry.parameter_orbits:
        present = [space.parameters[name] for name in names if name in space.parameters]
        center = symmetry.centers.get(names[0])
        beyond = [float(v) for name in names for v in np.ravel((data or {}).get(name, []))]
        _join_ranges([p for p in present if isinstance(p, RangeParameter)], center, beyond)
        _join_choices([p for p in present if isinstance(p, ChoiceParameter)], center)
    return space


def _join_ranges(parameters: Sequence[RangeParameter], center: float | None, beyond: Sequence[float]) -> None:
    """Give range parameters bounds that cover those of all, the numbers `beyond`, and the mirror images of them."""
    if not parameters:
        return
    if parameters[0].log_scale or parameters[0].logit_scale:
        beyond = [v for v in beyond if v > 0 and (v < 1 or not parameters[0].logit_scale)]
    lower, upper = min(float(p.lower) for p in parameters), max(float(p.upper) for p in parameters)
    slack = TOLERANCE * (upper - lower)  # an implied number is off by rounding
    lower = min([lower, *(v for v in beyond if v < lower - slack)])
    upper = max([upper, *(v for v in beyond if v > upper + slack)])
    if center is not None and not is_symmetric_about([lower, upper], center):
        lower, upper = min(lower, 2 * center - upper), max(upper, 2 * center - lower)
    for p in parameters:
        if (p.lower, p.upper) != (lower, upper):
            p.lower = int(lower) if p.parameter_type == ParameterType.INT else lower
            p.upper = int(upper) if p.parameter_type == ParameterType.INT else upper


def _join_choices(parameters: Sequence[ChoiceParameter], center: float | None) -> None:
    """Give choice parameters the values of all, and, where a group mirrors them, the mirror images of these."""
    if not parameters:
        return
    values: list[Any] = list(dict.fromkeys(v for p in parameters for v in p.values))
    if center is not None and not is_symmetric_about(sorted(values), center):
        near = TOLERANCE * (max(values) - min(values))
        values += [2 * center - v for v in values if all(abs(2 * center - v - w) > near for w in values)]
    if all(p.values == values for p in parameters):
        return
    if parameters[0].is_ordered and all(isinstance(v, (int, float)) for v in values):
        values.sort()
    for p in parameters:
        if p.parameter_type == ParameterType.INT and any(v != round(v) for v in values):
            p._parameter_type = ParameterType.FLOAT  # as Ax does for the parameter whose data have decimals
        p.set_values([round(v) for v in values] if p.parameter_type == ParameterType.INT else values)


def is_symmetric_about(numbers: Sequence[float], center: float) -> bool:
    """Tell whether numbers, in order, lie symmetrically about a center; exact but for rounding."""
    sums = np.add(numbers, numbers[::-1]) - 2 * center
    return bool(np.abs(sums).max() <= 2 * TOLERANCE * abs(numbers[-1] - numbers[0]))


def linear_constraints(search_space: SearchSpace) -> Iterator[tuple[dict[str, float], float]]:
    """List the parameter constraints as weights and bound, `sum of weight * value <= bound`; an equality as two."""
    for constraint in search_space.parameter_constraints:
        yield dict(constraint.constraint_dict), float(constraint.bound)
        if getattr(constraint, "is_equality", False):
            yield {n: -w for n, w in constraint.constraint_dict.items()}, -float(constraint.bound)


def maximum(weights: Mapping[str, float], search_space: SearchSpace) -> float | None:
    """Find the highest `sum of weight * value` in a search space, choices relaxed to their range, by a linear program.

    Returns:
        None if no point satisfies the parameter constraints.
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
    found = linprog(-goal * width / scale, A_ub=rows / norm[:, None], b_ub=bounds / norm, bounds=(0.0, 1.0))
    return float(goal @ lower - scale * found.fun) if found.success else None


def numeric_bounds(p: Parameter) -> tuple[float, float] | None:
    """Return between which numbers a parameter can lie, None if it has no numbers."""
    if isinstance(p, RangeParameter):
        return float(p.lower), float(p.upper)
    values = p.values if isinstance(p, ChoiceParameter) else [p.value] if isinstance(p, FixedParameter) else []
    numbers = [float(v) for v in values if isinstance(v, (int, float))]
    return (min(numbers), max(numbers)) if numbers and len(numbers) == len(values) else None


def _ordered_values(p: ChoiceParameter) -> list[Any]:
    """List the values of a choice parameter in the order of comparison: as declared, booleans False first."""
    return [v for v in (False, True) if v in p.values] if p.parameter_type == ParameterType.BOOL else list(p.values)
