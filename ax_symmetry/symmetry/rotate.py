"""Pairs of parameters that may be turned together about a center."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.symmetry.kind import Kind, as_tuple, check_names, is_finite_number
from ax_symmetry.symmetry.parameter_checks import check_linear_range, check_unrounded

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry
    from ax_symmetry.symmetry.translation import Direction

TOLERANCE = 1e-9
"""How far the middles of ranges may lie apart, as a fraction of a range."""

FORM = 'write {"pairs": [["x", "y"], ...], "center": [0.0, 0.0]}'


@dataclass(frozen=True)
class Rotate(Kind):
    """Points of a plane that may be turned together, all by one angle, about a center.

    Attributes:
        pairs: The two coordinates of each point.
        center: What they are turned about; None for the middle of the ranges.

    Raises:
        SymmetryError: There are no pairs, a name is repeated, or the center is no pair of finite numbers.
    """

    pairs: tuple[tuple[str, str], ...]
    center: tuple[float, float] | None = None

    KEYS: ClassVar[tuple[str, ...]] = ("rotate",)
    is_finite: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.pairs or any(len(pair) != 2 for pair in self.pairs):
            raise SymmetryError(f"rotate: pairs are lists of two names each, one pair at least; {FORM}.")
        check_names("rotate", self.parameters)
        if self.center is not None and (len(self.center) != 2 or not all(map(is_finite_number, self.center))):
            raise SymmetryError(f"rotate: the center must be two finite numbers; got {shown(list(self.center))}.")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Rotate]:
        """Read `{"rotate": {"pairs": [[...], ...], "center": [..., ...]}}`."""
        if "rotate" not in config:
            return []
        given = config["rotate"]
        if not isinstance(given, Mapping) or "pairs" not in given or set(given) - {"pairs", "center"}:
            raise SymmetryError(f"rotate: {FORM}; got {shown(given)}.")
        listed = as_tuple("rotate", given["pairs"], f"For the pairs {FORM}.")
        pairs = [as_tuple("rotate", pair, f"Each pair is a list: {FORM}.") for pair in listed]
        center = given.get("center")
        return [cls(tuple(pairs), None if center is None else as_tuple("rotate", center, f"For the center {FORM}."))]

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        center = {} if self.center is None else {"center": list(self.center)}
        return {"rotate": {"pairs": [list(pair) for pair in self.pairs], **center}}

    def describe(self) -> str:
        """Describe the pairs and the center."""
        about = "the middle of their ranges" if self.center is None else "({:g}, {:g})".format(*self.center)
        return "rotate: " + " | ".join(", ".join(pair) for pair in self.pairs) + f" about {about}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names, pair after pair."""
        return tuple(name for pair in self.pairs for name in pair)

    @property
    def turned(self) -> Rotate:
        """The part itself."""
        return self

    def is_shifted_by(self, directions: Sequence[Direction]) -> bool:
        """Tell whether directions move the pairs, so that they turn about their mean and the center does not matter."""
        return any(set(one.names) & set(self.parameters) for one in directions)

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that there is one rotation, that the finite group keeps it, and that shifts move all its pairs."""
        if [part for part in symmetry.parts if part.turned not in (None, self)]:
            raise SymmetryError("rotate: there are two rotations; declare all pairs in one, which turns them together.")
        for name in self.parameters:
            scaled = [one.key for one in symmetry.directions if one.is_log and name in one.names]
            if scaled or name in symmetry.periods:
                key = (scaled or ["period"])[0]
                raise SymmetryError(f"rotate: parameter {name} has a {key} as well; declare one of the two.")
        self._check_mirrors(symmetry)
        self._check_shifts(symmetry)
        for element in symmetry.action.generators.tolist():
            self._check_element(symmetry, element)

    def _check_mirrors(self, symmetry: Symmetry) -> None:
        for pair in self.pairs:
            for name, center in zip(pair, self.center or ()):
                if abs(symmetry.centers.get(name, center) - center) > TOLERANCE * (1 + abs(center)):
                    raise SymmetryError(
                        f"rotate: parameter {name} is turned about {center:g}, and mirrored at "
                        f"{symmetry.centers[name]:g}; give both one center."
                    )

    def _check_shifts(self, symmetry: Symmetry) -> None:
        """Check that shifts, if there are any, move all pairs alike in both directions, and nothing else."""
        touching = [dict(one.weights) for one in symmetry.directions if set(one.names) & set(self.parameters)]
        if not touching:
            return
        names = list(dict.fromkeys([*self.parameters, *(name for one in touching for name in one)]))
        span = np.asarray([[one.get(name, 0.0) for name in names] for one in touching])
        wanted = np.asarray([[float(name in side) for name in names] for side in zip(*self.pairs)])
        if len(span) != 2 or np.linalg.matrix_rank(np.vstack([span, wanted]), tol=1e-9) > 2:
            one, other = ([pair[side] for pair in self.pairs] for side in (0, 1))
            raise SymmetryError(
                "rotate: with shifts, all pairs move in both directions, each name with weight 1; write "
                f'"shift": [{one}, {other}], or drop the shift or the rotation.'.replace("'", '"')
            )

    def _check_element(self, symmetry: Symmetry, element: list[int]) -> None:
        """Check that an element of the finite group moves pairs to pairs, and turns all of them about or none."""
        names = symmetry.parameters
        source = {name: (names[point % len(names)], -1 if point >= len(names) else 1)
                  for name, point in zip(names, element)}
        senses = set()
        for x, y in self.pairs:
            (from_x, sign_x), (from_y, sign_y) = source[x], source[y]
            if (from_x, from_y) in self.pairs:
                senses.add(sign_x * sign_y)
            elif (from_y, from_x) in self.pairs:
                senses.add(-sign_x * sign_y)
            else:
                raise SymmetryError(
                    f"rotate: the group brings {from_x} and {from_y} to the place of {x} and {y}, which are turned "
                    "together; name pairs that trade places as a whole."
                )
        if len(senses) > 1:
            raise SymmetryError(
                "rotate: a mirror changes the sense in which some pairs are turned, and of others not; mirror one "
                "coordinate of every pair, or none."
            )

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters are ranges of any numbers on a linear scale."""
        for name in self.parameters:
            p = parameters.get(name)
            check_linear_range("rotate", "rotation", name, p)
            check_unrounded("rotate", "rotation", name, p, "angles")
        if self.center is None and not self.is_shifted_by(symmetry.directions):
            self._check_middles(parameters)

    def _check_middles(self, parameters: Mapping[str, Any]) -> None:
        """Check that all pairs have one middle."""
        for side in zip(*self.pairs):
            first = parameters[side[0]]
            for name in side[1:]:
                p: Any = parameters[name]
                if abs(p.lower + p.upper - first.lower - first.upper) > TOLERANCE * (p.upper - p.lower):
                    raise SymmetryError(
                        f"rotate: the ranges of {first.name} and {name} have different middles, so that they are no "
                        "common center; give the center."
                    )

    def centered(self, parameters: Mapping[str, Any]) -> Rotate:
        """Return the rotation about a center that does not move with the ranges, given Ax's parameters by name.

        Without ranges of both coordinates it stays as it is.
        """
        ends = [parameters.get(name) for name in self.pairs[0]]
        if self.center is not None or not all(hasattr(p, "lower") for p in ends):
            return self
        x, y = ((float(p.lower) + float(p.upper)) / 2 for p in ends if p is not None)
        return replace(self, center=(x, y))

    def in_unit_cube(self) -> Kind:
        """Raise: what is a circle here is an ellipse there, which depends on bounds."""
        raise SymmetryError(
            "rotate: what it becomes in the unit cube depends on bounds that a surrogate spec does not know; use "
            "method 'kernel' of get_botorch or choose_generation_strategy."
        )
