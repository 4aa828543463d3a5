"""What users may rely on of SymmetrizeObservations (DESIGN, section 5), on training data as Ax makes them.

One-line bugs that turn this file red: give all images one arm name; scale the sem by the orbit size instead of its
root; join data to the wrong arm; share a metadata dict between images; expand an incomplete observation; forget to
widen the model's space, or widen what gen was asked for as well.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.metric import Metric
from ax.core.objective import Objective
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.outcome_constraint import OutcomeConstraint
from ax.core.types import ComparisonOp
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryWarning, get_botorch
from ax_symmetry._ax import backend
from support import (
    IDENTITY,
    LONE,
    add_trial,
    choice,
    data_of,
    experiment,
    fast_optimizer,
    features,
    fill,
    float_range,
    int_range,
    space,
    training_rows,
)

CONFIG = {"blocks": [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]}
NAMES = [name for block in CONFIG["blocks"] for name in block]
SYMMETRY = Symmetry.from_config(CONFIG)


def unit_space() -> Any:
    return space([float_range(name) for name in NAMES])


def point(*values: float) -> dict[str, float]:
    return dict(zip(NAMES, values))


POINTS = [
    point(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    point(0.1 + 0.2, 1 / 3, 1 / 3, 0.1 + 0.2, 0.7, 0.7),
    point(0.5, 0.2, 0.5, 0.2, 0.9, 0.1),  # two blocks alike: an orbit of 3
    point(0.4, 0.8, 0.4, 0.8, 0.4, 0.8),  # all alike: an orbit of 1
]


def outcome(p: dict[str, float]) -> float:
    return sum(p[f"a{i}"] * p[f"b{i}"] for i in (1, 2, 3))


def of_points() -> Any:
    made = experiment(unit_space(), metrics=("y", "z"))
    for i, p in enumerate(POINTS):
        add_trial(made, p, {"y": (outcome(p), 0.1 * (i + 1)), "z": (-float(i), 0.5)})
    return made


def test_each_observation_becomes_its_orbit() -> None:
    rows = training_rows(of_points(), SymmetrizeObservations, CONFIG)
    for trial, p in enumerate(POINTS):
        images = [row for row in rows if row["trial"] == trial]
        assert [row["parameters"] for row in images] == SYMMETRY.orbit(p)  # == on floats: moved to the last bit
        assert images[0]["arm"] == f"{trial}_0"
        for row in images:
            assert row["mean"] == {"y": outcome(p), "z": -float(trial)}
            assert row["variance"] == pytest.approx(
                {"y": len(images) * (0.1 * (trial + 1)) ** 2, "z": len(images) * 0.25}, rel=IDENTITY
            )
    assert [sum(row["trial"] == t for row in rows) for t in range(4)] == [6, 6, 3, 1]
    assert len({row["arm"] for row in rows}) == len(rows) == 16


def test_copied_noise_stays() -> None:
    rows = training_rows(of_points(), SymmetrizeObservations, {**CONFIG, "noise": "copy"})
    assert [row["variance"]["y"] for row in rows if row["trial"] == 0] == pytest.approx([0.01] * 6, rel=IDENTITY)


def test_names_are_new_and_the_same_every_time() -> None:
    made = experiment(unit_space())
    add_trial(made, POINTS[0], {"y": (0.0, 0.1)}, name="best")
    add_trial(made, POINTS[1], {"y": (0.0, 0.1)}, name="best_image1")
    first = [row["arm"] for row in training_rows(made, SymmetrizeObservations, CONFIG)]
    assert len(set(first)) == 12 and {"best", "best_image1"} <= set(first)
    assert first == [row["arm"] for row in training_rows(made, SymmetrizeObservations, CONFIG)]


def test_unknown_noise_stays_unknown() -> None:
    made = experiment(unit_space())
    add_trial(made, POINTS[0], {"y": (1.0, float("nan"))})
    rows = training_rows(made, SymmetrizeObservations, CONFIG)
    assert len(rows) == 6 and np.isnan([row["variance"]["y"] for row in rows]).all()


def test_repeated_arms_keep_their_own_data() -> None:
    made = experiment(unit_space())
    add_trial(made, POINTS[0], {"y": (1.0, 0.1)}, name="twice")
    add_trial(made, POINTS[0], {"y": (3.0, 0.2)}, name="twice")
    rows = training_rows(made, SymmetrizeObservations, CONFIG)
    for trial, mean, sem in ((0, 1.0, 0.1), (1, 3.0, 0.2)):
        images = [row for row in rows if row["trial"] == trial]
        assert [row["parameters"] for row in images] == SYMMETRY.orbit(POINTS[0])
        assert {row["mean"]["y"] for row in images} == {mean}
        assert [row["variance"]["y"] for row in images] == pytest.approx([6 * sem**2] * 6, rel=IDENTITY)


def test_integers_choices_and_booleans_are_moved_as_they_are() -> None:
    blocks = [["n1", "c1", "f1"], ["n2", "c2", "f2"]]
    listed = [
        p
        for k in (1, 2)
        for p in (int_range(f"n{k}", 0, 9), choice(f"c{k}", ["z", "a"]), choice(f"f{k}", [True, False]))
    ]
    made = experiment(space([*listed, float_range("other")]))
    given = {"n1": 3, "c1": "z", "f1": True, "n2": 8, "c2": "a", "f2": False, "other": 0.5}
    add_trial(made, given, {"y": (0.0, 0.1)})
    rows = training_rows(made, SymmetrizeObservations, {"blocks": blocks})
    swapped = {"n1": 8, "c1": "a", "f1": False, "n2": 3, "c2": "z", "f2": True, "other": 0.5}
    assert [row["parameters"] for row in rows] == [given, swapped]
    assert [{type(v) for v in (row["parameters"]["f1"], row["parameters"]["f2"])} for row in rows] == [{bool}, {bool}]


@pytest.mark.parametrize(("select", "wanted"), [("nearest", 3), ("random", 4)])
def test_partial_augmentation_keeps_some(select: str, wanted: int) -> None:
    config = {**CONFIG, "max_images": wanted, "select": select, "seed": 3}
    rows = training_rows(of_points(), SymmetrizeObservations, config)
    for trial, p in enumerate(POINTS):
        images = [row for row in rows if row["trial"] == trial]
        orbit = SYMMETRY.orbit(p)
        assert images[0]["parameters"] == p
        assert len(images) == min(wanted, len(orbit))
        assert all(row["parameters"] in orbit for row in images)
        variance = len(images) * (0.1 * (trial + 1)) ** 2
        assert [row["variance"]["y"] for row in images] == pytest.approx([variance] * len(images), rel=IDENTITY)
    if select == "nearest":
        assert SYMMETRY.canonical(POINTS[1]) in [row["parameters"] for row in rows if row["trial"] == 1]


def test_partial_augmentation_searches_where_it_knows_something() -> None:
    """Images near the fundamental domain only: candidates are searched there, and whoever prevents that is told."""
    made = of_points()
    adapter = get_botorch(made, made.lookup_data(), symmetry={**CONFIG, "max_images": 2})
    transform = adapter.transforms["Canonicalize"]
    searched = transform.transform_search_space(unit_space())
    inside, outside = point(0.1, 0.9, 0.2, 0.5, 0.3, 0.7), point(0.2, 0.5, 0.1, 0.9, 0.3, 0.7)
    assert searched.check_membership(inside) and not searched.check_membership(outside)
    transform.note_fixed_features({"a1": 0.2})  # a fixed feature lifts the confinement of the call it comes with
    assert searched.check_membership(outside)
    with pytest.warns(SymmetryWarning, match="constrain"):
        get_botorch(made, made.lookup_data(), symmetry={**CONFIG, "max_images": 2, "constrain": False})
    with pytest.warns(SymmetryWarning, match="add Canonicalize"):
        get_botorch(
            made,
            made.lookup_data(),
            transforms=[SymmetrizeObservations] + backend.default_transforms(),
            transform_configs={"SymmetrizeObservations": {**CONFIG, "max_images": 2}},
        )


def test_predictions_of_partial_augmentation_are_those_of_canonical_points() -> None:
    made = fill(experiment(unit_space()), 8, outcome, seed=3)
    adapter = get_botorch(made, made.lookup_data(), symmetry={**CONFIG, "max_images": 2})
    for row in np.random.default_rng(4).random((5, 6)):
        assert (
            len(set(adapter.predict(features(SYMMETRY.orbit(point(*row))))[0]["y"])) <= 2
        )  # batched sums round once more
        assert np.ptp(adapter.predict(features(SYMMETRY.orbit(point(*row))))[0]["y"]) < 1e-12


def built(search_space: Any, config: Any = CONFIG) -> Any:
    return SymmetrizeObservations(search_space=search_space, config=config)


def test_features_keep_count_order_and_values() -> None:
    transform = built(unit_space())
    asked = features([*POINTS, {"a1": 0.5}])
    given = deepcopy(asked)
    for method in (transform.transform_observation_features, transform.untransform_observation_features):
        assert method(observation_features=asked) == given
        assert method(asked) == given


def test_metadata_steps_and_covariances_of_map_data() -> None:
    """Every step of a curve is expanded; images have metadata of their own; nothing that was handed in changes."""
    rows = [(0, "0_0", 1.0, 10.0), (0, "0_0", 2.0, 20.0), (1, "1_0", 1.0, 30.0)]
    metadata = {"0_0": {"tag": [1]}, "1_0": {"tag": [2]}}
    parameters = {"0_0": POINTS[0], "1_0": {**POINTS[1], "a1": None}}  # the second lacks a parameter
    if backend.GENERATION == "modelbridge":
        from ax.core.observation import Observation, ObservationData

        covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
        data = [
            Observation(
                features=ObservationFeatures(
                    parameters={k: v for k, v in parameters[arm].items() if v is not None},
                    trial_index=trial,
                    metadata={**metadata[arm], "step": step},
                ),
                data=ObservationData(metric_names=["y", "z"], means=np.array([mean, -mean]), covariance=covariance),
                arm_name=arm,
            )
            for trial, arm, step, mean in rows
        ]
        before = deepcopy(data)
        images = built(unit_space()).transform_observations(observations=data)
        assert data == before
        curve = [
            (obs.arm_name, obs.features.trial_index, obs.features.metadata["step"], obs.data.means[0]) for obs in images
        ]
        np.testing.assert_allclose(images[0].data.covariance, 6 * covariance)
        np.testing.assert_allclose(images[-1].data.covariance, covariance)
        images[1].features.metadata["new"] = 1
        assert "new" not in images[0].features.metadata and "new" not in data[0].features.metadata
        seen = [obs.features.parameters for obs in images]
    else:
        import pandas as pd
        from ax.adapter.data_utils import ExperimentData

        arms = pd.MultiIndex.from_tuples([(0, "0_0"), (1, "1_0")], names=["trial_index", "arm_name"])
        steps = pd.MultiIndex.from_tuples([row[:3] for row in rows], names=["trial_index", "arm_name", "step"])
        columns = pd.MultiIndex.from_product([["mean", "sem"], ["y", "z"]])
        arm_data = pd.DataFrame([{**p, "metadata": metadata[arm]} for arm, p in parameters.items()], index=arms)
        values = [[mean, -mean, 0.2, 0.3] for *_, mean in rows]
        data = ExperimentData(arm_data=arm_data, observation_data=pd.DataFrame(values, index=steps, columns=columns))
        before = deepcopy(data)
        images = built(unit_space()).transform_experiment_data(experiment_data=data)
        assert data.arm_data.equals(before.arm_data) and data.observation_data.equals(before.observation_data)
        curve = [(arm, trial, step, row["mean", "y"]) for (trial, arm, step), row in images.observation_data.iterrows()]
        variances = images.observation_data["sem"].to_numpy() ** 2
        np.testing.assert_allclose(variances[:12], np.tile([6 * 0.04, 6 * 0.09], (12, 1)))
        np.testing.assert_allclose(variances[-1], [0.04, 0.09])
        images.arm_data["metadata"].iloc[1]["new"] = 1
        assert "new" not in images.arm_data["metadata"].iloc[0] and "new" not in data.arm_data["metadata"].iloc[0]
        assert list(images.arm_data.dtypes) == list(arm_data.dtypes)
        seen = [images.arm_data.loc[(trial, arm)].drop("metadata").dropna().to_dict() for arm, trial, *_ in curve]
    assert len(curve) == 13
    names = ["0_0", *(f"0_0_image{k}" for k in range(1, 6))]
    assert sorted(curve[:12]) == sorted([(name, 0, step, 10.0 * step) for name in names for step in (1.0, 2.0)])
    assert curve[12] == ("1_0", 1, 1.0, 30.0)
    orbit = SYMMETRY.orbit(POINTS[0])
    assert all(p == orbit[names.index(name)] for p, (name, *_) in zip(seen[:12], curve))
    assert "a1" not in seen[12]


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_failed_and_abandoned_trials_teach_nothing(method: str) -> None:
    plain, marked = of_points(), of_points()
    for status in ("mark_failed", "mark_abandoned"):
        trial = marked.new_trial()
        trial.add_arm(Arm(parameters=point(0.9, 0.9, 0.8, 0.8, 0.7, 0.7)))
        trial.mark_running(no_runner_required=True)
        getattr(trial, status)()
    probes = features([point(*row) for row in np.random.default_rng(0).random((5, 6))])
    fitted = [get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method) for made in (plain, marked)]
    results = [adapter.predict(probes)[0]["y"] for adapter in fitted]
    np.testing.assert_array_equal(*results)


def model_inputs(adapter: Any) -> np.ndarray:
    """Return the training points as the model holds them."""
    model = adapter.model if backend.GENERATION == "modelbridge" else adapter.generator
    inner = model.model if backend.GENERATION == "modelbridge" else model.surrogate.model
    return (
        inner.train_inputs[0].numpy().reshape(-1, 6)
        if inner.train_inputs[0].ndim == 2
        else inner.train_inputs[0][0].numpy()
    )


@LONE
def test_out_of_design_data_and_their_images_stay_inside_the_model_space() -> None:
    """Ax widens one parameter at a time (from 0.5 on); the images of a far point are as far in the other parameters."""
    made = fill(experiment(unit_space()), 6, outcome, seed=1)
    add_trial(made, point(1.5, 0.5, 0.3, 0.4, 0.2, -0.5), {"y": (1.0, 0.1)})
    adapter = get_botorch(
        made,
        made.lookup_data(),
        transforms=[SymmetrizeObservations] + backend.default_transforms(),
        transform_configs={"SymmetrizeObservations": CONFIG},
    )
    inputs = model_inputs(adapter)
    assert inputs.min() >= 0 and inputs.max() <= 1
    plain = model_inputs(get_botorch(made, made.lookup_data()))
    assert len(inputs) == 6 * len(plain)
    if len(plain) == 7:
        transform = adapter.transforms["SymmetrizeObservations"]
        seen = transform.transform_search_space(adapter.model_space.clone())
        assert {(p.lower, p.upper) for n, p in seen.parameters.items() if n[0] == "a"} == {(0.0, 1.5)}
        assert {(p.lower, p.upper) for n, p in seen.parameters.items() if n[0] == "b"} == {(-0.5, 1.0)}
        asked = transform.transform_search_space(unit_space())
        assert {(p.lower, p.upper) for p in asked.parameters.values()} == {(0.0, 1.0)}
        orbit = SYMMETRY.orbit(point(1.5, 0.5, 0.3, 0.4, 0.2, -0.5))
        means = adapter.predict(features(orbit))[0]["y"]
        assert np.ptp(means) < 1e-6


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("excess", [1e-13, 0.1])
def test_an_implied_number_out_of_its_bounds_does_not_undo_what_gen_was_asked_for(excess: float, method: str) -> None:
    """The model's space grows with it; what gen searches keeps its bounds and its parameter constraints."""
    listed = space([float_range("f1"), float_range("f2")], [({"f1": 1.0, "f2": 1.0}, 1.0)])
    config = {"blocks": [["f1"], ["f2"], ["f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}}
    made = fill(experiment(listed), 0, lambda p: 0.0)
    for f1 in (0.1, 0.3, 0.6):
        add_trial(made, {"f1": f1, "f2": 1.0 - f1 + excess}, {"y": (f1, 0.1)})
        add_trial(made, {"f1": f1, "f2": 0.9 - f1}, {"y": (f1, 0.1)})
    adapter = get_botorch(made, made.lookup_data(), symmetry=config, method=method)
    transform, searched = adapter.transforms["SymmetrizeObservations"], []
    own = transform.transform_search_space

    def spy(asked: Any) -> Any:
        searched.append(own(asked).clone())  # Ax's next transforms change it
        return own(asked)

    transform.transform_search_space = spy
    with fast_optimizer():
        arms = adapter.gen(3).arms
    for arm in arms:
        assert listed.check_membership(arm.parameters)
    assert searched
    for asked in searched:
        assert {(p.lower, p.upper) for p in asked.parameters.values()} == {(0.0, 1.0)}
        assert len(asked.parameter_constraints) == 1


def test_decimals_come_to_a_column_of_whole_numbers() -> None:
    """Ax keeps an observation off a list of whole numbers, from 1.3 on, and its image has the decimals elsewhere."""
    values = [1.0, 1.5, 2.0, 3.0]
    made = experiment(space([choice("a", values), choice("b", values)]))
    for a, b in ((1.0, 2.0), (2.0, 2.0), (3.0, 1.0), (1.0, 1.0), (1.5, 3.0)):
        add_trial(made, {"a": a, "b": b}, {"y": (a * b, 0.1)})
    narrow = space([choice("a", [1, 2, 3]), choice("b", [1, 2, 3])])
    symmetry = {"blocks": [["a"], ["b"]]}
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), narrow, symmetry=symmetry, method="augmentation")
    mean, _ = adapter.predict(features([{"a": 1, "b": 3}, {"a": 3, "b": 1}]))
    assert mean["y"][0] == mean["y"][1]


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_status_quo_and_relative_constraints_work_as_before(method: str) -> None:
    def made_with_status_quo() -> Any:
        relative = OutcomeConstraint(metric=Metric(name="z"), op=ComparisonOp.GEQ, bound=-50.0, relative=True)
        config = OptimizationConfig(
            objective=Objective(metric=Metric(name="y"), minimize=False), outcome_constraints=[relative]
        )
        made = experiment(
            unit_space(),
            metrics=("y", "z"),
            optimization_config=config,
            status_quo=Arm(parameters=POINTS[0], name="status_quo"),
        )
        rng = np.random.default_rng(0)
        for k in range(4):
            trial = made.new_batch_trial()
            trial.add_arm(Arm(parameters=point(*rng.random(6))))
            if k == 0:
                trial.add_arm(made.status_quo)
            trial.mark_running(no_runner_required=True)
            data = [
                data_of(
                    trial.index, arm.name, {"y": (outcome(arm.parameters), 0.1), "z": (2 + arm.parameters["a1"], 0.1)}
                )
                for arm in trial.arms
            ]
            made.attach_data(Data.from_multiple_data(data))
            trial.mark_completed()
        return made

    made = made_with_status_quo()
    plain = get_botorch(made, made.lookup_data())
    adapter = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method)
    assert adapter.status_quo.arm_name == plain.status_quo.arm_name == "status_quo"
    assert adapter.status_quo.features.parameters == POINTS[0]
    np.testing.assert_array_equal(adapter.status_quo.data.means, plain.status_quo.data.means)
    np.testing.assert_array_equal(adapter.status_quo.data.covariance, plain.status_quo.data.covariance)
    with fast_optimizer():
        run = adapter.gen(2)
    assert len(run.arms) == 2
    assert all(SYMMETRY.canonical(arm.parameters) == arm.parameters for arm in run.arms)


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_candidates_of_a_real_model_stay_where_gen_was_asked(method: str) -> None:
    """Fixed features and a narrower search space through Ax's own gen, whose round trips canonicalise as well."""
    made = fill(experiment(unit_space()), 8, outcome, seed=2)
    adapter = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method)
    with fast_optimizer():
        (arm,) = adapter.gen(1, fixed_features=ObservationFeatures(parameters={"a1": 0.9, "b3": 0.2})).arms
        assert (arm.parameters["a1"], arm.parameters["b3"]) == pytest.approx((0.9, 0.2), abs=1e-9)
        narrow = space([float_range(n, 0.6, 0.8) if n == "a1" else float_range(n) for n in NAMES])
        (arm,) = adapter.gen(1, search_space=narrow).arms
        assert 0.6 <= arm.parameters["a1"] <= 0.8
        (arm,) = adapter.gen(1).arms
        assert SYMMETRY.canonical(arm.parameters) == arm.parameters
    constrained = get_botorch(made, made.lookup_data(), symmetry={**CONFIG, "constrain": True}, method=method)
    with fast_optimizer():
        (arm,) = constrained.gen(1).arms
    assert SYMMETRY.canonical(arm.parameters) == arm.parameters


def test_canonicalize_leaves_the_training_data_alone() -> None:
    rows = training_rows(of_points(), Canonicalize, CONFIG)
    assert [row["parameters"] for row in rows] == POINTS
