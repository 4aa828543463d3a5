"""`choose_generation_strategy`: Ax's own strategy for a search space, with the symmetry in every step."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax import backend
from ax_symmetry._ax.given import search_space_of
from ax_symmetry._ax.strategies import most_at_once
from ax_symmetry.options import choose_method, plain, whole_number
from ax_symmetry.space.forgotten_blocks import warn_of_forgotten_blocks
from ax_symmetry.space.validation import kernel_obstacle
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.costs import OBSERVATIONS
from ax_symmetry.transforms.plan import config_of
from ax_symmetry.transforms.registration import SymmetrizeObservations, transforms_for
from ax_symmetry.transforms.validation import check_declaration

logger = logging.getLogger(__name__)


def choose_generation_strategy(
    search_space: SearchSpace,
    symmetry: Symmetry | Mapping[str, Any],
    *,
    method: str = "auto",
    num_initialization_trials: int | None = None,
    max_parallelism: int | None = None,
    random_seed: int | None = None,
) -> Any:
    """Choose a generation strategy that knows the symmetry in every step.

    It is the one that Ax chooses for this search space: quasi-random trials first, then Bayesian optimisation. (Where
    Ax's older dispatch gives up on a model, with many choices without an order, it is that of Ax's `Client`.) In the
    quasi-random step each candidate becomes its canonical representative; the model step trains on the images of the
    observations as well, or fits the invariant kernel. Both keep Ax's own transforms. No experiment is proposed twice,
    in whatever order its blocks are, as long as the space has new ones; where the model has no new one to propose, Ax
    before 1.0 raises `GenerationStrategyRepeatedPoints`, and newer ones propose a quasi-random one.

    A parameter may be narrowed or fixed in mid-run (`experiment.search_space`), for one block alone as well: candidates
    then stay where they may be, and the model keeps all data and the symmetry. Ax before 0.5 cannot tell such a space
    from one that never had the symmetry, unless a trial lies outside of it.

    Args:
        search_space: The search space of the experiment, or an experiment or client that has one.
        symmetry: A symmetry, or its dict with options of the transforms. With `asymmetry` candidates stay as they are.
        method: As for `get_botorch`: `"augmentation"`, `"kernel"` or `"auto"`.
        num_initialization_trials: How many trials to choose quasi-randomly; Ax's own number without it.
        max_parallelism: How many trials may run at the same time, in either step; -1 for any number. Without it Ax's
            own limits: any number of quasi-random trials, 3 of the others. Whoever asks for more at once gets so many.
        random_seed: Seed of the quasi-random step.

    Returns:
        Ax's `GenerationStrategy`: for `AxClient(generation_strategy=...)`, `optimize(..., generation_strategy=...)`
        and `Client.set_generation_strategy(...)`.

    Raises:
        SymmetryError: The symmetry does not fit the search space, or an argument is none that it can be.

    Warns:
        SymmetryWarning: A parameter constraint looks as if a block was forgotten.
    """
    search_space = search_space_of(search_space)
    if num_initialization_trials is not None:
        num_initialization_trials = whole_number("num_initialization_trials", num_initialization_trials, 0, "")
    if max_parallelism is not None and (max_parallelism := plain(max_parallelism)) != -1:
        max_parallelism = whole_number("max_parallelism", max_parallelism, 1, ", or -1 for any number")
    if random_seed is not None:
        random_seed = whole_number("random_seed", random_seed, 0, "")
    config = choose_method(method, config_of(symmetry), kernel_obstacle(search_space) is None)
    asked_for = method != "auto" or "method" in config_of(symmetry)
    names = [transform.__name__ for transform in transforms_for(config)]
    declared = check_declaration(config, names, search_space, observations=1 if asked_for else OBSERVATIONS)
    warn_of_forgotten_blocks(declared, search_space, stacklevel=2)
    options: dict[str, Any] = {
        "num_initialization_trials": num_initialization_trials,
        "max_parallelism_override": max_parallelism,
        "random_seed": random_seed,
        "should_deduplicate": True,
    }
    strategy = backend.strategy_of_ax(search_space, **options)
    if not any(learns for _, _, learns in backend.generator_keywords(strategy)):
        logger.info("Ax would search among so many choices without a model; the model of Ax's Client is taken instead.")
        strategy = backend.strategy_of_ax(search_space, suggested_model_override=backend.MODULAR, **options)
    if (limit := most_at_once(strategy)) is not None:
        logger.info(
            "Ax lets at most %s trials of the model's step run at the same time, however many are asked for at once; "
            "max_parallelism sets another number.", limit,
        )
    for keywords, defaults, learns in backend.generator_keywords(strategy):
        added = [t for t in transforms_for(config) if learns or t is not SymmetrizeObservations]
        keywords["transforms"] = [*added, *(keywords.get("transforms") or defaults)]
        configs = {transform.__name__: deepcopy(dict(config)) for transform in added}
        keywords["transform_configs"] = {**(keywords.get("transform_configs") or {}), **configs}
    return strategy
