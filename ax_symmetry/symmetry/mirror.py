"""Parameters that are mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.kind import Kind, check_names, example, is_finite_number

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry

TOLERANCE = 1e-9
"""How far the center of a mirror may lie from the middle of the range, as a fraction of the range."""


@dataclass(frozen=True)
class Mirror(Kind):
    """Parameters that flip together, x -> 2 center - x.

    Attributes:
        centers: Pairs of a name and the center of its mirror.

    Raises:
        SymmetryError: No name is given, one is repeated, or a center is no finite number.
    """

    centers: tuple[tuple[str, float], ...]

    KEYS: ClassVar[tuple[str, ...]] = ("mirror",)

    def __post_init__(self) -> None:
        if not self.centers:
            raise SymmetryError('mirror: got no parameter; write {"name": center}.')
        check_names("mirror", self.parameters)
        for name, center in self.centers:
            if not is_finite_number(center):
                raise SymmetryError(f"mirror: the center of {name} must be a finite number; got {center!r}.")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Mirror]:
        """Read `{"mirror": {name: center, ...}}`, or a list of such dicts for several mirrors."""
        if "mirror" not in config:
            return []
        mirror, parts = config["mirror"], []
        for centers in (mirror if isinstance(mirror, list) else [mirror]) or [{}]:
            if not isinstance(centers, Mapping):
                write = f"write {example(mirror, 'center')}, or a list of such dicts"
                raise SymmetryError(f"mirror: {write}; got {shown(mirror)}.")
            parts.append(cls(tuple(centers.items())))
        return parts

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {"mirror": dict(self.centers)}

    def describe(self) -> str:
        """Describe the parameters and their centers."""
        return "mirror: " + ", ".join(f"{name} about {center:g}" for name, center in self.centers)

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that mirrors of one orbit of parameters share a center; otherwise they generate translations."""
        for name, center in self.centers:
            if symmetry.centers[name] != center:
                raise SymmetryError(
                    f"mirror: parameter {name} is mirrored at {center} and, by the other symmetries, at "
                    f"{symmetry.centers[name]}; together they move it without end. Give both mirrors one center."
                )

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the mirror maps the domain of every parameter to itself."""
        for name, center in self.centers:
            for other in symmetry.orbit_of(name):
                _check_center(parameters[other], center)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names that flip."""
        return tuple(name for name, _ in self.centers)

    @property
    def flips(self) -> tuple[frozenset[str], ...]:
        """The one set of names that flip together."""
        return (frozenset(self.parameters),)

    @property
    def reflections(self) -> dict[str, float]:
        """The centers by name."""
        return dict(self.centers)

    def in_unit_cube(self) -> Mirror:
        """Return the mirror at 0.5: its center is the middle of the range."""
        return Mirror(tuple((name, 0.5) for name, _ in self.centers))


def is_symmetric_about(numbers: Sequence[float], center: float) -> bool:
    """Tell whether ordered numbers lie symmetrically about a center, up to rounding."""
    sums = np.add(numbers, numbers[::-1]) - 2 * center
    return bool(np.abs(sums).max() <= 2 * TOLERANCE * abs(numbers[-1] - numbers[0]))


def _check_center(p: Any, center: float) -> None:
    """Check that a mirror maps the domain of a parameter of Ax to itself."""
    if hasattr(p, "lower"):
        if p.log_scale or p.logit_scale:
            raise SymmetryError(
                f"mirror: parameter {p.name} has a {'log' if p.log_scale else 'logit'} scale, which a mirror does not "
                "preserve. Declare it without, or take it out of the mirror."
            )
        if not is_symmetric_about([p.lower, p.upper], center):
            raise SymmetryError(
                f"mirror: the center of {p.name} is {center} but the middle of its range [{p.lower}, {p.upper}] is "
                f"{(p.lower + p.upper) / 2}. Move the center or the bounds."
            )
    else:
        numbers = [float(v) for v in p.values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if not (p.is_ordered and len(numbers) == len(p.values) and is_symmetric_about(numbers, center)):
            raise SymmetryError(
                f"mirror: the values {p.values} of {p.name} are not ordered numbers that lie symmetrically about "
                f"{center}. Correct the values or the center, or take it out of the mirror."
            )
