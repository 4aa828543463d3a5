"""Pairs that are turned together: the dict, and the angles at which points stand for all that they are turned to.

The oracle is the best alignment of two sets of points (Procrustes, by complex numbers), over all permutations.

One-line bugs that turn this file red: points turned the other way for the second coordinate; one axis in place of two
where the finite group mirrors; the bounds of one coordinate alone; the center of the box where another one is given, or
where shifts make it the mean; an angle at which the points do not fit; a fixed feature that is turned away.
"""

from __future__ import annotations

import json
import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.space.known_arms import orbit_keys
from support import float_range, number_of_cases, space

CASES = number_of_cases(20)
PAIRS = [["x1", "y1"], ["x2", "y2"], ["x3", "y3"]]
PLANE = [float_range(f"{axis}{i}", -4.0, 4.0) for i in (1, 2, 3) for axis in "xy"]
BOX = [float_range(f"{axis}{i}", *((-1.0, 5.0) if axis == "x" else (0.0, 3.0))) for i in (1, 2, 3) for axis in "xy"]
POWER = [float_range(f"p{i}") for i in (1, 2, 3)]
SITES = {"blocks": [[*pair, f"p{i}"] for i, pair in enumerate(PAIRS, 1)]}
ROTATE = {"rotate": {"pairs": PAIRS}}
ALONG = {"shift": [["x1", "x2", "x3"], ["y1", "y2", "y3"]]}
SPACES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "alone": (ROTATE, space(PLANE), {}),
    "about a given center": ({"rotate": {"pairs": PAIRS, "center": [0.5, -1.0]}}, space(PLANE), {}),
    "with blocks": ({**SITES, **ROTATE}, space([*PLANE, *POWER]), {}),
    "with a mirror": ({**SITES, **ROTATE, "mirror": {f"x{i}": 0.0 for i in (1, 2, 3)}}, space([*PLANE, *POWER]), {}),
    "with shifts": ({**SITES, **ROTATE, **ALONG}, space([*BOX, *POWER]), {}),
    "with all of these": (
        {**SITES, **ROTATE, **ALONG, "mirror": {f"y{i}": 1.5 for i in (1, 2, 3)}}, space([*BOX, *POWER]), {},
    ),
    "with empty sites": ({**SITES, **ROTATE, "absent": {"p1": 0.0}}, space([*PLANE, *POWER]), {}),
    "one fixed": ({**SITES, **ROTATE}, space([*PLANE, *POWER]), {"x2": 1.0}),
    "constraint": ({**SITES, **ROTATE}, space([*PLANE, *POWER], [({"x1": 1.0, "y2": 2.0}, 1.0)]), {}),
}


def made(name: str) -> tuple[Symmetry, ParameterEncoding, FeasibleRegion]:
    config, given, fixed = SPACES[name]
    symmetry = Symmetry.from_config(config)
    symmetry.validate(given)
    encoding = ParameterEncoding(symmetry, given)
    return symmetry, encoding, FeasibleRegion(encoding, given, fixed)


def draw(name: str, n: int) -> np.ndarray:
    """Draw rows inside; every second one near a corner, where few angles fit."""
    symmetry, encoding, region = made(name)
    _, given, fixed = SPACES[name]
    rng, rows = np.random.default_rng(0), []
    while len(rows) < n:
        corner = rng.integers(0, 2, size=len(given.parameters)) if len(rows) % 2 else None
        point = {}
        for j, p in enumerate(given.parameters.values()):
            share = rng.random() if corner is None else abs(corner[j] - 0.1 * rng.random())
            point[p.name] = p.lower + share * (p.upper - p.lower)
            if name == "with empty sites" and p.name.startswith("p") and rng.random() < 1 / 3:
                point[p.name] = 0.0
        (row,) = encoding.encode_points([{**point, **fixed}])[1]
        if region.contains(row[None], {})[0]:
            rows.append(row)
    return np.asarray(rows)


