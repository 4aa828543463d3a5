"""Images under infinite groups for models of images: on the orbit, within the bounds, spread, and as many as asked for.

One-line bugs that turn this file red: the row itself left out; images beyond a bound, between whole numbers, or twice;
all at the middle of the line; the representative, about which the model is asked, not among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ax_symmetry import Symmetry, SymmetryError, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.spread_images import spread_images
from support import add_trial, experiment, fast_optimizer, features, float_range, int_range, random_points, space

SIZES = [float_range(f"s{i}", 0.1, 100.0, log_scale=True) for i in (1, 2)]
PLANE = [float_range(f"{axis}{i}", -2.0, 2.0) for i in (1, 2) for axis in "xy"]
PAIRS = [["x1", "y1"], ["x2", "y2"]]
SPACES: dict[str, tuple[Any, Any]] = {
    "scale": ({"blocks": [["s1"], ["s2"]], "scale": ["s1", "s2"]}, space(SIZES)),
    "whole numbers": ({"shift": ["a", "b"]}, space([int_range("a", 0, 9), int_range("b", 0, 9)])),
    "turned": ({"blocks": PAIRS, "rotate": {"pairs": PAIRS}}, space(PLANE)),
    "layout": (
        {"blocks": PAIRS, "rotate": {"pairs": PAIRS}, "shift": [["x1", "x2"], ["y1", "y2"]]}, space(PLANE),
    ),
    "turned about a center, and scaled": (
        {"rotate": {"pairs": PAIRS, "center": [0.5, 0.0]}, "scale": ["s1", "s2"]}, space([*PLANE, *SIZES]),
    ),
    "period": ({"period": {"phi": 90.0}}, space([float_range("phi", 0.0, 360.0), float_range("z")])),
}


@pytest.mark.parametrize("name", SPACES)
def test_images(name: str) -> None:
    config, given = SPACES[name]
    symmetry = Symmetry.from_config(config)
    encoding, order = ParameterEncoding(symmetry, given), symmetry.comparison_order()
    x = encoding.encode_points(random_points(given, 20))[1]
    rows, images = spread_images(encoding, x, max_images=6, seed=0, comparison_order=order)
    canonical = encoding.canonical_rows(x, order)
    np.testing.assert_allclose(encoding.canonical_rows(images, order), canonical[rows], atol=1e-8)
    assert (images >= encoding.box.lower).all() and (images <= encoding.box.upper).all()
    assert np.array_equal(encoding.rounded(images), images)
    for i in range(len(x)):
        own = images[rows == i]
        assert np.array_equal(own[0], x[i]) and (np.abs(own - canonical[i]).max(axis=1) < 1e-9).any()
        assert len(np.unique(own.round(9), axis=0)) == len(own) <= 6
    assert np.bincount(rows).mean() > (2 if name == "period" else 3)
    again = spread_images(encoding, x[5:6], max_images=6, seed=0, comparison_order=order)[1]
    assert np.array_equal(again, images[rows == 5])


def test_they_are_spread_over_what_the_bounds_allow() -> None:
    config, given = SPACES["scale"]
    encoding = ParameterEncoding(Symmetry.from_config(config), given)
    _, images = spread_images(encoding, np.asarray([[1.0, 2.0]]), max_images=30, seed=0, comparison_order=(0, 1))
    means = np.log(images).mean(axis=1)
    low, high = np.log([0.1 * 2**0.5, 100 / 2**0.5])
    shares = np.sort((means - low) / (high - low))
    assert shares[0] < 0.1 and shares[-1] > 0.9 and np.diff(shares).max() < 0.15
    assert 8 < (images[:, 0] < images[:, 1]).sum() < 23  # in both orders


def test_a_model_of_images() -> None:
    """Approximate, said to be so, and on the observations and some images of each."""
    config, given = SPACES["scale"]
    made, rng = experiment(given), np.random.default_rng(0)
    for point in random_points(given, 6):
        add_trial(made, point, {"y": (float(abs(np.log(point["s1"] / point["s2"]))), 0.1)})
    with fast_optimizer():
        with pytest.raises(SymmetryError, match="max_images"):
            get_botorch(made, made.lookup_data(), symmetry=config, method="augmentation")
        adapter = get_botorch(made, made.lookup_data(), symmetry={**config, "max_images": 5}, method="augmentation")
        assert len(fitted_model(adapter).train_targets) == 30
        point = {"s1": 1.0, "s2": float(rng.uniform(2, 20))}
        image = {"s1": 3 * point["s2"], "s2": 3.0}
        one, other = adapter.predict(features([point, image]))[0]["y"]
        assert one == pytest.approx(other, abs=1e-9)  # the model is asked about canonical points
        assert len(adapter.gen(2).arms) == 2
