"""Covariances of rows that the restarts of a search share, against each restart alone.

One-line bugs that turn this file red: give the gradient of shared rows to the first batch alone; swap rows back by the
inverse order; keep entries whose rows are variables; look up kept entries by their shapes; leave out the factors of the
shared rows; take rows for constants because some of them, or all restarts, are alike.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.averaged import AveragedKernel
from ax_symmetry.columns import named_action
from ax_symmetry.restarts import Constants, Covariance, over_restarts
from botorch.models import SingleTaskGP
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel, ScaleKernel
from torch import Tensor

NAMES = ["a0", "b0", "a1", "b1", "a2", "b2", "z"]
PAIRS = {"blocks": [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]}


def rows(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(NAMES))))


def averaged(base: Kernel | None = None, normalize: bool = False) -> AveragedKernel:
    base = ScaleKernel(RBFKernel(ard_num_dims=len(NAMES))) if base is None else base
    return AveragedKernel(base, named_action(Symmetry.from_config(PAIRS), NAMES), normalize=normalize).double()


class Counted(Covariance):
    """Counts the entries that another covariance function evaluates."""

    def __init__(self, inner: Covariance) -> None:
        super().__init__(inner.normalize)
        self.inner, self.count = inner, 0
        self.points, self.prior, self.paired = inner.points, inner.prior, inner.paired

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        entries = self.inner(one, other)
        self.count += entries.numel()
        return entries

    points = prior = paired = None  # those of the other


def mixed(same: str, own: Tensor) -> Tensor:
    """Return four batches of rows: some of them, all or none shared."""
    common = rows(5)
    between = [common[:2].expand(4, 2, -1), own[:, :1], common[2:].expand(4, 3, -1), own[:, 1:]]
    return {"some": torch.cat(between, dim=1), "all": common.expand(4, 5, -1), "none": own}[same]


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("same", ["some", "all", "none"])
@pytest.mark.parametrize("side", ["train", "self"])
def test_each_restart_gets_its_own_entries_and_gradients(side: str, same: str, normalize: bool, base: str) -> None:
    made = None if base == "rbf" else ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=len(NAMES)))
    kernel = averaged(made, normalize)
    kernel.fix()
    own = rows(8, seed=1).view(4, 2, -1).requires_grad_()
    x = mixed(same, own)
    y = x if side == "self" else rows(6, seed=2).expand(4, 6, -1)
    weights = torch.rand(4, x.shape[1], y.shape[1], generator=torch.Generator().manual_seed(2), dtype=torch.double)
    wanted = torch.stack([kernel(a, b).to_dense() for a, b in zip(x, y)])
    kernel(rows(5), rows(6, seed=2)).to_dense()  # where the constants become known
    for time in ("with a gradient", "without", "from what is kept"):
        with torch.set_grad_enabled(time != "without"):
            found = kernel(x, y).to_dense()
        assert torch.allclose(found, wanted, rtol=0, atol=1e-13 if base == "rbf" else 1e-8), time
        if same != "all" and time != "without":
            sums = (found * weights).sum(), (wanted * weights).sum()
            ours, theirs = (torch.autograd.grad(value, own, retain_graph=True)[0] for value in sums)
            assert torch.allclose(ours, theirs, rtol=0, atol=1e-11 if base == "rbf" else 1e-7), time


@pytest.mark.parametrize("side", ["train", "self"])
def test_what_they_share_is_evaluated_once_and_kept(side: str) -> None:
    covariance = Counted(averaged()._covariance({}))
    x = mixed("some", rows(8, seed=1).view(4, 2, -1))
    y, shared = (x, 5) if side == "self" else (rows(6, seed=2).expand(4, 6, -1), 6)
    constants, counts = Constants(), []
    for number in range(4):
        if number == 1:
            constants.learn(rows(5))
            constants.learn(rows(6, seed=2))
        covariance.count = 0
        over_restarts(covariance, x, y, constants)
        counts.append(covariance.count)
    of_own = 4 * 2 * (shared + 2)
    assert counts == [5 * shared + of_own, 5 * shared + of_own, of_own, of_own]


def test_other_shared_rows_are_not_taken_for_kept_ones() -> None:
    kernel = averaged()
    kernel.fix()
    with torch.no_grad():
        for seed in (0, 1, 2, 1):
            kernel(rows(3, seed)).to_dense()
            x = rows(3, seed).expand(4, 3, -1)
            assert torch.allclose(kernel(x, x).to_dense()[1], kernel(rows(3, seed)).to_dense(), atol=1e-14)


def test_nothing_is_kept_while_the_kernel_may_change() -> None:
    kernel = averaged()
    x = rows(3).expand(4, 3, -1)
    before = kernel(x, x).to_dense()
    kernel.base_kernel.outputscale = 7.0
    assert not torch.allclose(kernel(x, x).to_dense(), before)
    kernel(x, x).to_dense().sum().backward()
    assert all(p.grad is not None for p in kernel.parameters())


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("normalize", [False, True])
def test_gradients_of_hyperparameters(normalize: bool, base: str) -> None:
    kernel = averaged(None if base == "rbf" else ScaleKernel(MaternKernel(ard_num_dims=len(NAMES))), normalize)
    x = mixed("some", rows(8, seed=1).view(4, 2, -1))
    parameters = tuple(kernel.parameters())
    for y in (x, rows(6, seed=2).expand(4, 6, -1)):
        weights = torch.rand(4, x.shape[1], y.shape[1], generator=torch.Generator().manual_seed(2), dtype=torch.double)
        alone = torch.stack([kernel(a, b).to_dense() for a, b in zip(x, y)])
        wanted = torch.autograd.grad((alone * weights).sum(), parameters)
        found = torch.autograd.grad((kernel(x, y).to_dense() * weights).sum(), parameters)
        assert all(torch.allclose(f, w, atol=1e-8) for f, w in zip(found, wanted))


@pytest.mark.parametrize("limit", [0, 2**21])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_model_predicts_the_same_for_all_restarts_at_once(
    monkeypatch: pytest.MonkeyPatch, normalize: bool, limit: int
) -> None:
    """Its covariances may be evaluated together, training rows included, or one block after the other."""
    monkeypatch.setattr("ax_symmetry.averaged.AT_ONCE", limit)
    x, variance = rows(6), torch.full((6, 1), 0.1).double()
    model = SingleTaskGP(x, x.sum(-1, keepdim=True), variance, covar_module=averaged(normalize=normalize))
    model.double().eval()
    candidates = torch.cat([x[:2].expand(4, 2, -1), rows(4, seed=1).view(4, 1, -1)], dim=1).requires_grad_()
    alone = [model.posterior(one) for one in candidates]
    wanted = torch.stack([p.mean.sum() + p.distribution.covariance_matrix.sum() for p in alone])
    wanted_gradient = torch.autograd.grad(wanted.sum(), candidates)[0]
    model.covar_module.fix()
    for _ in range(2):
        together = model.posterior(candidates)
        found = together.mean.sum(dim=(-2, -1)) + together.distribution.covariance_matrix.sum(dim=(-2, -1))
        assert torch.allclose(found, wanted, rtol=1e-10)
        gradient = torch.autograd.grad(found.sum(), candidates)[0]
        assert torch.allclose(gradient[:, 2:], wanted_gradient[:, 2:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("place", ["new", "measured"])
@pytest.mark.parametrize("q", [1, 2])
def test_variables_that_meet_keep_their_gradient(q: int, place: str) -> None:
    """As candidates of all restarts in a corner, perhaps a measured one, with a second candidate that differs."""
    kernel = averaged(RBFKernel())
    kernel.fix()
    train = rows(4, seed=1)
    kernel(train, train).to_dense()
    start = (rows(1) if place == "new" else train[:1]).expand(3, 1, -1).clone().requires_grad_()
    alone = start[:1, 0].detach().clone().requires_grad_()
    kernel(alone, train).to_dense().sum().backward()
    with torch.no_grad():  # as a search looks for where to start
        x = torch.cat([train[:2].expand(5, 2, -1), rows(5 * q, seed=3).view(5, q, len(NAMES))], dim=1)
        kernel(x, train.expand(5, 4, -1)).to_dense()
    for again in range(2):
        start.grad = None
        x = torch.cat([train[:2].expand(3, 2, -1), start, rows(3 * q - 3, seed=4).view(3, q - 1, len(NAMES))], dim=1)
        with torch.no_grad():  # as it evaluates where it ended
            kernel(x, train.expand(3, 4, -1)).to_dense()
        kernel(x, train.expand(3, 4, -1)).to_dense()[:, :3].sum().backward()
        assert torch.allclose(start.grad, alone.grad.expand(3, 1, -1), atol=1e-13)
