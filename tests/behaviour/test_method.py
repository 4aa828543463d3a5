"""`method="kernel"` through Ax: the model is fitted with the invariant kernel, whatever Ax's transforms make of it.

One-line bugs that turn this file red: add the images after all; find the columns before the transforms; forget to scale
the columns; share one kernel among outcomes; choose the kernel for choices; keep twins of held-out arms; move
candidates of a symmetry that does not hold exactly; lose its asymmetry on the way to the model; show observations
where they are to a search elsewhere; leave the model configs of one metric as they are.
"""

from __future__ import annotations

from importlib import import_module
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryError, choose_generation_strategy
from ax_symmetry import get_botorch
from ax_symmetry._ax import GENERATION, backend
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry._ax.search_model import Region
from ax_symmetry._ax.strategies import generator_keywords
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels import ApproximatelyInvariantKernel
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.options import choose_method
from ax_symmetry.transforms import costs
from ax_symmetry.models.model_columns import feasible_images
from botorch.models import ModelListGP, SingleTaskGP
from cases import BLOCKS, CATEGORIES, IMPLIED, NAMES, assert_no_image_of_what_is_held_out, numbers, spied_folds
from cases import with_twins
from support import MODULAR, add_trial, experiment, fast_optimizer, features, fill, float_range, int_range, measured
from support import random_points, space

if GENERATION == "modelbridge":
    from ax.modelbridge.cross_validation import cross_validate
else:
    from ax.adapter.cross_validation import cross_validate


def cases() -> dict[str, tuple[Any, dict[str, Any]]]:
    return {
        "ranges": (space([float_range(n, 0, 2) for n in NAMES] + [float_range("z", 1, 9)]), {"blocks": BLOCKS}),
        "log and integer": (
            space([float_range(n, 0.01, 10, log_scale=True) if n[0] == "a" else int_range(n, 1, 9) for n in NAMES]),
            {"blocks": BLOCKS},
        ),
        "mirrors": (
            space([float_range(n, -1, 3) for n in NAMES]),
            {"blocks": [["a1"], ["a2"], ["a3"]], "mirror": [{"a1": 1.0}, {"b1": 1.0, "b2": 1.0}]},
        ),
        "implied": IMPLIED,
        "one-hot": CATEGORIES,
    }


def value(p: dict[str, Any]) -> float:
    x = numbers(p)
    return sum(np.sin(x[a]) * x[b] for a, b in BLOCKS) + x.get("z", 0.0) / 10


def parts_of(adapter: Any) -> list[Any]:
    model = fitted_model(adapter)
    return list(model.models) if isinstance(model, ModelListGP) else [model]


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
@pytest.mark.parametrize("case", cases())
def test_the_model_is_invariant_and_sees_each_observation_once(case: str, metrics: tuple[str, ...]) -> None:
    search_space, config = cases()[case]
    made = measured(search_space, metrics, 8, value)
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config, method="kernel")
        for part in parts_of(adapter):
            assert part.train_targets.shape[-1] == 8
            assert isinstance(part.covar_module, AveragedKernel)
            assert len({id(p) for p in part.parameters()}) == len(list(part.parameters()))
        symmetry = Symmetry.from_config(config)
        for arm in list(made.arms_by_name.values())[:4]:
            mean, covariance = adapter.predict(features(symmetry.orbit(arm.parameters)))
            for metric in metrics:
                np.testing.assert_allclose(mean[metric], mean[metric][0], rtol=1e-7)
                np.testing.assert_allclose(covariance[metric][metric], covariance[metric][metric][0], rtol=1e-5)
        arms = adapter.gen(3).arms
    assert len(arms) == 3
    for arm in arms:
        assert search_space.check_membership(arm.parameters)
    model = parts_of(adapter)[0]
    if metrics == ("y",):
        x = model.train_inputs[0][:3]
        moved = model.covar_module.columns(x)[:, :50] if model.covar_module.columns.order < 10_000 else None
        if moved is not None:
            with torch.no_grad():
                entries = model.covar_module(moved.flatten(0, 1), x).to_dense().unflatten(0, moved.shape[:2])
            np.testing.assert_allclose(entries, entries[:, :1].expand_as(entries), rtol=1e-7)


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
@pytest.mark.parametrize("share", ["learn", 0.2])
def test_a_symmetry_that_does_not_hold_exactly(share: Any, metrics: tuple[str, ...]) -> None:
    """Images of an observation teach the model something, but are others; candidates stay as they are."""
    search_space = cases()["ranges"][0]
    made, own = experiment(search_space, metrics), Symmetry.from_config({"blocks": BLOCKS})
    points = random_points(search_space, 6)
    for point in [*points, *(own.orbit(point)[-1] for point in points)]:  # the third pair counts half
        outcome = point["a1"] * point["b1"] + point["a2"] * point["b2"] + point["a3"] * point["b3"] / 2
        add_trial(made, point, {metric: (outcome, 0.01) for metric in metrics})
    symmetry = {"blocks": BLOCKS, "asymmetry": share}
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=symmetry)
        for part in parts_of(adapter):
            assert part.train_targets.shape[-1] == 12
            assert isinstance(part.covar_module, ApproximatelyInvariantKernel)
            found = part.covar_module.asymmetry.detach()
            assert (found > 1e-4).all() if share == "learn" else found == share
        mean, _ = adapter.predict(features(own.orbit(made.arms_by_name["0_0"].parameters)))
        assert np.ptp(mean["y"]) > 1e-4
        arms = [arm.parameters for arm in adapter.gen(4).arms]
    assert any(arm != own.canonical(arm) for arm in arms)


