"""What a common factor or a common number leaves equal: the dict, and the point that stands for a line of equal points.

The oracle is a minimizer of another kind (SLSQP), brute force over permutations, and the line itself.

One-line bugs that turn this file red: exponents left out of the mean, or of the step; bounds of one parameter alone;
the middle of the numbers where it is that of their logarithms; inert numbers counted; whole numbers moved by fractions,
or rounded half to even; a constraint forgotten, or turned about; a fixed feature moved; the gauge of two lines found
one after the other where they share a parameter.
"""

from __future__ import annotations

import json
import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry, SymmetryError
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.symmetry import Blocks, Mirror
from ax_symmetry.symmetry.scale import Scale
from ax_symmetry.symmetry.shift import Shift
from scipy.optimize import minimize
from support import float_range, int_range, number_of_cases, space

CASES = number_of_cases(40)
SIZES = [float_range(f"s{i}", 0.1, 100.0, log_scale=True) for i in (1, 2, 3)]
POSITIONS = [float_range(f"{axis}{i}", -3.0, 5.0) for i in (1, 2, 3) for axis in "xy"]
FREE = float_range("z", 0.5, 8.0, log_scale=True)
SLOTS = {"blocks": [["s1", "w1"], ["s2", "w2"], ["s3", "w3"]]}
SHARES = [float_range(f"w{i}") for i in (1, 2, 3)]
POINTS = {"blocks": [["x1", "y1"], ["x2", "y2"], ["x3", "y3"]]}
ALONG = [{"shift": [f"{axis}{i}" for i in (1, 2, 3)]} for axis in "xy"]
NAMES = [f"s{i}" for i in (1, 2, 3)]

SPACES: dict[str, tuple[Any, Any, dict[str, Any], Any]] = {
    # the dict, the search space, fixed features, and a narrower space
    "scale": ({"scale": NAMES}, space([*SIZES, FREE]), {}, None),
    "exponents": ({"scale": {"s1": 1, "s2": 2, "z": -0.5}}, space([*SIZES, FREE]), {}, None),
    "two scalings": ({"scale": [["s1", "s2"], {"s3": 1, "z": 2}]}, space([*SIZES, FREE]), {}, None),
    "scalings that overlap": ({"scale": [NAMES, {"s3": 1, "z": 1}]}, space([*SIZES, FREE]), {}, None),
    "shift": ({"shift": ["x1", "x2", "x3"]}, space(POSITIONS), {}, None),
    "weights": ({"shift": {"x1": 1, "y1": -3, "x2": 0.5}}, space(POSITIONS), {}, None),
    "layout": ({"symmetries": [POINTS, *ALONG]}, space(POSITIONS), {}, None),
    "layout, mirrored": (
        {"symmetries": [POINTS, *ALONG, {"mirror": {f"x{i}": 1.0 for i in (1, 2, 3)}}]}, space(POSITIONS), {}, None,
    ),
    "mixture": (
        {**SLOTS, "scale": NAMES, "simplex": {"parameters": ["w1", "w2", "w3"]}},
        space([*SIZES, *SHARES[:2]], [({"w1": 1.0, "w2": 1.0}, 1.0)]), {}, None,
    ),
    "with empty slots": ({**SLOTS, "scale": NAMES, "absent": {"w1": 0.0}}, space([*SIZES, *SHARES]), {}, None),
    "whole numbers": (
        {"shift": {"a": 1, "b": 1, "c": -2}}, space([*(int_range(n, 0, 9) for n in "ab"), int_range("c", -5, 9)]),
        {}, None,
    ),
    "whole numbers and others": (
        {"shift": ["a", "b"]}, space([int_range("a", 0, 9), float_range("b", 0, 9)]), {}, None,
    ),
    "one fixed": ({**SLOTS, "scale": NAMES}, space([*SIZES, *SHARES]), {"s2": 2.0}, None),
    "narrower": (
        {**SLOTS, "scale": NAMES}, space([*SIZES, *SHARES]), {},
        space([float_range("s1", 1.0, 30.0, log_scale=True), *SIZES[1:], *SHARES]),
    ),
    "constraint": (
        {"symmetries": [POINTS, *ALONG]}, space(POSITIONS, [({"x1": 1.0, "y2": 2.0}, 1.5), ({"x2": 1.0}, 4.0)]), {},
        None,
    ),
}


