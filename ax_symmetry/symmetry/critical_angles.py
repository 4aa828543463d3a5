"""Gauge of rotations: the angles at which a set of points may stand for all that it can be turned to.

These are the angles at which a point lies on an axis through the center, and those at which the points just fit into
their bounds. Every set of points that fits at some angle fits at one of these, they are the same from wherever one
starts, and points may trade places or be mirrored at an axis before or after. The least of the images is canonical.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Rows
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.rotate import Rotate

Complex = npt.NDArray[np.complex128]
ROUNDING = 1e-12
"""By how much, as a fraction of its distance from the center, a point may seem not to reach a bound that it touches."""


def turned_rows(row: Rows, part: Rotate, columns: Mapping[str, int], box: Box, shifted: bool) -> Rows:
    """Turn a row by its critical angles.

    Args:
        row: The row, `d`; pairs with nan do not count, and stay.
        part: The rotation.
        columns: The column of every parameter.
        box: Bounds and constraints.
        shifted: Whether the points may be shifted as well, so that they turn about their mean.

    Returns:
        The rows `k x d`; of p points, with bounds of b different widths, k is at most 4 p + 8 p b, or 4 p + 8 p^2 if
        they may be shifted, and 2 for every constraint.
    """
    arms, centers, across, along = _arms(row, part, columns, box, shifted)
    angles = np.concatenate([_aligned(arms), *_touching(arms, centers, across, along, row, box, shifted)])
    return turned_by(row, part, columns, box, shifted, angles if len(angles) else np.zeros(1))


def turned_by(
    row: Rows, part: Rotate, columns: Mapping[str, int], box: Box, shifted: bool, angles: Rows
) -> Rows:
    """Turn a row by k angles; see `turned_rows`."""
    arms, centers, across, along = _arms(row, part, columns, box, shifted)
    turned = arms * np.exp(1j * angles)[:, None]
    tiny = 1e-15 * np.abs(turned).max(initial=0.0)  # on an axis, but for rounding
    rows = np.tile(row, (len(turned), 1))
    for place, numbers, center in ((across, turned.real, centers.real), (along, turned.imag, centers.imag)):
        rows[:, place] = center + np.where(np.abs(numbers) <= tiny, 0.0, numbers)
    return rows


def _arms(
    row: Rows, part: Rotate, columns: Mapping[str, int], box: Box, shifted: bool
) -> tuple[Complex, Complex, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the points that count from what they turn about, and that, as complex numbers, and their columns."""
    across, along = (np.asarray([columns[pair[side]] for pair in part.pairs]) for side in (0, 1))
    there = ~np.isnan(row[across]) & ~np.isnan(row[along])
    across, along = across[there], along[there]
    points = row[across] + 1j * row[along]
    if shifted:
        centers = np.full(len(points), points.mean() if len(points) else 0j)
    elif part.center is not None:
        centers = np.full(len(points), complex(*part.center))
    else:
        centers = box.middle[across] + 1j * box.middle[along]
    return points - centers, centers, across, along


def _aligned(arms: Complex) -> Rows:
    """Return the angles that bring a point to an axis."""
    longest = np.abs(arms).max(initial=0.0)
    away = arms[np.abs(arms) > 1e-9 * longest]
    return (-np.angle(away)[:, None] + np.arange(4) * np.pi / 2).ravel()


def _touching(
    arms: Complex,
    centers: Complex,
    across: npt.NDArray[np.intp],
    along: npt.NDArray[np.intp],
    row: Rows,
    box: Box,
    shifted: bool,
) -> list[Rows]:
    """Return the angles at which `Re(arm e^(i angle))` reaches a limit, for all bounds and constraints.

    Points may trade places, so that each may reach the bounds of any, and be mirrored, so that it may do so on any
    side. If they may be shifted, the distance of two points is limited by the widest bounds.
    """
    reaches = []
    for columns, center in ((across, centers.real), (along, centers.imag)):
        lower, upper = box.lower[columns], box.upper[columns]
        if not np.isfinite(upper).all() or not len(columns):
            continue
        if shifted:
            reaches.append(np.asarray([upper.max() - lower.min()]))
        else:
            reaches += [np.abs(lower - center), np.abs(upper - center)]
    if shifted:
        arms = np.asarray([one - other for one, other in combinations(arms, 2)], dtype=complex)
    ends = np.concatenate([*reaches, np.zeros(0)])
    scale = np.abs(ends).max(initial=0.0) or 1.0
    ends = np.unique(np.round(ends / scale, 12)) * scale
    sides = np.asarray([1, -1, 1j, -1j])
    found = [_reaching((arms[:, None] * sides)[..., None], ends)]
    if shifted:
        return found
    for weights, limit in zip(box.weights, box.limits):
        total = (arms * (weights[across] - 1j * weights[along])).sum()
        still = row.copy()
        still[across], still[along] = centers.real, centers.imag
        value = limit - np.where(np.isnan(still), box.lower, still) @ weights
        found.append(_reaching(np.asarray(total), np.asarray(value)))
    return found


def _reaching(arms: Complex, values: Rows) -> Rows:
    """Return the angles by which arms must turn so that their real parts are values; arrays that broadcast."""
    lengths = np.abs(arms)
    near = (lengths > 0) & (np.abs(values) <= lengths * (1 + ROUNDING))
    lengths, arms, values = (np.broadcast_to(a, near.shape)[near] for a in (lengths, arms, values))
    half = np.arccos(np.clip(values / lengths, -1.0, 1.0))
    return np.concatenate([half, -half]) - np.tile(np.angle(arms), 2)
