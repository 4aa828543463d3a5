"""Map the parameters of a symmetry to the columns of a model, by sending test values through Ax's transforms.

A parameter is one column (scaled, on a log scale, numbered) or, one-hot, several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace
from torch import Tensor

from ax_symmetry._ax.model_inputs import ModelInputs
from ax_symmetry._ax.search_model import Region
from ax_symmetry.errors import NotAveraged
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.space.bounds import is_unordered, numeric_bounds
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.grid import grid_of

Probe = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
"""Sends parameterizations through the transforms that lead to the columns; returns the columns' values, by name."""
SINGLE = 1e-6
"""Ax rounds the bounds by which it scales columns to single precision, so that a number is off by less than this."""


def column_action(
    encoding: ParameterEncoding,
    names: Sequence[str],
    probe: Probe,
    others: Mapping[str, Any],
    categories: Mapping[int, Sequence[float]] | None = None,
) -> ColumnAction:
    """Find how the group acts on the columns of a model.

    Args:
        encoding: The symmetry and the parameters that it moves.
        names: The names of the d columns.
        probe: Sends parameterizations through the transforms that lead to the columns.
        others: Values of the parameters that the group does not move; see `example_values`.
        categories: The values of every column, by its number, that holds a choice without an order.

    Raises:
        NotAveraged: No element of the group maps the columns to each other.
    """
    places = _places(encoding, names, lambda points: probe([{**others, **point} for point in points]))
    return ColumnAction.of(encoding.symmetry, places, len(names), categories, encoding.inert)


