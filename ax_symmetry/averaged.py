"""A base kernel, averaged over a group of the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from ax_symmetry.averages import gaussian_average, parts_of
from ax_symmetry.bases import as_gaussian, evaluate
from ax_symmetry.columns import ColumnAction


def once_for_shared_rows(
    entries: Callable[[Tensor, Tensor], Tensor],
    x1: Tensor,
    x2: Tensor,
    weights: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Evaluate a kernel on batches of rows, for rows that are the same in all of them once.

    In the search for a candidate these are the training rows and the trials that run, nine rows in ten.

    Args:
        entries: Evaluates the kernel, which is symmetric.
        x1: Rows `b x n x d`.
        x2: Rows `b x n' x d`.
        weights: Returns a factor for each of some rows, by which its entries are multiplied.

    Returns:
        Entries `b x n x n'`. Where variables of an optimiser have the same value in all batches (in its first step, if
        ever), each gets the mean of their gradients.
    """
    alike = x1 is x2 or torch.equal(x1, x2)
    shared1, own1, order1 = _split(x1)
    shared2, own2, order2 = (shared1, own1, order1) if alike else _split(x2)
    b, s1, s2 = len(x1), len(shared1), len(shared2)
    if not (s1 and s2):
        found = entries(x1, x2)
        return found if weights is None else found * weights(x1).unsqueeze(-1) * weights(x2).unsqueeze(-2)
    rows1 = torch.cat([shared1, own1.flatten(0, 1)])
    to_shared = entries(rows1, shared2)
    parts = torch.cat([to_shared[:s1].expand(b, s1, s2), to_shared[s1:].view(b, -1, s2)], dim=1)
    if own2.shape[1]:
        of_shared = to_shared[s1:] if alike else entries(own2.flatten(0, 1), shared1)
        own = torch.cat([of_shared.view(b, -1, s1).mT, entries(own1, own2)], dim=1)
        parts = torch.cat([parts, own], dim=2)
    if weights is not None:
        both = weights(rows1 if alike else torch.cat([rows1, shared2, own2.flatten(0, 1)]))
        one, other = both[:len(rows1)], both if alike else both[len(rows1):]
        parts = parts * torch.cat([one[:s1].expand(b, s1), one[s1:].view(b, -1)], dim=1).unsqueeze(-1)
        parts = parts * torch.cat([other[:s2].expand(b, s2), other[s2:].view(b, -1)], dim=1).unsqueeze(-2)
    return _pick(_pick(parts, 1, order1), 2, order2)


