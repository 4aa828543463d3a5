"""A product of Matern kernels, which is averaged over permutations of blocks as cheaply as a Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.kernels.stationary import matern


class ProductMaternKernel(Kernel):
    """A product of Matern-5/2 kernels, each of the distance in one set of the columns.

    A Matern kernel of the distance in all columns at once is no product over the blocks of a symmetry, so that its
    average over m interchangeable blocks takes m! terms. With one for each block the average is a permanent of them.
    Functions drawn from it are twice differentiable, as those of the Matern kernel of all columns.

    Args:
        sets: The sets, that together have every column once.
        batch_shape: The batch shape.
        lengthscale_constraint: Bounds of the lengthscales, `1 x d`.
    """

    has_lengthscale = True

    def __init__(
        self,
        sets: Sequence[Sequence[int]],
        batch_shape: torch.Size | None = None,
        lengthscale_constraint: Interval | None = None,
    ) -> None:
        width = sum(map(len, sets))
        super().__init__(width, batch_shape or torch.Size(), lengthscale_constraint=lengthscale_constraint)
        self.sets = tuple(tuple(own) for own in sets)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        one, other = x1 / self.lengthscale, x2 / self.lengthscale
        if diag:
            one, other = one.unsqueeze(-2), other.unsqueeze(-2)
        columns = (torch.tensor(own) for own in self.sets)
        entries = prod((matern(one, other, own[None], own) for own in columns), start=one.new_ones(()))
        return entries[..., 0, 0] if diag else entries