class ModelColumns:
    """The columns of an adapter's model, and how a symmetry acts on them.

    Args:
        encoding: The symmetry and the parameters that it moves.
        space: The search space of the parameters, as the transform that asks leaves it.
        inputs: The way from there to the columns.
    """

    def __init__(self, encoding: ParameterEncoding, space: SearchSpace, inputs: ModelInputs) -> None:
        self.encoding, self.space, self.inputs = encoding, space, inputs

    def action(self) -> ColumnAction:
        """Find how the group acts on the columns, by sending parameterizations through Ax's transforms.

        Raises:
            NotAveraged: No element of the group maps the columns to each other.
        """
        others = example_values(self.space, self.encoding.symmetry.parameters)
        parameters = self._column_space().parameters
        categories = {i: _values(p) for i, p in enumerate(parameters.values()) if is_unordered(p)}
        return column_action(self.encoding, list(parameters), self.inputs.rows, others, categories)

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Return the lower bounds and the widths of the d columns, both `d`; a column without numbers has 0 and 1."""
        ends = [numeric_bounds(p) or (0.0, 1.0) for p in self._column_space().parameters.values()]
        lower, upper = torch.tensor(ends, dtype=torch.double).T
        return lower, torch.where(upper > lower, upper - lower, 1.0)

    def _column_space(self) -> SearchSpace:
        return self.inputs.space(self.space)

    def __deepcopy__(self, memo: dict[int, Any]) -> ModelColumns:
        """Return itself where Ax copies the options of a model config, a copy in a copy of the adapter."""
        if id(self.inputs.adapter) not in memo:
            return self
        return ModelColumns(deepcopy(self.encoding, memo), deepcopy(self.space, memo), deepcopy(self.inputs, memo))


def feasible_images(x: Tensor, action: Callable[[], ColumnAction], region: Region) -> Tensor:
    """Replace every row `n x d` outside of a region by an image inside, if there is one.

    Cost: |G| images of those outside; of a group that cannot be written out they stay. The group's action on the
    columns is asked for only if a row lies outside.
    """
    outside = ~region.contains(x)
    if not outside.any() or (group := action()).order > ENUMERATION_LIMIT:
        return x
    images = group(x[outside])
    within = region.contains(images)
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
    for direction in encoding.symmetry.directions:
        values |= {n: _with_middle(encoding.parameters[n]) for n in direction.names if direction.is_log}
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
        slope, offset, log_slope = _line(p, values[name], seen[columns[0]])
        bounds = numeric_bounds(p) if isinstance(p, RangeParameter) else None
        places[name] = ColumnPlace(tuple(columns), slope, offset, low + high, log_slope=log_slope, ends=bounds)
    for orbit in encoding.symmetry.parameter_orbits:
        kinds = {(len(places[n].columns), *(round(end, 9) for end in ends[n])) for n in orbit if n in places}
        if len(kinds) > 1:
            raise NotAveraged(f"parameters {', '.join(orbit)} trade places, but differ in the model.")
    if not encoding.inert:
        return places
    return _with_switches(encoding, places, ends, names, lambda points: probe([{**first, **one} for one in points]))


def _with_switches(
    encoding: ParameterEncoding,
    places: Mapping[str, ColumnPlace],
    ends: Mapping[str, tuple[float, float]],
    names: Sequence[str],
    probe: Probe,
) -> dict[str, ColumnPlace]:
    """Find also where lowest values are, and those with which a switch makes others inert."""
    lowest = {name: values[0] for name, values in encoding.decode(encoding.lowest[None]).items() if name in places}
    asked, within = {}, {}
    for one in encoding.inert:
        p = encoding.parameters.get(one.switch)
        if p is not None:
            few = not isinstance(p, RangeParameter) or len(_values(p)) > 2
            asked[one.switch] = _values(p) if few else list(one.values)
            low, high = ends[one.switch]
            grid, slope = grid_of(p), places[one.switch].slope
            within[one.switch] = math.inf if few else SINGLE * abs(high - low)
            if not few and grid is not None and slope is not None:  # numbers that will be rounded to it
                within[one.switch] = (0.5 - SINGLE) * grid.step * abs(slope)
    points = [(name, value) for name, values in asked.items() for value in values]
    answers = probe([lowest, *({name: value} for name, value in points)])
    rows = [[float(row.get(name, math.nan)) for name in names] for row in answers]
    found = {}
    for name, place in places.items():
        own = [(value, row) for (of, value), row in zip(points, rows[1:]) if of == name]
        found[name] = replace(
            place,
            middle=place.mirror_sum / 2,
            lowest=tuple(rows[0][column] for column in place.columns),
            points=tuple((value, tuple(row[column] for column in place.columns)) for value, row in own),
            within=within.get(name, math.inf),
        )
    return found


def _line(
    p: Parameter, values: Sequence[Any], column: Sequence[float]
) -> tuple[float | None, float, float | None]:
    """Return the slope and the offset of a column that is affine in its parameter, and the slope by its logarithm.

    None, and 0 for the offset, if it is not; of a range on a log scale three values tell which.
    """
    if numeric_bounds(p) is None:
        return None, 0.0, None
    numbers = np.asarray(values, dtype=float)
    if not isinstance(p, RangeParameter) or not (p.log_scale or p.logit_scale):
        return *_straight(numbers, column), None
    if not p.log_scale or len(values) < 3:
        return None, 0.0, None
    return *_straight(numbers, column), _straight(np.log(numbers), column)[0]


def _straight(numbers: Any, column: Sequence[float]) -> tuple[float | None, float]:
    """Return the slope and the offset of a column that is affine in some numbers; None and 0 if it is not."""
    slope = float((column[-1] - column[0]) / (numbers[-1] - numbers[0]))
    offset = float(column[0] - slope * numbers[0])
    near = 1e-9 * (abs(column[-1] - column[0]) + abs(offset))
    is_line = bool((np.abs(slope * numbers + offset - np.asarray(column)) <= near).all())
    return (slope, offset) if is_line else (None, 0.0)


def _with_middle(p: Parameter) -> list[Any]:
    """List the ends of a range on a log scale, and their geometric mean between them."""
    low, high = _values(p)
    return [low, math.sqrt(low) * math.sqrt(high), high]


def _values(p: Parameter) -> list[Any]:
    """List values to ask about: all that are few, else both ends."""
    if not isinstance(p, RangeParameter):
        return list(p.values) if isinstance(p, ChoiceParameter) else []
    few = p.parameter_type == ParameterType.INT and p.upper - p.lower < 30
    return list(range(int(p.lower), int(p.upper) + 1)) if few else [p.lower, p.upper]
