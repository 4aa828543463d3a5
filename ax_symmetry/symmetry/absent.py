"""Blocks that may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.inert import Inert, check_sums, generator_maps
from ax_symmetry.symmetry.kind import Kind, check_names, example, is_finite_number

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Absent(Kind):
    """Slots that say whether their block is there: with one value it is not, and its other slots change nothing.

    Attributes:
        switches: Pairs of a name, which stands for its slot in all blocks, and the value with which a block is absent.

    Raises:
        SymmetryError: No name is given, one is repeated, or a value is none that a parameter can have.
    """

    switches: tuple[tuple[str, Any], ...]

    KEYS: ClassVar[tuple[str, ...]] = ("absent",)
    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.switches:
            raise SymmetryError('absent: got no parameter; write {"name": value}.')
        check_names("absent", self.parameters)
        for name, value in self.switches:
            if not isinstance(value, (str, bool)) and not is_finite_number(value):
                raise SymmetryError(
                    f"absent: the value of {name} with which its block is absent must be a number, a text or a "
                    f"boolean; got {shown(value)}."
                )

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Absent]:
        """Read `{"absent": {name: value, ...}}`."""
        if "absent" not in config:
            return []
        given = config["absent"]
        if not isinstance(given, Mapping):
            raise SymmetryError(f"absent: write {example(given, 'value')}; got {shown(given)}.")
        return [cls(tuple(given.items()))]

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {"absent": dict(self.switches)}

    def describe(self) -> str:
        """Describe when a block is absent."""
        return "absent: " + ", ".join(f"the block of {name} if that is {value!r}" for name, value in self.switches)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that stand for slots."""
        return tuple(name for name, _ in self.switches)

    def inert(self, symmetry: Symmetry) -> tuple[Inert, ...]:
        """List for every block the slots that are inert while it is absent."""
        return tuple(
            Inert(block[slot], (value,), block[:slot] + block[slot + 1:])
            for name, value in self.switches
            for part in symmetry.parts
            for slot in [block.index(name) for block in part.blocks if name in block]
            for block in part.blocks
        )

    def in_unit_cube(self) -> Absent:
        """Raise: which number says that a block is absent depends on the bounds, or on the numbers of choices."""
        raise SymmetryError(
            "absent: what it becomes in the unit cube depends on a search space that a surrogate spec does not know; "
            "use method 'kernel' of get_botorch or choose_generation_strategy."
        )

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that every name is a slot of blocks, and that the group moves whole blocks."""
        for name in self.parameters:
            parts = [part for part in symmetry.parts if any(name in block for block in part.blocks)]
            if not parts:
                raise SymmetryError(
                    f"absent: parameter {name} is in no block. Name the slot that says whether its block is there."
                )
            (slots, *_) = [block for part in parts for block in part.blocks if name in block]
            if len(slots) == 1:
                raise SymmetryError(
                    f"absent: parameter {name} is alone in its block, so that nothing can be inert; add slots, or drop "
                    "absent."
                )
            others = [other for other in symmetry.inert if other.switch in slots and other.switch != name]
            values = {value for other in symmetry.inert if other.switch == name for value in other.values}
            if len(values) > 1:
                both = " and with ".join(sorted(map(repr, values)))
                raise SymmetryError(
                    f"absent: parameter {name} says that its block is absent with {both}; name one value."
                )
            if others:
                raise SymmetryError(
                    f"absent: parameters {name} and {others[0].switch} are slots of one block, {', '.join(slots)}; "
                    "one of them alone can say whether it is there."
                )
            if name in symmetry.changed:
                key = symmetry.changed[name]
                raise SymmetryError(
                    f"absent: parameter {name} says whether its block is there, and has a {key}, which changes that. "
                    f"Take it out of the {key}."
                )
        rules = {(one.switch, one.values, frozenset(one.names)) for one in symmetry.inert}
        for moved in generator_maps(symmetry):
            for one in symmetry.inert:
                if one.moved(moved) not in rules:
                    raise SymmetryError(
                        f"absent: an element of the group moves {one.switch} or {', '.join(one.names)} out of their "
                        "block, which is absent as a whole. Declare blocks that stay together, or drop absent."
                    )
        check_sums(symmetry, symmetry.inert)

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters can have the values with which blocks are absent."""
        for one in self.inert(symmetry):
            p: Any = parameters.get(one.switch)
            for value in one.values:
                if p is not None and not _can_be(p, value):
                    allowed = list(p.values) if hasattr(p, "values") else f"from {p.lower} to {p.upper}"
                    raise SymmetryError(
                        f"absent: parameter {one.switch} cannot be {value!r}; its values are {allowed}. Name a value "
                        "that it can have, or widen it."
                    )


def _can_be(p: Any, value: Any) -> bool:
    """Tell whether a parameter can have a value."""
    if hasattr(p, "values"):
        return any(type(v) is type(value) and v == value or _are_equal_numbers(v, value) for v in p.values)
    return is_finite_number(value) and p.lower <= value <= p.upper and (
        p.parameter_type.name != "INT" or value == round(value)
    )


def _are_equal_numbers(one: Any, other: Any) -> bool:
    return is_finite_number(one) and is_finite_number(other) and one == other
