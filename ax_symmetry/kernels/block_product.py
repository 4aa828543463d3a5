"""Kernels that are products over disjoint sets of columns, such as the blocks, averaged over images.

k(x, x') = k(0, 0) times the product over the sets S of k(x_S, x'_S) / k(0, 0), where x_S is x with zeros in all other
columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from botorch.models.kernels import CategoricalKernel
from gpytorch.kernels import Kernel, PeriodicKernel, ProductKernel, RBFKernel, ScaleKernel
from torch import Tensor

from ax_symmetry.kernels.pairs import upper_triangle
from ax_symmetry.kernels.stationary import ProductMaternKernel

PRODUCTS_OVER_COLUMNS = (RBFKernel, PeriodicKernel, CategoricalKernel)
"""exp(-sum over the columns of a function of x_j and x'_j)."""


def is_block_product(kernel: Kernel, sets: Collection[Sequence[int]], columns: Sequence[int]) -> bool:
    """Tell by its class whether a kernel is a product over disjoint sets of columns.

    It is if it is a product over all columns (`PRODUCTS_OVER_COLUMNS`), if it looks at the columns of one set alone, or
    if it is a product, or a multiple, of such kernels.

    Args:
        kernel: The kernel.
        sets: The sets.
        columns: The columns that the kernel is given, of which it may look at some (`active_dims`).
    """
    if kernel.active_dims is not None:
        columns = [columns[j] for j in kernel.active_dims.tolist()]
    return _is_block_product(kernel, sets, columns)


def _is_block_product(kernel: Kernel, sets: Collection[Sequence[int]], columns: Sequence[int]) -> bool:
    """Tell it of a kernel that looks at all columns that it is given."""
    if type(kernel) in PRODUCTS_OVER_COLUMNS or _is_within(columns, sets):
        return True
    if type(kernel) is ScaleKernel:  # has taken over the active dimensions of what it scales
        return _is_block_product(kernel.base_kernel, sets, columns)
    if type(kernel) is ProductKernel:
        return all(is_block_product(factor, sets, columns) for factor in kernel.kernels)
    return type(kernel) is ProductMaternKernel and all(_is_within([columns[j] for j in s], sets) for s in kernel.sets)


def _is_within(columns: Sequence[int], sets: Collection[Sequence[int]]) -> bool:
    return any(set(columns) <= set(one) for one in sets)


class Base(Protocol):
    """A kernel at rows `... x n x d` and `... x n' x d`: entries `... x n x n'`; of n pairs of rows `... x n`."""

    def __call__(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor: ...


@dataclass(frozen=True)
class BlockProduct:
    """k(x_S, x'_S) / k(0, 0), as `group_average.Entries`.

    Attributes:
        base: The kernel k.
        width: The number d of columns.
        diag: Evaluate n pairs of rows: entries `I... x J... x ... x n`.
    """

    base: Base
    width: int
    diag: bool = False

    def at_origin(self, rows: Tensor) -> Tensor:
        """Return k(0, 0), of a shape that broadcasts to the entries'."""
        origin = rows.new_zeros(1, self.width)
        return self.base(origin, origin, diag=self.diag)

    def __call__(
        self, points: Tensor, rows: Tensor, images: Tensor, columns: Tensor, symmetric: bool = False
    ) -> Tensor:
        """Evaluate the kernel; the columns of every set in the list are put where those of the first are."""
        targets = columns.view(-1, columns.shape[-1])[0]
        b = self._placed(rows, columns.view(-1, len(targets)), targets)
        entries = torch.stack([  # I x J x ... x n x n'
            self._mean(self._placed(points, one, targets), b) for one in images.view(-1, *images.shape[-2:])
        ])
        if symmetric:
            entries = entries.flatten(-2).index_select(-1, upper_triangle(points.shape[-2], str(points.device)))
        return entries.view(*images.shape[:-2], *columns.shape[:-1], *entries.shape[2:]) / self.at_origin(rows)

    def _placed(self, rows: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
        """Put F selections `F x w` of rows `... x n x P` into w columns, zeros elsewhere: `... x n x F x d`."""
        sources, targets = sources.to(rows.device), targets.to(rows.device)
        selected = rows.index_select(-1, sources.flatten()).unflatten(-1, sources.shape)
        return rows.new_zeros(*selected.shape[:-1], self.width).index_copy(-1, targets, selected)

    def _mean(self, a: Tensor, b: Tensor) -> Tensor:
        """Average over F images of each of n rows, `... x n x F x d` and `... x n' x J x d`: `J x ... x n x n'`."""
        f, j = a.shape[-2], b.shape[-2]
        if self.diag:
            shape = *torch.broadcast_shapes(a.shape[:-2], b.shape[:-2]), f, j, self.width
            a, b = a.unsqueeze(-2).expand(shape), b.unsqueeze(-3).expand(shape)
            entries = self.base(a.flatten(-4, -2), b.flatten(-4, -2), diag=True).unflatten(-1, (-1, f, j))
            return entries.mean(dim=-2).movedim(-1, 0)
        entries = self.base(a.flatten(-3, -2), b.flatten(-3, -2))
        return entries.unflatten(-1, (-1, j)).unflatten(-3, (-1, f)).mean(dim=-3).movedim(-1, 0)
