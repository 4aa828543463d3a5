"""Kernels of the distance, averaged over images: Gaussians, which are products over the columns, and Matern kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 2**24
"""How many numbers a tensor of images holds: 128 MiB of doubles."""


Profile = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function of the distance r; returns its values and -1 / r times their derivatives."""


def gaussian(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate exp(-r^2 / 2), r = |a - b|, for rows that are divided by their lengthscales; once differentiable.

    Args and returns as `parts.Entries` says.
    """
    return _mean(_gaussian, points, rows, images, columns)


def matern(points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """Evaluate the Matern-5/2 kernel (1 + s + s^2 / 3) exp(-s), s = sqrt(5) r, likewise."""
    return _mean(_matern, points, rows, images, columns)


def _gaussian(r: Tensor) -> tuple[Tensor, Tensor]:
    values = r.square().div_(-2).exp_()
    return values, values


def _matern(r: Tensor) -> tuple[Tensor, Tensor]:
    s = r * 5**0.5
    decay = s.neg().exp_()
    slopes = (1 + s) * decay
    return slopes + s.square_().mul_(decay).div_(3), slopes.mul(5 / 3)


def _mean(profile: Profile, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    if points.shape[:-2] != rows.shape[:-2]:
        batch = torch.broadcast_shapes(points.shape[:-2], rows.shape[:-2])
        points, rows = points.expand(*batch, -1, -1), rows.expand(*batch, -1, -1)
    return _MeanRadial.apply(profile, points, rows, images, columns)


def in_chunks(images: Tensor, numbers: int) -> tuple[Tensor, ...]:
    """Split images `... x F x w`, each of which needs some numbers, such that a chunk does not need too many."""
    return images.split(max(1, CHUNK // max(1, numbers)), dim=-2)


class _MeanRadial(torch.autograd.Function):
    """One node in the graph, as in a search the overhead of nodes is what takes the time.

    Images that are too many to be held at once are evaluated in chunks, and again for the gradient.
    """

    @staticmethod
    def forward(ctx: Any, profile: Profile, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
        images, columns = images.to(points.device), columns.to(rows.device)
        b = rows.index_select(-1, columns.flatten()).unflatten(-1, (-1, columns.shape[-1])).movedim(-2, 0).unsqueeze(0)
        numbers = max(b.shape[:-1].numel() * points.shape[-2], points.shape[:-1].numel() * b.shape[-1])
        chunks = in_chunks(images, images.shape[:-2].numel() * numbers)
        if len(chunks) == 1:
            a, terms, slopes = _terms(profile, points, b, images)
            ctx.known = a, slopes
            mean = terms.squeeze(-2).clone() if terms.shape[-2] == 1 else terms.mean(dim=-2)
        else:
            ctx.known = None
            totals = [_terms(profile, points, b, chunk)[1].sum(dim=-2) for chunk in chunks]
            mean = sum(totals[1:], start=totals[0]) / images.shape[-2]
        ctx.profile, ctx.chunks = profile, chunks
        ctx.save_for_backward(points, rows, b, columns)
        return mean.view(*images.shape[:-2], *columns.shape[:-1], *mean.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        points, rows, b, columns = ctx.saved_tensors
        of_points = torch.zeros_like(points) if ctx.needs_input_grad[1] else None
        of_rows = torch.zeros_like(rows) if ctx.needs_input_grad[2] else None
        first, count = ctx.chunks[0].shape[:-2].numel(), sum(chunk.shape[-2] for chunk in ctx.chunks)
        gradient = gradient.reshape(first, *b.shape[1:-2], points.shape[-2], 1, rows.shape[-2]) / count
        for chunk in ctx.chunks:
            a, slopes = ctx.known or _terms(ctx.profile, points, b, chunk)[::2]
            weights = (slopes * gradient).flatten(-3, -2)  # I x J x ... x n F x n'
            if of_points is not None:
                of_a = (weights @ b).sum(dim=1) - a.squeeze(1) * weights.sum(dim=(1, -1)).unsqueeze(-1)
                of_a = of_a.unflatten(-2, (-1, chunk.shape[-2])).movedim(0, -3).flatten(-3)
                of_points.index_add_(-1, chunk.flatten(), of_a)
            if of_rows is not None:
                of_b = (weights.mT @ a).sum(dim=0) - b.squeeze(0) * weights.sum(dim=(0, -2)).unsqueeze(-1)
                of_rows.index_add_(-1, columns.flatten(), of_b.movedim(0, -2).flatten(-2))
        return None, of_points, of_rows, None, None


def _terms(profile: Profile, points: Tensor, b: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return images `I x 1 x ... x n F x w` of points, and their values and slopes `I x J x ... x n x F x n'`."""
    f, w = images.shape[-2:]
    a = points.index_select(-1, images.flatten()).unflatten(-1, (-1, f, w))  # ... x n x I x F x w
    a = a.movedim(-3, 0).flatten(-3, -2).unsqueeze(1)
    # The faster way of `cdist`, by a matrix product, would lose digits.
    values, slopes = profile(torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"))
    shape = points.shape[-2], f
    return a, values.unflatten(-2, shape), slopes.unflatten(-2, shape)
