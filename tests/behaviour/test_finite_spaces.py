"""Finite spaces: as many experiments as there are, each once, and then an end; batches of different experiments.

The oracle is brute force: the orbits of all configurations, written out here.

One-line bugs that turn this file red: compare arms and not orbits; leave out observed choices and not their images;
draw on where there is nothing left; let two candidates of a batch round to one experiment, or one to a pending trial;
count configurations outside of the constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from ax.core.observation import ObservationFeatures
from ax.exceptions.core import OptimizationComplete
from ax.exceptions.generation_strategy import GenerationStrategyRepeatedPoints
from ax_symmetry import Canonicalize, SymmetrizeObservations, choose_generation_strategy, get_botorch
from support import AxClient, ObjectiveProperties
from support import MODULAR, Generators, SteppedRange, add_trial, choice, experiment, fast_optimizer, features
from support import float_range, int_range, needs_codes, random_points, space

Key = tuple[Any, ...]


def unordered(p: Mapping[str, Any]) -> Key:
    return tuple(sorted(p.values()))


def rotated(p: Mapping[str, Any]) -> Key:
    x = list(p.values())
    return min(tuple(x[i:] + x[:i]) for i in range(len(x)))


def periodic(p: Mapping[str, Any]) -> Key:
    return tuple(sorted(v % 3 for v in p.values()))


def ints(n: int, lower: int, upper: int) -> list[dict[str, Any]]:
    return [{"name": f"n{i}", "type": "range", "bounds": [lower, upper], "value_type": "int"} for i in range(n)]


def booleans(n: int) -> list[dict[str, Any]]:
    kind = {"type": "choice", "values": [False, True], "value_type": "bool", "is_ordered": True, "sort_values": False}
    return [{"name": f"n{i}", **kind} for i in range(n)]


def blocks(n: int) -> dict[str, Any]:
    return {"blocks": [[f"n{i}"] for i in range(n)]}


CASES: dict[str, tuple[list[dict[str, Any]], list[str], dict[str, Any], Callable[[Mapping[str, Any]], Key]]] = {
    "two integers": (ints(2, 1, 3), [], blocks(2), unordered),
    "four by four": (ints(2, 1, 4), [], blocks(2), unordered),
    "eight binary sites": (ints(8, 0, 1), [], {**blocks(8), "method": "kernel"}, unordered),
    "three booleans": (booleans(3), [], blocks(3), unordered),
    "five sites on a ring": (ints(5, 0, 1), [], {**blocks(5), "group": "cyclic"}, rotated),
    "a constraint": (ints(2, 1, 4), ["n0 + n1 <= 5"], blocks(2), unordered),
    "an order that the group breaks": (ints(2, 1, 3), ["n1 - n0 <= 0.5"], blocks(2), unordered),
    "periods": (ints(2, 0, 5), [], {**blocks(2), "period": {"n0": 3, "n1": 3}}, periodic),
}


def allowed(parameters: Sequence[Mapping[str, Any]], constraints: Sequence[str]) -> list[dict[str, Any]]:
    values = [p.get("values") or range(p["bounds"][0], p["bounds"][1] + 1) for p in parameters]
    points = [dict(zip([p["name"] for p in parameters], row)) for row in product(*values)]
    return [p for p in points if all(eval(c, {}, dict(p)) for c in constraints)]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the candidates that are canonicalised."""
    counted: list[int] = []
    original = Canonicalize.untransform_observation_features

    def count(self: Any, observation_features: list[ObservationFeatures]) -> list[ObservationFeatures]:
        counted.append(len(observation_features))
        return original(self, observation_features)

    monkeypatch.setattr(Canonicalize, "untransform_observation_features", count)
    return counted


@pytest.mark.parametrize("initial", [3, 100])
@pytest.mark.parametrize("case", CASES)
def test_every_experiment_once_and_then_the_end(case: str, initial: int, rows: list[int]) -> None:
    """In the quasi-random step alone, and in both."""
    if "booleans" in case:
        needs_codes()
    parameters, constraints, symmetry, key = CASES[case]
    expected = {key(p) for p in allowed(parameters, constraints)}
    search_space = AxClient.make_search_space(parameters=parameters, parameter_constraints=constraints)
    strategy = choose_generation_strategy(
        search_space, symmetry, num_initialization_trials=initial, random_seed=0, max_parallelism=-1
    )
    client = AxClient(generation_strategy=strategy, random_seed=0, verbose_logging=False)
    client.create_experiment(
        parameters=parameters, parameter_constraints=constraints, objectives={"y": ObjectiveProperties(minimize=False)}
    )
    found: list[Key] = []
    try:
        for _ in range(len(expected)):
            point, index = client.get_next_trial()
            found.append(key(point))
            client.complete_trial(index, {"y": (float(np.sin(sum(k * v for k, v in enumerate(found[-1], 1)))), 0.1)})
    except GenerationStrategyRepeatedPoints:  # before Ax 1.0 there is no quasi-random step to fall back to
        assert not any(hasattr(s, "fallback_specs") for s in strategy._steps)
    assert len(set(found)) == len(found) and set(found) <= expected
    if initial > len(expected):
        assert len(found) == len(expected)
    rows.clear()
    with pytest.raises((OptimizationComplete, GenerationStrategyRepeatedPoints)):
        for _ in range(len(expected) - len(found) + 1):
            client.get_next_trial()
    assert sum(rows) < 200  # and not the 10,000 that Ax draws before it gives up


