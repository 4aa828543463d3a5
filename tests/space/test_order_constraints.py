"""Order constraints hold in the closed fundamental domain and nowhere else, and cut off nothing that a search may want.

One-line bugs that turn this file red: forget `2 * center` for a mirrored point in `_linear`, or the total of an implied
fraction; leave out a wall in `_irredundant` for another one of its column; look at bounds but not at parameter
constraints in `_half_spaces`; compare constraints in `_implies` only with those that are written down; forget choices
in `_preserves`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry
from ax_symmetry.space.bounds import linear_constraints
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.order_constraints import order_constraints
from support import boolean, choice, equality, fixed, float_range, int_range, space

SLACK = 1e-9
FRACTIONS = {"simplex": {"parameters": ["f1", "f2", "f3"]}}
PAIR = {"blocks": [["a"], ["b"]]}
BLOCKS = [["a1", "f1"], ["a2", "f2"], ["a3", "f3"]]


def ranges(names: str, lower: float = 0.0, upper: float = 1.0) -> list[Any]:
    """Make ranges of the names in a text."""
    return [float_range(name, lower, upper) for name in names.split()]


def holds(constraints: Sequence[tuple[Mapping[str, float], float]], point: Mapping[str, float]) -> bool:
    return all(sum(w * point[n] for n, w in weights.items()) <= bound + SLACK for weights, bound in constraints)


def inside(made: SearchSpace, point: Mapping[str, Any]) -> bool:
    """Tell whether a space contains a point, in the point's own words: by parameters and by constraints."""
    for name, p in made.parameters.items():
        if hasattr(p, "lower"):
            if not p.lower - SLACK <= point[name] <= p.upper + SLACK:
                return False
        elif point[name] not in getattr(p, "values", [getattr(p, "value", None)]):
            return False
    return holds(list(linear_constraints(made)), point)


