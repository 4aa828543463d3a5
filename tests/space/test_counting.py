"""Finite search spaces: the number of different experiments against listing them all, and generators without a model.

One-line bugs that turn this file red: count arrangements of blocks instead of multisets; let an odd mirror fix every
value; forget the parameters outside of the symmetry; register Canonicalize without `untransform_observation_features`;
take any constraint on the others for a bound of an implied one; count what is inert, or the same value in two blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from importlib import import_module
from itertools import permutations, product
from math import comb
from typing import Any

import pytest
from ax.core.arm import Arm
from ax_symmetry import Canonicalize, Symmetry, SymmetryError, count_configurations
from ax_symmetry._ax import backend
from brute_force import GROUPS, elements, image, steady
from hypothesis import given
from hypothesis import strategies as st
from support import SteppedRange, boolean, choice, experiment, features, float_range, hierarchy, int_range, space

registry = import_module(f"ax.{backend.GENERATION}.registry")
Generators = getattr(registry, "Generators", None) or registry.Models

BLOCKS = [["c1", "n1"], ["c2", "n2"], ["c3", "n3"]]
COLORS = ["red", "green"]
FINITE = space([choice(n, COLORS) if n[0] == "c" else choice(n, [1.0, 2.0, 3.0]) for block in BLOCKS for n in block])


@pytest.mark.parametrize("case", GROUPS)
@given(data=st.data())
@steady
def test_the_count_is_that_of_a_list(case: str, data: st.DataObject) -> None:
    config = GROUPS[case][0]
    symmetry = Symmetry.from_config(config)
    half = {names: data.draw(st.integers(1, 2)) for names in symmetry.parameter_orbits}
    names = symmetry.parameters
    width = {n: next(w for alike, w in half.items() if n in alike) for n in names}
    widths = [width[n] if len(names) < 6 else 1 for n in names]
    search_space = space([int_range(n, -w, w) for n, w in zip(names, widths)] + [boolean("apart")])
    group = elements(config, names)
    grid = product(*(range(-w, w + 1) for w in widths))
    orbits = {min(image(element, x, 0.0) for element in group) for x in grid}
    assert count_configurations(symmetry, search_space) == 2 * len(orbits)


@pytest.mark.parametrize("values", [[-1.0, 1.0], [-1.0, 0.0, 1.0], [-2.0, -1.0, 1.0, 2.0]])
def test_mirrored_choices(values: list[float]) -> None:
    search_space = space([choice(n, values) for n in ("x", "y")])
    symmetry = Symmetry.mirror({"x": 0.0, "y": 0.0})
    orbits = {min((x, y), (-x, -y)) for x in values for y in values}
    assert count_configurations(symmetry, search_space) == len(orbits)


def test_twenty_blocks_are_counted_too() -> None:
    names = [f"x{i}" for i in range(20)]
    search_space = space([int_range(n, 1, 10) for n in names])
    assert count_configurations(Symmetry.permutation([[n] for n in names]), search_space) == comb(29, 20)


def test_digits_count() -> None:
    search_space = space([float_range(n, 0.0, 0.5, digits=1) for n in ("x", "y")])
    assert count_configurations(Symmetry.permutation([["x"], ["y"]]), search_space) == comb(7, 2)


def test_ranges_with_steps_count() -> None:
    search_space = space([SteppedRange(name) for name in "xyz"])
    assert count_configurations(Symmetry.permutation([["x"], ["y"], ["z"]]), search_space) == comb(13, 3)
    assert count_configurations(Symmetry.permutation([["x"], ["y"]]), search_space) == 11 * comb(12, 2)
    assert count_configurations(Symmetry.mirror({"x": 0.5, "y": 0.5, "z": 0.5}), search_space) == (11**3 + 1) // 2


@pytest.mark.parametrize(
    "search_space, words",
    [
        (space([float_range("x"), float_range("y")]), "x is continuous"),
        (space([int_range("x", 0, 3), int_range("y", 0, 3)], [({"x": 1.0, "y": 1.0}, 3.0)]), "constraints"),
        (space([int_range("x", 0, 3), int_range("y", 0, 4)]), "bounds"),
    ],
)
def test_what_cannot_be_counted_is_said(search_space: Any, words: str) -> None:
    with pytest.raises(SymmetryError, match=words):
        count_configurations(Symmetry.permutation([["x"], ["y"]]), search_space)


def orbit(parameters: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return what is the same for all orders of the blocks; the canonical order is that of this list."""
    return sorted((COLORS.index(parameters[c]), parameters[n]) for c, n in BLOCKS)


