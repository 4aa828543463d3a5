"""The fundamental domain of a finite group: its walls, and distances to it.

The canonical representatives fill the fundamental domain. Its closure is a polyhedron. With columns compared in order,
x lies in it if no column exceeds any point that can be brought to its place by an element which fixes all earlier
columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ax_symmetry.groups.actions import Action, Factor, PointIndices, Rows

Wall = tuple[int, int]
"""A column, and the point (see `actions`) that it must not exceed in the fundamental domain."""


def walls(action: Action, comparison_order: Sequence[int]) -> list[Wall]:
    """List the inequalities `row[column] <= row[point]` of the closed fundamental domain.

    Args:
        action: The group.
        comparison_order: The columns in the order of comparison, block after block.

    Returns:
        The walls, also redundant ones. O(d |G|) for factors that are written out; O(m^2 K) for the symmetric group on m
        blocks beside a group N of K elements.

    Raises:
        SymmetryError: A part of the group that cannot be sorted has more than `ENUMERATION_LIMIT` elements.
    """
    rank = {column: i for i, column in enumerate(comparison_order)}
    listed: list[Wall] = []
    for factor in action.factors:
        local = sorted(range(len(factor.columns)), key=lambda j: rank[factor.columns[j]])
        chain = _stabilizer_chain_of_blocks if factor.blocks else _stabilizer_chain
        for j, reached in chain(factor, local):
            column = factor.columns[j]
            limits = action.to_row_points(factor, np.unique(reached)).tolist()
            listed += [(column, point) for point in limits if point != column]
    return listed


def _stabilizer_chain(factor: Factor, local: Sequence[int]) -> Iterator[tuple[int, PointIndices]]:
    """List for each position the points that elements which fix the earlier positions bring there."""
    stabilizer = factor.elements
    for j in local:
        yield j, stabilizer[:, j]
        stabilizer = stabilizer[stabilizer[:, j] == j]


def _stabilizer_chain_of_blocks(factor: Factor, local: Sequence[int]) -> Iterator[tuple[int, PointIndices]]:
    """List the same for a factor with blocks, without its m! permutations: they permute the blocks not fixed so far."""
    stabilizer, movable = factor.coset_representatives, list(factor.blocks)
    for j in local:
        fixed = [block for block in movable if j in block]
        sources = [block[fixed[0].index(j)] for block in movable] if fixed else [j]
        yield j, stabilizer[:, sources]
        stabilizer = stabilizer[stabilizer[:, j] == j]
        movable = [block for block in movable if block not in fixed]


def distance_to_domain(units: Rows, walls_of_domain: Sequence[Wall], points: PointIndices) -> Rows:
    """Measure how far images lie outside the fundamental domain: the norm of what they exceed its walls by.

    Args:
        units: The points of one row, `2 d`, scaled so that columns compare (the unit cube).
        walls_of_domain: The walls.
        points: The images, `... x d`.

    Returns:
        The distances, `...`; zero in the closed domain, so for the canonical representative.
    """
    d = points.shape[-1]
    extended = units[np.concatenate([points, (points + d) % (2 * d)], axis=-1)]
    columns, limits = np.asarray(walls_of_domain, dtype=np.intp).reshape(-1, 2).T
    return np.sqrt((np.maximum(extended[..., columns] - extended[..., limits], 0.0) ** 2).sum(axis=-1))
