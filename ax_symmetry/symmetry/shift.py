"""Parameters of which only differences matter: a common number changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.parameter_checks import check_linear_range, step_of
from ax_symmetry.symmetry.translation import Translation

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Shift(Translation):
    """Parameters to which t times a weight may be added, each with its weight, for any t."""

    KEYS: ClassVar[tuple[str, ...]] = ("shift",)
    WEIGHT: ClassVar[str] = "weight"
    IS_LOG: ClassVar[bool] = False

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters are ranges on a linear scale, and that a shift keeps those on a grid there."""
        steps = {}
        for name, weight in self.weights:
            p = parameters.get(name)
            check_linear_range("shift", "shift", name, p)
            step = step_of(p)
            if step is not None:
                steps[name] = step / abs(weight)
        largest = max(steps.values(), default=1.0)
        for name, step in steps.items():
            if abs(largest / step - round(largest / step)) > 1e-9 * largest / step:
                other = max(steps, key=lambda name: steps[name])
                raise SymmetryError(
                    f"shift: parameters {name} and {other} have values in steps, and what moves one from step to step "
                    "does not move the other so. Give them steps, or weights, that fit, or take one out."
                )
        shared = [one for one in symmetry.directions if one.weights != self.weights and set(one.names) & set(steps)]
        if shared:
            name = next(name for name in shared[0].names if name in steps)
            raise SymmetryError(
                f"shift: parameter {name} has values in steps, and two shifts; declare it without digits, steps or "
                "whole numbers, or in one shift."
            )
