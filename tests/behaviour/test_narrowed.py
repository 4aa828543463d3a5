"""A parameter that is narrowed or fixed in mid-run confines candidates; the model keeps all data and the symmetry.

The oracle is the model of the experiment before it was narrowed: the same data and the same symmetry have the same
predictions. Ax's own membership check says where candidates may lie.

One-line bugs that turn this file red: check the present space alone; take a space that never was symmetric for a
narrowed one; leave out the data that Ax leaves out; leave fixed parameters out of the model's columns; look for
candidates where they were allowed before; a fixed value that is right to nine digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from ax.core.experiment import Experiment
from ax.core.parameter import FixedParameter, Parameter, ParameterType
from ax.core.search_space import SearchSpace
from ax_symmetry import Canonicalize, SymmetrizeObservations, SymmetryError, choose_generation_strategy, get_botorch
from ax_symmetry._ax import private
from ax_symmetry._ax.fitted_models import fitted_model
from support import AxClient, ObjectiveProperties
from support import (
    FITTED, MODULAR, add_trial, choice, experiment, fast_optimizer, features, fixed, float_range, int_range,
    needs_codes, needs_fixing_in_mid_run, random_points, space,
)

SYMMETRY = {"blocks": [["a1", "b1"], ["a2", "b2"]]}
RANGES = [float_range(n) for n in ("a1", "b1", "a2", "b2")]
COLORS = [choice(n, ["x", "y", "z"]) for n in ("a1", "a2")] + [float_range(n) for n in ("b1", "b2")]
NARROWED: dict[str, tuple[Sequence[Parameter], list[Parameter]]] = {
    "a range": (RANGES, [float_range("a1", 0.2, 0.6)]),
    "the other's": (RANGES, [float_range("a2", 0.3, 0.6)]),
    "one after the other": (RANGES, [float_range("a1", 0.2, 0.6), float_range("a2", 0.5, 0.8)]),
    "apart": (RANGES, [float_range("a1", 0.0, 0.4), float_range("a2", 0.5, 1.0)]),
    "fixed": (RANGES, [fixed("a1", 0.3)]),
    "both fixed": (RANGES, [fixed("a1", 0.3), fixed("a2", 0.7)]),
    "a log scale": (
        [float_range(n, 1e-3, 1.0, log_scale=n[0] == "a") for n in ("a1", "b1", "a2", "b2")],
        [float_range("a1", 0.01, 0.5, log_scale=True)],
    ),
    "integers": (
        [int_range(n, 0, 9) for n in ("a1", "a2")] + [float_range(n) for n in ("b1", "b2")],
        [int_range("a1", 2, 5)],
    ),
    "fewer choices": (COLORS, [choice("a1", ["x", "y"])]),
    "the middle one gone": (COLORS, [choice("a1", ["x", "z"])]),
    "one choice left": (COLORS, [fixed("a1", "z")]),
}


def outcome(p: Mapping[str, Any]) -> float:
    a1, a2 = (("xyz".index(v) if isinstance(v, str) else v) for v in (p["a1"], p["a2"]))
    return float(np.sin(a1 + 2 * p["b1"]) + np.sin(a2 + 2 * p["b2"]))


def changed(before: SearchSpace, parameters: Sequence[Parameter]) -> SearchSpace:
    new = {p.name: p for p in parameters}
    return space([new.get(name, p).clone() for name, p in before.parameters.items()])


def made(parameters: Sequence[Parameter], n: int = 10) -> Experiment:
    found = experiment(space([p.clone() for p in parameters]))
    for point in random_points(found.search_space, n):
        add_trial(found, point, {"y": (outcome(point), 0.1)})
    return found


def fit(made: Experiment, method: str) -> Any:
    return get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("case", NARROWED)
def test_the_model_keeps_its_data_and_its_symmetry(case: str, method: str) -> None:
    parameters, narrow = NARROWED[case]
    with fast_optimizer():
        tried = made(parameters)
        before = fit(tried, method)
        points = random_points(tried.search_space, 6)
        swapped = [{"a1": p["a2"], "b1": p["b2"], "a2": p["a1"], "b2": p["b1"]} for p in points]
        tried.search_space = changed(tried.search_space, narrow)
        now = fit(tried, method)
        assert len(fitted_model(now).train_inputs[0]) == len(fitted_model(before).train_inputs[0])
        said = np.array(now.predict(features(points))[0]["y"])
        np.testing.assert_allclose(now.predict(features(swapped))[0]["y"], said, rtol=0, atol=FITTED)
        if len(narrow) == 1:
            np.testing.assert_allclose(said, before.predict(features(points))[0]["y"], rtol=0, atol=FITTED)
        for _ in range(2):
            (arm,) = now.gen(1).arms
            assert tried.search_space.check_membership(arm.parameters, raise_error=True)
            add_trial(tried, arm.parameters, {"y": (outcome(arm.parameters), 0.1)})


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("case", ["a range", "one after the other", "fixed", "both fixed", "the middle one gone"])
def test_a_strategy_goes_on(case: str, method: str) -> None:
    """One parameter after the other, in the quasi-random step and in the model's; in place, as with AxClient."""
    if case == "the middle one gone":  # of three choices
        needs_codes()
    if "fixed" in case:
        needs_fixing_in_mid_run()
    parameters, narrow = NARROWED[case]
    declared = space([p.clone() for p in parameters])
    strategy = choose_generation_strategy(
        declared, SYMMETRY, method=method, num_initialization_trials=4, random_seed=0, max_parallelism=-1
    )
    client = AxClient(generation_strategy=strategy, random_seed=0, verbose_logging=False)
    client.create_experiment(parameters=[_dict(p) for p in parameters], objectives={"y": ObjectiveProperties(False)})

    def step() -> None:
        found, index = client.get_next_trial()
        assert client.experiment.search_space.check_membership(found, raise_error=True)
        client.complete_trial(index, {"y": (outcome(found), 0.1)})

    with fast_optimizer():
        step()
        strategy = client.generation_strategy
        if private.experiment_of(getattr(strategy, "adapter", None) or strategy.model) is None:
            pytest.skip("before Ax 0.5 a model bridge does not know its experiment")
        for p in narrow:
            client.experiment.search_space.parameters[p.name] = p.clone()
            client = AxClient.from_json_snapshot(json.loads(json.dumps(client.to_json_snapshot())))
            step()
            step()
        for _ in range(3):
            step()


