"""Covariances of batches of rows, some of which are the same in all of them, against each batch alone.

One-line bugs that turn this file red: scale the entries of one side alone; take the scaling of one batch for those of
all; broadcast batches of rows with the list of blocks; make the prior variance a number on the CPU.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.covariance import scale_entries
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel, ScaleKernel
from torch import Tensor

NAMES = ["a0", "b0", "a1", "b1", "a2", "b2", "z"]
PAIRS = {"blocks": [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]}


def rows(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(NAMES))))


def averaged(base: Kernel | None = None, normalize: bool = False) -> AveragedKernel:
    base = ScaleKernel(RBFKernel(ard_num_dims=len(NAMES))) if base is None else base
    return AveragedKernel(base, action_on_features(Symmetry.from_config(PAIRS), NAMES), normalize=normalize).double()


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
    kernel.freeze()
    own = rows(8, seed=1).view(4, 2, -1).requires_grad_()
    x = mixed(same, own)
    y = x if side == "self" else rows(6, seed=2).expand(4, 6, -1)
    weights = torch.rand(4, x.shape[1], y.shape[1], generator=torch.Generator().manual_seed(2), dtype=torch.double)
    wanted = torch.stack([kernel(a, b).to_dense() for a, b in zip(x, y)])
    found = kernel(x, y).to_dense()
    assert torch.allclose(found, wanted, rtol=0, atol=1e-13 if base == "rbf" else 1e-8)
    if same != "all":
        sums = (found * weights).sum(), (wanted * weights).sum()
        ours, theirs = (torch.autograd.grad(value, own, retain_graph=True)[0] for value in sums)
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-11 if base == "rbf" else 1e-7)


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


@pytest.mark.parametrize("base", ["rbf", "matern", "product of maternes"])
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_rows_without_a_batch_are_those_of_every_batch(batch: int, base: str) -> None:
    """Also where there are as many batches as blocks (three), or as sets of columns."""
    kernel: AveragedKernel = averaged(None if base == "rbf" else MaternKernel(ard_num_dims=len(NAMES)))
    if base == "product of maternes":
        kernel = ColumnInvariantKernel(kernel.action, "matern").double()
    x, y = rows(4 * batch).unflatten(0, (batch, 4)), rows(6, seed=1)
    with torch.no_grad():
        wanted = torch.stack([kernel(one, y).to_dense() for one in x])
        assert torch.allclose(kernel.forward(x, y), wanted, rtol=0, atol=1e-8 if base == "matern" else 1e-13)
        assert torch.allclose(kernel.forward(y, x), wanted.mT, rtol=0, atol=1e-8 if base == "matern" else 1e-13)


def test_variables_that_coincide_keep_a_gradient() -> None:
    kernel = averaged(RBFKernel())
    start = rows(1).expand(3, 1, -1).clone().requires_grad_()
    train = rows(4, seed=1).expand(3, 4, -1)
    kernel(start, train).to_dense().sum().backward()
    alone = rows(1).requires_grad_()
    kernel(alone, train[0]).to_dense().sum().backward()
    assert torch.allclose(start.grad, alone.grad.expand(3, 1, -1), atol=1e-13)


def test_they_stay_on_their_device() -> None:
    """The device "meta" takes all operations but those with tensors of another device."""
    covariance = averaged(RBFKernel(ard_num_dims=len(NAMES)), normalize=True).to("meta").covariance()
    own, shared = (covariance.prepare(rows(n).to("meta")) for n in (2, 5))
    entries = scale_entries(covariance(own, shared), covariance.row_scaling(own), covariance.row_scaling(shared))
    assert entries.device.type == "meta" and entries.shape == (2, 5)
