"""The interface of a kind of symmetry. Each kind is a module with a subclass of `Kind`, listed in `kinds`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.actions import Rows
from ax_symmetry.groups.permutations import Permutation
from ax_symmetry.symmetry.box import Box

if TYPE_CHECKING:
    from ax_symmetry.symmetry.inert import Inert
    from ax_symmetry.symmetry.rotate import Rotate
    from ax_symmetry.symmetry.symmetry import Symmetry
    from ax_symmetry.symmetry.translation import Direction


class Kind:
    """One declared part of a symmetry. Subclasses are frozen dataclasses; the defaults describe a part without effect.

    Attributes:
        KEYS: Its keys in the dict of a symmetry, its name first.
        moves: Whether it moves anything, or only says what other parts must keep.
        is_finite: Whether the group that it generates is finite. If not, `gauge` chooses a point of each orbit.
        blocks: Blocks of parameters that trade places, if it has any.
    """

    KEYS: ClassVar[tuple[str, ...]]
    moves: ClassVar[bool] = True
    is_finite: ClassVar[bool] = True
    blocks: tuple[tuple[str, ...], ...] = ()

    if TYPE_CHECKING:

        @property
        def parameters(self) -> tuple[str, ...]:
            """The names of its parameters, all different."""

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Sequence[Kind]:
        """Read the parts of this kind from the dict of a symmetry; none if its key is missing.

        Raises:
            SymmetryError: The dict declares something that cannot be.
        """
        raise NotImplementedError

    def write(self) -> dict[str, Any]:
        """Write the plain dict from which `read` makes an equal part."""
        raise NotImplementedError

    def describe(self) -> str:
        """Describe the part in one line."""
        raise NotImplementedError

    def check_with(self, symmetry: Symmetry) -> None:
        """Check this part against the other parts of a symmetry.

        Raises:
            SymmetryError: They contradict each other.
        """

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that a search space has this part.

        Args:
            symmetry: The symmetry that it is a part of.
            parameters: Ax's parameters by name, without implied ones. Those of one orbit are known to be alike.

        Raises:
            SymmetryError: The search space lacks it.
        """

    @property
    def exchanges(self) -> tuple[tuple[str, str], ...]:
        """The pairs (a, b) of parameters for which some generator puts b in the place of a."""
        return ()

    @property
    def flips(self) -> tuple[frozenset[str], ...]:
        """The sets of parameters that are mirrored together."""
        return ()

    @property
    def reflections(self) -> dict[str, float]:
        """The center of every parameter that is mirrored."""
        return {}

    @property
    def periods(self) -> dict[str, float]:
        """The period of every parameter on a circle."""
        return {}

    @property
    def changed(self) -> tuple[str, ...]:
        """The parameters whose values are changed, not only exchanged, so that their sums are not preserved."""
        moved = [name for one in self.directions for name in one.names]
        return (*self.reflections, *self.periods, *moved, *(self.parameters if self.turned else ()))

    @property
    def symmetric_blocks(self) -> tuple[tuple[str, ...], ...]:
        """The blocks, if the part is the symmetric group on blocks; else empty."""
        return ()

    def inert(self, symmetry: Symmetry) -> tuple[Inert, ...]:
        """List the slots of blocks that change nothing while another has some value."""
        return ()

    def distinct(self, symmetry: Symmetry) -> tuple[tuple[str, ...], ...]:
        """List the slots, each as its parameters, in which no two blocks that are there may have the same value."""
        return ()

    def point_generators(self, columns: Sequence[str]) -> tuple[Permutation, ...]:
        """Write the generators that exchange parameters as permutations of the 2 k points of k columns.

        Point j is column j, and point j + k its mirror image.
        """
        return ()

    def compared_names(self, order_by: Sequence[str]) -> tuple[str, ...]:
        """List parameters in the order of comparison; the slots that `order_by` names come first."""
        return ()

    def in_unit_cube(self) -> Kind:
        """Return this part for a search space whose ranges are scaled to [0, 1].

        Raises:
            SymmetryError: What it becomes depends on the ranges.
        """
        return self

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions in which nothing changes; the gauge of all parts together is left to `gauge_translations`."""
        return ()

    @property
    def turned(self) -> Rotate | None:
        """The rotation that it is; the least of the rows at its critical angles stands for all."""
        return None

    def centered(self, parameters: Mapping[str, Any]) -> Kind:
        """Return this part with what it takes from the ranges by default written out, given Ax's parameters by name."""
        return self

    def gauge(self, x: Rows, columns: Mapping[str, int], box: Box) -> Rows:
        """Replace each row by the point of its infinite orbit that stands for it.

        The result depends on the orbit alone, is a fixed point of `gauge`, and lies within the bounds if x does.

        Args:
            x: Rows `n x d`.
            columns: The column of every parameter.
            box: Where the points are to lie.

        Returns:
            The points, `n x d`; x itself for a finite kind.
        """
        return x


def as_tuple(key: str, value: Any, way_out: str = "") -> tuple[Any, ...]:
    """Read a list, and nothing that merely looks like one.

    Args:
        key: The key of the dict, for the message.
        value: What stands there.
        way_out: A sentence that says what to write.

    Raises:
        SymmetryError: It is no list.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise SymmetryError(f"{key}: expected a list; got {shown(value)}. {way_out}".rstrip())
    return tuple(value)


def example(value: Any, number: str) -> str:
    """Write the dict of numbers by name that is meant by a name, or by a list of names.

    Example:
        >>> example(["a", "b"], "center")
        '{"a": center, "b": center}'
    """
    names = [value] if isinstance(value, str) else value if isinstance(value, Sequence) else []
    names = [name for name in names if isinstance(name, str)] or ["name"]
    return "{" + ", ".join(f'"{name}": {number}' for name in names) + "}"


def is_finite_number(value: Any) -> bool:
    """Tell whether a value is a number that a float can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def check_names(key: str, names: Sequence[Any]) -> None:
    """Check that names are different, non-empty strings."""
    for name in names:
        if not isinstance(name, str) or not name:
            raise SymmetryError(f"{key}: parameters are named by strings; got {name!r}.")
    for name in names:
        if list(names).count(name) > 1:
            raise SymmetryError(f"{key}: parameter {name} is named more than once; every parameter has one place.")
