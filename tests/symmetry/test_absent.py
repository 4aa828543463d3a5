"""Blocks that may be absent, whose slots are then inert: against brute force over permutations and inert values.

One-line bugs that turn this file red: an absent block compared by its numbers, so that it comes first; inert numbers
left as they are, or put at the lower bound where a grid has no number there; an inert number mirrored; a switch that
is off by rounding taken for another; the fixed value of an inert parameter overwritten; images that keep inert numbers
apart; an arm that lacks inert parameters forgotten.
"""

from __future__ import annotations

from itertools import permutations, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryError
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.space.known_arms import KnownArms, orbit_keys
from ax_symmetry.symmetry.absent import Absent
from support import (
    LONE, add_trial, boolean, choice, experiment, features, float_range, hierarchy, int_range, space, training_rows,
)

SWITCHES = {
    "amount": (lambda name: float_range(name, 0.0, 0.5), [0.0, 0.2, 0.5], 0.0),
    "inside": (lambda name: float_range(name, -1.0, 1.0), [-0.7, 0.25, 1.0], 0.25),
    "number": (lambda name: int_range(name, 0, 3), [0, 1, 3], 0),
    "ordered": (lambda name: choice(name, ["none", "a", "b"]), ["none", "a", "b"], "none"),
    "unordered": (lambda name: choice(name, ["a", "none", "b"], is_ordered=False), ["a", "none", "b"], "none"),
    "boolean": (boolean, [False, True], False),
}


def blocks(m: int) -> list[list[str]]:
    return [[f"x{k}", f"use{k}", f"t{k}"] for k in range(1, m + 1)]


def made(kind: str, m: int) -> SearchSpace:
    switch = SWITCHES[kind][0]
    return space(
        p for k in range(1, m + 1)
        for p in (float_range(f"x{k}", 0.5, 2.5, digits=1), switch(f"use{k}"), choice(f"t{k}", ["r", "s"]))
    )


def config(kind: str, m: int, group: str = "symmetric") -> dict[str, Any]:
    return {"blocks": blocks(m), "group": group, "absent": {"use2": SWITCHES[kind][2]}}


