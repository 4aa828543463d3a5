"""Predictions depend on the data and the point alone, never on an earlier call.

With few images of each observation the model is asked about canonical points alone, so that what `gen` was asked for
would show. The oracle is the same fitted model before any call, and the orbit: its members have one prediction.

One-line bugs that turn this file red: keep what `gen` was asked for when it is over, or has failed; let the predictions
that `gen` makes of its own candidates see it; note the values of an incomplete point that is to be predicted.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from itertools import permutations
from pickle import dumps, loads
from typing import Any

import numpy as np
import pytest
import torch
from ax.core.experiment import Experiment
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace
from ax_symmetry import get_botorch
from ax_symmetry._ax.fitted_models import generator_of
from support import GENERATION, experiment, fast_optimizer, features, fill, float_range, space

BLOCKS = {"blocks": [["a"], ["b"], ["c"]]}
IMAGES = features(dict(zip("abc", v)) for v in permutations([0.05, 0.4, 0.95]))
FIXED = ObservationFeatures(parameters={"a": 0.9})


def made() -> Experiment:
    def function(p: Any) -> float:
        return float(sum((v - 0.3) ** 2 for v in p.values()) - p["a"] * p["b"] * p["c"])

    return fill(experiment(space([float_range(n) for n in "abc"])), 8, function)


def narrow() -> SearchSpace:
    return space([float_range("a", 0.5, 1.0), float_range("b"), float_range("c")])


def failing(adapter: Any) -> None:
    """Let the generator fail after the transforms have been shown what `gen` was asked for."""
    generator = generator_of(adapter)

    def fail(**_: Any) -> None:
        raise RuntimeError("half way")

    generator.gen = fail
    with pytest.raises(RuntimeError, match="half way"):
        adapter.gen(1, search_space=narrow(), fixed_features=FIXED)


def incomplete(adapter: Any) -> None:
    with pytest.raises(KeyError):
        adapter.predict([FIXED])


def crossvalidated(adapter: Any) -> None:
    """Cross-validate, whose folds are fitted to other data."""
    with fast_optimizer():
        adapter.gen(1, fixed_features=FIXED)
    import_module(f"ax.{GENERATION}.cross_validation").cross_validate(adapter)


def generating(*args: Any, **keywords: Any) -> Callable[[Any], None]:
    def call(adapter: Any) -> None:
        with fast_optimizer():
            adapter.gen(1, *args, **keywords)

    return call


CALLS: dict[str, Callable[[Any], Any]] = {
    "fixed features": generating(fixed_features=FIXED),
    "narrower space": generating(search_space=narrow()),
    "both, by position": generating(narrow(), None, None, FIXED),
    "a failed gen": failing,
    "an incomplete point": incomplete,
    "cross-validation": crossvalidated,
}


@pytest.fixture(scope="module", params=[{"max_images": 2}, {"max_images": 3, "select": "random"}, {"method": "kernel"}])
def fitted(request: pytest.FixtureRequest) -> Any:
    with fast_optimizer():
        experiment = made()
        return get_botorch(experiment, experiment.lookup_data(), symmetry={**BLOCKS, **request.param})


@pytest.mark.parametrize("call", CALLS)
def test_a_call_leaves_no_trace(fitted: Any, call: str) -> None:
    before = np.array(fitted.predict(IMAGES)[0]["y"])
    assert np.ptp(before) < 1e-9
    adapter = deepcopy(fitted)
    CALLS[call](adapter)
    np.testing.assert_allclose(adapter.predict(IMAGES)[0]["y"], before, rtol=0, atol=1e-12)


def test_acquisition_values_leave_no_trace(fitted: Any) -> None:
    if not hasattr(type(generator_of(fitted)), "surrogate"):
        pytest.skip("not a generator that evaluates acquisition functions")
    before = np.array(fitted.predict(IMAGES)[0]["y"])
    torch.manual_seed(0)
    alone = fitted.evaluate_acquisition_function(IMAGES[:1])
    with fast_optimizer():
        fitted.gen(1, fixed_features=FIXED)
    torch.manual_seed(0)
    assert fitted.evaluate_acquisition_function(IMAGES[:1]) == pytest.approx(alone)
    fitted.evaluate_acquisition_function(IMAGES[:1], search_space=narrow(), fixed_features=FIXED)
    np.testing.assert_allclose(fitted.predict(IMAGES)[0]["y"], before, rtol=0, atol=1e-12)


def test_what_gen_predicts_of_its_candidates_is_what_predict_says(fitted: Any) -> None:
    with fast_optimizer():
        found = fitted.gen(1, fixed_features=FIXED)
    assert found.arms[0].parameters["a"] == 0.9
    said = fitted.predict(features([found.arms[0].parameters]))[0]["y"]
    np.testing.assert_allclose(found.model_predictions[0]["y"], said, rtol=0, atol=1e-9)


def test_a_pickled_adapter_makes_its_own_calls(fitted: Any) -> None:
    if "select" in str(fitted._transform_configs):
        pytest.skip("one is enough")
    try:
        other = loads(dumps(fitted))
    except Exception as error:  # what else stands in the way of pickling is another matter
        pytest.skip(f"not pickled: {error}")
    assert other.gen.adapter is other
