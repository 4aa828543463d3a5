"""`choose_generation_strategy`: what it adds to Ax's own strategy, what it leaves alone, and what comes out of it.

One-line bugs that turn this file red: `TRANSFORMS` for every step, or `(Canonicalize,)` for none (transforms of each
step); our transforms after Ax's, or in place of them (the same); Ax's configs dropped (configs of each step);
`max_parallelism` or `random_seed` not passed on, or `num_initialization_trials` (their tests); `declared.to_config()`
for a dict as well (options); the config updated in place of a copy (the dict is left alone); `validate` or
`check_method` left out (errors); fallbacks skipped, or changed without a copy (fallback); `should_deduplicate` left
out (everything else); the plan taken from a transform of the last fit (the plan of its own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import pytest
from ax.exceptions.generation_strategy import MaxParallelismReachedException
from ax_symmetry import Canonicalize, Symmetry, SymmetryError, SymmetrizeObservations, choose_generation_strategy
from ax_symmetry._ax.strategies import axclient_dispatch
from support import AxClient, ObjectiveProperties
from support import GENERATION, choice, fast_optimizer, float_range, int_range, space

BLOCKS = [["x1", "n1"], ["x2", "n2"], ["x3", "n3"]]
SYMMETRY = {"blocks": BLOCKS}
OURS = [Canonicalize, SymmetrizeObservations]
PARAMETERS = [
    {"name": name, "type": "range", "bounds": bounds, "value_type": kind}
    for block in BLOCKS
    for name, bounds, kind in zip(block, ([0.0, 1.0], [1, 5]), ("float", "int"))
]
SPACES = {
    "floats and ints": space([*(float_range(f"x{k}") for k in "123"), *(int_range(f"n{k}", 1, 5) for k in "123")]),
    "log scale": space([*(float_range(f"x{k}", 1e-3, 1.0, log_scale=True) for k in "123"),
                        *(int_range(f"n{k}", 1, 5) for k in "123")]),
    "choices": space([*(float_range(f"x{k}") for k in "123"), *(choice(f"n{k}", ["p", "q", "r"]) for k in "123")]),
}


def ax_strategy(search_space: Any, **keywords: Any) -> Any:
    """Let Ax choose without a symmetry."""
    choose = axclient_dispatch() or pytest.skip("this Ax has no dispatch of AxClient's")
    return choose(search_space, should_deduplicate=True, **keywords)


def either(obj: Any, *names: str) -> Any:
    """Get the attribute that has one of these names."""
    return next(getattr(obj, name) for name in names if hasattr(obj, name))


def specs(strategy: Any) -> list[Any]:
    """List how each step makes its generator."""
    return [spec for node in strategy._nodes for spec in either(node, "generator_specs", "model_specs")]


def keywords(spec: Any) -> dict[str, Any]:
    return either(spec, "generator_kwargs", "model_kwargs")


def ax_transforms(spec: Any) -> list[type]:
    """Tell which transforms Ax gives to a step: the step's own, or the registry's."""
    registry = import_module(f"ax.{GENERATION}.registry")
    setups = either(registry, "GENERATOR_KEY_TO_GENERATOR_SETUP", "MODEL_KEY_TO_MODEL_SETUP")
    setup = setups[either(spec, "generator_enum", "model_enum").value]
    return keywords(spec).get("transforms") or list(setup.transforms)


def blocks_of(parameters: Mapping[str, Any], blocks: list[list[str]] = BLOCKS) -> list[tuple[Any, ...]]:
    return [tuple(parameters[name] for name in block) for block in blocks]


def is_canonical(parameters: Mapping[str, Any], blocks: list[list[str]] = BLOCKS) -> bool:
    return blocks_of(parameters, blocks) == sorted(blocks_of(parameters, blocks))


def experiment_of(parameters: Mapping[str, Any], blocks: list[list[str]] = BLOCKS) -> tuple[Any, ...]:
    """Name the experiment that a parameterization asks for, whatever the order of its blocks."""
    return tuple(sorted(blocks_of(parameters, blocks)))


def outcome(parameters: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Measure something that the order of the blocks does not change."""
    return {"y": (float(sum((x - 0.3) ** 2 * n for x, n in blocks_of(parameters))), 0.1)}


