"""`choose_generation_strategy`: Ax's own strategy for a search space, with the symmetry in every step."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax.fitting import kernel_refusal
from ax_symmetry._ax.given import is_client, search_space_of
from ax_symmetry._ax.strategies import (
    generator_keywords, most_at_once, strategy_for_client, strategy_for_space, with_centers,
)
from ax_symmetry.generation.canonical_center import center_node
from ax_symmetry.generation.steps import put_symmetry
from ax_symmetry.options import choose_method, plain, whole_number
from ax_symmetry.space.forgotten_blocks import warn_of_forgotten_blocks
from ax_symmetry.space.validation import kernel_obstacle
from ax_symmetry.symmetry.declaration import SYMMETRY_KEYS
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.costs import OBSERVATIONS
from ax_symmetry.transforms.plan import config_of
from ax_symmetry.transforms.registration import Canonicalize, transforms_for
from ax_symmetry.transforms.validation import check_declaration

logger = logging.getLogger(__name__)


def choose_generation_strategy(
    where: Any,
    symmetry: Symmetry | Mapping[str, Any],
    *,
    method: str = "auto",
    num_initialization_trials: int | None = None,
    max_parallelism: int | None = None,
    random_seed: int | None = None,
) -> Any:
    """Choose a generation strategy that knows the symmetry in every step.

    For a `Client` it is the one that the client has configured (`client.configure_generation_strategy`), or would
    choose: the center of the search space, quasi-random trials, then Bayesian optimisation, with all its options. For
    anything else it is AxClient's, without the center. (Where AxClient's dispatch gives up on a model, with many
    choices without an order, it takes one nevertheless.) Quasi-random candidates and the center become their canonical
    representatives; the model step trains on the images of the observations as well, or fits the invariant kernel. All
    steps keep Ax's own transforms. No experiment is proposed twice, in whatever order its blocks are, as long as the
    space has new ones; where the model has no new one to propose, Ax before 1.0 raises
    `GenerationStrategyRepeatedPoints`, and newer ones propose a quasi-random one.

    A parameter may be narrowed or fixed in mid-run (`experiment.search_space`), for one block alone as well: candidates
    then stay where they may be, and the model keeps all data and the symmetry. Ax before 0.5 cannot tell such a space
    from one that never had the symmetry, unless a trial lies outside of it.

    Args:
        where: A configured `Client` or AxClient, an experiment, or its search space.
        symmetry: A symmetry, or its dict with options of the transforms. With `asymmetry` candidates stay as they are.
        method: As for `get_botorch`: `"augmentation"`, `"kernel"` or `"auto"`, which is augmentation where the client's
            models take no kernel (its method `"quality"`).
        num_initialization_trials: How many trials to choose quasi-randomly, the center among them; Ax's own number
            without it.
        max_parallelism: How many trials may run at the same time, in either step; -1 for any number. Without it Ax's
            own limits: AxClient's are any number of quasi-random trials, 3 of the others, also if more are asked for at
            once; a `Client` has none, and takes none.
        random_seed: Seed of the quasi-random step.

    Returns:
        Ax's `GenerationStrategy`: for `AxClient(generation_strategy=...)`, `optimize(..., generation_strategy=...)`
        and `Client.set_generation_strategy(...)`.

    Raises:
        SymmetryError: The symmetry does not fit the search space, an argument is none that it can be, or it contradicts
            the client's own options.

    Warns:
        SymmetryWarning: A parameter constraint looks as if a block was forgotten.
    """
    search_space = search_space_of(where, "where")
    if num_initialization_trials is not None:
        num_initialization_trials = whole_number("num_initialization_trials", num_initialization_trials, 0, "")
    if max_parallelism is not None and (max_parallelism := plain(max_parallelism)) != -1:
        max_parallelism = whole_number("max_parallelism", max_parallelism, 1, ", or -1 for any number")
    if random_seed is not None:
        random_seed = whole_number("random_seed", random_seed, 0, "")
    declared = config_of(symmetry)
    observations = OBSERVATIONS if method == "auto" and "method" not in declared else 1
    has_kernel = kernel_obstacle(search_space, Symmetry.from_config(declared)) is None
    config = _checked(choose_method(method, declared, has_kernel), search_space, observations)
    options = (num_initialization_trials, max_parallelism, random_seed)
    if is_client(where):
        strategy = strategy_for_client(where, *options)
    else:
        strategy = strategy_for_space(search_space, *options)
    refusals = [refusal for keywords, _, _ in generator_keywords(strategy) if (refusal := kernel_refusal(keywords))]
    if refusals and config.get("method") == "kernel":
        config = choose_method(method, declared, kernel_allowed=False)
        if config.get("method") == "kernel":
            raise refusals[0]
        config = _checked(config, search_space, observations)
    declared_symmetry = Symmetry.from_config(config)
    settled = declared_symmetry.centered(search_space.parameters)
    if settled != declared_symmetry:  # so that its center stays where it is when a range is narrowed
        options_alone = {key: value for key, value in config.items() if key not in SYMMETRY_KEYS}
        config = {**options_alone, **settled.to_config()}
    warn_of_forgotten_blocks(settled, search_space, stacklevel=2)
    if (limit := most_at_once(strategy)) is not None:
        logger.info(
            "Ax lets at most %s trials of the model's step run at the same time, however many are asked for at once; "
            "max_parallelism sets another number.", limit,
        )
    canonical = config if Canonicalize in transforms_for(config) else None
    strategy = with_centers(strategy, lambda node: center_node(node, canonical))
    put_symmetry(config, generator_keywords(strategy))
    return strategy


def _checked(config: Mapping[str, Any], search_space: SearchSpace, observations: int) -> Mapping[str, Any]:
    """Return the dict of a symmetry, after its check."""
    check_declaration(config, [t.__name__ for t in transforms_for(config)], search_space, observations)
    return config