def test_a_strategy_leaves_candidates_of_such_a_symmetry() -> None:
    search_space = cases()["ranges"][0]
    strategy = choose_generation_strategy(search_space, {"blocks": BLOCKS, "asymmetry": "learn"})
    for keywords, _, learns in generator_keywords(strategy):
        ours = [t.__name__ for t in keywords["transforms"] if t.__module__.startswith("ax_symmetry")]
        assert ours == (["SymmetrizeObservations"] if learns else [])
        assert "Canonicalize" not in keywords["transform_configs"]
        assert not learns or keywords["transform_configs"]["SymmetrizeObservations"]["method"] == "kernel"


def test_twelve_interchangeable_blocks() -> None:
    """A group of 479,001,600 elements, which auto leaves to the kernel."""
    blocks = [[f"x{k}", f"y{k}"] for k in range(12)]
    search_space = space([float_range(n) for block in blocks for n in block])
    made = fill(experiment(search_space), 6, lambda p: sum(p[x] * p[y] for x, y in blocks))
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry={"blocks": blocks})
        swapped = {n: made.arms_by_name["0_0"].parameters[m]
                   for one, other in zip(blocks, reversed(blocks)) for n, m in zip(one, other)}
        mean, _ = adapter.predict(features([made.arms_by_name["0_0"].parameters, swapped]))
        (arm,) = adapter.gen(1).arms
    np.testing.assert_allclose(mean["y"][0], mean["y"][1], rtol=1e-9)
    rows = [tuple(arm.parameters[n] for n in block) for block in blocks]
    assert rows == sorted(rows)


def test_a_surrogate_of_the_users_own_stays_as_it_is() -> None:
    path = "ax.generators" if GENERATION == "adapter" else "ax.models"
    surrogate = import_module(f"{path}.torch.botorch_modular.surrogate").Surrogate()
    if not hasattr(surrogate, "surrogate_spec"):
        pytest.skip("this Ax refuses the kernel beside a surrogate")
    before = surrogate.surrogate_spec
    made = fill(experiment(space([float_range("a"), float_range("b")])), 5, lambda p: p["a"] * p["b"])
    ours = Symmetry.permutation([["a"], ["b"]]).transform_configs(method="kernel")
    transforms = [SymmetrizeObservations, Canonicalize, *backend.default_transforms()]
    with fast_optimizer():
        adapter = MODULAR(
            experiment=made, data=made.lookup_data(), transforms=transforms, transform_configs=ours, surrogate=surrogate
        )
    assert isinstance(fitted_model(adapter).covar_module, AveragedKernel)
    assert surrogate.surrogate_spec is before and before.model_configs[0].covar_module_class is None


