"""Canonicalize loses nothing: candidates stay where generation was asked to be, on their own orbit, and stay put.

The oracle is brute force on dicts: all images, written out here, that Ax's own membership check and the fixed features
admit, and the first of them in the order that DESIGN names.

One-line bugs that turn this file red: ignore the fixed features, the constraints or the narrower bounds; return the
canonical image although it is outside; compare choices alphabetically; mirror without rounding to integers or digits;
compare sizes that Ax will yet put on a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter import ChoiceParameter, FixedParameter, ParameterType, RangeParameter
from ax.core.search_space import SearchSpace
from ax_symmetry import Canonicalize
from hypothesis import given, settings
from hypothesis import strategies as st
from support import choice, experiment, features, float_range, int_range, space

SLOTS = ("size", "rate", "count", "kind", "flag", "cut")
COLORS = ["red", "blue", "green"]
BLOCKS = [[f"{slot}_{k}" for slot in SLOTS] for k in (1, 2, 3)]
CONFIG = {"blocks": BLOCKS}
MIRRORED = {"symmetries": [CONFIG, {"mirror": {"size_1": 0.5, "count_1": 4.0, "cut_1": 0.5}}]}
CYCLIC = {"blocks": BLOCKS, "group": "cyclic"}

Point = dict[str, Any]


def parameters(size: tuple[float, float] = (0.0, 1.0)) -> list[Any]:
    listed: list[Any] = [float_range("elsewhere")]
    for k in (1, 2, 3):
        listed += [
            float_range(f"size_{k}", *size),
            float_range(f"rate_{k}", 1e-4, 1.0, log_scale=True),
            int_range(f"count_{k}", 1, 7),
            choice(f"kind_{k}", COLORS),
            choice(f"flag_{k}", [True, False]),
            float_range(f"cut_{k}", digits=1),
        ]
    return listed


def random_point(search_space: SearchSpace, fixed: Mapping[str, Any], rng: np.random.Generator) -> Point:
    """Draw a point that generation may return; many ties, since integers, choices and digits are coarse."""
    while True:
        point: Point = {}
        for name, p in search_space.parameters.items():
            if isinstance(p, FixedParameter):
                point[name] = p.value
            elif isinstance(p, ChoiceParameter):
                point[name] = p.values[rng.integers(len(p.values))]
            elif isinstance(p, RangeParameter) and p.parameter_type == ParameterType.INT:
                point[name] = int(rng.integers(p.lower, p.upper + 1))
            else:
                point[name] = float(rng.uniform(p.lower, p.upper))
                if name.startswith("cut"):
                    point[name] = round(point[name], 1)
        point.update(fixed)
        if search_space.check_membership(point):
            return point


def images(point: Point, config: Mapping[str, Any]) -> list[Point]:
    """Write out the orbit."""
    orders = list(permutations(range(3))) if config is not CYCLIC else [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
    flips = list(product([False, True], repeat=3)) if config is MIRRORED else [(False,) * 3]
    listed = []
    for order in orders:
        for flip in flips:
            image = dict(point)
            for k in range(3):
                for slot in SLOTS:
                    image[f"{slot}_{k + 1}"] = point[f"{slot}_{order[k] + 1}"]
                if flip[k]:
                    image[f"size_{k + 1}"] = 1.0 - image[f"size_{k + 1}"]
                    image[f"count_{k + 1}"] = 8 - image[f"count_{k + 1}"]
                    image[f"cut_{k + 1}"] = round(1.0 - image[f"cut_{k + 1}"], 1)
            listed.append(image)
    return listed


def order_of(point: Point) -> list[Any]:
    """Return what points are compared by: numbers by size, False first, choices by their position."""
    key: list[Any] = []
    for block in BLOCKS:
        for name in block:
            value = point[name]
            key.append(COLORS.index(value) if name.startswith("kind") else value)
    return [round(float(v), 9) for v in key]


def asked(config: Mapping[str, Any], search_space: SearchSpace, fixed: Mapping[str, Any]) -> Canonicalize:
    """Build the transform as Ax does, and ask it as Ax's gen does."""
    transform = Canonicalize(search_space=space(parameters()), config=config)
    transform.transform_search_space(search_space)
    optimization_config: OptimizationConfig = experiment(space(parameters())).optimization_config
    transform.transform_optimization_config(
        optimization_config, fixed_features=ObservationFeatures(parameters=dict(fixed))
    )
    return transform


def canonical(transform: Canonicalize, points: list[Point]) -> list[Point]:
    return [f.parameters for f in transform.untransform_observation_features(observation_features=features(points))]


