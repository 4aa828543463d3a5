"""Values of the parameters of a search space as rows of numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.bounds import implied_parameters, numeric_bounds
from ax_symmetry.space.dependents import inert_slots
from ax_symmetry.space.grid import grid_of
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

    Args:
        hierarchy: A search space that says which slots depend on others, if this one does not.
    """

    def __init__(
        self, symmetry: Symmetry, search_space: SearchSpace, hierarchy: SearchSpace | None = None
    ) -> None:
        implied = implied_parameters(symmetry, search_space)
        self.parameters = {n: search_space.parameters[n] for n in symmetry.parameters if n not in implied}
        # An implied parameter is like those that it trades places with.
        self._like = dict(self.parameters)
        for name in implied:
            alike = [self.parameters[n] for n in symmetry.orbit_of(name) if n in self.parameters]
            self._like.update(dict.fromkeys([name], alike[0]) if alike else {})
        choices = {n: _ordered_values(p) for n, p in self._like.items() if isinstance(p, ChoiceParameter)}
        self.ranges = {n: p for n, p in self.parameters.items() if isinstance(p, RangeParameter)}
        inert = inert_slots(symmetry, hierarchy or search_space)
        widths = {name: float(p.upper - p.lower) for name, p in self.ranges.items()}
        super().__init__(symmetry, choices, implied, inert, widths)
        self.derived = {name: search_space.parameters[name] for name in implied if name in search_space.parameters}
        for name, p in self.ranges.items():
            self._bound(self.columns[name], p)

    def _bound(self, column: int, p: RangeParameter) -> None:
        """Note the bounds, the scale and the steps of a range."""
        box, grid = self.box, grid_of(p)
        box.lower[column], box.upper[column] = p.lower, p.upper
        ends = np.asarray([p.lower, p.upper], dtype=float)
        box.middle[column] = np.mean(np.log(ends) if p.log_scale else ends)
        box.steps[column] = 0.0 if grid is None else grid.step

    def imply(self, name: str, numbers: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Compute an implied parameter, `n`; on the grid of those it trades places with, if that is but for rounding.

        Where they are choices and the sum leaves none of their values, it is nan.
        """
        implied = super().imply(name, {n: self._values(n, column) for n, column in numbers.items()})
        p = self._like.get(name)
        grid = None if p is None else grid_of(p)
        if grid is not None:
            implied = grid.snap(implied)
        if name not in self.choices:
            return implied
        values = np.asarray(self.choices[name], dtype=float)
        position = np.abs(implied[:, None] - values).argmin(axis=1)
        return np.where(np.abs(values[position] - implied) <= TOLERANCE * np.ptp(values), position, np.nan)

    def rounded(self, x: Rows) -> Rows:
        """Round integers, `digits` and steps in rows `n x d` as Ax will."""
        x = x.copy()
        for name, p in self.ranges.items():
            grid = grid_of(p)
            if grid is not None:
                cast = p.cast if grid.digits is None else partial(round, ndigits=grid.digits)
                x[:, self.columns[name]] = [cast(v) for v in x[:, self.columns[name]].tolist()]
        return x

    def lowest_from(self, lower: Rows) -> Rows:
        """Return the lowest values from lower bounds `d` on that are on the grids of the parameters."""
        lowest = lower.copy()
        for name, p in self.ranges.items():
            if (grid := grid_of(p)) is not None:
                lowest[self.columns[name]] = grid.between(lower[self.columns[name]], p.upper)[0]
        return lowest

    def snapped(self, x: Rows) -> Rows:
        """Round candidates as Ax will, and clip those that exceed a bound by a rounding error; others follow."""
        x = self.rounded(x)
        for name, p in self.ranges.items():
            _clip(x[:, self.columns[name]], p)
        for name in self.implied:
            column = self.columns[name]
            x[:, column] = self.imply(name, {n: x[:, i] for n, i in self.columns.items()})
            like = self._like.get(name)
            if isinstance(like, RangeParameter):
                _clip(x[:, column], like)
        return x

    def decode(self, x: Rows) -> dict[str, list[Any]]:
        """Decode rows `n x d`: the values of every parameter that the symmetry and the search space name."""
        table: dict[str, list[Any]] = {}
        for name, p in {**self.parameters, **self.derived}.items():
            numbers = x[:, self.columns[name]].tolist()
            if name in self.choices:
                table[name] = [self.choices[name][int(v)] for v in numbers]
            elif p.parameter_type == ParameterType.INT:
                table[name] = [int(v) if v.is_integer() else v for v in numbers]
            else:
                table[name] = numbers
        return table

    def constraint_values(self, x: Rows) -> Rows:
        """Write rows `n x d` as parameter constraints see them: a numeric choice by its value, not its position."""
        return np.stack([self._values(name, x[:, column]) for name, column in self.columns.items()], axis=1)

    def _values(self, name: str, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the values of a parameter from its numbers: of a numeric choice those at its positions."""
        values = self.choices.get(name, ())
        if not values or not all(isinstance(v, (int, float)) for v in values):
            return numbers
        return np.asarray(values, dtype=float)[numbers.astype(int)]

    def to_unit_cube(self, x: Rows) -> Rows:
        """Scale rows `n x d` so that distances compare: ranges to [0, 1], after the logarithm on a log scale."""
        scaled = x.copy()
        for name, column in self.columns.items():
            p = self._like.get(name)
            if isinstance(p, RangeParameter):
                ends, numbers = np.asarray(numeric_bounds(p)), x[:, column]
                if p.log_scale:
                    with np.errstate(divide="ignore", invalid="ignore"):  # out-of-range data need not be positive
                        ends, numbers = np.log(ends), np.log(numbers)
                scaled[:, column] = (numbers - ends[0]) / (ends[1] - ends[0])
            elif isinstance(p, ChoiceParameter):
                scaled[:, column] = x[:, column] / max(len(p.values) - 1, 1)
        return scaled


def _clip(column: npt.NDArray[np.float64], p: RangeParameter) -> None:
    """Put numbers that exceed a bound by a rounding error on it, in place."""
    slack = TOLERANCE * (p.upper - p.lower)
    column[(column < p.lower) & (column >= p.lower - slack)] = p.lower
    column[(column > p.upper) & (column <= p.upper + slack)] = p.upper


def _ordered_values(p: ChoiceParameter) -> list[Any]:
    """List the values of a choice parameter in the order of comparison: as declared, booleans False first."""
    return [v for v in (False, True) if v in p.values] if p.parameter_type == ParameterType.BOOL else list(p.values)
