"""The fundamental domain, and which images to keep where the whole orbit is too much.

The canonical representatives fill the fundamental domain. Its closure is a polyhedron: with columns compared in order, x
belongs to it where every column is no larger than any point which the elements that fix the earlier columns can bring there.
The images that teach most are those in it or close to its walls, since all candidates lie in it.

Keeping a random subset of every orbit is approximate, at a rate that Tahmasebi, Weber and Jegelka give ("Data Augmentation: A
Fourier Analysis Perspective", COLT 2026).
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups import ENUMERATION_LIMIT
from ax_symmetry.orbits import Action, Factor, Points, Rows, both

Wall = tuple[int, int]
"""A column and the point (see `orbits`) that it must not exceed in the fundamental domain."""


def walls(action: Action, priority: Sequence[int]) -> list[Wall]:
    """List the inequalities `row[column] <= row[point]` of the closed fundamental domain.

    Cost: O(d |G|) for factors that are written out; the pairs of first slots for the symmetric group on many blocks.
    """
    rank = {column: i for i, column in enumerate(priority)}
    found: list[Wall] = []
    for factor in action.factors:
        if factor.order > ENUMERATION_LIMIT:
            found += _walls_of_blocks(action, factor, rank)
            continue
        local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
        stabilizer = factor.elements
        for j in local:
            reached = np.unique(action.widen(factor, stabilizer[:, j]))
            column = factor.columns[j]
            found += [(column, int(point)) for point in reached if point != column]
            stabilizer = stabilizer[stabilizer[:, j] == j]
    return found


def _walls_of_blocks(action: Action, factor: Factor, rank: dict[int, int]) -> list[Wall]:
    """List the walls between the first slots of blocks, and those of the mirrors of these slots."""
    first = min(range(len(factor.blocks[0])), key=lambda s: rank[factor.columns[factor.blocks[0][s]]])
    leads = [factor.columns[block[first]] for block in factor.blocks]
    points = action.widen(factor, factor.cosets)
    local = [factor.columns.index(lead) for lead in leads]
    mirrors = [(lead, lead + action.width) for lead, j in zip(leads, local) if (points[:, j] == lead + action.width).any()]
    return mirrors + list(combinations(leads, 2))


def distance(units: Rows, found: Sequence[Wall], points: Points) -> Rows:
    """Measure how far images lie outside the fundamental domain: the norm of what they exceed its walls by.

    Args:
        units: One row as points, `2 d`, scaled so that columns compare (the unit cube).
        found: The walls.
        points: The images, `... x d`.

    Returns:
        The distances, `...`; zero for the canonical representative.
    """
    d = points.shape[-1]
    extended = units[np.concatenate([points, (points + d) % (2 * d)], axis=-1)]
    columns, limits = np.asarray(found, dtype=np.intp).reshape(-1, 2).T
    return np.sqrt((np.maximum(extended[..., columns] - extended[..., limits], 0.0) ** 2).sum(axis=-1))


def some_images(
    action: Action,
    x: Rows,
    mirrored: Rows,
    *,
    max_images: int,
    select: str,
    seed: int,
    priority: Sequence[int],
    units: Callable[[Rows], Rows],
) -> tuple[npt.NDArray[np.intp], Points]:
    """List at most `max_images` distinct images of every row, the row itself first.

    Args:
        action: The group; it may be far too large to write out.
        x: Rows `n x d`.
        mirrored: The same rows with every column mirrored, `n x d`.
        max_images: How many to keep, the row itself among them.
        select: `"nearest"` keeps those nearest to the fundamental domain, `"random"` a random subset.
        seed: Seed of the random subset, which depends on the row and not on its neighbours.
        priority: The columns in the order of comparison.
        units: Scales columns so that distances along them compare, `n x d` to `n x d`.

    Returns:
        As `Action.images`: the row of every image, and its points. O(n |G| d) for a group that can be written out; O(n
        `max_images` m log) for the symmetric group on m blocks.
    """
    found = walls(action, priority)
    z, scaled = both(x, mirrored), np.hstack([units(x), units(mirrored)])
    canonical = action.least(x, mirrored, priority)
    rows, kept = [], []
    for i in range(len(x)):
        rng = np.random.default_rng([seed, zlib.crc32(x[i].tobytes())])
        if select == "random":
            candidates = _random(action, rng)
        elif action.order <= ENUMERATION_LIMIT:
            candidates = iter(action.elements[np.argsort(distance(scaled[i], found, action.elements), kind="stable")])
        else:
            candidates = _nearest(action, z[i], scaled[i], found, canonical[i])
        wanted = min(max_images, action.orbit_sizes(x[i : i + 1], mirrored[i : i + 1])[0])
        seen = {(x[i] + 0.0).tobytes()}
        chosen = [np.arange(action.width)]
        while len(chosen) < wanted:
            points = next(candidates)
            value = (z[i, points] + 0.0).tobytes()
            if value not in seen:
                seen.add(value)
                chosen.append(points)
        rows += [i] * len(chosen)
        kept += chosen
    return np.asarray(rows, dtype=np.intp), np.asarray(kept, dtype=np.intp).reshape(-1, action.width)


def _random(action: Action, rng: np.random.Generator) -> Iterator[Points]:
    """Draw elements at random without end, each element as likely as any other."""
    while True:
        points = np.arange(action.width)
        for factor in action.factors:
            element = factor.cosets[rng.integers(len(factor.cosets))]
            if factor.blocks:
                blocks = np.asarray(factor.blocks)
                arrangement = np.arange(len(factor.columns))
                arrangement[blocks.ravel()] = blocks[rng.permutation(len(blocks))].ravel()
                element = element[arrangement]
            points[list(factor.columns)] = action.widen(factor, element)
        yield points


def _nearest(action: Action, z: Rows, units: Rows, found: Sequence[Wall], start: Points) -> Iterator[Points]:
    """Walk through an orbit outwards from the canonical representative, nearest images first.

    A step swaps two neighbouring blocks or applies a generator. For the symmetric group every step away adds one inversion
    (the weak Bruhat order), so distances grow along every path and the order is exact; where generators mirror as well it is
    that of the steps.
    """
    steps = list(_steps(action))
    heap = [(0.0, 0, start)]
    seen = {z[start].tobytes()}
    count = 0
    while heap:
        _, _, points = heapq.heappop(heap)
        yield points
        moved = np.concatenate([points, (points + action.width) % (2 * action.width)])
        for step in steps:
            candidate = moved[step]
            value = (z[candidate] + 0.0).tobytes()
            if value not in seen:
                seen.add(value)
                count += 1
                heapq.heappush(heap, (float(distance(units, found, candidate)), count, candidate))


def _steps(action: Action) -> Iterator[Points]:
    """List the steps of the walk as elements of the whole row."""
    for factor in action.factors:
        local = np.arange(len(factor.columns))
        swaps = []
        for a, b in zip(factor.blocks, factor.blocks[1:]):
            swap = local.copy()
            swap[list(a)], swap[list(b)] = b, a
            swaps.append(swap)
        generators = [np.asarray(g[: len(local)]) for g in factor.generators]
        for element in swaps + generators:
            step = np.arange(action.width)
            step[list(factor.columns)] = action.widen(factor, element)
            yield step
