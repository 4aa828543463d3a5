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
from ax_symmetry.kernels.pairs import upper_triangle


def gaussian(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor, symmetric: bool = False) -> Tensor:
    """Evaluate exp(-r^2 / 2) of rows that are divided by their lengthscales.

    Args and returns as of `group_average.Entries`.
    """
    return _mean(_gaussian, points, rows, images, columns, symmetric)


def matern(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor, symmetric: bool = False) -> Tensor:
    """Evaluate the Matern-5/2 kernel (1 + s + s^2 / 3) exp(-s), s = sqrt(5) r, likewise."""
    return _mean(_matern, points, rows, images, columns, symmetric)


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
        values, slopes = profile(_distances(a, b))
        ctx.save_for_backward(a, b, slopes)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b, slopes = ctx.saved_tensors
        return None, *_by_both(slopes * gradient, a, b, ctx.needs_input_grad[1:])


class _OfPairs(torch.autograd.Function):
    """The same for K rows each that n rows have on the left, and J on the right, of each pair of the n once.

    Of rows `... x n K x w` and `... x n J x w`: `... x K x J x n (n + 1) / 2`.
    """

    @staticmethod
    def forward(ctx: Any, profile: Profile, a: Tensor, b: Tensor, n: int) -> Tensor:
        ctx.n, all_pairs = n, _distances(a, b).unflatten(-1, (n, -1)).unflatten(-3, (n, -1))
        both = all_pairs.movedim((-4, -2), (-2, -1)).flatten(-2)
        values, slopes = profile(both.index_select(-1, upper_triangle(n, str(a.device))))
        ctx.save_for_backward(a, b, slopes)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b, slopes = ctx.saved_tensors
        n, weights = ctx.n, slopes * gradient
        both = weights.new_zeros(*weights.shape[:-1], n * n)
        both.index_copy_(-1, upper_triangle(n, str(a.device)), weights)
        all_pairs = both.unflatten(-1, (n, n)).movedim((-2, -1), (-4, -2))
        return None, *_by_both(all_pairs.flatten(-4, -3).flatten(-2), a, b, ctx.needs_input_grad[1:3]), None


def _distances(a: Tensor, b: Tensor) -> Tensor:
    # The faster way of `cdist`, by a matrix product, would lose digits.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _by_both(
    weights: Tensor, a: Tensor, b: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients by the rows on either side, if they are wanted, of entries weighted `... x n x n'`."""
    return (_by_rows(weights, a, b) if wanted[0] else None), (_by_rows(weights.mT, b, a) if wanted[1] else None)


def _by_rows(weights: Tensor, rows: Tensor, others: Tensor) -> Tensor:
    """Return the sums of weights `... x n x n'` times the differences of other rows `... x n' x w` from rows."""
    return (weights @ others - weights.sum(dim=-1, keepdim=True) * rows).sum_to_size(rows.shape)


def _mean(
    profile: Profile, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor, symmetric: bool
) -> Tensor:
    """Average a function of the distance over the F images; if they are too many to be held at once, in chunks."""
    images, columns = images.to(points.device), columns.to(rows.device)
    batch = points.shape[:-2]
    if rows.shape[:-2] != batch:
        batch = torch.broadcast_shapes(batch, rows.shape[:-2])
        points, rows = points.expand(*batch, -1, -1), rows.expand(*batch, -1, -1)
    n, w, count = points.shape[-2], columns.shape[-1], images.shape[-2]
    of_points, of_rows = images.shape[:-2], columns.shape[:-1]  # I... and J...
    b = rows.index_select(-1, columns.flatten()).unflatten(-1, (-1, w)).flatten(-3, -2)  # ... x n' J x w

    def mean(chunk: Tensor) -> Tensor:
        a = points.index_select(-1, chunk.flatten()).unflatten(-1, (-1, w)).flatten(-3, -2)  # ... x n I f x w
        sizes = of_points.numel(), chunk.shape[-2]
        if symmetric:
            values = _OfPairs.apply(profile, a, b, n).unflatten(-3, sizes)  # ... x I x f x J x pairs
            places = -3, -2
        else:
            values = _OfDistance.apply(profile, a, b).unflatten(-1, (-1, of_rows.numel()))
            values, places = values.unflatten(-3, (n, *sizes)), (-3, -1)  # ... x n x I x f x n' x J
        total = (values.squeeze(-3) if count == 1 else values.sum(dim=-3) / count).movedim(places, (0, 1))
        return total.reshape(*of_points, *of_rows, *total.shape[2:])

    pairs = max(of_rows.numel() * n * rows.shape[-2], n * w)
    return sum_over_images(mean, images, of_points.numel() * batch.numel() * pairs)
