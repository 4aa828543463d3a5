"""Ax's generation strategies: which one Ax chooses, and how its steps make their generators. The same on every Ax."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ax.core.search_space import SearchSpace
from ax.storage.json_store.registry import CORE_DECODER_REGISTRY, CORE_ENCODER_REGISTRY

from ax_symmetry._ax import backend, private
from ax_symmetry.errors import SymmetryError

logger = logging.getLogger(__name__)

DISPATCHES = (
    ("ax.generation_strategy.dispatch_utils", "choose_generation_strategy_legacy"),
    ("ax.modelbridge.dispatch_utils", "choose_generation_strategy"),  # before Ax 1.0
)
"""Where AxClient's choice of a strategy may be."""

CLIENT = "ax.api.utils.generation_strategy_dispatch"
"""Where that of `Client` is, from Ax 1.0 on."""

HAS_CLIENT = find_spec("ax.api") is not None

CenterNode: Any = (
    import_module("ax.generation_strategy.center_generation_node").CenterGenerationNode if HAS_CLIENT
    else type("CenterNode", (), {})
)
"""Ax's node that proposes the center of the search space; before Ax 1.0 a class without instances."""


def strategy_for_space(
    search_space: SearchSpace, budget: int | None, max_parallelism: int | None, seed: int | None
) -> Any:
    """Return the strategy that AxClient chooses for a search space, or where Ax has no AxClient that of `Client`.

    AxClient's choice for many choices without an order is a quasi-random search for ever: then its model for other
    spaces is taken.

    Args:
        search_space: The search space.
        budget: How many quasi-random trials; Ax's own number without it.
        max_parallelism: How many trials may run at the same time, -1 for any number; Ax's own limits without it.
        seed: Seed of the quasi-random trials.

    Raises:
        SymmetryError: A limit is asked for, and Ax's strategies have none.
    """
    choose = axclient_dispatch()
    if choose is None:
        return strategy_for_client(None, budget, max_parallelism, seed)
    options: dict[str, Any] = {
        "num_initialization_trials": budget,
        "max_parallelism_override": max_parallelism,
        "random_seed": seed,
        "should_deduplicate": True,
    }
    strategy = choose(search_space, **options)
    if any(learns for _, _, learns in generator_keywords(strategy)):
        return strategy
    logger.info("Ax would search among so many choices without a model; its model for other spaces is taken.")
    return choose(search_space, suggested_model_override=backend.MODULAR, **options)


def strategy_for_client(client: Any, budget: int | None, max_parallelism: int | None, seed: int | None) -> Any:
    """Return a new strategy like that of a `Client`, or the one that it would choose if it has none yet.

    Args:
        client: The client; None for one that has no strategy.
        budget: How many quasi-random trials, the center of the space among them; Ax's own number without it.
        max_parallelism: -1 for any number, or None, which is the same here.
        seed: Seed of the quasi-random trials.

    Raises:
        SymmetryError: The client's strategy is configured, and an option contradicts it; or a limit is asked for.
    """
    if max_parallelism not in (None, -1):
        raise SymmetryError(
            "max_parallelism: the strategies of Ax's Client have no such limit; leave it out, and ask for as many "
            "trials as may run at the same time."
        )
    configured = None if client is None else private.client_strategy(client)
    if configured is None:
        choice, structs = import_module(CLIENT), import_module("ax.api.utils.structs")
        struct = structs.GenerationStrategyDispatchStruct(
            initialization_budget=budget, initialization_random_seed=seed
        )
        return choice.choose_generation_strategy(struct=struct)
    for name, given, option in (("num_initialization_trials", budget, "initialization_budget"),
                                ("random_seed", seed, "initialization_random_seed")):
        if given is not None:
            raise SymmetryError(
                f"{name}: the client's generation strategy is configured already; leave {name} out, or write "
                f"client.configure_generation_strategy({option}={given}) before."
            )
    return configured.clone_reset()


def axclient_dispatch() -> Callable[..., Any] | None:
    """Return what chooses the strategy of AxClient; None where Ax has it no more."""
    for module, name in DISPATCHES:
        try:
            return getattr(import_module(module), name, None)
        except ImportError:
            continue
    return None


def generator_keywords(strategy: Any) -> Iterator[tuple[dict[str, Any], list[Any], bool]]:
    """List the keywords with which a strategy makes its generators, to be changed in place.

    Yields:
        For every generator its keywords, the transforms that it has by default, and whether it learns from data.
    """
    for node in private.read(strategy, "_nodes"):
        yield from keywords_of_node(node)


def keywords_of_node(node: Any) -> Iterator[tuple[dict[str, Any], list[Any], bool]]:
    """List the keywords with which one node makes its generators; see `generator_keywords`."""
    fallbacks = {error: spec.copy() for error, spec in getattr(node, "fallback_specs", {}).items()}
    if fallbacks:  # from Ax 1.0 on; all nodes share Ax's own
        node.fallback_specs = fallbacks
    for spec in [*_first_of(node, "generator_specs", "model_specs"), *fallbacks.values()]:
        kind = _first_of(spec, "generator_enum", "model_enum")
        adapter = _first_of(kind, "adapter_class", "model_bridge_class")
        defaults = kind.view_defaults()[1]["transforms"]
        keywords = _first_of(spec, "generator_kwargs", "model_kwargs")
        yield keywords, list(defaults), issubclass(adapter, backend.LEARNING)


def _first_of(owner: Any, *names: str) -> Any:
    """Return the attribute that has the first of these names that there is; newer ones come first."""
    return private.read(owner, next((name for name in names if hasattr(owner, name)), names[0]))


def most_at_once(strategy: Any) -> int | None:
    """Return how many trials of one step may run at the same time: the least limit of a step, None without any."""
    kinds = ("transition_criteria", "pausing_criteria")
    nodes = private.read(strategy, "_nodes")
    criteria = [criterion for node in nodes for kind in kinds for criterion in getattr(node, kind, None) or ()]
    limits = [one.threshold for one in criteria if type(one).__name__ == "MaxGenerationParallelism"]
    return min(limits, default=None)


def with_centers(strategy: Any, replaced: Callable[[Any], Any]) -> Any:
    """Return a strategy in which nodes that propose the center of the search space are replaced by others."""
    nodes = private.read(strategy, "_nodes")
    if not any(isinstance(node, CenterNode) for node in nodes):
        return strategy
    nodes = [replaced(node) if isinstance(node, CenterNode) else node for node in nodes]
    return type(strategy)(name=strategy.name, nodes=nodes)


def register_node(kind: type, arguments: tuple[str, ...]) -> None:
    """Make Ax's storage know a class of nodes, which are made again from some of their attributes."""
    CORE_ENCODER_REGISTRY[kind] = lambda node: {"__type": kind.__name__, **{n: getattr(node, n) for n in arguments}}
    CORE_DECODER_REGISTRY[kind.__name__] = kind
