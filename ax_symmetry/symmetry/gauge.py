"""Gauge of translations: the point of a line, or plane, of equal points that stands for them all.

It is the one nearest to the middle of the ranges within the bounds, so that what is moved together keeps the weighted
mean of the middle (of logarithms, the weighted geometric mean) wherever the bounds allow it. That depends on the line
alone, and blocks may trade places before or after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Rows
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.translation import Direction, independent_sets

ROUNDING = 1e-11
"""A point that is nearer to the one sought than this fraction of the ranges is that one, to the last bit."""
CHUNK = 2**22
"""How many numbers are held at once."""


def gauge_translations(x: Rows, directions: Sequence[Direction], columns: Mapping[str, int], box: Box) -> Rows:
    """Replace rows by the points of their lines that are nearest to the middle, within a box.

    Where no point of a line lies within the box, the nearest of all is taken.

    Args:
        x: Rows `n x d`; numbers that are nan do not count, and stay.
        directions: The directions of the lines, independent of each other.
        columns: The column of every parameter.
        box: The box.

    Returns:
        The points, `n x d`; where that is x itself but for rounding, to the last bit.
    """
    x = x.copy()
    for own in _tied(directions, columns, box.weights.reshape(-1, x.shape[1])):
        span, lines = _lines(x, own, columns, box)
        steps = box.steps[span.any(axis=0)]
        x = _moved(x, own, span, lines.steps(steps) if len(own) == 1 else lines.nearest(), columns, box)
    return x


def moved_along(
    row: Rows, directions: Sequence[Direction], columns: Mapping[str, int], box: Box, shares: Sequence[float]
) -> Rows:
    """Move a row `d` along one direction after the other, by shares from 0 to 1 of what the box allows."""
    x = row[None]
    for one, share in zip(directions, shares):
        span, lines = _lines(x, [one], columns, box)
        least, most, step = lines.interval(box.steps[span.any(axis=0)])
        t = least + share * (most - least)
        if step > 0:
            t = least + step * np.floor(share * ((most - least) / step + 1))
        x = _moved(x, [one], span, t[:, None], columns, box)
    return np.asarray(x[0])


def _lines(x: Rows, own: Sequence[Direction], columns: Mapping[str, int], box: Box) -> tuple[Rows, _Lines]:
    """Return some directions, `r x d`, and the lines of rows along them."""
    span = np.zeros((len(own), x.shape[1]))
    for row, one in zip(span, own):
        row[[columns[name] for name in one.names]] = [weight for _, weight in one.weights]
    used, logs = np.flatnonzero(span.any(axis=0)), _logs(own, span, columns)
    coordinates = x[:, used]
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(coordinates[:, logs])
    coordinates[:, logs] = np.where(np.isfinite(logarithms), logarithms, np.nan)
    size = np.where(logs, 1.0, np.maximum(np.abs(x[:, used]), box.magnitude[used]))
    return span, _Lines(span[:, used], coordinates, *_limits(x, span, used, logs, box), box.middle[used], size)


def _logs(own: Sequence[Direction], span: Rows, columns: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    """Tell which of the columns that directions move do so by their logarithms."""
    return np.isin(np.flatnonzero(span.any(axis=0)), [columns[n] for one in own if one.is_log for n in one.names])


def _moved(
    x: Rows, own: Sequence[Direction], span: Rows, t: Rows, columns: Mapping[str, int], box: Box
) -> Rows:
    """Move rows by t `n x r` along directions; those that do not move stay to the last bit."""
    x, used, logs = x.copy(), np.flatnonzero(span.any(axis=0)), _logs(own, span, columns)
    with np.errstate(over="ignore", invalid="ignore"):  # what has no logarithm stays
        moved = np.where(logs, x[:, used] * np.exp(t @ span[:, used] * logs), x[:, used] + t @ span[:, used])
    x[:, used] = np.where(np.isnan(moved), x[:, used], moved)
    x[:, used] = box.snapped(x)[:, used]
    return x


def _tied(
    directions: Sequence[Direction], columns: Mapping[str, int], weights: Rows
) -> list[list[Direction]]:
    """Group directions that share parameters, or that a linear constraint ties."""
    sets = independent_sets(directions)
    for row in weights:
        tied = [own for own in sets if any(row[[columns[n] for n in one.names]].any() for one in own)]
        if len(tied) > 1:
            sets = [own for own in sets if own not in tied] + [[one for own in tied for one in own]]
    return sets


def _limits(
    x: Rows, span: Rows, used: npt.NDArray[np.intp], logs: npt.NDArray[np.bool_], box: Box
) -> tuple[Rows, Rows]:
    """Write bounds and constraints as `a t <= b`: a `J x r`, and b `n x J`, inf where a number does not count."""
    own, bounded = span[:, used], np.isfinite(box.upper[used])
    lower, upper, numbers = box.lower[used], box.upper[used], x[:, used]
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(logs, np.log(upper / numbers), upper - numbers)[:, bounded]
        below = np.where(logs, np.log(numbers / lower), numbers - lower)[:, bounded]
    counted = np.flatnonzero((box.weights.reshape(-1, x.shape[1]) @ span.T).any(axis=1))
    weights = box.weights.reshape(-1, x.shape[1])[counted]
    left = box.limits[counted] - np.where(np.isnan(x), box.lower, x) @ weights.T
    a = np.concatenate([own[:, bounded].T, -own[:, bounded].T, weights @ span.T])
    b = np.concatenate([above, below, left], axis=1)
    return a, np.where(np.isnan(b), np.inf, b)


class _Lines:
    """Points with the directions in which they may move.

    Args:
        span: The r directions, `r x c`.
        points: The points, `n x c`; nan does not count.
        a, b: The limits `a t <= b`, `J x r` and `n x J`.
        middle: What the points are to be near to, `c`.
        size: How large the numbers are of which points are made, `n x c`; rounding errors are small beside these.
    """

    def __init__(self, span: Rows, points: Rows, a: Rows, b: Rows, middle: Rows, size: Rows) -> None:
        self.span, self.a, self.b = span, a, b
        self.there = ~np.isnan(points)
        self.near = ROUNDING * np.where(self.there, size, 0.0).max(axis=1, initial=0.0)
        self.away = np.where(self.there, middle - points, 0.0)

    def steps(self, grid: Rows) -> Rows:
        """Find for one direction how far the points must move, `n x 1`: in whole steps where numbers are on a grid."""
        weights = self.span[0]
        squares = self.there @ weights**2
        wanted = self.away @ weights / np.where(squares > 0, squares, 1.0)
        least, most, step = self.interval(grid)
        near = self.near / np.abs(weights).min()
        if step > 0:
            wanted = np.floor(wanted / step + 0.5 + 1e-9) * step
        t = np.where(least <= most + near, np.clip(wanted, least, np.maximum(most, least)), wanted)
        return np.where((np.abs(t) <= near) | (squares == 0), 0.0, t)[:, None]

    def interval(self, grid: Rows) -> tuple[Rows, Rows, float]:
        """Find for one direction the least and the most that points may move, `n`, and the step that a grid asks for.

        Args:
            grid: The steps of the c columns, 0 of those on no grid.
        """
        slope = self.a[:, 0]
        least = np.max(self.b[:, slope < 0] / slope[slope < 0], axis=1, initial=-np.inf)
        most = np.min(self.b[:, slope > 0] / slope[slope > 0], axis=1, initial=np.inf)
        step = float(np.max(grid / np.abs(self.span[0]), initial=0.0))
        if step > 0:
            least, most = np.ceil(least / step - 1e-6) * step, np.floor(most / step + 1e-6) * step
        return least, most, step

    def nearest(self) -> Rows:
        """Find for several directions how far the points must move, `n x r`: a least-squares problem for each."""
        found = np.zeros((len(self.away), len(self.span)))
        patterns, which = np.unique(self.there, axis=0, return_inverse=True)
        for number, there in enumerate(patterns):
            rows = np.flatnonzero(which.ravel() == number)
            inverse = np.linalg.pinv((self.span * there).T)  # from steps that are wanted to t
            t = _within(inverse, self.away[rows] @ inverse.T, self.a, self.b[rows], self.near[rows])
            still = np.abs(t @ (self.span * there)).max(axis=1, initial=0.0) <= self.near[rows]
            found[rows] = np.where(still[:, None], 0.0, t)
        return found


def _within(inverse: Rows, free: Rows, a: Rows, b: Rows, near: Rows) -> Rows:
    """Return for n points the t `n x r` with `a t <= b` whose point is nearest to that of `free`, `n x r`.

    Points are as far apart as the z with `t = free + root z`. The least z with `g z >= h` is the least one for which
    some of these are equalities: all sets of up to r of the J limits are tried, so that the cost is O(J^r).

    Returns:
        The t; `free` itself where no t keeps the limits.
    """
    u, s, _ = np.linalg.svd(inverse, full_matrices=False)
    root = u * s
    g, h = -a @ root, free @ a.T - b
    unit = np.linalg.norm(g, axis=1)
    g, h = g[unit > 1e-12] / unit[unit > 1e-12, None], h[:, unit > 1e-12] / unit[unit > 1e-12]
    best, least = np.zeros((len(free), len(s))), np.where((h <= near[:, None]).all(axis=1), 0.0, np.inf)
    for k in range(1, len(s) + 1):
        sets = np.asarray(list(combinations(range(len(g)), k)), dtype=np.intp).reshape(-1, k)
        for own in np.array_split(sets, len(sets) * len(h) * len(g) // CHUNK + 1):
            z = np.einsum("srk,nsk->nsr", np.linalg.pinv(g[own]), np.where(np.isfinite(h), h, np.nan)[:, own])
            length = np.linalg.norm(z, axis=-1)
            length[~(z @ g.T >= h[:, None] - near[:, None, None]).all(axis=-1)] = np.inf
            first = length.argmin(axis=1) if len(own) else np.zeros(len(h), dtype=np.intp)
            for row in np.flatnonzero(np.isfinite(length).any(axis=1)):
                if length[row, first[row]] < least[row]:
                    best[row], least[row] = z[row, first[row]], length[row, first[row]]
    return free + best @ root.T
