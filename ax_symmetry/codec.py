"""Values of parameters as numbers, and back; what of a search space the numbers depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.orbits import Rows
from ax_symmetry.symmetry import Symmetry


class Codec:
    """Turns values of the symmetry's parameters into rows of numbers, and back.

    A range parameter is its own number, to the last bit; a choice is its position in `values`, a boolean 0 or 1.

    Attributes:
        symmetry: The symmetry, whose `parameters` are the columns.
        choices: The values of every choice parameter, in order.
    """

    def __init__(self, symmetry: Symmetry, search_space: SearchSpace) -> None:
        self.symmetry = symmetry
        self.implied = symmetry.implied(search_space.parameters)
        self.columns = {name: i for i, name in enumerate(symmetry.parameters)}
        self.parameters = {name: search_space.parameters[name] for name in symmetry.parameters if name not in self.implied}
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
        columns = {name: np.asarray([self._number(name, v) for v in table[name]], dtype=float) for name in self.parameters}
        complete = ~np.any([np.isnan(c) for c in columns.values()], axis=0)
        columns = {name: column[complete] for name, column in columns.items()}
        for name, simplex in self.implied.items():
            columns[name] = simplex.imply({n: columns[n] for n in simplex.parameters if n != name})
        return complete, np.stack([columns[name] for name in self.symmetry.parameters], axis=1)

    def _number(self, name: str, value: Any) -> float:
        if name in self.choices:
            return float(self._positions[name].get(value, np.nan)) if value is not None and value == value else np.nan
        return np.nan if value is None else float(value)

    def mirrored(self, x: Rows) -> Rows:
        """Mirror every column of rows `n x d`; nan where the group does not mirror it."""
        return self.rounded(2 * self._centers - x)

    def rounded(self, x: Rows) -> Rows:
        """Round integers and `digits` as Ax's `Cast` will."""
        x = x.copy()
        for name, p in self.parameters.items():
            if isinstance(p, RangeParameter):
                digits = 0 if p.parameter_type == ParameterType.INT else p.digits
                if digits is not None:
                    x[:, self.columns[name]] = np.round(x[:, self.columns[name]], digits)
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
        return table

    def units(self, x: Rows) -> Rows:
        """Scale rows `n x d` so that distances compare: ranges (their logarithms, if they are log-scale) to [0, 1]."""
        scaled = x.copy()
        for name in self.symmetry.parameters:
            alike = next(names for names in self.symmetry.classes if name in names)
            p = next((self.parameters[n] for n in alike if n in self.parameters), None)
            column = self.columns[name]
            if isinstance(p, RangeParameter):
                log = np.log if p.log_scale else np.asarray
                lower, upper = log(float(p.lower)), log(float(p.upper))
                scaled[:, column] = (log(x[:, column]) - lower) / ((upper - lower) or 1.0)
            elif isinstance(p, ChoiceParameter):
                scaled[:, column] = x[:, column] / max(len(p.values) - 1, 1)
        return scaled


def widened(symmetry: Symmetry, search_space: SearchSpace, data: Mapping[str, Rows] | None = None) -> SearchSpace:
    """Return the search space with the bounds of alike parameters joined, and mirrored about their centers.

    Ax widens the bounds of the model's space to cover out-of-range data one parameter at a time; images of these data are
    out of range in the other parameters.

    Args:
        symmetry: The symmetry; it holds for the space that the user declared.
        search_space: The model's space; a copy is returned.
        data: Values of implied parameters, by name, that the bounds must cover as well.
    """
    space = search_space.clone()
    for names in symmetry.classes:
        present = [space.parameters[name] for name in names if name in space.parameters]
        ranges = [p for p in present if isinstance(p, RangeParameter)]
        if ranges:
            beyond = [float(v) for n in names for v in np.ravel((data or {}).get(n, []))]
            lower = min([float(p.lower) for p in ranges] + beyond)
            upper = max([float(p.upper) for p in ranges] + beyond)
            center = symmetry.centers.get(names[0])
            if center is not None:
                half = max(center - lower, upper - center)
                lower, upper = min(lower, center - half), max(upper, center + half)
            for p in ranges:
                if (p.lower, p.upper) != (lower, upper):
                    p.lower, p.upper = p.python_type(lower), p.python_type(upper)
        choices = [p for p in present if isinstance(p, ChoiceParameter)]
        if any(p.values != choices[0].values for p in choices):
            joined = sorted({v for p in choices for v in p.values})
            for p in choices:
                p.set_values(joined)
    return space


def linear_constraints(search_space: SearchSpace) -> Iterator[tuple[dict[str, float], float]]:
    """List the parameter constraints as weights and bound, `sum of weight * value <= bound`; an equality as two of them."""
    for constraint in search_space.parameter_constraints:
        yield dict(constraint.constraint_dict), float(constraint.bound)
        if getattr(constraint, "is_equality", False):
            yield {n: -w for n, w in constraint.constraint_dict.items()}, -float(constraint.bound)


def _ordered_values(p: ChoiceParameter) -> list[Any]:
    """List the values of a choice parameter in the order of comparison: as declared, booleans False first."""
    return sorted(p.values) if p.parameter_type == ParameterType.BOOL else list(p.values)
