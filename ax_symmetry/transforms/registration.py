"""The two transforms, registered with Ax's storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ax_symmetry._ax import backend
from ax_symmetry.transforms.canonicalize import Canonicalize
from ax_symmetry.transforms.symmetrize_observations import SymmetrizeObservations

TRANSFORMS: Sequence[type[backend.RowTransform]] = (Canonicalize, SymmetrizeObservations)
"""Both, in the order in which they come first in Ax's list."""

for transform in TRANSFORMS:
    backend.register(transform)


def transforms_for(config: Mapping[str, Any]) -> Sequence[type[backend.RowTransform]]:
    """Return the transforms that a model needs; if the symmetry does not hold exactly, candidates stay as they are."""
    return TRANSFORMS if "asymmetry" not in config else (SymmetrizeObservations,)
