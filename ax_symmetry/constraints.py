"""Order constraints: the walls of the fundamental domain as linear constraints on the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ax.core.parameter import RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.domain import walls
from ax_symmetry.errors import SymmetryError
from ax_symmetry.codec import Codec

Weights = dict[str, float]


def order_constraints(codec: Codec, priority: Sequence[int], search_space: SearchSpace) -> list[tuple[Weights, float]]:
    """List the constraints `sum of weight * value <= bound` that confine a search to the fundamental domain.

    A factor of the group that the search space breaks (parameters that are alike have other bounds here) is left out: its
    constraints would cut off what that space allows.

    Args:
        codec: Names the columns.
        priority: The columns in the order of comparison.
        search_space: Where the search is to take place.

    Returns:
        Pairs of weights by parameter, and bound.

    Raises:
        SymmetryError: A wall runs through a parameter that Ax cannot constrain: a choice, or one with a log scale.
    """
    names, width = codec.symmetry.parameters, codec.symmetry.action.width
    broken = {
        column
        for factor in codec.symmetry.action.factors
        for column in factor.columns
        if not _unbroken([names[c] for c in factor.columns], codec, search_space)
    }
    found = walls(codec.symmetry.action, priority)
    direct = set(found)
    constraints = []
    for column, point in found:
        between = {p for c, p in direct if c == column and p < width} & {c for c, p in direct if p == point}
        if column in broken or between - {column, point}:
            continue  # the walls through what lies between say it already
        weights, bound = _linear(codec, names[column])
        other, offset = _linear(codec, names[point % width])
        sign = 1.0 if point < width else -1.0
        for name, weight in other.items():
            weights[name] = weights.get(name, 0.0) - sign * weight
        bound = sign * offset - bound + (0.0 if point < width else 2 * codec.symmetry.centers[names[column]])
        weights = {name: weight for name, weight in weights.items() if weight}
        for name in weights:
            p = codec.parameters[name]
            if not isinstance(p, RangeParameter) or p.log_scale or p.logit_scale:
                kind = "a choice" if not isinstance(p, RangeParameter) else "on a log scale"
                raise SymmetryError(
                    f"constrain: parameter {name} is {kind}, which Ax cannot constrain. Name another slot first in order_by, or "
                    "set constrain to False."
                )
        constraints.append((weights, bound))
    return constraints


def _linear(codec: Codec, name: str) -> tuple[Weights, float]:
    """Write a parameter as a linear function of those in the search space."""
    if name not in codec.implied:
        return {name: 1.0}, 0.0
    simplex = codec.implied[name]
    return {other: -1.0 for other in simplex.parameters if other != name}, simplex.total


def _unbroken(names: Sequence[str], codec: Codec, search_space: SearchSpace) -> bool:
    """Tell whether parameters that are alike have the same bounds, symmetric about the center of their mirror."""
    for alike in codec.symmetry.classes:
        bounds = {b for b in _bounds([n for n in alike if n in names], search_space)}
        center = codec.symmetry.centers.get(alike[0])
        if len(bounds) > 1 or (bounds and center is not None and abs(sum(next(iter(bounds))) - 2 * center) > 1e-9):
            return False
    return True


def _bounds(names: Sequence[str], search_space: SearchSpace) -> Iterator[tuple[float, float]]:
    for name in names:
        p = search_space.parameters.get(name)
        if p is not None:
            yield (p.lower, p.upper) if isinstance(p, RangeParameter) else (float("-inf"), float("inf"))
