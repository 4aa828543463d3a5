"""Slots whose values differ between blocks: no ingredient twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.inert import absent_values, generator_maps
from ax_symmetry.symmetry.kind import Kind, as_tuple, check_names

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Distinct(Kind):
    """Slots in which no two blocks that are there have the same value. Candidates obey; data need not.

    Attributes:
        names: Parameters, each of which stands for its slot in all blocks.

    Raises:
        SymmetryError: No name is given, or one is repeated.
    """

    names: tuple[str, ...]

    KEYS: ClassVar[tuple[str, ...]] = ("distinct",)
    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.names:
            raise SymmetryError('distinct: got no parameter; write "name", or a list of names.')
        check_names("distinct", self.names)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Distinct]:
        """Read `{"distinct": name}`, or a list of names."""
        if "distinct" not in config:
            return []
        given = config["distinct"]
        return [cls((given,) if isinstance(given, str) else as_tuple("distinct", given, 'Write "name", or a list.'))]

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {"distinct": self.names[0] if len(self.names) == 1 else list(self.names)}

    def describe(self) -> str:
        """Name the slots."""
        return f"distinct: no value of {', '.join(self.names)} in two blocks"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that stand for slots."""
        return self.names

    def distinct(self, symmetry: Symmetry) -> tuple[tuple[str, ...], ...]:
        """List for every slot its parameters, one of each block."""
        return tuple(
            tuple(block[slot] for block in part.blocks)
            for name in self.names
            for part in symmetry.parts
            for slot in [block.index(name) for block in part.blocks if name in block]
        )

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that every name is a slot of blocks, which the group keeps and does not change."""
        for name in self.names:
            if not any(name in block for part in symmetry.parts for block in part.blocks):
                raise SymmetryError(f"distinct: parameter {name} is in no block. Name a slot of blocks.")
        for slot in self.distinct(symmetry):
            sums = {name: "simplex" for part in symmetry.simplexes for name in part.parameters}
            for name in [name for name in slot if name in symmetry.changed or name in sums][:1]:
                raise SymmetryError(
                    f"distinct: parameter {name} is also part of a {symmetry.changed.get(name) or sums[name]}; values "
                    "that differ are for choices and whole numbers that only trade places. Name another slot."
                )
            for moved in generator_maps(symmetry):
                if {moved[name] for name in slot} != set(slot):
                    raise SymmetryError(
                        f"distinct: the group moves a parameter of {', '.join(slot)} out of its slot. Name a slot that "
                        "stays together, or drop distinct."
                    )

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the slots are choices or whole numbers, with a value for every block."""
        for slot in self.distinct(symmetry):
            p: Any = parameters[slot[0]]
            if not hasattr(p, "values") and p.parameter_type.name != "INT":
                raise SymmetryError(
                    f"distinct: parameter {p.name} is a range of numbers that are never quite equal; name a choice or "
                    "whole numbers, or drop distinct."
                )
            absent = absent_values(symmetry, symmetry.inert, p.name)
            values = [v for v in p.values if v not in absent] if hasattr(p, "values") else range(p.lower, p.upper + 1)
            if len(values) < len(slot):
                raise SymmetryError(
                    f"distinct: {', '.join(slot)} are to differ, but have the values {shown(list(values))} alone; give "
                    f"them at least {len(slot)} values, or declare fewer blocks."
                )
