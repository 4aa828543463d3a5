"""Values become numbers and the same values again.

One-line bugs that turn this file red: `decode` looks choices up in `p.values` instead of the order of comparison;
`rounded` takes 0 digits for none; `rounded` uses numpy's round; `mirrored` rounds every image; `encode` takes a missing
choice for its first value; `to_unit_cube` measures a log scale without the logarithm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry
from ax_symmetry.space.encoding import ParameterEncoding
from hypothesis import given, settings
from hypothesis import strategies as st
from support import IDENTITY, SteppedRange, boolean, choice, fixed, float_range, int_range, space

FLOATS = st.floats(-1e6, 1e6)
STRINGS = ["z", "a", "m"]
MIXED = space(
    [p for i in (1, 2) for p in (
        float_range(f"x{i}", -1e6, 1e6),
        float_range(f"l{i}", 1e-3, 1e6, log_scale=True),
        int_range(f"i{i}", -50, 50),
        float_range(f"d{i}", -10.0, 10.0, digits=3),
        choice(f"s{i}", STRINGS),
        choice(f"u{i}", [3, 1, 2], is_ordered=False),
        choice(f"n{i}", [0.5, 1.25, 7.0]),
        boolean(f"b{i}"),
    )]
)
SLOTS = "xlidsunb"
SWAP = Symmetry.permutation([[f"{slot}{i}" for slot in SLOTS] for i in (1, 2)])
VALUES = {
    "x": FLOATS,
    "l": st.floats(1e-3, 1e6),
    "i": st.integers(-50, 50),
    "d": st.integers(-10_000, 10_000).map(lambda k: k / 1000),
    "s": st.sampled_from(STRINGS),
    "u": st.sampled_from([1, 2, 3]),
    "n": st.sampled_from([0.5, 1.25, 7.0]),
    "b": st.booleans(),
}
POINTS = st.fixed_dictionaries({f"{slot}{i}": VALUES[slot] for slot in SLOTS for i in (1, 2)})


def columns(points: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [point.get(name) for point in points] for name in MIXED.parameters}


@given(st.lists(POINTS, max_size=4))
@settings(max_examples=100, deadline=None)
def test_round_trip_is_exact(points: list[dict[str, Any]]) -> None:
    """To the last bit, and with the same types."""
    encoding = ParameterEncoding(SWAP, MIXED)
    complete, x = encoding.encode(columns(points))
    assert complete.all() and x.shape == (len(points), len(encoding.columns))
    assert np.array_equal(encoding.encode_points(points)[1], x)
    back = encoding.decode(x)
    assert back == columns(points)
    assert all(type(v) is type(w) for name in back for v, w in zip(back[name], columns(points)[name]))
    assert all(math.copysign(1, v) == math.copysign(1, w) for v, w in zip(back["x1"], columns(points)["x1"]))
    assert np.array_equal(encoding.rounded(x), x)


def test_order_of_comparison_is_that_of_the_values() -> None:
    """Numbers by size, choices by their position in `values`, sorted or not, and False before True."""
    encoding = ParameterEncoding(SWAP, MIXED)
    assert [encoding.encode_value("s1", v) for v in STRINGS] == [0, 1, 2]
    assert [encoding.encode_value("u2", v) for v in MIXED.parameters["u2"].values] == [0, 1, 2]
    assert [encoding.encode_value("n1", v) for v in (0.5, 1.25, 7.0)] == [0, 1, 2]
    assert [encoding.encode_value("b1", v) for v in (False, True)] == [0, 1]
    assert encoding.encode_value("i1", -7) == -7


@pytest.mark.parametrize(
    "name, missing",
    [(name, missing) for name in MIXED.parameters for missing in (None, math.nan)]
    + [(f"{slot}{i}", "out of design") for slot in "sunb" for i in (1, 2)],
)
def test_incomplete_rows_are_left_out(name: str, missing: Any) -> None:
    """A row without a value, or with a choice that is none of the values, has no numbers; its neighbours have."""
    point = {"x": 1.5, "l": 2.0, "i": 3, "d": 0.25, "s": "m", "u": 2, "n": 7.0, "b": True}
    points = [{f"{slot}{i}": v for slot, v in point.items() for i in (1, 2)} for _ in range(3)]
    points[1][name] = missing
    encoding = ParameterEncoding(SWAP, MIXED)
    complete, x = encoding.encode(columns(points))
    assert complete.tolist() == [True, False, True]
    assert encoding.decode(x) == columns([points[0], points[2]])


def test_no_rows_at_all() -> None:
    encoding = ParameterEncoding(SWAP, MIXED)
    complete, x = encoding.encode(columns([]))
    assert complete.shape == (0,) and x.shape == (0, 2 * len(SLOTS))
    assert encoding.decode(encoding.mirrored(encoding.rounded(x))) == columns([])


def test_rounding_is_pythons() -> None:
    """Halves of a decimal that binary numbers miss: 2.675 is below 2.675, which numpy's round does not see."""
    made = space([float_range("d", 0, 10, digits=2), float_range("e", 0, 10, digits=0), int_range("i", 0, 10),
                  float_range("x", 0, 10)])
    encoding = ParameterEncoding(Symmetry.mirror({name: 5.0 for name in "deix"}), made)
    x = np.asarray([[2.675, 2.5, 2.5, 2.675], [1.005, 3.5, 3.5, 1.005], [np.nan, np.nan, 4.0000001, np.nan]])
    rounded = encoding.rounded(x)
    assert np.array_equal(rounded[:2], [[2.67, 2.0, 2.0, 2.675], [1.0, 4.0, 4.0, 1.005]])
    assert rounded[2, 2] == 4 and np.isnan(rounded[2, [0, 1, 3]]).all()
    assert x[0, 0] == 2.675  # and the argument stays as it was


