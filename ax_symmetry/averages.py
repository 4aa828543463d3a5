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

    def __call__(self, z1: Tensor, z2: Tensor, diag: bool) -> Tensor:
        """Evaluate the average; see `gaussian_average`."""
        a = z1.index_select(-1, self.columns.to(z1.device))
        return _mean_gaussian(a, _gather(z2, self.images).movedim(0, -3), diag)


@dataclass(frozen=True)
class Permanent:
    """An average over all permutations of m blocks of w columns, and over mirrors.

    Attributes:
        blocks: The columns of the blocks, `m x w`.
        images: For each of K elements that mirror F images of the blocks, as points: `K x F x m x w`. The F are
            averaged in the entries of one permanent, the K are permanents of their own.
        rest: Other columns, `r`, that the K elements move.
        rest_images: Their points, `K x r`.
    """

    blocks: Tensor
    images: Tensor
    rest: Tensor
    rest_images: Tensor

    def __call__(self, z1: Tensor, z2: Tensor, diag: bool) -> Tensor:
        """Evaluate the average; see `gaussian_average`."""
        a = _gather(z1, self.blocks)[:, None, None]  # m x 1 x 1 x ... x n x w
        b = _gather(z2, self.images)  # K x F x m x ... x n' x w
        b = b.permute(2, 0, *range(3, z2.ndim + 1), 1, -2, -1)  # m x K x ... x F x n' x w
        average = permanent(_mean_gaussian(a, b[None], diag)) / factorial(len(a))
        if len(self.rest):
            one, other = z1.index_select(-1, self.rest.to(z1.device)), _gather(z2, self.rest_images)
            average = average * _mean_gaussian(one, other.unsqueeze(-3), diag)
        return average.mean(dim=0)


def gaussian_average(parts: Sequence[Sum | Permanent], z1: Tensor, z2: Tensor, diag: bool = False) -> Tensor:
    """Average exp(-|x - g x'|^2 / 2) over the elements g of a group.

    Args:
        parts: The group, see `parts_of`.
        z1: Rows `... x n x d`, divided by their lengthscales.
        z2: Points of rows, `... x n' x 2 d` (or `d` if the group does not mirror), likewise.
        diag: Of n = n' rows, evaluate each with its counterpart.

    Returns:
        Entries `... x n x n'`, or `... x n`; once differentiable.
    """
    average = parts[0](z1, z2, diag)
    for part in parts[1:]:
        average = average * part(z1, z2, diag)
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
        yield Permanent(columns[blocks], flipped[None], columns[:0], columns[None, :0])
        if len(rest):
            yield Sum(columns[rest], columns[rest] + action.width * torch.from_numpy(outside))
    else:
        images = torch.from_numpy(action.widen(factor, factor.cosets))
        yield Permanent(columns[blocks], images[:, None, blocks], columns[rest], images[:, rest])


def _gather(z: Tensor, index: Tensor) -> Tensor:
    """Gather columns of rows `... x n x P` at an index `I x w`: `I x ... x n x w`, I any number of dimensions."""
    picked = z.index_select(-1, index.flatten().to(z.device)).unflatten(-1, index.shape)
    before, leading = z.ndim - 1, index.ndim - 1
    return picked.permute(*range(before, before + leading), *range(before), -1)


def _mean_gaussian(a: Tensor, b: Tensor, diag: bool) -> Tensor:
    """Average exp(-|a - b|^2 / 2) over F images of the second rows.

    Args:
        a: Rows `... x n x w`.
        b: Images of rows, `... x F x n' x w`.
        diag: Of n = n' rows, evaluate each with its counterpart.

    Returns:
        Entries `... x n x n'`, or `... x n`.
    """
    if diag:
        pairs = _mean_gaussian(a.unsqueeze(-2), b.movedim(-2, -3).unsqueeze(-2), diag=False)
        return pairs[..., 0, 0]
    if a.shape[:-2] != b.shape[:-3]:
        batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-3])
        a, b = a.expand(*batch, -1, -1), b.expand(*batch, -1, -1, -1)
    return _MeanGaussian.apply(a, b)


class _MeanGaussian(torch.autograd.Function):
    """The entries `... x n x n'` of rows `... x n x w` with images `... x F x n' x w`."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        f = b.shape[-3]
        flat = b.flatten(-3, -2)
        # The faster way of `cdist`, by a matrix product, would lose digits.
        terms = torch.cdist(a, flat, compute_mode="donot_use_mm_for_euclid_dist").square_().div_(-2).exp_()
        ctx.save_for_backward(a, flat, terms)
        return terms.clone() if f == 1 else terms.unflatten(-1, (f, -1)).mean(dim=-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, flat, terms = ctx.saved_tensors
        f, of_a, of_b = terms.shape[-1] // gradient.shape[-1], None, None
        weights = (terms.unflatten(-1, (f, -1)) * (gradient / f).unsqueeze(-2)).flatten(-2)
        if ctx.needs_input_grad[0]:
            of_a = weights @ flat - a * weights.sum(dim=-1, keepdim=True)
        if ctx.needs_input_grad[1]:
            of_b = (weights.mT @ a - flat * weights.sum(dim=-2).unsqueeze(-1)).unflatten(-2, (f, -1))
        return of_a, of_b
