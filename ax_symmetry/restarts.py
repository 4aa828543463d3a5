"""Covariances as a search evaluates them: at many places at once, with rows that all the places share.

In the search for a candidate the training rows and the trials that run are the same in all restarts and all steps, nine
rows in ten. Their covariances are evaluated once and kept.
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
    def paired(self, one: Tensor, other: Tensor) -> Tensor:
        """Evaluate each of n points with its counterpart, `... x n`."""

    @abstractmethod
    def prior(self, points: Tensor) -> Tensor | float:
        """Return the variance of normalized entries, `... x n` or of a shape that broadcasts to it."""

    def factors(self, points: Tensor, variance: Tensor | None = None) -> Tensor | None:
        """Return what the entries of points are multiplied by, `... x n`; None for 1."""
        if not self.normalize:
            return None
        return (self.prior(points) / (self.paired(points, points) if variance is None else variance)).sqrt()


@dataclass(frozen=True)
class Shared:
    """Rows that all places share, and what is known of them.

    Attributes:
        rows1: Rows `s x d`.
        rows2: Rows `s' x d`.
        points: Those of the second rows.
        entries: Their covariances, `s x s'`.
        factors: By what the second rows' entries are multiplied, `s'`.
    """

    rows1: Tensor
    rows2: Tensor
    points: Tensor
    entries: Tensor
    factors: Tensor | None


class Constants:
    """Rows that are no variables of a search, and the blocks of them that it evaluated last.

    Rows that are the same in all restarts need not be constants: candidates may meet in a corner, even in one that was
    measured. They are taken for such if each was evaluated by itself before (rows `n x d`, without a gradient), as
    training rows and those of trials are, and if as many rows never were as different as now.
    """

    def __init__(self) -> None:
        self.rows: Tensor | None = None
        self.fewest: dict[int, int] = {}
        self.blocks: list[Shared] = []

    def learn(self, rows: Tensor) -> None:
        """Remember rows `n x d`."""
        if not self.are(rows):
            self.rows = rows.detach() if self.rows is None else torch.cat([self.rows, rows.detach()])

    def may_be(self, shared: int, n: int) -> bool:
        """Tell whether of n rows no fewer were shared before."""
        self.fewest[n] = min(shared, self.fewest.get(n, n))
        return shared == self.fewest[n]

    def are(self, rows: Tensor) -> bool:
        """Tell whether all of some rows `n x d` are known."""
        return self.rows is not None and bool((rows.unsqueeze(1) == self.rows).all(dim=-1).any(dim=-1).all())

    def find(self, rows1: Tensor, rows2: Tensor) -> Shared | None:
        """Look up a block of entries."""
        for block in self.blocks:
            if torch.equal(block.rows1, rows1) and torch.equal(block.rows2, rows2):
                return block
        return None

    def keep(self, block: Shared) -> None:
        """Keep a block of entries."""
        self.blocks = [block, *self.blocks[:2]]


def normalized(entries: Tensor, factors1: Tensor | None, factors2: Tensor | None) -> Tensor:
    """Multiply entries `... x n x n'` by factors of their rows, `... x n` and `... x n'`."""
    if factors1 is None or factors2 is None:
        return entries
    return entries * (factors1.unsqueeze(-1) * factors2.unsqueeze(-2))


def over_restarts(
    covariance: Covariance, x1: Tensor, x2: Tensor, constants: Constants | None = None
) -> Tensor | None:
    """Evaluate a covariance function on batches of rows, for rows that are the same in all of them once.

    Args:
        covariance: The function.
        x1: Rows `b x n x d`.
        x2: The same, or rows `b x n' x d` that all batches share.
        constants: Rows that are no variables; their entries are kept there. None if the function itself may change.

    Returns:
        Entries `b x n x n'`, or None if there is nothing to gain. Where variables of an optimiser have the same value
        in all batches (in its first step, if ever), each gets the mean of their gradients.
    """
    alike = x1 is x2 or torch.equal(x1, x2)
    shared2, own2, order2 = _split(x2)
    if not shared2.shape[1] or own2.shape[1] and not alike:
        return None
    shared1, own1, order1 = (shared2, own2, order2) if alike else _split(x1)
    shared = _of_shared(covariance, shared1, shared2, x1.shape[1] + x2.shape[1], constants)
    entries = shared.entries
    if own1.shape[1]:
        points = covariance.points(own1)
        own = covariance(points, torch.cat([shared.points.expand(len(x1), -1, -1), points], dim=1))
        prior = None if shared.factors is None else torch.as_tensor(covariance.prior(points)).expand(own.shape[:2])
        entries = _Joined.apply(own, entries, prior, shared.factors, alike)
    return _pick(_pick(entries.expand(len(x1), -1, -1), 1, order1), 2, order2)


class _Joined(torch.autograd.Function):
    """Entries of the shared rows with each other, `s x s'`, beside those of the own rows with s' shared and q own ones.

    The latter, `b x q x (s' + q)`, are normalized here, if the factors of shared rows are given. One node in the graph,
    as in a search the overhead of nodes is what takes the time.
    """

    @staticmethod
    def forward(
        ctx: Any, own: Tensor, shared: Tensor, prior: Tensor | None, factors: Tensor | None, alike: bool
    ) -> Tensor:
        (b, q, _), (s1, s2) = own.shape, shared.shape
        left = right = None
        normal = own
        if prior is not None and factors is not None:
            left = (prior / own[..., s2:].diagonal(dim1=-2, dim2=-1)).sqrt()
            right = torch.cat([factors.expand(b, -1), left], dim=-1)
            normal = own * left.unsqueeze(-1) * right.unsqueeze(-2)
        ctx.save_for_backward(own, prior, left, right)
        ctx.alike, ctx.shape = alike, shared.shape
        entries = own.new_empty(b, s1 + q, s2 + q if alike else s2)
        entries[:, :s1, :s2] = shared
        entries[:, s1:] = normal[..., :entries.shape[2]]
        if alike:
            entries[:, :s1, s2:] = normal[..., :s2].mT
        return entries

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        own, prior, left, right = ctx.saved_tensors
        s1, s2 = ctx.shape
        of_own, of_prior, of_factors = torch.zeros_like(own), None, None
        of_own[..., :gradient.shape[2]] = gradient[:, s1:]
        if ctx.alike:
            of_own[..., :s2] += gradient[:, :s1, s2:].mT
        of_shared = gradient[:, :s1, :s2].sum(dim=0) if ctx.needs_input_grad[1] else None
        if left is not None:
            terms = of_own * own
            of_left = (terms * right.unsqueeze(-2)).sum(dim=-1)
            of_right = (terms * left.unsqueeze(-1)).sum(dim=-2)
            of_left += of_right[..., s2:]
            of_own *= left.unsqueeze(-1) * right.unsqueeze(-2)
            variance = own[..., s2:].diagonal(dim1=-2, dim2=-1)
            of_own[..., s2:].diagonal(dim1=-2, dim2=-1).sub_(of_left * left / (2 * variance))
            of_prior = of_left * left / (2 * prior) if ctx.needs_input_grad[2] else None
            of_factors = of_right[..., :s2].sum(dim=0) if ctx.needs_input_grad[3] else None
        return of_own, of_shared, of_prior, of_factors, None


def _split(x: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Split rows `b x n x d` in those that are the same in all batches and the others; tell where each one went."""
    n = x.shape[1]
    same = (x == x[:1]).all(dim=0).all(dim=-1).tolist() if len(x) > 1 else [False] * n
    shared, order = sum(same), sorted(range(n), key=lambda i: not same[i])
    x = _pick(x, 1, order)
    return x[:, :shared], x[:, shared:], sorted(range(n), key=order.__getitem__)


def _pick(x: Tensor, dim: int, order: list[int]) -> Tensor:
    return x if order == [*range(len(order))] else x.index_select(dim, torch.tensor(order, device=x.device))


def _of_shared(
    covariance: Covariance, shared1: Tensor, shared2: Tensor, n: int, constants: Constants | None
) -> Shared:
    """Look up, or evaluate, the covariances of shared rows `b x s x d` and `b x s' x d`, of n rows in all."""
    rows1, rows2 = shared1[0].detach(), shared2[0].detach()
    if constants is not None and constants.may_be(len(rows1) + len(rows2), n):
        block = constants.find(rows1, rows2)
        if block is not None:
            return block
        constant = constants.are(torch.cat([rows1, rows2]))
    else:
        constant = False
    if not constant and torch.is_grad_enabled():
        rows1, rows2 = shared1.mean(dim=0), shared2.mean(dim=0)
    points1, points2 = covariance.points(rows1), covariance.points(rows2)
    factors = covariance.factors(points2)
    entries = normalized(covariance(points1, points2), covariance.factors(points1), factors)
    block = Shared(rows1, rows2, points2, entries, factors)
    if constants is not None and constant:
        constants.keep(block)
    return block
