"""Partial augmentation: which images of a row to keep where the whole orbit is too large.

Candidates lie in the fundamental domain, so the images that teach most are those in it or close to its walls. A random
subset of every orbit is approximate, at a rate given by Tahmasebi, Weber and Jegelka ("Data Augmentation: A Fourier
Analysis Perspective", COLT 2026).
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
    """Choose at most `max_images` distinct images of every row, the row itself first.

    Args:
        action: The group, of any size.
        x: Rows `n x d`.
        mirrored: The same rows with every column mirrored, `n x d`.
        max_images: How many to keep, the row itself among them.
        select: `"nearest"` keeps those nearest to the fundamental domain, `"random"` a random subset.
        seed: Seed of the random subset, which depends on the row and not on its neighbours.
        comparison_order: The columns in the order of comparison.
        units: Scales the columns of rows `n x d` so that distances along them compare.

    Returns:
        For each of the N images the index of its row (`N`) and its points (`N x d`), as `Action.images` does. O(n |G|
        d) for a group that can be written out; O(n `max_images` m^3) for the symmetric group on m blocks.

    Raises:
        SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
    """
    limits = walls(action, comparison_order)
    z, d = with_mirror_images(x, mirrored), action.width
    scaled = np.hstack([units(z[:, :d]), units(z[:, d:])])
    canonical, sizes = action.canonical_points(x, mirrored, comparison_order), action.orbit_sizes(x, mirrored)
    rows: list[int] = []
    kept: list[PointIndices] = []
    for i in range(len(x)):
        rng = np.random.default_rng([seed, zlib.crc32(x[i].tobytes())])
        if select == "random":
            candidates = random_elements(action, rng)
        elif action.order <= ENUMERATION_LIMIT:
            distances = distance_to_domain(scaled[i], limits, action.elements)
            candidates = iter(action.elements[np.argsort(distances, kind="stable")])
        else:
            candidates = _nearest(action, z[i], scaled[i], limits, canonical[i])
        chosen = {_key(x[i]): np.arange(d)}
        for points in candidates:
            if len(chosen) == min(max_images, sizes[i]):
                break
            chosen.setdefault(_key(z[i, points]), points)
        rows += [i] * len(chosen)
        kept += chosen.values()
    return np.asarray(rows, dtype=np.intp), np.asarray(kept, dtype=np.intp).reshape(-1, d)


def _key(row: Rows) -> bytes:
    """Return a key that equal rows share; 0.0 and -0.0 are equal."""
    return (row + 0.0).tobytes()


def random_elements(action: Action, rng: np.random.Generator) -> Iterator[PointIndices]:
    """Draw elements uniformly at random, without end."""
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
    action: Action, z: Rows, units: Rows, limits: Sequence[Wall], start: PointIndices
) -> Iterator[PointIndices]:
    """Walk through an orbit outwards from the canonical representative, nearest images first: best-first search.

    A step applies a generator. For a reflection group (the symmetric group on blocks, with or without a mirror in each
    block), a step away from the domain crosses one more wall (the weak Bruhat order), so that distances grow along
    paths and the order is exact. For other groups the order is a heuristic.
    """
    heap = [(0.0, 0, start)]
    seen = {_key(z[start])}
    while heap:
        points = heapq.heappop(heap)[-1]
        yield points
        moved = np.concatenate([points, (points + action.width) % (2 * action.width)])
        candidates = moved[action.generators]
        for candidate, far in zip(candidates, distance_to_domain(units, limits, candidates).tolist()):
            if _key(z[candidate]) not in seen:
                seen.add(_key(z[candidate]))
                heapq.heappush(heap, (far, len(seen), candidate))
