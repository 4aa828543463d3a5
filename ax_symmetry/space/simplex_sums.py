"""The sums that simplexes ask of the configurations of a finite search space, in steps of a grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from ax.core.parameter import Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.parameters import is_derived
from ax_symmetry.space.bounds import implied_parameters, numeric_bounds
from ax_symmetry.space.grid import TOLERANCE, Grid, grid_of, numbers_of
from ax_symmetry.symmetry.simplex import Simplex
from ax_symmetry.symmetry.symmetry import Symmetry


class SimplexSums:
    """What parameters add to the sums of the simplexes.

    One does not bind, and is left out: that which implies a parameter that trades with none, and may be anything.

    Args:
        symmetry: A symmetry that fits the search space.
        search_space: A finite search space.

    Attributes:
        parameters: For each of the symmetry's parameters the one of the search space whose values it has: its own, or
            that of one that it trades places with; None for an implied one that trades with none, and may have any.
        totals: The sum of each simplex, in steps above the least one.
    """

    def __init__(self, symmetry: Symmetry, search_space: SearchSpace) -> None:
        own = {n: p for n, p in search_space.parameters.items() if not is_derived(p)}
        self.parameters: dict[str, Parameter | None] = {}
        for name in symmetry.parameters:
            alike = [own[n] for n in (name, *symmetry.orbit_of(name)) if n in own]
            self.parameters[name] = alike[0] if alike else None
        implied = {simplex: name for name, simplex in implied_parameters(symmetry, search_space).items()}
        self._simplexes: list[tuple[str | None, Simplex, Parameter, Grid]] = []
        for simplex in symmetry.simplexes:
            p = self.parameters[implied.get(simplex, simplex.parameters[0])]
            if p is not None:
                self._simplexes.append((implied.get(simplex), simplex, p, grid_of(p) or Grid(0.0, 1.0)))
        self.totals = tuple(
            round((simplex.total - sum(self._lower(n) for n in simplex.parameters)) / grid.step)
            for _, simplex, _, grid in self._simplexes
        )

    def steps(self, name: str, size: int) -> npt.NDArray[np.intp]:
        """Return the steps that each of the values of a parameter adds to each sum, `size x len(totals)`."""
        steps = np.zeros((size, len(self.totals)), dtype=np.intp)
        for axis, (_, simplex, _, grid) in enumerate(self._simplexes):
            if name in simplex.parameters:
                steps[:, axis] = np.round(_above_least(self.parameters[name], size) / grid.step)
        return steps

    def imply(self, weights: Mapping[str, float], bound: float) -> bool:
        """Tell whether a constraint says no more than that a sum is its total, or an implied parameter in bounds."""
        for name, simplex, p, grid in self._simplexes:
            weight, (lower, upper) = next(iter(weights.values())), numeric_bounds(p) or (0.0, 0.0)
            near = TOLERANCE * grid.step
            if set(weights.values()) != {weight} or set(weights) | {name} != {*simplex.parameters, name}:
                continue
            left = simplex.total - bound / weight  # what an implied one is at least, or at most
            if name is None:
                lower = upper = 0.0
            return left <= lower + near if weight > 0 else left >= upper - near
        return False

    def _lower(self, name: str) -> float:
        p = self.parameters[name]
        return 0.0 if p is None else (numeric_bounds(p) or (0.0, 0.0))[0]


def _above_least(p: Parameter | None, size: int) -> npt.NDArray[np.float64]:
    """Return by how much each of the values of a parameter exceeds the least one, `size`."""
    if p is None:
        return np.zeros(size)
    grid = grid_of(p)
    return np.asarray(numbers_of(p) - numbers_of(p)[0] if grid is None else np.arange(size) * grid.step)
