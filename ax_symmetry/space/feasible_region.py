"""The region to which a call of `gen` is confined: by fixed features, narrower bounds, parameter constraints.

Where the canonical representative lies outside of that region, the least image inside takes its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.groups.actions import Action, Factor, Rows, with_mirror_images
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.encoding import ParameterEncoding

SEARCH_BUDGET = 20_000
"""The most arrangements of blocks that are tried for one candidate, if the group is too large to write out."""


class FeasibleRegion:
    """The rows that one call of `gen` may return.

    Args:
        encoding: Turns values into rows.
        search_space: The search space of the call.
        fixed: The fixed features of the call, by name.
    """

    def __init__(
        self, encoding: ParameterEncoding, search_space: SearchSpace, fixed: Mapping[str, Any] | None = None
    ) -> None:
        self.encoding = encoding
        d = len(encoding.columns)
        self.lower, self.upper, self.slack = np.full(d, -np.inf), np.full(d, np.inf), np.full(d, 1e-8)
        self.allowed: dict[int, npt.NDArray[np.float64]] = {}
        for name, column in encoding.columns.items():
            p, values = search_space.parameters.get(name), None
            if isinstance(p, RangeParameter):
                self.lower[column], self.upper[column] = p.lower, p.upper
            elif isinstance(p, ChoiceParameter):
                values = p.values
            elif isinstance(p, FixedParameter):
                values = [p.value]
            if fixed and fixed.get(name) is not None and name in encoding.parameters:
                values = [fixed[name]]
            if values is not None:
                numbers = np.asarray([encoding.encode_value(name, v) for v in values])
                self.allowed[column] = numbers[~np.isnan(numbers)]
            if name in encoding.ranges:
                self.slack[column] *= float(encoding.ranges[name].upper - encoding.ranges[name].lower)
        self.constraints = []
        for weights, bound in linear_constraints(search_space):
            inside = {encoding.columns[n]: w for n, w in weights.items() if n in encoding.parameters}
            outside = {n: w for n, w in weights.items() if n not in encoding.parameters}
            if inside:
                self.constraints.append((np.asarray(list(inside)), np.asarray(list(inside.values())), outside, bound))

    def gauge(self, y: Rows) -> Rows:
        """Replace rows `n x d` by points of their infinite orbits that lie within the bounds, where there are some."""
        lower = np.where(np.isfinite(self.lower), self.lower, self.encoding.lower)
        for column, values in self.allowed.items():
            lower[column] = values.min() if len(values) else lower[column]
        return self.encoding.gauge(y, lower)

    def fits(self, y: Rows) -> npt.NDArray[np.bool_]:
        """Tell which numbers of rows `n x d` lie within the bounds and among the allowed values."""
        good = (y >= self.lower - self.slack) & (y <= self.upper + self.slack)
        for column, values in self.allowed.items():
            good[:, column] &= (np.abs(y[:, column, None] - values) <= self.slack[column]).any(axis=1)
        return good

    def limits(self, others: Mapping[str, Any]) -> list[float]:
        """List what the symmetry's parameters may add up to in each constraint, given a candidate's others."""
        limits = []
        for columns, weights, outside, bound in self.constraints:
            rest = sum(w * float(others[n]) for n, w in outside.items() if others.get(n) is not None)
            limits.append(bound - rest + float(np.abs(weights) @ np.maximum(self.slack[columns], 1e-8)))
        return limits

    def contains(self, y: Rows, others: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
        """Tell which of n images `n x d` of one candidate lie inside.

        Args:
            y: The images.
            others: The candidate's parameters, of which those outside of the symmetry count.
        """
        good = np.asarray(self.fits(y).all(axis=1))
        constraint_values = self.encoding.constraint_values(y)
        for (columns, weights, _, _), limit in zip(self.constraints, self.limits(others)):
            good &= constraint_values[:, columns] @ weights <= limit
        return good

    def least_image(
        self, action: Action, x: Rows, comparison_order: Sequence[int], others: Sequence[Mapping[str, Any]]
    ) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Find the least image inside of the region for each row `n x d`.

        Cost: that of `Action.canonical_points` if the representative is inside; else O(|G|) per row for a group that
        can be written out, and a backtracking search over the arrangements of blocks for a larger one.

        Returns:
            Which rows have an image inside, and these images; the row itself where there is none.
        """
        gauged = self.encoding.gauge(x)
        z = with_mirror_images(gauged, self.encoding.mirrored(gauged))
        y = action.canonical_rows(gauged, z[:, x.shape[1]:], comparison_order)
        inside = np.asarray([self.contains(y[[i]], others[i])[0] for i in range(len(x))], dtype=bool)
        for i in np.flatnonzero(~inside).tolist():
            search = self._by_enumeration if action.order <= ENUMERATION_LIMIT else self._by_arrangement
            image = search(action, z[i], comparison_order, others[i])
            inside[i] = image is not None
            y[i] = x[i] if image is None else image
        return inside, y

    def _by_enumeration(
        self, action: Action, z: Rows, comparison_order: Sequence[int], others: Mapping[str, Any]
    ) -> Rows | None:
        """Compare all images of one row."""
        images = self.gauge(z[action.elements])
        inside = images[self.contains(images, others)]
        return inside[np.lexsort(inside[:, list(comparison_order)].T[::-1])[0]] if len(inside) else None

    def _by_arrangement(
        self, action: Action, z: Rows, comparison_order: Sequence[int], others: Mapping[str, Any]
    ) -> Rows | None:
        """Minimise over one factor after the other, the rest of the row fixed, until nothing changes."""
        y, before = self.gauge(z[None, : action.width])[0], None
        while before is None or not np.array_equal(before, y):
            before = y
            for factor in action.factors:
                gauged = self.encoding.gauge(y[None])
                points = with_mirror_images(gauged, self.encoding.mirrored(gauged))[0]
                candidates = [y] if self.contains(y[None], others)[0] else []
                for coset in factor.coset_representatives:
                    row = gauged[0].copy()
                    row[list(factor.columns)] = points[action.to_row_points(factor, coset)]
                    assignment = _BlockAssignment(self, factor, row, comparison_order, others)
                    candidates += [assignment.row] if assignment.solve() else []
                y = min(candidates, key=lambda row: tuple(row[list(comparison_order)]), default=y)
        return y if self.contains(y[None], others)[0] else None


