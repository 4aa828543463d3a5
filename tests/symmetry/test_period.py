"""Values that differ by a period are the same: against exact fractions, and brute force over whole periods.

One-line bugs that turn this file red: `np.mod` alone, which leaves numbers that rounding sets apart from the seam on
either side of it; a number inside put at the seam as well; `lower` left out of the gauge; a decimal that is not rounded
after it was moved.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Canonicalize, Symmetry, SymmetryError
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.known_arms import KnownArms
from ax_symmetry.symmetry.box import Box
from ax_symmetry.symmetry.period import Period
from brute_force import steady
from hypothesis import given
from hypothesis import strategies as st
from support import features, float_range, int_range, space

NUMBERS = st.floats(-1e4, 1e4) | st.integers(-40, 40).map(lambda k: k * 0.1)
LENGTHS = st.floats(1e-3, 1e3) | st.sampled_from([0.1, 0.2, 0.3, 1.0, math.tau, 360.0])


def gauged(x: float, length: float, lower: float) -> float:
    box = replace(Box.unbounded(2), lower=np.asarray([np.nan, lower]))
    rows = Period((("phi", length),)).gauge(np.asarray([[7.0, x]]), {"phi": 1}, box)
    assert rows[0, 0] == 7.0
    return float(rows[0, 1])


def apart(x: float, y: float, length: float) -> Fraction:
    """Measure the distance of two numbers on the circle, exactly."""
    rest = (Fraction(x) - Fraction(y)) % Fraction(length)
    return min(rest, Fraction(length) - rest)


@steady
@given(NUMBERS, LENGTHS, st.floats(-1e3, 1e3) | st.integers(-20, 20).map(lambda k: k * 0.1), st.integers(-5, 5))
def test_the_gauge_is_the_remainder(x: float, length: float, lower: float, k: int) -> None:
    y, rounding = gauged(x, length, lower), 3e-12 * (abs(x) + abs(lower) + 6 * length)
    assert lower <= y < lower + length
    assert apart(x, y, length) <= rounding
    assert gauged(y, length, lower) == y
    assert x == y or not lower <= x < lower + length * (1 - 1e-11) - 1e-11 * abs(lower)
    assert apart(gauged(x + k * length, length, lower), y, length) <= rounding
    center = lower + 0.7
    assert apart(gauged(2 * center - y, length, lower), gauged(2 * center - x, length, lower), length) <= rounding


@pytest.mark.parametrize("lower", [0.0, 0.1, -0.7, 1e3 / 3, -180.0])
@pytest.mark.parametrize("length", [0.1, 0.2, 0.3, 1 / 3, 1.0, math.tau, 360.0])
def test_whole_periods_from_the_lower_bound_are_the_lower_bound(lower: float, length: float) -> None:
    """0.1 + 0.2 is not quite 0.3, on either side."""
    for k in (1, -1, 2, 3, 7, -10):
        total = lower
        for _ in range(abs(k)):
            total += math.copysign(length, k)
        assert gauged(lower + k * length, length, lower) == gauged(total, length, lower) == lower


def test_what_is_missing_or_inside_stays() -> None:
    assert math.isnan(gauged(math.nan, 1.0, 0.0))
    assert gauged(0.0, 1.0, 0.0) == 0.0 and gauged(1.0, 1.0, 0.0) == 0.0 and gauged(1e-15, 1.0, 0.0) == 1e-15


def test_the_dict() -> None:
    config = {"period": {"phi": 360.0, "theta": 180}}
    symmetry = Symmetry.from_config(config)
    assert symmetry.order == math.inf and symmetry.parameters == ("phi", "theta")
    assert Symmetry.from_config(json.loads(json.dumps(symmetry.to_config()))) == symmetry
    assert symmetry.to_config() == config and symmetry.periods == {"phi": 360.0, "theta": 180}
    assert symmetry.parts[0].describe() == "period: phi of 360, theta of 180"
    assert symmetry.centers == {} and symmetry.action.order == 1


def test_a_representative_without_a_search_space() -> None:
    """In [0, period); an int stays one where it can; what was there stays, with its type."""
    symmetry = Symmetry.from_config({"period": {"phi": 360, "psi": 0.25}})
    for phi, wanted in ((-10, 350), (725, 5), (360, 0), (5, 5), (359.5, 359.5), (-0.5, 359.5)):
        found = symmetry.canonical({"phi": phi, "psi": 1, "k": "kept"})
        assert found == {"phi": wanted, "psi": 0, "k": "kept"} and type(found["phi"]) is type(wanted)
    with pytest.raises(SymmetryError, match="infinitely many"):
        symmetry.orbit({"phi": 0, "psi": 0})


ANGLES = {"blocks": [["phi1", "r1"], ["phi2", "r2"]], "mirror": {"phi1": 190.0}, "period": {"phi1": 360, "phi2": 360}}
CIRCLE = space([p for i in (1, 2) for p in (float_range(f"phi{i}", 10.0, 370.0), float_range(f"r{i}"))])


def images(point: tuple[float, ...]) -> list[tuple[float, ...]]:
    """List the images with angles in [10, 370), by brute force over swaps, mirrors and whole periods."""
    found = []
    for swap, one, other in product((False, True), repeat=3):
        phi1, r1, phi2, r2 = point
        pairs = [(380 - phi1 if one else phi1, r1), (380 - phi2 if other else phi2, r2)]
        (phi1, r1), (phi2, r2) = pairs[::-1] if swap else pairs
        shifts = product(range(-3, 4), repeat=2)
        found += [(phi1 + 360 * i, r1, phi2 + 360 * j, r2) for i, j in shifts
                  if 10 <= phi1 + 360 * i < 370 and 10 <= phi2 + 360 * j < 370]
    return found


def test_with_blocks_and_mirrors_by_brute_force() -> None:
    symmetry = Symmetry.from_config(ANGLES)
    symmetry.validate(CIRCLE)
    encoding, order = ParameterEncoding(symmetry, CIRCLE), symmetry.comparison_order()
    rng = np.random.default_rng(0)
    for angles in [(10, 370), (190, 10), (370, 370), (-170, 550), *rng.integers(-400, 800, size=(30, 2)).tolist()]:
        point = (float(angles[0]), 0.25, float(angles[1]), 0.75)
        x = np.asarray([point, (*point[2:], *point[:2]), (380 - point[0], *point[1:]), (point[0] + 720, *point[1:])])
        assert symmetry.parameters == ("phi1", "r1", "phi2", "r2")
        assert set(map(tuple, encoding.canonical_rows(x, order).tolist())) == {min(images(point))}


def test_decimals_and_integers_stay_on_their_grid() -> None:
    symmetry = Symmetry.from_config({"period": {"d": 0.3, "i": 12}})
    made = space([float_range("d", 0.1, 2.0, digits=1), int_range("i", 1, 30)])
    symmetry.validate(made)
    encoding = ParameterEncoding(symmetry, made)
    tenths = [k / 10 for k in range(1, 21)]
    x = encoding.encode_points([{"d": d, "i": i} for d, i in zip(tenths, range(1, 31))])[1]
    decoded = encoding.decode(encoding.gauge(x))
    assert decoded["d"] == [(0.1, 0.2, 0.3)[k % 3] for k in range(20)]
    assert decoded["i"] == [k % 12 + 1 for k in range(20)] and {type(i) for i in decoded["i"]} == {int}
    assert encoding.gauge(np.asarray([[0.45, 13.5]])) == pytest.approx(np.asarray([[0.15, 1.5]]))  # out of the grid


def test_an_observation_keeps_its_values() -> None:
    encoding = ParameterEncoding(Symmetry.from_config(ANGLES), CIRCLE)
    point = {"phi1": 370.0, "r1": 0.5, "phi2": -5.0, "r2": 0.1}
    assert encoding.decode(encoding.encode_points([point])[1]) == {name: [value] for name, value in point.items()}


def test_an_arm_beyond_the_seam_is_the_same_experiment() -> None:
    symmetry = Symmetry.from_config(ANGLES)
    encoding = ParameterEncoding(symmetry, CIRCLE)
    arm = {"phi1": 370.0, "r1": 0.5, "phi2": 100.0, "r2": 0.1}

    class Arm:
        parameters = arm

    known = KnownArms(encoding, symmetry.comparison_order(), lambda: {"signature": Arm})
    others = [{**arm, "phi1": 10.0}, {"phi1": 280.0, "r1": 0.1, "phi2": 10.0, "r2": 0.5}, {**arm, "phi1": 11.0}]
    assert known.same_experiments(encoding.encode_points(others)[1], others) == [arm, arm, None]


@pytest.mark.parametrize(
    ("upper", "asked", "phi", "wanted"),
    [
        (720.0, (0.0, 720.0), 400.0, 40.0),
        (720.0, (0.0, 720.0), 720.0, 0.0),
        (360.0, (300.0, 360.0), 360.0, 360.0),
        (360.0, (300.0, 360.0), 310.0, 310.0),
        (720.0, (100.0, 500.0), 480.0, 120.0),
        (720.0, (400.0, 500.0), 450.0, 450.0),
    ],
)
def test_candidates(upper: float, asked: tuple[float, float], phi: float, wanted: float) -> None:
    """A candidate becomes the representative, or what is the same within the bounds that were asked for."""
    made = space([float_range("phi", 0.0, upper), float_range("k")])
    transform: Any = Canonicalize(search_space=made, config={"period": {"phi": 360.0}})
    transform.transform_search_space(space([float_range("phi", *asked), float_range("k")]))
    (candidate,) = transform.untransform_observation_features(features([{"phi": phi, "k": 0.5}]))
    assert candidate.parameters == {"phi": wanted, "k": 0.5}