def ax_client(symmetry: Any = SYMMETRY, parameters: Any = PARAMETERS, **options: Any) -> AxClient:
    search_space = AxClient.make_search_space(parameters=parameters, parameter_constraints=[])
    strategy = choose_generation_strategy(search_space, symmetry, **options)
    client = AxClient(generation_strategy=strategy, random_seed=0, verbose_logging=False)
    client.create_experiment(
        name="test", parameters=parameters, objectives={"y": ObjectiveProperties(minimize=True)}
    )
    return client


def asked(client: AxClient, n: int) -> list[dict[str, Any]]:
    """Ask for n trials, and complete none."""
    return [client.get_next_trial()[0] for _ in range(n)]


@pytest.mark.parametrize("name", SPACES)
def test_transforms_of_each_step_are_ours_and_then_ax_s_own(name: str) -> None:
    """Candidates of the quasi-random step are canonicalised; the model step learns from the images as well."""
    ours, plain = specs(choose_generation_strategy(SPACES[name], SYMMETRY)), specs(ax_strategy(SPACES[name]))
    assert len(ours) == len(plain) == 2
    quasi_random, model = (keywords(spec)["transforms"] for spec in ours)
    assert quasi_random == [Canonicalize, *ax_transforms(plain[0])]
    assert model == [*OURS, *ax_transforms(plain[1])]


def test_many_choices_get_a_model_too() -> None:
    """Ax's older dispatch would draw quasi-random trials for ever."""
    slots = [[choice(f"m{k}", list("uvwxyz"), is_ordered=False), float_range(f"x{k}")] for k in range(6)]
    made = space(sum(slots, []))
    assert len(specs(ax_strategy(made))) == 1
    strategy = choose_generation_strategy(made, {"blocks": [[f"m{k}", f"x{k}"] for k in range(6)]})
    quasi_random, model = (keywords(spec) for spec in specs(strategy))
    assert quasi_random["transforms"][:1] == OURS[:1] and model["transforms"][:2] == OURS
    assert model["transform_configs"]["SymmetrizeObservations"]["method"] == "kernel"


@pytest.mark.parametrize("name", SPACES)
def test_everything_else_that_ax_chose_is_still_there(name: str) -> None:
    """Generators, their keywords, and the configs of Ax's own transforms (Winsorize and Derelativize up to Ax 1.0)."""
    strategy = choose_generation_strategy(SPACES[name], SYMMETRY, random_seed=3)
    assert all(node.should_deduplicate for node in strategy._nodes)
    ours, plain = specs(strategy), specs(ax_strategy(SPACES[name], random_seed=3))
    for spec, ax_spec, added in zip(ours, plain, (OURS[:1], OURS)):
        for attribute in (("generator_enum", "model_enum"), ("generator_gen_kwargs", "model_gen_kwargs")):
            assert either(spec, *attribute) == either(ax_spec, *attribute)
        now, before = ({**keywords(s)} for s in (spec, ax_spec))
        configs, ax_configs = (found.pop("transform_configs", None) or {} for found in (now, before))
        chosen = {**SYMMETRY, "method": "kernel"}
        assert configs == {**ax_configs, **{transform.__name__: chosen for transform in added}}
        now.pop("transforms"), before.pop("transforms", None)
        assert now == before
    if GENERATION == "modelbridge":
        assert {"Winsorize", "Derelativize"} <= set(keywords(ours[1])["transform_configs"])


def test_quasi_random_trials_are_ax_s_own_in_canonical_order_and_repeat() -> None:
    first, second, other = (asked(ax_client(random_seed=seed), 5) for seed in (7, 7, 8))
    assert first == second != other
    assert all(map(is_canonical, first))
    client = AxClient(generation_strategy=ax_strategy(SPACES["floats and ints"], random_seed=7), verbose_logging=False)
    client.create_experiment(name="test", parameters=PARAMETERS, objectives={"y": ObjectiveProperties(minimize=True)})
    plain = asked(client, 5)
    assert not all(map(is_canonical, plain))
    assert [experiment_of(p) for p in first] == [experiment_of(p) for p in plain]


