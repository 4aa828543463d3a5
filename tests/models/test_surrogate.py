"""`models.surrogate_spec`: the invariant kernel in the modular BoTorch of those who put it together themselves.

One-line bugs that turn this file red: take a mirror's center in the units of the search space; lose the registration
of a kernel; hand on `normalize` but not `asymmetry`; name the columns in another order; share a kernel among outcomes;
lose the name of the base kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from ax.storage.json_store.decoder import object_from_json
from ax.storage.json_store.encoder import object_to_json
from ax_symmetry import Canonicalize, Symmetry, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.kernels import ProductMaternKernel
from ax_symmetry.models import surrogate_spec
from gpytorch.kernels import RBFKernel
from support import MODULAR, add_trial, experiment, fast_optimizer, features, float_range, random_points, space

SYMMETRY = {"blocks": [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]], "mirror": {"z": 1.0}}
NAMES = ["b1", "a1", "a2", "z", "b2", "a3", "b3"]  # slots in no order
SPACE = space([float_range(n, -1, 3) for n in NAMES])


def value(p: dict[str, Any]) -> float:
    return float(sum(np.sin(p[f"a{k}"]) * p[f"b{k}"] for k in (1, 2, 3)) + (p["z"] - 1) ** 2)


def measured(metrics: tuple[str, ...] = ("y",)) -> Any:
    made = experiment(SPACE, metrics)
    for point in random_points(SPACE, 10):
        add_trial(made, point, {metric: ((i + 1) * value(point), 0.1) for i, metric in enumerate(metrics)})
    return made


def fitted(spec: Any, metrics: tuple[str, ...] = ("y",), canonical: bool = True) -> Any:
    made = measured(metrics)
    ours = {"transforms": [Canonicalize], "transform_configs": {"Canonicalize": SYMMETRY}} if canonical else {}
    transforms = [*ours.pop("transforms", []), *backend.default_transforms()]
    by = {"surrogate_spec": spec}
    if hasattr(spec, "covar_module_kwargs"):  # Ax 0.4
        by = {"surrogate_specs": {"own": spec}}
    with fast_optimizer():
        return MODULAR(experiment=made, data=made.lookup_data(), transforms=transforms, **ours, **by)


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
def test_the_model_is_invariant(metrics: tuple[str, ...]) -> None:
    adapter = fitted(surrogate_spec(SYMMETRY), metrics, canonical=False)
    orbit = Symmetry.from_config(SYMMETRY).orbit(random_points(SPACE, 1)[0])
    mean, covariance = adapter.predict(features(orbit))
    assert len(orbit) == 12
    for metric in metrics:
        np.testing.assert_allclose(mean[metric], mean[metric][0], rtol=1e-7)
        np.testing.assert_allclose(covariance[metric][metric], covariance[metric][metric][0], rtol=1e-5)
    with fast_optimizer():
        arms = fitted(surrogate_spec(SYMMETRY), metrics).gen(2).arms
    assert all(arm.parameters["a1"] <= arm.parameters["a2"] <= arm.parameters["a3"] for arm in arms)


def test_a_symmetry_that_holds_roughly() -> None:
    adapter = fitted(surrogate_spec(SYMMETRY, asymmetry=0.5), canonical=False)
    mean, _ = adapter.predict(features(Symmetry.from_config(SYMMETRY).orbit(random_points(SPACE, 1)[0])))
    assert np.ptp(mean["y"]) > 1e-3


@pytest.mark.parametrize("base_kernel", ["matern", "rbf"])
def test_its_base_kernel(base_kernel: str) -> None:
    """The model is the one that get_botorch fits."""
    config = {**SYMMETRY, "method": "kernel", "base_kernel": base_kernel}
    own, made = fitted(surrogate_spec(SYMMETRY, base_kernel=base_kernel)), measured()
    with fast_optimizer():
        other = get_botorch(made, made.lookup_data(), symmetry=config)
    points = features(random_points(SPACE, 5))
    np.testing.assert_allclose(own.predict(points)[0]["y"], other.predict(points)[0]["y"], rtol=1e-6)
    base = fitted_model(own).covar_module.base_kernel
    assert isinstance(base, {"matern": ProductMaternKernel, "rbf": RBFKernel}[base_kernel])


@pytest.mark.parametrize("asymmetry", [None, "learn", 0.25])
def test_it_is_stored(asymmetry: Any) -> None:
    spec = surrogate_spec(SYMMETRY, asymmetry=asymmetry)
    stored = json.dumps(object_to_json(spec))
    assert object_from_json(json.loads(stored)) == spec
    code = (
        "import sys, json, ax_symmetry.models; from ax.storage.json_store.decoder import object_from_json;"
        "from ax.storage.json_store.encoder import object_to_json;"
        "print(json.dumps(object_to_json(object_from_json(json.loads(sys.argv[1])))))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, stored], capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(stored), done.stderr
