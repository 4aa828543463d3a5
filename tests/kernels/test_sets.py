"""Kernels of sets of blocks, against their definition written out, and what follows from it.

One-line bugs that turn this file red: the inner product of a set with itself of the other row; weights of one side
alone; a block's number of times counted in the distance twice; Matern-3/2; the lengthscale of another column; what
stands for nothing at another place in a model's columns; another column for the amount.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, SymmetryError
from ax_symmetry.kernels import InvariantKernel
from ax_symmetry.kernels.base_kernels import default_base
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.sets import SetKernel
from botorch.models import SingleTaskGP
from botorch.models.transforms import Normalize
from support import number_of_cases

WEIGHTED = {"mixture": {"absent": {"w1": 0.0}}, "embedding": {}}


def config(m: int, kind: str = "mixture") -> dict[str, Any]:
    """Declare m blocks of an amount and two features, and one column z beside them."""
    return {"blocks": [[f"w{k}", f"p{k}", f"q{k}"] for k in range(1, m + 1)], **WEIGHTED[kind]}


def names(m: int) -> list[str]:
    return [name for block in config(m)["blocks"] for name in block] + ["z"]


def kernel(m: int, kind: str, **options: Any) -> InvariantKernel:
    """Make a kernel with a lengthscale of its own for each slot."""
    made = InvariantKernel(config(m, kind), names(m), kind, **options).double()
    made.base_kernel.lengthscale = torch.tensor([*(0.7, 0.4, 1.1) * m, 0.6], dtype=torch.double)
    return made


def rows(m: int, n: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 3 * m + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def by_definition(x: np.ndarray, y: np.ndarray, m: int, kind: str, spread: float) -> float:
    """Evaluate the kernel of two rows, sum by sum."""
    def inner(one: np.ndarray, other: np.ndarray) -> float:
        total = 0.0
        for w, p, q in one[:-1].reshape(m, 3):
            for v, r, s in other[:-1].reshape(m, 3):
                if kind == "mixture":
                    total += w * v / 0.7**2 * np.exp(-((p - r) / 0.4) ** 2 / 2 - ((q - s) / 1.1) ** 2 / 2)
                else:
                    parts = ((w - v) / 0.7) ** 2 + ((p - r) / 0.4) ** 2 + ((q - s) / 1.1) ** 2
                    total += np.exp(-parts / 2) / spread**2
        return total

    squared = inner(x, x) + inner(y, y) - 2 * inner(x, y) + ((x[-1] - y[-1]) / 0.6) ** 2
    r = np.sqrt(5 * max(squared, 0.0))
    return float((1 + r + r**2 / 3) * np.exp(-r))


@pytest.mark.parametrize("m", [2, 3, 5])
@pytest.mark.parametrize("kind", WEIGHTED)
def test_it_is_its_definition(kind: str, m: int) -> None:
    made, x, y = kernel(m, kind), rows(m, 4), rows(m, 3, seed=1)
    y[0, :3], y[1] = x[0, :3], x[1]
    spread = 1.0 if kind == "mixture" else float(made.base_kernel.spread.detach())
    assert kind == "mixture" or spread == pytest.approx(m**0.5)  # to begin with
    with torch.no_grad():
        found = made(x, y).to_dense().numpy()
        np.testing.assert_allclose(made(x[:3], y, diag=True), found[:3].diagonal(), rtol=1e-12)
    wanted = [[by_definition(a, b, m, kind, spread) for b in y.numpy()] for a in x.numpy()]
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


@pytest.mark.parametrize("m", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", WEIGHTED)
def test_all_orders_are_one_point(kind: str, m: int) -> None:
    made, x = kernel(m, kind), rows(m)
    with torch.no_grad():
        wanted = made(x).to_dense()
        for order in permutations(range(m)):
            columns = torch.tensor([3 * k + j for k in order for j in range(3)] + [3 * m])
            np.testing.assert_allclose(made(x[:, columns], x).to_dense(), wanted, atol=1e-12)


def test_what_is_absent_changes_nothing_and_equal_blocks_are_one() -> None:
    made, x = kernel(3, "mixture"), rows(3)
    x[:, 0] = 0.0
    other = x.clone()
    other[:, 1:3] = rows(3, seed=5)[:, 1:3]  # inert
    merged, halves = x.clone(), x.clone()
    halves[:, 1:3] = halves[:, 4:6]
    merged[:, 3] = x[:, 3]
    halves[:, 0], halves[:, 3] = 0.3 * x[:, 3], 0.7 * x[:, 3]
    with torch.no_grad():
        wanted = made(x).to_dense()
        assert torch.equal(made(other, x).to_dense(), wanted)
        np.testing.assert_allclose(made(halves, merged).to_dense(), wanted, atol=1e-12)


@pytest.mark.parametrize("kind", WEIGHTED)
def test_it_is_positive_semidefinite(kind: str) -> None:
    """On random designs that hold rows twice, in another order, and with blocks that are absent or alike."""
    columns = torch.tensor([3, 4, 5, 0, 1, 2, 6, 7, 8, 9])
    for seed in range(number_of_cases(200)):
        x = rows(3, 12, seed)
        x[6:9], x[9:] = x[:3][:, columns], x[3:6]
        x[:4, 0] = 0.0
        x[4, 3:6] = x[4, :3]
        made = kernel(3, kind)
        with torch.no_grad():
            made.base_kernel.lengthscale = made.base_kernel.lengthscale * 10.0 ** (seed % 5 - 2)
            values = torch.linalg.eigvalsh(made(x).to_dense())
        assert values[0] > -1e-12 * values[-1]


@pytest.mark.parametrize("kind", WEIGHTED)
def test_gradients(kind: str) -> None:
    made = kernel(3, kind)
    x, y = rows(3, 3).requires_grad_(), rows(3, 2, seed=1).requires_grad_()
    parameters = [*made.parameters()]
    assert len(parameters) == (1 if kind == "mixture" else 2)
    torch.autograd.gradcheck(lambda x, y, *_: made(x, y).to_dense(), (x, y, *parameters), fast_mode=True)
    torch.autograd.gradcheck(lambda x: made(x).to_dense(), (x,), fast_mode=True)  # rows meet themselves


@pytest.mark.parametrize("kind", WEIGHTED)
def test_a_batch_of_lengthscales(kind: str) -> None:
    """As in a model of several outcomes."""
    both, x = kernel(3, kind, batch_shape=torch.Size([2])), rows(3)
    both.base_kernel.lengthscale = torch.stack([torch.full((1, 10), v, dtype=torch.double) for v in (0.3, 0.8)])
    with torch.no_grad():
        for found, value in zip(both(x).to_dense(), (0.3, 0.8)):
            alone = kernel(3, kind)
            alone.base_kernel.lengthscale = torch.full((1, 10), value, dtype=torch.double)
            np.testing.assert_allclose(found, alone(x).to_dense(), rtol=1e-12)


@pytest.mark.parametrize("kind", WEIGHTED)
def test_in_a_model_that_scales_its_inputs(kind: str) -> None:
    """An amount of 0 is nothing, whatever number BoTorch makes of it."""
    x = 2.0 + 8.0 * rows(3, 9)
    x[:3, 0] = x[3:5, 3] = 0.0
    y = x.sum(dim=-1, keepdim=True).sin()
    covariance = InvariantKernel(config(3, kind), names(3), kind)
    model = SingleTaskGP(x, y, torch.full_like(y, 0.01), covar_module=covariance, input_transform=Normalize(10)).eval()
    twin, other = x[:, [3, 4, 5, 6, 7, 8, 0, 1, 2, 9]], x.clone()
    other[:3, 1:3] = 7.5
    with torch.no_grad():
        wanted = model.posterior(x + 0.0).mean
        np.testing.assert_allclose(model.posterior(twin).mean, wanted, rtol=1e-9)
        if kind == "mixture":
            np.testing.assert_allclose(model.posterior(other).mean, wanted, rtol=1e-9)


def test_two_sets_and_an_implied_share() -> None:
    """Shares that sum to 1, of which the model does not see the last; and other blocks beside them."""
    declared = {"symmetries": [
        {"blocks": [["s1", "p1"], ["s2", "p2"], ["s3", "p3"]]}, {"blocks": [["a"], ["b"]]},
        {"simplex": {"parameters": ["s1", "s2", "s3"]}},
    ]}
    columns = ["s1", "p1", "s2", "p2", "p3", "a", "b"]
    action = action_on_features(Symmetry.from_config(declared), columns).for_kernel()
    with pytest.raises(SymmetryError, match="one slot of each block that says how much"):
        default_base(action, name="mixture")  # a and b have none
    made = InvariantKernel(declared, columns, "embedding").double()
    assert isinstance(made.base_kernel, SetKernel) and len(made.base_kernel.sets) == 2
    x = 0.4 * torch.rand(5, 7, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    third = 1 - x[:, 0] - x[:, 2]
    twin = torch.stack([third, x[:, 4], x[:, 0], x[:, 1], x[:, 3], x[:, 6], x[:, 5]], dim=-1)
    with torch.no_grad():
        np.testing.assert_allclose(made(twin, x).to_dense(), made(x).to_dense(), atol=1e-12)
