"""Rows that meet themselves: each pair once gives the entries and gradients of all pairs.

One-line bugs that turn this file red: pairs numbered in another order on the way back; a pair's gradient given to one
of its rows alone; blocks of the left rows taken for those of the right; the mean over mirrors left out.
"""

from __future__ import annotations

from itertools import permutations, product
from math import factorial

import pytest
import torch
from ax_symmetry.kernels.block_product import BlockProduct
from ax_symmetry.kernels.group_average import Entries, PermanentAverage
from ax_symmetry.kernels.pairs import to_matrices, upper_triangle
from ax_symmetry.kernels.stationary import gaussian, matern
from gpytorch.kernels import RBFKernel

BLOCKS = torch.arange(8).view(4, 2)
MIRRORED = BLOCKS + 9  # of a point of nine columns and then their mirror images


def averages(kind: str) -> PermanentAverage:
    """Four blocks of two columns that trade places; the ninth column moves with joint mirrors."""
    none, rest = BLOCKS[:0, 0], torch.tensor([8])
    if kind == "each mirrored":
        return PermanentAverage(BLOCKS, torch.stack([BLOCKS, MIRRORED], dim=1)[None], none, none[None])
    if kind == "mirrored together":
        images = torch.stack([BLOCKS, MIRRORED]).unsqueeze(2)
        return PermanentAverage(BLOCKS, images, rest, torch.tensor([[8], [17]]))
    return PermanentAverage(BLOCKS, BLOCKS[None, :, None], none, none[None])


def profile(name: str) -> Entries:
    return {"gaussian": gaussian, "matern": matern, "of blocks": BlockProduct(RBFKernel().double().forward, 9)}[name]


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("kind", ["permuted", "each mirrored", "mirrored together"])
@pytest.mark.parametrize("name", ["gaussian", "matern", "of blocks"])
def test_each_pair_once_is_all_pairs(name: str, kind: str, batch: tuple[int, ...]) -> None:
    average, generator = averages(kind), torch.Generator().manual_seed(3)
    x = torch.randn(*batch, 5, 9, dtype=torch.double, generator=generator).requires_grad_()
    points = torch.cat([x, -x], dim=-1)
    weights = torch.randn(*batch, 5, 5, dtype=torch.double, generator=generator)
    found, wanted = (average(profile(name), points, points, symmetric) for symmetric in (True, False))
    assert torch.allclose(found, wanted, rtol=1e-13, atol=0)
    gradients = [torch.autograd.grad((entries * weights).sum(), x, retain_graph=True)[0] for entries in (found, wanted)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-13)


def test_the_average_is_that_over_all_permutations() -> None:
    x = torch.randn(4, 8, dtype=torch.double, generator=torch.Generator().manual_seed(4))
    none = BLOCKS[:0, 0]
    found = PermanentAverage(BLOCKS, BLOCKS[None, :, None], none, none[None])(gaussian, x, x, symmetric=True)
    for i, j in product(range(4), range(4)):
        images = torch.stack([x[i].view(4, 2)[list(order)].flatten() for order in permutations(range(4))])
        wanted = (-((images - x[j]) ** 2).sum(dim=-1) / 2).exp().sum() / factorial(4)
        assert found[i, j] == pytest.approx(float(wanted), rel=1e-13)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_there_and_back(n: int) -> None:
    entries = torch.rand(3, n, n)
    entries = entries + entries.mT
    half = entries.flatten(-2)[..., upper_triangle(n, "cpu")]
    assert half.shape == (3, n * (n + 1) // 2) and torch.equal(to_matrices(half, n), entries)
