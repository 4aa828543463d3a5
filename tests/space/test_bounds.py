"""Bounds and constraints of search spaces: maximised against vertices, joined and mirrored against lists.

One-line bugs that turn this file red: `linear_constraints` forgets that an equality bounds from below; the constraints
of `maximum` in other units than its bounds; `symmetrized_space` mirrors bounds that lie symmetrically already, and so
moves them by rounding, leaves out the data of implied parameters, or makes whole numbers of decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from ax.core.parameter import ParameterType
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry
from ax_symmetry.space.bounds import linear_constraints, maximum, numeric_bounds, symmetrized_space
from ax_symmetry.symmetry.mirror import is_symmetric_about
from support import IDENTITY, boolean, choice, equality, fixed, float_range, int_range, space

PAIR = {"blocks": [["a"], ["b"]]}
FRACTIONS = {"blocks": [["m1", "f1"], ["m2", "f2"], ["m3", "f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}}


def fractions(lower: float = 0.0, upper: float = 1.0, **traits: Any) -> list[Any]:
    return [float_range(f"m{i}") for i in (1, 2, 3)] + [float_range(f"f{i}", lower, upper, **traits) for i in (1, 2)]


def test_ends_of_parameters() -> None:
    assert numeric_bounds(int_range("i", -2, 7)) == (-2.0, 7.0) and numeric_bounds(float_range("x", 0.5, 2)) == (0.5, 2)
    assert numeric_bounds(choice("c", [3, 1, 2], is_ordered=False)) == (1.0, 3.0)
    assert numeric_bounds(fixed("f", 0.25)) == (0.25, 0.25) and numeric_bounds(boolean("b")) == (0.0, 1.0)
    assert numeric_bounds(choice("s", ["x", "y"])) is numeric_bounds(fixed("t", "z")) is None


def test_maximum_is_that_of_the_vertices() -> None:
    """The linear program finds what trying out the vertices finds, on wide, narrow and shifted ranges."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        scale, shift = 10.0 ** rng.integers(-3, 7), rng.normal(size=2) * 100
        a, b = [float_range(n, s * scale, (s + 1) * scale) for n, s in zip("ab", shift)]
        w, v = rng.uniform(0.5, 2.0, 2), rng.normal(size=2)
        bound = float(w @ [a.lower, b.lower] + rng.uniform(0.2, 0.8) * w.sum() * scale)
        made = space([a, b], [(dict(zip("ab", w.tolist())), bound)])
        corners = [(a.lower, b.lower), (a.lower, b.upper), (a.upper, b.lower), (a.upper, b.upper)]
        edges = [(x, (bound - w[0] * x) / w[1]) for x in (a.lower, a.upper)]
        edges += [((bound - w[1] * y) / w[0], y) for y in (b.lower, b.upper)]
        inside = [
            p for p in corners + edges if w @ p <= bound + 1e-9 * abs(bound)
            and a.lower <= p[0] <= a.upper and b.lower <= p[1] <= b.upper
        ]
        wanted = max(float(v @ p) for p in inside)
        assert maximum(dict(zip("ab", v.tolist())), made) == pytest.approx(wanted, abs=1e-6 * scale)


def test_maximum_knows_when_there_is_nothing() -> None:
    made = space([float_range("a"), float_range("b")], [({"a": 1.0, "b": 1.0}, -1.0)])
    assert maximum({"a": 1.0}, made) is None


def test_linear_constraints() -> None:
    made = space([float_range(n) for n in "abc"], [({"a": 1.0, "b": -2.5}, 0.75), ({"c": 1.0}, 0.5)])
    assert list(linear_constraints(made)) == [({"a": 1.0, "b": -2.5}, 0.75), ({"c": 1.0}, 0.5)]


def test_an_equality_is_two_constraints() -> None:
    made = space([float_range(n) for n in "ab"])
    constraint = equality("a + 2 * b == 1.5")
    if constraint is None:
        pytest.skip("this Ax has no equality constraints")
    made.add_parameter_constraints([constraint])
    rng = np.random.default_rng(0)
    on = [{"a": 1.5 - 2 * b, "b": b} for b in rng.random(5).tolist()]
    off = [{"a": a, "b": b} for a, b in rng.random((5, 2)).tolist()]
    for points, wanted in ((on, True), (off, False)):
        for point in points:
            holds = [sum(w * point[n] for n, w in weights.items()) <= bound + 1e-9 for weights, bound in
                     linear_constraints(made)]
            assert len(holds) == 2 and all(holds) is wanted


@pytest.mark.parametrize(
    "numbers, center, wanted",
    [
        ([0.0, 1.0], 0.5, True),
        ([1.0, 0.0], 0.5, True),
        ([0.0, 1.0], 0.5 + 1e-10, True),
        ([0.0, 1.0], 0.5 + 1e-8, False),
        ([0.0, 1e12], 0.5e12 + 1.0, True),
        ([0.0, 1e-5], 0.5e-5 + 1e-12, False),
        ([1, 2, 3], 2.0, True),
        ([1, 2, 4], 2.5, False),
        ([1, 3, 2], 1.5, False),
    ],
)
def test_symmetry_of_numbers_is_measured_by_the_range(numbers: list[float], center: float, wanted: bool) -> None:
    assert is_symmetric_about(numbers, center) is wanted


