"""The public kernels: GPyTorch's own test case, exact arithmetic, the double sum over the group, models.

One-line bugs that turn this file red: forget the square root when normalizing; normalize one side; average over m!
without dividing; lose `active_dims`; leave out the implied column; take e for 1 - e; sort only one argument; count the
prior of a shared lengthscale once for every column.
"""

from __future__ import annotations

import pickle
import unittest
from collections.abc import Mapping
from copy import deepcopy
from itertools import permutations
from typing import Any

import brute_force
import mpmath
import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel, MaxAlignmentKernel
from ax_symmetry.kernels import ProductMaternKernel
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel, ScaleKernel
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.test.base_kernel_test_case import BaseKernelTestCase
from support import POSTERIOR

PAIRS = {"blocks": [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]}
NAMES = ["a0", "b0", "a1", "b1", "a2", "b2", "z"]
GROUPS: dict[str, dict[str, Any]] = {
    "S_3 on pairs": PAIRS,
    "C_3 on pairs": {**PAIRS, "group": "cyclic"},
    "signed": {"blocks": [["a0"], ["a1"], ["a2"]], "mirror": {"a0": 0.5}},
    "mirrors": {"mirror": [{"a0": 0.5}, {"b0": 0.5, "z": 0.5}]},
}


class SharedCase(BaseKernelTestCase):
    """GPyTorch's test case for kernels. It asks for kernels of two columns, or of as many as are active."""

    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        raise NotImplementedError

    def create_kernel_no_ard(self, active_dims: Any = None, **keywords: Any) -> Kernel:
        if active_dims is not None:
            self.width = len(active_dims)  # and for the kernel of these columns alone that it is compared with
        return self.create(getattr(self, "width", 2), RBFKernel(**keywords), active_dims)

    def create_kernel_ard(self, num_dims: int, **keywords: Any) -> Kernel:
        return self.create(num_dims, RBFKernel(ard_num_dims=num_dims, **keywords), None)


def pairs(width: int) -> tuple[dict[str, Any], list[str]]:
    names = [f"x{k}" for k in range(width)]
    half = width // 2
    return {"blocks": [names[:half], names[half:]]}, names


class TestInvariant(SharedCase, unittest.TestCase):
    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        return InvariantKernel(*pairs(width), base, active_dims=active_dims)


class TestAverage(SharedCase, unittest.TestCase):
    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        return InvariantKernel(*pairs(width), base, normalize=False, active_dims=active_dims)


class TestInvariantByPermanents(SharedCase, unittest.TestCase):
    """Signed permutations: 8 elements for two columns, 384 and 46,080 for four and six."""

    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        names = [f"x{k}" for k in range(width)]
        config = {"blocks": [[n] for n in names], "mirror": {names[0]: 0.5}}
        return InvariantKernel(config, names, base, active_dims=active_dims)


class TestApproximatelyInvariant(SharedCase, unittest.TestCase):
    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        return ApproximatelyInvariantKernel(InvariantKernel(*pairs(width), base, active_dims=active_dims))


class TestMatern(SharedCase, unittest.TestCase):
    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        config, names = pairs(width)
        sets = [[names.index(name) for name in block] for block in config["blocks"]]
        product = ProductMaternKernel(sets, base.batch_shape if base is not None else None)
        return InvariantKernel(config, names, product, active_dims=active_dims)


class TestMaxAlignment(SharedCase, unittest.TestCase):
    def create(self, width: int, base: Kernel | None, active_dims: Any) -> Kernel:
        names = [f"x{k}" for k in range(width)]
        return MaxAlignmentKernel({"blocks": [[n] for n in names]}, names, base, active_dims=active_dims)


def rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, d)))


