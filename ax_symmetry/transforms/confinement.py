"""Whether the search for candidates is confined to the fundamental domain."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.options import SymmetrizeOptions
from ax_symmetry.space.order_constraints import NotLinear, order_constraints
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.plan import Plan


def confines(plan: Plan, transforms: Collection[str], space: SearchSpace) -> bool:
    """Decide whether order constraints confine the search, and check that Ax can be told.

    By default they do where the model knows nothing elsewhere.

    Args:
        plan: What both transforms know.
        transforms: The names of all transforms of the model.
        space: The search space.

    Raises:
        SymmetryError: They are asked for, and run through choices or log scales; or the group is too large for them.

    Warns:
        SymmetryWarning: The model knows nothing outside of the domain, and the search is not confined to it.
    """
    constrain, is_partial = plan.canonicalize.constrain, "SymmetrizeObservations" in transforms and plan.is_partial
    way_out = "leave constrain at its default"
    if constrain or is_partial and constrain is None:
        try:
            order_constraints(plan.encoding, plan.comparison_order, space)
            return True
        except NotLinear:
            if constrain or plan.canonicalize.order_by:
                raise
            way_out = "use method 'kernel', since Ax cannot confine a search by choices or log scales"
    if is_partial:
        warn_if_partial(plan.symmetrize, plan.symmetry, way_out)
    return False


def warn_if_partial(chosen: SymmetrizeOptions, symmetry: Symmetry, way_out: str) -> None:
    """Warn of a model that is asked where it knows nothing."""
    if chosen.is_partial(symmetry.order):
        warnings.warn(
            f"max_images keeps {chosen.max_images} of up to {symmetry.order:,} images, those near the "
            "fundamental domain; elsewhere the model knows nothing, and the search is drawn there. To stay in the "
            f'domain, {way_out}, or use select="random".',
            SymmetryWarning,
            stacklevel=2,
        )


def warn_of_any_order(chosen: SymmetrizeOptions, symmetry: Symmetry) -> None:
    """Warn of candidates that do not become canonical."""
    if chosen.is_partial(symmetry.order):
        warn_if_partial(chosen, symmetry, "add Canonicalize to the transforms")
        return
    warnings.warn(
        "SymmetrizeObservations: candidates stay as the search finds them, with their blocks in any order, since "
        "Canonicalize is not among the transforms; add it, with the same config.",
        SymmetryWarning,
        stacklevel=2,
    )
