"""Parameters that a common factor, or a common number, leaves equal: translations, of logarithms or of the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.kind import Kind, as_tuple, check_names, example, is_finite_number

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry

Own = TypeVar("Own", bound="Translation")


@dataclass(frozen=True)
class Direction:
    """One direction in which nothing changes.

    Attributes:
        key: The key of the dict under which it is declared.
        weights: How far each parameter moves, or its logarithm, none of them by 0.
        is_log: Whether it is the logarithms that move.
    """

    key: str
    weights: tuple[tuple[str, float], ...]
    is_log: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that move."""
        return tuple(name for name, _ in self.weights)


@dataclass(frozen=True)
class Translation(Kind):
    """Parameters that move together, each by its weight, without changing anything.

    Attributes:
        weights: Pairs of a name and its weight.

    Raises:
        SymmetryError: No name is given, one is repeated, or a weight is no finite number other than 0.
    """

    weights: tuple[tuple[str, float], ...]

    is_finite: ClassVar[bool] = False
    WEIGHT: ClassVar[str]
    IS_LOG: ClassVar[bool]

    def __post_init__(self) -> None:
        key = self.KEYS[0]
        if not self.weights:
            raise SymmetryError(f'{key}: got no parameter; write {{"name": {self.WEIGHT}}}, or a list of names.')
        check_names(key, self.parameters)
        for name, weight in self.weights:
            if not is_finite_number(weight) or weight == 0:
                raise SymmetryError(
                    f"{key}: the {self.WEIGHT} of {name} must be a finite number other than 0; got {shown(weight)}. "
                    "Leave out what does not move."
                )

    @classmethod
    def read(cls: type[Own], config: Mapping[str, Any]) -> list[Own]:
        """Read a dict of weights by name, a list of names for the weight 1, or a list of such for several."""
        key = cls.KEYS[0]
        if key not in config:
            return []
        given = config[key]
        several = isinstance(given, list) and bool(given) and not any(isinstance(one, str) for one in given)
        return [cls(tuple(cls._weights(one).items())) for one in (given if several else [given])]

    @classmethod
    def _weights(cls, given: Any) -> Mapping[str, Any]:
        """Read one dict, or list of names."""
        if isinstance(given, Mapping):
            return given
        key = cls.KEYS[0]
        names = as_tuple(key, given, f"Write {example(given, cls.WEIGHT)}, or a list of names.")
        check_names(key, names)
        return dict.fromkeys(names, 1)

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {self.KEYS[0]: dict(self.weights)}

    def describe(self) -> str:
        """Describe the parameters and their weights, those of 1 without it."""
        return f"{self.KEYS[0]}: " + ", ".join(n if w == 1 else f"{n} ({w:g})" for n, w in self.weights)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names."""
        return tuple(name for name, _ in self.weights)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The one direction."""
        return (Direction(self.KEYS[0], self.weights, self.IS_LOG),)

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that the directions are independent, that the finite group keeps them, and that nothing else moves."""
        key, names = self.KEYS[0], ", ".join(self.parameters)
        for name in self.parameters:
            others = [one.key for one in symmetry.directions if one.is_log != self.IS_LOG and name in one.names]
            if others or name in symmetry.periods:
                raise SymmetryError(
                    f"{key}: parameter {name} has a {(others or ['period'])[0]} as well; declare one of the two."
                )
            if self.IS_LOG and name in symmetry.centers:
                raise SymmetryError(f"{key}: parameter {name} has a mirror as well, which knows no log scale; drop it.")
        own = [one for one in symmetry.directions if one.is_log == self.IS_LOG]
        span = np.asarray([[dict(one.weights).get(n, 0.0) for n in symmetry.parameters] for one in own])
        if np.linalg.matrix_rank(span) < len(span):
            raise SymmetryError(
                f"{key}: the {len(span)} parts are not independent of each other, that of {names} among them; drop one."
            )
        d = len(symmetry.parameters)
        for element in symmetry.action.generators:
            moved = np.where(element < d, 1.0, -1.0) * span[:, element % d]
            rest = np.abs(moved - moved @ np.linalg.pinv(span) @ span).max(axis=0)
            if rest.max() > 1e-9 * np.abs(span).max():
                changed = [n for n, gap in zip(symmetry.parameters, rest) if gap > 1e-9 * np.abs(span).max()]
                raise SymmetryError(
                    f"{key}: the group moves {names}, and {', '.join(changed)} would have to move along; name "
                    f"parameters that trade places together, with one {self.WEIGHT}."
                )

    def in_unit_cube(self) -> Kind:
        """Raise: how far a parameter moves there depends on its bounds."""
        raise SymmetryError(
            f"{self.KEYS[0]}: what it becomes in the unit cube depends on bounds that a surrogate spec does not know; "
            "use method 'kernel' of get_botorch or choose_generation_strategy."
        )


def independent_sets(directions: Sequence[Direction]) -> list[list[Direction]]:
    """Group directions that share parameters, directly or by way of others."""
    sets: list[list[Direction]] = []
    for one in directions:
        touching = [s for s in sets if any(set(one.names) & set(other.names) for other in s)]
        sets = [s for s in sets if s not in touching] + [[*(other for s in touching for other in s), one]]
    return sets
