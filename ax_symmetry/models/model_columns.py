"""Map the parameters of a symmetry to the columns of a model, by sending test values through Ax's transforms.

A parameter is one column (scaled, on a log scale, numbered) or, one-hot, several.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace
from torch import Tensor

from ax_symmetry.errors import NotAveraged
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.space.encoding import ParameterEncoding, linear_constraints

Probe = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
"""Sends parameterizations through the transforms that lead to the columns; returns the columns' values, by name."""


def column_action(
    encoding: ParameterEncoding, names: Sequence[str], probe: Probe, others: Mapping[str, Any]
) -> ColumnAction:
    """Find how the group acts on the columns of a model.

    Args:
        encoding: The symmetry and the parameters that it moves.
        names: The names of the d columns.
        probe: Sends parameterizations through the transforms that lead to the columns.
        others: Values of the parameters that the group does not move; see `example_values`.

    Raises:
        NotAveraged: No element of the group maps the columns to each other.
    """
    places = _places(encoding, names, lambda points: probe([{**others, **point} for point in points]))
    return ColumnAction.of(encoding.symmetry, places, len(names))


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


def _places(encoding: ParameterEncoding, names: Sequence[str], probe: Probe) -> dict[str, ColumnPlace]:
    """Find the columns of every parameter, by asking for all its values, or both ends."""
    values = {name: _values(p) for name, p in encoding.parameters.items()}
    first = {name: options[0] for name, options in values.items()}
    answers = probe([{**first, name: value} for name, options in values.items() for value in options])
    asked = pairwise(accumulate((len(options) for options in values.values()), initial=0))
    places, ends = {}, {}
    for (name, p), (start, stop) in zip(encoding.parameters.items(), asked):
        seen = {c: [float(row[n]) for row in answers[start:stop]] for c, n in enumerate(names) if n in answers[0]}
        columns = [c for c, column in seen.items() if min(column) < max(column)]
        if not columns:
            raise NotAveraged(f"parameter {name} has no column in the model.")
        low, high = ends[name] = seen[columns[0]][0], seen[columns[0]][-1]
        slope, offset = None, 0.0
        if isinstance(p, RangeParameter) and not (p.log_scale or p.logit_scale):
            slope = (high - low) / (float(p.upper) - float(p.lower))
            offset = low - slope * float(p.lower)
        places[name] = ColumnPlace(tuple(columns), slope, offset, mirror_sum=low + high)
    for orbit in encoding.symmetry.parameter_orbits:
        kinds = {(len(places[n].columns), *(round(end, 9) for end in ends[n])) for n in orbit if n in places}
        if len(kinds) > 1:
            raise NotAveraged(f"parameters {', '.join(orbit)} trade places, but differ in the model.")
    return places


def _values(p: Parameter) -> list[Any]:
    """List values to ask about: all that are few, else both ends."""
    if not isinstance(p, RangeParameter):
        return list(p.values) if isinstance(p, ChoiceParameter) else []
    few = p.parameter_type == ParameterType.INT and p.upper - p.lower < 30
    return list(range(int(p.lower), int(p.upper) + 1)) if few else [p.lower, p.upper]