def test_steps_are_rounded_as_ax_does() -> None:
    """A mirror image of a number on the grid is on it to the last bit: 0.4, where 1 - 0.6000000000000001 is less."""
    encoding = ParameterEncoding(Symmetry.mirror({"s": 0.5}), space([SteppedRange("s")]))
    on_grid = [0.1 * k for k in range(11)]
    x = np.asarray([[1.0 - v, v] for v in on_grid])[:, :len(encoding.columns)]
    assert encoding.decode(encoding.rounded(x))["s"] == on_grid[::-1]


MIRRORED = space(
    [float_range("x", 0.1, 0.7), int_range("i", 1, 8), float_range("d", 0.0, 0.3, digits=2),
     choice("n", [0.5, 0.75, 3.25, 3.5]), choice("c", [1, 2, 3]), float_range("y")]
)
FLIP = Symmetry.from_config({"symmetries": [{"mirror": {"x": 0.4, "i": 4.5, "d": 0.15, "n": 2.0, "c": 2.0}},
                                            {"simplex": {"parameters": ["y", "z"]}}]})


@given(st.floats(0.1, 0.7), st.integers(1, 8), st.integers(0, 30), st.integers(0, 3), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_mirrored_values(x: float, i: int, cents: int, n: int, c: int) -> None:
    """Integers, digits and choices land on values; floats within rounding; what no mirror moves is nan."""
    d = cents / 100
    encoding = ParameterEncoding(FLIP, MIRRORED)
    values = [0.5, 0.75, 3.25, 3.5]
    _, row = encoding.encode({"x": [x], "i": [i], "d": [d], "n": [values[n]], "c": [c], "y": [0.5]})
    mirrored = encoding.mirrored(row)
    assert np.isnan(mirrored[0, [encoding.columns["y"], encoding.columns["z"]]]).all()
    there = encoding.decode(np.nan_to_num(mirrored))
    assert there["x"][0] == pytest.approx(0.8 - x, abs=IDENTITY)
    assert (there["i"], there["n"], there["c"]) == ([9 - i], [values[3 - n]], [4 - c])
    assert type(there["i"][0]) is int
    assert there["d"] == [round(0.3 - d, 2)]
    assert np.array_equal(encoding.mirrored(mirrored)[0, 1:5], row[0, 1:5])


def test_mirror_image_of_a_number_between_the_steps_lies_between_them_too() -> None:
    encoding = ParameterEncoding(
        Symmetry.mirror({"i": 4.5, "d": 0.5}), space([int_range("i", 1, 8), float_range("d", digits=1)])
    )
    _, row = encoding.encode({"i": [2.25], "d": [0.123]})
    assert np.allclose(encoding.mirrored(row), [[6.75, 0.877]], rtol=0, atol=IDENTITY)
    assert encoding.decode(encoding.mirrored(row))["i"] == [6.75]


def test_implied_fraction() -> None:
    """What is absent is the rest; equal to another where only rounding sets them apart; and not written back."""
    symmetry = Symmetry.from_config({"blocks": [["f1"], ["f2"], ["f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}})
    encoding = ParameterEncoding(symmetry, space([float_range("f1"), float_range("f2")]))
    complete, x = encoding.encode({"f1": [0.7, 0.1, None, 0.9], "f2": [0.2, 0.8, 0.5, 0.9]})
    assert complete.tolist() == [True, True, False, True]
    assert np.allclose(x[:, 2], [0.1, 0.1, -0.8], rtol=0, atol=IDENTITY)
    assert x[1, 2] == x[1, 0]  # 1 - 0.8 - 0.1 is 0.09999999999999995
    assert encoding.decode(x) == {"f1": [0.7, 0.1, 0.9], "f2": [0.2, 0.8, 0.9]}


def test_amounts() -> None:
    """Parameter constraints, which newer Ax allows on ordered numeric choices, are about values."""
    encoding = ParameterEncoding(SWAP, MIXED)
    point = {"x": 1.5, "l": 2.0, "i": 3, "d": 0.25, "s": "m", "u": 3, "n": 7.0, "b": True}
    _, x = encoding.encode({name: [point[name[0]]] for name in encoding.columns})
    wanted = {**point, "s": 2, "b": 1}
    assert encoding.constraint_values(x)[0].tolist() == [wanted[name[0]] for name in encoding.columns]


def test_units() -> None:
    """Ranges map to [0, 1], log scales by logarithm, choices by position; an implied column as those it trades with."""
    encoding = ParameterEncoding(SWAP, MIXED)
    ends = {"x": (-1e6, 1e6), "l": (1e-3, 1e6), "i": (-50, 50), "d": (-10.0, 10.0), "s": ("z", "m"), "n": (0.5, 7.0)}
    ends |= {"b": (False, True), "u": tuple(MIXED.parameters["u1"].values[i] for i in (0, 2))}
    _, x = encoding.encode({name: list(ends[name[0]]) for name in encoding.columns})
    d = len(encoding.columns)
    assert np.allclose(encoding.to_unit_cube(x), [[0.0] * d, [1.0] * d], rtol=0, atol=IDENTITY)
    middle = x[:1].copy()
    middle[0, encoding.columns["l2"]] = math.sqrt(1e-3 * 1e6)
    middle[0, encoding.columns["s1"]] = 1
    units = encoding.to_unit_cube(middle)[0]
    assert units[[encoding.columns["l2"], encoding.columns["s1"]]] == pytest.approx([0.5, 0.5], abs=IDENTITY)

    symmetry = Symmetry.from_config({"blocks": [["f1"], ["f2"]], "simplex": {"parameters": ["f1", "f2"], "total": 6.0}})
    encoding = ParameterEncoding(symmetry, space([float_range("f1", 1.0, 5.0)]))
    assert encoding.to_unit_cube(np.asarray([[2.0, 4.0]])).tolist() == [[0.25, 0.75]]


def test_units_of_out_of_range_data_on_a_log_scale() -> None:
    """Zero and negative numbers have no logarithm; that is no reason to warn."""
    encoding = ParameterEncoding(
        Symmetry.permutation([["a"], ["b"]]), space([float_range(n, 1, 10, log_scale=True) for n in "ab"])
    )
    units = encoding.to_unit_cube(np.asarray([[0.0, 10.0], [-1.0, 10.0]]))
    assert units[:, 1].tolist() == [1.0, 1.0] and not np.isfinite(units[:, 0]).any()


def test_other_parameters_play_no_part() -> None:
    made = space([float_range("a"), float_range("b"), fixed("k", "v"), choice("c", ["p", "q"])])
    encoding = ParameterEncoding(Symmetry.permutation([["b"], ["a"]]), made)
    assert encoding.columns == {"b": 0, "a": 1}
    _, x = encoding.encode({"a": [0.25], "b": [0.5]})
    assert x.tolist() == [[0.5, 0.25]] and encoding.decode(x) == {"b": [0.5], "a": [0.25]}
