"""Slots that change nothing while another slot of their block has some value: the block, or a part of it, is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.actions import Rows

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry

Mask = npt.NDArray[np.bool_]
TOLERANCE = 1e-9
"""Within this fraction of a range a number counts as the one at which a block is absent."""
LAST = 1e300
"""Numbers about which an absent block is compared, so that it comes after those that are there."""


@dataclass(frozen=True)
class Inert:
    """Slots of a block that are inert while its switch has one of some values.

    Attributes:
        switch: The parameter that decides.
        values: The values with which the others are inert.
        names: The others.
    """

    switch: str
    values: tuple[Any, ...]
    names: tuple[str, ...]

    def moved(self, to: Mapping[str, str]) -> tuple[str, tuple[Any, ...], frozenset[str]]:
        """Return what it is after a generator has moved its parameters."""
        return to[self.switch], self.values, frozenset(to[name] for name in self.names)


def generator_maps(symmetry: Symmetry) -> Iterator[dict[str, str]]:
    """List for every generator of the group where it moves each parameter; whether it mirrors them does not count."""
    names = symmetry.parameters
    for points in symmetry.action.generators.tolist():
        yield {names[point % len(names)]: name for name, point in zip(names, points)}


def absent_values(symmetry: Symmetry, inert: Sequence[Inert], name: str) -> list[Any]:
    """List the values of a parameter with which its block is absent: all others of the block are inert then."""
    others = [set(block) - {name} for part in symmetry.parts for block in part.blocks if name in block]
    own = [one for one in inert if one.switch == name]
    names = {v: {n for one in own if v in one.values for n in one.names} for one in own for v in one.values}
    return [value for value, found in names.items() if any(block <= found for block in others)]


def check_sums(symmetry: Symmetry, inert: Sequence[Inert]) -> None:
    """Check that no inert slot is part of a sum.

    Raises:
        SymmetryError: One is.
    """
    for one in inert:
        for simplex in symmetry.simplexes:
            for name in sorted(set(one.names) & set(simplex.parameters))[:1]:
                raise SymmetryError(
                    f"simplex: parameter {name} changes nothing while {one.switch} is {one.values[0]!r}, but counts in "
                    f"the sum of {', '.join(simplex.parameters)}. Take it out of the simplex, or let the part of the "
                    "sum say whether the block is there."
                )


class InertRows:
    """Which numbers of rows are inert, and what follows for the canonical representative.

    Args:
        inert: Which slots are inert, and when.
        symmetry: The symmetry, whose `parameters` are the columns.
        number: Returns the number of a value of a parameter.
        widths: The widths of the ranges, by name; 1 by default.
    """

    def __init__(
        self,
        inert: Sequence[Inert],
        symmetry: Symmetry,
        number: Callable[[str, Any], float],
        widths: Mapping[str, float] | None = None,
    ) -> None:
        columns = {name: i for i, name in enumerate(symmetry.parameters)}
        self.rules = [
            (
                columns[one.switch],
                np.asarray([n for v in one.values if not np.isnan(n := number(one.switch, v))]),
                TOLERANCE * (widths or {}).get(one.switch, 1.0),
                [columns[name] for name in one.names],
            )
            for one in inert
        ]
        switches = {one.switch for one in inert}
        blocks = dict.fromkeys(block for part in symmetry.parts for block in part.blocks if switches & set(block))
        self.blocks = [[columns[name] for name in block] for block in blocks if len(block) > 1]

    def mask(self, x: Rows) -> Mask:
        """Tell which numbers of rows `n x d` are inert."""
        mask = np.zeros(x.shape, dtype=bool)
        for switch, numbers, slack, others in self.rules:
            mask[:, others] |= (np.abs(x[:, [switch]] - numbers) <= slack).any(axis=1, keepdims=True)
        return mask

    def there(self, x: Rows) -> Mask:
        """Tell which numbers of rows `n x d` are of a block that is there, and not inert."""
        mask = self.mask(x)
        there = ~mask
        for block in self.blocks:
            there[_absent(mask, block)[:, None], block] = False
        return there

    def compared(self, x: Rows, mask: Mask | None = None) -> Rows:
        """Return the numbers `n x d` by which rows compare, given which of them are inert.

        A block is absent if all of its slots but one are inert. Then all have a number beyond any other, the greater
        the greater the one that is not inert is.
        """
        mask, numbers = self.mask(x) if mask is None else mask, x.copy()
        for block in self.blocks:
            absent = _absent(mask, block)
            last = x[absent][:, block][~mask[absent][:, block]]  # one of each row
            numbers[absent[:, None], block] = LAST * (2.0 + last / (1.0 + np.abs(last)))[:, None]
        return numbers


def _absent(mask: Mask, block: Sequence[int]) -> npt.NDArray[np.intp]:
    """Number the rows in which a block is absent: all of its slots but one are inert."""
    return np.flatnonzero(mask[:, block].sum(axis=1) == len(block) - 1)
