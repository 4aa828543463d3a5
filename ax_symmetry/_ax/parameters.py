"""What parameters and parameter constraints are only in newer versions of Ax."""

from __future__ import annotations

from ax.core.parameter import Parameter
from ax.core.parameter_constraint import ParameterConstraint


def is_derived(p: Parameter) -> bool:
    """Tell whether Ax computes a parameter from others (`DerivedParameter`, from Ax 1.1 on)."""
    return hasattr(p, "parameter_names_to_weights")


def is_equality(constraint: ParameterConstraint) -> bool:
    """Tell whether a parameter constraint is an equation (from Ax 1.3 on)."""
    return bool(getattr(constraint, "is_equality", False))
