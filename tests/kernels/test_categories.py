"""Kernels of choices without an order, against sums over the group and distances of 0 and 1 written out here.

One-line bugs that turn this file red: codes taken for numbers; two values farther apart than two others; the indicators
of one choice with lengthscales of their own; a swap that moves the first indicator alone; values not scaled with their
column; a free choice left as it is; lengthscale priors for as many columns as there are indicators; Ax's mixed model
with its own kernel in place of ours; permanents of half of the pairs put in the wrong places.
"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, get_botorch
from ax_symmetry._ax import GENERATION
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from botorch.models import SingleTaskGP
from cases import BLOCKS, CATEGORIES
from support import IDENTITY, choice, fast_optimizer, features, measured, needs_codes, registry, space

LENGTHSCALE = {"m": 1.3, "x": 0.4, "z": 0.7}


def matern(squared: float) -> float:
    s = (5 * squared) ** 0.5
    return (1 + s + s**2 / 3) * np.exp(-s)


def brute_force(a: dict[str, float], b: dict[str, float], m: int) -> float:
    """Sum over all permutations a product over the blocks of a Matern kernel of code and amount, and one of z."""

    def squared(name: str, other: str) -> float:
        gap = a[name] - b[other]
        return (float(gap != 0) if name[0] == "m" else gap**2) / LENGTHSCALE[name[0]] ** 2

    total = 0.0
    for order in permutations(range(m)):
        total += np.prod([matern(squared(f"m{i}", f"m{j}") + squared(f"x{i}", f"x{j}")) for i, j in enumerate(order)])
    apart = float(a["z"] != b["z"]) / LENGTHSCALE["z"] ** 2
    return total * matern(apart)


def rows_of(names: list[str], codes: list[float], n: int = 6) -> np.ndarray:
    rng = np.random.default_rng(len(names))
    return np.array([[rng.choice(codes) if name[0] in "mz" else rng.random() for name in names] for _ in range(n)])


def kernel_of(
    m: int, names: list[str], codes: list[float], lower: float = 0.0, scale: float = 1.0
) -> ColumnInvariantKernel:
    """Make the kernel of columns `(x - lower) / scale`, with lengthscales in the units of the parameters."""
    symmetry = Symmetry.permutation([[f"m{i}", f"x{i}"] for i in range(m)])
    places = {name: ColumnPlace((c,)) for c, name in enumerate(names[:-1])}
    categories = {c: codes for c, name in enumerate(names) if name[0] in "mz"}
    action = ColumnAction.of(symmetry, places, len(names), categories)
    ends = (torch.full((len(names),), value, dtype=torch.double) for value in (lower, scale))
    kernel = ColumnInvariantKernel(action.scaled(*ends), "matern", normalize=False).double()
    seen = [*names, *(name for name in names if name[0] in "mz" for _ in codes[1:])]  # further indicators come last
    own = [LENGTHSCALE[name[0]] / (scale if name[0] == "x" else 1.0) for name in seen]
    kernel.base_kernel.lengthscale = torch.tensor([own], dtype=torch.double)
    return kernel


@pytest.mark.parametrize(("lower", "scale"), [(0.0, 1.0), (-2.0, 4.0)])
@pytest.mark.parametrize("m", [2, 3, 5])
@pytest.mark.parametrize("codes", [[0.0, 1.0, 2.0], [-1.0, 4.0, 0.5, 7.0]])
def test_the_kernel_is_the_sum_over_all_permutations(codes: list[float], m: int, lower: float, scale: float) -> None:
    names = [*(f"{slot}{i}" for i in range(m) for slot in "mx"), "z"]
    rows, kernel = rows_of(names, codes), kernel_of(m, names, codes, lower, scale)
    points = [dict(zip(names, row)) for row in rows]
    wanted = np.array([[brute_force(a, b, m) for b in points] for a in points]) / factorial(m)
    x = (torch.from_numpy(rows) - lower) / scale
    np.testing.assert_allclose(kernel(x).to_dense().detach(), wanted, rtol=IDENTITY)
    apart = x[:4].clone().requires_grad_()  # all pairs, not half of them
    np.testing.assert_allclose(kernel(x, apart).to_dense().detach(), wanted[:, :4], rtol=IDENTITY)


def test_the_prior_is_that_of_as_many_columns_as_the_model_has() -> None:
    names = ["m0", "x0", "m1", "x1", "z"]
    few, many = (kernel_of(2, names, [float(v) for v in range(k)]).base_kernel.lengthscale_prior for k in (2, 9))
    assert few.loc == many.loc == pytest.approx(2**0.5 + np.log(5) / 2)


def mixed_model() -> Any:
    """Fit the model of Ax's transforms that keep choices in one column each."""
    needs_codes()
    search_space, config = CATEGORIES
    wider = space([*search_space.parameters.values(), choice("z", ["u", "v", "w"], is_ordered=False)])
    made = measured(wider, ("y",), 8, lambda p: sum(p[b] * "rgb".index(p[a]) for a, b in BLOCKS) + "uvw".index(p["z"]))
    with fast_optimizer():
        spec = {"symmetry": config, "transforms": [*registry.Mixed_transforms, *registry.Y_trans]}
        return get_botorch(made, made.lookup_data(), **spec)


@pytest.mark.skipif(GENERATION == "modelbridge", reason="get_botorch makes no mixed model there")
def test_the_model_for_choices_that_are_codes_is_invariant() -> None:
    adapter = mixed_model()
    model = fitted_model(adapter)
    assert isinstance(model, SingleTaskGP) and isinstance(model.covar_module, ColumnInvariantKernel)
    assert model.train_targets.shape[-1] == 8 and model.covar_module.action.width == 7 + 2 * 4
    point = {"a1": "r", "b1": 0.1, "a2": "g", "b2": 0.7, "a3": "b", "b3": 0.4, "z": "v"}
    orbit = Symmetry.permutation(BLOCKS).orbit(point)
    mean = adapter.predict(features(orbit))[0]["y"]
    np.testing.assert_allclose(mean, mean[0], rtol=1e-9)
    apart = adapter.predict(features([{**point, "z": z} for z in "uvw"]))[0]["y"]
    assert len(set(np.round(apart, 6))) == 3
    with fast_optimizer():
        candidates = [arm.parameters for arm in adapter.gen(3).arms]
    assert all(p["z"] in "uvw" and p[a] in "rgb" for p in candidates for a, _ in BLOCKS)
