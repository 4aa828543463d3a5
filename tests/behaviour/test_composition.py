"""Three fractions that sum to 1, in each way that Ax can write them: the training data, and what `gen` returns.

One-line bugs that turn this file red: leave a derived parameter of an image at the observation's value; let
Canonicalize move all of a block but its derived parameter; read a derived parameter as a free one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ax.core import parameter
from ax.core.parameter import ParameterType
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, get_botorch
from support import IDENTITY, add_trial, equality, experiment, fast_optimizer, features, float_range, space
from support import training_rows

BLOCKS = [[f"size_{k}", f"frac_{k}"] for k in (1, 2, 3)]
CONFIG = {"blocks": BLOCKS, "simplex": {"parameters": ["frac_1", "frac_2", "frac_3"]}}
AT_MOST_ONE = [({"frac_1": 1.0, "frac_2": 1.0}, 1.0)]
WAYS = ["one dropped, and a sum constraint", "an equality constraint", "derived"]


def ranges(*names: str) -> list[Any]:
    return [float_range(f"size_{k}", 1.0, 9.0) for k in (1, 2, 3)] + [float_range(name) for name in names]


def written(way: str) -> Any:
    """Write the search space in one of the ways; skip those that this Ax does not have."""
    if way == "one dropped, and a sum constraint":
        return space(ranges("frac_1", "frac_2"), AT_MOST_ONE)
    if way == "derived":
        if not hasattr(parameter, "DerivedParameter"):
            pytest.skip("this Ax derives no parameters")
        third = parameter.DerivedParameter("frac_3", ParameterType.FLOAT, "1.0 - frac_1 - frac_2")
        return space([*ranges("frac_1", "frac_2"), third], AT_MOST_ONE)
    constraint = equality("frac_1 + frac_2 + frac_3 == 1")
    if constraint is None:
        pytest.skip("this Ax has no equality constraints")
    made = space(ranges("frac_1", "frac_2", "frac_3"))
    made.add_parameter_constraints([constraint])
    return made


def measured(search_space: Any) -> Any:
    rng = np.random.default_rng(0)
    made = experiment(search_space)
    for _ in range(6):
        fractions = rng.dirichlet([1.0, 1.0, 1.0])
        point = {f"size_{k}": float(rng.uniform(1, 9)) for k in (1, 2, 3)}
        point |= {f"frac_{k}": float(f) for k, f in zip((1, 2), fractions)}
        value = whole(point)
        mean = sum(value[size] * value[fraction] for size, fraction in BLOCKS)
        add_trial(made, value if "frac_3" in search_space.parameters else point, {"y": (mean, 0.1)})
    return made


def whole(point: dict[str, float]) -> dict[str, float]:
    """Add the fraction that is implied."""
    return {**point, "frac_3": point.get("frac_3", 1.0 - point["frac_1"] - point["frac_2"])}


@pytest.mark.parametrize("way", WAYS)
def test_images_move_whole_components(way: str) -> None:
    made = measured(written(way))
    rows = training_rows(made, SymmetrizeObservations, CONFIG)
    assert len(rows) == 36
    components = [
        sorted((point[size], round(point[f], 9)) for size, f in BLOCKS)
        for row in rows
        for point in [whole(row["parameters"])]
    ]
    for row, moved in zip(rows, components):
        assert abs(sum(whole(row["parameters"])[f] for _, f in BLOCKS) - 1.0) < IDENTITY
        assert components.count(moved) == 6
    assert len({tuple(row["parameters"][n] for n in ("size_1", "frac_1", "size_2")) for row in rows}) == 36


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("way", WAYS)
def test_candidates_are_canonical_and_sum_to_one(way: str, method: str) -> None:
    search_space = written(way)
    made = measured(search_space)
    adapter = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method)
    with fast_optimizer():
        arms = adapter.gen(3).arms
    assert len(arms) == 3
    for arm in arms:
        point = whole(arm.parameters)
        assert search_space.check_membership(arm.parameters)
        assert abs(sum(point[f] for _, f in BLOCKS) - 1.0) < 1e-6
        components = [(point[size], round(point[f], 9)) for size, f in BLOCKS]  # an implied fraction is rounded
        assert components == sorted(components)


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("way", WAYS)
def test_predictions_agree_over_an_orbit(way: str, method: str) -> None:
    search_space = written(way)
    made = measured(search_space)
    adapter = get_botorch(made, made.lookup_data(), symmetry=CONFIG, method=method)
    orbit = Symmetry.from_config(CONFIG).orbit(whole(dict(made.arms_by_name["0_0"].parameters)))
    known = set(search_space.parameters)
    means = adapter.predict(features([{n: v for n, v in point.items() if n in known} for point in orbit]))[0]["y"]
    assert len(means) == 6 and np.ptp(means) < 1e-6


def test_a_derived_fraction_of_a_candidate_moves_along() -> None:
    search_space = written("derived")
    transform = Canonicalize(search_space=search_space, config=CONFIG)
    point = {"size_1": 5.0, "size_2": 3.0, "size_3": 1.0, "frac_1": 0.5, "frac_2": 0.25, "frac_3": 0.25}
    (found,) = transform.untransform_observation_features(features([point]))
    assert found.parameters == {
        "size_1": 1.0,
        "size_2": 3.0,
        "size_3": 5.0,
        "frac_1": 0.25,
        "frac_2": 0.25,
        "frac_3": 0.5,
    }
