"""Slots whose values differ between the blocks that are there: which rows break that, and what they become."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import numpy.typing as npt
from ax.core.parameter import ChoiceParameter
from scipy.optimize import linear_sum_assignment

from ax_symmetry.groups.actions import Rows
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.inert import absent_values

if TYPE_CHECKING:
    from ax_symmetry.space.feasible_region import FeasibleRegion

TIE = 1e-3
"""Less than any difference of distances: among values that are equally near, chance decides."""


def repeats(encoding: ParameterEncoding, x: Rows) -> npt.NDArray[np.bool_]:
    """Tell which of n rows `n x d` have a value twice in a slot where blocks must differ."""
    found, slots = np.zeros(len(x), dtype=bool), _slots(encoding)
    if not slots:
        return found
    numbers = np.where(encoding.there(x), x, np.nan)
    for columns in slots:
        values = np.sort(numbers[:, columns], axis=1)
        found |= (values[:, 1:] == values[:, :-1]).any(axis=1)
    return found


def without_repeats(region: FeasibleRegion, x: Rows) -> Rows:
    """Give blocks in rows `n x d` the nearest other values, where two blocks have the same and must not.

    How far whole numbers and ordered choices move is counted in steps, and every other value of a choice without an
    order is equally near; among the nearest the row's own bits choose, so that the same row becomes the same. A row
    stays where fixed features or a narrower search space leave too few values. Cost: a linear assignment problem of the
    blocks and the values for each row that has repeats.
    """
    x, encoding = x.copy(), region.encoding
    for i in np.flatnonzero(repeats(encoding, x)).tolist():
        chance = np.random.default_rng(crc32(x[i].tobytes()))
        for columns in _slots(encoding):
            there = [c for c in columns if encoding.there(x[[i]])[0, c]]
            options = [_options(region, c, x[i, c], len(there)) for c in there]
            values = np.unique(np.concatenate(options)) if options else np.empty(0)
            cost = np.full((len(there), len(values)), np.inf)
            for row, (c, allowed) in enumerate(zip(there, options)):
                at = np.searchsorted(values, allowed)
                cost[row, at] = _distances(encoding, c, x[i, c], allowed) + TIE * chance.random(len(at))
            if len(values) < len(there):
                continue
            try:
                _, chosen = linear_sum_assignment(cost)
            except ValueError:  # no assignment without a value that is not allowed
                continue
            x[i, there] = values[chosen]
    return x


def _slots(encoding: ParameterEncoding) -> list[list[int]]:
    return [[encoding.columns[name] for name in names] for names in encoding.symmetry.distinct]


def _options(region: FeasibleRegion, column: int, value: float, m: int) -> npt.NDArray[np.float64]:
    """List the numbers, enough of the nearest, that one of m blocks may have in a column."""
    options = region.allowed.get(column)
    if options is None:
        lowest = max(np.ceil(region.lower[column]), np.round(value) - m)
        options = np.arange(lowest, min(np.floor(region.upper[column]), np.round(value) + m) + 1)
    encoding, name = region.encoding, region.encoding.symmetry.parameters[column]
    makes_absent = [encoding.encode_value(name, v) for v in absent_values(encoding.symmetry, encoding.inert, name)]
    return options[~np.isin(options, makes_absent)]


def _distances(
    encoding: ParameterEncoding, column: int, value: float, others: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    p = encoding.parameters[encoding.symmetry.parameters[column]]
    unordered = isinstance(p, ChoiceParameter) and not p.is_ordered
    return (others != value).astype(float) if unordered else np.abs(others - value)
