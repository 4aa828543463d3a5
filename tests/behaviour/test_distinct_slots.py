"""Whole searches in which no value may be there twice: no ingredient in two slots.

One-line bugs that turn this file red: candidates of the initial design, or of the model, as Ax made them; a candidate
that was changed handed out in another order, or twice; a constraint or a fixed feature broken by the change; the center
with one ingredient in all slots.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from ax.core.observation import ObservationFeatures
from ax_symmetry import Canonicalize, Symmetry, SymmetryError, choose_generation_strategy, get_botorch
from support import AxClient, Generators, ObjectiveProperties, add_trial, choice, experiment, fast_optimizer
from support import features, float_range, int_range, random_points, space

MATERIALS = ["gum", "oil", "salt", "water"]  # in alphabetical order, in which Symmetry compares texts
BLOCKS = [[f"mat_{k}", f"n_{k}"] for k in (1, 2, 3)]
SYMMETRY = {"blocks": BLOCKS, "distinct": "mat_1", "absent": {"n_1": 0.0}}
CANONICAL = Symmetry(SYMMETRY).canonical


def amount(name: str) -> Any:
    return float_range(name, digits=1)


def slots(of_amount: Any = amount, constraints: Any = ()) -> Any:
    parameters = [p for m, n in BLOCKS for p in (choice(m, MATERIALS, is_ordered=False), of_amount(n))]
    return space(parameters, constraints)


def present(point: Any) -> list[tuple[str, float]]:
    return sorted((point[m], point[n]) for m, n in BLOCKS if point[n] > 0)


def check(point: Any) -> None:
    """In order, absent blocks last and with the first material, and no material twice."""
    blocks, there = [(point[m], point[n]) for m, n in BLOCKS], present(point)
    assert blocks == [*there, *[(MATERIALS[0], 0.0)] * (3 - len(there))]
    assert len({material for material, _ in there}) == len(there)


def in_a_mixture() -> Any:
    return slots(float_range, [({f"n_{k}": 1.0 for k in (1, 2, 3)}, 2.0)])


def test_initial_points() -> None:
    """None outside, none with an ingredient twice, none a twin of another one."""
    made, seen = in_a_mixture(), set()
    adapter = Generators.SOBOL(
        experiment=experiment(made), search_space=made, transform_configs={"Canonicalize": SYMMETRY},
        transforms=[Canonicalize, *Generators.SOBOL.view_defaults()[1]["transforms"]],
    )
    for arm in adapter.gen(100).arms:
        check(arm.parameters)
        made.check_membership(arm.parameters, raise_error=True)
        seen.add(tuple(sorted(CANONICAL(arm.parameters).items())))
    assert len(seen) == 100
    assert {value for key in seen for name, value in key if name.startswith("mat")} == set(MATERIALS)


def test_ten_thousand_candidates() -> None:
    made = in_a_mixture()
    transform = Canonicalize(search_space=made, config=SYMMETRY)
    transform.transform_search_space(made)
    transform.transform_optimization_config(
        experiment(made).optimization_config, fixed_features=ObservationFeatures({})
    )
    points = random_points(made, 10_000)
    found = transform.untransform_observation_features(features(points))
    for point, feature in zip(points, found):
        check(feature.parameters)
        made.check_membership(feature.parameters, raise_error=True)
        assert sorted(feature.parameters[n] for _, n in BLOCKS) == sorted(point[n] for _, n in BLOCKS)
        if len({material for material, _ in present(point)}) == 3:
            assert present(feature.parameters) == present(point)


@pytest.mark.parametrize("method", ["kernel", "augmentation"])
def test_a_batch_of_a_model(method: str) -> None:
    """With a fixed feature as well, and data that have an ingredient twice."""
    made = experiment(slots())
    for i in range(9):
        point = {f"mat_{k}": MATERIALS[(i * k) % 4] for k in (1, 2, 3)}
        point |= {f"n_{k}": ((i + 2 * k) % 10) / 10 for k in (1, 2, 3)}
        add_trial(made, point, {"y": (sum(point[n] for m, n in BLOCKS if point[m] == "oil"), 0.1)})
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)
        arms = adapter.gen(8).arms
        fixed = adapter.gen(3, fixed_features=ObservationFeatures({"mat_2": "salt", "n_2": 0.3})).arms
    assert len({tuple(sorted(CANONICAL(arm.parameters).items())) for arm in arms}) == 8
    for arm in arms:
        check(arm.parameters)
    for arm in fixed:
        assert (arm.parameters["mat_2"], arm.parameters["n_2"]) == ("salt", 0.3)
        assert len({material for material, _ in present(arm.parameters)}) == len(present(arm.parameters))


def test_a_search_to_its_end() -> None:
    """Two slots of four materials: six experiments, each once."""
    parameters = [{"name": f"mat_{k}", "type": "choice", "values": MATERIALS, "value_type": "str", "is_ordered": False,
                   "sort_values": False} for k in (1, 2)]
    declared = {"blocks": [["mat_1"], ["mat_2"]], "distinct": "mat_1"}
    made = AxClient.make_search_space(parameters=parameters, parameter_constraints=[])
    strategy = choose_generation_strategy(made, declared, num_initialization_trials=6, random_seed=0)
    client = AxClient(generation_strategy=strategy, verbose_logging=False, random_seed=0)
    client.create_experiment(parameters=parameters, objectives={"y": ObjectiveProperties(minimize=True)})
    seen = set()
    for number in range(6):
        point, index = client.get_next_trial()
        assert MATERIALS.index(point["mat_1"]) < MATERIALS.index(point["mat_2"])
        seen.add((point["mat_1"], point["mat_2"]))
        client.complete_trial(index, raw_data={"y": (float(number % 3), 0.1)})
    assert len(seen) == 6


@pytest.mark.skipif(find_spec("ax.api") is None, reason="this Ax has no Client")
def test_the_center_of_a_client() -> None:
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    client = Client(random_seed=0)
    client.configure_experiment(parameters=[
        config for m, n in BLOCKS for config in (
            ChoiceParameterConfig(name=m, parameter_type="str", values=MATERIALS, is_ordered=False),
            RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)),
        )
    ])
    client.configure_optimization(objective="y")
    client.set_generation_strategy(choose_generation_strategy(client, SYMMETRY))
    ((_, center),) = client.get_next_trials(max_trials=1).items()
    assert [center[n] for _, n in BLOCKS] == [0.5] * 3
    check(center)


def test_whole_numbers_under_a_constraint() -> None:
    """The nearest numbers break it; the nearest experiment does not."""
    made = space([int_range(name, 0, 5) for name in "ab"], [({"a": 1.0, "b": 1.0}, 4.0)])
    run = experiment(made)
    for a, b in ((0, 1), (0, 2), (1, 1), (0, 3), (1, 2)):
        add_trial(run, {"a": a, "b": b}, {"y": (-float(a + b), 0.1)})
    with fast_optimizer():
        adapter = get_botorch(run, run.lookup_data(), symmetry={"blocks": [["a"], ["b"]], "distinct": "a"})
        arms = adapter.gen(5).arms
    for arm in arms:
        assert arm.parameters["a"] < arm.parameters["b"] and sum(arm.parameters.values()) <= 4
    (found,) = adapter.transforms["Canonicalize"].untransform_observation_features(
        [ObservationFeatures({"a": 2, "b": 2})]
    )
    assert found.parameters in ({"a": 2, "b": 2}, {"a": 1, "b": 2}, {"a": 1, "b": 3})


def test_what_cannot_differ_is_an_error() -> None:
    made = experiment(slots())
    for i, material in enumerate(MATERIALS):
        point = {"mat_1": material, "n_1": 0.2 + i / 10, "mat_2": "oil", "n_2": 0.3, "mat_3": "salt", "n_3": 0.1}
        add_trial(made, point, {"y": (float(i), 0.1)})
    both = {"mat_1": "oil", "mat_2": "oil", "n_1": 0.5, "n_2": 0.7}
    with fast_optimizer(), pytest.raises(SymmetryError, match="leave no candidate in which mat_1, mat_2, mat_3 differ"):
        adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY)
        adapter.gen(1, fixed_features=ObservationFeatures(both))
