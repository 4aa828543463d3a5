"""The two transforms, registered with Ax's storage."""

from ax_symmetry.transforms.canonicalize import Canonicalize
from ax_symmetry.transforms.registration import TRANSFORMS, transforms_for
from ax_symmetry.transforms.symmetrize_observations import SymmetrizeObservations

__all__ = ["TRANSFORMS", "Canonicalize", "SymmetrizeObservations", "transforms_for"]
