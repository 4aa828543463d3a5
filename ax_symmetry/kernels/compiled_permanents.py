"""Permanents in compiled code, if numba is installed, much faster than torch's operations.

A subset of the columns is a number, whose bits are its members. With k members, its permanent is that of the first k
rows with these columns, expanded by the last of the rows. The derivatives by the entries follow by the reverse sweep
through the same expansions. Several matrices go side by side, such that they fill the registers of a processor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

LANES = 64
"""How many matrices go side by side; with fewer, a loop over them takes less time than its own preparation."""

LARGEST = 20
"""Up to how many rows: what is known of all subsets takes 1 GiB then."""


@lru_cache(maxsize=None)
def compiled() -> Callable[..., None] | None:
    """Return the compiled function; None if there is no numba, or none that can be imported with this NumPy."""
    try:
        from numba import njit
    except ImportError:
        return None
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return njit(_permanents, cache=True, **options)
    except RuntimeError:  # no folder to keep it in
        return njit(_permanents, **options)


def permanents(entries: np.ndarray, with_minors: bool) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Compute permanents, and by request those of all minors.

    Args:
        entries: `m x m x N` doubles.
        with_minors: Whether to compute the minors'.

    Returns:
        The permanents `N`, and the minors' `m x m x N`, without row i and column j. They take O(N m 2^m) operations on
        one thread, and 2^(m + 10) bytes. None if nothing is compiled.
    """
    function = compiled()
    if function is None:
        return None
    values, minors = np.empty(entries.shape[2]), np.empty(entries.shape if with_minors else (0, 0, 0))
    function(np.ascontiguousarray(entries), values, minors, with_minors)
    return values, minors if with_minors else None


def _permanents(entries: np.ndarray, values: np.ndarray, minors: np.ndarray, with_minors: bool) -> None:
    """Fill in permanents and minors; loops in place of slices, which numba compiles slowly."""
    m, size = entries.shape[0], entries.shape[2]
    subsets = 1 << m
    row_of = np.zeros(subsets, np.int64)  # the last of the rows: one less than there are members
    row_of[0] = -1
    for subset in range(1, subsets):
        row_of[subset] = row_of[subset >> 1] + (subset & 1)
    permanent, by_permanent = np.ones((subsets, LANES)), np.empty((subsets, LANES))  # its value, and derivatives by it
    entry, by_entry = np.ones((m, m, LANES)), np.empty((m, m, LANES))
    for start in range(0, size, LANES):
        lanes = min(LANES, size - start)
        for i in range(m):
            for j in range(m):
                for lane in range(lanes):
                    entry[i, j, lane] = entries[i, j, start + lane]
        for subset in range(1, subsets):
            row = row_of[subset]
            for lane in range(LANES):
                permanent[subset, lane] = 0.0
            for column in range(m):
                if (subset >> column) & 1:
                    rest = subset ^ (1 << column)
                    for lane in range(LANES):
                        permanent[subset, lane] += permanent[rest, lane] * entry[row, column, lane]
        for lane in range(lanes):
            values[start + lane] = permanent[subsets - 1, lane]
        if not with_minors:
            continue
        by_permanent.fill(0.0)
        by_entry.fill(0.0)
        for lane in range(LANES):
            by_permanent[subsets - 1, lane] = 1.0
        for subset in range(subsets - 1, 0, -1):
            row = row_of[subset]
            for column in range(m):
                if (subset >> column) & 1:
                    rest = subset ^ (1 << column)
                    for lane in range(LANES):
                        by_entry[row, column, lane] += by_permanent[subset, lane] * permanent[rest, lane]
                        by_permanent[rest, lane] += by_permanent[subset, lane] * entry[row, column, lane]
        for i in range(m):
            for j in range(m):
                for lane in range(lanes):
                    minors[i, j, start + lane] = by_entry[i, j, lane]