def images(config: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    """Return all |G| images of rows; mirrors are about 0.5."""
    found = sorted(brute_force.elements(config, NAMES))
    return np.array([[brute_force.image(element, row, 0.5) for element in found] for row in x])


def gaussian(x: np.ndarray, y: np.ndarray, lengthscales: np.ndarray) -> np.ndarray:
    return np.exp(-(((x[:, None] - y[None]) / lengthscales) ** 2).sum(-1) / 2)


def double_sum(config: Mapping[str, Any], x: np.ndarray, y: np.ndarray, lengthscales: np.ndarray) -> np.ndarray:
    gx, hy = images(config, x), images(config, y)
    order = gx.shape[1]
    entries = gaussian(gx.reshape(-1, x.shape[1]), hy.reshape(-1, x.shape[1]), lengthscales)
    return entries.reshape(len(x), order, len(y), order).mean(axis=(1, 3))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("group", GROUPS)
def test_the_double_sum(group: str, normalize: bool) -> None:
    config, (x, y) = GROUPS[group], (rows(5, 7).numpy(), rows(4, 7, seed=1).numpy())
    x[0] = 0.5  # a fixed point
    lengthscales = np.array([0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.9]) if group != "S_3 on pairs" else [0.3, 0.7] * 3 + [0.9]
    kernel = InvariantKernel(config, NAMES, RBFKernel(ard_num_dims=7).double(), normalize).double()
    kernel.base_kernel.lengthscale = torch.tensor(lengthscales, dtype=torch.double)
    wanted = double_sum(config, x, y, np.asarray(lengthscales))
    if normalize:
        one, other = (np.diag(double_sum(config, v, v, np.asarray(lengthscales))) for v in (x, y))
        wanted = wanted / np.sqrt(one[:, None] * other[None])
    with torch.no_grad():
        found = kernel(torch.from_numpy(x), torch.from_numpy(y)).to_dense().numpy()
        diagonal = kernel(torch.from_numpy(x), diag=True).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-12, rtol=0)
    if normalize:
        np.testing.assert_allclose(diagonal, 1.0, atol=1e-12)
    gx, hy = images(config, x), images(config, y)
    with torch.no_grad():
        for k in range(0, gx.shape[1], 3):
            moved = kernel(torch.from_numpy(gx[:, k]), torch.from_numpy(hy[:, -k])).to_dense().numpy()
            np.testing.assert_allclose(moved, found, atol=1e-12, rtol=0)


def test_normalizing_keeps_the_variance_of_the_base_kernel() -> None:
    kernel = InvariantKernel(PAIRS, NAMES, ScaleKernel(MaternKernel(ard_num_dims=7))).double()
    kernel.base_kernel.outputscale = 3.0
    with torch.no_grad():
        np.testing.assert_allclose(kernel(rows(9, 7), diag=True), 3.0, rtol=1e-9)
        np.testing.assert_allclose(kernel(rows(9, 7)).to_dense().diagonal(), 3.0, rtol=1e-7)


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("lengthscale", [0.005, 0.05, 0.5, 50.0])
@pytest.mark.parametrize("m", [5, 8])
def test_no_digit_is_lost(m: int, lengthscale: float, base: str) -> None:
    """Against the subsets' sums in arithmetic of 60 digits, and positive semidefinite."""
    names = [f"{letter}{k}" for k in range(m) for letter in "ab"]
    config = {"blocks": [[f"a{k}", f"b{k}"] for k in range(m)], "mirror": {"b0": 0.5}}
    kernel = InvariantKernel(config, names, base, normalize=False).double()
    kernel.base_kernel.raw_lengthscale_constraint.lower_bound.fill_(0.0)  # BoTorch's least is 0.025
    kernel.base_kernel.lengthscale = lengthscale
    x = rows(3, 2 * m)
    x = torch.cat([x, (x + lengthscale * rows(3, 2 * m, seed=1)).flip(0)])  # some near each other
    blocks = x.unflatten(1, (m, 2)).numpy()
    with torch.no_grad():
        found = kernel(x).to_dense().numpy()
    with mpmath.workdps(60):
        ell = mpmath.mpf(float(kernel.base_kernel.lengthscale[0, 0]))

        def of_distance(r: Any) -> Any:
            if base == "rbf":
                return mpmath.exp(-(r**2) / 2)
            s = mpmath.sqrt(5) * r
            return (1 + s + s**2 / 3) * mpmath.exp(-s)

        def entry(u: np.ndarray, v: np.ndarray) -> Any:
            (a, b), (c, d) = ([mpmath.mpf(float(t)) for t in w] for w in (u, v))
            return sum(of_distance(mpmath.sqrt((a - c) ** 2 + (b - e) ** 2) / ell) for e in (d, 1 - d)) / 2

        checked = 0
        for i, j in ((0, 0), (0, 1), (0, 5), (1, 4), (2, 3)):
            matrix = [[entry(u, v) for v in blocks[j]] for u in blocks[i]]
            sums = {0: mpmath.mpf(1)}
            for row in matrix:
                longer: dict[int, Any] = {}
                for subset, value in sums.items():
                    for k in range(m):
                        if not subset >> k & 1:
                            longer[subset | 1 << k] = longer.get(subset | 1 << k, 0) + value * row[k]
                sums = longer
            wanted = sums[2**m - 1] / mpmath.factorial(m)
            if wanted > 1e-12:
                checked += 1
                assert abs(mpmath.mpf(float(found[i, j])) / wanted - 1) < 1e-9
        assert checked or (m, lengthscale) == (8, 0.005)  # 1 / (8! 2^8) is less than 1e-12 already
    whole = kernel(rows(40, 2 * m, seed=2)).to_dense().detach().numpy()
    assert np.linalg.eigvalsh(whole).min() >= -1e-8 * whole.max()