def generator(name: str, made: Any, **keywords: Any) -> Any:
    """Make a generator of Ax with Canonicalize in front of its own transforms."""
    entry = getattr(Generators, name)
    return entry(
        experiment=made,
        transforms=[Canonicalize, *entry.view_defaults()[1]["transforms"]],
        transform_configs={"Canonicalize": {"blocks": BLOCKS}},
        **keywords,
    )


@pytest.mark.parametrize("name", ["SOBOL", "UNIFORM"])
def test_random_search_gives_one_candidate_of_each_orbit(name: str) -> None:
    arms = generator(name, experiment(FINITE), seed=0, deduplicate=True).gen(40).arms
    for arm in arms:
        assert [(COLORS.index(arm.parameters[c]), arm.parameters[n]) for c, n in BLOCKS] == orbit(arm.parameters)
    assert len({tuple(orbit(arm.parameters)) for arm in arms}) == len(arms) == 40


def test_a_factorial_design_gives_one_candidate_of_each_orbit() -> None:
    run = generator("FACTORIAL", experiment(FINITE), max_cardinality=1000).gen(-1)
    assert len({tuple(orbit(arm.parameters)) for arm in run.arms}) == len(run.arms)
    assert len(run.arms) == count_configurations(Symmetry.permutation(BLOCKS), FINITE) == comb(8, 3)
    for arm, weight in run.arm_weights.items():  # each counts for the members of its orbit
        assert weight == len(set(permutations(orbit(arm.parameters))))


def test_a_candidate_that_is_an_arm_in_another_order_is_that_arm() -> None:
    """Ax compares signatures, and so sees that it has this one, in whatever order the user attached it."""
    made = experiment(FINITE)
    attached = {"c1": "green", "n1": 3.0, "c2": "red", "n2": 1.0, "c3": "green", "n3": 1.0}
    made.new_trial().add_arm(Arm(parameters=attached))
    run = generator("FACTORIAL", made, max_cardinality=1000).gen(-1)
    assert attached in [arm.parameters for arm in run.arms]
    assert len({tuple(orbit(arm.parameters)) for arm in run.arms}) == len(run.arms) == comb(8, 3)
    assert sum(orbit(arm.parameters) == orbit(attached) for arm in run.arms) == 1


def test_an_arm_outside_of_what_was_asked_for_is_not_proposed() -> None:
    made = experiment(FINITE)
    attached = {"c1": "green", "n1": 3.0, "c2": "red", "n2": 1.0, "c3": "red", "n3": 1.0}
    made.new_trial().add_arm(Arm(parameters=attached))
    transform = generator("SOBOL", made, seed=0).transforms["Canonicalize"]
    transform.transform_search_space(FINITE)
    transform.note_fixed_features({"c1": "red", "n1": 1.0})
    candidate = {"c1": "red", "n1": 1.0, "c2": "green", "n2": 3.0, "c3": "red", "n3": 1.0}
    (found,) = transform.untransform_observation_features(features([candidate]))
    assert found.parameters == {"c1": "red", "n1": 1.0, "c2": "red", "n2": 1.0, "c3": "green", "n3": 3.0}


def percent(kind: str, names: str = "ab", top: int = 4) -> list[Any]:
    """Make parameters with the same five values, up to a factor."""
    if kind == "integers":
        return [int_range(n, 0, top) for n in names]
    if kind == "digits":
        return [float_range(n, 0.0, top / 10, digits=1) for n in names]
    return [choice(n, [5.0 * k - 10.0 for k in range(top + 1)]) for n in names]


