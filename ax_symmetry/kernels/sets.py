"""Kernels of sets of blocks: they compare all blocks of two rows at once, in whatever order these are written down.

The permanent of m blocks takes m 2^m operations, a kernel of their sets m^2. It is invariant by itself: no average is
taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from gpytorch.constraints import Interval, Positive
from gpytorch.kernels import Kernel
from gpytorch.priors import LogNormalPrior
from torch import Tensor
from torch.autograd.function import once_differentiable

from ax_symmetry.kernels.stationary import gaussian


@dataclass(frozen=True)
class BlockSet:
    """The columns of m blocks that trade places in every way.

    Attributes:
        features: The w columns of each block, `m x w`.
        weights: The column of each block that says how much of it there is, `m`; empty if each counts once.
        zeros: What stands in these columns for nothing, `m`.
    """

    features: tuple[tuple[int, ...], ...]
    weights: tuple[int, ...] = ()
    zeros: tuple[float, ...] = ()


class SetKernel(Kernel):
    r"""The Matern-5/2 kernel of the distance between sets of blocks, and between the other columns.

    .. math::
        k(x, x') = k_{5/2}(r), \qquad
        r^2 = \sum_S \lVert \mu_S(x) - \mu_S(x') \rVert^2 + \sum_{j \notin S} (x_j - x'_j)^2 / \ell_j^2, \qquad
        \mu_S(x) = \sum_{b \in S} w_b(x) \, \varphi(b(x))

    where the inner product of two blocks' features is a Gaussian kernel, and a block's weight its amount, or one. So r
    is a distance in a Hilbert space, that of mean embeddings (Smola et al., "A Hilbert space embedding for
    distributions", ALT 2007), and the kernel is positive semidefinite. With amounts a block of none changes nothing,
    and two equal blocks are one of their joint amount, exactly. Cost per entry: m^2.

    Args:
        sets: The sets of blocks; of their columns each is in one.
        width: The number D of columns.
        batch_shape: The batch shape of the lengthscales.
        lengthscale_constraint: Bounds of the lengthscales `1 x D`: of blocks' features in their Gaussian kernel, of
            amounts, and of other columns.
    """

    has_lengthscale = True

    def __init__(
        self,
        sets: Sequence[BlockSet],
        width: int,
        batch_shape: torch.Size | None = None,
        lengthscale_constraint: Interval | None = None,
    ) -> None:
        super().__init__(width, batch_shape or torch.Size(), lengthscale_constraint=lengthscale_constraint)
        self.sets, self.width = tuple(sets), width
        counted = [len(one.features) for one in self.sets if not one.weights]
        if counted:  # the distance of m blocks without amounts is about sqrt(m)
            self.register_parameter("raw_spread", torch.nn.Parameter(torch.zeros(*self.batch_shape, 1, len(counted))))
            self.register_constraint("raw_spread", Positive(transform=torch.exp, inv_transform=torch.log))
            self.register_prior("spread_prior", LogNormalPrior(0.0, 1.0), partial(_relative_spread, counted))
            self.initialize(raw_spread=0.5 * torch.tensor(counted).log())

    @property
    def spread(self) -> Tensor:
        """By what the distances of sets without amounts are divided, `... x 1 x s`."""
        return self.raw_spread_constraint.transform(self.raw_spread)

    @cached_property
    def others(self) -> Tensor:
        """The columns in no set."""
        taken = {column for one in self.sets for block in (*one.features, one.weights) for column in block}
        return torch.tensor([column for column in range(self.width) if column not in taken], dtype=torch.long)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        one, other = (self.prepared(x, self.lengthscale) for x in (x1, x2))
        if diag:
            return self.entries(one.unsqueeze(-2), other.unsqueeze(-2))[..., 0, 0]
        return self.entries(one, other)

    def prepared(self, x: Tensor, lengthscale: Tensor) -> Tensor:
        """Return rows `... x n x D` scaled, with weights, and with the inner product of each set with itself."""
        scaled, parts, counted = x / lengthscale, [], 0
        for one in self.sets:
            features = scaled[..., torch.tensor(one.features).flatten()]
            if one.weights:
                columns = torch.tensor(one.weights)
                weights = (x[..., columns] - x.new_tensor(one.zeros)) / lengthscale[..., columns]
            else:
                weights = (1 / self.spread[..., counted, None]).expand(*scaled.shape[:-1], len(one.features))
                counted += 1
            blocks = features.unflatten(-1, (len(one.features), -1))
            inner = weights.unsqueeze(-1) * _similarity(blocks, blocks) * weights.unsqueeze(-2)
            parts += [features, weights, inner.sum(dim=(-2, -1)).unsqueeze(-1)]
        return torch.cat([*parts, scaled[..., self.others]], dim=-1)

    def entries(self, one: Tensor, other: Tensor) -> Tensor:
        """Evaluate the kernel of prepared rows `... x n x P` and `... x n' x P`."""
        squared, start = one.new_zeros(()), 0
        for blocks in self.sets:
            m, w = len(blocks.features), len(blocks.features[0])
            sizes = m * w, m, 1
            parts = (x[..., start:start + sum(sizes)].split(sizes, dim=-1) for x in (one, other))
            (f1, w1, own1), (f2, w2, own2) = parts
            f1, f2 = (f.unflatten(-1, (m, w)).flatten(-3, -2) for f in (f1, f2))  # ... x n m x w
            inner = _similarity(f1, f2).unflatten(-1, (-1, m)) * w2.unsqueeze(-3)  # ... x n m x n' x m
            inner = inner.sum(dim=-1).unflatten(-2, (-1, m)) * w1.unsqueeze(-1)
            squared = squared + own1 + own2.mT - 2 * inner.sum(dim=-2)
            start += sum(sizes)
        if len(self.others):
            squared = squared + (one[..., start:].unsqueeze(-2) - other[..., start:].unsqueeze(-3)).square().sum(dim=-1)
        return _MaternOfSquare.apply(squared.clamp_min(0.0))


def _relative_spread(counted: Sequence[int], kernel: Any) -> Tensor:
    """Return the spread of sets of m blocks, divided by sqrt(m)."""
    return kernel.spread / kernel.spread.new_tensor(counted).sqrt()


def _similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the Gaussian kernel of scaled features `... x a x w` and `... x b x w`."""
    columns = torch.arange(one.shape[-1])
    return gaussian(one, other, columns[None], columns)


class _MaternOfSquare(torch.autograd.Function):
    """The Matern-5/2 kernel of squared distances, whose derivative by them is finite everywhere."""

    @staticmethod
    def forward(ctx: Any, squared: Tensor) -> Tensor:
        s = (5 * squared).sqrt()
        decay = s.neg().exp()
        ctx.save_for_backward((1 + s) * decay * (-5 / 6))
        return (1 + s + s.square() / 3) * decay

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slopes,) = ctx.saved_tensors
        return slopes * gradient
