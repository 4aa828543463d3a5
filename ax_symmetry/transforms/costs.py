"""What a model would cost: whether it can learn a symmetry at all, and whether its training data are few enough."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from functools import lru_cache

from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.kernels.base_kernels import block_sets
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.options import SET_KERNELS, SymmetrizeOptions
from ax_symmetry.space.bounds import is_linear
from ax_symmetry.space.validation import kernel_obstacle
from ax_symmetry.symmetry.symmetry import Symmetry

logger = logging.getLogger(__name__)

LARGEST_TRAINING_SET = 5_000
"""On more rows of images than this no model is trained: a fit would take hours, and gigabytes of memory."""
MOST_BLOCKS = 12
"""With more blocks that trade places the kernel is that of their sets by default: m^2 operations in place of m 2^m."""
OBSERVATIONS = 50
"""For how many observations a strategy must be able to fit its model, where nobody says how many there will be."""


def check_model(symmetry: Symmetry, chosen: SymmetrizeOptions, search_space: SearchSpace) -> None:
    """Check that the model which Ax chooses for a search space can learn the symmetry.

    Raises:
        SymmetryError: It takes no kernel of ours, or the images of an observation cannot be listed.
    """
    obstacle = kernel_obstacle(search_space, symmetry)
    if chosen.method == "kernel":
        if obstacle:
            way_out = "use method 'augmentation'" if symmetry.order < math.inf else "take it out of the search space"
            raise SymmetryError(f"method: 'kernel' cannot be used here: {obstacle}; {way_out}.")
        if chosen.base_kernel in SET_KERNELS:
            _check_sets(symmetry, chosen.base_kernel, search_space)
    elif symmetry.order == math.inf and chosen.max_images is None:
        way_out = f"take it out of the search space: {obstacle}" if obstacle else "set method to 'kernel'"
        raise SymmetryError(
            "method: 'augmentation' would train on infinitely many images of each observation; a kernel has the "
            f"symmetry exactly: {way_out}. Or keep some images of each, which is approximate, with max_images."
        )
    elif chosen.max_images is None and symmetry.order > ENUMERATION_LIMIT:
        raise too_large(symmetry.order)


def _check_sets(symmetry: Symmetry, base_kernel: str, search_space: SearchSpace) -> None:
    """Check that a symmetry is that of sets of blocks, and with amounts on a linear scale."""
    names = [name for name in symmetry.parameters if name in search_space.parameters]
    linear = {i for i, name in enumerate(names) if is_linear(search_space.parameters[name])}
    action = action_on_features(symmetry, names)
    amounts = {i: zero for i, zero in action.amounts.items() if i in linear or i >= len(names)}  # those are implied
    block_sets(replace(action, amounts=amounts), weighted=base_kernel == "mixture")


def with_default_kernel(symmetry: Symmetry, chosen: SymmetrizeOptions) -> SymmetrizeOptions:
    """Return options without a base kernel with another one than the default, where that would take too long.

    It is that of sets, if the symmetry has too many blocks for permanents; and an RBF kernel, which is smooth, so that
    it is averaged over few angles, if it turns pairs.
    """
    if chosen.method == "kernel" and symmetry.turned is not None:
        _tell_smooth()
        return replace(chosen, base_kernel="rbf")
    factors = symmetry.action.factors
    most = max((len(factor.blocks) for factor in factors), default=0)
    if chosen.method != "kernel" or chosen.asymmetry is not None or most <= MOST_BLOCKS:
        return chosen
    if not all(factor.is_symmetric for factor in factors):
        return chosen
    _tell(most)
    return replace(chosen, base_kernel="embedding")


@lru_cache(maxsize=None)
def _tell(m: int) -> None:
    """Say once which kernel is taken."""
    logger.info(
        "The average over all orders of %s blocks would take about %s operations for a pair of observations, so that "
        'base_kernel is "embedding", which takes %s; with "matern" in the dict it is the average.', m, m * 2**m, m * m,
    )


@lru_cache(maxsize=None)
def _tell_smooth() -> None:
    """Say once which kernel is taken."""
    logger.info(
        'Pairs are turned, so that base_kernel is "rbf", which 8 to 20 angles average to eight digits; "matern" in the '
        "dict would take 40 to 100."
    )


def check_rows(symmetry: Symmetry, chosen: SymmetrizeOptions, observations: int) -> None:
    """Check that the images of all observations together are few enough to train on.

    Raises:
        SymmetryError: They are too many.
    """
    if chosen.method == "augmentation":
        images = int(min(symmetry.order, chosen.max_images or symmetry.order))
        check_training_set(images * observations, observations)


def check_training_set(rows: int, observations: int) -> None:
    """Check the number of rows that a model is to be trained on.

    Raises:
        SymmetryError: They are too many.
    """
    if rows > LARGEST_TRAINING_SET:
        raise SymmetryError(
            f"method: 'augmentation' would train on {rows:,} images of {observations:,} observations, more than the "
            f"{LARGEST_TRAINING_SET:,} for which a fit takes minutes and not hours. Use method 'kernel', which trains "
            "on the observations themselves, keep fewer images of each with max_images, or declare a smaller group."
        )
