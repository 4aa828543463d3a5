"""The model that Ax fits through get_botorch is symmetric, and the same on every Ax.

One-line bugs that turn this file red: fit with one image missing; scale the sem instead of the variance; put the
transforms behind UnitX; let one backend use other default transforms than the other (the golden file); drop
`symmetry=`, or with it the configs of Ax's own transforms; look for forgotten blocks in the experiment's space; hand
over a model that took no notice of the kernel.

The golden file was written by Ax 1.3.1 with `python tests/generation/test_get_botorch.py`; every lane reads it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ax.core.experiment import Experiment
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryError, SymmetryWarning, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_model
from gpytorch.kernels import RBFKernel
from support import FITTED, LONE, add_trial, experiment, fast_optimizer, features, fill, float_range, space

GOLDEN = Path(__file__).parent / "golden" / "posterior.json"
METHODS: dict[str, dict[str, Any]] = {
    "augmentation": {"method": "augmentation"},
    "kernel": {"method": "kernel"},
    "kernel of RBF": {"method": "kernel", "base_kernel": "rbf"},
}
CONFIG = {"blocks": [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]}
NAMES = [name for block in CONFIG["blocks"] for name in block]


def outcome(point: Mapping[str, Any]) -> float:
    return float(sum(np.sin(3 * point[f"a{i}"]) * point[f"b{i}"] for i in (1, 2, 3)))


def filled() -> Experiment:
    return fill(experiment(space([float_range(name) for name in NAMES])), 15, outcome, sem=0.05, seed=0)


def fitted(made: Experiment, transforms: list[type], **keywords: Any) -> Any:
    configs = {transform.__name__: CONFIG for transform in transforms}
    return get_botorch(
        experiment=made,
        data=made.lookup_data(),
        transforms=transforms + backend.default_transforms(),
        transform_configs=configs,
        **keywords,
    )


def random_points(n: int, seed: int) -> list[dict[str, float]]:
    return [dict(zip(NAMES, row.tolist())) for row in np.random.default_rng(seed).random((n, len(NAMES)))]


def predicted(adapter: Any, points: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    means, covariances = adapter.predict(features(points))
    return np.array(means["y"]), np.array(covariances["y"]["y"])


def spread() -> float:
    """Return the outcome's SD over the data."""
    return float(filled().lookup_data().df["mean"].std())


@LONE
@pytest.mark.parametrize("transforms", [[SymmetrizeObservations], [Canonicalize, SymmetrizeObservations]])
def test_predictions_agree_on_every_image(transforms: list[type]) -> None:
    """With augmentation alone it is the data that make the model symmetric."""
    adapter = fitted(filled(), transforms)
    symmetry = Symmetry.from_config(CONFIG)
    orbits = [symmetry.orbit(point) for point in random_points(50, seed=1)]
    means, variances = predicted(adapter, [image for orbit in orbits for image in orbit])
    assert np.ptp(means.reshape(50, 6), axis=1).max() < FITTED * spread()
    assert np.ptp(variances.reshape(50, 6), axis=1).max() < FITTED * spread() ** 2


def test_without_the_transforms_they_do_not() -> None:
    """The test above can fail: the plain model is off by a good part of the outcome's SD."""
    made = filled()
    adapter = get_botorch(made, made.lookup_data())
    orbits = [Symmetry.from_config(CONFIG).orbit(point) for point in random_points(50, seed=1)]
    means, _ = predicted(adapter, [image for orbit in orbits for image in orbit])
    assert np.ptp(means.reshape(50, 6), axis=1).max() > 0.1 * spread()


@LONE
def test_canonicalize_changes_no_marginal_posterior() -> None:
    """Under full augmentation, asking about canonical points only is the same (DESIGN: the mathematics, 2)."""
    made, points = filled(), random_points(20, seed=2)
    with_it = predicted(fitted(made, [Canonicalize, SymmetrizeObservations]), points)
    without = predicted(fitted(made, [SymmetrizeObservations]), points)
    np.testing.assert_allclose(with_it, without, atol=FITTED * spread())


def by_method(method: str) -> tuple[np.ndarray, np.ndarray]:
    made = filled()
    adapter = get_botorch(made, made.lookup_data(), symmetry={**CONFIG, **METHODS[method]})
    return predicted(adapter, random_points(20, seed=3))