def sites(symmetry: Symmetry, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a row as complex numbers, and their powers; without powers, all of them 1."""
    value = dict(zip(symmetry.parameters, row.tolist()))
    points = np.asarray([complex(value[x], value[y]) for x, y in PAIRS])
    return points, np.asarray([value.get(f"p{i}", 1.0) for i in (1, 2, 3)])


def images(name: str, row: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """List arms from the center and powers under the finite part of the group; those of empty sites are left out."""
    symmetry, config = made(name)[0], SPACES[name][0]
    points, powers = sites(symmetry, row)
    there = powers > 0 if "absent" in config else np.full(3, True)
    center = complex(*config["rotate"].get("center", (0.0, 0.0)))
    arms = points[there] - (points[there].mean() if "shift" in config and there.any() else center)
    found = []
    for order in permutations(range(len(arms))) if "blocks" in config else [range(len(arms))]:
        for mirrored in (False, True) if "mirror" in config else (False,):
            image = arms[list(order)]
            found.append((image.conj() if mirrored else image, powers[there][list(order)]))
    return found


def is_same(name: str, one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether some element of the group brings one row to the other."""
    arms, powers = images(name, other)[0]
    for image, own in images(name, one):
        if len(image) == len(arms) and np.allclose(own, powers, atol=1e-12):
            turn = np.exp(1j * np.angle((image.conj() * arms).sum()))
            if np.abs(image * turn - arms).max(initial=0.0) < 1e-9:
                return True
    return False


def moved(name: str, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply a random element of the group."""
    symmetry, config = made(name)[0], SPACES[name][0]
    points, powers = sites(symmetry, row)
    center = complex(*config["rotate"].get("center", (0.0, 1.5) if "shift" in config else (0.0, 0.0)))
    arms = (points - center) * np.exp(1j * rng.uniform(0, 2 * np.pi))
    if "mirror" in config and rng.random() < 0.5:
        arms = arms.conj()
    points = center + arms + (complex(*rng.normal(size=2)) if "shift" in config else 0.0)
    order = rng.permutation(3) if "blocks" in config else np.arange(3)
    value = dict(zip(symmetry.parameters, row.tolist()))
    for i, j in enumerate(order, 1):
        value |= {f"x{i}": points[j].real, f"y{i}": points[j].imag, f"p{i}": powers[j]}
    return np.asarray([value[n] for n in symmetry.parameters])


@pytest.mark.parametrize("name", SPACES)
def test_candidates(name: str) -> None:
    """Inside what was asked for, on their own orbit, the same to the bit when asked again, and for all images."""
    symmetry, encoding, region = made(name)
    x, order, none = draw(name, CASES), symmetry.comparison_order(), [{}] * CASES
    inside, y = region.least_image(symmetry.action, x, order, none)
    assert inside.all() and region.contains(y, {}).all()
    assert np.array_equal(region.least_image(symmetry.action, y, order, none)[1], y)
    rng = np.random.default_rng(1)
    others = region.least_image(symmetry.action, np.asarray([moved(name, row, rng) for row in x]), order, none)[1]
    np.testing.assert_allclose(others, y, atol=1e-9)
    assert all(is_same(name, one, other) for one, other in zip(x, y))
    if name not in ("one fixed", "constraint"):
        assert (y >= region.lower).all() and (y <= region.upper).all()
        np.testing.assert_allclose(encoding.canonical_rows(x, order), y, atol=1e-9)
        assert orbit_keys(encoding, order, x) == orbit_keys(encoding, order, others)


def test_a_point_is_turned_to_an_axis() -> None:
    symmetry = Symmetry.rotation([["x", "y"]], center=(1.0, 2.0))
    assert symmetry.canonical({"x": 4.0, "y": 6.0, "z": "kept"}) == pytest.approx({"x": -4.0, "y": 2.0, "z": "kept"})
    assert symmetry.canonical({"x": 1.0, "y": 2.0}) == {"x": 1.0, "y": 2.0}
    narrow = space([float_range("x", 0.0, 9.0), float_range("y", -3.0, 7.0)])  # -4 does not fit
    (row,) = ParameterEncoding(symmetry, narrow).canonical_rows(np.asarray([[4.0, 6.0]]), (0, 1))
    assert row == pytest.approx([0.0, 2 - math.sqrt(24)]) or row == pytest.approx([0.0, 2 + math.sqrt(24)])


def test_the_dict() -> None:
    config = {"rotate": {"pairs": [["x", "y"], ["u", "v"]], "center": [0, 1.5]}}
    symmetry = Symmetry.from_config(config)
    assert symmetry == Symmetry.rotation([("x", "y"), ("u", "v")], center=(0, 1.5))
    assert symmetry.order == math.inf and symmetry.action.order == 1 and symmetry.turned == symmetry.parts[0]
    assert Symmetry.from_config(json.loads(json.dumps(symmetry.to_config()))) == symmetry
    assert symmetry.parts[0].describe() == "rotate: x, y | u, v about (0, 1.5)"
    assert Symmetry(ROTATE).to_config() == ROTATE and "the middle" in Symmetry(ROTATE).parts[0].describe()