@pytest.mark.parametrize("base", ["rbf", "matern"])
def test_twelve_blocks(base: str) -> None:
    """A group of 479,001,600 elements: the kernel of a row with itself, all blocks alike, and with an image."""
    names = [f"{letter}{k}" for k in range(12) for letter in "ab"]
    kernel = InvariantKernel({"blocks": [[f"a{k}", f"b{k}"] for k in range(12)]}, names, base).double()
    x = rows(4, 24)
    shuffled = x.unflatten(1, (12, 2))[:, torch.randperm(12, generator=torch.Generator().manual_seed(0))].flatten(1)
    with torch.no_grad():
        np.testing.assert_allclose(kernel(x, shuffled).to_dense(), kernel(x).to_dense(), rtol=1e-12)
        np.testing.assert_allclose(kernel(x, diag=True), 1.0, rtol=1e-12)


@pytest.mark.parametrize("group", ["S_3 on pairs", "signed"])
def test_the_posterior_mean_is_that_of_augmentation(group: str) -> None:
    config, x = GROUPS[group], rows(6, 7).numpy()
    y, variance = np.random.default_rng(2).normal(size=6), 0.03
    of_x = images(config, x)
    order = of_x.shape[1]

    def model(rows: np.ndarray, y: np.ndarray, variance: float, kernel: Kernel) -> SingleTaskGP:
        targets = torch.from_numpy(y)[:, None]
        noise = torch.full_like(targets, variance)
        made = SingleTaskGP(torch.from_numpy(rows), targets, noise, covar_module=kernel, outcome_transform=None)
        return made.double().eval()

    base = RBFKernel().double()
    base.lengthscale = 0.6
    augmented = model(of_x.reshape(-1, 7), np.repeat(y, order), variance * order, deepcopy(base))
    invariant = model(x, y, variance, InvariantKernel(config, NAMES, base, normalize=False))
    probes = rows(5, 7, seed=3)
    with torch.no_grad():
        np.testing.assert_allclose(invariant.posterior(probes).mean, augmented.posterior(probes).mean, atol=POSTERIOR)


def test_a_model_is_fitted_and_stored() -> None:
    x = rows(20, 7)
    y = (x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] + x[:, 4] * x[:, 5])[:, None] + x[:, 6:]
    model = SingleTaskGP(x, y, torch.full_like(y, 1e-4), covar_module=InvariantKernel(PAIRS, NAMES))
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    before = float(mll(model(*model.train_inputs), model.train_targets))
    fit_gpytorch_mll(mll)
    assert float(mll.train()(model(*model.train_inputs), model.train_targets)) > before
    other = SingleTaskGP(x, y, torch.full_like(y, 1e-4), covar_module=InvariantKernel(PAIRS, NAMES))
    other.load_state_dict(model.state_dict())
    probes = rows(5, 7, seed=4)
    with torch.no_grad():
        ours, theirs = model.eval().posterior(probes), other.eval().posterior(probes)
        assert torch.equal(ours.mean, theirs.mean)
        swapped = model.posterior(probes[:, [2, 3, 4, 5, 0, 1, 6]])
        np.testing.assert_allclose(swapped.mean, ours.mean, atol=POSTERIOR)