def test_model_configs_of_one_metric_get_the_kernel_too() -> None:
    """Ax takes them in place of those for all metrics."""
    modular = f"ax.{'generators' if GENERATION == 'adapter' else 'models'}.torch.botorch_modular"
    utils, surrogate = import_module(f"{modular}.utils"), import_module(f"{modular}.surrogate")
    if not hasattr(utils, "ModelConfig"):
        pytest.skip("this Ax has no model configs")
    of_metric = {"z": [utils.ModelConfig(botorch_model_class=SingleTaskGP)]}
    search_space, config = cases()["ranges"]
    made = measured(search_space, ("y", "z"), 8, value)
    with fast_optimizer():
        adapter = MODULAR(
            experiment=made, data=made.lookup_data(),
            transforms=[SymmetrizeObservations, Canonicalize, *backend.default_transforms()],
            transform_configs=Symmetry.from_config(config).transform_configs(method="kernel"),
            surrogate_spec=surrogate.SurrogateSpec(metric_to_model_configs=of_metric),
        )
    assert of_metric["z"][0].covar_module_class is None
    adapter.transforms.pop("Canonicalize")
    mean, _ = adapter.predict(features(Symmetry.from_config(config).orbit(random_points(search_space, 1)[0])))
    for metric in ("y", "z"):
        np.testing.assert_allclose(mean[metric], mean[metric][0], rtol=1e-7)


def test_observations_outside_of_the_search_are_shown_as_images_inside() -> None:
    names = ["a", "b", "c", "z"]
    action = action_on_features(Symmetry.permutation([["a"], ["b"], ["c"]]), names)
    ends = torch.tensor([[0.4, 0.7] if n in ("b", "z") else [0.0, 1.0] for n in names], dtype=torch.double)
    region = Region(*ends.T, linear=(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.8]])))
    x = torch.from_numpy(np.random.default_rng(0).random((60, 4)))
    before = x.clone()
    moved = feasible_images(x, lambda: action, region)
    assert torch.equal(x, before)
    kinds = set()
    for row, found in zip(x.tolist(), moved.tolist()):
        within = [[*p, row[3]] for p in permutations(row[:3])
                  if 0.4 <= p[1] <= 0.7 and 0.4 <= row[3] <= 0.7 and p[0] <= 0.8]
        kind = "stays" if row in within else "moves" if within else "cannot"
        kinds.add(kind)
        assert found in within if kind == "moves" else found == row
    assert kinds == {"stays", "moves", "cannot"}


def fitted_to_twins() -> Any:
    """Fit a model of nine arms, of which three lie on one orbit and two on another."""
    made = with_twins()
    with fast_optimizer():
        return get_botorch(made, made.lookup_data(), symmetry={"blocks": BLOCKS}, method="kernel")