def bounds(made: SearchSpace) -> dict[str, list[float]]:
    return {name: [p.lower, p.upper] for name, p in made.parameters.items()}


def test_symmetrized_space_joins_bounds_over_a_class() -> None:
    """Every parameter that trades with one gets its bounds; the others, and the space itself, stay as they are."""
    symmetry = Symmetry.from_config({"symmetries": [PAIR, {"blocks": [["b"], ["c"]]}, {"blocks": [["d"], ["e"]]}]})
    made = space([float_range("a", 0, 1), float_range("b", -1, 0.5), float_range("c", 0, 4), float_range("f", 0, 9)]
                 + [int_range("d", 0, 3), int_range("e", -2, 2)])
    before = bounds(made)
    wide = symmetrized_space(symmetry, made)
    assert bounds(wide) == {**dict.fromkeys("abc", [-1, 4]), **dict.fromkeys("de", [-2, 3]), "f": [0, 9]}
    assert bounds(made) == before
    assert all(type(v) is int for name in "de" for v in bounds(wide)[name])


def test_symmetrized_space_mirrors_about_the_center() -> None:
    symmetry = Symmetry.from_config({"symmetries": [PAIR, {"mirror": {"a": 2.0}}, {"mirror": {"i": 2.5, "x": 0.3}}]})
    made = space([float_range("a", -1, 5), float_range("b", 0, 9), int_range("i", -3, 5), float_range("x", 0.1, 0.5)])
    wide = bounds(symmetrized_space(symmetry, made))
    assert wide == {"a": [-5, 9], "b": [-5, 9], "i": [-3, 8], "x": [0.1, 0.5]}  # x as it was, to the last bit
    assert all(type(v) is int for v in wide["i"])


def test_symmetrized_space_covers_the_data_of_implied_parameters() -> None:
    symmetry = Symmetry.from_config(FRACTIONS)
    declared = space(fractions(), [({"f1": 1.0, "f2": 1.0}, 1.0)])
    made = symmetrized_space(symmetry, declared, {"f3": [0.5, -0.25], "m1": []})
    assert bounds(made) == {**dict.fromkeys(["m1", "m2", "m3"], [0, 1]), **dict.fromkeys(["f1", "f2"], [-0.25, 1])}
    assert len(made.parameter_constraints) == 1
    whole = space([int_range(n, 0, 9) for n in ("f1", "f2")])
    assert bounds(symmetrized_space(symmetry, whole, {"f3": [-2.5, 9.25]})) == dict.fromkeys(["f1", "f2"], [-3, 10])
    logs = space(fractions(0.1, 0.8, log_scale=True))
    assert bounds(symmetrized_space(symmetry, logs, {"f3": [-1.0, 0.05, 0.9]}))["f1"] == [0.05, 0.9]


@pytest.mark.parametrize(
    "config, values, wanted",
    [
        pytest.param(PAIR, ([1, 2, 3], [1, 2, 3]), [1, 2, 3], id="same"),
        pytest.param(PAIR, ([1, 2, 3], [2, 3, 5]), [1, 2, 3, 5], id="numbers-sorted"),
        pytest.param(PAIR, ([1, 2, 3], [1.0, 1.5, 3.0]), [1, 1.5, 2, 3], id="decimals-among-integers"),
        pytest.param(PAIR, (["z", "y"], ["z", "a"]), ["z", "y", "a"], id="strings-as-declared"),
        pytest.param(
            {"symmetries": [PAIR, {"mirror": {"a": 2.0}}]}, ([1, 2, 3], [1, 3, 7]), [-3, 1, 2, 3, 7], id="mirror",
        ),
        pytest.param(
            {"symmetries": [PAIR, {"mirror": {"a": 0.35}}]}, ([0.1, 0.6], [0.1, 0.2]), [0.1, 0.2, 0.5, 0.6],
            id="rounding"
        ),
    ],
)
def test_symmetrized_space_joins_choices(config: Mapping[str, Any], values: tuple[Any, Any], wanted: list[Any]) -> None:
    wide = symmetrized_space(Symmetry.from_config(config), space([choice(n, v) for n, v in zip("ab", values)]))
    for name in "ab":
        found = wide.parameters[name].values
        assert found == wanted if isinstance(wanted[0], str) else np.allclose(found, wanted, rtol=0, atol=IDENTITY)
    assert wide.parameters["a"].values == wide.parameters["b"].values
    whole = all(isinstance(v, int) for v in wanted)
    assert isinstance(wanted[0], str) or (wide.parameters["a"].parameter_type == ParameterType.INT) is whole
    assert isinstance(wanted[0], str) or wide.parameters["a"].is_ordered