class _BlockAssignment:
    """Assigns the contents of the blocks of one row to the places: the least assignment inside, by backtracking.

    It looks ahead: every place that is left must have a content that fits, and the least that they can add must keep
    every constraint.
    """

    def __init__(
        self,
        region: FeasibleRegion,
        factor: Factor,
        row: Rows,
        comparison_order: Sequence[int],
        others: Mapping[str, Any],
    ) -> None:
        rank = {column: i for i, column in enumerate(comparison_order)}
        columns = [[factor.columns[j] for j in block] for block in factor.blocks]
        self.places = np.asarray([sorted(place, key=rank.__getitem__) for place in columns], dtype=np.intp)
        self.row = region.gauge(row[None].copy())[0]
        self.contents = np.asarray(sorted(tuple(row[place]) for place in self.places))
        # What each of the m contents becomes in each place (`m x m x slots`), and which of them fit.
        self.placed = np.empty((len(self.contents), *self.places.shape))
        self.fitting = np.empty(self.placed.shape[:2], dtype=bool)
        trial = np.tile(row, (len(self.contents), 1))
        counted = np.empty(trial.shape)
        for p, place in enumerate(self.places):
            trial[:, place] = self.contents
            gauged = region.gauge(trial)
            self.placed[:, p] = gauged[:, place]
            self.fitting[:, p] = region.fits(gauged)[:, place].all(axis=1)
            counted[:, place] = region.encoding.constraint_values(gauged)[:, place]
        for _ in self.places:  # a content that alone fits some place is kept for it
            forced = self.fitting & (self.fitting.sum(axis=0) == 1)
            self.fitting &= forced | ~forced.any(axis=1)[:, None]
        still = np.setdiff1d(np.arange(len(row)), self.places)
        self.possible = bool(region.fits(self.row[None])[0, still].all())
        # Every constraint, sum of weight * value <= limit, is a sum over places: added[content, place] is what a
        # content adds there (inf where it does not fit), and the limit is less what the columns that stay add.
        self.added, self.limits = [], []
        for (used, weights, _, _), limit in zip(region.constraints, region.limits(others)):
            weight = np.zeros(len(row))
            weight[used] = weights
            added = np.stack([counted[:, place] @ weight[place] for place in self.places], axis=1)
            self.added.append(np.where(self.fitting, added, np.inf))
            unmoved = region.encoding.constraint_values(self.row[None])[0, still]
            self.limits.append(limit - float(weight[still] @ unmoved))
        self.budget = SEARCH_BUDGET

    def solve(self) -> bool:
        """Arrange the blocks in `row`; tell whether that succeeded."""
        return self.possible and self._solve(0, list(range(len(self.contents))), [0.0] * len(self.added))

    def _solve(self, position: int, left: list[int], spent: list[float]) -> bool:
        for k, content in enumerate(left):
            if k and (self.contents[content] == self.contents[left[k - 1]]).all():
                continue
            self.budget -= 1
            if self.budget < 0:
                warnings.warn(
                    f"Canonicalize returns a candidate as it was generated: {SEARCH_BUDGET:,} arrangements of its "
                    "blocks hold none that gen's fixed features, search space and constraints allow. Relax them, or "
                    "declare a smaller group.",
                    SymmetryWarning,
                    stacklevel=2,
                )
                return False
            rest = [*left[:k], *left[k + 1:]]
            total = [s + a[content, position] for s, a in zip(spent, self.added)]
            if not self.fitting[content, position] or not self._possible(position + 1, rest, total):
                continue
            if not rest or self._solve(position + 1, rest, total):
                self.row[self.places[position]] = self.placed[content, position]
                return True
            if self.budget < 0:
                return False
        return False

    def _possible(self, position: int, left: list[int], spent: list[float]) -> bool:
        """Tell whether the places from `position` on can still be filled."""
        if not left:
            return all(s <= limit for s, limit in zip(spent, self.limits))
        if not self.fitting[left, position:].any(axis=0).all():
            return False
        return all(s + a[left, position:].min(axis=0).sum() <= x for s, a, x in zip(spent, self.added, self.limits))