def _split(x: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Split rows `b x n x d` in those that are the same in all batches and the others; tell where each one went."""
    n = x.shape[1]
    same = (x == x[:1]).all(dim=0).all(dim=-1).tolist() if len(x) > 1 else [False] * n
    shared, order = sum(same), sorted(range(n), key=lambda i: not same[i])
    x = _pick(x, 1, order)
    first = x[:, :shared].mean(dim=0) if x.requires_grad else x[0, :shared]
    return first, x[:, shared:], sorted(range(n), key=order.__getitem__)


def _pick(x: Tensor, dim: int, order: list[int]) -> Tensor:
    return x if order == [*range(len(order))] else x.index_select(dim, torch.tensor(order, device=x.device))


class OverBase(Kernel):
    """A kernel that is made of a base kernel and has its batch shape."""

    base_kernel: Kernel

    @property
    def is_stationary(self) -> bool:
        return False

    def _batch_shape_of_base(self) -> torch.Size:
        return self.base_kernel.batch_shape

    batch_shape = property(_batch_shape_of_base, Kernel.batch_shape.fset)


class AveragedKernel(OverBase):
    """k_G, the covariance of a random function that is averaged over a group: k_G(g x, h x') = k_G(x, x').

    For a jointly invariant base kernel, k(g x, g x') = k(x, x'), it is 1/|G| sum over g of k(x, g x'). Any other base
    kernel must be averaged on both sides, 1/|G|^2 sum over g and h of k(g x, h x') (Haasdonk and Burkhardt, "Invariant
    kernel functions for pattern analysis and machine learning", Machine Learning 2007). Lengthscales of columns that
    trade places are tied: each is the geometric mean of its class.

    Cost per entry: m 2^m for the symmetric group on m blocks under an RBF kernel (see `averages`), |G| entries of the
    base kernel otherwise, |G|^2 on both sides.

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
        both_sides: bool = False,
        normalize: bool = False,
        active_dims: Sequence[int] | None = None,
    ) -> None:
        super().__init__(active_dims=tuple(active_dims) if active_dims is not None else None)
        self.normalize = normalize
        self.base_kernel, self.action, self.inputs, self.both_sides = base_kernel, action, inputs, both_sides
        self.parts = parts_of(action.action)
        self._form: tuple[Tensor | None, Tensor] | None = None

    def fix(self) -> None:
        """Make the hyperparameters constants, so that they are looked up no more."""
        self.requires_grad_(False)
        self._form = None if self.batch_shape else self._as_gaussian()

    def _as_gaussian(self) -> tuple[Tensor | None, Tensor] | None:
        """Return scale and inverse lengthscales, if that is what the base kernel is."""
        if self.both_sides or self.action.implies:
            return None
        found = as_gaussian(self.base_kernel, self.action.ties)
        return None if found is None else (found[0], found[1].sqrt())

    def forward(
        self, x1: Tensor, x2: Tensor, diag: bool = False, last_dim_is_batch: bool = False, **params: Any
    ) -> Tensor:
        form = self._form or self._as_gaussian()

        def average(x1: Tensor, x2: Tensor, diag: bool) -> Tensor:
            return self._sum(x1, x2, diag, **params) if form is None else self._product(x1, x2, diag, *form)

        def weights(x: Tensor) -> Tensor:
            inside = average(x, x, True)
            if form is None:
                return (evaluate(self.base_kernel, x, x, self.action.ties, diag=True) / inside).sqrt()
            return inside.rsqrt() if form[0] is None else (form[0].unsqueeze(-1) / inside).sqrt()

        if diag:
            found = average(x1, x2, True)
            return found * weights(x1) * weights(x2) if self.normalize else found
        if x1.ndim == x2.ndim == 3 and not self.batch_shape:
            return once_for_shared_rows(partial(average, diag=False), x1, x2, weights if self.normalize else None)
        found = average(x1, x2, False)
        return found * weights(x1).unsqueeze(-1) * weights(x2).unsqueeze(-2) if self.normalize else found

    def _seen(self, x: Tensor) -> Tensor:
        return x if self.inputs is None else self.inputs(x)

    def _product(self, x1: Tensor, x2: Tensor, diag: bool, scale: Tensor | None, inverse: Tensor) -> Tensor:
        z1, points = self._seen(x1) * inverse, self._seen(x2) * inverse
        if self.action.mirrors:
            points = torch.cat([points, self._seen(self.action.mirrored(x2)) * inverse], dim=-1)
        batch = max(z1.ndim, points.ndim)
        z1, points = (z[(None,) * (batch - z.ndim)] for z in (z1, points))
        average = gaussian_average(self.parts, z1, points, diag)
        return average if scale is None else average * scale[(..., *[None] * (1 if diag else 2))]

    def _sum(self, x1: Tensor, x2: Tensor, diag: bool, **params: Any) -> Tensor:
        images = self.action(x2)
        a, b = images.shape[-2] if self.both_sides else 1, images.shape[-2]
        left = self.action(x1).flatten(-3, -2) if self.both_sides else x1
        if diag:
            left = left.repeat_interleave(b, dim=-2)
            images = images.repeat_interleave(a, dim=-3) if self.both_sides else images
        left, right = self._seen(left), self._seen(images.flatten(-3, -2))
        entries = evaluate(self.base_kernel, left, right, self.action.ties, diag, **params)
        if diag:
            return entries.unflatten(-1, (-1, a * b)).mean(dim=-1)
        entries = entries.unflatten(-1, (-1, b)).mean(dim=-1)
        return entries.unflatten(-2, (-1, a)).mean(dim=-2) if self.both_sides else entries
