"""What users do with continuous symmetries in the middle of a search: data out of range, ranges narrowed, regular
layouts, constraints.

One-line bugs that turn this file red: the center of a rotation taken from the ranges as Ax has widened them, or as they
are after one was narrowed; blocks compared by numbers that differ by rounding; whole turns that break a constraint.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry, choose_generation_strategy, get_botorch
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.feasible_region import FeasibleRegion
from support import GENERATION, add_trial, experiment, fast_optimizer, features, fill, float_range, space

PAIRS = [["x1", "y1"], ["x2", "y2"]]
NAMES = [name for pair in PAIRS for name in pair]
PLANE = space([float_range(name, -5.0, 5.0) for name in NAMES])


def value(p: Any) -> float:
    """Depend on the distances from the origin alone."""
    return float(math.hypot(p["x1"], p["y1"]) * math.hypot(p["x2"], p["y2"]))


def turned(point: dict[str, float], angle: float) -> dict[str, float]:
    """Turn a layout about the origin."""
    found = {}
    for x, y in PAIRS:
        found[x] = point[x] * math.cos(angle) - point[y] * math.sin(angle)
        found[y] = point[x] * math.sin(angle) + point[y] * math.cos(angle)
    return found


POINTS = [{"x1": 2.0, "y1": 0.0, "x2": 1.0, "y2": 1.0}, {"x1": 3.0, "y1": -1.0, "x2": 0.5, "y2": 2.0}]
IMAGES = [turned(point, angle) for point, angle in zip(POINTS, (math.pi, 0.8))]


def test_data_out_of_range_do_not_move_the_center() -> None:
    made = fill(experiment(PLANE), 8, value)
    add_trial(made, {"x1": 9.0, "y1": 1.0, "x2": 1.0, "y2": 2.0}, {"y": (20.0, 0.1)})
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry={"blocks": PAIRS, "rotate": {"pairs": PAIRS}})
        one, other = (adapter.predict(features(points))[0]["y"] for points in (POINTS, IMAGES))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_range_that_is_narrowed_does_not_move_the_center() -> None:
    config = {"blocks": PAIRS, "rotate": {"pairs": PAIRS}}
    strategy = choose_generation_strategy(PLANE, config, method="kernel")
    nodes = getattr(strategy, "_nodes", None) or strategy._steps
    specs = [spec for node in nodes for spec in getattr(node, "generator_specs", getattr(node, "model_specs", []))]
    keywords = [getattr(spec, "generator_kwargs", None) or getattr(spec, "model_kwargs", None) for spec in specs]
    configs = [given["transform_configs"]["Canonicalize"] for given in keywords if "transform_configs" in (given or {})]
    assert configs and {Symmetry.from_config(given).turned.center for given in configs} == {(0.0, 0.0)}
    made = fill(experiment(PLANE), 8, value)
    made.search_space = space([float_range("x1", 0.0, 5.0), *(float_range(name, -5.0, 5.0) for name in NAMES[1:])])
    if GENERATION == "modelbridge":
        return  # Ax changes an experiment's space in other ways there
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
        one, other = (adapter.predict(features(points))[0]["y"] for points in (POINTS, IMAGES))
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert 0.0 <= adapter.gen(1).arms[0].parameters["x1"] <= 5.0


@pytest.mark.parametrize("shifted", [False, True])
def test_regular_layouts_are_the_same_from_wherever_they_are_seen(shifted: bool) -> None:
    """Points on a grid: equal coordinates differ by rounding once they are turned, and stay equal."""
    sites = [["x0", "y0", "h0"], ["x1", "y1", "h1"], ["x2", "y2", "h2"]]
    config: dict[str, Any] = {"blocks": sites, "rotate": {"pairs": [site[:2] for site in sites]}}
    if shifted:
        config["shift"] = [[site[axis] for site in sites] for axis in (0, 1)]
    symmetry, rng = Symmetry(config), np.random.default_rng(0)
    for _ in range(20):
        points = rng.integers(-2, 3, size=3) + 1j * rng.integers(-2, 3, size=3)
        heights = rng.integers(0, 3, size=3)
        keys = set()
        for k in range(8):
            moved = points * np.exp(0.7j * k) + (shifted * (0.3 * k - 1j))
            order = rng.permutation(3)
            point = {n: v for i, j in enumerate(order)
                     for n, v in zip(sites[i], (moved[j].real, moved[j].imag, float(heights[j])))}
            found = symmetry.canonical({n: float(v) for n, v in point.items()})
            keys.add(tuple(round(v, 6) + 0.0 for v in found.values()))
        assert len(keys) == 1


def test_whole_turns_keep_constraints() -> None:
    """The least image inside, by brute force over turns and both orders."""
    given = space([float_range("p1", 0.0, 720.0), float_range("p2", 0.0, 720.0)],
                  [({"p1": -1.0}, -400.0), ({"p1": 1.0, "p2": 1.0}, 1200.0)])
    symmetry = Symmetry({"blocks": [["p1"], ["p2"]], "period": {"p1": 360.0, "p2": 360.0}})
    encoding = ParameterEncoding(symmetry, given)
    region, order = FeasibleRegion(encoding, given), symmetry.comparison_order()
    rng, rows = np.random.default_rng(0), []
    while len(rows) < 40:
        row = rng.integers(0, 721, size=2).astype(float)
        if row[0] >= 400 and row.sum() <= 1200:
            rows.append(row)
    inside, y = region.least_image(symmetry.action, np.asarray(rows), order, [{}] * len(rows))
    assert inside.all()
    for row, found in zip(rows, y):
        images = [(a + 360 * i, b + 360 * j) for a, b in (row, row[::-1]) for i, j in product(range(-2, 3), repeat=2)]
        allowed = [(a, b) for a, b in images if 400 <= a <= 720 and 0 <= b <= 720 and a + b <= 1200]
        first = {(image[0] % 360, image[1] % 360) for image in allowed}
        assert tuple(found) in allowed and found[1] < 360.0 or found[1] in (0.0, 360.0)
        assert (found[0] % 360, found[1] % 360) in first
        _, again = region.least_image(symmetry.action, np.asarray(allowed), order, [{}] * len(allowed))
        assert len({tuple(one) for one in again}) == 1
