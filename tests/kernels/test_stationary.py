"""The product of Matern kernels, averaged over a group, against sums over the group's elements found by brute force.

One-line bugs that turn this file red: sqrt(3) for sqrt(5); a Matern kernel of all blocks at once; leave out the columns
that no element moves; take the mean of every chunk of images for its sum; hold all images at once; one lengthscale of a
class for that of another.
"""

from __future__ import annotations

from typing import Any

import ax_symmetry.kernels.chunks
import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from ax_symmetry.kernels import ProductMaternKernel
from gpytorch.kernels import MaternKernel
from test_averaged import CASES, NAMES, Largest, images, rows

Sets = list[list[str]]
PAIRED = [[f"a{k}", f"b{k}"] for k in range(5)]
A, B = [f"a{k}" for k in range(5)], [f"b{k}" for k in range(5)]
# Which columns one Matern kernel sees, in every case: a block each, or all that elements move together, or none moves.
SETS: dict[str, Sets] = {
    "S_3 on pairs": [*PAIRED[:3], ["a3", "b3", "a4", "b4", "z"]],
    "S_5 on pairs": [*PAIRED, ["z"]],
    "S_5 on pairs, one swapped": [*PAIRED, ["z"]],
    "C_5": [A + B, ["z"]],
    "D_4": [A[:4] + B[:4], ["a4", "b4", "z"]],
    "A_5": [A, [*B, "z"]],
    "a generator": [A, [*B, "z"]],
    "mirrors": [["a0"], ["b1"], ["b0", "a1", *A[2:], *B[2:], "z"]],
    "joint mirror": [["a0", "b1", "z"], ["b0", "a1", *A[2:], *B[2:]]],
    "signed permutations": [*([a] for a in A[:4]), ["a4", *B, "z"]],
    "mirrored slot": [*PAIRED[:3], ["z"], ["a3", "b3", "a4", "b4"]],
    "all flip together": [*([a] for a in A), [*B, "z"]],
    "one flips with z": [*([a] for a in A[:4]), ["z"], ["a4", *B]],
    "both slots flip": [*PAIRED[:3], ["a3", "b3", "a4", "b4", "z"]],
    "S_4 x S_3": [*([a] for a in A[:4]), *([b] for b in B[:3]), ["a4", "b3", "b4", "z"]],
}


def kernel_of(case: str, normalize: bool = False) -> ColumnInvariantKernel:
    """Make the kernel with a lengthscale of its own for every class of columns."""
    action = action_on_features(Symmetry.from_config(CASES[case]), NAMES)
    kernel = ColumnInvariantKernel(action, "matern", normalize).double()
    lengthscales = np.random.default_rng(5).uniform(0.3, 1.2, len(NAMES))
    kernel.base_kernel.lengthscale = torch.from_numpy(lengthscales[action.class_index])
    return kernel


