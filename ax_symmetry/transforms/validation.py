"""Check a declaration before there is a model, or a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax.training_rows import Context
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.confinement import confines
from ax_symmetry.transforms.costs import OBSERVATIONS, check_rows
from ax_symmetry.transforms.plan import new_plan


def check_declaration(
    config: Mapping[str, Any], transforms: Sequence[str], search_space: SearchSpace, observations: int = OBSERVATIONS
) -> Symmetry:
    """Check the dict of a symmetry, its options too, as the transforms of a model will; return the symmetry.

    Args:
        config: The dict.
        transforms: The names of those of our transforms that the model has.
        search_space: The search space.
        observations: How many observations the model must be able to learn from.

    Raises:
        SymmetryError: The config is wrong, or does not fit the search space, or its model could not be fitted.
    """
    context = Context(search_space, transforms=transforms, configs=dict.fromkeys(transforms, config))
    plan = new_plan(transforms[0], config, search_space, context)
    check_rows(plan.symmetry, plan.symmetrize, observations)
    if "Canonicalize" in transforms:
        confines(plan, transforms, search_space)
    return plan.symmetry
