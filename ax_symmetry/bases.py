"""Base kernels: with one lengthscale for columns that trade places; as products over columns."""

from __future__ import annotations

from math import prod
from typing import Any

from gpytorch.kernels import AdditiveKernel, Kernel, ProductKernel, RBFKernel, ScaleKernel
from linear_operator import to_dense
from torch import Tensor


def evaluate(kernel: Kernel, x1: Tensor, x2: Tensor, ties: Tensor, diag: bool = False, **params: Any) -> Tensor:
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
        ties = ties.to(kernel.active_dims.device)
        ties, x1, x2 = (x.index_select(-1, kernel.active_dims) for x in (ties, x1, x2))
    return _forward(kernel, x1, x2, ties, diag, **params)


def _forward(kernel: Kernel, x1: Tensor, x2: Tensor, ties: Tensor, diag: bool, **params: Any) -> Tensor:
    """Evaluate a kernel on its active dimensions."""
    if type(kernel) is ScaleKernel:  # has taken over the active dimensions of what it scales
        entries = _forward(kernel.base_kernel, x1, x2, ties, diag, **params)
        return entries * (kernel.outputscale.unsqueeze(-1) if diag else kernel.outputscale[..., None, None])
    if type(kernel) in (AdditiveKernel, ProductKernel):
        parts = [evaluate(part, x1, x2, ties, diag, **params) for part in kernel.kernels]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if type(kernel) is AdditiveKernel else total * part
        return total
    if kernel.has_lengthscale and kernel.lengthscale.shape[-1] > 1:
        slack = kernel.lengthscale / tied(kernel.lengthscale, ties)
        x1, x2 = x1 * slack, x2 * slack
    return to_dense(kernel.forward(x1, x2, diag=diag, **params))


def tied(lengthscale: Tensor, ties: Tensor) -> Tensor:
    """Return for each of d lengthscales `... x 1 x d` the geometric mean of its class."""
    alike = (ties.unsqueeze(0) == ties.unsqueeze(1)).to(lengthscale)
    return (lengthscale.log() @ (alike / alike.sum(dim=0))).exp()


def as_gaussian(kernel: Kernel, ties: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Write a kernel as `scale * exp(-|(x - x') / lengthscales|^2 / 2)`, a product over all columns, if it is one.

    Args:
        kernel: RBF kernels, scaled or multiplied, are such.
        ties: The class of each of the d columns.

    Returns:
        The scale `...`, None for 1, and the squared inverse lengthscales `... x 1 x d`, tied; or None.
    """
    columns = kernel.active_dims
    found = _as_gaussian(kernel, ties if columns is None else ties.to(columns.device)[columns])
    if columns is None or found is None:
        return found
    scale, inverse = found
    return scale, inverse.new_zeros(*inverse.shape[:-1], len(ties)).index_copy(-1, columns, inverse)


def _as_gaussian(kernel: Kernel, ties: Tensor) -> tuple[Tensor | None, Tensor] | None:
    """Write a kernel on its active dimensions as a Gaussian."""
    if type(kernel) is RBFKernel:
        lengthscale = kernel.lengthscale
        if lengthscale.shape[-1] > 1:
            lengthscale = tied(lengthscale, ties)
        return None, lengthscale.pow(-2).expand(*lengthscale.shape[:-1], len(ties))
    if type(kernel) is ScaleKernel:
        found = _as_gaussian(kernel.base_kernel, ties)
        if found is None:
            return None
        return kernel.outputscale if found[0] is None else kernel.outputscale * found[0], found[1]
    if type(kernel) is ProductKernel:
        forms = [form for part in kernel.kernels if (form := as_gaussian(part, ties)) is not None]
        if len(forms) < len(kernel.kernels):
            return None
        scales = [scale for scale, _ in forms if scale is not None]
        scale = prod(scales[1:], start=scales[0]) if scales else None
        return scale, sum((inverse for _, inverse in forms[1:]), start=forms[0][1])
    return None
