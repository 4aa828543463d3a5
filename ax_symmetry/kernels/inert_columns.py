"""What a kernel sees of blocks that may be absent: their inert columns are constants, so that they change nothing.

With an amount that goes to zero a block becomes absent gradually, so that a kernel should see its other columns go to
these constants, not jump: conditional parameters are embedded likewise in the arc kernel (Swersky et al., "Raiders of
the lost architecture: kernels for Bayesian optimization in conditional parameter spaces", 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

import torch
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_places import ColumnPlace
from ax_symmetry.symmetry.inert import Inert
from ax_symmetry.symmetry.symmetry import Symmetry

SHIFT = 0.01
"""By how much amounts in the unit cube are shifted before the square root is taken: `benchmarks/formulations.py`."""


@dataclass(frozen=True, eq=False)
class Switches:
    """The switches of like blocks, each with the columns that are inert while it has one of some values.

    Attributes:
        columns: The columns of the b switches, `b x c`: one each, or several if they are one-hot.
        values: What stands in the columns of a switch, for each of k values: `k x c`.
        makes_inert: With which of these values the columns are inert, `k`.
        within: How near to a value, the nearest of all, what stands in the columns must be.
        inert: Which of the D columns belong to each switch, `b x D`.
        nothing: What stands in the column of a switch for no amount, the lowest; None if it is no amount.
    """

    columns: Tensor
    values: Tensor
    makes_inert: Tensor
    within: float
    inert: Tensor
    nothing: float | None = None

    @classmethod
    def of(
        cls, alike: Sequence[Inert], places: Mapping[str, ColumnPlace], width: int, amounts: Mapping[int, float]
    ) -> Switches:
        """Find the columns of switches that are alike, among D columns."""
        place, inert = places[alike[0].switch], torch.zeros(len(alike), width, dtype=torch.bool)
        nothing = amounts.get(place.columns[0])
        if nothing is not None and place.lowest and not isclose(place.lowest[0], nothing, rel_tol=1e-6, abs_tol=1e-6):
            nothing = None  # less than nothing is no amount
        for row, one in zip(inert, alike):
            row[[column for name in one.names for column in places[name].columns]] = True
        return cls(
            columns=torch.tensor([places[one.switch].columns for one in alike]),
            values=torch.tensor([numbers for _, numbers in place.points], dtype=torch.double),
            makes_inert=torch.tensor([value in alike[0].values for value, _ in place.points]),
            within=place.within,
            inert=inert,
            nothing=nothing,
        )

    def share(self, rows: Tensor) -> Tensor:
        """Return for full rows `... x n x D` how much there is of each column, from 0 to 1 in the unit cube.

        It grows like the square root of the amount, by which the squared distance between blocks of small amounts is
        about proportional to these. The shift keeps its slope finite.
        """
        amount = (rows[..., self.columns[:, 0].to(rows.device)] - (self.nothing or 0.0)).abs()
        share = ((amount + SHIFT).sqrt() - SHIFT**0.5) / ((1 + SHIFT) ** 0.5 - SHIFT**0.5)
        return 1 - (1 - share) @ self.inert.to(rows)

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
        nothing = None if self.nothing is None else float((self.nothing - lower[own[0]]) / width[own[0]])
        values = (self.values - lower[own]) / width[own]
        return replace(self, values=values, within=self.within / float(width[own[0]]), nothing=nothing)


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
        cls,
        inert: Sequence[Inert],
        symmetry: Symmetry,
        places: Mapping[str, ColumnPlace],
        width: int,
        amounts: Mapping[int, float],
    ) -> InertColumns | None:
        """Find the map on D columns; None if nothing is inert.

        Args:
            inert: The slots that change nothing while another has some value.
            symmetry: The symmetry.
            places: Where all its parameters are.
            width: The number D.
            amounts: See `ColumnAction`.
        """
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
        switches = tuple(Switches.of(group, places, width, amounts) for group in alike.values())
        return cls(switches, middle, lowest)

    def mask(self, rows: Tensor) -> Tensor:
        """Tell which numbers of full rows `... x n x D` are inert."""
        first, *others = (switches.mask(rows) for switches in self.switches)
        for mask in others:
            first = first | mask
        return first

    def share(self, full: Tensor) -> Tensor:
        """Tell of full rows `... x n x D` how far a kernel sees each column, from 0, if it is inert, to 1."""
        shares = (~self.mask(full)).to(full)
        for switches in self.switches:
            if switches.nothing is not None:
                shares = torch.where(switches.inert.any(dim=0).to(full.device), shares * switches.share(full), shares)
        return shares

    def quotient(self, full: Tensor, rows: Tensor, source: Tensor, constants: Tensor) -> Tensor:
        """Move inert columns to their constants, gradually where a switch is an amount.

        Args:
            full: Full rows `... x n x D`, which tell what is inert.
            rows: What a kernel is to see of them, `... x n x E`.
            source: The full column that each column of these is made of, `E`.
            constants: What stands in each column if it is inert, `E`.
        """
        source, constants = source.to(rows.device), constants.to(rows)
        for switches in self.switches:
            if switches.nothing is not None:
                gradual = switches.inert.any(dim=0).to(rows.device)[source]
                rows = torch.where(gradual, constants + (rows - constants) * switches.share(full)[..., source], rows)
        return torch.where(self.mask(full)[..., source], constants, rows)

    def at_once(self) -> InertColumns:
        """Return the map by which columns become constants at the amount 0 alone, and not gradually."""
        return replace(self, switches=tuple(replace(one, nothing=None) for one in self.switches))

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
