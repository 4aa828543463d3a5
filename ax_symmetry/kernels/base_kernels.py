"""Base kernels: evaluated with tied lengthscales, written as one Gaussian, made with BoTorch's default priors."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import torch
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import AdditiveKernel, Kernel, ProductKernel, RBFKernel, ScaleKernel
from linear_operator import to_dense
from torch import Tensor

from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.group_average import column_sets, independent_averages
from ax_symmetry.kernels.sets import BlockSet, SetKernel
from ax_symmetry.kernels.stationary import ProductMaternKernel
from ax_symmetry.options import BASE_KERNELS, SET_KERNELS


def evaluate(kernel: Kernel, x1: Tensor, x2: Tensor, class_index: Tensor, diag: bool = False, **params: Any) -> Tensor:
    """Evaluate a kernel whose lengthscales are tied: each is the geometric mean of those of its class.

    Args:
        kernel: Any kernel; in scaled kernels, sums and products the lengthscales of each are tied.
        x1: Rows `... x n x d`.
        x2: Rows `... x n' x d`.
        class_index: The class of each of the d columns.
        diag: Evaluate each of n = n' rows with its counterpart alone.

    Returns:
        Entries `... x n x n'`, or `... x n`.
    """
    if kernel.active_dims is not None:
        class_index = class_index.to(kernel.active_dims.device)
        class_index, x1, x2 = (x.index_select(-1, kernel.active_dims) for x in (class_index, x1, x2))
    return _forward(kernel, x1, x2, class_index, diag, **params)


def _forward(kernel: Kernel, x1: Tensor, x2: Tensor, class_index: Tensor, diag: bool, **params: Any) -> Tensor:
    """Evaluate a kernel on its active dimensions."""
    if type(kernel) is ScaleKernel:  # has taken over the active dimensions of what it scales
        entries = _forward(kernel.base_kernel, x1, x2, class_index, diag, **params)
        return entries * (kernel.outputscale.unsqueeze(-1) if diag else kernel.outputscale[..., None, None])
    if type(kernel) in (AdditiveKernel, ProductKernel):
        entries, *others = (evaluate(one, x1, x2, class_index, diag, **params) for one in kernel.kernels)
        return prod(others, start=entries) if type(kernel) is ProductKernel else sum(others, start=entries)
    if kernel.has_lengthscale and kernel.lengthscale.shape[-1] > 1:
        # Rows scaled by l / l_tied, then divided by l in the kernel, are divided by l_tied.
        ratio = kernel.lengthscale / tied_lengthscale(kernel.lengthscale, class_index)
        x1, x2 = x1 * ratio, x2 * ratio
    return to_dense(kernel.forward(x1, x2, diag=diag, **params))


def tied_lengthscale(lengthscale: Tensor, class_index: Tensor) -> Tensor:
    """Return for each of d lengthscales `... x 1 x d` the geometric mean of its class."""
    same_class = (class_index.unsqueeze(0) == class_index.unsqueeze(1)).to(lengthscale)
    return (lengthscale.log() @ (same_class / same_class.sum(dim=0))).exp()


def as_ard_rbf(kernel: Kernel, class_index: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Write a kernel as `scale * exp(-|(x - x') / lengthscales|^2 / 2)`, if it is a multiple or product of RBF kernels.

    In a product the squared inverse lengthscales add up; those of columns that no factor looks at are zero.

    Args:
        kernel: The kernel.
        class_index: The class of each of the d columns.

    Returns:
        The scale `...`, None for 1, and the squared inverse lengthscales `... x 1 x d`, tied; None of another kernel.
    """
    columns = kernel.active_dims
    form = _as_ard_rbf(kernel, class_index if columns is None else class_index.to(columns.device)[columns])
    if columns is None or form is None:
        return form
    scale, inverse = form
    return scale, inverse.new_zeros(*inverse.shape[:-1], len(class_index)).index_copy(-1, columns, inverse)