def test_an_implied_column() -> None:
    blocks = [["a0", "f0"], ["a1", "f1"], ["a2", "f2"]]
    config = {"blocks": blocks, "simplex": {"parameters": ["f0", "f1", "f2"]}}
    base = RBFKernel(ard_num_dims=6).double()
    base.lengthscale = torch.tensor([[0.3, 0.3, 0.3, 0.6, 0.6, 0.6]]).double()
    names = ["a0", "a1", "a2", "f0", "f1"]
    x = rows(6, 5)
    whole = torch.cat([x, 1 - x[:, 3:].sum(dim=1, keepdim=True)], dim=1)
    implied = InvariantKernel(config, names, base)(x).to_dense()
    written = InvariantKernel({"blocks": blocks}, [*names, "f2"], base)(whole).to_dense()
    np.testing.assert_allclose(implied.detach(), written.detach(), atol=1e-12)


def test_between_the_invariant_kernel_and_its_base() -> None:
    x, base = rows(5, 7), RBFKernel(ard_num_dims=7).double()
    invariant = InvariantKernel(PAIRS, NAMES, base)
    with torch.no_grad():
        ends = {e: ApproximatelyInvariantKernel(invariant, e)(x).to_dense() for e in (0.0, 0.25, 1.0)}
        np.testing.assert_allclose(ends[0.0], invariant(x).to_dense(), atol=1e-14)
        np.testing.assert_allclose(ends[1.0], base(x).to_dense(), atol=1e-12)
        np.testing.assert_allclose(ends[0.25], 0.75 * ends[0.0] + 0.25 * ends[1.0], atol=1e-14)
    assert float(ApproximatelyInvariantKernel(invariant).asymmetry) == pytest.approx(0.1)


def test_how_asymmetric_is_learnt() -> None:
    x = rows(40, 3)
    names, blocks = ["a", "b", "c"], {"blocks": [["a"], ["b"], ["c"]]}
    found = []
    for y in (x.prod(dim=1, keepdim=True), x[:, :1] - 2 * x[:, 1:2] ** 2):
        kernel = ApproximatelyInvariantKernel(InvariantKernel(blocks, names))
        model = SingleTaskGP(x, y, torch.full_like(y, 1e-4), covar_module=kernel)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        found.append(float(kernel.asymmetry))
    assert found[0] < 0.05 < 0.5 < found[1]


def test_max_alignment_is_the_best_match() -> None:
    names = ["a", "b", "c", "z"]
    base = RBFKernel().double()
    kernel = MaxAlignmentKernel({"blocks": [["a"], ["b"], ["c"]]}, names, base)
    x, y = rows(6, 4), rows(5, 4, seed=1)
    with torch.no_grad():
        each = [base(x, y[:, [*p, 3]]).to_dense() for p in permutations(range(3))]
        np.testing.assert_allclose(kernel(x, y).to_dense(), torch.stack(each).max(dim=0).values, atol=1e-12)


def test_a_symmetry_or_its_dict() -> None:
    x = rows(3, 7)
    one, other = InvariantKernel(PAIRS, NAMES), InvariantKernel(Symmetry.from_config(PAIRS), NAMES)
    assert torch.equal(one(x).to_dense(), other(x).to_dense())


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("outcomes", [1, 2])
def test_a_lengthscale_that_columns_share_has_one_prior(outcomes: int, base: str) -> None:
    """And can be drawn from it, as BoTorch does when a fit fails; models can be pickled."""
    shape = torch.Size([outcomes] if outcomes > 1 else [])
    kernel = InvariantKernel({"blocks": [["a"], ["b"], ["c"]]}, ["a", "b", "c", "z"], base, batch_shape=shape).double()
    kernel.base_kernel.lengthscale = torch.tensor([0.2, 0.4, 0.8, 0.5]).expand(*shape, 1, 4)
    ((_, module, prior, closure, setting),) = kernel.named_priors()
    assert torch.allclose(closure(module), torch.tensor([0.4, 0.5]).double().expand(*shape, 1, 2))
    setting(module, torch.tensor([0.3, 0.7]).double().expand(*shape, 1, 2))
    wanted = torch.tensor([0.3, 0.3, 0.3, 0.7]).double().expand(*shape, 1, 4)
    assert torch.allclose(kernel.base_kernel.lengthscale, wanted)
    x = torch.rand(3, 4, dtype=torch.double)
    again = pickle.loads(pickle.dumps(kernel))
    assert torch.equal(again(x).to_dense(), kernel(x).to_dense())
