"""Base kernels: with one lengthscale for columns that trade places; as products over columns."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import torch
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.kernels import AdditiveKernel, Kernel, ProductKernel, RBFKernel, ScaleKernel
from linear_operator import to_dense
from torch import Tensor

from ax_symmetry.errors import SymmetryError
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.group_average import column_sets, independent_averages
from ax_symmetry.kernels.stationary import ProductMaternKernel
from ax_symmetry.options import BASE_KERNELS


def evaluate(kernel: Kernel, x1: Tensor, x2: Tensor, class_index: Tensor, diag: bool = False, **params: Any) -> Tensor:
    """Evaluate a kernel whose lengthscales are tied: each is the geometric mean of those of its class.

    Args:
        kernel: Any kernel; scaled, added and multiplied ones are looked into.
        x1: Rows `... x n x d`.
        x2: Rows `... x n' x d`.
        ties: The class of each of the d columns.
        diag: Of n = n' rows, evaluate each with its counterpart.

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
        parts = [evaluate(part, x1, x2, class_index, diag, **params) for part in kernel.kernels]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if type(kernel) is AdditiveKernel else total * part
        return total
    if kernel.has_lengthscale and kernel.lengthscale.shape[-1] > 1:
        slack = kernel.lengthscale / tied_lengthscale(kernel.lengthscale, class_index)
        x1, x2 = x1 * slack, x2 * slack
    return to_dense(kernel.forward(x1, x2, diag=diag, **params))


def tied_lengthscale(lengthscale: Tensor, class_index: Tensor) -> Tensor:
    """Return for each of d lengthscales `... x 1 x d` the geometric mean of its class."""
    alike = (class_index.unsqueeze(0) == class_index.unsqueeze(1)).to(lengthscale)
    return (lengthscale.log() @ (alike / alike.sum(dim=0))).exp()


def as_ard_rbf(kernel: Kernel, class_index: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Write a kernel as `scale * exp(-|(x - x') / lengthscales|^2 / 2)`, a product over all columns, if it is one.

    Args:
        kernel: RBF kernels, scaled or multiplied, are such.
        ties: The class of each of the d columns.

    Returns:
        The scale `...`, None for 1, and the squared inverse lengthscales `... x 1 x d`, tied; or None.
    """
    columns = kernel.active_dims
    found = _as_ard_rbf(kernel, class_index if columns is None else class_index.to(columns.device)[columns])
    if columns is None or found is None:
        return found
    scale, inverse = found
    return scale, inverse.new_zeros(*inverse.shape[:-1], len(class_index)).index_copy(-1, columns, inverse)


def _as_ard_rbf(kernel: Kernel, class_index: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Write a kernel on its active dimensions as a Gaussian."""
    if type(kernel) is RBFKernel:
        lengthscale = kernel.lengthscale
        if lengthscale.shape[-1] > 1:
            lengthscale = tied_lengthscale(lengthscale, class_index)
        return None, lengthscale.pow(-2).expand(*lengthscale.shape[:-1], len(class_index))
    if type(kernel) is ScaleKernel:
        found = _as_ard_rbf(kernel.base_kernel, class_index)
        if found is None:
            return None
        return kernel.outputscale if found[0] is None else kernel.outputscale * found[0], found[1]
    if type(kernel) is ProductKernel:
        forms = [form for part in kernel.kernels if (form := as_ard_rbf(part, class_index)) is not None]
        if len(forms) < len(kernel.kernels):
            return None
        scales = [scale for scale, _ in forms if scale is not None]
        scale = prod(scales[1:], start=scales[0]) if scales else None
        return scale, sum((inverse for _, inverse in forms[1:]), start=forms[0][1])
    return None


def default_base(action: ColumnAction, batch_shape: torch.Size | None = None, name: str = "rbf") -> Kernel:
    """Make a base kernel with BoTorch's default priors, one for the one lengthscale of columns that trade places.

    Raises:
        SymmetryError: There is none of that name.
    """
    if name not in BASE_KERNELS:
        raise SymmetryError(f"base_kernel: got {name!r}; use {' or '.join(map(repr, BASE_KERNELS))}, or a kernel.")
    kernel = get_covar_module_with_dim_scaled_prior(action.width, batch_shape or torch.Size())
    prior = kernel.lengthscale_prior
    if name == "matern":
        sets = column_sets(independent_averages(action.action, largest_sum=1))
        kernel = ProductMaternKernel(sets, kernel.batch_shape, kernel.raw_lengthscale_constraint)
    first = torch.tensor([alike[0] for alike in action.classes])
    of_classes, set_classes = partial(_of_classes, action.class_index, first), partial(_set_classes, action.class_index)
    kernel.register_prior("lengthscale_prior", prior, of_classes, set_classes)
    return kernel


def _of_classes(class_index: Tensor, first: Tensor, kernel: Any) -> Tensor:
    """Return the lengthscale of each class of columns, found at the first of them."""
    tied_ones = tied_lengthscale(kernel.lengthscale, class_index)
    return tied_ones.index_select(-1, first.to(tied_ones.device))


def _set_classes(class_index: Tensor, kernel: Any, values: Tensor) -> None:
    kernel.initialize(lengthscale=values.index_select(-1, class_index.to(values.device)))
