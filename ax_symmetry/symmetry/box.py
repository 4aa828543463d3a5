"""Where the points that stand for infinite orbits are to lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Rows


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds, grids and linear constraints of d columns.

    Attributes:
        lower: The lower bounds, `d`; 0 where there are none.
        upper: The upper bounds, `d`; inf where there are none, and then no lower ones either.
        middle: The middles of the declared ranges, `d`, of logarithms on a log scale; 0 where there are none.
        steps: The steps of columns on a grid, `d`; 0 of others.
        weights: What each of J linear constraints weighs the columns by, `J x d`.
        limits: The most that each weighted sum may be, `J`.
    """

    lower: Rows
    upper: Rows
    middle: Rows
    steps: Rows
    weights: Rows = field(default_factory=lambda: np.zeros((0, 0)))
    limits: Rows = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def unbounded(cls, width: int) -> Box:
        """Return the box of columns of which nothing is known."""
        lower, middle, steps = np.zeros((3, width))
        return cls(lower, np.full(width, np.inf), middle, steps)

    def keeps(self, x: Rows) -> npt.NDArray[np.bool_]:
        """Tell which of rows `n x d` keep all constraints, but for rounding."""
        if not len(self.weights):
            return np.ones(len(x), dtype=bool)
        sums = np.nan_to_num(x) @ self.weights.T
        slack = 1e-9 * (np.abs(self.limits) + np.abs(self.weights).sum(axis=1))
        return np.asarray((sums <= self.limits + slack).all(axis=1))

    @cached_property
    def magnitude(self) -> Rows:
        """The greater of both bounds of each column, `d`, without its sign; 0 where there are none."""
        return np.where(np.isfinite(self.upper), np.maximum(np.abs(self.lower), np.abs(self.upper)), 0.0)

    def snapped(self, x: Rows) -> Rows:
        """Put numbers of rows `n x d` that have left the bounds by rounding on them; others stay, inside or outside."""
        lower, upper, slack = self._ends
        x = np.where((x > upper) & (x <= upper + slack), upper, x)
        return np.where((x < lower) & (x >= lower - slack), lower, x)

    def holds(self, x: Rows) -> npt.NDArray[np.bool_]:
        """Tell which of rows `n x d` lie within the bounds, but for rounding; nan does not count."""
        lower, upper, slack = self._ends
        return np.asarray(((x >= lower - slack) & (x <= upper + slack) | np.isnan(x)).all(axis=1))

    @property
    def _ends(self) -> tuple[Rows, Rows, Rows]:
        """The bounds, infinite where there are none, and by how much rounding may exceed them."""
        bounded = np.isfinite(self.upper)
        slack = 1e-9 * np.where(bounded, self.upper - self.lower, 0.0)
        return np.where(bounded, self.lower, -np.inf), self.upper, slack
