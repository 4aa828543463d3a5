"""The fundamental domain, and which images to keep where the whole orbit is too much.

The canonical representatives fill the fundamental domain. Its closure is a polyhedron: with columns compared in order,
x belongs to it where every column is no larger than any point which the elements that fix the earlier columns can bring
there. The images that teach most are those in it or close to its walls, since all candidates lie in it.

Keeping a random subset of every orbit is approximate, at a rate that Tahmasebi, Weber and Jegelka give ("Data
Augmentation: A Fourier Analysis Perspective", COLT 2026).
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ax_symmetry.groups.actions import Action, Factor, PointIndices, Rows, with_mirror_images
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT

Wall = tuple[int, int]
"""A column and the point (see `orbits`) that it must not exceed in the fundamental domain."""


def walls(action: Action, comparison_order: Sequence[int]) -> list[Wall]:
    """List the inequalities `row[column] <= row[point]` of the closed fundamental domain.

    Args:
        action: The group.
        priority: The columns in the order of comparison, block after block.

    Returns:
        The walls, also those that others imply. O(d |G|) for factors that are written out; O(m^2 K) for the symmetric
        group on m blocks beside a group of K mirrors.

    Raises:
        SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
    """
    rank = {column: i for i, column in enumerate(comparison_order)}
    found: list[Wall] = []
    for factor in action.factors:
        local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
        for j, reached in (
            _stabilizer_chain_of_blocks(factor, local) if factor.blocks else _stabilizer_chain(factor, local)
        ):
            column = factor.columns[j]
            found += [
                (column, point)
                for point in action.to_row_points(factor, np.unique(reached)).tolist()
                if point != column
            ]
    return found


def _stabilizer_chain(factor: Factor, local: Sequence[int]) -> Iterator[tuple[int, PointIndices]]:
    """List, one position after the other, which points the elements that fix the earlier positions bring there."""
    stabilizer = factor.elements
    for j in local:
        yield j, stabilizer[:, j]
        stabilizer = stabilizer[stabilizer[:, j] == j]


def _stabilizer_chain_of_blocks(factor: Factor, local: Sequence[int]) -> Iterator[tuple[int, PointIndices]]:
    """List the same where all blocks trade places, without writing that out: a block that is fixed waits no longer."""
    mirrors, waiting = factor.coset_representatives, list(factor.blocks)
    for j in local:
        fixed = [block for block in waiting if j in block]
        sources = [block[fixed[0].index(j)] for block in waiting] if fixed else [j]
        yield j, mirrors[:, sources]
        mirrors = mirrors[mirrors[:, j] == j]
        waiting = [block for block in waiting if block not in fixed]


def distance_to_domain(units: Rows, found: Sequence[Wall], points: PointIndices) -> Rows:
    """Measure how far images lie outside the fundamental domain: the norm of what they exceed its walls by.

    Args:
        units: One row as points, `2 d`, scaled so that columns compare (the unit cube).
        found: The walls.
        points: The images, `... x d`.

    Returns:
        The distances, `...`; zero in the closed domain, and so for the canonical representative.
    """
    d = points.shape[-1]
    extended = units[np.concatenate([points, (points + d) % (2 * d)], axis=-1)]
    columns, limits = np.asarray(found, dtype=np.intp).reshape(-1, 2).T
    return np.sqrt((np.maximum(extended[..., columns] - extended[..., limits], 0.0) ** 2).sum(axis=-1))


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
        priority: The columns in the order of comparison.
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
    steps = np.asarray(list(_steps(action)))
    heap = [(0.0, 0, start)]
    seen = {_value(z[start])}
    while heap:
        points = heapq.heappop(heap)[-1]
        yield points
        moved = np.concatenate([points, (points + action.width) % (2 * action.width)])
        candidates = moved[steps]
        for candidate, far in zip(candidates, distance_to_domain(units, found, candidates).tolist()):
            if _value(z[candidate]) not in seen:
                seen.add(_value(z[candidate]))
                heapq.heappush(heap, (far, len(seen), candidate))


def _steps(action: Action) -> Iterator[PointIndices]:
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
            step[list(factor.columns)] = action.to_row_points(factor, element)
            yield step
