"""No value twice where blocks must differ, against every assignment of values by brute force.

One-line bugs that turn this file red: count blocks that are absent; change a block that has no twin; take a value that
fixed features or a narrower search space do not allow, or one with which the block would be absent; count steps of a
choice that has no order; let the first of the values that are equally near always be taken; break a constraint.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry
from ax_symmetry.space.asked import Asked
from ax_symmetry.space.distinct import TIE, repeats, without_repeats
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from brute_force import steady
from hypothesis import given
from hypothesis import strategies as st
from support import boolean, choice, float_range, int_range, space

SLOTS: dict[str, Any] = {
    "unordered": lambda name: choice(name, ["w", "oil", "none", "salt", "gum"], is_ordered=False),
    "ordered": lambda name: choice(name, ["none", "a", "b", "c", "d"]),
    "integer": lambda name: int_range(name, 2, 6),
}
ABSENT: dict[str, dict[str, Any]] = {
    "always": {}, "by amount": {"absent": {"n1": 0.0}}, "by value": {"absent": {"m1": "none"}},
}
BLOCKS = [[f"m{k}", f"n{k}"] for k in (1, 2, 3)]


def region(kind: str, absent: str, fixed: dict[str, Any] | None = None) -> FeasibleRegion:
    made = space([p for k in (1, 2, 3) for p in (SLOTS[kind](f"m{k}"), float_range(f"n{k}"))])
    symmetry = Symmetry({"blocks": BLOCKS, "distinct": "m2", **ABSENT[absent]})
    symmetry.validate(made)
    return FeasibleRegion(ParameterEncoding(symmetry, made), made, fixed)


def distance(kind: str, one: float, other: float) -> float:
    return float(one != other) if kind == "unordered" else abs(one - other)


def nearest(kind: str, absent: str, row: list[float], there: list[int], fixed: dict[int, float]) -> float | None:
    """Return how far the values of the blocks that are there must move in all; None if nothing will do."""
    values = [float(v) for v in (range(2, 7) if kind == "integer" else range(5))]
    if absent == "by value":
        values.remove({"unordered": 2.0, "ordered": 0.0}[kind])
    found = [
        sum(distance(kind, row[2 * k], v) for k, v in zip(there, chosen))
        for chosen in product(values, repeat=len(there))
        if len(set(chosen)) == len(there) and all(fixed.get(k, v) == v for k, v in zip(there, chosen))
    ]
    return min(found, default=None)


@pytest.mark.parametrize("fixes", [0, 1, 2])
@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.parametrize("kind", SLOTS)
@steady
@given(data=st.data())
def test_the_nearest_values_that_differ(kind: str, absent: str, fixes: int, data: Any) -> None:
    if kind == "integer" and absent == "by value":
        absent = "by amount"
    first = 2 if kind == "integer" else 0
    values = data.draw(st.lists(st.integers(first, first + 4), min_size=3, max_size=3))
    amounts = data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=3, max_size=3))
    of_choice = {"unordered": ["w", "oil", "none", "salt", "gum"], "ordered": ["none", "a", "b", "c", "d"]}.get(kind)
    fixed = {k: float(values[k]) for k in range(fixes)}
    made = region(kind, absent, {f"m{k + 1}": of_choice[int(v)] if of_choice else int(v) for k, v in fixed.items()})
    row = [float(v) for pair in zip(values, amounts) for v in pair]
    gone = {"always": lambda k: False, "by amount": lambda k: amounts[k] == 0.0,
            "by value": lambda k: of_choice[values[k]] == "none"}[absent]
    there = [k for k in range(3) if not gone(k)]
    has_repeats = len({values[k] for k in there}) < len(there)
    x = np.asarray([row])
    assert repeats(made.encoding, x).tolist() == [has_repeats]
    (found,) = without_repeats(made, x)
    assert x.tolist() == [row]  # inputs are not mutated
    wanted = nearest(kind, absent, row, there, fixed)
    if not has_repeats or wanted is None:
        assert found.tolist() == row
        return
    assert not repeats(made.encoding, found[None])[0]
    assert sum(distance(kind, row[2 * k], found[2 * k]) for k in there) == wanted
    assert [found[j] for j in range(6) if j // 2 not in there or j % 2] == [
        row[j] for j in range(6) if j // 2 not in there or j % 2]
    assert without_repeats(made, x).tolist() == [found.tolist()]
    assert wanted * TIE < 1


def test_values_that_are_equally_near_come_equally_often() -> None:
    made = region("unordered", "always")
    amounts = np.random.default_rng(0).random((2000, 3))
    x = np.stack([np.ones(2000), amounts[:, 0], np.ones(2000),
                 amounts[:, 1], np.full(2000, 3.0), amounts[:, 2]], axis=1)
    found = without_repeats(made, x)
    changed = Counter(np.where(found[:, 0] == 1.0, found[:, 2], found[:, 0]).tolist())
    assert set(changed) == {0.0, 2.0, 4.0} and min(changed.values()) > 600  # of 2000 / 3, SD 21
    assert 900 < (found[:, 0] == 1.0).sum() < 1100


def test_slots_of_several_symmetries() -> None:
    made = space([choice(n, ["p", "q", "r"]) for n in "abcd"])
    symmetry = Symmetry({"symmetries": [{"blocks": [["a"], ["b"]], "distinct": "a"}, {"blocks": [["c"], ["d"]]}]})
    assert symmetry.distinct == (("a", "b"),)
    assert Symmetry.from_config(symmetry.to_config()) == symmetry
    encoding = ParameterEncoding(symmetry, made)
    x = np.asarray([[0.0, 1.0, 2.0, 2.0], [1.0, 1.0, 0.0, 2.0]])
    assert repeats(encoding, x).tolist() == [False, True]
    both = Symmetry({"blocks": [["a", "c"], ["b", "d"]], "distinct": ["a", "c"]})
    assert both.distinct == (("a", "b"), ("c", "d"))
    assert both.to_config()["symmetries"][1] == {"distinct": ["a", "c"]} and Symmetry(both.to_config()) == both


@pytest.mark.parametrize("switch", [False, True])
def test_constraints_are_kept(switch: bool) -> None:
    """Every allowed row with a repeat becomes an allowed one without."""
    blocks = [[f"u{k}", f"m{k}"] if switch else [f"m{k}"] for k in (1, 2, 3)]
    parameters = [boolean(name) if name[0] == "u" else int_range(name, 1, 5) for block in blocks for name in block]
    made = space(parameters, [({"m1": 1.0, "m2": 1.0, "m3": 1.0}, 7.0)])
    symmetry = Symmetry({"blocks": blocks, "distinct": "m1", **({"absent": {"u1": False}} if switch else {})})
    encoding = ParameterEncoding(symmetry, made)
    asked = Asked(encoding, symmetry.comparison_order(), made, {})
    listed = [dict(zip(made.parameters, values)) for values in product(
        *([False, True] if name[0] == "u" else range(1, 6) for name in made.parameters)
    )]
    listed = [p for p in listed if made.check_membership(p)]
    good = [p for p in listed if len(there := [p[m] for *u, m in blocks if all(p[x] for x in u)]) == len(set(there))]
    for p in listed[::3 if switch else 1]:
        x = encoding.encode_points([p])[1]
        found = {name: values[0] for name, values in encoding.decode(asked.candidates(x, [p])).items()}
        assert made.check_membership(found), (p, found)
        assert any(symmetry.canonical(found) == symmetry.canonical(q) for q in good), (p, found)
        if p in good:
            assert symmetry.canonical(found) == symmetry.canonical(p)