@pytest.mark.parametrize("limit", [2, None])
def test_limits_of_trials_reach_ax(limit: int | None) -> None:
    """Two quasi-random trials, then as many of the others at the same time as allowed; 3 is Ax's own limit."""
    client = ax_client(num_initialization_trials=2, max_parallelism=limit)
    with fast_optimizer():
        for trial in range(2):
            parameters, _ = client.get_next_trial()
            client.complete_trial(trial, raw_data=outcome(parameters))
        assert all(map(is_canonical, asked(client, limit or 3)))
        with pytest.raises(MaxParallelismReachedException):
            client.get_next_trial()


def test_options_reach_the_transforms_and_the_dict_is_left_alone() -> None:
    options = {"noise": "copy", "max_images": 2, "select": "random", "seed": 5, "order_by": ["n1"]}
    declared = {**deepcopy(SYMMETRY), **options}
    before = deepcopy(declared)
    client = ax_client(declared, num_initialization_trials=2)
    with fast_optimizer():
        for trial in range(3):
            parameters, _ = client.get_next_trial()
            assert [n for _, n in blocks_of(parameters)] == sorted(parameters[f"n{k}"] for k in "123")
            client.complete_trial(trial, raw_data=outcome(parameters))
    transforms = either(client.generation_strategy, "adapter", "model").transforms
    augmentation = transforms["SymmetrizeObservations"].plan.symmetrize
    assert {key: getattr(augmentation, key) for key in ("noise", "max_images", "select", "seed")} == {
        key: options[key] for key in ("noise", "max_images", "select", "seed")
    }
    assert transforms["Canonicalize"].plan.canonicalize.order_by == ("n1",)
    assert declared == before


def test_a_fit_to_new_data_has_a_plan_of_its_own() -> None:
    """Ax keeps an adapter and builds its transforms anew, the first of them while the old ones are still there."""
    client, plans = ax_client(num_initialization_trials=2), []
    with fast_optimizer():
        for trial in range(4):
            parameters, _ = client.get_next_trial()
            client.complete_trial(trial, raw_data=outcome(parameters))
            transforms = either(client.generation_strategy, "adapter", "model").transforms
            if "SymmetrizeObservations" in transforms:
                plans.append(transforms["SymmetrizeObservations"].plan)
                assert transforms["Canonicalize"].plan is plans[-1]
    assert len(plans) == 2 and plans[0] is not plans[1]


def test_a_symmetry_is_as_good_as_its_dict() -> None:
    declared = choose_generation_strategy(SPACES["choices"], Symmetry.permutation(BLOCKS))
    for spec in specs(declared):
        configs = keywords(spec)["transform_configs"]
        assert all(Symmetry.from_config(configs[t.__name__]) == Symmetry.permutation(BLOCKS)
                   for t in keywords(spec)["transforms"] if t in OURS)


