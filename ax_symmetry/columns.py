"""The group's action on the columns of a model: what Ax's other transforms have made of the parameters.

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

from ax_symmetry.codec import Codec, linear_constraints

Probe = Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
"""Sends parameterizations through the transforms that lead to the columns; returns the columns' values, by name."""


class CannotFold(ValueError):
    """A model, or its columns, have no counterpart that is averaged over the group."""


@dataclass(frozen=True)
class _Place:
    """Where a parameter is: its columns, and, if that is one, `column = slope * value + offset` between its ends."""

    columns: tuple[int, ...]
    ends: tuple[float, float]
    slope: float
    offset: float


class ColumnAction(torch.nn.Module):
    """The elements of a group as they act on rows of d columns.

    Every image of a row is a selection of its points: the columns themselves, the values of an implied parameter, and
    mirror images of these, all linear in the columns.

    Args:
        codec: The symmetry and the parameters that it moves; a group of |G| elements is written out, |G| d numbers.
        names: The names of the d columns.
        probe: Sends parameterizations through the transforms that lead to the columns.

    Raises:
        CannotFold: No element of the group maps the columns to each other.
    """

    def __init__(self, codec: Codec, names: Sequence[str], probe: Probe) -> None:
        super().__init__()
        symmetry, d = codec.symmetry, len(names)
        places = _places(codec, names, probe)
        like = {n: next(places[m] for m in alike if m in places) for alike in symmetry.classes for n in alike}
        rows: list[tuple[Tensor, float]] = [(row, 0.0) for row in torch.eye(d, dtype=torch.double)]
        points: dict[int, tuple[int, ...]] = {}  # the points of these rows, by the point of the symmetry's own row
        for i, name in enumerate(symmetry.parameters):
            if name in places:
                points[i] = places[name].columns
            else:
                rows.append(_implied(name, codec, places, like[name], d))
                points[i] = (len(rows) - 1,)
            mirrored = i + len(symmetry.parameters)
            if name in symmetry.centers and len(points[i]) > 1:
                points[mirrored] = points[i][::-1]
            elif name in symmetry.centers:
                row, offset = rows[points[i][0]]
                rows.append((-row, sum(like[name].ends) - offset))
                points[mirrored] = (len(rows) - 1,)
        elements = torch.arange(d).repeat(symmetry.action.order, 1)
        for i, name in enumerate(symmetry.parameters):
            for k, column in enumerate(places[name].columns if name in places else ()):
                elements[:, column] = torch.tensor([points[p][k] for p in symmetry.action.elements[:, i].tolist()])
        self.weights = torch.stack([row for row, _ in rows])[d:].T
        self.offsets = torch.tensor([offset for _, offset in rows], dtype=torch.double)[d:]
        self.elements = elements

    def forward(self, x: Tensor) -> Tensor:
        """Return the images `... x n x |G| x d` of rows `... x n x d`."""
        if len(self.offsets):
            x = torch.cat([x, x @ self.weights.to(x) + self.offsets.to(x)], dim=-1)
        return x.index_select(-1, self.elements.to(x.device).flatten()).unflatten(-1, self.elements.shape)

    @property
    def classes(self) -> list[list[int]]:
        """The columns that the group moves to each other, mirror images and implied values apart."""
        d = self.elements.shape[1]
        found = {frozenset(c for c in self.elements[:, j].tolist() if c < d) | {j} for j in range(d)}
        return [sorted(columns) for columns in found]

    def orbits(self, x: Tensor) -> Tensor:
        """Number the orbits on which rows `n x d` lie: `n` numbers from 0 on."""
        heights = self._heights(x)
        lowest, order = heights.min(dim=-1).values.sort()
        orbit = torch.empty_like(order)
        orbit[order] = torch.cat([lowest.new_zeros(1), (lowest.diff() > _slack(heights)).cumsum(0)]).long()
        return orbit

    def one_of_each_orbit(self, x: Tensor, preferred: Tensor) -> Tensor:
        """Choose among rows `n x d` one of each orbit, a preferred one if there is any, and all that are equal to it.

        Args:
            x: The rows.
            preferred: Which rows to choose if possible, a mask `n`.

        Returns:
            Which rows are chosen, a mask `n`.
        """
        own, orbit = x @ self._direction(x), self.orbits(x)
        height = own + torch.where(preferred, 0.0, 1 + 2 * own.abs().max())
        least = torch.full_like(own, torch.inf).scatter_reduce(0, orbit, height, "amin")
        return height <= least[orbit] + _slack(own)

    def are_whole_orbits(self, x: Tensor) -> bool:
        """Tell whether all images of rows `n x d` are among them."""
        own = (x @ self._direction(x)).sort().values
        heights = self._heights(x).flatten()
        after = torch.searchsorted(own, heights).clamp(max=len(own) - 1)
        gaps = torch.minimum((own[after] - heights).abs(), (own[(after - 1).clamp(min=0)] - heights).abs())
        return bool(gaps.max() <= 1e3 * _slack(own))

    def _heights(self, x: Tensor) -> Tensor:
        """Map the images of rows `n x d` to a line, `n x |G|`, no two different ones to the same place."""
        return self(x) @ self._direction(x)

    def _direction(self, x: Tensor) -> Tensor:
        generic = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(0), dtype=torch.double)
        return generic.to(x)


