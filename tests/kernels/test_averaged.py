"""Averaged kernels, against sums over the group's elements found by brute force.

One-line bugs that turn this file red: divide by (m - 1)!; average over the inverse elements of a mirrored block only;
take flips of one block for those of all; drop the columns that no element moves; leave lengthscales apart; take the
mean of every chunk of images for its sum; hold all images at once; leave the group's elements on the processor; take a
sum for a product; put a block's columns where another block's are; forget k(0, 0); lose one of two output scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import ax_symmetry.kernels.chunks
import brute_force
import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels import ProductMaternKernel
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.block_product import is_block_product
from ax_symmetry.kernels.feature_action import action_on_features
from botorch.models.kernels import CategoricalKernel
from gpytorch.kernels import AdditiveKernel, Kernel, MaternKernel, PeriodicKernel, ProductKernel, RBFKernel, ScaleKernel
from torch.utils._python_dispatch import TorchDispatchMode

NAMES = [f"{letter}{k}" for k in range(5) for letter in "ab"] + ["z"]
PAIRS = [[f"a{k}", f"b{k}"] for k in range(5)]
SINGLES = [[f"a{k}"] for k in range(5)]
CASES: dict[str, dict[str, Any]] = {
    "S_3 on pairs": {"blocks": PAIRS[:3]},
    "S_5 on pairs": {"blocks": PAIRS},
    "S_5 on pairs, one swapped": {"blocks": [*PAIRS[:4], ["b4", "a4"]]},
    "C_5": {"blocks": PAIRS, "group": "cyclic"},
    "D_4": {"blocks": PAIRS[:4], "group": "dihedral"},
    "A_5": {"blocks": SINGLES, "group": "alternating"},
    "a generator": {"blocks": SINGLES, "group": [[1, 2, 0, 4, 3]]},
    "mirrors": {"mirror": [{"a0": 0.5}, {"b1": 0.25}]},
    "joint mirror": {"mirror": {"a0": 0.5, "b1": 0.25, "z": 0.0}},
    "signed permutations": {"blocks": SINGLES[:4], "mirror": {"a0": 0.5}},
    "mirrored slot": {"blocks": PAIRS[:3], "mirror": [{"b0": 0.5}, {"z": 1.0}]},
    "all flip together": {"blocks": SINGLES, "mirror": {f"a{k}": 0.5 for k in range(5)}},
    "one flips with z": {"blocks": SINGLES[:4], "mirror": {"a0": 0.5, "z": 0.5}},
    "both slots flip": {"blocks": PAIRS[:3], "mirror": {"a0": 0.5, "b0": 0.5}},
    "S_4 x S_3": {"symmetries": [{"blocks": SINGLES[:4]}, {"blocks": [["b0"], ["b1"], ["b2"]]}]},
}


def kernels() -> dict[str, Kernel]:
    """Return base kernels, some of which are products over the columns, with lengthscales of their own."""
    made = {
        "rbf": RBFKernel(ard_num_dims=len(NAMES)),
        "one lengthscale": RBFKernel(),
        "scaled": ScaleKernel(RBFKernel(ard_num_dims=len(NAMES))),
        "scaled twice": ScaleKernel(ScaleKernel(RBFKernel(ard_num_dims=len(NAMES)))),
        "matern": ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=len(NAMES))),
        "product": RBFKernel(ard_num_dims=len(NAMES)) * ScaleKernel(RBFKernel()),
        "mixed": AdditiveKernel(ProductKernel(RBFKernel(), MaternKernel(nu=0.5)), ScaleKernel(RBFKernel())),
        "by columns": ScaleKernel(RBFKernel(active_dims=[*range(10)])) * ScaleKernel(RBFKernel(active_dims=[10])),
        "sum of columns": MaternKernel(active_dims=[*range(10)]) + ScaleKernel(RBFKernel(active_dims=[10])),
        "product with z": ScaleKernel(RBFKernel(active_dims=[*range(10)])) * MaternKernel(active_dims=[10]),
        "categories": ScaleKernel(CategoricalKernel()) * RBFKernel(),
        "product of maternes": ProductKernel(*(MaternKernel(nu=1.5, active_dims=[j]) for j in range(11))),
    }
    for j, part in enumerate(made["product of maternes"].kernels):  # one lengthscale for the columns of a slot
        part.raw_lengthscale = made["product of maternes"].kernels[j % 2 if j < 10 else j].raw_lengthscale
    for kernel in made.values():
        kernel.double()
        for number, part in enumerate(kernel.modules()):
            if isinstance(part, ScaleKernel):
                part.outputscale = 1.7
            elif isinstance(part, Kernel) and part.has_lengthscale:
                part.lengthscale = 0.3 + 0.1 * number
    return made


def images(config: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    """Return all |G| images of every row, `n x |G| x d`."""
    centers = np.array([Symmetry.from_config(config).centers.get(n, 0.0) for n in NAMES])
    found = brute_force.closure(brute_force.generators(config, NAMES), len(NAMES))
    rows = []
    for element in sorted(found):
        source, sign = np.array([s for s, _ in element]), np.array([sign for _, sign in element])
        rows.append(np.where(sign > 0, x[:, source], (2 * centers - x)[:, source]))
    return np.stack(rows, axis=1)


def averaged(config: Mapping[str, Any], base: Kernel) -> AveragedKernel:
    return AveragedKernel(base, action_on_features(Symmetry.from_config(config), NAMES)).double()


def rows(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(NAMES))))


@pytest.mark.parametrize("base", kernels())
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_mean_over_all_images(case: str, base: str) -> None:
    if (case, base) == ("S_5 on pairs, one swapped", "product of maternes"):
        pytest.skip("there a slot's columns have other lengthscales")
    config, kernel = CASES[case], kernels()[base]
    x, y = rows(4), rows(3, seed=1)
    x[1] = y[2]
    of_y = images(config, y.numpy())
    assert of_y.shape[1] == Symmetry.from_config(config).order
    with torch.no_grad():
        each = kernel(x, torch.from_numpy(of_y).flatten(0, 1)).to_dense()
        found = averaged(config, kernel)(x, y).to_dense()
        diagonal = averaged(config, kernel)(x, diag=True)
        whole = averaged(config, kernel)(x).to_dense()
    # GPyTorch's own distance of equal rows is up to 1e-8
    own = 1e-8 if base in ("matern", "mixed", "sum of columns", "product with z", "product of maternes") else 1e-12
    np.testing.assert_allclose(found, each.unflatten(1, (3, -1)).mean(dim=-1), rtol=1e-9, atol=own)
    np.testing.assert_allclose(diagonal, whole.diagonal(), rtol=1e-9, atol=own)


@pytest.mark.parametrize("case", CASES)
def test_it_is_invariant_on_both_sides(case: str) -> None:
    x, y = rows(2), rows(2, seed=1)
    kernel = averaged(CASES[case], ScaleKernel(RBFKernel(ard_num_dims=len(NAMES))))
    with torch.no_grad():
        wanted = kernel(x, y).to_dense()
        of_x, of_y = (torch.from_numpy(images(CASES[case], z.numpy())) for z in (x, y))
        for k in range(0, Symmetry.from_config(CASES[case]).order, 7):
            np.testing.assert_allclose(kernel(of_x[:, k], y).to_dense(), wanted, rtol=0, atol=1e-12)
            np.testing.assert_allclose(kernel(x, of_y[:, k]).to_dense(), wanted, rtol=0, atol=1e-12)


def test_a_product_over_blocks_is_a_permanent() -> None:
    """Whatever its factors are; a sum, or a kernel of the whole distance, is none."""
    of_all, few = CASES["S_5 on pairs"], CASES["S_3 on pairs"]
    found = {name: averaged(of_all, kernel).is_block_product for name, kernel in kernels().items()}
    assert {name for name, is_one in found.items() if not is_one} == {"matern", "mixed", "sum of columns"}
    assert not averaged(few, kernels()["product of maternes"]).is_block_product  # the sum over six elements is faster


SETS = ([0, 1], [2, 3], [4])
PRODUCTS: dict[str, Kernel] = {
    "columns": CategoricalKernel(),
    "periodic": PeriodicKernel(),
    "one set": MaternKernel(active_dims=[2, 3]),
    "one column": ScaleKernel(MaternKernel(active_dims=[4])),
    "numbers and categories": RBFKernel(active_dims=[0, 2, 4]) * ScaleKernel(CategoricalKernel(active_dims=[1, 3])),
    "sets": MaternKernel(active_dims=[1, 0]) * ScaleKernel(MaternKernel(active_dims=[2, 3]) * RBFKernel()),
    "columns of columns": ScaleKernel(MaternKernel(active_dims=[1]) * RBFKernel(), active_dims=[3, 2]),
    "sums in a set": (MaternKernel() + RBFKernel() * PeriodicKernel(active_dims=[1])) * RBFKernel(),
    "product of Maternes": ProductMaternKernel([[1], [0], [3, 2], [4]]),
}
for part in PRODUCTS["sums in a set"].kernels[:1]:
    part.active_dims = torch.tensor([0, 1])
OTHERS: dict[str, Kernel] = {
    "whole distance": MaternKernel(),
    "two sets": MaternKernel(active_dims=[1, 2]),
    "a factor": RBFKernel() * MaternKernel(active_dims=[0, 4]),
    "sum": ScaleKernel(RBFKernel(active_dims=[0, 1]) + RBFKernel(active_dims=[2, 3])),
    "across": ProductMaternKernel([[0, 2], [1, 3], [4]]),
}


@pytest.mark.parametrize("name", [*PRODUCTS, *OTHERS])
def test_what_is_a_product_over_sets_of_columns(name: str) -> None:
    """What is said of the class, seen in numbers: the product of the kernels of the sets, zeros elsewhere."""
    kernel = {**PRODUCTS, **OTHERS}[name].double()
    x, y = (torch.from_numpy(np.random.default_rng(seed).random((4, 5))).mul(4).round() / 4 for seed in (0, 1))
    with torch.no_grad():
        origin, product = kernel(torch.zeros(1, 5).double()).to_dense(), torch.ones(4, 4).double()
        for columns in SETS:
            inside = torch.zeros(5).double().index_fill(0, torch.tensor(columns), 1.0)
            product = product * kernel(x * inside, y * inside).to_dense() / origin
        assert torch.allclose(product * origin, kernel(x, y).to_dense()) is (name in PRODUCTS)
    assert is_block_product(kernel, SETS, range(5)) is (name in PRODUCTS)


def test_a_product_over_more_blocks_than_can_be_written_out() -> None:
    names = [f"x{k}" for k in range(10)]
    product = ProductKernel(*(MaternKernel(nu=0.5, active_dims=[j]) for j in range(10))).double()
    for part in product.kernels:
        part.raw_lengthscale = product.kernels[0].raw_lengthscale
    kernel = AveragedKernel(product, action_on_features(Symmetry.permutation([[n] for n in names[:8]]), names)).double()
    x = np.random.default_rng(0).random((2, 10))
    far = np.abs(x[0, :, None] - x[1]) / product.kernels[0].lengthscale.item()
    orders = np.array([*permutations(range(8))])
    wanted = np.exp(-far[np.arange(8), orders].sum(axis=1)).mean() * np.exp(-far[8, 8] - far[9, 9])
    with torch.no_grad():
        np.testing.assert_allclose(kernel(torch.from_numpy(x)).to_dense()[0, 1], wanted, rtol=1e-9)


@pytest.mark.parametrize("base", ["rbf", "matern", "product of maternes"])
@pytest.mark.parametrize("case", CASES)
def test_gradients(case: str, base: str) -> None:
    kernel = averaged(CASES[case], kernels()[base])
    x, y = rows(2).requires_grad_(), rows(2, seed=1).requires_grad_()
    parameters = [p for p in kernel.parameters()]

    def entries(x: torch.Tensor, y: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        return kernel(x, y).to_dense()

    torch.autograd.gradcheck(entries, (x, y, *parameters), fast_mode=True)
    torch.autograd.gradcheck(lambda x: kernel(x, diag=True), (x,), fast_mode=True)


@pytest.mark.parametrize("base", ["rbf", "matern"])
def test_columns_that_trade_places_share_their_lengthscale(base: str) -> None:
    config, kernel = CASES["S_5 on pairs"], kernels()[base]
    part = next(part for part in kernel.modules() if part.has_lengthscale)
    lengthscales = np.random.default_rng(3).uniform(0.2, 0.8, len(NAMES))
    covariances = []
    means = [np.exp(np.log(lengthscales[slot:10:2]).mean()) for slot in (0, 1)] * 5 + [lengthscales[10]]
    for values in (lengthscales, means):
        part.lengthscale = torch.tensor(values)
        covariances.append(averaged(config, kernel)(rows(4)).to_dense().detach())
    np.testing.assert_allclose(*covariances, atol=1e-13)


def test_a_batch_of_lengthscales() -> None:
    """As in a model of several outcomes."""
    base = ScaleKernel(RBFKernel(ard_num_dims=len(NAMES), batch_shape=torch.Size([2])), batch_shape=torch.Size([2]))
    base.double()
    base.base_kernel.lengthscale = torch.tensor([0.3, 0.7]).double().view(2, 1, 1).expand(2, 1, len(NAMES))
    base.outputscale = torch.tensor([2.0, 3.0]).double()
    both = averaged(CASES["S_5 on pairs"], base)
    x = rows(4)
    for number, (lengthscale, scale) in enumerate([(0.3, 2.0), (0.7, 3.0)]):
        alone = RBFKernel().double()
        alone.lengthscale = lengthscale
        wanted = scale * averaged(CASES["S_5 on pairs"], alone)(x).to_dense()
        np.testing.assert_allclose(both(x.expand(2, 4, -1)).to_dense()[number].detach(), wanted.detach(), rtol=1e-9)
        np.testing.assert_allclose(
            both(x.expand(3, 2, 4, -1), diag=True)[0, number].detach(), wanted.diagonal().detach(), rtol=1e-9
        )


class Largest(TorchDispatchMode):
    """Finds the largest tensor that anything makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.untyped_storage().nbytes() // 8)
        return made


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("case", ["A_5", "mirrors", "S_4 x S_3"])
def test_images_are_evaluated_in_chunks(case: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same entries and gradients, while no tensor is much larger than a chunk."""
    kernel, found = averaged(CASES[case], kernels()[base]), []
    for chunk in (2**24, 2 * 24 * 18):
        monkeypatch.setattr(ax_symmetry.kernels.chunks, "CHUNK", chunk)
        x, y = rows(24).requires_grad_(), rows(18, seed=1).requires_grad_()
        with Largest() as largest:
            entries = kernel(x, y).to_dense()
            weighted = (entries * torch.arange(18).cos()).sum() + kernel(x, diag=True).sin().sum()
            gradients = torch.autograd.grad(weighted, [x, y, *kernel.parameters()])
        found.append([entries.detach(), *gradients])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)
    assert largest.numbers <= 2 * chunk


# "meta" takes all operations but those with tensors left on another device; GPyTorch's own distances need numbers.
DEVICES = [(base, "meta") for base in ("rbf", "scaled", "by columns")]
DEVICES += [(base, "cuda") for base in kernels()] if torch.cuda.is_available() else []


@pytest.mark.parametrize("base, device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_other_devices(case: str, base: str, device: str) -> None:
    kernel = averaged(CASES[case], kernels()[base])
    wanted = kernel(rows(4), rows(3, seed=1)).to_dense().detach()
    kernel.to(device)
    x, y = rows(4).to(device).requires_grad_(), rows(3, seed=1).to(device)
    entries, diagonal = kernel(x, y).to_dense(), kernel(x, diag=True)
    (entries.sum() + diagonal.sum()).backward()
    assert entries.device.type == diagonal.device.type == x.grad.device.type == device
    assert entries.shape == wanted.shape
    if device != "meta":
        np.testing.assert_allclose(entries.detach().cpu(), wanted, rtol=1e-9, atol=1e-12)