def _as_ard_rbf(kernel: Kernel, class_index: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Do so for a kernel of all the columns that it is given."""
    if type(kernel) is RBFKernel:
        lengthscale = kernel.lengthscale
        if lengthscale.shape[-1] > 1:
            lengthscale = tied_lengthscale(lengthscale, class_index)
        return None, lengthscale.pow(-2).expand(*lengthscale.shape[:-1], len(class_index))
    if type(kernel) is ScaleKernel:
        form = _as_ard_rbf(kernel.base_kernel, class_index)
        if form is None:
            return None
        return kernel.outputscale if form[0] is None else kernel.outputscale * form[0], form[1]
    if type(kernel) is ProductKernel:
        forms = [form for one in kernel.kernels if (form := as_ard_rbf(one, class_index)) is not None]
        if len(forms) < len(kernel.kernels):
            return None
        scales = [scale for scale, _ in forms if scale is not None]
        scale = prod(scales[1:], start=scales[0]) if scales else None
        return scale, sum((inverse for _, inverse in forms[1:]), start=forms[0][1])
    return None


def column_weights(kernel: Kernel, class_index: Tensor) -> Tensor | None:
    """Return the tied 1 / lengthscale^2 of each of d columns, `... x 1 x d`; None if the kernel has no such thing."""
    form = as_ard_rbf(kernel, class_index)
    if form is not None:
        return form[1]
    while type(kernel) is ScaleKernel and kernel.active_dims is None:
        kernel = kernel.base_kernel
    if kernel.active_dims is not None or not kernel.has_lengthscale or kernel.lengthscale.shape[-1] != len(class_index):
        return None
    return tied_lengthscale(kernel.lengthscale, class_index).pow(-2)


def default_base(
    action: ColumnAction, batch_shape: torch.Size | None = None, name: str = "rbf", dimensions: int | None = None
) -> Kernel:
    """Make a base kernel with BoTorch's default prior, once for each class of columns that share a lengthscale.

    Args:
        action: The group, on the columns of full rows.
        batch_shape: The batch shape of the lengthscales.
        name: `"rbf"`, BoTorch's default kernel; `"matern"`, a `ProductMaternKernel` with a factor for each block; or a
            `SetKernel`, `"embedding"`, with amounts `"mixture"`.
        dimensions: For how many columns the prior is meant; those that an embedding adds do not count. All by default.

    Raises:
        SymmetryError: There is no kernel of that name, or none of sets for this group.
    """
    if name not in BASE_KERNELS:
        raise SymmetryError(f"base_kernel: got {shown(name)}; use {' or '.join(map(repr, BASE_KERNELS))}, or a kernel.")
    kernel = get_covar_module_with_dim_scaled_prior(action.width, batch_shape or torch.Size())
    prior = get_covar_module_with_dim_scaled_prior(dimensions or action.width).lengthscale_prior
    if name == "matern":
        sets = column_sets(independent_averages(action.action, largest_sum=1))
        kernel = ProductMaternKernel(sets, kernel.batch_shape, kernel.raw_lengthscale_constraint)
    elif name in SET_KERNELS:
        of_blocks = block_sets(action, weighted=name == "mixture")
        kernel = SetKernel(of_blocks, action.width, kernel.batch_shape, kernel.raw_lengthscale_constraint)
    kernel.initialize(lengthscale=prior.mode)
    first = torch.tensor([columns[0] for columns in action.classes])
    # Functions of this module rather than closures, so that the kernel can be pickled.
    getter, setter = partial(_class_lengthscales, action.class_index, first), partial(_set_classes, action.class_index)
    kernel.register_prior("lengthscale_prior", prior, getter, setter)
    return kernel


def block_sets(action: ColumnAction, weighted: bool) -> list[BlockSet]:
    """List the sets of blocks of a group that trades the blocks of each in every way, and does no more.

    Args:
        action: The group, on the columns of a kernel's rows.
        weighted: Whether a column of each block says how much of it there is.

    Raises:
        SymmetryError: The group is another one, or blocks have no such column.
    """
    sets, name = [], "mixture" if weighted else "embedding"
    for factor in action.action.factors:
        if not factor.is_symmetric:
            raise SymmetryError(
                f"base_kernel: {name!r} compares sets of blocks, and this group does not trade blocks in every way, or "
                "does more than that; use 'matern'."
            )
        blocks = [[factor.columns[j] for j in block] for block in factor.blocks]
        weights = [column for block in blocks for column in block if weighted and column in action.amounts]
        if weighted and (len(weights) != len(blocks) or len(blocks[0]) == 1):
            raise SymmetryError(
                "base_kernel: 'mixture' wants one slot of each block that says how much of it there is, beside others: "
                "a range on a linear scale with whose value 0 the block is absent, or part of a simplex. Declare it "
                "so, or use 'embedding'."
            )
        features = tuple(tuple(column for column in block if column not in weights) for block in blocks)
        sets.append(BlockSet(features, tuple(weights), tuple(action.amounts[column] for column in weights)))
    return sets


def _class_lengthscales(class_index: Tensor, first: Tensor, kernel: Any) -> Tensor:
    """Return the lengthscale of each class, given the first column of each."""
    tied = tied_lengthscale(kernel.lengthscale, class_index)
    return tied.index_select(-1, first.to(tied.device))


def _set_classes(class_index: Tensor, kernel: Any, values: Tensor) -> None:
    """Set the lengthscale of each class."""
    kernel.initialize(lengthscale=values.index_select(-1, class_index.to(values.device)))
