"""Where parameters are among the columns of a model, and what follows for implied, periodic and categorical ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.embeddings import Categories, Circles
from ax_symmetry.symmetry.kind import is_finite_number
from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class ColumnPlace:
    """Where a parameter is among the columns of a model.

    Attributes:
        columns: Its columns: one, or several if it is one-hot. A mirror reverses the order of several.
        slope: If it is one column, and affine in the parameter, `column = slope * value + offset`; None otherwise.
        offset: See `slope`.
        mirror_sum: What one column and its mirror image add up to.
        middle: The middle of each column's range, if it is known; one of them if a mirror moves the parameter.
        lowest: What stands in its columns for its lowest value, if that is known.
        points: What stands there for some values; for all that it has, if they are few.
        within: How near to one of these a number must be to count as it.
        log_slope: If it is one column, and affine in the logarithm, how far it moves when that grows by 1; else None.
        ends: The bounds of the parameter's range, if they are known.
    """

    columns: tuple[int, ...]
    slope: float | None = 1.0
    offset: float = 0.0
    mirror_sum: float = 0.0
    middle: float | None = None
    lowest: tuple[float, ...] = ()
    points: tuple[tuple[Any, tuple[float, ...]], ...] = ()
    within: float = math.inf
    log_slope: float | None = None
    ends: tuple[float, float] | None = None


def circles_of(symmetry: Symmetry, places: Mapping[str, ColumnPlace]) -> Circles | None:
    """Write periods in the units of the columns."""
    columns, values = [], []
    for name, period in symmetry.periods.items():
        place = places[name]
        if place.slope is None or len(place.columns) > 1:
            raise NotAveraged(f"parameter {name} is not linear in the model, but has a period.")
        columns.append(place.columns[0])
        values.append((abs(place.slope) * period, place.mirror_sum / 2))
    return Circles(columns, *torch.tensor(values, dtype=torch.double).T) if columns else None


def categories_of(values: Mapping[int, Sequence[float]] | None) -> Categories | None:
    """Write the values of choices as tensors."""
    return Categories(list(values), [torch.tensor(v, dtype=torch.double) for v in values.values()]) if values else None


def amounts_of(symmetry: Symmetry, places: Mapping[str, ColumnPlace]) -> dict[int, float]:
    """Return the columns of slots that say how much of a block there is, and what stands there for nothing.

    In each block that is the one slot with whose value 0 it is absent, or that counts in a simplex.
    """
    shares = {name for simplex in symmetry.simplexes for name in simplex.parameters}
    shares |= {one.switch for one in symmetry.inert if any(is_finite_number(v) and v == 0 for v in one.values)}
    found = {}
    for part in symmetry.parts:
        for block in part.blocks:
            own = [name for name in block if name in shares]
            if len(own) == 1 and (place := places[own[0]]).slope is not None and len(place.columns) == 1:
                found[place.columns[0]] = place.offset
    return found


def implied_column(
    symmetry: Symmetry, name: str, places: Mapping[str, ColumnPlace], like: ColumnPlace, width: int
) -> tuple[Tensor, float]:
    """Write an implied parameter, in the units of one that it trades places with, as `row @ weights + offset`.

    Its value is the total less the sum of the others' values, each `(column - offset) / slope`.
    """
    simplex = symmetry.implied(places)[name]
    weights, value = torch.zeros(width, dtype=torch.double), simplex.total
    for other in simplex.parameters:
        if other != name:
            place = places[other]
            if place.slope is None:
                raise NotAveraged(f"parameter {other} is not linear in the model, but implies {name}.")
            weights[place.columns[0]] = -(like.slope or 1.0) / place.slope
            value += place.offset / place.slope
    return weights, (like.slope or 1.0) * value + like.offset
