"""The example `examples/wind_farm.py`: its physical model against published figures and by hand, and the script itself.

One-line bugs that turn this red: wind that blows towards FROM, or x and y swapped in it (published layouts); deficits
added without squares (published layouts); the wake's first width without the factor 1 / sqrt(8) (hand calculation);
`downstream > 0.0` dropped (upstream, published layouts); the spacing term of the first turbine alone (720 images).
"""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import wind_farm as wf
from scripts import run_script

SCRIPT = Path(__file__).parents[2] / "examples" / "wind_farm.py"
YEAR = 8.76  # GWh of one MW

# Published with the IEA Wind Task 37 case studies 1 and 2: layouts in metres, and MWh by direction.
RING = (
    [0.0, 650.0, 200.861, -525.861, -525.861, 200.861, 1300.0, 1051.7221, 401.7221, -401.7221, -1051.7221, -1300.0,
     -1051.7221, -401.7221, 401.7221, 1051.7221],
    [0.0, 0.0, 618.1867, 382.0604, -382.0604, -618.1867, 0.0, 764.1208, 1236.3735, 1236.3735, 764.1208, 0.0, -764.1208,
     -1236.3735, -1236.3735, -764.1208],
    [9444.60012, 8497.90004, 11383.32869, 14173.40367, 20979.36776, 25590.86774, 39252.85757, 43197.65856, 23800.39229,
     13539.36766, 15022.898, 32644.44314, 71157.32322, 18092.10102, 12326.48041, 7838.58128],
)
GRID = (
    [-500.0, -500.0, -500.0, 0.0, 0.0, 0.0, 500.0, 500.0, 500.0],
    [-500.0, 0.0, 500.0, -500.0, 0.0, 500.0, -500.0, 0.0, 500.0],
    [2709.20722857, 5735.51790012, 5037.0998576, 8603.27685018, 6827.20221598, 15533.69431283, 17369.30985381,
     29155.54932563, 6827.20221598, 9081.2366752, 6774.03084299, 19835.33273793, 23082.44558737, 10993.07597524,
     5558.17915322, 5257.55807511],
)


@pytest.mark.parametrize("published", [RING, GRID], ids=["16 in rings", "9 in a grid"])
def test_published_layouts_give_their_published_energy(published: tuple[list[float], ...]) -> None:
    """In every of the 16 directions, to all digits; no two turbines are too close, so that spacing changes nothing."""
    x, y, by_direction = map(np.array, published)
    energies = wf.turbine_energies(x, y)
    np.testing.assert_allclose(1000 * energies.sum(axis=1), by_direction, rtol=1e-8)
    assert wf.farm_energy(x, y) == pytest.approx(energies.sum(), rel=1e-14)


def test_deficit_of_one_wake_is_the_published_formula() -> None:
    """Seven diameters behind a turbine, on the axis and half a diameter beside it, by hand."""
    width = 0.0324555 * 7 + 0.3535534  # standard deviation of the wake, in diameters: 0.5807419
    on_axis = 1 - math.sqrt(1 - (8 / 9) / (8 * width**2))  # 0.1811
    assert wf.wake_deficit(np.array(7 * 130.0), np.array(0.0)) == pytest.approx(on_axis, rel=1e-6)
    assert on_axis == pytest.approx(0.1811, abs=5e-5)
    beside = on_axis * math.exp(-(0.5**2) / (2 * width**2))
    assert wf.wake_deficit(np.array(7 * 130.0), np.array(65.0)) == pytest.approx(beside, rel=1e-6)
    assert wf.wake_deficit(np.array(7 * 130.0), np.array(-65.0)) == pytest.approx(beside, rel=1e-6)


def test_no_wake_upstream_or_beside() -> None:
    upstream = -np.array([0.0, 1.0, 130.0, 1e5])
    assert (wf.wake_deficit(upstream, np.zeros(4)) == 0.0).all()
    east, west = wf.turbine_energies(np.array([700.0, 0.0]), np.zeros(2)).T
    free = 3.35 * YEAR * wf.FREQUENCY
    assert east[4] == pytest.approx(free[4], rel=1e-12) and west[4] < 0.6 * free[4]  # wind from the east
    assert west[12] == pytest.approx(free[12], rel=1e-12) and east[12] < 0.6 * free[12]  # from the west
    for north_or_south in (0, 8):
        assert [east[north_or_south], west[north_or_south]] == pytest.approx([free[north_or_south]] * 2, rel=1e-9)


def test_one_turbine_alone_runs_at_its_rated_power() -> None:
    assert wf.FREQUENCY.sum() == pytest.approx(1.0, rel=1e-12)
    assert wf.farm_energy(np.array([300.0]), np.array([40.0])) == pytest.approx(3.35 * YEAR, rel=1e-12)
    assert wf.power(np.array([3.0, 4.0, 6.9, 9.8, 12.0])) == pytest.approx([0.0, 0.0, 3.35 / 8, 3.35, 3.35])


def test_turbines_far_apart_add_up() -> None:
    x, y = 1e9 * np.array([[0.0, 1.0, 3.0, 7.0], [0.0, 2.0, -1.0, 4.0]])
    assert wf.farm_energy(x, y) == pytest.approx(4 * 3.35 * YEAR, rel=1e-9)


def test_turbines_too_close_lose_in_proportion() -> None:
    """Half of all at one diameter, everything at none; a third turbine far away loses nothing."""
    x, y = np.array([0.0, 130.0 * 0.6, 1e9]), np.array([0.0, 130.0 * 0.8, 0.0])
    each = wf.turbine_energies(x, y).sum(axis=0)
    assert wf.farm_energy(x, y) == pytest.approx(each[0] / 2 + each[1] / 2 + each[2], rel=1e-12)
    assert wf.farm_energy(np.zeros(2), np.zeros(2)) == 0.0


def test_order_of_turbines_does_not_matter() -> None:
    """All 720 images of a layout, of which two turbines are too close; swapping two x alone is another layout."""
    point = wf.sobol_points(1, 3, 6)[0]
    point["x_2"], point["y_2"] = point["x_5"] + 90.0, point["y_5"] - 60.0
    energy = wf.energy_of(point)
    for order in itertools.permutations(range(1, 7)):
        image = {f"{axis}_{k}": point[f"{axis}_{old}"] for k, old in zip(range(1, 7), order) for axis in "xy"}
        assert wf.energy_of(image) == pytest.approx(energy, rel=1e-12)
    assert abs(wf.energy_of({**point, "x_1": point["x_2"], "x_2": point["x_1"]}) - energy) > 0.1


@pytest.mark.slow
def test_script_compares_searches(tmp_path: Path) -> None:
    """Tiny searches print the number of images and the table, and write the figure."""
    arguments = ["--turbines", "5", "--trials", "7", "--initial", "6", "--repeats", "2", "--out", tmp_path / "new"]
    done = run_script(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    assert "42/42" in done.stderr and "Traceback" not in done.stderr
    assert "120 images" in done.stdout and "840 rows" in done.stdout  # 5! and 7 times as many
    start, end = ([float(median) for median in re.findall(r"([\d.]+) \(", line)]
                  for line in done.stdout.splitlines() if re.match(r" +[67] +\d", line))
    assert len(start) == 3 and start == [start[0]] * 3  # all begin with the same layouts
    assert all(0.0 < a <= b < 5 * 3.35 * YEAR for a, b in zip(start, end))
    assert len(re.findall(r"The symmetry (helped|hurt|made no difference)", done.stdout)) == 1
    page = (tmp_path / "new" / "wind_farm.html").read_text(encoding="utf-8")
    assert "with the symmetry" in page and "metres north" in page