def product(x: np.ndarray, y: np.ndarray, sets: Sets, lengthscales: np.ndarray) -> np.ndarray:
    """Multiply Matern-5/2 kernels of the distances in some columns, `... x d` and `... x d`."""
    entries = np.ones(np.broadcast_shapes(x.shape[:-1], y.shape[:-1]))
    for own in sets:
        columns = [NAMES.index(name) for name in own]
        squared = (((x - y) / lengthscales)[..., columns] ** 2).sum(axis=-1)
        entries *= (1 + np.sqrt(5 * squared) + 5 * squared / 3) * np.exp(-np.sqrt(5 * squared))
    return entries


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_mean_over_all_images(case: str, normalize: bool) -> None:
    kernel, x, y = kernel_of(case, normalize), rows(4), rows(3, seed=1)
    x[1] = y[2]
    lengthscales = kernel.base_kernel.lengthscale.detach().numpy()[0]

    def mean(one: torch.Tensor, other: torch.Tensor) -> np.ndarray:
        of_other = images(CASES[case], other.numpy())
        return product(one.numpy()[:, None, None], of_other[None], SETS[case], lengthscales).mean(axis=-1)

    wanted = mean(x, y)
    if normalize:
        wanted = wanted / np.sqrt(mean(x, x).diagonal()[:, None] * mean(y, y).diagonal())
    with torch.no_grad():
        np.testing.assert_allclose(kernel(x, y).to_dense(), wanted, rtol=1e-10)
        np.testing.assert_allclose(kernel(x, diag=True), 1.0 if normalize else mean(x, x).diagonal(), rtol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_gradients(case: str) -> None:
    kernel = kernel_of(case, normalize=True)
    x, y = rows(2).requires_grad_(), rows(2, seed=1).requires_grad_()
    parameters = [*kernel.parameters()]
    torch.autograd.gradcheck(lambda x, y, *_: kernel(x, y).to_dense(), (x, y, *parameters), fast_mode=True)
    torch.autograd.gradcheck(lambda x: kernel(x).to_dense(), (x,), fast_mode=True)  # rows meet themselves


@pytest.mark.parametrize("case", ["S_5 on pairs", "one flips with z", "A_5"])
def test_its_base_alone(case: str) -> None:
    base, x, y = kernel_of(case).base_kernel, rows(4), rows(4, seed=1)
    assert isinstance(base, ProductMaternKernel)
    assert {frozenset(NAMES[j] for j in own) for own in base.sets} == {frozenset(own) for own in SETS[case]}
    lengthscales = base.lengthscale.detach().numpy()[0]
    wanted = product(x.numpy()[:, None], y.numpy()[None], SETS[case], lengthscales)
    with torch.no_grad():
        np.testing.assert_allclose(base(x, y).to_dense(), wanted, rtol=1e-10)
        np.testing.assert_allclose(base(x, y, diag=True), wanted.diagonal(), rtol=1e-10)


def test_one_set_is_the_matern_kernel_of_all_columns() -> None:
    x, y = rows(5), rows(4, seed=1)
    ours, theirs = ProductMaternKernel([[*range(11)]]).double(), MaternKernel(nu=2.5, ard_num_dims=11).double()
    ours.lengthscale = theirs.lengthscale = torch.linspace(0.3, 1.2, 11)
    np.testing.assert_allclose(ours(x, y).to_dense().detach(), theirs(x, y).to_dense().detach(), rtol=1e-9)


def test_a_batch_of_lengthscales() -> None:
    """As in a model of several outcomes."""
    action = action_on_features(Symmetry.from_config(CASES["S_5 on pairs"]), NAMES)
    both = ColumnInvariantKernel(action, "matern", batch_shape=torch.Size([2])).double()
    both.base_kernel.lengthscale = torch.tensor([0.3, 0.7]).double().view(2, 1, 1).expand(2, 1, len(NAMES))
    x = rows(4)
    for number, lengthscale in enumerate((0.3, 0.7)):
        alone = ColumnInvariantKernel(action, "matern").double()
        alone.base_kernel.lengthscale = lengthscale
        wanted = alone(x).to_dense().detach()
        np.testing.assert_allclose(both(x.expand(2, 4, -1)).to_dense()[number].detach(), wanted, rtol=1e-9)
        np.testing.assert_allclose(both(x.expand(3, 2, 4, -1), diag=True)[0, number].detach(), 1.0, rtol=1e-9)


@pytest.mark.parametrize("case", ["A_5", "mirrors", "D_4"])
def test_images_are_evaluated_in_chunks(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same entries and gradients, while no tensor is much larger than a chunk."""
    kernel, found = kernel_of(case), []
    for chunk in (2**24, 2 * 24 * 18):
        monkeypatch.setattr(ax_symmetry.kernels.chunks, "CHUNK", chunk)
        x, y = rows(24).requires_grad_(), rows(18, seed=1).requires_grad_()
        with Largest() as largest:
            entries = kernel(x, y).to_dense()
            gradients = torch.autograd.grad((entries * torch.arange(18).cos()).sum(), [x, y, *kernel.parameters()])
        found.append([entries.detach(), *gradients])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)
    assert largest.numbers <= 2 * chunk


@pytest.mark.parametrize("device", ["meta", *(["cuda"] if torch.cuda.is_available() else [])])
@pytest.mark.parametrize("case", CASES)
def test_other_devices(case: str, device: str) -> None:
    kernel = kernel_of(case, normalize=True)
    wanted = kernel(rows(4), rows(3, seed=1)).to_dense().detach()
    kernel.to(device)
    x, y = rows(4).to(device).requires_grad_(), rows(3, seed=1).to(device)
    entries: Any = kernel(x, y).to_dense()
    (entries.sum() + kernel(x, diag=True).sum()).backward()
    assert entries.device.type == x.grad.device.type == device
    assert entries.shape == wanted.shape
    if device != "meta":
        np.testing.assert_allclose(entries.detach().cpu(), wanted, rtol=1e-9, atol=1e-12)
