"""A base kernel, averaged over a group that acts on the columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.kernels.block_product import is_block_product
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.covariance import Covariance, scale_entries
from ax_symmetry.kernels.evaluation import covariance_of
from ax_symmetry.kernels.group_average import LARGEST_SUM, Average, column_sets, independent_averages


class WrapsBaseKernel(Kernel):
    """A kernel that is made of a base kernel and has its batch shape."""

    base_kernel: Kernel

    @property
    def is_stationary(self) -> bool:
        return False

    def _batch_shape_of_base(self) -> torch.Size:
        return self.base_kernel.batch_shape

    batch_shape = property(_batch_shape_of_base, Kernel.batch_shape.fset)


class AveragedKernel(WrapsBaseKernel):
    r"""The covariance of a random function that is averaged over a group, k_G(g x, h x') = k_G(x, x').

    .. math::
        k_G(x, x') = \frac{1}{|G|} \sum_{g \in G} k(x, g x')
        \qquad \text{normalized:} \quad
        k_G(x, x') \sqrt{\frac{k(x, x) \, k(x', x')}{k_G(x, x) \, k_G(x', x')}}

    This holds for a jointly invariant base kernel, k(g x, g x') = k(x, x'). Any other is averaged on both sides,

    .. math::
        k_G(x, x') = \frac{1}{|G|^2} \sum_{g, h \in G} k(g x, h x')

    (Haasdonk and Burkhardt, "Invariant kernel functions for pattern analysis and machine learning", Machine Learning
    2007). Lengthscales of columns that trade places are tied: each is the geometric mean of its class.

    Cost per entry: m 2^m for the symmetric group on m blocks, if the base kernel is a product over the blocks (see
    `group_average`); |G| entries of the base kernel otherwise, |G|^2 on both sides.

    Args:
        base_kernel: The kernel k.
        action: The group, on the columns of x.
        inputs: Transforms rows before the base kernel sees them.
        double_sum: Average on both sides.
        normalize: Keep the prior variance of the base kernel everywhere; averaging lowers it away from the points that
            the group leaves alone.
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
        self._frozen: Covariance | None = None

    def freeze(self) -> None:
        """Make the hyperparameters constants, and look them up no more."""
        self.requires_grad_(False)
        self._frozen = None if self.batch_shape else self.covariance()

    def covariance(self, **params: Any) -> Covariance:
        """Choose the cheapest exact way to evaluate the kernel with its present hyperparameters."""
        return self._frozen if self._frozen is not None else covariance_of(self, params)

    @cached_property
    def averages(self) -> list[Average]:
        """The independent averages over which a kernel that is a product over the columns is evaluated."""
        return independent_averages(self.action.action)

    @cached_property
    def block_averages(self) -> list[Average]:
        """The same for a kernel that is a product over the blocks, but not over the columns of each."""
        return independent_averages(self.action.action, largest_sum=1)

    @cached_property
    def is_block_product(self) -> bool:
        """Whether the base kernel is a product over the blocks, of a group for which that is used."""
        action = self.action
        if action.order <= LARGEST_SUM or self.double_sum or action.has_implied or self.inputs is not None:
            return False
        return is_block_product(self.base_kernel, column_sets(self.averages), range(action.width))

    def rows(self, x: Tensor) -> Tensor:
        """Return the rows on which the group acts."""
        return self.action.at_lowest(x)

    def transformed(self, x: Tensor) -> Tensor:
        """Transform rows as the base kernel sees them."""
        return x if self.inputs is None else self.inputs(x)

    def forward(
        self, x1: Tensor, x2: Tensor, diag: bool = False, last_dim_is_batch: bool = False, **params: Any
    ) -> Tensor:
        covariance = self.covariance(**params)
        one = covariance.prepare(self.rows(x1))
        same = _are_the_same(x1, x2)
        other = one if same else covariance.prepare(self.rows(x2))
        entries = covariance.diagonal(one, other) if diag else covariance(one, other)
        variance = entries if diag else entries.diagonal(dim1=-2, dim2=-1)
        scaling1 = covariance.row_scaling(one, variance if same else None)
        scaling2 = scaling1 if same else covariance.row_scaling(other)
        if not diag:
            return scale_entries(entries, scaling1, scaling2)
        return entries if scaling1 is None or scaling2 is None else entries * scaling1 * scaling2


def _are_the_same(x1: Tensor, x2: Tensor) -> bool:
    """Tell whether two tensors are the same rows, so that half of their covariances can be left out."""
    if x1 is x2:
        return True
    constant = not (x1.requires_grad or x2.requires_grad)  # else each has a gradient of its own
    return constant and x1.shape == x2.shape and torch.equal(x1, x2)
