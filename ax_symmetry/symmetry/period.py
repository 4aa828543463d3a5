"""Parameters on a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.groups.actions import Rows
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.kind import Kind, check_names, example, is_finite_number
from ax_symmetry.symmetry.parameter_checks import check_linear_range, step_of

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry

MOST = 1_000
"""How many combinations of whole turns are tried at most for one row."""
ROUNDING = 1e-12
"""Within this fraction of the numbers that are added, a number at the seam counts as the lower bound."""


@dataclass(frozen=True)
class Period(Kind):
    """Parameters of which values that differ by a period are the same.

    Attributes:
        lengths: Pairs of a name and its period.

    Raises:
        SymmetryError: No name is given, one is repeated, or a period is no finite number above 0.
    """

    lengths: tuple[tuple[str, float], ...]

    KEYS: ClassVar[tuple[str, ...]] = ("period",)
    is_finite: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.lengths:
            raise SymmetryError('period: got no parameter; write {"name": period}.')
        check_names("period", self.parameters)
        for name, length in self.lengths:
            if not is_finite_number(length) or length <= 0:
                raise SymmetryError(f"period: the period of {name} must be a finite number above 0; got {length!r}.")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Period]:
        """Read `{"period": {name: period, ...}}`."""
        if "period" not in config:
            return []
        if not isinstance(config["period"], Mapping):
            given = config["period"]
            raise SymmetryError(f"period: write {example(given, 'period')}; got {shown(given)}.")
        return [cls(tuple(config["period"].items()))]

    def write(self) -> dict[str, Any]:
        """Write the plain dict."""
        return {"period": dict(self.lengths)}

    def describe(self) -> str:
        """Describe the parameters and their periods."""
        return "period: " + ", ".join(f"{name} of {length:g}" for name, length in self.lengths)

    def check_with(self, symmetry: Symmetry) -> None:
        """Check that the parameters of one orbit share a period."""
        for name, length in self.lengths:
            for other in symmetry.orbit_of(name):
                if symmetry.periods.get(other) != length:
                    raise SymmetryError(
                        f"period: parameter {name} has the period {length}, and {other}, which is to have the same, "
                        f"{symmetry.periods.get(other, 'none')}. Give parameters that trade places one period."
                    )

    def check_space(self, symmetry: Symmetry, parameters: Mapping[str, Any]) -> None:
        """Check that the parameters are ranges on a linear scale, and that the period keeps integers and digits."""
        for name, length in self.lengths:
            p: Any = parameters.get(name)
            check_linear_range("period", "period", name, p)
            step = step_of(p)
            if step is not None and abs(length / step - round(length / step)) > 1e-9 * length / step:
                by_digits = p.parameter_type.name == "INT" or getattr(p, "digits", None) is not None
                raise SymmetryError(
                    f"period: parameter {name} has values in steps of {step:g}, and its period {length} is no "
                    f"multiple of that. Change the {'digits' if by_digits else 'step size'} or the period."
                )

    @property
    def parameters(self) -> tuple[str, ...]:
        """All names."""
        return tuple(name for name, _ in self.lengths)

    @property
    def periods(self) -> dict[str, float]:
        """The periods by name."""
        return dict(self.lengths)

    def in_unit_cube(self) -> Period:
        """Raise: how many periods a range holds depends on its bounds."""
        raise SymmetryError(
            "period: what it becomes in the unit cube depends on bounds that a surrogate spec does not know; use "
            "method 'kernel' of get_botorch or choose_generation_strategy."
        )

    def gauge(self, x: Rows, columns: Mapping[str, int], box: Box) -> Rows:
        """Move numbers to [lower, lower + period); those inside stay, to the last bit.

        A number that differs from `lower` plus whole periods by rounding alone becomes `lower`. Where that breaks a
        constraint of the box, the first numbers of later turns that keep all of them are taken, if there are any.
        """
        x = x.copy()
        for name, length in self.lengths:
            column = x[:, columns[name]]
            start = box.lower[columns[name]]
            slack = ROUNDING * (length + abs(start))
            outside = (column < start) | (column >= start + length - slack)  # neither is true of nan
            moved = column[outside]
            slack = slack + ROUNDING * np.abs(moved)
            moved = moved - length * np.floor((moved - start) / length)
            at_the_seam = (moved < start + slack) | (moved >= start + length - slack)
            column[outside] = np.where(at_the_seam, start, moved)  # `column` is a view
        places = [columns[name] for name in self.parameters]
        if len(box.weights) and box.weights[:, places].any():
            for i in np.flatnonzero(~box.keeps(x)):
                self._unwind(x[i], places, box)
        return x

    def _unwind(self, row: Rows, places: Sequence[int], box: Box) -> None:
        """Add whole periods to numbers of a row `d`, in place, so that it keeps all constraints."""
        lengths = np.asarray([length for _, length in self.lengths])
        turns = np.floor((box.upper[places] - row[places]) / lengths + ROUNDING)
        counts = [range(int(most) + 1) if 0 <= most < np.inf else range(1) for most in turns]
        for added in islice(product(*counts), MOST):
            found = row.copy()
            found[places] += lengths * added
            if box.keeps(found[None])[0]:
                row[:] = found
                return