def _dict(p: Parameter) -> dict[str, Any]:
    listed: dict[str, Any] = {"name": p.name, "value_type": {"STRING": "str"}.get(p.parameter_type.name, "float")}
    if hasattr(p, "lower"):
        return {**listed, "type": "range", "bounds": [p.lower, p.upper]}
    return {**listed, "type": "choice", "values": p.values, "is_ordered": p.is_ordered, "sort_values": p.sort_values}


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_a_list_of_transforms_of_one_s_own_and_a_narrower_space_for_one_call(method: str) -> None:
    tried = made(RANGES)
    narrow = changed(tried.search_space, [fixed("a1", 0.3)])
    configs = {t.__name__: {**SYMMETRY, **options} for t, options in (
        (Canonicalize, {}), (SymmetrizeObservations, {"method": method})
    )}
    with fast_optimizer():
        model = get_botorch(tried, tried.lookup_data(), search_space=narrow, symmetry=SYMMETRY, method=method)
        assert model.gen(1).arms[0].parameters["a1"] == 0.3
        ours = [Canonicalize, SymmetrizeObservations, *_default_transforms()]
        tried.search_space = changed(tried.search_space, [float_range("a1", 0.2, 0.3)])
        model = MODULAR(
            experiment=tried, data=tried.lookup_data(), transforms=ours, transform_configs=configs
        )
        assert 0.2 <= model.gen(1).arms[0].parameters["a1"] <= 0.3
        (arm,) = model.gen(1, search_space=narrow).arms
        assert arm.parameters["a1"] == 0.3
        assert len(fitted_model(model).train_inputs[0]) == (20 if method == "augmentation" else 10)


def _default_transforms() -> list[Any]:
    from support import registry

    return [*registry.Cont_X_trans, *registry.Y_trans]


NEVER: dict[str, list[Parameter]] = {
    "another range": [float_range("a1", 0.2, 0.6)],
    "a fixed one": [fixed("a1", 0.3)],
    "another type": [int_range("a1", 0, 1)],
    "a log scale": [float_range("a1", 0.1, 0.9, log_scale=True)],
}


@pytest.mark.parametrize("case", NEVER)
def test_a_space_that_never_had_the_symmetry_is_an_error(case: str) -> None:
    never = changed(space(RANGES), NEVER[case])
    with pytest.raises(SymmetryError, match="a1"):
        choose_generation_strategy(never, SYMMETRY)
    tried = experiment(never)
    for point in random_points(space(RANGES), 20):
        point["a1"] = {"a fixed one": 0.3, "another type": 1}.get(case, 0.5)
        add_trial(tried, point, {"y": (outcome(point), 0.1)})
    with pytest.raises(SymmetryError, match="a1"):
        fit(tried, "augmentation")


def test_a_wider_range_and_another_scale_are_errors_in_mid_run_too() -> None:
    tried = made(RANGES)
    for wrong in ([float_range("a1", -1.0, 1.0)], [float_range("a1", 1e-3, 0.5, log_scale=True)]):
        before, tried.search_space = tried.search_space, changed(tried.search_space, wrong)
        with pytest.raises(SymmetryError, match="a1"):
            fit(tried, "kernel")
        tried.search_space = before
    assert ParameterType.FLOAT == tried.search_space.parameters["a1"].parameter_type
    assert not isinstance(tried.search_space.parameters["a1"], FixedParameter)