def points_in(made: SearchSpace, n: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Draw points of a space at random."""
    rng = np.random.default_rng(seed)
    while n:
        point: dict[str, Any] = {}
        for name, p in made.parameters.items():
            if hasattr(p, "lower"):
                point[name] = float(rng.uniform(p.lower, p.upper))
            else:
                values = list(getattr(p, "values", [getattr(p, "value", None)]))
                point[name] = values[rng.integers(len(values))]
        if inside(made, point):
            n -= 1
            yield point


def orbit_of(symmetry: Symmetry, point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the images of a point, implied fractions written out, by enumeration of the group."""
    whole = dict(point)
    for name, simplex in symmetry.implied(point).items():
        whole[name] = simplex.total - sum(point[n] for n in simplex.parameters if n != name)
    return symmetry.orbit(whole)


CASES = {
    "swap": (PAIR, [], ranges("a b"), []),
    "three": ({"blocks": [["a"], ["b"], ["c"]]}, [], ranges("a b c"), []),
    "blocks": ({"blocks": [["a", "d"], ["b", "e"], ["c", "f"]]}, [], ranges("a b c d e f"), []),
    "order-by": ({"blocks": [["a", "d"], ["b", "e"], ["c", "f"]]}, ["e"], ranges("a b c") + ranges("d e f", -5, 5), []),
    "integers": ({"blocks": [["a"], ["b"], ["c"]]}, [], [int_range(n, 0, 9) for n in "abc"], []),
    "cyclic": ({"blocks": [["a"], ["b"], ["c"], ["d"]], "group": "cyclic"}, [], ranges("a b c d"), []),
    "dihedral": ({"blocks": [["a"], ["b"], ["c"], ["d"]], "group": "dihedral"}, [], ranges("a b c d"), []),
    "alternating": ({"blocks": [["a"], ["b"], ["c"], ["d"]], "group": "alternating"}, [], ranges("a b c d"), []),
    "generator": (
        {"blocks": [["a"], ["b"], ["c"], ["d"]], "group": [[1, 0, 3, 2]]}, [], ranges("d c b a"), []
    ),
    "mirror": ({"mirror": {"a": 2.0}}, [], ranges("a b", -1, 5), []),
    "mirror-together": ({"mirror": {"b": 2.0, "a": 2.0}}, [], ranges("a b", -1, 5), []),
    "mirrors": ({"mirror": [{"a": 2.0}, {"b": 2.0}]}, [], ranges("a b", -1, 5), []),
    "signed": ({"symmetries": [PAIR, {"mirror": {"a": 2.0}}]}, [], ranges("a b", -1, 5), []),
    "signed-blocks": (
        {"symmetries": [{"blocks": [["a", "d"], ["b", "e"], ["c", "f"]]}, {"mirror": {"a": 2.0, "d": 0.5}}]},
        [], ranges("a b c", -1, 5) + ranges("d e f"), [],
    ),
    "signed-slots": (
        {"symmetries": [{"blocks": [["a", "d"], ["b", "e"]]}, {"mirror": [{"a": 2.0}, {"d": 0.5}]}]},
        ["d"], ranges("a b", -1, 5) + ranges("d e"), [],
    ),
    "factors": (
        {"symmetries": [PAIR, {"mirror": {"c": 0.5}}, {"blocks": [["d"], ["e"]]}]}, [], ranges("a b c d e"), []
    ),
    "fraction-first": (
        {"blocks": BLOCKS, **FRACTIONS}, ["f2"], ranges("a1 a2 a3 f1 f2"), [({"f1": 1.0, "f2": 1.0}, 1.0)]
    ),
    "fraction-second": (
        {"blocks": BLOCKS, **FRACTIONS}, [], ranges("a1 a2 a3 f1 f2"), [({"f1": 1.0, "f2": 1.0}, 1.0)]
    ),
    "first-block-implied": (
        {"blocks": BLOCKS, "simplex": {"parameters": ["f3", "f2", "f1"], "total": 100.0}}, ["f1"],
        ranges("a1 a2 a3") + ranges("f2 f3", 0, 100), [({"f2": 1.0, "f3": 1.0}, 100.0)],
    ),
    "preserved-constraints": (
        PAIR, [], ranges("a b c"), [({"a": 1.0, "b": 1.0, "c": 1.0}, 2.0), ({"a": 1.0, "b": 2.0}, 2.0),
                                    ({"a": 2.0, "b": 1.0}, 2.0), ({"a": 1.0, "b": -1.0}, 5.0)],
    ),
    "diamond": (
        {"symmetries": [PAIR, {"mirror": {"a": 0.0}}]}, [], ranges("a b", -1, 1),
        [({"a": i, "b": j}, 1.0) for i in (-1.0, 1.0) for j in (-1.0, 1.0)],
    ),
    "enough-of-a-fraction": (
        {"blocks": BLOCKS, **FRACTIONS}, ["f1"], ranges("a1 a2 a3") + ranges("f1 f2", 0.0, 0.5),
        [({"f1": -1.0, "f2": -1.0}, -0.5)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_constraints_are_the_fundamental_domain(case: str) -> None:
    """Of every orbit they hold at the first image; at a random point they hold exactly if it is the first image."""
    config, order_by, parameters, constraints = CASES[case]
    symmetry, made = Symmetry.from_config(config), space(parameters, constraints)
    symmetry.validate(made)
    comparison_order = symmetry.comparison_order(order_by)
    names = [symmetry.parameters[column] for column in comparison_order]
    found = order_constraints(ParameterEncoding(symmetry, made), comparison_order, made)
    assert found
    made.clone().add_parameter_constraints(space(parameters, found).parameter_constraints)  # as Ax would take them
    first = 0
    for point in points_in(made, 60):
        images = orbit_of(symmetry, point)
        order = sorted(range(len(images)), key=lambda i: [images[i][n] for n in names])
        assert holds(found, images[order[0]])
        assert holds(found, images[0]) == (order[0] == 0)
        first += order[0] == 0
    assert symmetry.order > 6 or 0 < first < 60
    rng = np.random.default_rng(1)
    for point in points_in(made, 20, seed=2):  # with ties, on the walls
        for group in symmetry.parameter_orbits:
            same = rng.choice(group), rng.choice(group)
            if set(same) <= set(point) and not symmetry.simplexes:
                point[same[0]] = point[same[1]]
            if group[0] in symmetry.centers and rng.random() < 0.5:
                point[group[0]] = symmetry.centers[group[0]]
        images = orbit_of(symmetry, point)
        assert holds(found, min(images, key=lambda image: [image[n] for n in names]))


def test_constraints_of_groups_too_large_to_write_out() -> None:
    """S_12 sorts the first slots; with mirrors (2^12 times as many elements) the lower halves are sorted."""
    blocks = [[f"x{i}", f"y{i}"] for i in range(12)]
    made = space([float_range(n, -1, 3) for block in blocks for n in block])
    rng = np.random.default_rng(0)
    for mirror in ({}, {"mirror": {"x0": 1.0}}):
        symmetry = Symmetry.from_config({"symmetries": [{"blocks": blocks}, *([mirror] if mirror else [])]})
        found = order_constraints(ParameterEncoding(symmetry, made), symmetry.comparison_order(), made)
        assert len(found) == (12 if mirror else 11)
        x = np.sort(rng.uniform(-1, 1 if mirror else 3, 12))
        point = {**dict(zip([b[0] for b in blocks], x.tolist())), **{b[1]: float(rng.uniform(-1, 3)) for b in blocks}}
        assert holds(found, point)
        for i in range(11):
            assert not holds(found, {**point, f"x{i}": point[f"x{i + 1}"], f"x{i + 1}": point[f"x{i}"]})
        if mirror:
            assert not holds(found, {**point, "x11": 2 - point["x11"]})


def test_every_constraint_is_needed() -> None:
    """Walls that follow from others are not listed: 4 constraints sort 5 numbers."""
    made = space(ranges("a b c d e"))
    for group, wanted in (
        ("symmetric", ["a b", "b c", "c d", "d e"]),
        ("cyclic", ["a b", "a c", "a d", "a e"]),
        ("dihedral", ["a b", "a c", "a d", "b e"]),
    ):
        symmetry = Symmetry.permutation([[n] for n in "abcde"], group)
        found = order_constraints(ParameterEncoding(symmetry, made), symmetry.comparison_order(), made)
        assert sorted(found, key=str) == [(dict(zip(pair.split(), (1.0, -1.0))), 0.0) for pair in wanted]


TWO_FACTORS = {"symmetries": [PAIR, {"blocks": [["c"], ["d"]]}]}
SIGNED = {"symmetries": [PAIR, {"mirror": {"a": 0.0}}]}
DECLARED = ranges("a b c d e", -1, 1)


def changed(**parameters: Any) -> list[Any]:
    """List the declared parameters, some of them replaced."""
    return [parameters.get(p.name, p) for p in DECLARED]


BROKEN = {
    "bounds": (PAIR, changed(a=float_range("a", -1, 0.5)), []),
    "one-bound": (PAIR, changed(b=float_range("b", -0.5, 1)), []),
    "mirror": ({"mirror": {"a": 0.0}}, changed(a=float_range("a", -1, 0.9)), []),
    "mirror-of-the-other": (SIGNED, changed(a=float_range("a", -1, 0.9), b=float_range("b", -1, 0.9)), []),
    "opposite-order": (PAIR, DECLARED, [({"b": 1.0, "a": -1.0}, 0.0)]),
    "weights": (PAIR, DECLARED, [({"a": 1.0, "b": 2.0}, 1.0)]),
    "neighbour": (PAIR, DECLARED, [({"a": 1.0, "e": 1.0}, 0.5)]),
    "half-a-diamond": (SIGNED, DECLARED, [({"a": 1.0, "b": 1.0}, 1.0), ({"a": -1.0, "b": -1.0}, 1.0)]),
    "fixed": (PAIR, changed(a=fixed("a", 0.5)), []),
    "shifted-mirror": ({"mirror": {"a": 0.0, "b": 0.0}}, DECLARED, [({"a": 1.0, "b": -2.0}, 0.1)]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_factor_that_the_space_breaks_is_left_out(case: str) -> None:
    config, parameters, constraints = BROKEN[case]
    symmetry, asked = Symmetry.from_config(config), space(parameters, constraints)
    assert order_constraints(ParameterEncoding(symmetry, space(DECLARED)), symmetry.comparison_order(), asked) == []


@pytest.mark.parametrize("case", BROKEN)
def test_the_other_factor_stays_and_nothing_is_lost(case: str) -> None:
    """Of every point that is asked for some image stays inside."""
    config, parameters, constraints = BROKEN[case]
    symmetry = Symmetry.from_config({"symmetries": [config, {"blocks": [["c"], ["d"]]}]})
    asked = space(parameters, constraints)
    found = order_constraints(ParameterEncoding(symmetry, space(DECLARED)), symmetry.comparison_order(), asked)
    assert found == [({"c": 1.0, "d": -1.0}, 0.0)]
    for point in points_in(asked, 40):
        assert any(inside(asked, image) and holds(found, image) for image in symmetry.orbit(point))


def test_two_factors_that_share_a_constraint() -> None:
    """c + a <= 1 is no constraint that either factor preserves; a + b + c + d <= 1 is one of both."""
    symmetry = Symmetry.from_config(TWO_FACTORS)
    encoding = ParameterEncoding(symmetry, space(DECLARED))
    assert not order_constraints(encoding, symmetry.comparison_order(), space(DECLARED, [({"a": 1.0, "c": 1.0}, 1.0)]))
    assert (
        len(
            order_constraints(
                encoding, symmetry.comparison_order(), space(DECLARED, [(dict.fromkeys("abcd", 1.0), 1.0)])
            )
        )
        == 2
    )


@pytest.mark.parametrize("text, kept", [("a + b == 1", True), ("a - b == 0.2", False), ("e + c == 1", True)])
def test_equality_constraints(text: str, kept: bool) -> None:
    made, constraint = space(DECLARED), equality(text)
    if constraint is None:
        pytest.skip("this Ax has no equality constraints")
    made.add_parameter_constraints([constraint])
    symmetry = Symmetry.from_config(PAIR)
    assert (
        bool(order_constraints(ParameterEncoding(symmetry, space(DECLARED)), symmetry.comparison_order(), made)) is kept
    )


@pytest.mark.parametrize(
    "declared, asked, config, kept",
    [
        pytest.param(["x", "y", "z"], (["x", "y"], ["x", "y", "z"]), {}, False, id="fewer-values-of-one"),
        pytest.param(["x", "y", "z"], (["x", "y"], ["x", "y"]), {}, True, id="fewer-values-of-both"),
        pytest.param([1, 2, 3, 4], ([1, 2, 3], [1, 2, 3]), {"mirror": {"a1": 0.5, "c1": 2.5}}, False, id="mirror-lost"),
        pytest.param([1, 2, 3, 4], ([2, 3], [2, 3]), {"mirror": {"a1": 0.5, "c1": 2.5}}, True, id="mirror-kept"),
    ],
)
def test_choices_break_a_factor_too(declared: list[Any], asked: Any, config: Mapping[str, Any], kept: bool) -> None:
    """A choice in another slot takes part in every swap, though no wall runs through it."""
    blocks = {"blocks": [["a1", "c1"], ["a2", "c2"]]}
    symmetry = Symmetry.from_config({"symmetries": [blocks, *([config] if config else [])]})
    numbers = ranges("a1 a2")
    encoding = ParameterEncoding(symmetry, space(numbers + [choice(n, declared) for n in ("c1", "c2")]))
    made = space(numbers + [choice(n, values) for n, values in zip(("c1", "c2"), asked)])
    assert bool(order_constraints(encoding, symmetry.comparison_order(), made)) is kept


def test_a_fraction_that_may_leave_the_bounds_asked_for() -> None:
    """With f1 and f2 at most 0.5, f3 may be 1: swaps lead out of that space, and are left out."""
    symmetry = Symmetry.from_config({"blocks": BLOCKS, **FRACTIONS})
    sum_of_both = [({"f1": 1.0, "f2": 1.0}, 1.0)]
    encoding = ParameterEncoding(symmetry, space(ranges("a1 a2 a3 f1 f2"), sum_of_both))
    asked = space(ranges("a1 a2 a3") + ranges("f1 f2", 0.0, 0.5), sum_of_both)
    assert order_constraints(encoding, symmetry.comparison_order(), asked) == []


def test_wall_through_a_choice_in_a_later_slot_is_none() -> None:
    symmetry = Symmetry.permutation([["a", "c"], ["b", "d"]])
    made = space(ranges("a b") + [boolean("c"), boolean("d")])
    assert order_constraints(ParameterEncoding(symmetry, made), symmetry.comparison_order(), made) == [
        ({"a": 1.0, "b": -1.0}, 0.0)
    ]
