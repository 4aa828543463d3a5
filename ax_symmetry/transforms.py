"""The two transforms, registered with Ax's storage."""

from __future__ import annotations

from collections.abc import Sequence

from ax_symmetry._ax import RowTransform, register
from ax_symmetry.canonicalize import Canonicalize
from ax_symmetry.symmetrize import SymmetrizeObservations

TRANSFORMS: Sequence[type[RowTransform]] = (Canonicalize, SymmetrizeObservations)
"""Both, in the order in which they come first in Ax's list."""

for transform in TRANSFORMS:
    register(transform)
