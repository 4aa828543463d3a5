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
from cases import BLOCKS, CATEGORIES, IMPLIED, NAMES, numbers
from support import fast_optimizer, features, float_range, measured, space

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

SPACES = {
    "ranges": (space([float_range(n) for n in NAMES]), {"blocks": BLOCKS}),
    "mirrors": (space([float_range(n, -1, 3) for n in NAMES]), {"blocks": BLOCKS, "mirror": {"a1": 1.0}}),
    "categories": (CATEGORIES[0], {"blocks": [block[::-1] for block in BLOCKS]}),
    "simplex": IMPLIED,
}
WAYS: dict[str, dict[str, Any]] = {
    "kernel": {"method": "kernel"},
    "kernel, RBF": {"method": "kernel", "base_kernel": "rbf"},
    "kernel, of sets": {"method": "kernel", "base_kernel": "embedding"},
    "augmentation": {"method": "augmentation"},
    "augmentation, nearest": {"method": "augmentation", "max_images": 3},
    "learnt asymmetry": {"method": "kernel", "asymmetry": "learn"},
}


def value(p: dict[str, Any]) -> float:
    x = numbers(p)
    return sum(np.cos(2 * (x[a] - 1)) * x[b] for a, b in BLOCKS)


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", SPACES)
def test_on_a_gpu(case: str, way: str, metrics: tuple[str, ...]) -> None:
    search_space, declared = SPACES[case]
    options = dict(WAYS[way])
    if options.get("base_kernel") == "embedding" and "mirror" in declared:
        pytest.skip("more than sets")
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
