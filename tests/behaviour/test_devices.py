"""Through Ax on a GPU: the same models and candidates inside the space. Skipped where there is none.

The kernels alone are tested on other devices in `test_averaged.py` and `test_matern.py`. One-line bugs that turn this
file red, where there is a GPU: lose the device on the way to Ax; make a mask, an index or a constant without saying on
which device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from support import choice, fast_optimizer, features, float_range, measured, space

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

NAMES = ["a1", "b1", "a2", "b2", "a3", "b3"]
BLOCKS = [NAMES[:2], NAMES[2:4], NAMES[4:]]
SPACES = {
    "ranges": (space([float_range(n) for n in NAMES]), {"blocks": BLOCKS}),
    "mirrors": (space([float_range(n, -1, 3) for n in NAMES]), {"blocks": BLOCKS, "mirror": {"a1": 1.0}}),
    "categories": (
        space([choice(n, ["r", "g", "b"], is_ordered=False) if n[0] == "a" else float_range(n) for n in NAMES]),
        {"blocks": [["b1", "a1"], ["b2", "a2"], ["b3", "a3"]]},
    ),
    "simplex": (
        space([float_range(n, 0.1, 0.8) for n in NAMES if n != "a3"],
              [({"a1": 1.0, "a2": 1.0}, 0.9), ({"a1": -1.0, "a2": -1.0}, -0.2)]),
        {"blocks": BLOCKS, "simplex": {"parameters": ["a1", "a2", "a3"]}},
    ),
}
WAYS: dict[str, dict[str, Any]] = {
    "kernel": {"method": "kernel"},
    "kernel, RBF": {"method": "kernel", "base_kernel": "rbf"},
    "augmentation": {"method": "augmentation"},
    "augmentation, nearest": {"method": "augmentation", "max_images": 3},
    "learnt asymmetry": {"method": "kernel", "asymmetry": "learn"},
}


def value(p: dict[str, Any]) -> float:
    whole = {"a3": 1 - p["a1"] - p["a2"], **p} if "a3" not in p else p
    numbers = {n: "rgb".index(v) / 3 if isinstance(v, str) else float(v) for n, v in whole.items()}
    return sum(np.cos(2 * (numbers[a] - 1)) * numbers[b] for a, b in BLOCKS)


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", SPACES)
def test_on_a_gpu(case: str, way: str, metrics: tuple[str, ...]) -> None:
    search_space, declared = SPACES[case]
    options = dict(WAYS[way])
    method, config = options.pop("method"), {**declared, **options}
    made = measured(search_space, metrics, 8, value)
    symmetry = Symmetry.from_config(declared)
    orbits = [image for arm in list(made.arms_by_name.values())[:3] for image in symmetry.orbit(arm.parameters)]
    predicted = {}
    with fast_optimizer():
        for device in ("cpu", "cuda"):
            torch.manual_seed(0)
            adapter = get_botorch(
                made, made.lookup_data(), symmetry=config, method=method, device=torch.device(device)
            )
            fitted = fitted_model(adapter)
            assert {p.device.type for p in fitted.parameters()} == {device}
            predicted[device] = adapter.predict(features(orbits))
            arms = adapter.gen(3).arms
            assert len(arms) == 3 and all(search_space.check_membership(arm.parameters) for arm in arms)
    (mean, covariance), (wanted, variance) = predicted["cuda"], predicted["cpu"]
    for metric in metrics:
        np.testing.assert_allclose(mean[metric], wanted[metric], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(covariance[metric][metric], variance[metric][metric], rtol=1e-3, atol=1e-5)
