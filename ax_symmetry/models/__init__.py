"""Models of Ax with an invariant kernel."""

from ax_symmetry.models.surrogate import surrogate_spec

__all__ = ["surrogate_spec"]
