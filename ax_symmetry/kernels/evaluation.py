"""The exact ways to evaluate an averaged kernel: by permanents, products over blocks, sets, or sums over elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ax_symmetry.kernels.base_kernels import as_ard_rbf, column_weights, evaluate, tied_lengthscale
from ax_symmetry.kernels.block_product import BlockProduct
from ax_symmetry.kernels.chunks import sum_over_images
from ax_symmetry.kernels.covariance import Covariance
from ax_symmetry.kernels.group_average import Average, Entries, average, column_sets
from ax_symmetry.kernels.rotations import Turned
from ax_symmetry.kernels.sets import SetKernel
from ax_symmetry.kernels.stationary import ProductMaternKernel, gaussian, matern

if TYPE_CHECKING:
    from ax_symmetry.kernels.averaged import AveragedKernel


def covariance_of(kernel: AveragedKernel, params: dict[str, Any]) -> Covariance:
    """Choose the cheapest exact way to evaluate an averaged kernel with its present hyperparameters."""
    finite = _finite_average(kernel, params)
    rotations = kernel.action.rotations
    if rotations is None:
        return finite
    base, class_index = kernel.base_kernel, kernel.action.class_index
    is_smooth = as_ard_rbf(base, class_index) is not None
    return Turned(finite, kernel, rotations, column_weights(base, class_index), is_smooth)


def _finite_average(kernel: AveragedKernel, params: dict[str, Any]) -> Covariance:
    """Choose the way for the finite part of the group."""
    base, class_index = kernel.base_kernel, kernel.action.class_index
    if type(base) is SetKernel:
        return _OfSets(kernel, params)
    if kernel.double_sum or kernel.action.has_implied:
        return _ElementSum(kernel, params)
    gaussian_form = as_ard_rbf(base, class_index)
    if gaussian_form is not None:
        scale, squared_inverse = gaussian_form
        return _StationaryAverage(kernel, gaussian, kernel.averages, squared_inverse.sqrt(), scale)
    if type(base) is ProductMaternKernel and base.sets == column_sets(kernel.block_averages):
        inverse = tied_lengthscale(base.lengthscale, class_index).reciprocal()
        return _StationaryAverage(kernel, matern, kernel.block_averages, inverse)
    return _BlockProductAverage(kernel, params) if kernel.is_block_product else _ElementSum(kernel, params)


class _StationaryAverage(Covariance):
    """The average of a function of the distance. Prepared: scaled columns, then their mirror images, `2 d` in all."""

    def __init__(
        self,
        kernel: AveragedKernel,
        entries: Entries,
        averages: Sequence[Average],
        inverse_lengthscale: Tensor,
        scale: Tensor | None = None,
    ) -> None:
        super().__init__(kernel.normalize)
        self.kernel, self.entries, self.averages = kernel, entries, averages
        self.inverse_lengthscale, self.scale = inverse_lengthscale, scale

    def prepare(self, x: Tensor) -> Tensor:
        kernel = self.kernel
        scaled = kernel.transformed(x) * self.inverse_lengthscale
        if not kernel.action.mirrors:
            return scaled
        mirrored = kernel.transformed(kernel.action.mirrored(x)) * self.inverse_lengthscale
        return torch.cat([scaled, mirrored], dim=-1)

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        entries = average(self.averages, self.entries, one, other, symmetric=one is other)
        return entries if self.scale is None else entries * self.scale[..., None, None]

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        entries = average(self.averages, self.entries, one.unsqueeze(-2), other.unsqueeze(-2))[..., 0, 0]
        return entries if self.scale is None else entries * self.scale.unsqueeze(-1)

    def prior_variance(self, prepared: Tensor) -> Tensor:
        return prepared.new_ones(()) if self.scale is None else self.scale.unsqueeze(-1)


class _OfBaseKernel(Covariance):
    """An average of entries of the base kernel, whatever that is."""

    def __init__(self, kernel: AveragedKernel, params: dict[str, Any]) -> None:
        super().__init__(kernel.normalize)
        self.kernel, self.params = kernel, params

    def prior_variance(self, prepared: Tensor) -> Tensor:
        x = prepared[..., :self.kernel.action.width]
        return self.base(x, x, diag=True)

    def base(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor:
        """Evaluate the base kernel at rows."""
        kernel = self.kernel
        one, other = kernel.transformed(one), kernel.transformed(other)
        return evaluate(kernel.base_kernel, one, other, kernel.action.class_index, diag, **self.params)


class _OfSets(_OfBaseKernel):
    """A kernel that is invariant by itself. Prepared: what it makes of rows."""

    def prepare(self, x: Tensor) -> Tensor:
        base, kernel = self.kernel.base_kernel, self.kernel
        return base.prepared(kernel.transformed(x), tied_lengthscale(base.lengthscale, kernel.action.class_index))

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        return self.kernel.base_kernel.entries(one, other)

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        return self(one.unsqueeze(-2), other.unsqueeze(-2))[..., 0, 0]

    def prior_variance(self, prepared: Tensor) -> Tensor:
        return prepared.new_ones(())


class _BlockProductAverage(_OfBaseKernel):
    """The average of a product over blocks. Prepared: the columns, then their mirror images."""

    def prepare(self, x: Tensor) -> Tensor:
        return self.kernel.action.points(x)

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        return self._average(one, other)

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        return self._average(one, other, diag=True)

    def _average(self, one: Tensor, other: Tensor, diag: bool = False) -> Tensor:
        entries = BlockProduct(self.base, self.kernel.action.width, diag)
        symmetric = one is other and not diag
        return average(self.kernel.averages, entries, one, other, symmetric) * entries.at_origin(other)


class _ElementSum(_OfBaseKernel):
    """The sum over all elements. Prepared: the rows as they are."""

    def prepare(self, x: Tensor) -> Tensor:
        return x

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        others = 1  # images of every row on the right
        if self.kernel.double_sum:
            other = self.kernel.action(other)
            others, other = other.shape[-2], other.flatten(-3, -2)

        def summed(images: Tensor) -> Tensor:  # ... x n x f x d
            entries = self.base(images.flatten(-3, -2), other)
            return entries.unflatten(-2, (-1, images.shape[-2])).unflatten(-1, (-1, others)).sum(dim=(-3, -1))

        return self._total(summed, one, other.shape[-2]) / (self.kernel.action.order * others)

    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        right = self.kernel.action(other) if self.kernel.double_sum else other.unsqueeze(-2)
        others = right.shape[-2]

        def summed(images: Tensor) -> Tensor:
            f = images.shape[-2]
            left = images.repeat_interleave(others, dim=-2).flatten(-3, -2)
            entries = self.base(left, right.repeat_interleave(f, dim=-3).flatten(-3, -2), diag=True)
            return entries.unflatten(-1, (-1, f * others)).sum(dim=-1)

        return self._total(summed, one, others) / (self.kernel.action.order * others)

    def _total(self, summed: Callable[[Tensor], Tensor], rows: Tensor, entries: int) -> Tensor:
        """Add up a sum over images `... x n x f x d` of rows, each of which it pairs with a number of others."""
        action = self.kernel.action
        points = action.points(action.append_implied(rows))
        numbers = rows.shape[:-1].numel() * max(entries, action.width)
        return sum_over_images(lambda elements: summed(action.take(points, elements)), action.elements, numbers)
