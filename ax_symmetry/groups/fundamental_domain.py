"""The fundamental domain: its walls, and how far images lie outside of it.

The canonical representatives fill the fundamental domain. Its closure is a polyhedron: with columns compared in order,
x belongs to it where every column is no larger than any point which the elements that fix the earlier columns can bring
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ax_symmetry.groups.actions import Action, Factor, PointIndices, Rows

Wall = tuple[int, int]
"""A column and the point (see `actions`) that it must not exceed in the fundamental domain."""


def walls(action: Action, comparison_order: Sequence[int]) -> list[Wall]:
    """List the inequalities `row[column] <= row[point]` of the closed fundamental domain.

    Args:
        action: The group.
        comparison_order: The columns in the order of comparison, block after block.

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