@pytest.mark.parametrize("method", METHODS)
def test_posterior_is_the_golden_one(method: str) -> None:
    """Every supported Ax fits the same posterior."""
    golden = json.loads(GOLDEN.read_text())[method]
    mean, variance = by_method(method)
    np.testing.assert_allclose(mean, golden["mean"], rtol=0, atol=FITTED * spread())
    np.testing.assert_allclose(variance, golden["variance"], rtol=0, atol=FITTED * spread() ** 2)


@pytest.mark.parametrize("symmetry", [CONFIG, Symmetry.from_config(CONFIG)])
def test_symmetry_keyword_adds_both_transforms(symmetry: Any) -> None:
    made, points = filled(), random_points(20, seed=4)
    adapter = get_botorch(made, made.lookup_data(), symmetry=symmetry, method="augmentation")
    assert [name for name in adapter.transforms if name in ("Canonicalize", "SymmetrizeObservations")] == [
        "Canonicalize",
        "SymmetrizeObservations",
    ]
    explicit = fitted(made, [Canonicalize, SymmetrizeObservations])
    np.testing.assert_array_equal(predicted(adapter, points), predicted(explicit, points))


def test_keywords_of_ax_reach_ax() -> None:
    made = filled()
    wide = space([float_range(name, -1.0, 2.0) for name in NAMES])
    adapter = get_botorch(made, made.lookup_data(), wide, refit_on_cv=True, symmetry=CONFIG)
    assert getattr(adapter, "generator", getattr(adapter, "model", None)).refit_on_cv
    assert {(p.lower, p.upper) for p in adapter.model_space.parameters.values()} == {(-1.0, 2.0)}


@pytest.mark.parametrize("symmetry", [None, CONFIG], ids=["plain", "symmetric"])
def test_configs_of_ax_s_own_transforms_reach_them(symmetry: Any) -> None:
    made, own = filled(), {"use_raw_status_quo": True}
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=symmetry, transform_configs={"Derelativize": own})
    assert adapter.transforms["Derelativize"].config == own


def test_a_model_that_took_no_notice_of_the_kernel_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an Ax would do it that chooses another model by itself."""
    own = backend.get_botorch

    def another(*args: Any, **keywords: Any) -> Any:
        adapter = own(*args, **keywords)
        fitted_model(adapter).covar_module = RBFKernel()
        return adapter

    monkeypatch.setattr(backend, "get_botorch", another)
    made = filled()
    with fast_optimizer(), pytest.raises(SymmetryError, match="Ax fitted a SingleTaskGP with RBFKernel"):
        get_botorch(made, made.lookup_data(), symmetry=CONFIG, method="kernel")


@pytest.mark.parametrize("constrained", ["the call's", "the experiment's"])
def test_forgotten_blocks_are_those_of_the_search_space_of_the_call(constrained: str) -> None:
    limits = [({"a1": 1.0, "a2": 1.0}, 1.5)]
    free, limited = (space(map(float_range, NAMES), listed) for listed in ([], limits))
    own, given = (free, limited) if constrained == "the call's" else (limited, free)
    made = experiment(own)
    for point in random_points(5, seed=7):
        add_trial(made, point, {"y": (outcome(point), 0.05)})
    with warnings.catch_warnings(record=True) as caught, fast_optimizer():
        warnings.simplefilter("always", SymmetryWarning)
        get_botorch(made, made.lookup_data(), given, symmetry=CONFIG)
    told = [str(w.message) for w in caught if w.category is SymmetryWarning]
    assert len(told) == (constrained == "the call's") and all("leaves out block a3, b3" in text for text in told)


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        pytest.param({"method": "kernels", "symmetry": CONFIG}, "method", id="unknown method"),
        pytest.param({"method": "augmentation"}, "symmetry=", id="a method but no symmetry"),
        pytest.param(
            {"symmetry": CONFIG, "transform_configs": {"Canonicalize": CONFIG}}, "Canonicalize", id="config twice"
        ),
        pytest.param({"symmetry": CONFIG, "transforms": [Canonicalize]}, "Canonicalize", id="transform twice"),
        pytest.param({"symmetry": {"blocks": [["a1"], ["c"]]}}, "parameter c", id="unknown parameter"),
    ],
)
def test_contradictions_are_errors(keywords: dict[str, Any], named: str) -> None:
    made = filled()
    with pytest.raises(SymmetryError, match=named):
        get_botorch(made, made.lookup_data(), **keywords)


if __name__ == "__main__":
    made_now = {}
    for one in METHODS:
        now = by_method(one)
        made_now[one] = {"mean": now[0].tolist(), "variance": now[1].tolist()}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(made_now, indent=1) + "\n")
