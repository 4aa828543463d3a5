"""Kernels of the distance r of scaled rows, averaged over images: the Gaussian and the Matern-5/2 kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from torch import Tensor
from torch.autograd.function import once_differentiable

from ax_symmetry.kernels.chunks import sum_over_images

Profile = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function k of the distance r; returns k(r) and -k'(r) / r, which is finite at r = 0."""


def gaussian(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate exp(-r^2 / 2) of rows that are divided by their lengthscales; once differentiable.

    Args and returns as of `group_average.Entries`.
    """
    return _mean(_gaussian, points, rows, images, columns)


def matern(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate the Matern-5/2 kernel (1 + s + s^2 / 3) exp(-s), s = sqrt(5) r, likewise."""
    return _mean(_matern, points, rows, images, columns)


class ProductMaternKernel(Kernel):
    """A product of Matern-5/2 kernels, one for each of some sets of columns.

    .. math::
        k(x, x') = \\prod_S k_{5/2}(\\lVert (x_S - x'_S) / \\ell_S \\rVert)

    The average of a Matern kernel of all columns over the permutations of m blocks has m! terms, as that kernel is no
    product over the blocks. With a factor for each block the average is a permanent. Functions drawn from either are
    twice differentiable.

    Args:
        sets: The sets of columns; every column is in one of them.
        batch_shape: The batch shape of the lengthscales.
        lengthscale_constraint: Bounds of the lengthscales `1 x d`.
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
        self.sets = tuple(tuple(columns) for columns in sets)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        one, other = x1 / self.lengthscale, x2 / self.lengthscale
        if diag:
            one, other = one.unsqueeze(-2), other.unsqueeze(-2)
        of_sets = (matern(one, other, columns[None], columns) for columns in map(torch.tensor, self.sets))
        entries = prod(of_sets, start=one.new_ones(()))
        return entries[..., 0, 0] if diag else entries


def _gaussian(r: Tensor) -> tuple[Tensor, Tensor]:
    values = r.square().div_(-2).exp_()
    return values, values


def _matern(r: Tensor) -> tuple[Tensor, Tensor]:
    s = r * 5**0.5
    decay = s.neg().exp_()
    slopes = (1 + s) * decay
    return slopes + s.square_().mul_(decay).div_(3), slopes.mul(5 / 3)


def _mean(profile: Profile, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Average over the F images; if they are too many to be held at once, in chunks."""
    images, columns = images.to(points.device), columns.to(rows.device)
    batch = torch.broadcast_shapes(points.shape[:-2], rows.shape[:-2])
    if points.shape[:-2] != rows.shape[:-2]:
        points, rows = points.expand(*batch, -1, -1), rows.expand(*batch, -1, -1)
    n, w = points.shape[-2], columns.shape[-1]
    numbers = max(columns.shape[:-1].numel() * n * rows.shape[-2], n * w)
    mean = partial(_Mean.apply, profile, points, rows, columns, images.shape[-2])
    return sum_over_images(mean, images, images.shape[:-2].numel() * batch.numel() * numbers)


class _Mean(torch.autograd.Function):
    """Sum k(|a - b|) over images a of each point, and divide by their count.

    The gradient by a is k'(r) (a - b) / r = w (b - a), w = -k'(r) / r; summed over all b, it is w @ b - (sum of w) a.
    That matrix product, in one node of the graph, takes less time than the gradient of `cdist`.
    """

    @staticmethod
    def forward(
        ctx: Any, profile: Profile, points: Tensor, rows: Tensor, columns: Tensor, count: int, images: Tensor
    ) -> Tensor:
        n, (f, w) = points.shape[-2], images.shape[-2:]
        a = points.index_select(-1, images.flatten()).unflatten(-1, (-1, f, w))  # ... x n x I x F x w
        a = a.movedim(-3, 0).flatten(-3, -2).unsqueeze(1)  # I x 1 x ... x n F x w
        b = rows.index_select(-1, columns.flatten()).unflatten(-1, (-1, w)).movedim(-2, 0).unsqueeze(0)
        # The faster way of `cdist`, by a matrix product, would lose digits.
        values, weights = profile(torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"))
        ctx.widths, ctx.count = (points.shape[-1], rows.shape[-1]), count
        ctx.save_for_backward(a, b, weights, columns, images)  # weights: I x J x ... x n F x n'
        mean = values.clone() if count == 1 else values.unflatten(-2, (n, f)).sum(dim=-2) / count
        return mean.view(*images.shape[:-2], *columns.shape[:-1], *mean.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b, weights, columns, images = ctx.saved_tensors
        shape = gradient.shape[-2], images.shape[-2]  # n, F
        gradient = gradient.reshape(*weights.shape[:-2], shape[0], 1, gradient.shape[-1]) / ctx.count
        weights = (weights.unflatten(-2, shape) * gradient).flatten(-3, -2)
        of_points = of_rows = None
        if ctx.needs_input_grad[1]:
            of_a = (weights @ b).sum(dim=1) - a.squeeze(1) * weights.sum(dim=(1, -1)).unsqueeze(-1)
            of_a = of_a.unflatten(-2, shape).movedim(0, -3).flatten(-3)  # ... x n x I F w
            of_points = a.new_zeros(*of_a.shape[:-1], ctx.widths[0]).index_add_(-1, images.flatten(), of_a)
        if ctx.needs_input_grad[2]:
            of_b = (weights.mT @ a).sum(dim=0) - b.squeeze(0) * weights.sum(dim=(0, -2)).unsqueeze(-1)
            of_b = of_b.movedim(0, -2).flatten(-2)  # ... x n' x J w
            of_rows = b.new_zeros(*of_b.shape[:-1], ctx.widths[1]).index_add_(-1, columns.flatten(), of_b)
        return None, of_points, of_rows, None, None, None