ASKED = {
    "everything": (parameters(), [], {}),
    "fixed features": (parameters(), [], {"size_2": 0.25, "kind_3": "blue", "count_1": 6}),
    "a whole block fixed": (
        parameters(),
        [],
        {"size_3": 0.1, "rate_3": 0.01, "count_3": 2, "kind_3": "red", "flag_3": True, "cut_3": 0.7},
    ),
    "narrower bounds": (
        [float_range("size_1", 0.6, 1.0) if p.name == "size_1" else p for p in parameters()],
        [],
        {},
    ),
    "narrower integers": ([int_range("count_2", 3, 5) if p.name == "count_2" else p for p in parameters()], [], {}),
    "fewer choices": ([choice("kind_1", ["blue", "green"]) if p.name == "kind_1" else p for p in parameters()], [], {}),
    "a parameter fixed by the space": (
        [FixedParameter("flag_2", ParameterType.BOOL, True) if p.name == "flag_2" else p for p in parameters()],
        [],
        {},
    ),
    "the opposite order": (parameters(), [({"size_2": 1.0, "size_1": -1.0}, 0.0)], {}),
    "a weighted sum": (parameters(), [({"size_1": 1.0, "size_2": 2.0, "elsewhere": 1.0}, 2.0)], {}),
    "all together": (
        [int_range("count_2", 3, 7) if p.name == "count_2" else p for p in parameters()],
        [({"size_3": 1.0, "size_1": -1.0}, 0.3)],
        {"flag_1": True},
    ),
}


@pytest.mark.parametrize("config", [CONFIG, MIRRORED, CYCLIC], ids=["S_3", "S_3 and mirrors", "C_3"])
@pytest.mark.parametrize("case", ASKED)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_is_lost(case: str, config: Mapping[str, Any], seed: int) -> None:
    """20 examples of 50 candidates each: 1,000 for every row of the table and every group."""
    listed, constraints, fixed = ASKED[case]
    search_space = space(listed, constraints)
    transform = asked(config, search_space, fixed)
    rng = np.random.default_rng(seed)
    points = [random_point(search_space, fixed, rng) for _ in range(50)]
    given_points = [dict(point) for point in points]
    results = canonical(transform, points)

    assert points == given_points  # inputs are not mutated
    assert canonical(transform, results) == results
    for point, result in zip(points, results):
        assert search_space.check_membership(result, raise_error=True)
        assert {name: result[name] for name in fixed} == fixed
        assert result["elsewhere"] == point["elsewhere"]
        orbit = sorted(images(point, config), key=order_of)
        first = next(p for p in orbit if all(p[n] == v for n, v in fixed.items()) and search_space.check_membership(p))
        assert order_of(result) == order_of(first)
        assert {type(result[name]) for name in point} == {type(point[name]) for name in point}


@pytest.mark.parametrize("case", ["everything", "fixed features", "narrower integers", "the opposite order"])
def test_every_admitted_member_of_an_orbit_has_one_canonical(case: str) -> None:
    listed, constraints, fixed = ASKED[case]
    search_space = space(listed, constraints)
    transform = asked(CONFIG, search_space, fixed)
    rng = np.random.default_rng(5)
    for _ in range(50):
        orbit = images(random_point(search_space, fixed, rng), CONFIG)
        members = [p for p in orbit if search_space.check_membership(p) and all(p[n] == v for n, v in fixed.items())]
        results = canonical(transform, members)
        assert all(result == results[0] for result in results)


def test_a_constraint_counts_numeric_choices_by_their_values() -> None:
    """Ax from 1.2 on takes constraints on ordered numeric choices; position and value differ."""
    listed = [float_range("a", 0, 100), float_range("b", 0, 100), choice("c", [10, 25, 40]), choice("d", [10, 25, 40])]
    try:
        search_space = space(listed, [({"a": 1.0, "c": 1.0}, 50.0)])
    except Exception as error:  # each older Ax has another class of error for this
        pytest.skip(f"this Ax does not: {error}")
    config = {"blocks": [["a", "c"], ["b", "d"]]}
    transform = Canonicalize(search_space=space(listed), config=config)
    transform.transform_search_space(search_space)
    allowed = {"a": 20.0, "c": 25, "b": 5.0, "d": 40}
    assert canonical(transform, [allowed]) == [{"a": 5.0, "c": 40, "b": 20.0, "d": 25}]
    swapping_breaks_it = {"a": 20.0, "c": 25, "b": 15.0, "d": 40}
    assert canonical(transform, [swapping_breaks_it]) == [swapping_breaks_it]


def test_without_an_optimization_config_fixed_features_hold_too() -> None:
    """A quasi-random step has none; Ax then shows the fixed features as one incomplete set of features."""
    transform = Canonicalize(search_space=space(parameters()), config=CONFIG)
    search_space = space(parameters())
    transform.transform_search_space(search_space)
    (passed,) = transform.transform_observation_features(features([{"size_1": 0.9}]))
    assert passed.parameters == {"size_1": 0.9}
    rng = np.random.default_rng(6)
    points = [random_point(search_space, {"size_1": 0.9}, rng) for _ in range(50)]
    assert {result["size_1"] for result in canonical(transform, points)} == {0.9}
    transform.transform_search_space(search_space)  # the next call of gen fixes nothing
    assert {result["size_1"] for result in canonical(transform, points)} != {0.9}


