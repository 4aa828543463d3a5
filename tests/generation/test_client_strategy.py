"""The strategy of a `Client`: what the client has configured, or would choose, with the symmetry in every step.

One-line bugs that turn this file red: AxClient's strategy for a `Client`; the configured strategy changed in place; the
center left as it is, or proposed again that is tried in another order; the center's fallback without our transforms, or
lost when it is stored; the kernel for a model that takes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ax_symmetry import Canonicalize, SymmetrizeObservations, SymmetryError, choose_generation_strategy
from ax_symmetry._ax.strategies import generator_keywords
from gpytorch.kernels import RBFKernel
from support import fast_optimizer, torch_modules

if find_spec("ax.api") is None:
    pytest.skip("this Ax has no Client", allow_module_level=True)

Client = import_module("ax.api.client").Client
configs = import_module("ax.api.configs")
GROUPS = {
    "blocks of sizes and fractions, one fraction implied": {
        "symmetries": [
            {"blocks": [["mu_1", "frac_1"], ["mu_2", "frac_2"], ["mu_3", "frac_3"]]},
            {"simplex": {"parameters": ["frac_1", "frac_2", "frac_3"]}},
        ]
    },
    "a mirror of an even number of choices": {"mirror": {"n_1": 2.5, "n_2": 4.5}},
}


def client_for(name: str, **options: Any) -> Any:
    made, number = Client(random_seed=0), configs.RangeParameterConfig
    if "n_1" in str(GROUPS[name]):
        four = configs.ChoiceParameterConfig(name="n_1", parameter_type="int", values=[1, 2, 3, 4], is_ordered=True)
        parameters = [four, number(name="n_2", parameter_type="int", bounds=(0, 9))]
        made.configure_experiment(parameters)
    else:
        parameters = [number(name=f"{slot}_{k}", parameter_type="float", bounds=(0.0, 1.0))
                      for k in (1, 2, 3) for slot in ("mu", "frac") if f"{slot}_{k}" != "frac_3"]
        made.configure_experiment(parameters, parameter_constraints=["frac_1 + frac_2 <= 1"])
    made.configure_optimization(objective="y")
    if options:
        made.configure_generation_strategy(**options)
    return made


def canonical_key(name: str, p: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a point, and the least of its images, by hand."""
    if "n_1" in p:
        return (p["n_1"], p["n_2"]), min((p["n_1"], p["n_2"]), (5 - p["n_1"], 9 - p["n_2"]))
    blocks = [(p[f"mu_{k}"], p.get(f"frac_{k}", 1 - p["frac_1"] - p["frac_2"])) for k in (1, 2, 3)]
    return tuple(blocks), tuple(sorted(blocks))


def run(client: Any, name: str, trials: int) -> list[dict[str, Any]]:
    points = []
    for _ in range(trials):
        for index, point in client.get_next_trials(1).items():
            client.complete_trial(index, {"y": (float(sum(v**2 for v in point.values())), 0.1)})
            points.append(dict(point))
    for point in points:
        own, least = canonical_key(name, point)
        assert own == least, point
    return points