@pytest.mark.parametrize("fixed", [{}, {"n0": 2}])
def test_more_than_there_are_left_is_the_end_too(fixed: dict[str, Any], rows: list[int]) -> None:
    made = experiment(space([int_range("n0", 1, 3), int_range("n1", 1, 3)]))
    left = 6 if not fixed else 3
    keywords: dict[str, Any] = {
        "experiment": made,
        "transforms": [Canonicalize, *Generators.SOBOL.view_defaults()[1]["transforms"]],
        "transform_configs": {"Canonicalize": blocks(2)},
        "deduplicate": True,
        "seed": 0,
    }
    fixed_features = ObservationFeatures(parameters=fixed)
    arms = Generators.SOBOL(**keywords).gen(left, fixed_features=fixed_features).arms
    assert len({unordered(arm.parameters) for arm in arms}) == left
    rows.clear()
    with pytest.raises(OptimizationComplete):
        Generators.SOBOL(**keywords).gen(left + 1, fixed_features=fixed_features)
    assert sum(rows) == 0


NAMES = ("a", "b", "c")
SYMMETRY = {"blocks": [[n] for n in NAMES]}


def adapter(made: Any, api: str, method: str, symmetry: Mapping[str, Any] = SYMMETRY) -> Any:
    if api == "get_botorch":
        return get_botorch(made, made.lookup_data(), symmetry=symmetry, method=method)
    configs = {"Canonicalize": symmetry, "SymmetrizeObservations": {**symmetry, "method": method}}
    transforms = [Canonicalize, SymmetrizeObservations, *MODULAR.view_defaults()[1]["transforms"]]
    return MODULAR(experiment=made, data=made.lookup_data(), transforms=transforms, transform_configs=configs)


@pytest.mark.parametrize("api", ["get_botorch", "modular"])
@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("best", [4, 9])
@pytest.mark.parametrize("n", [8, 20])
def test_a_batch_of_integers_holds_different_experiments(n: int, best: int, method: str, api: str) -> None:
    """With the optimum inside and in the corner, and a trial that is under way at the optimum."""
    made = experiment(space([int_range(name, 0, 9) for name in NAMES]))
    for p in random_points(made.search_space, n):
        add_trial(made, p, {"y": (-sum((v - best) ** 2 for v in p.values()) / 10, 0.1)})
    pending = {name: best for name in NAMES}
    found = adapter(made, api, method).gen(8, pending_observations={"y": features([pending])}).arms
    keys = {unordered(arm.parameters) for arm in found}
    assert len(keys) == 8 and unordered(pending) not in keys
    assert all(made.search_space.check_membership(arm.parameters, raise_error=True) for arm in found)


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_a_batch_of_choices_and_digits_holds_different_experiments(method: str) -> None:
    needs_codes()
    listed = [choice(f"c{k}", ["x", "y", "z"]) for k in "12"] + [float_range(f"d{k}", 0.0, 0.5, digits=1) for k in "12"]
    made = experiment(space([*listed, int_range("z", 1, 2)]))
    symmetry = {"blocks": [["c1", "d1"], ["c2", "d2"]]}
    for p in random_points(made.search_space, 8):
        p.update({d: round(p[d], 1) for d in ("d1", "d2")})
        add_trial(made, p, {"y": (p["d1"] + p["d2"] + ("xyz".index(p["c1"]) + "xyz".index(p["c2"])) / 2, 0.1)})
    with fast_optimizer():
        found = [arm.parameters for arm in adapter(made, "modular", method, symmetry).gen(6).arms]
    keys = {(*sorted([(p["c1"], p["d1"]), (p["c2"], p["d2"])]), p["z"]) for p in found}
    assert len(keys) == 6


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_ranges_with_steps_stay_on_their_grid(method: str) -> None:
    """To the last bit; and the candidates are different experiments, canonical under a mirror."""
    made = experiment(space([SteppedRange("x"), SteppedRange("y")]))
    symmetry = {"symmetries": [{"blocks": [["x"], ["y"]]}, {"mirror": {"x": 0.5, "y": 0.5}}]}
    on_grid = [0.1 * k for k in range(11)]
    for i, j in [(1, 2), (9, 3), (6, 6), (0, 10), (4, 7)]:
        p = {"x": on_grid[i], "y": on_grid[j]}
        add_trial(made, p, {"y": (-((p["x"] - 0.5) ** 2) - (p["y"] - 0.5) ** 2, 0.1)})
    tried = {tuple(arm.parameters.values()) for arm in made.arms_by_name.values()}
    with fast_optimizer():
        found = adapter(made, "get_botorch", method, symmetry).gen(8).arms
    assert len(found) == 8
    for arm in found:
        i, j = (on_grid.index(v) for v in arm.parameters.values())
        images = [(i, j), (j, i), (10 - i, 10 - j), (10 - j, 10 - i)]
        assert min(images) == (i, j) or tuple(arm.parameters.values()) in tried


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
def test_continuous_candidates_stay_as_they_are(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = experiment(space([float_range(name) for name in NAMES]))
    for p in random_points(made.search_space, 6):
        add_trial(made, p, {"y": (sum(p.values()), 0.1)})
    monkeypatch.setattr("ax_symmetry.space.lattice.Lattice.nearest", lambda *_, **__: pytest.fail("replaced"))
    assert len(adapter(made, "modular", method).gen(2).arms) == 2