@pytest.mark.parametrize("kind", ["integers", "digits", "steps"])
@pytest.mark.parametrize("total", [2, 4, 7])
@pytest.mark.parametrize("group", ["symmetric", "cyclic"])
def test_an_implied_whole_number_is_counted_by_the_total(kind: str, total: int, group: str) -> None:
    """Against a list; the other slot has choices, and z is in the sum without trading places."""
    unit, start = {"integers": (1.0, 0.0), "digits": (0.1, 0.0), "steps": (5.0, -10.0)}[kind]
    sum_of_all = start * 4 + unit * total
    others = [choice(n, COLORS) for n in ("p", "q", "r")]
    limits = [({n: 1.0 for n in "abz"}, sum_of_all - start), ({n: -1.0 for n in "abz"}, start + 4 * unit - sum_of_all)]
    listed = [*percent(kind), *percent(kind, "z", 2), *others]
    try:
        search_space = space(listed, limits)
    except ValueError:
        pytest.skip("this Ax constrains no choice")
    symmetry = Symmetry.from_config({
        "blocks": [["a", "p"], ["b", "q"], ["c", "r"]], "group": group,
        "simplex": {"parameters": ["a", "b", "c", "z"], "total": sum_of_all},
    })
    orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], *([[1, 0, 2], [0, 2, 1], [2, 1, 0]] if group == "symmetric" else [])]
    orbits = set()
    for *parts, z, p, q, r in product(range(5), range(5), range(5), range(3), COLORS, COLORS, COLORS):
        if sum(parts) + z == total:
            blocks = list(zip(parts, (p, q, r)))
            orbits.add((z, min(tuple(blocks[i] for i in order) for order in orders)))
    assert count_configurations(symmetry, search_space) == len(orbits)


@pytest.mark.parametrize("limits", [[], [(dict.fromkeys("abc", 1.0), 4.0), (dict.fromkeys("abc", -2.0), -8.0)]])
@pytest.mark.parametrize("total", [4, 3])
def test_a_sum_of_parameters_that_are_all_there(limits: list[Any], total: int) -> None:
    search_space = space([int_range(n, 0, 3) for n in "abc"], limits)
    config = {"blocks": [["a"], ["b"], ["c"]], "simplex": {"parameters": ["a", "b", "c"], "total": total}}
    if limits and total == 3:  # the constraints say more than the simplex
        with pytest.raises(SymmetryError, match="but the sum of a simplex"):
            count_configurations(config, search_space)
        return
    wanted = {tuple(sorted(p)) for p in product(range(4), repeat=3) if sum(p) == total}
    assert count_configurations(config, search_space) == len(wanted)


def test_two_sums_and_one_that_binds_nothing() -> None:
    listed = [int_range(n, 0, 3) for n in ("a", "b", "d", "e", "g", "h")]
    listed += [int_range(n, 0, 3) for n in ("c",)]
    symmetry = Symmetry.from_config({"symmetries": [
        {"blocks": [["a"], ["b"], ["c"]]}, {"blocks": [["d"], ["e"], ["f"]]}, {"blocks": [["g"], ["h"]]},
        {"simplex": {"parameters": ["d", "e", "f"], "total": 3}}, {"simplex": {"parameters": ["g", "h", "rest"]}},
    ]})
    search_space = space(listed, [({"d": 2.0, "e": 2.0}, 6.0)])
    partitions = {tuple(sorted(t)) for t in product(range(4), repeat=3) if sum(t) == 3}
    assert count_configurations(symmetry, search_space) == comb(6, 3) * len(partitions) * comb(5, 2)
    for cut in ({"d": 1.0, "e": 1.0}, 2.0), ({"d": 1.0, "e": 2.0}, 4.0):
        with pytest.raises(SymmetryError, match="counts no parameter constraints, but"):
            count_configurations(symmetry, space(listed, [({"d": 1.0, "e": 1.0}, 3.0), cut]))


def test_percentages_of_twelve_parts_are_counted_too() -> None:
    """As many as partitions of 100 into at most 12 parts, by the recurrence."""
    names = [f"w{k}" for k in range(12)]
    listed = [int_range(n, 0, 100) for n in names[:-1]]
    search_space = space(listed, [({n: 1.0 for n in names[:-1]}, 100.0)])
    symmetry = Symmetry.from_config({"blocks": [[n] for n in names],
                                     "simplex": {"parameters": names, "total": 100}})
    ways = [1] + [0] * 100
    for part in range(1, 13):  # partitions into parts of at most 12 are as many as those into at most 12 parts
        for n in range(part, 101):
            ways[n] += ways[n - part]
    assert count_configurations(symmetry, search_space) == ways[100]


SPACES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "a choice says so": (
        {"absent": {"use_1": "no"}},
        [choice(f"use_{k}", ["no", "little", "much"]) for k in (1, 2, 3)]
        + [int_range(f"t_{k}", 0, 2) for k in (1, 2, 3)],
    ),
    "an amount says so": (
        {"absent": {"use_1": 0.0}},
        [float_range(f"use_{k}", 0.0, 0.3, digits=1) for k in (1, 2, 3)]
        + [choice(f"t_{k}", ["x", "y", "z"], is_ordered=False) for k in (1, 2, 3)],
    ),
}


