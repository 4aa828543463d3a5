"""Values of the parameters of a search space as rows of numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from ax.core.parameter import ChoiceParameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.bounds import implied_parameters, numeric_bounds
from ax_symmetry.symmetry.encoding import Encoding
from ax_symmetry.symmetry.mirror import TOLERANCE
from ax_symmetry.symmetry.symmetry import Symmetry


class ParameterEncoding(Encoding):
    """Encodes values of the symmetry's parameters as rows of numbers, and decodes them.

    A range parameter is its own number, to the last bit; a choice is its position in `values`, a boolean 0 or 1.

    Attributes:
        parameters: The free parameters: those of the symmetry that the search space has and does not derive.
        ranges: Those of them that are ranges.
        derived: The implied parameters that the search space derives, so that they have values there.
    """

    def __init__(self, symmetry: Symmetry, search_space: SearchSpace) -> None:
        implied = implied_parameters(symmetry, search_space)
        self.parameters = {n: search_space.parameters[n] for n in symmetry.parameters if n not in implied}
        choices = {n: _ordered_values(p) for n, p in self.parameters.items() if isinstance(p, ChoiceParameter)}
        super().__init__(symmetry, choices, implied)
        self.derived = [name for name in implied if name in search_space.parameters]
        self.ranges = {n: p for n, p in self.parameters.items() if isinstance(p, RangeParameter)}
        for name, p in self.ranges.items():
            self.lower[self.columns[name]] = p.lower

    def rounded(self, x: Rows) -> Rows:
        """Round integers and `digits` in rows `n x d` as Ax will: as Python's `round` does."""
        x = x.copy()
        for name, p in self.ranges.items():
            digits = 0 if p.parameter_type == ParameterType.INT else p.digits
            if digits is not None:
                x[:, self.columns[name]] = [round(v, digits) for v in x[:, self.columns[name]].tolist()]
        return x

    def snapped(self, x: Rows) -> Rows:
        """Round candidates as Ax will, and clip those that exceed a bound by a rounding error."""
        x = self.rounded(x)
        for name, p in self.ranges.items():
            column, slack = x[:, self.columns[name]], TOLERANCE * (p.upper - p.lower)
            column[(column < p.lower) & (column >= p.lower - slack)] = p.lower
            column[(column > p.upper) & (column <= p.upper + slack)] = p.upper
        return x

    def decode(self, x: Rows) -> dict[str, list[Any]]:
        """Decode rows `n x d`: the values of every parameter that the symmetry and the search space name."""
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
        """Write rows `n x d` as parameter constraints see them: a numeric choice by its value, not its position."""
        counted = x.copy()
        for name, values in self.choices.items():
            if all(isinstance(v, (int, float)) for v in values):
                positions = x[:, self.columns[name]].astype(int)
                counted[:, self.columns[name]] = np.asarray(values, dtype=float)[positions]
        return counted

    def to_unit_cube(self, x: Rows) -> Rows:
        """Scale rows `n x d` so that distances compare: ranges to [0, 1], after the logarithm on a log scale."""
        scaled = x.copy()
        for name, column in self.columns.items():
            # An implied parameter is scaled like those that it trades places with.
            p = next((self.parameters[n] for n in self.symmetry.orbit_of(name) if n in self.parameters), None)
            if isinstance(p, RangeParameter):
                ends, numbers = np.asarray(numeric_bounds(p)), x[:, column]
                if p.log_scale:
                    with np.errstate(divide="ignore", invalid="ignore"):  # out-of-range data need not be positive
                        ends, numbers = np.log(ends), np.log(numbers)
                scaled[:, column] = (numbers - ends[0]) / (ends[1] - ends[0])
            elif isinstance(p, ChoiceParameter):
                scaled[:, column] = x[:, column] / max(len(p.values) - 1, 1)
        return scaled


def _ordered_values(p: ChoiceParameter) -> list[Any]:
    """List the values of a choice parameter in the order of comparison: as declared, booleans False first."""
    return [v for v in (False, True) if v in p.values] if p.parameter_type == ParameterType.BOOL else list(p.values)