def test_a_point_without_an_image_inside_stays_in_both_directions() -> None:
    """An optimiser may try fractions whose implied partner is negative; Ax's round trip must not swap that in."""
    listed = space([float_range("f1"), float_range("f2")], [({"f1": 1.0, "f2": 1.0}, 1.0)])
    config = {"blocks": [["f1"], ["f2"], ["f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}}
    transform = Canonicalize(search_space=listed, config=config)
    transform.transform_search_space(listed)
    outside = {"f1": 0.6, "f2": 0.7}
    assert canonical(transform, [outside]) == [outside]
    assert [f.parameters for f in transform.transform_observation_features(features([outside]))] == [outside]


def test_order_by_compares_these_slots_first() -> None:
    transform = Canonicalize(search_space=space(parameters()), config={**CONFIG, "order_by": ["kind_2", "flag_1"]})
    rng = np.random.default_rng(7)
    points = [random_point(space(parameters()), {}, rng) for _ in range(50)]
    for result in canonical(transform, points):
        keys = [(COLORS.index(result[f"kind_{k}"]), result[f"flag_{k}"], result[f"size_{k}"]) for k in (1, 2, 3)]
        assert keys == sorted(keys)


def test_rounding_errors_beyond_a_bound_decide_nothing() -> None:
    """Ax puts them on the bound afterwards: the two sizes are the same then, and the next slot decides."""
    search_space = space([*(float_range(f"size_{k}") for k in (1, 2)), *(choice(f"kind_{k}", COLORS) for k in (1, 2))])
    config = {"blocks": [["size_1", "kind_1"], ["size_2", "kind_2"]]}
    transform = Canonicalize(search_space=search_space, config=config)
    for sizes in ((1.0, 1.0 + 2e-16), (-1e-16, 0.0)):
        point = {"size_1": sizes[0], "kind_1": "green", "size_2": sizes[1], "kind_2": "red"}
        (found,) = transform.untransform_observation_features(features([point]))
        bound = round(sizes[0])
        assert found.parameters == {"size_1": bound, "kind_1": "red", "size_2": bound, "kind_2": "green"}
    (asked,) = transform.transform_observation_features(features([{**point, "size_1": -0.25}]))
    assert asked.parameters["size_1"] == -0.25  # an observation out of range stays where it is


def test_features_that_lack_a_parameter_pass_through() -> None:
    transform = Canonicalize(search_space=space(parameters()), config=CONFIG)
    partial = {"size_1": 0.9, "size_2": 0.1, "elsewhere": 0.5}
    assert canonical(transform, [partial, {}]) == [partial, {}]


@pytest.mark.parametrize("fixed", [{}, {"x3": 0.35}])
@pytest.mark.parametrize("narrow", [{}, {"x0": (0.2, 1.0), "x5": (0.0, 0.6)}])
@pytest.mark.parametrize("constraints", [[], [({"x1": 1.0, "x0": -1.0}, -0.05), ({"x2": 1.0, "x7": 1.0}, 1.4)]])
def test_a_group_too_large_to_write_out(
    fixed: Mapping[str, Any], narrow: Mapping[str, Any], constraints: list[Any]
) -> None:
    """S_8 is searched, not written out; here, for the test, it is."""
    names = [f"x{i}" for i in range(8)]
    search_space = space([float_range(n, *narrow.get(n, (0.0, 1.0))) for n in names], constraints)
    transform = Canonicalize(
        search_space=space([float_range(n) for n in names]), config={"blocks": [[n] for n in names]}
    )
    transform.transform_search_space(search_space)
    transform.transform_optimization_config(
        experiment(search_space).optimization_config, fixed_features=ObservationFeatures(parameters=dict(fixed))
    )
    orders = np.array(list(permutations(range(8))))
    rng = np.random.default_rng(8)
    for _ in range(5):
        point = random_point(search_space, fixed, rng)
        (result,) = canonical(transform, [point])
        orbit = np.array([point[n] for n in names])[orders]
        inside = np.ones(len(orbit), dtype=bool)
        for name, (lower, upper) in narrow.items():
            inside &= (orbit[:, names.index(name)] >= lower) & (orbit[:, names.index(name)] <= upper)
        for name, value in fixed.items():
            inside &= orbit[:, names.index(name)] == value
        for weights, bound in constraints:
            inside &= sum(w * orbit[:, names.index(n)] for n, w in weights.items()) <= bound
        admitted = orbit[inside]
        first = admitted[np.lexsort(admitted.T[::-1])[0]]
        assert [result[n] for n in names] == first.tolist()


def test_twenty_blocks_are_searched_too() -> None:
    names = [f"x{i:02d}" for i in range(20)]
    fixed = {"x03": 0.9, "x11": 0.05}
    transform = Canonicalize(
        search_space=space([float_range(n) for n in names]), config={"blocks": [[n] for n in names]}
    )
    search_space = space([float_range(n) for n in names], [({"x19": 1.0, "x00": -1.0}, 0.0)])
    transform.transform_search_space(search_space)
    transform.note_fixed_features(fixed)
    rng = np.random.default_rng(9)
    for _ in range(10):
        point = random_point(search_space, fixed, rng)
        (result,) = canonical(transform, [point])
        assert sorted(result.values()) == sorted(point.values())
        assert search_space.check_membership(result) and {n: result[n] for n in fixed} == fixed
        assert canonical(transform, [result]) == [result]
