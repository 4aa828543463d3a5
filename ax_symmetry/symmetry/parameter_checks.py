"""What several kinds ask of Ax's parameters: their scale, and the steps to which they are rounded."""

from __future__ import annotations

from typing import Any

from ax_symmetry.errors import SymmetryError
from ax_symmetry.symmetry.kind import is_finite_number


def check_linear_range(key: str, noun: str, name: str, p: Any) -> None:
    """Check that a parameter is a range on a linear scale.

    Args:
        key: The key of the dict, for the message.
        noun: What the parameter would have to leave.
        name: The name of the parameter.
        p: The parameter; None if there is none.

    Raises:
        SymmetryError: It is not.
    """
    if not hasattr(p, "lower") or p.log_scale or p.logit_scale:
        raise SymmetryError(
            f"{key}: parameter {name} is no range parameter on a linear scale{_note_of_steps(p)}. Declare it as one, "
            f"or take it out of the {noun}."
        )


def check_unrounded(key: str, noun: str, name: str, p: Any, movers: str) -> None:
    """Check that a range holds any numbers, since most factors, or angles, keep no steps; see `check_linear_range`."""
    rounded = [trait for trait in ("digits", "step_size") if getattr(p, trait, None) is not None]
    if p.parameter_type.name == "INT" or rounded:
        kind = f"is rounded by its {rounded[0]}" if rounded else "is a whole number"
        raise SymmetryError(
            f"{key}: parameter {name} {kind}, which most {movers} do not keep. Declare it as a float without digits or "
            f"steps, or take it out of the {noun}."
        )


def step_of(p: Any) -> float | None:
    """Return the step to which the values of a range are rounded, as whole numbers, by `digits` or a step size."""
    if step := getattr(p, "step_size", None):  # not in every Ax
        return float(step)
    digits = 0 if p.parameter_type.name == "INT" else getattr(p, "digits", None)
    return None if digits is None else 10.0**-digits


def _note_of_steps(p: Any) -> str:
    """Say that a range with steps is a choice to Ax, if it may be that; else nothing."""
    is_numeric = p is not None and hasattr(p, "values") and all(is_finite_number(value) for value in p.values)
    return " (a choice of numbers, as Ax makes of a range with a step_size)" if is_numeric else ""
