"""Cross-validation never trains on an image of what it holds out, and works in both of Ax's spaces.

The spy records what the model is handed: training and test points in the unit cube. An image of a held-out point is
recognised there by brute force over the permutations of its columns.

One-line bugs that turn this file red: expand the adapter's stored training data instead of each fold's; let twins of
held-out arms stay (`_twins_of_held_out` returning False); expand what Ax holds out, or take the training data of the
second fold for it.
"""

from __future__ import annotations

import numpy as np
import pytest
from ax_symmetry import Canonicalize, SymmetrizeObservations, get_botorch
from ax_symmetry._ax import backend
from cases import BLOCKS, NAMES, assert_no_image_of_what_is_held_out, spied_folds, with_twins
from support import LONE, add_trial, experiment, float_range, space

if backend.GENERATION == "modelbridge":
    from ax.modelbridge.cross_validation import cross_validate
else:
    from ax.adapter.cross_validation import cross_validate

CONFIG = {"blocks": BLOCKS}


@LONE
@pytest.mark.parametrize("untransform", [True, False])
@pytest.mark.parametrize("folds", [-1, 2, 3])
@pytest.mark.parametrize("transforms", [[SymmetrizeObservations], [Canonicalize, SymmetrizeObservations]])
def test_no_image_of_a_held_out_arm(
    transforms: list[type], folds: int, untransform: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_twins()
    adapter = get_botorch(
        made,
        made.lookup_data(),
        transforms=transforms + backend.default_transforms(),
        transform_configs={transform.__name__: CONFIG for transform in transforms},
    )
    calls = spied_folds(adapter, monkeypatch)
    np.random.seed(0)
    results = cross_validate(adapter, folds=folds, untransform=untransform)

    assert len(calls) == (9 if folds == -1 else folds)
    assert sum(len(test) for _, test, _ in calls) == len(results) == 9
    assert all(len(train) % 6 == 0 for train, _, _ in calls)
    assert_no_image_of_what_is_held_out(calls)
    if folds == -1:  # one fold each: the three arms on one orbit leave 6 others, the two on another 7, the rest 8
        assert sorted(len(train) // 6 for train, _, _ in calls) == [6, 6, 6, 7, 7, 8, 8, 8, 8]


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("untransform", [True, False])
def test_results_pair_each_observation_with_its_own_prediction(untransform: bool, method: str) -> None:
    """The held-out predictions follow the observations: a mix-up would destroy the correlation."""
    made = experiment(space([float_range(name) for name in NAMES]))
    rng = np.random.default_rng(1)
    for _ in range(16):
        point = dict(zip(NAMES, rng.random(6).tolist()))
        add_trial(made, point, {"y": (sum(point[f"a{i}"] + point[f"b{i}"] for i in (1, 2, 3)), 0.01)})
    adapter = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method)
    np.random.seed(0)
    results = cross_validate(adapter, folds=2, untransform=untransform)
    observed = [result.observed.data.means[0] for result in results]
    assert len(results) == 16
    assert np.corrcoef(observed, [result.predicted.means[0] for result in results])[0, 1] > 0.95
