"""Does the declared search space have the symmetry, or had it, before it was narrowed in mid-run?"""

from __future__ import annotations

from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax.history import History, history_of
from ax_symmetry.errors import SymmetryError
from ax_symmetry.space.narrowing import differs_in_kind, shows_narrowing, widened_space
from ax_symmetry.space.validation import validate
from ax_symmetry.symmetry.symmetry import Symmetry

OURS = ("Canonicalize", "SymmetrizeObservations")
"""The names of the two transforms, by which Ax knows their configs."""


def narrowed_since(symmetry: Symmetry, declared: SearchSpace, adapter: Any) -> History | None:
    """Check that a search space has the symmetry, or that the experiment shows that it had.

    It had if the experiment's own search space has it, or one that Ax has kept with an earlier candidate; if an earlier
    candidate was generated with this symmetry; or if an arm lies outside of what a parameter of the symmetry can be now
    and inside of what those can be that it trades places with.

    Args:
        symmetry: The symmetry.
        declared: The search space in which candidates are to be generated.
        adapter: The adapter (model bridge), if there is one.

    Returns:
        None if the space has the symmetry. Else what the experiment remembers, of the spaces those that have it.

    Raises:
        SymmetryError: It has not, and nothing shows that it had.
    """
    try:
        validate(symmetry, declared)
        return None
    except SymmetryError:
        if differs_in_kind(symmetry, declared):
            raise
        history = History() if adapter is None else history_of(adapter)
        history = History([s for s in history.spaces if _has(symmetry, s)], history.configs, history.arms)
        if not _shows_symmetry(symmetry, declared, history):
            raise
        # What narrowing cannot have done, such as another type, is an error as ever.
        validate(symmetry, widened_space(symmetry, declared, history.spaces, history.arms))
        return history


def _shows_symmetry(symmetry: Symmetry, declared: SearchSpace, history: History) -> bool:
    """Tell whether the space had the symmetry once."""
    configs = (configs[name] for configs in history.configs for name in OURS if name in configs)
    return bool(
        history.spaces
        or any(Symmetry.from_config(config) == symmetry for config in configs)
        or shows_narrowing(symmetry, declared, history.arms)
    )


def _has(symmetry: Symmetry, search_space: SearchSpace) -> bool:
    try:
        validate(symmetry, search_space)
    except SymmetryError:
        return False
    return True
