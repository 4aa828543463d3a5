"""Kernels of the distance r of scaled rows, averaged over images: the Gaussian and the Matern-5/2 kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from torch import Tensor
from torch.autograd.function import once_differentiable

from ax_symmetry.kernels.chunks import sum_over_images


def gaussian(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate exp(-r^2 / 2) of rows that are divided by their lengthscales.

    Args and returns as of `group_average.Entries`.
    """
    return _mean(_gaussian, points, rows, images, columns)


def matern(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate the Matern-5/2 kernel (1 + s + s^2 / 3) exp(-s), s = sqrt(5) r, likewise."""
    return _mean(_matern, points, rows, images, columns)


class ProductMaternKernel(Kernel):
    r"""A product of Matern-5/2 kernels, one for each of some sets of columns.

    .. math::
        k(x, x') = \prod_S k_{5/2}(\lVert (x_S - x'_S) / \ell_S \rVert)

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


Profile = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function f of distances r, which may be overwritten: f(r), and -f'(r) / r."""


def _gaussian(r: Tensor) -> tuple[Tensor, Tensor]:
    values = r.square_().div_(-2).exp_()
    return values, values


def _matern(r: Tensor) -> tuple[Tensor, Tensor]:
    s = r.mul_(5**0.5)
    decay, linear = s.neg().exp_(), 1 + s
    slopes = (linear * decay).mul_(5 / 3)
    return s.square_().div_(3).add_(linear).mul_(decay), slopes


class _OfDistance(torch.autograd.Function):
    """f(r) for the distances r of rows `... x n x w` and `... x n' x w`: `... x n x n'`.

    By a row its gradient is f'(r) / r times the difference of the rows: nothing is divided by a distance, which may be
    0, and a number for each entry is all that is kept.
    """

    @staticmethod
    def forward(ctx: Any, profile: Profile, a: Tensor, b: Tensor) -> Tensor:
        # The faster way of `cdist`, by a matrix product, would lose digits.
        values, slopes = profile(torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"))
        ctx.save_for_backward(a, b, slopes)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        a, b, slopes = ctx.saved_tensors
        weights = slopes * gradient
        _, of_a, of_b = ctx.needs_input_grad
        return None, _by_rows(weights, a, b) if of_a else None, _by_rows(weights.mT, b, a) if of_b else None


def _by_rows(weights: Tensor, rows: Tensor, others: Tensor) -> Tensor:
    """Return the sums of weights `... x n x n'` times the differences of other rows `... x n' x w` from rows."""
    return (weights @ others - weights.sum(dim=-1, keepdim=True) * rows).sum_to_size(rows.shape)


def _mean(
    profile: Profile, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor
) -> Tensor:
    """Average a function of the distance over the F images; if they are too many to be held at once, in chunks."""
    images, columns = images.to(points.device), columns.to(rows.device)
    batch = points.shape[:-2]
    if rows.shape[:-2] != batch:
        batch = torch.broadcast_shapes(batch, rows.shape[:-2])
        points, rows = points.expand(*batch, -1, -1), rows.expand(*batch, -1, -1)
    n, w, count = points.shape[-2], columns.shape[-1], images.shape[-2]
    b = rows.index_select(-1, columns.flatten()).unflatten(-1, (-1, w)).movedim(-2, 0)  # J x ... x n' x w

    def mean(chunk: Tensor) -> Tensor:
        a = points.index_select(-1, chunk.flatten()).unflatten(-1, (-1, *chunk.shape[-2:]))  # ... x n x I x f x w
        a = a.movedim(-3, 0).flatten(-3, -2).unsqueeze(1)  # I x 1 x ... x n f x w
        values = _OfDistance.apply(profile, a, b)
        total = values if count == 1 else values.unflatten(-2, (n, chunk.shape[-2])).sum(dim=-2) / count
        return total.view(*images.shape[:-2], *columns.shape[:-1], *total.shape[2:])  # I... x J... x ... x n x n'

    pairs = max(columns.shape[:-1].numel() * n * rows.shape[-2], n * w)
    return sum_over_images(mean, images, images.shape[:-2].numel() * batch.numel() * pairs)
