"""What a kernel sees of blocks that may be absent: their inert columns are constants, so that they change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_places import ColumnPlace
from ax_symmetry.symmetry.inert import Inert
from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Switches:
    """The switches of like blocks, each with the columns that are inert while it has one of some values.

    Attributes:
        columns: The columns of the b switches, `b x c`: one each, or several if they are one-hot.
        values: What stands in the columns of a switch, for each of k values: `k x c`.
        makes_inert: With which of these values the columns are inert, `k`.
        within: How near to a value, the nearest of all, what stands in the columns must be.
        inert: Which of the D columns belong to each switch, `b x D`.
    """

    columns: Tensor
    values: Tensor
    makes_inert: Tensor
    within: float
    inert: Tensor

    @classmethod
    def of(cls, alike: Sequence[Inert], places: Mapping[str, ColumnPlace], width: int) -> Switches:
        """Find the columns of switches that are alike, among D columns."""
        place, inert = places[alike[0].switch], torch.zeros(len(alike), width, dtype=torch.bool)
        for row, one in zip(inert, alike):
            row[[column for name in one.names for column in places[name].columns]] = True
        return cls(
            columns=torch.tensor([places[one.switch].columns for one in alike]),
            values=torch.tensor([numbers for _, numbers in place.points], dtype=torch.double),
            makes_inert=torch.tensor([value in alike[0].values for value, _ in place.points]),
            within=place.within,
            inert=inert,
        )

    def mask(self, rows: Tensor) -> Tensor:
        """Tell which numbers of rows `... x n x D` are inert."""
        at, values = rows.detach()[..., self.columns.to(rows.device)], self.values.to(rows)
        distance, nearest = (at.unsqueeze(-2) - values).norm(dim=-1).min(dim=-1)  # ... x n x b
        slack = self.within + 8 * torch.finfo(rows.dtype).eps * (1 + self.values.abs().max())
        off = self.makes_inert.to(rows.device)[nearest] & (distance <= slack)
        return (off.unsqueeze(-1) & self.inert.to(rows.device)).any(dim=-2)

    def scaled(self, lower: Tensor, width: Tensor) -> Switches:
        """Return the switches of rows `(x - lower) / width`, given both for the D columns."""
        own = self.columns[0]
        return replace(self, values=(self.values - lower[own]) / width[own], within=self.within / float(width[own[0]]))


@dataclass(frozen=True, eq=False)
class InertColumns:
    """The quotient map of blocks that may be absent: inert columns become constants that all blocks share.

    It commutes with the group, as long as a mirror leaves the constants alone. A kernel of what it makes of rows is
    positive semidefinite, and does not see inert numbers at all.

    Attributes:
        switches: When which of the D columns are inert.
        middle: The middle of the range of each column, which a mirror leaves alone, `D`; nan where it is not known.
        lowest: The number of the lowest value of each column, `D`; nan where it is not known.
    """

    switches: tuple[Switches, ...]
    middle: Tensor
    lowest: Tensor

    @classmethod
    def of(
        cls, inert: Sequence[Inert], symmetry: Symmetry, places: Mapping[str, ColumnPlace], width: int
    ) -> InertColumns | None:
        """Find the map on D columns, given the places of all parameters of the symmetry; None if nothing is inert."""
        if not inert:
            return None
        alike: dict[tuple[object, ...], list[Inert]] = {}
        for one in inert:
            slots = tuple(symmetry.orbit_of(name) for name in (one.switch, *one.names))
            alike.setdefault((*slots, *one.values), []).append(one)
        middle, lowest = (torch.full((width,), torch.nan, dtype=torch.double) for _ in range(2))
        for place in places.values():
            columns = list(place.columns)
            middle[columns] = torch.nan if place.middle is None else place.middle
            if place.lowest:
                lowest[columns] = torch.tensor(place.lowest, dtype=torch.double)
        return cls(tuple(Switches.of(group, places, width) for group in alike.values()), middle, lowest)

    def mask(self, rows: Tensor) -> Tensor:
        """Tell which numbers of full rows `... x n x D` are inert."""
        first, *others = (switches.mask(rows) for switches in self.switches)
        for mask in others:
            first = first | mask
        return first

    def scaled(self, lower: Tensor, width: Tensor) -> InertColumns:
        """Return the map of rows `(x - lower) / width`, given both for the D columns."""
        switches = tuple(one.scaled(lower, width) for one in self.switches)
        return InertColumns(switches, (self.middle - lower) / width, (self.lowest - lower) / width)


def points_of_numbers(inert: Sequence[Inert]) -> dict[str, tuple[tuple[Any, tuple[float, ...]], ...]]:
    """List by switch the values that make others inert, as they stand in a column of numbers.

    Raises:
        SymmetryError: One is no number.
    """
    points: dict[str, tuple[tuple[Any, tuple[float, ...]], ...]] = {}
    for one in inert:
        for value in one.values:
            if isinstance(value, str):
                raise SymmetryError(
                    f"absent: {value!r} is no number, and {one.switch} is a column of numbers; name the number that "
                    "stands for it there."
                )
            points[one.switch] = (*points.get(one.switch, ()), (value, (float(value),)))
    return points
