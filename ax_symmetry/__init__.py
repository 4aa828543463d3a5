"""Symmetries of an experiment for Bayesian optimisation in Ax.

Names load when they are first used: `import ax_symmetry` alone loads neither Ax nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ax_symmetry.errors import SymmetryError, SymmetryWarning

if TYPE_CHECKING:
    from ax_symmetry.space.counting import count_configurations
    from ax_symmetry.generation.get_botorch import get_botorch
    from ax_symmetry.generation.generation_strategy import choose_generation_strategy
    from ax_symmetry.symmetry.symmetry import Symmetry
    from ax_symmetry.transforms.registration import Canonicalize, SymmetrizeObservations

_HOMES = {
    "Canonicalize": "ax_symmetry.transforms.registration",
    "Symmetry": "ax_symmetry.symmetry.symmetry",
    "SymmetrizeObservations": "ax_symmetry.transforms.registration",
    "choose_generation_strategy": "ax_symmetry.generation.generation_strategy",
    "count_configurations": "ax_symmetry.space.counting",
    "get_botorch": "ax_symmetry.generation.get_botorch",
}

__all__ = [
    "Canonicalize",
    "Symmetry",
    "SymmetrizeObservations",
    "SymmetryError",
    "SymmetryWarning",
    "choose_generation_strategy",
    "count_configurations",
    "get_botorch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ax_symmetry' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