@pytest.mark.parametrize("untransform", [True, False])
def test_cross_validation_leaves_out_the_orbit(untransform: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = fitted_to_twins()
    calls = spied_folds(adapter, monkeypatch)
    assert len(cross_validate(adapter, folds=9, untransform=untransform)) == len(calls) == 9
    assert sorted(len(train) for train, _, _ in calls) == [6, 6, 6, 7, 7, 8, 8, 8, 8]
    assert_no_image_of_what_is_held_out(calls)


@pytest.mark.xfail(
    hasattr(import_module(f"ax.{GENERATION}.cross_validation"), "_efficient_loo_cross_validate"),
    reason="Ax 1.3 leaves out rows of the one fitted model by a formula and asks no transform: a twin stays in",
)
@pytest.mark.parametrize("untransform", [True, False])
def test_leaving_out_one_by_one_is_the_same_as_in_as_many_folds(untransform: bool) -> None:
    """Ax 1.3 does it by a formula, from a single model, and asks no transform."""
    adapter = fitted_to_twins()
    found, wanted = (
        {
            result.observed.arm_name: (result.predicted.means[0], result.predicted.covariance[0, 0])
            for result in cross_validate(adapter, folds=folds, untransform=untransform)
        }
        for folds in (-1, 9)
    )
    assert len(wanted) == 9 and set(found) == set(wanted)
    for arm, prediction in wanted.items():
        np.testing.assert_allclose(found[arm], prediction, rtol=1e-4, err_msg=arm)


@pytest.mark.parametrize(
    ("method", "config", "kernel_allowed", "wanted"),
    [
        ("auto", {}, True, "kernel"),
        ("auto", {}, False, None),
        ("auto", {}, None, "auto"),
        ("auto", {"base_kernel": "rbf"}, None, "kernel"),
        ("auto", {"method": "auto", "max_images": 4}, None, "augmentation"),
        ("auto", {"max_images": 4}, True, None),
        ("auto", {"noise": "copy"}, True, None),
        ("auto", {"method": "kernel"}, False, "kernel"),
        ("auto", {"asymmetry": "learn"}, False, "kernel"),
        ("auto", {"base_kernel": "rbf"}, False, "kernel"),
        ("auto", {"method": "augmentation"}, True, "augmentation"),
        ("kernel", {}, True, "kernel"),
        ("augmentation", {}, True, None),
    ],
)
def test_how_auto_chooses(method: str, config: dict[str, Any], kernel_allowed: bool | None, wanted: str | None) -> None:
    assert choose_method(method, config, kernel_allowed).get("method") == wanted


SHARES = {"blocks": [["w1", "v1"], ["w2", "v2"]], "simplex": {"parameters": ["w1", "w2"], "total": 1.0}}


def logarithmic() -> Any:
    """A share on a log scale, and the other one that it implies: no column of the model is their sum."""
    return space([float_range("w1", 0.1, 0.9, log_scale=True), float_range("v1"), float_range("v2")])


@pytest.mark.parametrize("declared", [{}, {"method": "auto"}])
def test_auto_is_augmentation_where_the_model_cannot_have_the_kernel(declared: dict[str, str]) -> None:
    made = fill(experiment(logarithmic()), 6, lambda p: p["w1"] * p["v1"] + (1 - p["w1"]) * p["v2"])
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry={**SHARES, **declared})
    assert adapter.transforms["SymmetrizeObservations"].plan.symmetrize.method == "augmentation"
    assert fitted_model(adapter).train_targets.shape[-1] == 12
    means, _ = adapter.predict(features([{"w1": 0.2, "v1": 0.9, "v2": 0.4}, {"w1": 0.8, "v1": 0.4, "v2": 0.9}]))
    assert means["y"][0] == pytest.approx(means["y"][1], abs=1e-9)
    strategy = choose_generation_strategy(made.search_space, {**SHARES, **declared})
    of_model = [keywords for keywords, _, learns in generator_keywords(strategy) if learns]
    assert of_model[0]["transform_configs"]["SymmetrizeObservations"].get("method") in (None, "augmentation")


def test_the_kernel_that_the_model_cannot_have_is_refused_at_once() -> None:
    said = "method: 'kernel' cannot be used here: parameter w1 is not linear in the model, but implies w2; use method"
    with pytest.raises(SymmetryError, match=said):
        choose_generation_strategy(logarithmic(), SHARES, method="kernel")


def test_a_strategy_knows_the_method() -> None:
    blocks = [[f"x{k}"] for k in range(4)]
    search_space = space([float_range(n) for (n,) in blocks])
    for method, wanted in (("auto", "kernel"), ("augmentation", None)):
        strategy = choose_generation_strategy(search_space, {"blocks": blocks}, method=method)
        found = [
            keywords["transform_configs"]["SymmetrizeObservations"].get("method")
            for keywords, _, learns in generator_keywords(strategy) if learns
        ]
        assert found and set(found) == {wanted}


def test_the_kernel_takes_more_observations_than_augmentation_takes_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is one of images, which the kernel does without."""
    monkeypatch.setattr(costs, "LARGEST_TRAINING_SET", 5)
    made = fill(experiment(space([float_range(name) for name in NAMES])), 6, value)
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry={"blocks": BLOCKS}, method="kernel")
    assert fitted_model(adapter).train_targets.shape[-1] == 6
