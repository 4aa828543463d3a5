"""Invariant kernels: a base kernel, averaged over a group."""

from __future__ import annotations

from typing import Any

import torch
from gpytorch.kernels import Kernel
from linear_operator import to_dense
from torch import Tensor


class AveragedKernel(Kernel):
    """k_G, the covariance of a random function that is averaged over a group: k_G(g x, h x') = k_G(x, x').

    For a jointly invariant base kernel, k(g x, g x') = k(x, x'), it is 1/|G| sum over g of k(x, g x'), |G| entries of
    the base kernel for each of its own. Any other base kernel must be averaged on both sides, 1/|G|^2 sum over g and h
    of k(g x, h x') (Haasdonk and Burkhardt, "Invariant kernel functions for pattern analysis and machine learning",
    Machine Learning 2007).

    Args:
        base_kernel: The kernel k.
        action: Returns the images `... x n x |G| x d` of rows `... x n x d`.
        inputs: Transforms rows before the base kernel sees them.
        both_sides: Average on both sides.
    """

    def __init__(
        self,
        base_kernel: Kernel,
        action: torch.nn.Module,
        inputs: torch.nn.Module | None = None,
        both_sides: bool = False,
    ) -> None:
        super().__init__()
        self.base_kernel, self.action, self.inputs, self.both_sides = base_kernel, action, inputs, both_sides

    @property
    def is_stationary(self) -> bool:
        return False

    def forward(
        self, x1: Tensor, x2: Tensor, diag: bool = False, last_dim_is_batch: bool = False, **params: Any
    ) -> Tensor:
        images = self.action(x2)
        a, b = images.shape[-2] if self.both_sides else 1, images.shape[-2]
        left = self.action(x1).flatten(-3, -2) if self.both_sides else x1
        if diag:
            left = left.repeat_interleave(b, dim=-2)
            images = images.repeat_interleave(a, dim=-3) if self.both_sides else images
        right = images.flatten(-3, -2)
        if self.inputs is not None:
            left, right = self.inputs(left), self.inputs(right)
        if self.base_kernel.active_dims is not None:
            left, right = (x.index_select(-1, self.base_kernel.active_dims) for x in (left, right))
        entries = to_dense(self.base_kernel.forward(left, right, diag=diag, **params))
        if diag:
            return entries.unflatten(-1, (-1, a * b)).mean(dim=-1)
        entries = entries.unflatten(-1, (-1, b)).mean(dim=-1)
        return entries.unflatten(-2, (-1, a)).mean(dim=-2) if self.both_sides else entries
