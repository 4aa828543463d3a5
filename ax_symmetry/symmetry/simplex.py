"""Parameters that sum to a total."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.kind import Kind, as_tuple, check_names, is_finite_number

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Simplex(Kind):
    """Parameters that sum to a total; one of them may be absent from the search space and is then implied.

    They are floats, whole numbers, or ordered choices between numbers.

    Attributes:
        parameters: At least two names, all different.
        total: What their values sum to.

    Raises:
        SymmetryError: There are too few names, one is repeated, or the total is no finite number.
    """

    parameters: tuple[str, ...]
    total: float = 1.0

    KEYS: ClassVar[tuple[str, ...]] = ("simplex",)
    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if len(self.parameters) < 2:
            raise SymmetryError(
                f"simplex: got {list(self.parameters)}; name at least two parameters that sum to the total."
            )
        check_names("simplex", self.parameters)
        if not is_finite_number(self.total):
            raise SymmetryError(f"simplex: the total must be a finite number; got {self.total!r}.")

    @property
    def terms(self) -> str:
        """The sum in words, such as `a + b + c`."""
        return " + ".join(self.parameters)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Simplex]:
        """Read `{"simplex": {"parameters": [...], "total": 1.0}}`."""
        if "simplex" not in config:
            return []
        simplex = config["simplex"]
        if not isinstance(simplex, Mapping) or not {"parameters"} <= set(simplex) <= {"parameters", "total"}:
            raise SymmetryError(f'simplex: write {{"parameters": [...], "total": 1.0}}; got {shown(simplex)}.')
        names = as_tuple("simplex", simplex["parameters"])
        return [cls(names, simplex.get("total", 1.0))]

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {"simplex": {"parameters": list(self.parameters), "total": self.total}}

    def describe(self) -> str:
        """Describe the sum."""
        return f"simplex: {self.terms} = {self.total:.15g}"

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that the other parts preserve the sum."""
        names = ", ".join(self.parameters)
        for part in symmetry.parts:
            for name in sorted(set(self.parameters) & set(part.changed))[:1]:
                raise SymmetryError(
                    f"simplex: the {part.KEYS[0]} of {name} changes the sum of {names}; drop the {part.KEYS[0]}, or "
                    "take it out of the simplex."
                )
        for a, b in symmetry.exchanges:
            if (a in self.parameters) != (b in self.parameters):
                raise SymmetryError(
                    f"simplex: parameters {a} and {b} trade places but only one of them is in the simplex {names}; "
                    "name both in it, or neither."
                )

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters that are not implied are numbers: ranges, or ordered choices."""
        for name in self.parameters:
            p = parameters.get(name)
            if p is None:
                continue
            is_number = p.parameter_type.name in ("FLOAT", "INT")
            if not is_number or not (hasattr(p, "lower") or p.is_ordered):
                kind = "an unordered choice" if is_number else f"of type {p.parameter_type.name.lower()}"
                raise SymmetryError(
                    f"simplex: parameter {name} is {kind}, and cannot be part of a sum. Declare it as a range or as an "
                    "ordered choice between numbers, or take it out of the simplex."
                )

    def implied_by(self, present: Collection[str]) -> str | None:
        """Return the one parameter that is not present; None if more are missing, or none."""
        absent = [name for name in self.parameters if name not in present]
        return absent[0] if len(absent) == 1 else None

    def implied_terms(self, name: str) -> tuple[dict[str, float], float]:
        """Return the weights and the offset of a parameter as `sum of weight * other parameter + offset`."""
        return {other: -1.0 for other in self.parameters if other != name}, self.total

    def imply(self, values: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Compute the absent parameter from the others; equal to one of them if they differ by rounding alone.

        Args:
            values: The n values of every other parameter; names that are not in the simplex are ignored.

        Returns:
            The n values of the absent one.
        """
        others = np.asarray([values[name] for name in self.parameters if name in values], dtype=float)
        implied = self.total - others.sum(axis=0)
        rounding = 1e-12 * (abs(self.total) + np.abs(others).sum(axis=0))
        for other in others:
            implied = np.where(np.abs(implied - other) <= rounding, other, implied)
        return np.asarray(implied)


def simplex_hint(symmetry: Symmetry, name: str, present: Iterable[str]) -> str:
    """Say that a simplex may imply a parameter that is missing, if the others of its slot are there; else nothing.

    Args:
        symmetry: The symmetry.
        name: The parameter.
        present: The parameters that are there.
    """
    slot = symmetry.orbit_of(name)
    if set(slot) - set(present) != {name} or any(name in simplex.parameters for simplex in symmetry.simplexes):
        return ""
    return (
        f'If {name} is what the others leave of a total, say so: {{"simplex": {{"parameters": '
        f'[{", ".join(f"{n!r}" for n in slot)}], "total": ...}}}}.'
    ).replace("'", '"')
