"""The experiments of a search space that are next to a candidate, where parameters have finitely many values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.space.grid import cardinality, ends_of, grid_of
from ax_symmetry.space.known_arms import experiment_keys

Point = dict[str, Any]
LIMIT = 20_000
"""The most orbits that are looked at for one candidate."""


class Lattice:
    """The orbits of a search space, each a neighbour of those that one step of one parameter leads to.

    A step is the next number on the parameter's grid, or the next choice. Continuous parameters stay as they are.

    Args:
        encoding: Turns values of the symmetry's parameters into rows.
        comparison_order: The columns in the order of comparison.
        search_space: Where candidates may lie.
        region: The rows that they may have.
        fixed: The fixed features.
    """

    def __init__(
        self,
        encoding: ParameterEncoding,
        comparison_order: tuple[int, ...],
        search_space: SearchSpace,
        region: FeasibleRegion,
        fixed: Mapping[str, Any],
    ) -> None:
        self.encoding, self.comparison_order, self.space = encoding, comparison_order, search_space
        self.region, self.fixed = region, fixed
        # The symmetry's parameters walk through all that the group can bring them to, the others where they may be.
        others = {n: p for n, p in search_space.parameters.items() if n not in encoding.parameters}
        others = {n: p for n, p in others.items() if fixed.get(n) is None and not isinstance(p, FixedParameter)}
        moved = {encoding.columns[n]: _steps(p) for n, p in encoding.parameters.items()}
        self.moved = {column: steps for column, steps in moved.items() if steps is not None}
        self.others = {n: p for n, p in others.items() if cardinality(p) is not None}
        self.is_finite = len(self.moved) == len(moved) and len(self.others) == len(others)

    @property
    def has_steps(self) -> bool:
        """Whether a parameter of the symmetry can take steps."""
        return bool(self.moved)

    def may_have_fewer_than(self, n: int) -> bool:
        """Tell whether there may be fewer than n experiments, all in all; no, if they are many, or infinitely many."""
        allowed = [self.space.parameters[name] for name in self.encoding.parameters if self.fixed.get(name) is None]
        inert = {name for one in self.encoding.inert for name in one.names}
        allowed = [p for p in allowed if p.name not in inert]
        few = prod(cardinality(p) or 1 for p in (*self.others.values(), *allowed)) < n * self.encoding.symmetry.order
        return self.is_finite and (few or bool(self.space.parameter_constraints or self.encoding.symmetry.distinct))

    def somewhere(self, near: Mapping[str, Any] | None = None) -> Point:
        """Return a point to start from, which need not be where candidates may lie.

        Args:
            near: A point that the symmetry's parameters are taken from.
        """
        point = {n: _first(p) for n, p in {**self.space.parameters, **self.encoding.parameters}.items()}
        point.update({n: v for n, v in (near or {}).items() if n in self.encoding.parameters})
        return {**point, **{n: v for n, v in self.fixed.items() if v is not None}}

    def nearest(self, start: Mapping[str, Any], taken: Collection[Any], n: int = 1) -> tuple[list[Point], bool]:
        """Find the experiments next to a candidate that are not taken, the nearest first.

        Args:
            start: The candidate.
            taken: Keys of experiments; see `experiment_keys`.
            n: How many to find.

        Returns:
            At most n, and whether there are no others.
        """
        found: list[Point] = []
        for points, rows in self._shells(start):
            listed = self._listed(rows)
            points, rows = [points[i] for i in listed], rows[listed]
            inside, images = self.region.least_image(
                self.encoding.symmetry.action, rows, self.comparison_order, points
            )
            keys = experiment_keys(self.encoding, self.comparison_order, rows, points)
            decoded = self.encoding.decode(images)
            near = np.abs(self.encoding.to_unit_cube(images) - self.encoding.to_unit_cube(self._row(start)))
            for i in np.argsort(near.sum(axis=1), kind="stable"):
                point = {**points[i], **{name: values[i] for name, values in decoded.items()}}
                if inside[i] and keys[i] not in taken and self.space.check_membership(point):
                    found.append(point)
                if len(found) == n:
                    return found, False
        return found, self.is_finite and not self._stopped

    def _listed(self, rows: Rows) -> npt.NDArray[np.intp]:
        """Number the rows whose choices are among their values; an implied one need not be."""
        good = np.ones(len(rows), dtype=bool)
        for name, values in self.encoding.choices.items():
            position = rows[:, self.encoding.columns[name]]
            good &= (position >= 0) & (position < len(values))
        return np.flatnonzero(good)

    def _row(self, point: Mapping[str, Any]) -> Rows:
        return self.encoding.rounded(self.encoding.encode_points([point])[1])

    def _shells(self, start: Mapping[str, Any]) -> Iterator[tuple[list[Point], Rows]]:
        """List canonical rows and the parameterizations that they belong to, one step further away each time."""
        self._stopped = False
        rows = self.encoding.canonical_rows(self._row(start), self.comparison_order)
        points: list[Point] = [dict(start)]
        seen = set(experiment_keys(self.encoding, self.comparison_order, rows, points))
        while points:
            yield points, rows
            if len(seen) > LIMIT:
                self._stopped = True
                return
            rows, points = self._neighbours(rows, points)
            keys = experiment_keys(self.encoding, self.comparison_order, rows, points)
            first = {key: i for i, key in reversed(list(enumerate(keys))) if key not in seen}
            seen.update(first)
            chosen = sorted(first.values())
            rows, points = rows[chosen], [points[i] for i in chosen]

    def _neighbours(self, rows: Rows, points: list[Point]) -> tuple[Rows, list[Point]]:
        """Take every single step from every row."""
        every, theirs = [rows[:0]], []
        for column, (lower, upper, step) in self.moved.items():
            for sign in (-1, 1):
                moved = rows.copy()
                moved[:, column] += sign * step
                moved = self.encoding.rounded(moved)
                good = np.flatnonzero((moved[:, column] > lower - step / 2) & (moved[:, column] < upper + step / 2))
                every.append(moved[good])
                theirs += [points[i] for i in good]
        for name, p in self.others.items():
            for i, point in enumerate(points):
                for value in _beside(p, point[name]):
                    every.append(rows[[i]])
                    theirs.append({**point, name: value})
        together = self.encoding.with_implied(np.concatenate(every))
        return self.encoding.canonical_rows(together, self.comparison_order), theirs


def _steps(p: Parameter) -> tuple[float, float, float] | None:
    """Return the least number of a parameter in a row, the greatest, and its step; None if it is continuous."""
    if isinstance(p, ChoiceParameter):
        return 0.0, len(p.values) - 1.0, 1.0
    grid, ends = grid_of(p), ends_of(p)
    return None if grid is None or ends is None else (ends[0], ends[1], grid.step)


def _beside(p: Parameter, value: Any) -> list[Any]:
    """List the values of a parameter next to one."""
    if isinstance(p, ChoiceParameter):
        at = p.values.index(value)
        return [*p.values[max(at - 1, 0):at], *p.values[at + 1:at + 2]]
    grid, ends = grid_of(p), ends_of(p)
    if grid is None or ends is None:
        return []
    near = (float(grid.nearest(value + sign * grid.step)) for sign in (-1, 1))
    return [type(value)(v) for v in near if ends[0] <= v <= ends[1]]


def _first(p: Parameter) -> Any:
    """Return a value of a parameter."""
    if isinstance(p, RangeParameter):
        steps = _steps(p)
        return p.lower if steps is None else type(p.lower)(steps[0])
    return p.values[0] if isinstance(p, ChoiceParameter) else p.value if isinstance(p, FixedParameter) else None
