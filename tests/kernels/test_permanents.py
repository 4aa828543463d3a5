"""Permanents and their gradients, against all permutations in exact arithmetic.

One-line bugs that turn this file red: leave out the last row; take the rows below in the wrong order; cut the last
chunk short; forget a column's sign of membership when minors are looked up. In the compiled ones: leave out the last
matrices, fewer than go side by side; do not clear the derivatives of those before.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import permutations
from math import prod

import numpy as np
import pytest
import torch
from ax_symmetry.kernels import compiled_permanents, permanents
from ax_symmetry.kernels.permanents import permanent


def exact(matrix: np.ndarray) -> Fraction:
    m = len(matrix)
    entries = [[Fraction(float(v)) for v in row] for row in matrix]
    return sum((prod(entries[i][p[i]] for i in range(m)) for p in permutations(range(m))), Fraction(0))


@pytest.fixture(params=["torch", "compiled"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Compute them by torch's operations, and by what numba compiles."""
    if request.param == "torch":
        monkeypatch.setattr(compiled_permanents, "compiled", lambda: None)
    elif compiled_permanents.compiled() is None:
        pytest.skip("numba is not installed")
    return request.param


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


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_any_number_of_matrices(size: int) -> None:
    """Some of them without memory of their own, as the entries of a broadcast or transposed matrix."""
    entries = torch.rand(size, 4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(size)).movedim(0, 2)
    entries.requires_grad_()
    found = permanent(entries)
    assert found.tolist() == pytest.approx([float(exact(entries[..., i].detach().numpy())) for i in range(size)])
    assert torch.allclose(permanent(entries[..., :1].expand(-1, -1, 5)), found[0].expand(5), rtol=1e-14)
    found.sum().backward()
    of_minors = [exact(np.delete(entries[1:, :, i].detach().numpy(), 2, axis=1)) for i in range(size)]
    assert entries.grad is not None
    assert entries.grad[0, 2].tolist() == pytest.approx([float(value) for value in of_minors], rel=1e-13)


def test_a_numba_that_cannot_be_imported_is_no_numba(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled_permanents.compiled.cache_clear()
    assert compiled_permanents.compiled() is None
    assert float(permanent(torch.ones(3, 3, dtype=torch.double))) == 6.0
    compiled_permanents.compiled.cache_clear()


def test_single_precision(way: str) -> None:
    entries = torch.rand(4, 4, 3, generator=torch.Generator().manual_seed(1))
    assert permanent(entries).dtype == torch.float32
    assert torch.allclose(permanent(entries), permanent(entries.double()).float())


def test_all_ones_count_the_permutations() -> None:
    assert float(permanent(torch.ones(12, 12, dtype=torch.double))) == 479_001_600.0