def listed_orbits(parameters: list[Any], group: str, absent: bool, distinct: str | None) -> int:
    """Count by listing every configuration; an absent block is the same whatever is in its inert slots."""
    orders = [*permutations(range(3))] if group == "symmetric" else [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
    values = [p.values if hasattr(p, "values") else grid(p) for p in parameters]
    orbits = set()
    for point in product(*values):
        named = dict(zip((p.name for p in parameters), point))
        blocks = []
        for k in (1, 2, 3):
            gone = absent and named[f"use_{k}"] in ("no", 0.0)
            blocks.append((named[f"use_{k}"], None if gone else named[f"t_{k}"]))
        there = [(use, t) for use, t in blocks if t is not None]
        slot = [block[("use", "t").index(distinct)] for block in there] if distinct else []
        if len(set(slot)) == len(slot):
            orbits.add(min((tuple(blocks[i] for i in order) for order in orders), key=repr))
    return len(orbits)


def grid(p: Any) -> list[float]:
    return [*range(p.lower, p.upper + 1)] if p.parameter_type.name == "INT" else [0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize("group", ["symmetric", "cyclic"])
@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("distinct", [None, "use", "t"])
@pytest.mark.parametrize("kind", SPACES)
def test_absent_blocks_and_values_that_differ(kind: str, distinct: str | None, absent: bool, group: str) -> None:
    key, parameters = SPACES[kind]
    config: dict[str, Any] = {"blocks": [[f"use_{k}", f"t_{k}"] for k in (1, 2, 3)], "group": group}
    config |= (key if absent else {}) | ({"distinct": f"{distinct}_1"} if distinct else {})
    if distinct == "use" and kind == "an amount says so":
        return  # values that differ are for choices and whole numbers
    symmetry, search_space = Symmetry.from_config(config), space(parameters)
    refused = ""
    if distinct == "use" and absent:  # two amounts for three blocks
        refused = "give them at least 3 values"
    elif distinct and group == "cyclic":
        refused = "in every way alone; count the configurations with repeats"
    with pytest.raises(SymmetryError, match=refused) if refused else nullcontext():
        found = count_configurations(symmetry, search_space)
        assert found == listed_orbits(parameters, group, absent, distinct)


def test_blocks_that_depend_on_choices() -> None:
    """Ax's own hierarchy: each of two blocks has an amount if its choice is "cold", a temperature if it is "hot"."""
    listed = []
    for k in (1, 2):
        dependents = {"cold": [f"amount_{k}"], "hot": [f"heat_{k}"]}
        listed.append(choice(f"kind_{k}", ["none", "cold", "hot"], dependents=dependents))
        listed += [int_range(f"amount_{k}", 0, 3), int_range(f"heat_{k}", 0, 4)]
    config = {"blocks": [[f"{slot}_{k}" for slot in ("kind", "amount", "heat")] for k in (1, 2)]}
    assert count_configurations(config, hierarchy(listed)) == comb(1 + 4 + 5 + 1, 2)
    none_twice = 1 + (4 + 5) + 4 * 5  # both empty, one, or one of each kind
    assert count_configurations({**config, "distinct": "kind_1"}, hierarchy(listed)) == none_twice


def test_formulations_of_ten_parts_in_a_hundred() -> None:
    """Six slots of six materials, none twice, whose tenths sum to the whole; a slot without a share is empty."""
    shares, materials = [f"s{k}" for k in range(6)], [f"m{k}" for k in range(6)]
    listed = [int_range(n, 0, 10) for n in shares[:-1]]
    listed += [choice(n, list("abcdef"), is_ordered=False) for n in materials]
    config = {"blocks": [*zip(shares, materials)], "absent": {"s0": 0}, "distinct": "m0",
              "simplex": {"parameters": shares, "total": 10}}
    search_space = space(listed, [({n: 1.0 for n in shares[:-1]}, 10.0)])
    assert count_configurations(config, search_space) == comb(15, 5)  # how ten tenths are shared among six materials


def test_two_slots_that_differ_are_not_counted() -> None:
    names = [[f"a{k}", f"b{k}"] for k in range(3)]
    search_space = space([int_range(n, 0, 4) for block in names for n in block])
    with pytest.raises(SymmetryError, match="counts one slot in which blocks must differ"):
        count_configurations({"blocks": names, "distinct": ["a0", "b0"]}, search_space)
