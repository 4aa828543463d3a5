"""Where a model's columns hold the parameters: what Ax's other transforms have made of them.

A parameter that trades places is one column (scaled, on a log scale, numbered) or, one-hot, several. Which, and between
which numbers, is seen by sending values of it through those transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.kernels.column_action import ColumnAction, Implied, widened_action
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.encoding import ParameterEncoding

Probe = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
"""Sends parameterizations through the transforms that lead to the columns; returns the columns' values, by name."""


@dataclass(frozen=True)
class _Place:
    """Where a parameter is: its columns, and, if that is one, `column = slope * value + offset` between its ends."""

    columns: tuple[int, ...]
    ends: tuple[float, float]
    slope: float
    offset: float


def column_action(
    encoding: ParameterEncoding, names: Sequence[str], probe: Probe, others: Mapping[str, Any]
) -> ColumnAction:
    """Find how the group acts on the columns of a model.

    Args:
        codec: The symmetry and the parameters that it moves.
        names: The names of the d columns.
        probe: Sends parameterizations through the transforms that lead to the columns.
        others: Values of the parameters that the group does not move; see `some_values`.

    Raises:
        CannotFold: No element of the group maps the columns to each other.
    """
    symmetry, d = encoding.symmetry, len(names)
    places = _places(encoding, names, lambda points: probe([{**others, **point} for point in points]))
    like = {n: next(places[m] for m in alike if m in places) for alike in symmetry.parameter_orbits for n in alike}
    implied = [_implied(name, encoding, places, like[name], d) for name in symmetry.parameters if name not in places]
    extra = iter(range(d, d + len(implied)))
    columns = [places[n].columns if n in places else (next(extra),) for n in symmetry.parameters]
    sums = {j: sum(like[n].ends) for n, own in zip(symmetry.parameters, columns) for j in own}
    return ColumnAction(widened_action(symmetry.action, columns, d + len(implied)), d, columns, sums, implied)


def is_feasible(x: Tensor, names: Sequence[str], search_space: SearchSpace) -> Tensor:
    """Tell which rows `n x d` lie within the bounds and the parameter constraints of a model's search space."""
    good = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for c, name in enumerate(names):
        p = search_space.parameters.get(name)
        if isinstance(p, RangeParameter):
            good &= (x[:, c] >= p.lower - 1e-8) & (x[:, c] <= p.upper + 1e-8)
    for weights, bound in linear_constraints(search_space):
        good &= sum(w * x[:, names.index(n)] for n, w in weights.items() if n in names) <= bound + 1e-8
    return good


def feasible_images(
    x: Tensor, columns: Callable[[], ColumnAction], names: Sequence[str], search_space: SearchSpace
) -> Tensor:
    """Trade every row `n x d` that lies outside of a model's search space for an image inside, if there is one.

    Cost: |G| images of those outside; of a group that cannot be written out they stay. The group's action on the
    columns is asked for only if a row lies outside.
    """
    outside = ~is_feasible(x, names, search_space)
    if not outside.any() or (action := columns()).order > ENUMERATION_LIMIT:
        return x
    images = action(x[outside])
    within = is_feasible(images.flatten(0, 1), names, search_space).view(images.shape[:2])
    chosen = images[torch.arange(len(images), device=x.device), within.to(torch.uint8).argmax(dim=1)]
    moved = x.clone()
    moved[outside] = torch.where(within.any(dim=1, keepdim=True), chosen, x[outside])
    return moved


def example_values(search_space: SearchSpace, apart: Collection[str]) -> dict[str, Any]:
    """Return a value of every parameter that is not among some."""
    return {
        name: p.value if isinstance(p, FixedParameter) else values[0]
        for name, p in search_space.parameters.items()
        if name not in apart and ((values := _values(p)) or isinstance(p, FixedParameter))
    }


def _implied(name: str, encoding: ParameterEncoding, places: Mapping[str, _Place], like: _Place, d: int) -> Implied:
    """Write what an implied parameter's column would be, as weights of the d columns and an offset."""
    simplex = encoding.implied[name]
    row, value = torch.zeros(d, dtype=torch.double), simplex.total
    for other in simplex.parameters:
        if other != name:
            p, place = encoding.parameters[other], places[other]
            if not isinstance(p, RangeParameter) or p.log_scale or p.logit_scale:
                raise NotAveraged(f"parameter {other} is not linear in the model, but implies {name}.")
            row[place.columns[0]] = -like.slope / place.slope
            value += place.offset / place.slope
    return row, like.slope * value + like.offset


def _places(encoding: ParameterEncoding, names: Sequence[str], probe: Probe) -> dict[str, _Place]:
    """Find the columns of every parameter, by asking for all its values, or both ends."""
    values = {name: _values(p) for name, p in encoding.parameters.items()}
    first = {name: options[0] for name, options in values.items()}
    answers = probe([{**first, name: value} for name, options in values.items() for value in options])
    asked = pairwise(accumulate((len(options) for options in values.values()), initial=0))
    places = {}
    for (name, p), (start, stop) in zip(encoding.parameters.items(), asked):
        seen = {c: [float(row[n]) for row in answers[start:stop]] for c, n in enumerate(names) if n in answers[0]}
        columns = [c for c, column in seen.items() if min(column) < max(column)]
        if not columns:
            raise NotAveraged(f"parameter {name} has no column in the model.")
        ends = seen[columns[0]][0], seen[columns[0]][-1]
        low, high = (float(p.lower), float(p.upper)) if isinstance(p, RangeParameter) else (0.0, 1.0)
        slope = (ends[1] - ends[0]) / (high - low)
        places[name] = _Place(tuple(columns), ends, slope, ends[0] - slope * low)
    for alike in encoding.symmetry.parameter_orbits:
        kinds = {(len(places[n].columns), *(round(end, 9) for end in places[n].ends)) for n in alike if n in places}
        if len(kinds) > 1:
            raise NotAveraged(f"parameters {', '.join(alike)} trade places, but differ in the model.")
    return places


def _values(p: Parameter) -> list[Any]:
    """List values to ask about: all that are few, else both ends."""
    if not isinstance(p, RangeParameter):
        return list(p.values) if isinstance(p, ChoiceParameter) else []
    few = p.parameter_type == ParameterType.INT and p.upper - p.lower < 30
    return list(range(int(p.lower), int(p.upper) + 1)) if few else [p.lower, p.upper]
