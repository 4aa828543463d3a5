"""Permanents of small matrices of nonnegative entries, many at a time, with gradients.

The average of a product kernel over the symmetric group on m blocks is a permanent: with M_ij = k(block i of x, block j
of x'), the sum over all m! permutations is per(M). Dynamic programming over the subsets of the columns takes m 2^(m-1)
multiplications for it, and, all terms being positive, loses no digits (Glynn's formula, "The permanent of a square
matrix", European Journal of Combinatorics 2010, costs as much and cancels).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 2**18
"""How many numbers of one layer are held at a time: what fits into a processor's cache."""


def permanent(entries: Tensor) -> Tensor:
    """Return the permanents of matrices of nonnegative entries.

    Args:
        entries: `m x m x ...` matrices.

    Returns:
        The permanents `...`, to a relative error of about m^2 roundings. Time is O(N m 2^m) for N of them; memory
        beside the entries and their gradients (once differentiable) does not grow with N.
    """
    flat = entries.flatten(2) if entries.ndim > 2 else entries.unsqueeze(-1)
    return _Permanent.apply(flat, entries.requires_grad and torch.is_grad_enabled()).view(entries.shape[2:])


class _Permanent(torch.autograd.Function):
    """The derivative by an entry is the permanent of its minor: of parts of the rows above times of those below."""

    @staticmethod
    def forward(ctx: Any, entries: Tensor, with_gradients: bool) -> Tensor:
        m, size = len(entries), entries.shape[2]
        values = entries.new_empty(size)
        minors = torch.empty_like(entries) if with_gradients else None
        step = max(1, CHUNK // (comb(m, m // 2) * max(1, m // 2)))
        for start in range(0, size, step):
            own = slice(start, start + step)
            above = _layers(entries[..., own])
            values[own] = above[m][0]
            if minors is not None:
                below = _layers(entries[1:, :, own].flip(0))
                for row in range(m):
                    before, after = _minors(m, row, str(entries.device))
                    minors[row, :, own] = (above[row][before] * below[m - 1 - row][after]).sum(dim=1)
        ctx.save_for_backward(minors)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0] * gradient, None


def _layers(entries: Tensor) -> list[Tensor]:
    """List for the first k of some rows, k from 0 on, their permanents with every k of m columns, `comb(m, k) x N`."""
    m = entries.shape[1]
    layers = [entries.new_ones(1, entries.shape[2]), *entries[:1]]
    for k in range(2, len(entries) + 1):
        rest, last = _expansion(m, k, str(entries.device))
        layers.append((layers[-1][rest] * entries[k - 1][last]).sum(dim=1))
    return layers


@lru_cache(maxsize=None)
def _expansion(m: int, k: int, device: str) -> tuple[Tensor, Tensor]:
    """For every k of m columns: which k - 1 remain without each of them, and which that is, both `comb(m, k) x k`."""
    number = {s: i for i, s in enumerate(combinations(range(m), k - 1))}
    subsets = list(combinations(range(m), k))
    rest = [[number[s[:i] + s[i + 1:]] for i in range(k)] for s in subsets]
    return torch.tensor(rest, device=device), torch.tensor(subsets, device=device)


@lru_cache(maxsize=None)
def _minors(m: int, row: int, device: str) -> tuple[Tensor, Tensor]:
    """For every column: which of the others lie in the rows before this one, and which after, `m x ways` each."""
    before = {s: i for i, s in enumerate(combinations(range(m), row))}
    after = {s: i for i, s in enumerate(combinations(range(m), m - 1 - row))}
    pairs = []
    for column in range(m):
        others = [j for j in range(m) if j != column]
        pairs.append([(before[s], after[tuple(j for j in others if j not in s)]) for s in combinations(others, row)])
    table = torch.tensor(pairs, device=device)
    return table[..., 0], table[..., 1]
