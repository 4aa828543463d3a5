"""Permanents of small matrices of nonnegative entries, many at a time, with gradients.

The average of a product kernel over the symmetric group on m blocks is a permanent: with M_ij = k(block i of x, block j
of x'), the sum over all m! permutations is per(M). Dynamic programming over the subsets of the columns takes m 2^(m-1)
multiplications, and loses no digits, as all terms are positive. (Glynn's formula, "The permanent of a square matrix",
European Journal of Combinatorics 2010, takes as many, and its terms cancel.)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ax_symmetry.kernels.compiled_permanents import LARGEST, permanents

CACHE_SIZE = 2**18
"""How many numbers of one layer are held at a time, such that they stay in a processor's cache: 2 MiB in doubles."""


def permanent(entries: Tensor) -> Tensor:
    """Return the permanents of matrices of nonnegative entries.

    Args:
        entries: `m x m x ...` matrices.

    Returns:
        The permanents `...`, once differentiable, to a relative error of about m^2 roundings. N of them, with their
        gradients, take O(N m 2^m) time. The memory beside the entries and their gradients does not grow with N.
    """
    flat = entries.flatten(2) if entries.ndim > 2 else entries.unsqueeze(-1)
    return _Permanent.apply(flat, entries.requires_grad and torch.is_grad_enabled()).view(entries.shape[2:])


class _Permanent(torch.autograd.Function):
    """The permanent and its derivatives, which are the permanents of the minors.

    Laplace's expansion of a minor: over all ways to split the other columns between the rows above and those below,
    the permanent of the part above times that of the part below. Both are known for all subsets of the columns.
    """

    @staticmethod
    def forward(ctx: Any, entries: Tensor, with_gradients: bool) -> Tensor:
        if _fits_compiled(entries) and (found := permanents(entries.detach().numpy(), with_gradients)):
            ctx.save_for_backward(None if found[1] is None else torch.from_numpy(found[1]))
            return torch.from_numpy(found[0])
        m, size = len(entries), entries.shape[2]
        values = entries.new_empty(size)
        minors = torch.empty_like(entries) if with_gradients else None
        step = max(1, CACHE_SIZE // (comb(m, m // 2) * max(1, m // 2)))
        for start in range(0, size, step):
            chunk = slice(start, start + step)
            above = _layers(entries[..., chunk])
            values[chunk] = above[m][0]
            if minors is not None:
                below = _layers(entries[1:, :, chunk].flip(0))
                for row in range(m):
                    before, after = _minors(m, row, str(entries.device))
                    minors[row, :, chunk] = (above[row][before] * below[m - 1 - row][after]).sum(dim=1)
        ctx.save_for_backward(minors)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0] * gradient, None


def _fits_compiled(entries: Tensor) -> bool:
    return entries.device.type == "cpu" and entries.dtype == torch.double and len(entries) <= LARGEST


def _layers(entries: Tensor) -> list[Tensor]:
    """Return the permanents of the first k of some rows with every k of the m columns, `comb(m, k) x N`, for all k.

    Expanded by the last row: the sum over its columns of the entry times the permanent without row and column.
    """
    m = entries.shape[1]
    layers = [entries.new_ones(1, entries.shape[2]), *entries[:1]]
    for k in range(2, len(entries) + 1):
        rest, last = _expansion(m, k, str(entries.device))
        layers.append((layers[-1][rest] * entries[k - 1][last]).sum(dim=1))
    return layers


@lru_cache(maxsize=None)
def _expansion(m: int, k: int, device: str) -> tuple[Tensor, Tensor]:
    """Return for every k of m columns the k subsets without one of them, and that one, both `comb(m, k) x k`."""
    number = {s: i for i, s in enumerate(combinations(range(m), k - 1))}
    subsets = list(combinations(range(m), k))
    rest = [[number[s[:i] + s[i + 1:]] for i in range(k)] for s in subsets]
    return torch.tensor(rest, device=device), torch.tensor(subsets, device=device)


@lru_cache(maxsize=None)
def _minors(m: int, row: int, device: str) -> tuple[Tensor, Tensor]:
    """Return for every column all ways to give the others to the rows before and after a row, both `m x ways`."""
    before = {s: i for i, s in enumerate(combinations(range(m), row))}
    after = {s: i for i, s in enumerate(combinations(range(m), m - 1 - row))}
    pairs = []
    for column in range(m):
        others = [j for j in range(m) if j != column]
        pairs.append([(before[s], after[tuple(j for j in others if j not in s)]) for s in combinations(others, row)])
    table = torch.tensor(pairs, device=device)
    return table[..., 0], table[..., 1]
