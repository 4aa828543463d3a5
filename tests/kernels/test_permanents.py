"""Permanents and their gradients, against all permutations in exact arithmetic.

One-line bugs that turn this file red: leave out the last row; take the rows below in the wrong order; cut the last
chunk short; forget a column's sign of membership when minors are looked up.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from math import prod

import numpy as np
import pytest
import torch
from ax_symmetry.kernels import permanents
from ax_symmetry.kernels.permanents import permanent


def exact(matrix: np.ndarray) -> Fraction:
    m = len(matrix)
    entries = [[Fraction(float(v)) for v in row] for row in matrix]
    return sum((prod(entries[i][p[i]] for i in range(m)) for p in permutations(range(m))), Fraction(0))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 7])
def test_against_exact_arithmetic(m: int) -> None:
    """Entries over 200 orders of magnitude: no digit is lost."""
    rng = np.random.default_rng(m)
    for spread in (0.0, 5.0, 100.0 / m):
        matrix = np.exp(-spread * rng.random((m, m)) * 2)
        found = float(permanent(torch.from_numpy(matrix)))
        assert abs(Fraction(found) / exact(matrix) - 1) < 1e-13


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_derivatives_are_permanents_of_minors(m: int) -> None:
    matrix = np.random.default_rng(m).random((m, m))
    entries = torch.from_numpy(matrix).requires_grad_()
    permanent(entries).backward()
    for i in range(m):
        for j in range(m):
            minor = np.delete(np.delete(matrix, i, axis=0), j, axis=1)
            assert float(entries.grad[i, j]) == pytest.approx(float(exact(minor)) if m > 1 else 1.0, rel=1e-13)


def test_many_at_a_time_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = torch.rand(5, 5, 7, 11, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    one_by_one = torch.stack([permanent(entries[..., i, j]) for i in range(7) for j in range(11)]).view(7, 11)
    for chunk in (1, 60, 2**18):
        monkeypatch.setattr(permanents, "CACHE_SIZE", chunk)
        at_once = entries.clone().requires_grad_()
        assert torch.allclose(permanent(at_once), one_by_one, rtol=1e-14)
        permanent(at_once).sum().backward()
        assert torch.allclose((at_once.grad * entries).sum(dim=(0, 1)), 5 * one_by_one, rtol=1e-13)  # Euler's theorem


def test_all_ones_count_the_permutations() -> None:
    assert float(permanent(torch.ones(12, 12, dtype=torch.double))) == 479_001_600.0
