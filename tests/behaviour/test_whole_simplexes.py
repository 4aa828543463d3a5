"""Doses in whole numbers, with digits, and by steps, one of them implied: from the declaration to the loop.

The oracle is arithmetic: what the doses sum to, the grid that they are on, their order, and the orbit written out by
`permutations`.

One-line bugs that turn this file red: an implied number left off the grid by rounding, or computed before the others
are rounded; positions of choices added up in place of values; a choice's column without a slope in `_line`; constraints
on choices left to Ax as they are (it takes them for ones on positions).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from ax.core.search_space import SearchSpace
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, choose_generation_strategy, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry.transforms.numbered_choices import _takes_values_for_positions, constraints_on_positions
from support import AxClient, ObjectiveProperties
from support import MODULAR, add_trial, choice, experiment, fast_optimizer, features, float_range, int_range
from support import random_points, space, training_rows

NAMES = ["w1", "w2", "w3"]
KINDS = {"integers": (1, 100, 0), "digits": (0.01, 1.0, 0.0), "steps": (5.0, 320.0, 10.0)}
"""For each kind the step, the total and the lower bound."""

Point = Mapping[str, Any]


def config(kind: str, names: list[str] = NAMES) -> dict[str, Any]:
    return {"blocks": [[n] for n in names], "simplex": {"parameters": names, "total": KINDS[kind][1]}}


def doses(kind: str, names: list[str] = NAMES) -> list[Any]:
    """Make all parameters but the last one, which is implied."""
    step, total, lower = KINDS[kind]
    upper = total - (len(names) - 1) * lower
    if kind == "integers":
        return [int_range(n, int(lower), int(upper)) for n in names[:-1]]
    if kind == "digits":
        return [float_range(n, lower, upper, digits=2) for n in names[:-1]]
    return [choice(n, np.arange(lower, upper + step / 2, step).tolist()) for n in names[:-1]]


def made(kind: str, names: list[str] = NAMES) -> SearchSpace:
    """Make the space of three doses; where Ax cannot constrain choices, skip."""
    try:
        limit = [({n: 1.0 for n in names[:-1]}, KINDS[kind][1] - KINDS[kind][2])] if len(names) > 2 else []
        return space(doses(kind, names), limit)
    except ValueError as error:
        pytest.skip(f"this Ax does not: {error}")


def whole(kind: str, point: Point, names: list[str] = NAMES) -> list[float]:
    """Return all doses in steps above the lower bound; they sum to the total, and are on the grid."""
    step, total, lower = KINDS[kind]
    values = [point[n] for n in names[:-1]]
    steps = [(v - lower) / step for v in (*values, total - sum(values))]
    assert np.allclose(steps, np.round(steps), rtol=0, atol=1e-7) and min(steps) > -1e-7
    if kind == "integers":
        assert all(type(v) is int for v in values)
    return [round(v) for v in steps]


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", [NAMES, NAMES[:2]], ids=["three", "two"])
def test_a_loop(kind: str, method: str, names: list[str]) -> None:
    """Every candidate is on the grid, sums to the total, comes in order, and is a new experiment.

    The outcome has no peak that old versions of Ax, which do not avoid repetitions, would come back to.
    """
    search_space, seen = made(kind, names), []
    strategy = choose_generation_strategy(
        search_space, config(kind, names), method=method, num_initialization_trials=4, random_seed=0
    )
    client = AxClient(generation_strategy=strategy, random_seed=0, verbose_logging=False)
    client.create_experiment(parameters=[{"name": "none", "type": "fixed", "value": 0}],
                             objectives={"y": ObjectiveProperties(minimize=False)})
    client.experiment._search_space = search_space
    with fast_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(8):
            point, index = client.get_next_trial()
            steps = whole(kind, point, names)
            assert steps == sorted(steps) and steps not in seen
            seen.append(steps)
            client.complete_trial(index, raw_data={"y": (float(np.sin(np.square(steps).sum())), 0.1)})


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_on_the_grid(kind: str) -> None:
    """Training data become their orbits, bit by bit the values that the parameters can have."""
    search_space, (step, total, lower) = made(kind), KINDS[kind]
    allowed = {p.name: getattr(p, "values", None) for p in search_space.parameters.values()}
    run = experiment(search_space)
    points = [(0, 1), (3, 3), (7, 2), (5, 5)] + ([(29, 1)] if kind == "digits" else [])
    for k, (one, other) in enumerate(points):
        values = [round(lower + n * step, 2) for n in (one, other)]
        add_trial(run, dict(zip(NAMES, map(int, values) if kind == "integers" else values)), {"y": (float(k), 0.1)})
    rows = training_rows(run, SymmetrizeObservations, config(kind))
    wanted, room = [], round((total - 3 * lower) / step)
    for pair in points:
        wanted += sorted(set(permutations((*pair, room - sum(pair)))))
    assert sorted(tuple(whole(kind, row["parameters"])) for row in rows) == sorted(wanted)
    for row in rows:
        for name in NAMES[:2]:
            value = row["parameters"][name]
            assert value == round(value, 2) and (allowed[name] is None or value in allowed[name])


@pytest.mark.parametrize("method", ["augmentation", "kernel"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_invariant(kind: str, method: str) -> None:
    """Images that were not measured, too, have one prediction, without Canonicalize if the model has the kernel."""
    search_space, (step, total, lower) = made(kind), KINDS[kind]
    run, rng, room = experiment(search_space), np.random.default_rng(0), round((total - 3 * lower) / step)

    def point(cut: np.ndarray[Any, Any]) -> dict[str, Any]:
        values = [round(lower + float(n) * step, 2) for n in (cut[0], cut[1] - cut[0])]
        return dict(zip(NAMES, map(int, values) if kind == "integers" else values))

    cuts = [np.sort(rng.choice(room + 1, 2)) for _ in range(9)]
    for cut in cuts[:7]:
        add_trial(run, point(cut), {"y": (float(cut[0] * (cut[1] - cut[0]) * (room - cut[1])), 0.1)})
    with fast_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapter = get_botorch(run, run.lookup_data(), symmetry=config(kind), method=method)
    if method == "kernel":
        adapter.transforms.pop("Canonicalize")
    means = []
    for cut in cuts:
        parts = (cut[0], cut[1] - cut[0], room - cut[1])
        images = [point(np.cumsum(p)[:2]) for p in permutations(parts)]
        means.append(adapter.predict(features(images))[0]["y"])
    spread = np.std([m[0] for m in means])
    assert np.ptp(means, axis=1).max() <= 1e-6 * spread


def test_the_implied_dose_follows_the_others_when_they_are_rounded() -> None:
    """Ax rounds after our transform: the order is that of what is measured in the end."""
    search_space = made("digits")
    transform = Canonicalize(search_space=search_space, config=config("digits"))
    transform.transform_search_space(search_space)
    (found,) = transform.untransform_observation_features(features([{"w1": 0.336, "w2": 0.327}]))
    assert found.parameters == {"w1": 0.33, "w2": 0.33}  # w3 = 0.337 before rounding, which is 0.34
    (found,) = transform.untransform_observation_features(features([{"w1": 0.7, "w2": 0.2}]))
    assert found.parameters == {"w1": 0.1, "w2": 0.2}  # and not 0.09999999999999995


def test_between_the_steps_nothing_is_moved_onto_them() -> None:
    """Without a search space, numbers are what they are; whole ones stay whole."""
    assert Symmetry.from_config(config("integers")).canonical({"w1": 50.5, "w2": 20}) == {"w1": 20, "w2": 29.5}
    images = Symmetry.from_config(config("integers")).orbit({"w1": 50, "w2": 20})
    assert {tuple(p.values()) for p in images} == {(50, 20), (20, 50), (50, 30), (30, 50), (20, 30), (30, 20)}
    assert all(type(v) is int for p in images for v in p.values())


def test_a_choice_whose_sum_leaves_no_value_has_no_images() -> None:
    """An arm out of range: 200 and 150 of 320 leave -30, which is no choice."""
    search_space = made("steps")
    encoding = Canonicalize(search_space=search_space, config=config("steps")).encoding
    complete, x = encoding.encode_points([{"w1": 200.0, "w2": 150.0}, {"w1": 10.0, "w2": 30.0}])
    assert complete.tolist() == [False, True] and x.tolist() == [[0.0, 4.0, 54.0]]


def test_constraints_on_choices_are_kept_by_their_positions() -> None:
    """w1 + w2 <= 310 with values 10, 15, ... is i + j <= 58 for their positions i and j."""
    search_space = made("steps")
    numbering = ["OrderedChoiceToIntegerRange"]
    (written,) = constraints_on_positions(search_space, search_space, numbering).parameter_constraints
    if _takes_values_for_positions():
        assert (written.constraint_dict, written.bound) == ({"w1": 5.0, "w2": 5.0}, 290.0)
    assert constraints_on_positions(search_space, search_space, ["ChoiceToNumericChoice"]) is search_space
    whole_numbers = made("integers")
    assert constraints_on_positions(whole_numbers, whole_numbers, numbering) is whole_numbers


@pytest.mark.parametrize("whole_numbers", [False, True])
@pytest.mark.parametrize("own_transforms", [False, True], ids=["Cont_X_trans", "the modular transforms"])
def test_percentages_with_a_part_of_another_range(own_transforms: bool, whole_numbers: bool) -> None:
    """Ranges that are not of width 1, which Ax leaves to the model's input transform; z trades places with none."""
    dose = int_range if whole_numbers else float_range
    listed = [dose("w1", 5, 55), dose("w2", 5, 55), dose("z", 20, 30), float_range("t", -2.0, 3.0)]
    total = {"w1": 1.0, "w2": 1.0, "z": 1.0}
    search_space = space(listed, [(total, 95.0), ({n: -w for n, w in total.items()}, -45.0)])
    declared = {"blocks": [["w1"], ["w2"], ["w3"]], "simplex": {"parameters": [*NAMES, "z"], "total": 100}}

    def images(point: Point) -> list[Point]:
        parts = (point["w1"], point["w2"], 100 - point["w1"] - point["w2"] - point["z"])
        return [{**point, **dict(zip(NAMES[:2], p))} for p in permutations(parts)]

    points = random_points(search_space, 12)
    run = experiment(search_space)
    for p in points[:9]:
        value = sum((q["w1"] - q["w2"]) ** 2 for q in images(p)) / 1e3 + p["z"] / 10 + p["t"]
        add_trial(run, p, {"y": (value, 0.1)})
    options = {**declared, "method": "kernel"}
    stock = MODULAR.view_defaults()[1]["transforms"] if own_transforms else backend.default_transforms()
    with fast_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapter = MODULAR(
            experiment=run, data=run.lookup_data(), transforms=[SymmetrizeObservations, *stock],
            transform_configs={"SymmetrizeObservations": options},
        )
    means = np.asarray([adapter.predict(features(images(p)))[0]["y"] for p in points])
    assert np.ptp(means, axis=1).max() <= 1e-6 * np.std(means[:, 0]) and np.std(means[:, 0]) > 0.01
    # The columns of images are the images of the columns.
    columns = adapter.transforms["SymmetrizeObservations"].columns
    rows = [torch.tensor([[float(row[n]) for n in columns._column_space().parameters]
                          for row in columns.inputs.rows(images(p))]).double() for p in points]
    for seen in rows:
        found = columns.action()(seen[:1])[0]
        assert torch.allclose(found[found[:, 0].argsort()].sort(dim=0).values, seen.sort(dim=0).values, atol=1e-9)