def made(name: str) -> tuple[Symmetry, ParameterEncoding, FeasibleRegion]:
    config, given, fixed, narrower = SPACES[name]
    symmetry = Symmetry.from_config(config)
    symmetry.validate(given)
    encoding = ParameterEncoding(symmetry, given)
    return symmetry, encoding, FeasibleRegion(encoding, narrower or given, fixed)


def draw(name: str, n: int, encoding: ParameterEncoding, region: FeasibleRegion) -> np.ndarray:
    """Draw rows inside of the region; with empty slots a third of them is empty."""
    _, given, fixed, narrower = SPACES[name]
    rng, rows = np.random.default_rng(0), []
    while len(rows) < n:
        point = dict(fixed)
        for p in (narrower or given).parameters.values():
            low, high = (math.log(v) if p.log_scale else v for v in (p.lower, p.upper))
            value = rng.uniform(low, high)
            value = math.exp(value) if p.log_scale else value
            point.setdefault(p.name, round(value) if p.parameter_type.name == "INT" else value)
            if name == "with empty slots" and p.name.startswith("w") and rng.random() < 1 / 3:
                point[p.name] = 0.0
        (row,) = encoding.encode_points([point])[1]
        if region.contains(row[None], point)[0]:
            rows.append(row)
    return np.asarray(rows)


def canonical(name: str, encoding: ParameterEncoding, region: FeasibleRegion, x: np.ndarray) -> np.ndarray:
    symmetry = encoding.symmetry
    inside, y = region.least_image(symmetry.action, x, symmetry.comparison_order(), [{}] * len(x))
    assert inside.all()
    return y


def lines(symmetry: Symmetry, there: np.ndarray) -> np.ndarray:
    """Write the directions as rows, of numbers that are there."""
    parts = [part for part in symmetry.parts if isinstance(part, (Scale, Shift))]
    return np.asarray([[dict(part.weights).get(n, 0.0) for n in symmetry.parameters] for part in parts]) * there


def orders(symmetry: Symmetry) -> list[tuple[list[int], np.ndarray, np.ndarray]]:
    """List what the finite group does to the columns: where each comes from, its sign, and what is added."""
    names = list(symmetry.parameters)
    blocks = next((part.blocks for part in symmetry.parts if isinstance(part, Blocks)), ((),))
    found = []
    for order in permutations(range(len(blocks))):
        source = {a: b for i, j in enumerate(order) for a, b in zip(blocks[i], blocks[j])}
        columns = [names.index(source.get(name, name)) for name in names]
        found.append((columns, np.ones(len(names)), np.zeros(len(names))))
        for part in symmetry.parts:
            if isinstance(part, Mirror):
                flip = np.asarray([name in part.parameters for name in names])
                center = np.asarray([dict(part.centers).get(name, 0.0) for name in names])
                found.append((columns, np.where(flip, -1.0, 1.0), 2 * center * flip))
    return found


def coordinates(symmetry: Symmetry, x: np.ndarray) -> np.ndarray:
    logs = [n in part.parameters for n in symmetry.parameters for part in [Scaled(symmetry)]]
    return np.where(logs, np.log(np.where(x > 0, x, 1.0)), x)


class Scaled:
    """The parameters on a log scale."""

    def __init__(self, symmetry: Symmetry) -> None:
        self.parameters = [n for part in symmetry.parts if isinstance(part, Scale) for n in part.parameters]


def there(symmetry: Symmetry, row: np.ndarray) -> np.ndarray:
    """Tell which numbers of a row are not inert."""
    mask = np.ones(len(row), dtype=bool)
    for one in symmetry.inert:
        if row[symmetry.parameters.index(one.switch)] == one.values[0]:
            mask[[symmetry.parameters.index(name) for name in one.names]] = False
    return mask


