"""The examples `antenna_layout.py` and `quantum_circuit.py`: their models by hand, their symmetries, a short search.

One-line bugs that turn this file red: distances squared in the pattern; the beam subtracted without its area; angles
not halved; the controlled phase of one pair of neighbours left out; a symmetry that the model does not have.
"""

from __future__ import annotations

import queue
from typing import Any

import antenna_layout as al
import comparison
import numpy as np
import pytest
import quantum_circuit as qc
from support import fast_optimizer


def test_the_pattern_is_its_mean_over_directions() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 3)) * 2
    radius, angle = np.sqrt(rng.random(400_000)), rng.random(400_000) * 2 * np.pi
    u = al.VISIBLE * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pattern = np.abs(np.exp(1j * (u[:, :1] * x + u[:, 1:] * y)).sum(axis=1)) ** 2 / 9
    distances = np.hypot(x[:, None] - x, y[:, None] - y)
    assert al.mean_power(distances, al.VISIBLE) == pytest.approx(pattern.mean(), abs=2e-3)
    outside = pattern[np.hypot(*u.T) > al.BEAM]
    assert al.stray_power(x, y) == pytest.approx(10 * np.log10(outside.mean()), abs=0.03)
    assert al.stray_power(x * 0, y * 0) == pytest.approx(0.0, abs=1e-9)  # one antenna


def test_layouts_may_be_turned_shifted_and_renamed() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((2, al.ELEMENTS)) * al.SIDE
    turned = (x + 1j * y) * np.exp(0.9j) + (2 - 1j)
    order = rng.permutation(al.ELEMENTS)
    wanted = al.stray_power(x, y)
    assert al.stray_power(turned.real[order], turned.imag[order]) == pytest.approx(wanted, abs=1e-9)
    assert abs(al.stray_power(1.1 * x, y) - wanted) > 1e-3


def test_the_circuit() -> None:
    """Without an angle all spins are up; a first angle of pi/2 points all along the field, before they interact."""
    rest = dict.fromkeys(qc.NAMES, 0.0)
    assert qc.energy(rest) == pytest.approx(-qc.QUBITS)
    plus = {**rest, "first_1": np.pi / 2}  # neighbours are down in z, so that no phase is changed
    assert qc.energy(plus) == pytest.approx(-(qc.QUBITS - 2) - qc.FIELD)
    both = {**plus, "first_2": np.pi / 2}  # entangled by the phase: no spin along the field, no correlation in z
    assert qc.energy(both) == pytest.approx(-1.0)
    assert qc.GROUND == pytest.approx(-4.7558517, abs=1e-6)


def test_angles_and_qubits() -> None:
    rng = np.random.default_rng(2)
    point = dict(zip(qc.NAMES, rng.random(len(qc.NAMES)) * qc.TURN))
    wanted = qc.energy(point)
    for order in ((1, 2, 3, 0), (3, 2, 1, 0)):
        moved = {a: point[b] for i, j in enumerate(order) for a, b in zip(qc.BLOCKS[i], qc.BLOCKS[j])}
        moved["first_2"] += qc.TURN
        assert qc.energy(moved) == pytest.approx(wanted, abs=1e-12)
    swapped = {a: point[b] for i, j in enumerate((1, 0, 2, 3)) for a, b in zip(qc.BLOCKS[i], qc.BLOCKS[j])}
    assert abs(qc.energy(swapped) - wanted) > 1e-3
    assert abs(qc.energy({**point, "first_2": point["first_2"] + qc.TURN / 2}) - wanted) > 1e-3


@pytest.mark.parametrize("study", [al, qc])
def test_a_short_search(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "ticks", queue.SimpleQueue(), raising=False)
    with fast_optimizer():
        plain, symmetric = (study.search(method, 0, 5, 6) for method in study.METHODS)
    assert plain[:5] == symmetric[:5] and plain[5] != symmetric[5]
    best = {method: np.minimum.accumulate([[row[study.METRIC] for row in rows]], axis=1)
            for method, rows in zip(study.METHODS, (plain, symmetric))}
    layouts = [{"plain": plain[0], "symmetric": symmetric[5]}] if study is al else []
    assert "median and range" in study.draw(best, *layouts, 5).layout.title.text
