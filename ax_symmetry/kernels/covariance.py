"""Covariances as a search evaluates them: at many places at once, with rows that all the places share.

In the search for a candidate the training rows and the trials that run are the same in all restarts, nine rows in ten.
Their covariances are evaluated once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Covariance(ABC):
    """A symmetric covariance function of points, which are made of rows.

    Args:
        normalize: Multiply the entries by factors of their rows, such that each row's variance is its prior variance.
    """

    def __init__(self, normalize: bool) -> None:
        self.normalize = normalize

    @abstractmethod
    def points(self, x: Tensor) -> Tensor:
        """Make points `... x n x P` of rows `... x n x d`."""

    @abstractmethod
    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Evaluate the entries `... x n x n'`; let the first points be the fewer."""

    @abstractmethod
    def diagonal(self, one: Tensor, other: Tensor) -> Tensor:
        """Evaluate each of n points with its counterpart, `... x n`."""

    @abstractmethod
    def prior(self, points: Tensor) -> Tensor:
        """Return the variance of normalized entries, `... x n` or of a shape that broadcasts to it."""

    def row_scaling(self, points: Tensor) -> Tensor | None:
        """Return what the entries of points are multiplied by, `... x n`; None for 1."""
        return self.prior_scaling(points) if self.normalize else None

    def prior_scaling(self, points: Tensor) -> Tensor:
        """Return what entries that are not normalized must be multiplied by to be, `... x n`."""
        return (self.prior(points) / self.diagonal(points, points)).sqrt()


@dataclass(frozen=True)
class Shared:
    """What is known of rows that all batches share.

    Attributes:
        points: Points of the second ones, `s' x P`.
        entries: Covariances of the first with the second ones, `s x s'`.
        factors: By what the second rows' entries are multiplied, `s'`.
    """

    points: Tensor
    entries: Tensor
    factors: Tensor | None


def normalized(entries: Tensor, factors1: Tensor | None, factors2: Tensor | None) -> Tensor:
    """Multiply entries `... x n x n'` by factors of their rows, `... x n` and `... x n'`."""
    if factors1 is None or factors2 is None:
        return entries
    return entries * (factors1.unsqueeze(-1) * factors2.unsqueeze(-2))


def over_restarts(covariance: Covariance, x1: Tensor, x2: Tensor) -> Tensor | None:
    """Evaluate a covariance function on batches of rows, for rows that are the same in all of them once.

    Args:
        covariance: The function.
        x1: Rows `b x n x d`.
        x2: The same, or rows `b x n' x d` that all batches share.

    Returns:
        Entries `b x n x n'`, or None if there is nothing to gain. Where variables of an optimiser have the same value
        in all batches (in its first step, if ever), each gets the mean of their gradients.
    """
    alike = x1 is x2 or torch.equal(x1, x2)
    shared2, own2, order2 = split(x2)
    if not shared2.shape[1] or own2.shape[1] and not alike:
        return None
    shared1, own1, order1 = (shared2, own2, order2) if alike else split(x1)
    shared = _of_shared(covariance, shared1, shared2)
    entries = shared.entries.expand(len(x1), -1, -1)
    if own1.shape[1]:
        own = with_own(covariance, covariance.points(own1), shared.points, shared.factors)
        s2 = shared2.shape[1]
        entries = joined(own, shared.entries) if alike else torch.cat([entries, own[..., :s2]], dim=1)
    return pick(pick(entries, 1, order1), 2, order2)


def with_own(covariance: Covariance, own: Tensor, shared: Tensor, factors: Tensor | None) -> Tensor:
    """Evaluate the entries of each batch's own points with shared ones and with each other.

    Args:
        covariance: The function.
        own: Points `b x q x P`.
        shared: Points `s x P`.
        factors: By what the entries of the shared ones are multiplied, `s`.

    Returns:
        Entries `b x q x (s + q)`.
    """
    entries = covariance(own, torch.cat([shared.expand(len(own), -1, -1), own], dim=1))
    if factors is None:
        return entries
    return _Normalized.apply(entries, covariance.prior(own).expand(entries.shape[:2]), factors)


def joined(own: Tensor, shared: Tensor) -> Tensor:
    """Put entries `s x s` of shared rows beside those of own rows with all, `b x q x (s + q)`; square matrices."""
    return _Joined.apply(own, shared)


class _Normalized(torch.autograd.Function):
    """Entries `b x q x (s + q)` times factors of the shared and of the own rows; the latter are in the entries.

    One node in the graph, as in a search the overhead of nodes is what takes the time.
    """

    @staticmethod
    def forward(ctx: Any, entries: Tensor, prior: Tensor, factors: Tensor) -> Tensor:
        s = len(factors)
        left = (prior / entries[..., s:].diagonal(dim1=-2, dim2=-1)).sqrt()
        right = torch.cat([factors.expand(len(entries), -1), left], dim=-1)
        ctx.save_for_backward(entries, prior, left, right)
        return entries * left.unsqueeze(-1) * right.unsqueeze(-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        entries, prior, left, right = ctx.saved_tensors
        s = right.shape[-1] - left.shape[-1]
        terms = gradient * entries
        of_left, of_right = (terms * right.unsqueeze(-2)).sum(dim=-1), (terms * left.unsqueeze(-1)).sum(dim=-2)
        of_left += of_right[..., s:]
        of_entries = gradient * left.unsqueeze(-1) * right.unsqueeze(-2)
        variance = entries[..., s:].diagonal(dim1=-2, dim2=-1)
        of_entries[..., s:].diagonal(dim1=-2, dim2=-1).sub_(of_left * left / (2 * variance))
        of_prior = of_left * left / (2 * prior) if ctx.needs_input_grad[1] else None
        of_factors = of_right[..., :s].sum(dim=0) if ctx.needs_input_grad[2] else None
        return of_entries, of_prior, of_factors


class _Joined(torch.autograd.Function):
    """See `joined`."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, shared: Tensor) -> Tensor:
        s = ctx.s = len(shared)
        entries = own.new_empty(len(own), own.shape[2], own.shape[2])
        entries[:, :s, :s], entries[:, s:], entries[:, :s, s:] = shared, own, own[..., :s].mT
        return entries

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_own = gradient[:, ctx.s:].clone()
        of_own[..., :ctx.s] += gradient[:, :ctx.s, ctx.s:].mT
        return of_own, gradient[:, :ctx.s, :ctx.s].sum(dim=0) if ctx.needs_input_grad[1] else None


def split(x: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Split rows `b x n x d` in those that are the same in all batches and the others; tell where each one went."""
    n = x.shape[1]
    same = (x == x[:1]).all(dim=0).all(dim=-1).tolist() if len(x) > 1 else [False] * n
    shared, order = sum(same), sorted(range(n), key=lambda i: not same[i])
    x = pick(x, 1, order)
    return x[:, :shared], x[:, shared:], sorted(range(n), key=order.__getitem__)


def pick(x: Tensor, dim: int, order: list[int]) -> Tensor:
    """Put a dimension in another order."""
    return x if order == [*range(len(order))] else x.index_select(dim, torch.tensor(order, device=x.device))


def _of_shared(covariance: Covariance, shared1: Tensor, shared2: Tensor) -> Shared:
    """Evaluate the covariances of rows `b x s x d` and `b x s' x d` that all batches share."""
    points1, points2 = (covariance.points(rows.mean(dim=0) if rows.requires_grad else rows[0])
                        for rows in (shared1, shared2))
    factors = covariance.row_scaling(points2)
    return Shared(points2, normalized(covariance(points1, points2), covariance.row_scaling(points1), factors), factors)
