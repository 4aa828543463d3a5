"""Ax's own predictions, cross-validation, contour and slice plots run on the fitted adapter, and are symmetric.

One-line bugs that turn this file red: let SymmetrizeObservations expand the features of a prediction; let Canonicalize
shuffle the order of the features; take both transforms out of `get_botorch`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from ax.plot.contour import plot_contour_plotly
from ax.plot.slice import plot_slice_plotly
from ax_symmetry import get_botorch
from ax_symmetry._ax import backend
from support import experiment, fast_optimizer, features, fill, float_range, space

NAMES = ["x1", "x2", "x3"]
CONFIG = {"blocks": [[name] for name in NAMES]}
cross_validation = import_module(f"ax.{backend.GENERATION}.cross_validation")


@pytest.fixture(scope="module", params=["augmentation", "kernel"])
def adapter(request: Any) -> Any:
    """Fit twelve observations, and search once, so that what stands in for the model has come and gone."""
    made = fill(
        experiment(space([float_range(n) for n in NAMES])),
        12,
        lambda p: np.prod([np.sin(5 * p[n]) for n in NAMES]) + sum(p.values()),
        sem=0.02,
    )
    fitted = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=request.param)
    with fast_optimizer():
        fitted.gen(2)
    return fitted


def test_predictions(adapter: Any) -> None:
    rows = np.random.default_rng(0).random((10, 3))
    means = [
        adapter.predict(features(dict(zip(NAMES, row)) for row in rows[:, order]))[0]["y"]
        for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2])
    ]
    np.testing.assert_allclose(means[1:], [means[0]] * 2, atol=1e-6)


def test_cross_validation_predicts_each_observation_once(adapter: Any) -> None:
    results = cross_validation.cross_validate(adapter, folds=3)
    assert len(results) == 12
    assert len({result.observed.arm_name for result in results}) == 12
    observed = [result.observed.data.means[0] for result in results]
    predicted = [result.predicted.means[0] for result in results]
    assert np.corrcoef(observed, predicted)[0, 1] > 0.5


def test_a_contour_plot_is_its_own_mirror_image(adapter: Any) -> None:
    figure = plot_contour_plotly(adapter, "x1", "x2", "y", density=15, slice_values={"x3": 0.4})
    surfaces = [np.array(trace.z, dtype=float) for trace in figure.data if getattr(trace, "z", None) is not None]
    assert surfaces
    for z in surfaces:
        assert z.shape == (15, 15) and np.ptp(z) > 1e-3
        np.testing.assert_allclose(z, z.T, atol=1e-6)


def test_slices_through_the_diagonal_agree(adapter: Any) -> None:
    curves = []
    for name in NAMES:
        figure = plot_slice_plotly(adapter, name, "y", density=15, slice_values={n: 0.3 for n in NAMES if n != name})
        curves.append([np.array(t.y, dtype=float) for t in figure.data if t.y is not None and len(t.y) >= 15])
    assert curves[0]
    for other in curves[1:]:
        for one, two in zip(curves[0], other):
            np.testing.assert_allclose(one, two, atol=1e-6)
