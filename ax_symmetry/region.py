"""Canonical representatives where generation was asked to stay: fixed features, narrower bounds, parameter constraints.

The canonical representative may lie outside of that region. Then the least image inside it takes its place.
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
from ax_symmetry.groups import ENUMERATION_LIMIT
from ax_symmetry.orbits import Action, Factor, Rows, both
from ax_symmetry.codec import Codec, linear_constraints

SEARCH_BUDGET = 20_000
"""Arrangements of blocks that are tried for one candidate of a group too large to write out."""


class Region:
    """What one call of `gen` may return, in the numbers of a `Codec`.

    Args:
        codec: Turns values into numbers.
        search_space: The search space of the call.
        fixed: The fixed features of the call, by name.
    """

    def __init__(self, codec: Codec, search_space: SearchSpace, fixed: Mapping[str, Any] | None = None) -> None:
        self.codec = codec
        d = len(codec.columns)
        self.lower, self.upper = np.full(d, -np.inf), np.full(d, np.inf)
        self.allowed: dict[int, npt.NDArray[np.float64]] = {}
        for name, column in codec.columns.items():
            p = search_space.parameters.get(name)
            declared = codec.parameters.get(name)
            values = None
            if isinstance(p, RangeParameter):
                self.lower[column], self.upper[column] = p.lower, p.upper
            elif isinstance(p, ChoiceParameter):
                values = p.values
            elif isinstance(p, FixedParameter):
                values = [p.value]
            if fixed and fixed.get(name) is not None and declared is not None:
                values = [fixed[name]]
            if values is not None:
                numbers = np.asarray([codec._number(name, v) for v in values])
                self.allowed[column] = numbers[~np.isnan(numbers)]
        spread = np.asarray([_spread(codec.parameters.get(name)) for name in codec.columns])
        self.slack = 1e-8 * spread
        self.constraints = []
        for weights, bound in linear_constraints(search_space):
            inside = {codec.columns[n]: w for n, w in weights.items() if n in codec.parameters}
            outside = {n: w for n, w in weights.items() if n not in codec.parameters}
            if inside:
                self.constraints.append((np.asarray(list(inside)), np.asarray(list(inside.values())), outside, bound))

    def fits(self, y: Rows) -> npt.NDArray[np.bool_]:
        """Tell, number by number, which of rows `n x d` lie within the bounds and among the allowed values."""
        good = (y >= self.lower - self.slack) & (y <= self.upper + self.slack)
        for column, values in self.allowed.items():
            good[:, column] &= (np.abs(y[:, column, None] - values) <= self.slack[column]).any(axis=1)
        return good

    def contains(self, y: Rows, others: Mapping[str, Any], known: Sequence[int] | None = None) -> npt.NDArray[np.bool_]:
        """Tell which of rows `n x d`, images of one candidate, lie inside.

        Args:
            y: The images.
            others: The candidate's parameters outside of the symmetry.
            known: The columns that are settled; the others, and constraints on them, are not looked at. All by default.
        """
        settled = np.arange(y.shape[1]) if known is None else np.asarray(known)
        good = self.fits(y)[:, settled].all(axis=1)
        for columns, weights, outside, bound in self.constraints:
            if known is None or set(columns.tolist()) <= set(known):
                rest = sum(w * float(others[n]) for n, w in outside.items() if others.get(n) is not None)
                slack = np.abs(weights) @ np.maximum(self.slack[columns], 1e-8)
                good &= y[:, columns] @ weights <= bound - rest + slack
        return good

    def least(
        self, action: Action, x: Rows, priority: Sequence[int], others: Sequence[Mapping[str, Any]]
    ) -> tuple[npt.NDArray[np.bool_], Rows]:
        """Find for rows `n x d` the least image inside of the region.

        Cost: that of `Action.least` where the representative is inside; else O(|G|) per row for a group that can be written
        out, and a search with look-ahead over the arrangements of blocks for a larger one.

        Returns:
            Which rows have an image inside, and these images; the row itself where there is none.
        """
        z = both(x, self.codec.mirrored(x))
        y = np.take_along_axis(z, action.least(x, z[:, x.shape[1] :], priority), axis=1)
        inside = np.asarray([self.contains(y[[i]], others[i])[0] for i in range(len(x))], dtype=bool)
        for i in np.flatnonzero(~inside):
            search = self._by_enumeration if action.order <= ENUMERATION_LIMIT else self._by_arrangement
            found = search(action, z[i], priority, others[i])
            inside[i] = found is not None
            y[i] = x[i] if found is None else found
        return inside, y

    def _by_enumeration(self, action: Action, z: Rows, priority: Sequence[int], others: Mapping[str, Any]) -> Rows | None:
        """Look through all images of one row."""
        images = z[action.elements]
        inside = images[self.contains(images, others)]
        return inside[np.lexsort(inside[:, list(priority)].T[::-1])[0]] if len(inside) else None

    def _by_arrangement(self, action: Action, z: Rows, priority: Sequence[int], others: Mapping[str, Any]) -> Rows | None:
        """Improve one factor after the other, the rest of the row as it stands, until nothing changes."""
        y, before = z[: action.width], None
        while before is None or not np.array_equal(before, y):
            before = y
            for factor in action.factors:
                points = both(y[None], self.codec.mirrored(y[None]))[0]
                found = [y] if self.contains(y[None], others)[0] else []
                for coset in factor.cosets:
                    row = y.copy()
                    row[list(factor.columns)] = points[action.widen(factor, coset)]
                    if _Arrangement(self, factor, row, priority, others).fill():
                        found.append(row)
                y = min(found, key=lambda row: tuple(row[list(priority)]), default=y)
        return y if self.contains(y[None], others)[0] else None


class _Arrangement:
    """Arranges the blocks of one row, least first, and goes back where the region does not allow it."""

    def __init__(self, region: Region, factor: Factor, row: Rows, priority: Sequence[int], others: Mapping[str, Any]) -> None:
        rank = {column: i for i, column in enumerate(priority)}
        columns = [[factor.columns[j] for j in block] for block in factor.blocks]
        self.places = [sorted(place, key=rank.__getitem__) for place in columns]
        self.contents = sorted(tuple(row[c] for c in place) for place in self.places)
        self.row = row
        self.inside = lambda known: bool(region.contains(row[None], others, known)[0])
        self.budget = SEARCH_BUDGET

    def fill(self, position: int = 0, left: Sequence[tuple[float, ...]] | None = None) -> bool:
        """Fill the places from `position` on with what is left; tell whether that succeeded."""
        left = self.contents if left is None else left
        waiting = {c for place in self.places[position:] for c in place}
        if not self.inside([c for c in range(len(self.row)) if c not in waiting]):
            return False
        for k, content in enumerate(left):
            if k and content == left[k - 1]:
                continue
            self.budget -= 1
            if self.budget < 0:
                warnings.warn(
                    f"Canonicalize returns a candidate as it was generated: {SEARCH_BUDGET:,} arrangements of its blocks hold "
                    "none that gen's fixed features, search space and constraints allow. Relax them, or declare a smaller group.",
                    SymmetryWarning,
                    stacklevel=2,
                )
                return False
            self.row[self.places[position]] = content
            if self.fill(position + 1, [*left[:k], *left[k + 1 :]]):
                return True
        return not left


def _spread(p: Any) -> float:
    """Measure a parameter's range, in numbers of the codec."""
    return float(p.upper - p.lower) if isinstance(p, RangeParameter) else 1.0
