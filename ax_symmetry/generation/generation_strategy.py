"""`choose_generation_strategy`: Ax's own strategy for a search space, with the symmetry in every step."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax import backend
from ax_symmetry.options import choose_method
from ax_symmetry.space.bounds import has_ranges_alone
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.plan import check_declaration, config_of
from ax_symmetry.transforms.registration import SymmetrizeObservations, transforms_for


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

    It is the one that Ax chooses for this search space: quasi-random trials first, then Bayesian optimisation. In the
    quasi-random step each candidate becomes its canonical representative; the model step trains on the images of the
    observations as well, or fits the invariant kernel. Both keep Ax's own transforms. No experiment is proposed twice,
    in whatever order its blocks are, as long as the space has new ones; where the model has no new one to propose, Ax
    before 1.0 raises `GenerationStrategyRepeatedPoints`, and newer ones propose a quasi-random one.

    A parameter may be narrowed or fixed in mid-run (`experiment.search_space`), for one block alone as well: candidates
    then stay where they may be, and the model keeps all data and the symmetry. Ax before 0.5 cannot tell such a space
    from one that never had the symmetry, unless a trial lies outside of it.

    Args:
        search_space: The search space of the experiment (`experiment.search_space`).
        symmetry: A symmetry, or its dict with options of the transforms. With `asymmetry` candidates stay as they are.
        method: As for `get_botorch`: `"augmentation"`, `"kernel"` or `"auto"`.
        num_initialization_trials: How many trials to choose quasi-randomly; Ax's own number without it.
        max_parallelism: How many trials may run at the same time, in either step; -1 for any number. Without it Ax's
            own limits: any number of quasi-random trials, 3 of the others.
        random_seed: Seed of the quasi-random step.

    Returns:
        Ax's `GenerationStrategy`: for `AxClient(generation_strategy=...)`, `optimize(..., generation_strategy=...)`
        and `Client.set_generation_strategy(...)`.

    Raises:
        SymmetryError: The symmetry does not fit the search space, or `method` is unknown.
    """
    config = choose_method(method, config_of(symmetry), has_ranges_alone(search_space))
    check_declaration(config, search_space)
    strategy = backend.strategy_of_ax(
        search_space,
        num_initialization_trials=num_initialization_trials,
        max_parallelism_override=max_parallelism,
        random_seed=random_seed,
        should_deduplicate=True,
    )
    for keywords, defaults, learns in backend.generator_keywords(strategy):
        added = [t for t in transforms_for(config) if learns or t is not SymmetrizeObservations]
        keywords["transforms"] = [*added, *(keywords.get("transforms") or defaults)]
        configs = {transform.__name__: deepcopy(dict(config)) for transform in added}
        keywords["transform_configs"] = {**(keywords.get("transform_configs") or {}), **configs}
    return strategy
