"""A base kernel, averaged over a group of the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ax_symmetry.kernels.base_kernels import as_ard_rbf, evaluate, tied_lengthscale
from ax_symmetry.kernels.block_product import Blockwise
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.covariance import Covariance, normalized, over_restarts
from ax_symmetry.kernels.group_average import (
    LARGEST_SUM,
    Entries,
    PermanentAverage,
    ElementAverage,
    average,
    parts_of,
    sets_of,
)
from ax_symmetry.kernels.matern import ProductMaternKernel
from ax_symmetry.kernels.stationary import gaussian, in_chunks, matern


class BaseKernelWrapper(Kernel):
    """A kernel that is made of a base kernel and has its batch shape."""

    base_kernel: Kernel

    @property
    def is_stationary(self) -> bool:
        return False

    def _batch_shape_of_base(self) -> torch.Size:
        return self.base_kernel.batch_shape

    batch_shape = property(_batch_shape_of_base, Kernel.batch_shape.fset)


class AveragedKernel(BaseKernelWrapper):
    """k_G, the covariance of a random function that is averaged over a group: k_G(g x, h x') = k_G(x, x').

    For a jointly invariant base kernel, k(g x, g x') = k(x, x'), it is 1/|G| sum over g of k(x, g x'). Any other base
    kernel must be averaged on both sides, 1/|G|^2 sum over g and h of k(g x, h x') (Haasdonk and Burkhardt, "Invariant
    kernel functions for pattern analysis and machine learning", Machine Learning 2007). Lengthscales of columns that
    trade places are tied: each is the geometric mean of its class.

    Cost per entry: m 2^m for the symmetric group on m blocks under an RBF kernel or another product over the blocks
    (see `parts`), |G| entries of the base kernel otherwise, |G|^2 on both sides.

    Args:
        base_kernel: The kernel k.
        action: The group, on the columns of x.
        inputs: Transforms rows before the base kernel sees them.
        both_sides: Average on both sides.
        normalize: Multiply by sqrt(k(x, x) / k_G(x, x)) on both sides, so that the prior variance is that of the base
            kernel everywhere; averaging lowers it away from the points that the group leaves alone.
        active_dims: The columns of x, all by default.
    """

    def __init__(
        self,
        base_kernel: Kernel,
        action: ColumnAction,
        inputs: torch.nn.Module | None = None,
        double_sum: bool = False,
        normalize: bool = False,
        active_dims: Sequence[int] | None = None,
    ) -> None:
        super().__init__(active_dims=tuple(active_dims) if active_dims is not None else None)
        self.normalize = normalize
        self.base_kernel, self.action, self.inputs, self.double_sum = base_kernel, action, inputs, double_sum
        self.parts = parts_of(action.action)
        self._fixed: Covariance | None = None

    def freeze(self) -> None:
        """Make the hyperparameters constants, so that they are looked up no more."""
        self.requires_grad_(False)
        self._fixed = None if self.batch_shape else self.covariance()

    def covariance(self, **params: Any) -> Covariance:
        """Choose the cheapest exact way to evaluate the kernel with its present hyperparameters."""
        if self._fixed is not None:
            return self._fixed
        if self.double_sum or self.action.has_implied:
            return _Sum(self, params)
        form = as_ard_rbf(self.base_kernel, self.action.class_index)
        if form is not None:
            return _Radial(self, gaussian, self.parts, form[1].sqrt(), form[0])
        if self.is_block_matern:
            return _Radial(
                self,
                matern,
                self.block_parts,
                tied_lengthscale(self.base_kernel.lengthscale, self.action.class_index).reciprocal(),
            )
        return _Product(self, params) if self.is_product else _Sum(self, params)

    @cached_property
    def block_parts(self) -> list[ElementAverage | PermanentAverage]:
        """The parts for a kernel that is a product over the blocks of columns, but not over the columns."""
        return parts_of(self.action.action, few=1)

    @cached_property
    def is_block_matern(self) -> bool:
        """Whether the base kernel is a product of Matern kernels of just the columns that these parts take apart."""
        return type(self.base_kernel) is ProductMaternKernel and self.base_kernel.sets == sets_of(self.block_parts)

    @cached_property
    def is_product(self) -> bool:
        """Whether the base kernel is a product over blocks of columns, found out for groups where that is faster."""
        if self.action.order <= LARGEST_SUM or self.double_sum or self.action.has_implied or self.inputs is not None:
            return False
        kernel = deepcopy(self.base_kernel).to("cpu", torch.double)

        def base(one: Tensor, other: Tensor, diag: bool = False) -> Tensor:
            return evaluate(kernel, one, other, self.action.class_index, diag)

        with torch.no_grad():
            return Blockwise(base, self.action.width).holds(self.parts)

    def rows(self, x: Tensor) -> Tensor:
        """Return the rows on which the group acts."""
        return x

    def forward(
        self, x1: Tensor, x2: Tensor, diag: bool = False, last_dim_is_batch: bool = False, **params: Any
    ) -> Tensor:
        covariance = self.covariance(**params)
        alike, x1 = x1 is x2, self.rows(x1)
        x2 = x1 if alike else self.rows(x2)
        if x1.ndim == x2.ndim == 3 and not diag and not self.batch_shape:
            found = over_restarts(covariance, x1, x2)
            if found is not None:
                return found
        points1 = covariance.points(x1)
        points2 = points1 if alike else covariance.points(x2)
        factors1 = covariance.row_scaling(points1)
        factors2 = factors1 if alike else covariance.row_scaling(points2)
        if diag:
            entries = covariance.diagonal(points1, points2)
            return entries if factors1 is None or factors2 is None else entries * factors1 * factors2
        return normalized(covariance(points1, points2), factors1, factors2)

    def transformed(self, x: Tensor) -> Tensor:
        """Transform rows as the base kernel sees them."""
        return x if self.inputs is None else self.inputs(x)


class _Radial(Covariance):
    """The average of a function of the distance: points are divided by the lengthscales, beside their mirror images."""

    def __init__(
        self,
        kernel: AveragedKernel,
        entries: Entries,
        parts: Sequence[ElementAverage | PermanentAverage],
        inverse: Tensor,
        scale: Tensor | None = None,
    ) -> None:
        super().__init__(kernel.normalize)
        self.kernel, self.entries, self.parts, self.inverse, self.scale = kernel, entries, parts, inverse, scale

    def points(self, x: Tensor) -> Tensor:
        found = self.kernel.transformed(x) * self.inverse
        if self.kernel.action.mirrors:
            found = torch.cat([found, self.kernel.transformed(self.kernel.action.mirrored(x)) * self.inverse], dim=-1)
        return found

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        entries = average(self.parts, self.entries, one, other)
        return entries if self.scale is None else entries * self.scale[..., None, None]

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        entries = average(self.parts, self.entries, one.unsqueeze(-2), other.unsqueeze(-2))[..., 0, 0]
        return entries if self.scale is None else entries * self.scale.unsqueeze(-1)

    def prior(self, points: Tensor) -> Tensor:
        return points.new_ones(()) if self.scale is None else self.scale.unsqueeze(-1)


class _OfBase(Covariance):
    """An average of entries of the base kernel, whatever that is."""

    def __init__(self, kernel: AveragedKernel, params: dict[str, Any]) -> None:
        super().__init__(kernel.normalize)
        self.kernel, self.params = kernel, params

    def prior(self, points: Tensor) -> Tensor:
        x = points[..., :self.kernel.action.width]
        return self.base(x, x, diag=True)

    def base(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor:
        """Evaluate the base kernel."""
        of = self.kernel
        return evaluate(
            of.base_kernel, of.transformed(one), of.transformed(other), of.action.class_index, diag, **self.params
        )


class _Product(_OfBase):
    """The average of a product over blocks; rows lie beside their mirror images."""

    def points(self, x: Tensor) -> Tensor:
        return self.kernel.action.points(x)

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        kernel = Blockwise(self.base, self.kernel.action.width)
        return average(self.kernel.parts, kernel, one, other) * kernel.top(other)

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        kernel = Blockwise(self.base, self.kernel.action.width, paired=True)
        return average(self.kernel.parts, kernel, one, other) * kernel.top(other)


class _Sum(_OfBase):
    """The sum over all elements; points are the rows themselves."""

    def points(self, x: Tensor) -> Tensor:
        return x

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        b = 1
        if self.kernel.double_sum:
            other = self.kernel.action(other)
            b, other = other.shape[-2], other.flatten(-3, -2)

        def summed(images: Tensor) -> Tensor:
            entries = self.base(images.flatten(-3, -2), other)
            return entries.unflatten(-2, (-1, images.shape[-2])).unflatten(-1, (-1, b)).sum(dim=(-3, -1))

        return self._total(summed, one, other.shape[-2]) / (self.kernel.action.order * b)

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        others = self.kernel.action(other) if self.kernel.double_sum else other.unsqueeze(-2)
        b = others.shape[-2]

        def summed(images: Tensor) -> Tensor:
            left = images.repeat_interleave(b, dim=-2).flatten(-3, -2)
            right = others.repeat_interleave(images.shape[-2], dim=-3).flatten(-3, -2)
            return self.base(left, right, diag=True).unflatten(-1, (-1, images.shape[-2] * b)).sum(dim=-1)

        return self._total(summed, one, b) / (self.kernel.action.order * b)

    def _total(self, summed: Callable[[Tensor], Tensor], rows: Tensor, width: int) -> Tensor:
        """Add up sums over the images `... x n x G x d` of rows, each entered `width` times, in chunks.

        What each chunk needs for its gradient is computed again then, if there are several.
        """
        action = self.kernel.action
        points = action.points(action.append_implied(rows))
        chunks = in_chunks(action.elements, rows.shape[:-1].numel() * max(width, action.width))
        if len(chunks) == 1:
            return summed(action.take(points, chunks[0]))

        def of_chunk(elements: Tensor) -> Tensor:
            return summed(action.take(points, elements))

        return sum(checkpoint(of_chunk, chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks)
