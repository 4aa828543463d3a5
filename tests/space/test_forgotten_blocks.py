"""Constraints that look as if a block, or the sum of a simplex, was forgotten: told once, at declaration, no others.

One-line bugs that turn this file red: look at constraints one by one, without the images that others give; take an
order constraint for one that forgot a block; forget that an implied parameter is constrained by the others; compare
within the blocks instead of the slots; warn when a model is fitted to the data of a diagnosis as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry, SymmetryWarning, choose_generation_strategy, get_botorch
from ax_symmetry.diagnostics import check_symmetry
from ax_symmetry.space.forgotten_blocks import forgotten_blocks, loose_sums
from support import add_trial, equality, experiment, fast_optimizer, fill, float_range, random_points, space

ONE = {"blocks": [["a"], ["b"], ["c"]]}
TWO = {"blocks": [["m1", "s1"], ["m2", "s2"], ["m3", "s3"]]}
IMPLIED = {**ONE, "simplex": {"parameters": ["a", "b", "c"]}}
SIGNS = {"symmetries": [{"blocks": [["a"], ["b"]]}, {"mirror": {"a": 0.5}}]}
TABLE = {"symmetries": [{"blocks": [["a", "b"], ["c", "d"]]}, {"blocks": [["a", "c"], ["b", "d"]]}]}
Constraints = list[tuple[Mapping[str, float], float]]

FORGETS = {
    "one of three": (ONE, [({"a": 1.0, "b": 1.0}, 1.0)], ["a + b <= 1", "block c"]),
    "two of three": (ONE, [({"a": 1.0}, 0.5)], ["a <= 0.5", "block b and block c"]),
    "from below": (ONE, [({"a": -1.0, "b": -1.0}, -1.0)], ["a + b >= 1", "block c"]),
    "with weights": (ONE, [({"a": 2.0, "b": 2.0}, 1.5)], ["2 * a + 2 * b <= 1.5", "block c"]),
    "of one slot": (TWO, [({"m1": 1.0, "m2": 1.0}, 1.0)], ["m1 + m2 <= 1", "block m3, s3"]),
    "within one block": (TWO, [({"m1": 1.0, "s1": -1.0}, 0.0)], ["m1 - s1 <= 0", "block m2, s2 and block m3, s3"]),
    "of a cyclic group": ({**ONE, "group": "cyclic"}, [({"a": 1.0, "b": 1.0}, 1.0)], ["a + b <= 1", "block c"]),
    "beside others": (ONE, [({"a": 1.0, "b": 1.0, "z": 3.0}, 2.0)], ["a + b + 3 * z <= 2", "block c"]),
    "of a table": (TABLE, [({"a": 1.0, "b": 1.0}, 1.0)], ["a + b <= 1", "block c, d"]),
}
ON_PURPOSE = {
    "none": (ONE, []),
    "of all": (ONE, [({"a": 1.0, "b": 1.0, "c": 1.0}, 1.0)]),
    "of all pairs": (ONE, [({n: 1.0 for n in pair}, 1.0) for pair in ("ab", "bc", "ac")]),
    "an order": (ONE, [({"a": 1.0, "b": -1.0}, 0.0)]),
    "a chain": (ONE, [({"a": 1.0, "b": -1.0}, 0.0), ({"b": 1.0, "c": -1.0}, 0.0)]),
    "an order with a gap": (TWO, [({"m1": 1.0, "m2": -1.0}, -0.1)]),
    "weights that differ": (ONE, [({"a": 1.0, "b": 2.0}, 1.0)]),
    "of each block": (TWO, [({f"m{k}": 1.0, f"s{k}": 1.0}, 1.0) for k in (1, 2, 3)]),
    "of bystanders": (ONE, [({"z": 1.0}, 0.5)]),
    "that never binds": (ONE, [({"a": 1.0, "b": 1.0}, 2.5)]),
    "of what is implied": (IMPLIED, [({"a": 1.0, "b": 1.0}, 1.0)]),
    "of mirrored blocks": (SIGNS, [({"a": 1.0, "b": 1.0}, 1.0)]),
}


def constrained(config: Mapping[str, Any], constraints: Constraints) -> SearchSpace:
    names = [n for n in Symmetry(config).parameters if "simplex" not in config or n != "c"]
    return space([float_range(name) for name in [*names, "z"]], constraints)


@pytest.mark.parametrize("name", FORGETS)
def test_what_was_forgotten_is_named(name: str) -> None:
    config, constraints, words = FORGETS[name]
    told = forgotten_blocks(Symmetry(config), constrained(config, constraints))
    assert told.count("The parameter constraint") == 1 and all(word in told for word in words), told


@pytest.mark.parametrize("name", ON_PURPOSE)
def test_what_is_meant_so_is_left_alone(name: str) -> None:
    config, constraints = ON_PURPOSE[name]
    assert forgotten_blocks(Symmetry(config), constrained(config, constraints)) == ""


def test_an_equation_is_written_as_one() -> None:
    constraint = equality("a + b == 1")
    if constraint is None:
        pytest.skip("this Ax has no equality constraints")
    made = constrained(ONE, [])
    made.add_parameter_constraints([constraint])
    assert "constraint a + b = 1 leaves out block c" in forgotten_blocks(Symmetry(ONE), made)


def warned(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [w for w in caught if issubclass(w.category, SymmetryWarning)]
    assert all(w.filename == __file__ for w in ours)
    return [str(w.message) for w in ours]


@pytest.mark.parametrize("method", ["kernel", "augmentation"])
def test_one_warning_at_declaration(method: str) -> None:
    both = FORGETS["one of three"][1] + [({"b": 1.0, "c": 1.0}, 1.2)]
    made = experiment(constrained(ONE, both))
    for point in random_points(made.search_space, 6):
        add_trial(made, point, {"y": (sum(point[n] ** 2 for n in "abc"), 0.1)})
    data = made.lookup_data()
    with fast_optimizer():
        for call in (
            lambda: choose_generation_strategy(made.search_space, ONE, method=method),
            lambda: get_botorch(made, data, symmetry=ONE, method=method).gen(1),
            lambda: get_botorch(made, data, symmetry={**ONE, "asymmetry": "learn"}),
        ):
            (told,) = warned(call)
            assert "a + b <= 1" in told and "b + c <= 1.2" in told
        assert warned(lambda: check_symmetry(made, ONE)) == []


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ([], False),
        ([(dict.fromkeys("abc", 1.0), 1.0)], False),
        ([(dict.fromkeys("abc", 1.0), 1.0), (dict.fromkeys("abc", -1.0), -1.0)], True),
        ([(dict.fromkeys("abc", 3.0), 3.0), (dict.fromkeys("abc", -0.5), -0.5)], True),
        ([(dict.fromkeys("abc", 1.0), 1.1), (dict.fromkeys("abc", -1.0), -1.0)], False),
        ([({"a": 1.0, "b": 1.0}, 0.4), ({"c": 1.0}, 0.6), (dict.fromkeys("abc", -1.0), -1.0)], True),
    ],
)
def test_sums_that_nothing_keeps(limits: Any, kept: bool) -> None:
    symmetry = Symmetry({"blocks": [["a"], ["b"], ["c"]], "simplex": {"parameters": ["a", "b", "c"]}})
    told = loose_sums(symmetry, space([float_range(name) for name in "abc"], limits))
    assert (told == "") == kept
    assert kept or "nothing in the search space keeps a + b + c at 1, so that" in told
    assert loose_sums(symmetry, space([float_range(name) for name in "ab"])) == ""  # c is implied


def test_loose_sums_are_told_of_once() -> None:
    made = fill(experiment(space([float_range(name) for name in "abc"])), 5, lambda p: sum(p.values()))
    symmetry = {"blocks": [["a"], ["b"], ["c"]], "simplex": {"parameters": ["a", "b", "c"]}}
    with pytest.warns(SymmetryWarning, match="nothing in the search space keeps") as told:
        get_botorch(made, made.lookup_data(), symmetry=symmetry)
    assert len([one for one in told if one.category is SymmetryWarning]) == 1
    with pytest.warns(SymmetryWarning, match="nothing in the search space keeps") as told:
        choose_generation_strategy(made, symmetry)
    assert len([one for one in told if one.category is SymmetryWarning]) == 1
