"""Parameters of which only ratios matter: a common factor changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.parameter_checks import check_unrounded
from ax_symmetry.symmetry.translation import Translation

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


@dataclass(frozen=True)
class Scale(Translation):
    """Parameters that may be multiplied by t^exponent, each with its exponent, for any t > 0."""

    KEYS: ClassVar[tuple[str, ...]] = ("scale",)
    WEIGHT: ClassVar[str] = "exponent"
    IS_LOG: ClassVar[bool] = True

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters are ranges of any numbers on a log scale."""
        for name in self.parameters:
            p: Any = parameters.get(name)
            if not hasattr(p, "lower") or not p.log_scale:
                raise SymmetryError(
                    f"scale: parameter {name} is no range parameter on a log scale. Declare it as one, or take it out "
                    "of the scale."
                )
            check_unrounded("scale", "scale", name, p, "factors")