@pytest.mark.parametrize(("keyword", "value", "words"), [
    ("symmetry", {"blocks": [["x1"], ["n2"]]}, "n2"),
    ("symmetry", {"blocks": [["x1"], ["x4"]]}, "x4"),
    ("symmetry", {"blocks": [["x1"], ["x2", "n2"]]}, "x1"),
    ("symmetry", {"blocks": BLOCKS, "noises": "copy"}, "noises"),
    ("method", "magic", "magic"),
    ("symmetry", {"blocks": BLOCKS, "method": "kernel", "noise": "copy"}, "noise"),
])
def test_mistakes_are_reported_before_ax_chooses(
    keyword: str, value: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("ax_symmetry.generation.generation_strategy")
    monkeypatch.setattr(module, "strategy_for_space", lambda *_, **__: pytest.fail("Ax was asked"))
    with pytest.raises(SymmetryError, match=words):
        choose_generation_strategy(SPACES["floats and ints"], **{"symmetry": SYMMETRY, keyword: value})


def fallbacks(strategy: Any) -> Iterator[tuple[Any, Any]]:
    for node in strategy._nodes:
        yield from node.fallback_specs.items()


def test_fallback_for_repeated_points_is_canonical_and_ax_s_own_untouched() -> None:
    """From Ax 1.0 on a step has another generator, for when its own repeats points; all strategies share Ax's."""
    try:
        node = import_module("ax.generation_strategy.generation_node")
    except ImportError:
        pytest.skip("this Ax has no fallback")
    before = {error: (spec, repr(spec), dict(keywords(spec))) for error, spec in node.DEFAULT_FALLBACK.items()}
    client = ax_client(num_initialization_trials=2)
    asked(client, 2)
    found = list(fallbacks(client.generation_strategy))
    assert len(found) == 2
    for error, spec in found:
        assert keywords(spec)["transforms"] == [Canonicalize, *ax_transforms(before[error][0])]
        spec.fit(experiment=client.experiment)
        candidates = [arm.parameters for arm in spec.gen(n=6).arms]
        assert all(map(is_canonical, candidates))
    after = {error: (spec, repr(spec), dict(keywords(spec))) for error, spec in node.DEFAULT_FALLBACK.items()}
    assert after == before and all(after[error][0] is before[error][0] for error in before)
    assert all(spec is before[error][0] for error, spec in fallbacks(ax_strategy(SPACES["choices"])))


def test_candidates_of_a_small_space_are_new() -> None:
    """All ten experiments that three alike components with three values each have, and none of them twice."""
    parameters = [{"name": f"n{k}", "type": "range", "bounds": [0, 2], "value_type": "int"} for k in "123"]
    blocks = [["n1"], ["n2"], ["n3"]]
    client = ax_client({"blocks": blocks}, parameters, num_initialization_trials=10, random_seed=1)
    seen = {experiment_of(p, blocks) for p in asked(client, 10)}
    assert seen == {tuple((n,) for n in ns) for ns in product(range(3), repeat=3) if list(ns) == sorted(ns)}


def rounds(ask: Any, complete: Any) -> list[dict[str, Any]]:
    """Run four rounds of four trials at the same time: one quasi-random, then three by the model."""
    asked_for = []
    with fast_optimizer():
        for _ in range(4):
            trials = ask()
            assert len(trials) == 4
            for trial, parameters in trials.items():
                asked_for.append(parameters)
                complete(trial, raw_data=outcome(parameters))
    return asked_for


def check_all_canonical_and_distinct(parameters: list[dict[str, Any]]) -> None:
    assert len(parameters) == 16
    assert all(map(is_canonical, parameters))
    x = np.array([np.ravel(experiment_of(p)) for p in parameters], dtype=float)
    apart = np.abs(x[:, None] - x[None]).max(axis=-1) + np.eye(16)
    assert apart.min() > 1e-6


def test_service_loop_asks_for_canonical_and_distinct_trials() -> None:
    floats = [{**parameter, "bounds": [0.0, 1.0], "value_type": "float"} for parameter in PARAMETERS]
    client = ax_client(SYMMETRY, floats, num_initialization_trials=4, max_parallelism=4, random_seed=0)

    def ask() -> dict[int, dict[str, Any]]:
        return {trial: parameters for parameters, trial in (client.get_next_trial() for _ in range(4))}

    check_all_canonical_and_distinct(rounds(ask, client.complete_trial))


def test_client_loop_asks_for_canonical_and_distinct_trials() -> None:
    Client = pytest.importorskip("ax.api.client", reason="this Ax has no Client").Client
    RangeParameterConfig = import_module("ax.api.configs").RangeParameterConfig
    client = Client(random_seed=0)
    client.configure_experiment(parameters=[
        RangeParameterConfig(name=p["name"], bounds=tuple(p["bounds"]), parameter_type=p["value_type"])
        for p in PARAMETERS
    ])
    client.configure_optimization(objective="-y")
    strategy = choose_generation_strategy(client, SYMMETRY, num_initialization_trials=4, random_seed=0)
    client.set_generation_strategy(strategy)

    def ask() -> dict[int, dict[str, Any]]:
        trials = client.get_next_trials(max_trials=4)
        while len(trials) < 4:  # Ax gives one alone where a step follows another
            trials.update(client.get_next_trials(max_trials=4 - len(trials)))
        return trials

    check_all_canonical_and_distinct(rounds(ask, client.complete_trial))
