"""The average over a group of a Gaussian of the distance, which is a product over the columns.

The average over a direct product of groups is then the product of the averages over its factors, each of them over the
columns that it moves; and over the symmetric group on m blocks it is a permanent of m x m entries (see `permanents`),
m 2^m operations for m!. Mirrors inside of the blocks, independent of each other, only change the entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial, prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ax_symmetry.orbits import Action, Factor
from ax_symmetry.permanents import permanent

CHUNK = 2**24
"""How many numbers a tensor of images holds: 128 MiB of doubles."""

FEW = 24
"""Up to this order the sum over all elements takes less time than permanents."""


@dataclass(frozen=True)
class Sum:
    """An average over elements that are written out.

    Attributes:
        columns: The k columns that they move.
        images: Their F images, as points: `F x k`.
    """

    columns: Tensor
    images: Tensor

    def __call__(self, points: Tensor, rows: Tensor) -> Tensor:
        """Evaluate the average; see `gaussian_average`."""
        return _MeanGaussian.apply(points, rows, self.images, self.columns)


@dataclass(frozen=True)
class Permanent:
    """An average over all permutations of m blocks of w columns, and over mirrors.

    Attributes:
        blocks: The columns of the blocks, `m x w`.
        images: For each of K elements that mirror F images of the blocks, as points: `K x m x F x w`. The F are
            averaged in the entries of one permanent, the K are permanents of their own.
        rest: Other columns, `r`, that the K elements move.
        rest_images: Their points, `K x r`.
    """

    blocks: Tensor
    images: Tensor
    rest: Tensor
    rest_images: Tensor

    def __call__(self, points: Tensor, rows: Tensor) -> Tensor:
        """Evaluate the average; see `gaussian_average`."""
        matrices = _MeanGaussian.apply(points, rows, self.images, self.blocks)  # K x m x m x ... x n x n'
        average = permanent(matrices.movedim(0, 2)) / factorial(len(self.blocks))
        if len(self.rest):
            average = average * _MeanGaussian.apply(points, rows, self.rest_images.unsqueeze(-2), self.rest)
        return average.mean(dim=0)


def gaussian_average(parts: Sequence[Sum | Permanent], points: Tensor, rows: Tensor) -> Tensor:
    """Average exp(-|g x - x'|^2 / 2) over the elements g of a group.

    Args:
        parts: The group, see `parts_of`.
        points: Points of rows x, `... x n x 2 d` (or `d` if the group does not mirror), divided by their lengthscales.
            The images are made of these; let them be the fewer.
        rows: Rows x' `... x n' x d`, likewise; they may be followed by further points.

    Returns:
        Entries `... x n x n'`; once differentiable.
    """
    if points.shape[:-2] != rows.shape[:-2]:
        batch = torch.broadcast_shapes(points.shape[:-2], rows.shape[:-2])
        points, rows = points.expand(*batch, -1, -1), rows.expand(*batch, -1, -1)
    average = parts[0](points, rows)
    for part in parts[1:]:
        average = average * part(points, rows)
    return average


def parts_of(action: Action) -> list[Sum | Permanent]:
    """Split the group into parts whose averages multiply; columns that it leaves alone are a part as well."""
    moved = {c for factor in action.factors for c in factor.columns}
    fixed = torch.tensor([c for c in range(action.width) if c not in moved])
    parts = [part for factor in action.factors for part in _parts(action, factor)]
    return [*parts, Sum(fixed, fixed[None])] if len(fixed) else parts


def _parts(action: Action, factor: Factor) -> Iterator[Sum | Permanent]:
    columns, k = torch.tensor(factor.columns), len(factor.columns)
    if not factor.blocks or factor.order <= FEW:
        yield Sum(columns, torch.from_numpy(action.widen(factor, factor.elements)))
        return
    blocks = np.asarray(factor.blocks)
    rest = np.setdiff1d(np.arange(k), blocks)
    flips = factor.cosets >= k
    inside, outside = [np.unique(flips[:, block], axis=0) for block in blocks], np.unique(flips[:, rest], axis=0)
    if prod(map(len, inside)) * len(outside) == len(flips):  # every block is mirrored for itself
        flipped = columns[blocks] + action.width * torch.from_numpy(inside[0])[:, None]
        yield Permanent(columns[blocks], flipped.movedim(0, 1)[None], columns[:0], columns[None, :0])
        if len(rest):
            yield Sum(columns[rest], columns[rest] + action.width * torch.from_numpy(outside))
    else:
        images = torch.from_numpy(action.widen(factor, factor.cosets))
        yield Permanent(columns[blocks], images[:, blocks].unsqueeze(2), columns[rest], images[:, rest])


def in_chunks(images: Tensor, numbers: int) -> tuple[Tensor, ...]:
    """Split images `... x F x w`, each of which needs some numbers, such that a chunk does not need too many."""
    return images.split(max(1, CHUNK // max(1, numbers)), dim=-2)


class _MeanGaussian(torch.autograd.Function):
    """exp(-|a - b|^2 / 2), averaged over F images of some columns of the first rows.

    Of points `... x n x P` and rows `... x n' x d`, with images `I... x F x w` (points) and columns `J... x w`: entries
    `I... x J... x ... x n x n'`. One node in the graph, as in a search the overhead of nodes is what takes the time.
    Images that are too many to be held at once are evaluated in chunks, and again for the gradient.
    """

    @staticmethod
    def forward(ctx: Any, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
        images, columns = images.to(points.device), columns.to(rows.device)
        b = rows.index_select(-1, columns.flatten()).unflatten(-1, (-1, columns.shape[-1])).movedim(-2, 0).unsqueeze(0)
        numbers = max(b.shape[:-1].numel() * points.shape[-2], points.shape[:-1].numel() * b.shape[-1])
        chunks = in_chunks(images, images.shape[:-2].numel() * numbers)
        if len(chunks) == 1:
            ctx.known = _terms(points, b, images)
            terms = ctx.known[1]
            mean = terms.squeeze(-2).clone() if terms.shape[-2] == 1 else terms.mean(dim=-2)
        else:
            ctx.known = None
            mean = sum(_terms(points, b, chunk)[1].sum(dim=-2) for chunk in chunks) / images.shape[-2]
        ctx.chunks = chunks
        ctx.save_for_backward(points, rows, b, columns)
        return mean.view(*images.shape[:-2], *columns.shape[:-1], *mean.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        points, rows, b, columns = ctx.saved_tensors
        of_points = torch.zeros_like(points) if ctx.needs_input_grad[0] else None
        of_rows = torch.zeros_like(rows) if ctx.needs_input_grad[1] else None
        first, count = ctx.chunks[0].shape[:-2].numel(), sum(chunk.shape[-2] for chunk in ctx.chunks)
        gradient = gradient.reshape(first, *b.shape[1:-2], points.shape[-2], 1, rows.shape[-2]) / count
        for chunk in ctx.chunks:
            a, terms = ctx.known or _terms(points, b, chunk)
            weights = (terms * gradient).flatten(-3, -2)  # I x J x ... x n F x n'
            if of_points is not None:
                of_a = (weights @ b).sum(dim=1) - a.squeeze(1) * weights.sum(dim=(1, -1)).unsqueeze(-1)
                of_a = of_a.unflatten(-2, (-1, chunk.shape[-2])).movedim(0, -3).flatten(-3)
                of_points.index_add_(-1, chunk.flatten(), of_a)
            if of_rows is not None:
                of_b = (weights.mT @ a).sum(dim=0) - b.squeeze(0) * weights.sum(dim=(0, -2)).unsqueeze(-1)
                of_rows.index_add_(-1, columns.flatten(), of_b.movedim(0, -2).flatten(-2))
        return of_points, of_rows, None, None


def _terms(points: Tensor, b: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images `I x 1 x ... x n F x w` of points, and their Gaussians `I x J x ... x n x F x n'`."""
    f, w = images.shape[-2:]
    a = points.index_select(-1, images.flatten()).unflatten(-1, (-1, f, w))  # ... x n x I x F x w
    a = a.movedim(-3, 0).flatten(-3, -2).unsqueeze(1)
    # The faster way of `cdist`, by a matrix product, would lose digits.
    terms = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square_().div_(-2).exp_()
    return a, terms.unflatten(-2, (points.shape[-2], f))
