"""Functions, search spaces and experiments that several test files use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from ax.core.experiment import Experiment
from ax_symmetry import Symmetry, SymmetryWarning
from compatibility import TWINS
from support import GENERATION, add_trial, choice, experiment, float_range, space

# Three blocks of two slots.
NAMES = ["a1", "b1", "a2", "b2", "a3", "b3"]
BLOCKS = [NAMES[:2], NAMES[2:4], NAMES[4:]]
IMPLIED = (
    space(
        [float_range(n, 0.1, 0.8) if n[0] == "a" else float_range(n, 1, 5) for n in NAMES if n != "a3"],
        [({"a1": 1.0, "a2": 1.0}, 0.9), ({"a1": -1.0, "a2": -1.0}, -0.2)],
    ),
    {"blocks": BLOCKS, "simplex": {"parameters": ["a1", "a2", "a3"]}},
)
"""A space in which a3 is what a1 and a2 leave of one, and its symmetry."""
CATEGORIES = (
    space([choice(n, ["r", "g", "b"], is_ordered=False) if n[0] == "a" else float_range(n) for n in NAMES]),
    {"blocks": BLOCKS},
)
"""A space in which the a are categories, and its symmetry."""


def numbers(p: Mapping[str, Any]) -> dict[str, float]:
    """Return a point of these spaces as numbers, with what it implies."""
    whole = {"a3": 1 - p["a1"] - p["a2"], **p} if "a3" not in p else p
    return {n: "rgb".index(v) / 3 if isinstance(v, str) else float(v) for n, v in whole.items()}


# Three parameters that trade places, and one more.
EXCHANGEABLE = {"blocks": [["a"], ["b"], ["c"]]}


def even(p: Mapping[str, Any]) -> float:
    """Let a, b and c trade places."""
    x = np.array([p["a"], p["b"], p["c"]])
    return float(np.sin(5 * x).sum() + 3 * x.prod() + p["z"])


# Cross-validation.


def with_twins() -> Experiment:
    """Make an experiment of nine arms; arms 3_0 and 4_0 lie on the orbit of 0_0, arm 5_0 on that of 1_0."""
    made = experiment(space([float_range(name) for name in NAMES]))
    rng = np.random.default_rng(0)
    points = [dict(zip(NAMES, rng.random(6).tolist())) for _ in range(7)]
    symmetry = Symmetry.from_config({"blocks": BLOCKS})
    points[3], points[4] = symmetry.orbit(points[0])[1:3]
    points[5] = symmetry.orbit(points[1])[4]
    points += [dict(zip(NAMES, rng.random(6).tolist())) for _ in range(2)]
    for point in points:
        add_trial(made, point, {"y": (sum(point[a] * point[b] for a, b in BLOCKS), 0.05)})
    return made


def spied_folds(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> Sequence[tuple[np.ndarray, np.ndarray, Sequence[str]]]:
    """Record the training and test inputs of every fold that the model sees, and the names of their columns."""
    calls = []
    model = adapter.model if GENERATION == "modelbridge" else adapter.generator
    genuine = model.cross_validate

    def spy(datasets: Any, X_test: Any, **keywords: Any) -> Any:
        calls.append((datasets[0].X.numpy().copy(), X_test.numpy().copy(), list(adapter.parameters)))
        return genuine(datasets=datasets, X_test=X_test, **keywords)

    monkeypatch.setattr(model, "cross_validate", spy)
    return calls


def assert_no_image_of_what_is_held_out(calls: Sequence[tuple[np.ndarray, np.ndarray, Sequence[str]]]) -> None:
    """Check that no fold is trained on an image of a point that it holds out, by brute force."""
    for train, test, columns in calls:
        assert len(train) > 0
        for row in test:
            point = dict(zip(columns, row.tolist()))
            for blocks in permutations(BLOCKS):
                image = {name: point[n] for block, own in zip(BLOCKS, blocks) for name, n in zip(block, own)}
                assert np.abs(train - [image[name] for name in columns]).max(axis=1).min() > 1e-6


# The tables of `compatibility.py`.


def prove(entry: str, name: str, fails_in_plain_ax: Callable[[str], bool], check: Callable[[str], None]) -> None:
    """Prove an entry, or that plain Ax fails where the entry says so."""
    if not entry.startswith("works"):
        assert fails_in_plain_ax(name), entry
    elif "Ax itself" not in entry or not fails_in_plain_ax(name):
        with warnings.catch_warnings():
            if TWINS in entry:
                warnings.simplefilter("ignore", SymmetryWarning)
            check(name)
