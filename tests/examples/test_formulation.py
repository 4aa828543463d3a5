"""The example `examples/formulation.py`: its formulas against published figures, and the script itself.

One-line bugs that turn this file red: a pair of elements counted twice, or without the 4; an enthalpy of another pair;
logarithms to base 2; masses for volumes in the density; an empty slot whose element counts; amounts that are not made
fractions; the order of the slots.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import formulation
import numpy as np
import pytest
from ax_symmetry import Symmetry
from scripts import run_script

SCRIPT = Path(formulation.__file__)


def alloy(*elements: str, amount: float = 0.5) -> dict[str, Any]:
    """Make a formulation of equal parts; the other slots are empty."""
    return {name: value for (element, slot), own in itertools.zip_longest(formulation.BLOCKS, elements)
            for name, value in ((element, own or "Ti"), (slot, amount if own else 0.0))}


@pytest.mark.parametrize(("elements", "enthalpy", "delta"), [
    (("Co", "Cr", "Fe", "Mn", "Ni"), -4.16, 3.27), (("Al", "Co", "Cr", "Fe", "Ni"), -12.32, 5.78),
    (("Co", "Cr", "Cu", "Fe", "Ni"), 3.2, 1.03),
])
def test_published_alloys_have_their_published_properties(
    elements: tuple[str, ...], enthalpy: float, delta: float
) -> None:
    """Mixing enthalpies as listed in the literature of these alloys, to all digits; mismatches by hand."""
    p = formulation.properties(alloy(*elements))
    melting = np.mean([formulation.ELEMENTS[e][1] for e in elements])
    assert p["omega"] == pytest.approx(melting * 8.314e-3 * np.log(5) / abs(enthalpy), rel=1e-12)
    assert p["delta"] == pytest.approx(delta, rel=0.05)


def test_density_is_mass_by_volume() -> None:
    """Equal moles of aluminium and nickel: 85.67 g in 9.993 + 6.587 cm3."""
    assert formulation.properties(alloy("Al", "Ni"))["density"] == pytest.approx(85.67 / 16.580, rel=1e-3)


def test_order_of_slots_and_what_is_in_empty_ones_do_not_matter() -> None:
    (point,) = [p for p in formulations() if sum(p[a] == 0.0 for _, a in formulation.BLOCKS) == 2][:1]
    wanted, other = formulation.merit(point), dict(point)
    for element, amount in formulation.BLOCKS:
        if point[amount] == 0.0:
            other[element] = "Mn" if point[element] != "Mn" else "Co"
    for order in itertools.permutations(range(6), 6):
        image = {new: other[old] for block, i in zip(formulation.BLOCKS, order)
                 for new, old in zip(block, formulation.BLOCKS[i])}
        assert formulation.merit(image) == pytest.approx(wanted, rel=1e-12)
    symmetry = Symmetry.from_config(formulation.SYMMETRY)
    assert symmetry.canonical(other) == symmetry.canonical(point)
    doubled = {**point, **{amount: 0.5 * point[amount] for _, amount in formulation.BLOCKS}}
    assert formulation.merit(doubled) == pytest.approx(wanted, rel=1e-12)


def formulations() -> list[dict[str, Any]]:
    return formulation.formulations(256, seed=3)


def test_sobol_points_fill_the_space() -> None:
    points = formulations()
    assert np.mean([p["amount_2"] == 0.0 for p in points]) == pytest.approx(0.3, abs=0.02)
    assert {p["element_5"] for p in points} == set(formulation.ELEMENTS)
    assert formulation.merit(alloy()) < 1e-3  # nothing at all


@pytest.mark.slow
def test_script_compares_predictions_and_searches(tmp_path: Path) -> None:
    """Tiny searches print their tables and write the figure."""
    arguments = ["--trials", 8, "--initial", 7, "--repeats", 2, "--train", 30, "--out", tmp_path / "new"]
    done = run_script(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    assert "48/48" in done.stderr and "Traceback" not in done.stderr
    start, end = ([float(median) for median in re.findall(r"([\d.]+) \(", line)]
                  for line in done.stdout.splitlines() if re.match(r" +[78] +\d", line))
    assert len(start) == 3 and start == [start[0]] * 3  # all begin with the same formulations
    known = float(re.search(r"best alloy known has a merit of (\d\.\d+)", done.stdout)[1])
    assert 1.4 < known < 1.6 and all(0.0 < a <= b < known for a, b in zip(start, end))
    plain, symmetric = map(float, re.findall(r"([\d.]+) \(", re.search(r"error .*", done.stdout)[0]))
    assert symmetric < plain
    assert len(re.findall(r"The symmetry (helped|hurt|made no difference)", done.stdout)) == 1
    page = (tmp_path / "new" / "formulation.html").read_text(encoding="utf-8")
    assert "with the symmetry" in page and "mole per cent" in page
