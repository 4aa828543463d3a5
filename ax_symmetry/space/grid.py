"""Grids: the evenly spaced values of parameters that are whole numbers, have `digits`, or go by steps.

What values a parameter can have is known here alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter

TOLERANCE = 1e-6
"""How far from a grid a number may lie that is on it but for rounding, in steps."""


Numbers = npt.NDArray[np.float64] | float


@dataclass(frozen=True)
class Grid:
    """Evenly spaced numbers: `origin + k * step` for every integer k.

    Attributes:
        origin: One of them.
        step: Their distance.
        digits: The decimals to which they are rounded, None if they are not.
    """

    origin: float
    step: float
    digits: int | None = None

    def nearest(self, numbers: Numbers) -> npt.NDArray[np.float64]:
        """Return the nearest numbers on the grid."""
        x = np.asarray(numbers, dtype=float)
        on = self.origin + self.step * np.round((x - self.origin) / self.step)
        return on if self.digits is None else np.asarray([round(v, self.digits) for v in on.ravel()]).reshape(on.shape)

    def between(self, lower: float, upper: float) -> tuple[float, float, int]:
        """Return the first and the last number on the grid within bounds, and how many there are."""
        first = np.ceil((lower - self.origin) / self.step - TOLERANCE)
        last = np.floor((upper - self.origin) / self.step + TOLERANCE)
        ends = self.nearest(self.origin + self.step * np.asarray([first, last]))
        return float(ends[0]), float(ends[1]), max(0, int(last - first) + 1)

    def holds(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Tell which numbers are on the grid, but for rounding."""
        return np.asarray(np.abs(self.nearest(numbers) - numbers) <= TOLERANCE * self.step)

    def snap(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Put numbers on the grid that are on it but for rounding; others stay."""
        return np.where(self.holds(numbers), self.nearest(numbers), numbers)


def grid_of(p: Parameter) -> Grid | None:
    """Return the grid whose numbers within the bounds are the values of a parameter; None if there is no such grid."""
    if isinstance(p, RangeParameter):
        if p.parameter_type == ParameterType.INT:
            return Grid(float(p.lower), 1.0, 0)
        step: Any = getattr(p, "step_size", None)  # not in every Ax
        if step:
            return Grid(float(p.lower), float(step))
        digits: Any = getattr(p, "digits", None)  # Ax has announced that it will go
        return None if digits is None else Grid(0.0, 10.0**-digits, digits)
    numbers = numbers_of(p)
    if len(numbers) < 2:
        return None
    steps = np.diff(numbers)
    return Grid(float(numbers[0]), float(steps[0])) if np.allclose(steps, steps[0], rtol=TOLERANCE, atol=0.0) else None


def numbers_of(p: Parameter) -> npt.NDArray[np.float64]:
    """Return the values of an ordered choice between numbers, ascending; none for any other parameter."""
    values = p.values if isinstance(p, ChoiceParameter) and p.is_ordered else []
    are_numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return np.sort(np.asarray(values, dtype=float)) if are_numbers else np.empty(0)


def ends_of(p: Parameter) -> tuple[float, float, int] | None:
    """Return the first and the last value of a range with a grid, and how many there are; None for others."""
    grid = grid_of(p)
    return grid.between(p.lower, p.upper) if isinstance(p, RangeParameter) and grid is not None else None


def positions(p: Parameter, values: Iterable[Any]) -> frozenset[int]:
    """Return which of the values of a finite parameter, in ascending order if they are ordered, some values are."""
    if isinstance(p, RangeParameter):
        grid, (first, _, size) = grid_of(p), ends_of(p) or (p.lower, p.upper, 0)
        places = [round((value - first) / grid.step) for value in values if grid is not None and grid.holds(value)]
        return frozenset(place for place in places if 0 <= place < size)
    own = numbers_of(p).tolist() or list(getattr(p, "values", [getattr(p, "value", None)]))
    return frozenset(own.index(value) for value in values if value in own)


def cardinality(p: Parameter) -> int | None:
    """Return how many values a parameter has; None if it is continuous, or derived from others."""
    if isinstance(p, ChoiceParameter):
        return len(p.values)
    if isinstance(p, FixedParameter):
        return 1
    ends = ends_of(p)
    return None if ends is None else ends[2]