def _slack(heights: Tensor) -> Tensor:
    return 1e-9 * (1 + heights.abs().max())


def inside(x: Tensor, names: Sequence[str], search_space: SearchSpace) -> Tensor:
    """Tell which rows `n x d` lie within the bounds and the parameter constraints of a model's search space."""
    good = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for c, name in enumerate(names):
        p = search_space.parameters.get(name)
        if isinstance(p, RangeParameter):
            good &= (x[:, c] >= p.lower - 1e-8) & (x[:, c] <= p.upper + 1e-8)
    for weights, bound in linear_constraints(search_space):
        good &= sum(w * x[:, names.index(n)] for n, w in weights.items() if n in names) <= bound + 1e-8
    return good


def some_values(search_space: SearchSpace, apart: Collection[str]) -> dict[str, Any]:
    """Return a value of every parameter that is not among some."""
    return {
        name: p.value if isinstance(p, FixedParameter) else values[0]
        for name, p in search_space.parameters.items()
        if name not in apart and ((values := _values(p)) or isinstance(p, FixedParameter))
    }


def _implied(name: str, codec: Codec, places: Mapping[str, _Place], like: _Place, d: int) -> tuple[Tensor, float]:
    """Write what an implied parameter's column would be, as weights of the d columns and an offset."""
    simplex = codec.implied[name]
    row, value = torch.zeros(d, dtype=torch.double), simplex.total
    for other in simplex.parameters:
        if other != name:
            p, place = codec.parameters[other], places[other]
            if not isinstance(p, RangeParameter) or p.log_scale or p.logit_scale:
                raise CannotFold(f"parameter {other} is not linear in the model, but implies {name}.")
            row[place.columns[0]] = -like.slope / place.slope
            value += place.offset / place.slope
    return row, like.slope * value + like.offset


def _places(codec: Codec, names: Sequence[str], probe: Probe) -> dict[str, _Place]:
    """Find the columns of every parameter, by asking for all its values, or both ends."""
    values = {name: _values(p) for name, p in codec.parameters.items()}
    first = {name: options[0] for name, options in values.items()}
    answers = probe([{**first, name: value} for name, options in values.items() for value in options])
    asked = pairwise(accumulate((len(options) for options in values.values()), initial=0))
    places = {}
    for (name, p), (start, stop) in zip(codec.parameters.items(), asked):
        seen = {c: [float(row[n]) for row in answers[start:stop]] for c, n in enumerate(names) if n in answers[0]}
        columns = [c for c, column in seen.items() if min(column) < max(column)]
        if not columns:
            raise CannotFold(f"parameter {name} has no column in the model.")
        ends = seen[columns[0]][0], seen[columns[0]][-1]
        low, high = (float(p.lower), float(p.upper)) if isinstance(p, RangeParameter) else (0.0, 1.0)
        slope = (ends[1] - ends[0]) / (high - low)
        places[name] = _Place(tuple(columns), ends, slope, ends[0] - slope * low)
    for alike in codec.symmetry.classes:
        kinds = {(len(places[n].columns), *(round(end, 9) for end in places[n].ends)) for n in alike if n in places}
        if len(kinds) > 1:
            raise CannotFold(f"parameters {', '.join(alike)} trade places, but differ in the model.")
    return places


def _values(p: Parameter) -> list[Any]:
    """List values to ask about: all that are few, else both ends."""
    if not isinstance(p, RangeParameter):
        return list(p.values) if isinstance(p, ChoiceParameter) else []
    few = p.parameter_type == ParameterType.INT and p.upper - p.lower < 30
    return list(range(int(p.lower), int(p.upper) + 1)) if few else [p.lower, p.upper]