@pytest.mark.parametrize("name", GROUPS)
def test_candidates_are_canonical_from_the_center_on(name: str, tmp_path: Path) -> None:
    """Before and after the client has been saved and read again."""
    client = client_for(name)
    client.set_generation_strategy(choose_generation_strategy(client, GROUPS[name], random_seed=0))
    plain = client_for(name)
    center = next(iter(plain.get_next_trials(1).values()))
    with fast_optimizer():
        first = run(client, name, 1)[0]
        if "n_1" in center:
            assert canonical_key(name, center)[1] == (first["n_1"], first["n_2"]) != (center["n_1"], center["n_2"])
        else:
            assert sorted(canonical_key(name, center)[0]) == list(canonical_key(name, first)[0])
        client.save_to_json_file(str(tmp_path / "client.json"))
        client = Client.load_from_json_file(str(tmp_path / "client.json"))
        points = [first, *run(client, name, 6)]
    assert len({canonical_key(name, p)[1] for p in points}) == 7


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("name", GROUPS)
def test_a_center_that_is_tried_already_is_no_candidate(name: str, counts: bool, tmp_path: Path) -> None:
    """In another order, or as its mirror image: then Ax's quasi-random way out is canonical, too; stored and read."""
    for stored in (False, True):
        # Newer Ax asks for no center if the trial counts.
        client = client_for(name, use_existing_trials_for_initialization=counts, initialization_random_seed=0)
        center = next(iter(client_for(name).get_next_trials(1).values()))
        own, least = canonical_key(name, center)
        if "n_1" in center:
            center = {"n_1": 5 - center["n_1"], "n_2": 9 - center["n_2"]}
        else:  # neither the center nor its canonical form
            center |= {"frac_1": own[0][1], "frac_2": own[2][1]}
            assert canonical_key(name, center)[0] not in (own, least) and canonical_key(name, center)[1] == least
        index = client.attach_trial(dict(center))
        client.complete_trial(index, {"y": (0.0, 0.1)})
        client.set_generation_strategy(choose_generation_strategy(client, GROUPS[name]))
        if stored:
            client.save_to_json_file(str(tmp_path / "client.json"))
            client = Client.load_from_json_file(str(tmp_path / "client.json"))
        (found,) = run(client, name, 1)
        assert canonical_key(name, found)[1] != canonical_key(name, center)[1]


def configured() -> dict[str, Any]:
    options = {"initialization_budget": 3, "initialization_random_seed": 7, "initialize_with_center": False,
               "min_observed_initialization_trials": 2, "allow_exceeding_initialization_budget": True,
               "torch_device": "cpu"}
    if "simplify_parameter_changes" in Client.configure_generation_strategy.__annotations__:
        options["simplify_parameter_changes"] = True
    return options


def test_what_the_client_has_configured_is_kept() -> None:
    """Its strategy is a copy of the client's: names, criteria, generators and their keywords, but for the symmetry."""
    name = next(iter(GROUPS))
    client, plain = client_for(name, **configured()), client_for(name, **configured())
    strategy = choose_generation_strategy(client, GROUPS[name])
    assert strategy is not client._maybe_generation_strategy
    assert client._maybe_generation_strategy == plain._maybe_generation_strategy
    own = plain._maybe_generation_strategy
    assert strategy.name == own.name and len(strategy._nodes) == len(own._nodes) == 2
    for node, before in zip(strategy._nodes, own._nodes):
        assert node.transition_criteria == before.transition_criteria
    for (given, _, learns), (own_keywords, defaults, _) in zip(generator_keywords(strategy), generator_keywords(own)):
        ours, before = dict(given), dict(own_keywords)
        added = [Canonicalize, SymmetrizeObservations] if learns else [Canonicalize]
        assert ours.pop("transforms") == [*added, *(before.pop("transforms", None) or defaults)]
        own_configs = dict(ours.pop("transform_configs"))
        assert all(own_configs.pop(transform.__name__)["symmetries"] for transform in added)
        assert own_configs == (before.pop("transform_configs", None) or {}) and ours == before
    with fast_optimizer():
        client.set_generation_strategy(strategy)
        run(client, name, 4)


def test_another_symmetry_takes_the_place_of_the_first() -> None:
    """A client that has a strategy of ours already gets one like it, with the new symmetry everywhere."""
    name = next(iter(GROUPS))
    client, swap = client_for(name), {"blocks": [["mu_1"], ["mu_2"]]}
    client.set_generation_strategy(choose_generation_strategy(client, GROUPS[name]))
    again = choose_generation_strategy(client, swap)
    for keywords, _, learns in generator_keywords(again):
        added = [Canonicalize, SymmetrizeObservations] if learns else [Canonicalize]
        assert [t for t in keywords["transforms"] if t in (Canonicalize, SymmetrizeObservations)] == added
        assert all(keywords["transform_configs"][t.__name__]["blocks"] == swap["blocks"] for t in added)
    assert again._nodes[0].config["blocks"] == swap["blocks"]
    asymmetric = choose_generation_strategy(client, {**swap, "asymmetry": 0.1})
    assert not any(Canonicalize in keywords["transforms"] for keywords, _, _ in generator_keywords(asymmetric))
    assert type(asymmetric._nodes[0]) is type(client_for(name, method="fast")._maybe_generation_strategy._nodes[0])


