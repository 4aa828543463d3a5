"""Partial augmentation: which images of a row to keep where the whole orbit is too much.

All candidates lie in the fundamental domain, so the images that teach most are those in it or close to its walls. A
random subset of every orbit is approximate, at a rate that Tahmasebi, Weber and Jegelka give ("Data Augmentation: A
Fourier Analysis Perspective", COLT 2026).
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Action, PointIndices, Rows, with_mirror_images
from ax_symmetry.groups.fundamental_domain import Wall, distance_to_domain, walls
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT


def select_images(
    action: Action,
    x: Rows,
    mirrored: Rows,
    *,
    max_images: int,
    select: str,
    seed: int,
    comparison_order: Sequence[int],
    units: Callable[[Rows], Rows],
) -> tuple[npt.NDArray[np.intp], PointIndices]:
    """List at most `max_images` distinct images of every row, the row itself first.

    Args:
        action: The group; it may be far too large to write out.
        x: Rows `n x d`.
        mirrored: The same rows with every column mirrored, `n x d`.
        max_images: How many to keep, the row itself among them.
        select: `"nearest"` keeps those nearest to the fundamental domain, `"random"` a random subset.
        seed: Seed of the random subset, which depends on the row and not on its neighbours.
        comparison_order: The columns in the order of comparison.
        units: Scales columns so that distances along them compare, `n x d` to `n x d`.

    Returns:
        As `Action.images`: the row of every image, and its points. O(n |G| d) for a group that can be written out; O(n
        `max_images` m^3) for the symmetric group on m blocks.

    Raises:
        SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
    """
    found = walls(action, comparison_order)
    z, d = with_mirror_images(x, mirrored), action.width
    scaled = np.hstack([units(z[:, :d]), units(z[:, d:])])
    canonical, sizes = action.canonical_points(x, mirrored, comparison_order), action.orbit_sizes(x, mirrored)
    rows: list[int] = []
    kept: list[PointIndices] = []
    for i in range(len(x)):
        rng = np.random.default_rng([seed, zlib.crc32(x[i].tobytes())])
        if select == "random":
            candidates = _random(action, rng)
        elif action.order <= ENUMERATION_LIMIT:
            candidates = iter(
                action.elements[np.argsort(distance_to_domain(scaled[i], found, action.elements), kind="stable")]
            )
        else:
            candidates = _nearest(action, z[i], scaled[i], found, canonical[i])
        chosen = {_value(x[i]): np.arange(d)}
        for points in candidates:
            if len(chosen) == min(max_images, sizes[i]):
                break
            chosen.setdefault(_value(z[i, points]), points)
        rows += [i] * len(chosen)
        kept += chosen.values()
    return np.asarray(rows, dtype=np.intp), np.asarray(kept, dtype=np.intp).reshape(-1, d)


def _value(row: Rows) -> bytes:
    """Make what equal rows have in common, also where one of them holds -0.0."""
    return (row + 0.0).tobytes()


def _random(action: Action, rng: np.random.Generator) -> Iterator[PointIndices]:
    """Draw elements at random without end, each element as likely as any other."""
    while True:
        points = np.arange(action.width)
        for factor in action.factors:
            element = factor.coset_representatives[rng.integers(len(factor.coset_representatives))]
            if factor.blocks:
                blocks = np.asarray(factor.blocks)
                arrangement = np.arange(len(factor.columns))
                arrangement[blocks.ravel()] = blocks[rng.permutation(len(blocks))].ravel()
                element = element[arrangement]
            points[list(factor.columns)] = action.to_row_points(factor, element)
        yield points


def _nearest(
    action: Action, z: Rows, units: Rows, found: Sequence[Wall], start: PointIndices
) -> Iterator[PointIndices]:
    """Walk through an orbit outwards from the canonical representative, nearest images first.

    A step swaps two neighbouring blocks or applies a generator. Where all blocks trade places, with a mirror in each or
    without, the walls are those of a reflection group, and a step away from the domain crosses one wall more (the weak
    Bruhat order): distances grow along such paths and the order is exact. For other groups it is that of the steps.
    """
    heap = [(0.0, 0, start)]
    seen = {_value(z[start])}
    while heap:
        points = heapq.heappop(heap)[-1]
        yield points
        moved = np.concatenate([points, (points + action.width) % (2 * action.width)])
        candidates = moved[action.generators]
        for candidate, far in zip(candidates, distance_to_domain(units, found, candidates).tolist()):
            if _value(z[candidate]) not in seen:
                seen.add(_value(z[candidate]))
                heapq.heappush(heap, (far, len(seen), candidate))