def is_same(symmetry: Symmetry, one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether some element of the group brings one row to the other, by trying all that is finite."""
    for columns, sign, added in orders(symmetry):
        image = sign * one[columns] + added
        mask = there(symmetry, image)
        if not np.array_equal(mask, there(symmetry, other)):
            continue
        gap = np.where(mask, coordinates(symmetry, other) - coordinates(symmetry, image), 0.0)
        span = lines(symmetry, mask)
        t = np.linalg.lstsq(span.T, gap, rcond=None)[0]
        if np.abs(gap - t @ span).max() < 1e-9:
            return True
    return False


def moved(symmetry: Symmetry, row: np.ndarray, rng: np.random.Generator, whole: bool) -> np.ndarray:
    """Apply a random element of the group; of whole numbers one that keeps them."""
    columns, sign, added = orders(symmetry)[rng.integers(len(orders(symmetry)))]
    image = sign * row[columns] + added
    span = lines(symmetry, there(symmetry, image))
    t = rng.integers(-3, 4, size=len(span)) if whole else rng.normal(size=len(span))
    logs = [n in Scaled(symmetry).parameters for n in symmetry.parameters]
    return np.where(logs, image * np.exp(t @ span), image + t @ span)


@pytest.mark.parametrize("name", SPACES)
def test_candidates(name: str) -> None:
    """Inside what was asked for, on their own orbit, the same to the bit when asked again, and for all images."""
    symmetry, encoding, region = made(name)
    x = draw(name, CASES, encoding, region)
    y = canonical(name, encoding, region, x)
    assert np.array_equal(canonical(name, encoding, region, y), y)
    rng, whole = np.random.default_rng(1), name.startswith("whole")
    images = np.asarray([moved(symmetry, row, rng, whole) for row in x])
    images = encoding.with_implied(images)
    if name not in ("one fixed", "narrower", "constraint"):
        assert (y >= region.lower).all() and (y <= region.upper).all()
    np.testing.assert_allclose(canonical(name, encoding, region, images), y, rtol=1e-9, atol=1e-9)
    assert all(is_same(symmetry, one, other) for one, other in zip(x, y))
    assert region.contains(y, {}).all()


def nearest(span: np.ndarray, point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Find the point of a line that is nearest to the middle of a box, by another method."""
    limits = [
        {"type": "ineq", "fun": lambda t: point + t @ span - box[0]},
        {"type": "ineq", "fun": lambda t: box[1] - point - t @ span},
    ]
    found = minimize(
        lambda t: (((point + t @ span) - box.mean(axis=0))[span.any(axis=0)] ** 2).sum(), np.zeros(len(span)),
        constraints=limits, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
    )
    return np.asarray(point + found.x @ span)


@pytest.mark.parametrize("name", ["scale", "exponents", "two scalings", "scalings that overlap", "shift", "weights"])
def test_the_nearest_to_the_middle(name: str) -> None:
    symmetry, encoding, region = made(name)
    config, given, _, _ = SPACES[name]
    ends = [(given.parameters[n].lower, given.parameters[n].upper) for n in symmetry.parameters]
    box = coordinates(symmetry, np.asarray(ends, dtype=float).T)
    x = draw(name, 30, encoding, region)
    wanted = [nearest(lines(symmetry, np.ones(x.shape[1])), coordinates(symmetry, row), box) for row in x]
    np.testing.assert_allclose(coordinates(symmetry, encoding.gauge(x)), wanted, atol=1e-5)


def test_the_mean_is_that_of_the_middle_where_the_bounds_allow_it() -> None:
    symmetry, encoding, _ = made("scale")
    y = encoding.gauge(np.asarray([[0.2, 0.4, 0.8], [0.1, 0.1, 100.0], [5.0, 5.0, 5.0]]))
    middle = math.sqrt(0.1 * 100.0)
    np.testing.assert_allclose(y, [[middle / 2, middle, 2 * middle], [0.1, 0.1, 100.0], [middle] * 3], rtol=1e-12)


def test_whole_numbers_stay_whole() -> None:
    """Half-way between two whole steps the upper one is taken, from wherever one starts."""
    _, encoding, _ = made("whole numbers and others")
    for k in range(-2, 3):
        y = encoding.gauge(np.asarray([[5.0 + k, 4.0 + k], [4.0 + k, 4.25 + k]]))
        assert y.tolist() == [[5.0, 4.0], [4.0, 4.25]] or y.tolist() == [[5.0, 4.0], [5.0, 5.25]]
        assert np.array_equal(y, encoding.gauge(np.asarray([[5.0, 4.0], [4.0, 4.25]])))


def test_the_dict() -> None:
    config = {"scale": {"a": 1, "b": 2.5}, "shift": {"x": 1, "y": -1}}
    symmetry = Symmetry.from_config(config)
    assert symmetry == Symmetry.scaling({"a": 1, "b": 2.5}) * Symmetry.translation({"x": 1, "y": -1})
    assert symmetry.order == math.inf and symmetry.action.order == 1 and not symmetry.is_finite
    assert Symmetry.from_config(json.loads(json.dumps(symmetry.to_config()))) == symmetry
    assert [part.describe() for part in symmetry.parts] == ["scale: a, b (2.5)", "shift: x, y (-1)"]
    assert Symmetry({"scale": ["a", "b"]}) == Symmetry({"scale": {"a": 1, "b": 1}})
    assert Symmetry({"shift": [["a", "b"], {"c": 1}]}) == Symmetry.translation(["a", "b"]) * Symmetry({"shift": ["c"]})
    assert Symmetry.periodic({"phi": 360.0}) == Symmetry({"period": {"phi": 360.0}})


def test_without_a_search_space() -> None:
    """The weighted geometric mean becomes 1, the weighted mean 0; the rest stays as it is, with its type."""
    symmetry = Symmetry({"blocks": [["a"], ["b"]], "scale": ["a", "b"], "symmetries": [{"shift": {"x": 1, "y": 2}}]})
    found = symmetry.canonical({"a": 50.0, "b": 0.5, "x": 1.0, "y": 7.0, "k": "kept"})
    assert found == pytest.approx({"a": 0.1, "b": 10.0, "x": -2.0, "y": 1.0, "k": "kept"})
    with pytest.raises(SymmetryError, match="infinitely many"):
        symmetry.orbit({"a": 1.0, "b": 2.0, "x": 0.0, "y": 0.0})


def test_many_blocks_within_narrower_bounds() -> None:
    """Of a group that is not written out, an image that fits is found, and stays when it is asked for again."""
    names = [f"x{i}" for i in range(9)]
    given = space([float_range(name, 0.0, 10.0) for name in names])
    symmetry = Symmetry({"blocks": [[name] for name in names], "shift": names})
    encoding = ParameterEncoding(symmetry, given)
    narrower = space([float_range("x0", 6.0, 7.0), *(float_range(name, 0.0, 10.0) for name in names[1:])])
    region = FeasibleRegion(encoding, narrower)
    x = np.random.default_rng(0).random((10, 9)) * 6 + 2
    x[:, 0] = 6.5
    order = symmetry.comparison_order()
    inside, y = region.least_image(symmetry.action, x, order, [{}] * 10)
    assert inside.all() and np.array_equal(region.least_image(symmetry.action, y, order, [{}] * 10)[1], y)
    gaps = [np.ptp(np.sort(one) - np.sort(other)) for one, other in zip(x, y)]
    assert max(gaps) < 1e-12


def test_numbers_on_a_grid_and_others_may_be_shifted_together() -> None:
    mixed = space([int_range("a", 0, 9), float_range("b", digits=1), float_range("c")])
    Symmetry({"shift": {"a": 1, "b": 0.5, "c": 0.3}}).validate(mixed)