def points(kind: str, m: int, n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(m)
    values = SWITCHES[kind][1]
    return [
        {
            name: value for k in range(1, m + 1) for name, value in (
                (f"x{k}", round(float(rng.integers(5, 26)) / 10, 1)), (f"use{k}", values[rng.integers(len(values))]),
                (f"t{k}", "rs"[rng.integers(2)]),
            )
        } for _ in range(n)
    ]


def moved(point: dict[str, Any], order: Any) -> dict[str, Any]:
    m = len(order)
    return {f"{slot}{k + 1}": point[f"{slot}{order[k] + 1}"] for k in range(m) for slot in ("x", "use", "t")}


def least(kind: str, point: dict[str, Any], orders: Any) -> dict[str, Any]:
    """Choose the least image: blocks that are there by their values, then those that are not."""
    _, _, absent = SWITCHES[kind]
    listed = [False, True] if kind == "boolean" else getattr(made(kind, 1).parameters["use1"], "values", None)

    def key(image: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for k in range(1, len(orders[0]) + 1):
            use = image[f"use{k}"]
            rank = use if listed is None else listed.index(use)
            found.append((1,) if use == absent else (0, image[f"x{k}"], rank, image[f"t{k}"]))
        return found

    image = dict(min((moved(point, order) for order in orders), key=key))
    for k in range(1, len(orders[0]) + 1):
        if image[f"use{k}"] == absent:
            image.update({f"x{k}": 0.5, f"t{k}": "r"})
    return image


def rotations(m: int) -> list[tuple[int, ...]]:
    return [tuple((k + shift) % m for k in range(m)) for shift in range(m)]


@pytest.mark.parametrize("group, m", [("symmetric", 2), ("symmetric", 3), ("symmetric", 4), ("cyclic", 4)])
@pytest.mark.parametrize("kind", list(SWITCHES))
def test_canonical_points_are_the_least_with_absent_blocks_last(kind: str, group: str, m: int) -> None:
    symmetry, orders = Symmetry(config(kind, m, group)), list(permutations(range(m)))
    if group == "cyclic":
        orders = rotations(m)
    symmetry.validate(made(kind, m))
    transform = Canonicalize(search_space=made(kind, m), config=config(kind, m, group))
    given = points(kind, m, 8)
    found = [f.parameters for f in transform.untransform_observation_features(features(given))]
    assert found == [least(kind, point, orders) for point in given]
    again = [f.parameters for f in transform.untransform_observation_features(features(found))]
    assert again == found
    absent = SWITCHES[kind][2]
    for point, canonical in zip(given, found):
        for order in orders:
            image = moved(point, order)
            image |= {f"x{k}": 1.7 for k in range(1, m + 1) if image[f"use{k}"] == absent}  # inert
            assert transform.untransform_observation_features(features([image]))[0].parameters == canonical
        # The mathematics, without a search space, leaves inert parameters out, and takes points without them.
        bare = symmetry.canonical(point)
        expected = {n: v for n, v in canonical.items() if canonical[f"use{n[-1]}"] == absent and "use" not in n}
        assert {n for n in point if n not in bare} == set(expected)
        assert symmetry.canonical(bare) == bare
        images = symmetry.orbit(point)
        assert all(symmetry.canonical(image) == bare for image in images)
        lacking = {n: v for n, v in point.items() if "use" in n or point[f"use{n[-1]}"] != absent}
        distinct = {tuple(sorted(moved(lacking | dict.fromkeys(set(point) - set(lacking)), order).items(), key=repr))
                    for order in orders}
        assert images[0] == lacking and len(images) == len(distinct)


def test_what_absent_answers() -> None:
    part = Absent((("a", 0.0), ("c", "no")))
    assert part.parameters == ("a", "c") and not part.moves and part.is_finite
    assert part.write() == {"absent": {"a": 0.0, "c": "no"}}
    assert part.describe() == "absent: the block of a if that is 0.0, the block of c if that is 'no'"
    symmetry = Symmetry(config("amount", 3))
    assert Symmetry(symmetry.to_config()) == symmetry and symmetry.order == 6
    assert [(one.switch, one.values, one.names) for one in symmetry.inert] == [
        (f"use{k}", (0.0,), (f"x{k}", f"t{k}")) for k in (1, 2, 3)
    ]


def test_two_kinds_of_blocks() -> None:
    """Each has a switch of its own, in two dicts or in one."""
    one = {"blocks": [["a", "x"], ["b", "y"]], "absent": {"a": 0.0}}
    other = {"blocks": [["c", "z"], ["d", "w"]], "absent": {"d": 0.0}}
    symmetry = Symmetry({"symmetries": [one, other]})
    point = {"a": 0.0, "x": 5.0, "b": 1.0, "y": 6.0, "c": 3.0, "z": 7.0, "d": 0.0, "w": 8.0}
    assert symmetry.canonical(point) == {"a": 1.0, "x": 6.0, "b": 0.0, "c": 3.0, "z": 7.0, "d": 0.0}
    together = Symmetry({"symmetries": [
        {"blocks": one["blocks"]}, {"blocks": other["blocks"]}, {"absent": {"b": 0.0, "c": 0.0}},
    ]})
    assert together.canonical(point) == symmetry.canonical(point)


def test_an_implied_amount_says_that_its_block_is_absent() -> None:
    names = [f"f{k}" for k in (1, 2, 3)]
    symmetry = Symmetry({
        "blocks": [[f"m{k}", f"f{k}"] for k in (1, 2, 3)], "absent": {"f1": 0.0},
        "simplex": {"parameters": names, "total": 1.0},
    })
    assert symmetry.canonical({"m1": 3, "f1": 0.3, "m2": 2, "f2": 0.7}) == {"m1": 2, "f1": 0.7, "m2": 3, "f2": 0.3}
    assert symmetry.canonical({"m1": 3, "f1": 0.0, "m2": 2, "f2": 0.7, "m3": 1}) == pytest.approx(
        {"m1": 1, "f1": 0.3, "m2": 2, "f2": 0.7}
    )
    parameters = [*(float_range(f"m{k}", 1.0, 5.0) for k in (1, 2, 3)), float_range("f1"), float_range("f2")]
    transform = Canonicalize(
        search_space=space(parameters, [({"f1": 1.0, "f2": 1.0}, 1.0)]), config=symmetry.to_config()
    )
    given = {"m1": 4.0, "f1": 0.1 + 0.2, "m2": 3.0, "f2": 0.7, "m3": 2.0}
    (found,) = transform.untransform_observation_features(features([given]))
    assert found.parameters == pytest.approx({"m1": 3.0, "f1": 0.7, "m2": 4.0, "f2": 0.3, "m3": 1.0})


def test_mirrors_and_periods_leave_inert_numbers_alone() -> None:
    """Against all images of two blocks, whose x are mirrored together, with any inert numbers."""
    declared = {"symmetries": [
        {"blocks": [["x1", "u1", "phi1"], ["x2", "u2", "phi2"]], "absent": {"u1": "no"}},
        {"mirror": {"x1": 0.0, "x2": 0.0}}, {"period": {"phi1": 1.0, "phi2": 1.0}},
    ]}
    parameters = [p for k in (1, 2) for p in (
        float_range(f"x{k}", -1.0, 1.0), choice(f"u{k}", ["no", "yes"]), float_range(f"phi{k}", 0.5, 3.0),
    )]
    symmetry, made = Symmetry(declared), space(parameters)
    symmetry.validate(made)
    encoding, order = ParameterEncoding(symmetry, made), symmetry.comparison_order()
    rng = np.random.default_rng(0)
    for uses in product(("no", "yes"), repeat=2):
        keys, canonical = set(), set()
        x, phi = rng.uniform(-1, 1, 2), rng.uniform(0.5, 1.5, 2)
        for swap, sign, turns in product((0, 1), (-1, 1), (0, 1)):
            point = {}
            for k in (1, 2):
                j = (k - 1) ^ swap
                there = uses[j] == "yes"
                number, angle = (sign * x[j], phi[j] + turns) if there else rng.uniform([-1, 0.5], [1, 3])
                point |= {f"x{k}": float(number), f"u{k}": uses[j], f"phi{k}": float(angle)}
            row = encoding.encode_points([point])[1]
            keys.update(orbit_keys(encoding, order, row))
            canonical.add(tuple(np.round(encoding.canonical_rows(row, order)[0], 9)))
        assert len(keys) == len(canonical) == 1


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("kind", ["amount", "ordered", "unordered"])
def test_the_least_image_inside(kind: str, m: int) -> None:
    """Both ways to search: all images compared, and arrangements of blocks; with a sum that swaps break."""
    symmetry = Symmetry(config(kind, m))
    wide = made(kind, m)
    encoding, order = ParameterEncoding(symmetry, wide), symmetry.comparison_order()
    weights = {f"x{k}": float(k) for k in range(1, m + 1)}
    for bound, fixed in [(0.75 * m * m, {}), (100.0, {"x1": 1.9}), (100.0, {"use1": SWITCHES[kind][2], "x1": 1.1})]:
        narrow = space(wide.parameters.values(), [(weights, bound)])
        region = FeasibleRegion(encoding, narrow, fixed)
        for point in points(kind, m, 12):
            point = {**point, **fixed}
            x = encoding.gauge(encoding.encode_points([point])[1])
            z = np.hstack([x, encoding.mirrored(x)])[0]
            one = region._by_enumeration(symmetry.action, z, order, point)
            other = region._by_arrangement(symmetry.action, z, order, point)
            assert (one is None) == (other is None)
            if one is not None:
                assert one.tolist() == other.tolist()
                found = {name: values[0] for name, values in encoding.decode(one[None]).items()}
                assert all(found[name] == value for name, value in fixed.items())


def test_arms_that_differ_in_inert_values_are_one_experiment() -> None:
    parameters = [p for k in (1, 2) for p in (
        choice(f"use{k}", ["yes", "no"], is_ordered=False, dependents={"yes": [f"x{k}", f"t{k}"]}),
        float_range(f"x{k}"), int_range(f"t{k}", 2, 9),
    )]
    symmetry = Symmetry({"blocks": [[f"use{k}", f"x{k}", f"t{k}"] for k in (1, 2)]})
    encoding, order = ParameterEncoding(symmetry, hierarchy(parameters)), symmetry.comparison_order()
    arm = SimpleNamespace(parameters={"use1": "no", "use2": "yes", "x2": 0.25, "t2": 3})
    known = KnownArms(encoding, order, lambda: {"signature": arm})
    same = {"use1": "yes", "x1": 0.25, "t1": 3, "use2": "no", "x2": 0.75, "t2": 8}
    other = {**same, "use2": "yes"}
    rows = encoding.encode_points([same, other])[1]
    assert known.same_experiments(rows, [same, other]) == [arm.parameters, None]
    complete, x = encoding.encode_points([arm.parameters, {"use1": "yes", "use2": "no"}])
    assert complete.tolist() == [True, False] and encoding.decode(x)["t1"] == [2] and encoding.decode(x)["x1"] == [0.0]


def test_some_slots_depend_on_one_value_and_others_on_another() -> None:
    """No block is absent then, and the numbers that are not there are the lowest."""
    parameters = [p for k in (1, 2) for p in (
        choice(f"kind{k}", ["conv", "pool", "none"], is_ordered=False,
               dependents={"conv": [f"w{k}"], "pool": [f"s{k}"]}),
        float_range(f"w{k}"), float_range(f"s{k}"),
    )]
    symmetry = Symmetry({"blocks": [[f"kind{k}", f"w{k}", f"s{k}"] for k in (1, 2)]})
    encoding = ParameterEncoding(symmetry, hierarchy(parameters))
    given = [
        {"kind1": "pool", "w1": 0.5, "s1": 0.3, "kind2": "conv", "w2": 0.7, "s2": 0.2},
        {"kind1": "none", "w1": 0.5, "s1": 0.3, "kind2": "pool", "w2": 0.7, "s2": 0.2},
    ]
    canonical = encoding.decode(encoding.canonical_rows(encoding.encode_points(given)[1], symmetry.comparison_order()))
    assert canonical == {
        "kind1": ["conv", "pool"], "w1": [0.7, 0.0], "s1": [0.0, 0.2], "kind2": ["pool", "none"],
        "w2": [0.0, 0.0], "s2": [0.3, 0.0],
    }


@LONE
def test_images_of_observations_with_absent_blocks() -> None:
    declared = config("unordered", 3)
    run = experiment(made("unordered", 3))
    given = [
        {"x1": 1.0, "use1": "a", "t1": "s", "x2": 2.0, "use2": "none", "t2": "s", "x3": 1.5, "use3": "none", "t3": "r"},
        {"x1": 1.0, "use1": "a", "t1": "s", "x2": 2.0, "use2": "b", "t2": "s", "x3": 1.5, "use3": "none", "t3": "r"},
    ]
    for number, point in enumerate(given):
        add_trial(run, point, {"y": (float(number), 0.1)})
    rows = training_rows(run, SymmetrizeObservations, declared)
    kept = [row["parameters"] for row in rows]
    assert len(kept) == 3 + 6
    first = given[0] | {"x2": 0.5, "t2": "r", "x3": 0.5}
    assert kept[0] == first and kept[3] == given[1] | {"x3": 0.5}
    assert {tuple(moved(first, order).values()) for order in permutations(range(3))} == {
        tuple({name: p[name] for name in moved(first, (0, 1, 2))}.values()) for p in kept[:3]
    }
    assert [row["variance"]["y"] for row in rows] == pytest.approx([0.03] * 3 + [0.06] * 6)


def test_a_value_that_no_parameter_has() -> None:
    with pytest.raises(SymmetryError, match="parameter use1 cannot be 'gone'; its values are"):
        Symmetry({"blocks": blocks(2), "absent": {"use1": "gone"}}).validate(made("ordered", 2))
