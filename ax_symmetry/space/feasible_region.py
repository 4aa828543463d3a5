"""The region to which a call of `gen` is confined: by fixed features, narrower bounds, parameter constraints.

Where the canonical representative lies outside of that region, the least image inside takes its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter, FixedParameter, RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.groups.actions import Action, Factor, Rows, with_mirror_images
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.space.block_places import BlockPlaces
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.distinct import repeats
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.box import Box

ROUNDS = 20
"""How often blocks are arranged anew at most, where one arrangement follows from another."""


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

    def gauge(self, y: Rows, others: Mapping[str, Any]) -> Rows:
        """Replace rows `n x d` by points of their infinite orbits that lie inside, where there are some.

        Args:
            y: The rows.
            others: A candidate's parameters, of which those outside of the symmetry count.
        """
        return self.encoding.gauge(y, self._box_for(others))

    def _box_for(self, others: Mapping[str, Any]) -> Box:
        """Return where rows may lie, given a candidate's other parameters."""
        weights = np.zeros((len(self.constraints), len(self.lower)))
        for row, (columns, own, _, _) in zip(weights, self.constraints):
            row[columns] = own
        return replace(self._box, weights=weights, limits=np.asarray(self.limits(others, with_slack=False)))

    def gauge_each(self, y: Rows) -> Rows:
        """Do so for every number by itself, and leave those alone that only move together."""
        return self.encoding.gauge(y, self._box, each=True)

    @cached_property
    def _box(self) -> Box:
        """Where rows may lie, but for parameter constraints."""
        box = self.encoding.box
        lower, upper = box.lower.copy(), box.upper.copy()
        bounded = np.isfinite(self.lower)
        lower[bounded], upper[bounded] = self.lower[bounded], self.upper[bounded]
        for column, values in self.allowed.items():
            if len(values):
                lower[column], upper[column] = values.min(), values.max()
        return replace(box, lower=lower, upper=upper)

    def fits(self, y: Rows) -> npt.NDArray[np.bool_]:
        """Tell which numbers of rows `n x d` lie within the bounds and among the allowed values."""
        good = (y >= self.lower - self.slack) & (y <= self.upper + self.slack)
        for column, values in self.allowed.items():
            good[:, column] &= (np.abs(y[:, column, None] - values) <= self.slack[column]).any(axis=1)
        return good

    def limits(self, others: Mapping[str, Any], with_slack: bool = True) -> list[float]:
        """List what the symmetry's parameters may add up to in each constraint, given a candidate's others."""
        limits = []
        for columns, weights, outside, bound in self.constraints:
            rest = sum(w * float(others[n]) for n, w in outside.items() if others.get(n) is not None)
            slack = float(np.abs(weights) @ np.maximum(self.slack[columns], 1e-8)) if with_slack else 0.0
            limits.append(bound - rest + slack)
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
        can be written out, and some hundred linear assignment problems for the arrangements of many blocks (see
        `arrangement`). With a rotation that of every critical angle.

        Returns:
            Which rows have an image inside, and these images; the row itself where there is none, or the representative
            where a value is there twice that must differ between blocks.
        """
        if self.encoding.symmetry.turned is None:
            return self._least_image(action, x, comparison_order, others)
        inside, y = np.zeros(len(x), dtype=bool), x.copy()
        for i, row in enumerate(x):
            turned = np.vstack([self.encoding.turned(row, self._box_for(others[i])), row])
            fit, images = self._least_image(action, turned, comparison_order, [others[i]] * len(turned))
            at_angles = images[:-1][fit[:-1]]  # the row as it is only if no critical angle keeps the constraints
            found = at_angles if len(at_angles) else images[-1:]
            inside[i] = fit.any()
            y[i] = found[self.encoding.ascending(found, comparison_order)[0]]
        return inside, self.encoding.unmoved(x, y)

    def _least_image(
        self, action: Action, x: Rows, comparison_order: Sequence[int], others: Sequence[Mapping[str, Any]]
    ) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Do so for rows that are turned already."""
        gauged = self.encoding.gauge(x)
        z = with_mirror_images(gauged, self.encoding.mirrored(gauged))
        mirrored = z[:, x.shape[1]:]
        compared = self.encoding.compared_points(gauged, mirrored)
        y = action.canonical_rows(gauged, mirrored, comparison_order, compared)
        repeated = repeats(self.encoding, gauged)  # then in every image
        inside = np.asarray([self.contains(y[[i]], others[i])[0] for i in range(len(x))], dtype=bool) & ~repeated
        for i in np.flatnonzero(~inside & ~repeated).tolist():
            search = self._by_enumeration if action.order <= ENUMERATION_LIMIT else self._by_arrangement
            image = search(action, z[i], comparison_order, others[i])
            inside[i] = image is not None
            y[i] = x[i] if image is None else image
        return inside, self.encoding.unmoved(x, y) if self.encoding.symmetry.directions else y

    def _by_enumeration(
        self, action: Action, z: Rows, comparison_order: Sequence[int], others: Mapping[str, Any]
    ) -> Rows | None:
        """Compare all images of one row."""
        images = self.gauge(z[action.elements], others)
        inside = images[self.contains(images, others)]
        return inside[self.encoding.ascending(inside, comparison_order)[0]] if len(inside) else None

    def _by_arrangement(
        self, action: Action, z: Rows, comparison_order: Sequence[int], others: Mapping[str, Any]
    ) -> Rows | None:
        """Arrange the blocks of one row, for every element of the group that does more than that.

        If these are too many, one factor after the other, until nothing changes; that may miss the least image where a
        constraint ties two factors.
        """
        y, before = z[: action.width], None
        at_once = prod(len(factor.coset_representatives) for factor in action.factors) <= ENUMERATION_LIMIT
        settled = at_once or not self._ties(action.factors)
        moves_together, rounds = bool(self.encoding.symmetry.directions), 0
        while before is None or not (at_once and not moves_together or np.array_equal(before, y)):
            before, rounds = y, rounds + 1
            if moves_together and rounds > ROUNDS:
                break
            y = self.gauge(y[None], others)[0]
            for factors in [action.factors] if at_once else [(factor,) for factor in action.factors]:
                y, known = self._least_under(factors, y, comparison_order, others)
                settled &= known
        inside = bool(self.contains(y[None], others)[0])
        if not settled:
            outcome = (
                "may have missed the first order of a candidate's blocks that gen's fixed features, search space and "
                "constraints allow; the candidate comes back in another one that is allowed"
                if inside
                else "found no order of a candidate's blocks that gen's fixed features, search space and constraints "
                "allow, though there may be one; the candidate comes back as it was generated"
            )
            warnings.warn(
                f"Canonicalize: the search gave up and {outcome}. Relax the constraints, or declare a smaller group.",
                SymmetryWarning,
                stacklevel=2,
            )
        return y if inside else None

    def _ties(self, factors: Sequence[Factor]) -> bool:
        """Tell whether a constraint is about the columns of more than one factor."""
        return any(
            sum(bool(np.isin(columns, factor.columns).any()) for factor in factors) > 1
            for columns, _, _, _ in self.constraints
        )

    def _least_under(
        self, factors: Sequence[Factor], y: Rows, comparison_order: Sequence[int], others: Mapping[str, Any]
    ) -> tuple[Rows, bool]:
        """Find the least image of one row under some factors; tell whether it is known to be that.

        It is the row itself where there is none inside.
        """
        gauged = self.encoding.gauge(y[None])
        points = with_mirror_images(gauged, self.encoding.mirrored(gauged))[0]
        rows = points[Action(len(y), tuple(replace(factor, blocks=()) for factor in factors)).elements]
        blocks = [factor for factor in factors if factor.blocks]
        # No arrangement of a row comes before the one in which its blocks are sorted, unless the gauge changes them.
        sort = Action(len(y), tuple(replace(factor, generators=()) for factor in blocks))
        compared = self.encoding.compared(rows)
        unmirrored = np.full_like(rows, np.nan)
        first = sort.canonical_rows(rows, None, comparison_order, np.hstack([compared, unmirrored]))
        is_bound = np.array_equal(self.gauge(first, others), first)
        ascending, first = self.encoding.ascending(first, comparison_order), self.encoding.compared(first)
        best, settled = None, True
        for i in ascending:
            if best is not None and is_bound and self._key(best, comparison_order) <= _key(first[i], comparison_order):
                break
            image, known = BlockPlaces(self, blocks, rows[i], comparison_order, others).least()
            settled &= known
            if image is not None and (
                best is None or self._key(image, comparison_order) < self._key(best, comparison_order)
            ):
                best = image
        if best is None and self.contains(y[None], others)[0]:  # the search gave up
            best = BlockPlaces(self, blocks, y, comparison_order, others).sorted_among_alike()
        return (y if best is None else best), settled

    def _key(self, row: Rows, comparison_order: Sequence[int]) -> tuple[float, ...]:
        return _key(self.encoding.compared(row[None])[0], comparison_order)


def _key(row: Rows, comparison_order: Sequence[int]) -> tuple[float, ...]:
    return tuple(row[list(comparison_order)].tolist())
