"""Symmetric matrices of n rows, each pair of them once: n (n + 1) / 2 entries, those of a row i and a row j >= i."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=4)
def upper_triangle(n: int, device: str) -> Tensor:
    """Return the places of the pairs in the flattened matrix."""
    first, second = torch.triu_indices(n, n, device=device)
    return first * n + second


def to_matrices(entries: Tensor, n: int) -> Tensor:
    """Return symmetric matrices `... x n x n` of entries `... x n (n + 1) / 2`."""
    return entries.index_select(-1, _numbers(n, str(entries.device))).unflatten(-1, (n, n))


@lru_cache(maxsize=4)
def _numbers(n: int, device: str) -> Tensor:
    """Return at every place of the flattened matrix the number of its pair."""
    i, j = torch.triu_indices(n, n, device=device)
    numbers = i.new_empty(n, n)
    numbers[i, j] = numbers[j, i] = torch.arange(len(i), device=device)
    return numbers.flatten()