def test_models_that_take_no_kernel_learn_from_images() -> None:
    name = next(iter(GROUPS))
    methods = str(Client.configure_generation_strategy.__annotations__["method"])
    method = "quality" if "quality" in methods else "balanced"
    client = client_for(name, method=method)
    if method == "balanced" and not any("surrogate_spec" in keywords for keywords, _, _ in generator_keywords(
            client._maybe_generation_strategy)):
        pytest.skip("this Ax has no such method")
    chosen = [keywords["transform_configs"]["SymmetrizeObservations"].get("method") for keywords, _, learns
              in generator_keywords(choose_generation_strategy(client, GROUPS[name])) if learns]
    assert chosen and "kernel" not in chosen
    with pytest.raises(SymmetryError, match="use method 'augmentation'"):
        choose_generation_strategy(client, GROUPS[name], method="kernel")


@pytest.mark.parametrize("of_one_metric", [False, True])
def test_a_strategy_with_a_kernel_of_its_own(of_one_metric: bool) -> None:
    """It learns from images, also if the kernel is that of one metric alone."""
    name = next(iter(GROUPS))
    client = client_for(name)
    strategy = choose_generation_strategy(client, GROUPS[name], method="augmentation")
    modular = f"{torch_modules}.botorch_modular"
    own = [import_module(f"{modular}.utils").ModelConfig(covar_module_class=RBFKernel)]
    given = {"metric_to_model_configs": {"y": own}} if of_one_metric else {"model_configs": own}
    spec = import_module(f"{modular}.surrogate").SurrogateSpec(**given)
    for keywords, _, learns in generator_keywords(strategy):
        keywords.update({"surrogate_spec": spec} if learns else {})
    client.set_generation_strategy(strategy)
    chosen = [keywords["transform_configs"]["SymmetrizeObservations"].get("method") for keywords, _, learns
              in generator_keywords(choose_generation_strategy(client, GROUPS[name])) if learns]
    assert len(chosen) == 1 and "kernel" not in chosen
    with pytest.raises(SymmetryError, match="use method 'augmentation'"):
        choose_generation_strategy(client, GROUPS[name], method="kernel")


@pytest.mark.parametrize(("options", "words"), [
    ({"num_initialization_trials": 3}, "initialization_budget=3"),
    ({"random_seed": 3}, "initialization_random_seed=3"),
    ({"max_parallelism": 3}, "as many trials as may run"),
])
def test_options_that_are_the_clients_own(options: dict[str, int], words: str) -> None:
    name = next(iter(GROUPS))
    client = client_for(name, **configured())
    with pytest.raises(SymmetryError, match=words):
        choose_generation_strategy(client, GROUPS[name], **options)
    assert choose_generation_strategy(client, GROUPS[name], max_parallelism=-1) is not None


def test_options_of_a_client_without_a_strategy() -> None:
    name = next(iter(GROUPS))
    strategy = choose_generation_strategy(client_for(name), GROUPS[name], num_initialization_trials=4, random_seed=5)
    own = client_for(name, initialization_budget=4, initialization_random_seed=5)._maybe_generation_strategy
    for node, before in zip(strategy._nodes, own._nodes, strict=True):
        assert node.transition_criteria == before.transition_criteria
    assert 5 in [keywords.get("seed") for keywords, _, _ in generator_keywords(strategy)]
