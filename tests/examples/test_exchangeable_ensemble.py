"""The example `examples/exchangeable_ensemble.py`: its ensemble has the symmetry, and the script runs.

One-line bugs that turn this red: a member's seed that depends on its slot, or one random stream for all members (six
orders); probabilities added in the order of the members (six orders, to the last bit); log loss of the test images as
objective, or the members' mean log loss (objective by hand); a turn by the wrong angle or about a corner (quarter
turn); validation images in the training part (split).
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import exchangeable_ensemble as ee
import numpy as np
import pytest
from scripts import run_script
from sklearn.datasets import load_digits

SCRIPT = Path(__file__).parents[2] / "examples" / "exchangeable_ensemble.py"
POINT = {"rate_1": 3e-3, "decay_1": 1e-3, "jitter_1": 0.1, "rate_2": 3e-2, "decay_2": 1.0, "jitter_2": 0.4,
         "rate_3": 1e-2, "decay_3": 1e-1, "jitter_3": 0.0}


@pytest.mark.slow
def test_order_of_members_does_not_matter() -> None:
    """All six orders give the same outcomes, to the last bit; swapping two learning rates alone does not."""
    for point in (POINT, ee.sobol_points(4, 0)[3]):  # at the second, sums in another order are another number
        outcomes = ee.evaluate(point, 0)
        for order in itertools.permutations((1, 2, 3)):
            image = {f"{slot}_{k}": point[f"{slot}_{old}"] for slot in ee.SLOTS for k, old in zip((1, 2, 3), order)}
            assert ee.evaluate(image, 0) == outcomes
    outcomes = ee.evaluate(POINT, 0)
    other = ee.evaluate({**POINT, "rate_1": POINT["rate_2"], "rate_2": POINT["rate_1"]}, 0)
    assert abs(other[ee.METRIC] - outcomes[ee.METRIC]) > 1e-3
    assert ee.evaluate(POINT, 1)[ee.METRIC] != outcomes[ee.METRIC]  # another repeat


def test_objective_is_the_log_loss_of_the_mean_probability() -> None:
    """By hand from the members' probabilities, on the validation images; the members differ."""
    members = [ee.member_probabilities(*(POINT[f"{slot}_{k}"] for slot in ee.SLOTS), 0) for k in (1, 2, 3)]
    outcomes = ee.evaluate(POINT, 0)
    _, (_, seen), (_, unseen) = ee.split(0)
    validation, test = ((a + b + c) / 3 for a, b, c in zip(*members))
    assert outcomes[ee.METRIC] == pytest.approx(-np.mean(np.log(validation[np.arange(500), seen])), rel=1e-9)
    assert outcomes["test_log_loss"] == pytest.approx(-np.mean(np.log(test[np.arange(1097), unseen])), rel=1e-9)
    assert outcomes["test_accuracy"] == np.mean(test.argmax(axis=1) == unseen) > 0.5
    for one, other in itertools.combinations(members, 2):
        assert np.abs(one[0] - other[0]).max() > 0.1


def test_equal_members_are_one_member() -> None:
    """Diversity comes from the hyperparameters alone."""
    point = {f"{slot}_{k}": POINT[f"{slot}_2"] for slot in ee.SLOTS for k in (1, 2, 3)}
    validation, _ = ee.member_probabilities(*(POINT[f"{slot}_2"] for slot in ee.SLOTS), 0)
    _, (_, seen), _ = ee.split(0)
    alone = -np.mean(np.log(validation[np.arange(500), seen]))
    assert ee.evaluate(point, 0)[ee.METRIC] == pytest.approx(alone, rel=1e-9)


class Given:
    """A source of normal numbers that are given: first the turns, then the shifts."""

    def __init__(self, *numbers: Any) -> None:
        self.numbers = list(numbers)

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(np.reshape(self.numbers.pop(0), (-1, 1, 1, 1) if len(shape) == 4 else 1), shape)


def test_images_are_turned_about_their_middle_and_shifted() -> None:
    """Nothing at jitter 0; a quarter turn and whole pixels are exact."""
    images = load_digits().images[:20] / 16.0
    assert np.array_equal(ee.jittered(images, 0.0, np.random.default_rng(0)), images)
    turned = ee.jittered(images, 0.5, Given(90.0 / (0.5 * ee.TURN), [0.0, 0.0]))
    inside = (slice(None), slice(1, -1), slice(1, -1))  # rounding may put the rim outside of the image
    np.testing.assert_allclose(turned[inside], np.rot90(images, -1, axes=(1, 2))[inside], atol=1e-9)
    shifted = ee.jittered(images, 0.5, Given(0.0, [2.0 / (0.5 * ee.SHIFT), -1.0 / (0.5 * ee.SHIFT)]))
    np.testing.assert_allclose(shifted[:, :6, 1:], images[:, 2:, :7], atol=1e-9)
    assert (shifted[:, 6:] == 0.0).all() and (shifted[:, :, 0] == 0.0).all()


def test_split_uses_every_image_once() -> None:
    parts = ee.split(0)
    assert [len(labels) for _, labels in parts] == [200, 500, 1097]
    together = np.concatenate([images for images, _ in parts]).reshape(1797, -1)
    every = load_digits().data / 16.0
    assert np.array_equal(np.sort(together.view("V512").ravel()), np.sort(every.view("V512").ravel()))
    assert all(set(labels) == set(range(10)) for _, labels in parts)
    assert not np.array_equal(ee.split(1)[0][0], parts[0][0])


def test_sobol_points_fill_the_space_on_its_scales() -> None:
    points = ee.sobol_points(256, 0)
    for name, low, high, middle in (("rate_2", 1e-4, 1e-1, 10**-2.5), ("decay_1", 1e-5, 10.0, 1e-2),
                                    ("jitter_3", 0.0, 1.0, 0.5)):
        values = np.array([point[name] for point in points])
        assert low <= values.min() and values.max() <= high
        assert (values < middle).mean() == pytest.approx(0.5, abs=0.02)
    assert ee.sobol_points(3, 0) == points[:3] and ee.sobol_points(1, 1) != points[:1]


@pytest.mark.slow
def test_script_compares_searches(tmp_path: Path) -> None:
    """Tiny searches print their tables and write the figure."""
    done = run_script(SCRIPT, "--trials", 4, "--initial", 3, "--repeats", 2, "--out", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert "24/24" in done.stderr and "Traceback" not in done.stderr
    start, end = ([float(median) for median in re.findall(r"([\d.]+) \(", line)]
                  for line in done.stdout.splitlines() if re.match(r" +[34] +\d", line))
    assert len(start) == 3 and start == [start[0]] * 3  # all begin with the same trials
    assert all(0.0 < b <= a < 2.5 for a, b in zip(start, end))
    assert len(re.findall(r"The symmetry (helped|hurt|made no difference)", done.stdout)) == 2  # validation and test
    assert re.search(r"accuracy +0\.\d{3} \(", done.stdout)
    page = (tmp_path / "new" / "exchangeable_ensemble.html").read_text(encoding="utf-8")
    assert "with the symmetry" in page and "validation log loss" in page
