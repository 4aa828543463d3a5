"""The example `examples/particle_packing.py`: its physical model against known limits, and the script itself.

One-line bugs that turn this red: the wall effect without its factor (1 - beta), or the two branches of `interactions`
swapped (binary and ternary limits, published formula); `sigma**2 / 2` added to mu instead of subtracted (moments); the
third fraction not implied by the other two (order of components); rows that repeat or do not sum to 1 kept
(`read_rows`); `symmetry=` not handed to `get_botorch` (both models then err alike); an option of Ax that one of its
versions does not know (both runs of the script).
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import particle_packing as pp
import pytest
from scripts import run_script

SCRIPT = Path(__file__).parents[2] / "examples" / "particle_packing.py"
TIGHT = 1e9  # a compaction index so large that the packing is the virtual one
LOOSE_SIZES = 1e-14  # a size ratio so small that the classes do not disturb each other


def test_one_class_packs_to_its_virtual_packing() -> None:
    """Beta itself when compacted without end, 0.64 as the script compacts."""
    interaction = pp.interactions(np.array([7.0]))
    one = np.array([1.0])
    assert pp.packing_of_classes(one, interaction, k=TIGHT) == pytest.approx(pp.VIRTUAL_PACKING, rel=1e-8)
    assert pp.packing_of_classes(one, interaction) == pytest.approx(0.64, rel=1e-10)


def test_classes_of_one_size_are_one_class() -> None:
    """Dividing a class changes nothing: full wall and loosening effects cancel."""
    interaction = pp.interactions(np.array([7.0, 7.0, 7.0]))
    assert pp.packing_of_classes(np.array([0.2, 0.5, 0.3]), interaction) == pytest.approx(0.64, rel=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_very_different_sizes_reach_the_ideal_maximum(n_classes: int) -> None:
    """Each finer class fills the voids v = 1 - beta of the coarser ones: 1 - v^n at shares 1 : v : v^2."""
    voids = 1.0 - pp.VIRTUAL_PACKING
    interaction = pp.interactions(LOOSE_SIZES ** np.arange(n_classes))
    ideal = voids ** np.arange(n_classes)
    best = 1.0 - voids**n_classes
    assert pp.packing_of_classes(ideal, interaction, k=TIGHT) == pytest.approx(best, rel=1e-6)
    for shares in np.random.default_rng(0).dirichlet(np.ones(n_classes), size=50):
        assert pp.packing_of_classes(shares, interaction, k=TIGHT) <= best * (1 + 1e-6)


def test_packing_is_the_published_model() -> None:
    """De Larrard's formulas, term by term, give back the compaction index at the packing that the script finds."""
    beta, k = 0.7, 4.1
    rng = np.random.default_rng(1)
    d = np.sort(rng.uniform(1.0, 30.0, size=6))[::-1]
    y = rng.dirichlet(np.ones(6))
    phi = pp.packing_of_classes(y, pp.interactions(d, beta), k=k, beta=beta)
    index = 0.0
    for i in range(6):
        total = 1.0
        for j in range(i):
            b = 1 - (1 - d[i] / d[j]) ** 1.5
            total -= (1 - beta + b * beta * (1 - 1 / beta)) * y[j]
        for j in range(i + 1, 6):
            a = (1 - (1 - d[j] / d[i]) ** 1.02) ** 0.5
            total -= (1 - a * beta / beta) * y[j]
        gamma = beta / total
        assert phi < gamma
        index += (y[i] / beta) / (1 / phi - 1 / gamma)
    assert index == pytest.approx(k, rel=1e-8)


def test_size_classes_have_the_moments_of_the_components() -> None:
    """The mean and the standard deviation are those of the log-normal itself, not of the logarithm."""
    means, spreads = np.array([2.0, 10.0, 60.0]), np.array([0.6, 0.3, 0.05])
    for k in range(3):
        shares = pp.class_shares(means, spreads, np.eye(3)[k])
        mean = shares @ pp.SIZES
        assert shares.sum() == pytest.approx(1.0, abs=1e-4)
        assert mean == pytest.approx(means[k], rel=1e-3)
        assert np.sqrt(shares @ (pp.SIZES - mean) ** 2) == pytest.approx(spreads[k] * means[k], rel=0.05)


def test_order_of_components_does_not_matter() -> None:
    """All six orders pack alike, with the third fraction implied; swapping the sizes alone does not."""
    point = {"mean_1": 3.0, "mean_2": 40.0, "mean_3": 11.0, "spread_1": 0.1, "spread_2": 0.5, "spread_3": 0.3,
             "frac_1": 0.2, "frac_2": 0.7}
    whole = {**point, "frac_3": 1.0 - 0.2 - 0.7}
    packing = pp.true_packing(point)
    for order in itertools.permutations((1, 2, 3)):
        image = {f"{slot}_{k}": whole[f"{slot}_{old}"] for slot in pp.SLOTS for k, old in zip((1, 2, 3), order)}
        del image["frac_3"]
        assert pp.true_packing(image) == pytest.approx(packing, rel=1e-12)
    assert abs(pp.true_packing({**point, "mean_1": 40.0, "mean_2": 3.0}) - packing) > 0.01


def test_a_common_factor_does_not_matter() -> None:
    """Up to the width of the size classes."""
    point = {"mean_1": 3.0, "mean_2": 40.0, "mean_3": 11.0, "spread_1": 0.1, "spread_2": 0.5, "spread_3": 0.3,
             "frac_1": 0.2, "frac_2": 0.7}
    larger = {name: 1.7 * value if name.startswith("mean") else value for name, value in point.items()}
    assert pp.true_packing(larger) == pytest.approx(pp.true_packing(point), abs=1e-3)
    assert abs(pp.true_packing({**point, "mean_1": 3.0 * 1.7}) - pp.true_packing(point)) > 0.003


def run(*arguments: object) -> str:
    """Run the script, Ax's DeprecationWarnings as errors, and return what it prints."""
    done = run_script(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells(table: str, row: str) -> list[float]:
    """Read the medians of one row of a printed table."""
    line = next(line for line in table.splitlines() if line.strip().startswith(row))
    return [float(cell) for cell in re.findall(r"([\d.]+) \(", line)]


@pytest.mark.slow
def test_script_compares_searches(tmp_path: Path) -> None:
    """Two tiny searches print their table and write the figure."""
    printed = run("--trials", 6, "--initial", 4, "--repeats", 1, "--out", tmp_path / "results")
    start, end = cells(printed, "4"), cells(printed, "6")
    assert start[0] == start[1] == start[2]  # all begin with the same trials
    assert all(0.6 < a <= b < 0.9 for a, b in zip(start, end))
    assert len(cells(printed, "seconds")) == 3
    page = (tmp_path / "results" / "particle_packing.html").read_text(encoding="utf-8")
    assert "with the symmetry" in page and "best packing fraction so far" in page


@pytest.mark.slow
def test_script_compares_predictions_of_measured_rows(tmp_path: Path) -> None:
    """With `--data` the model that knows the symmetry errs less on rows whose components are permuted."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(150):
        means, spreads = np.exp(rng.uniform(0, np.log(100.0), 3)), rng.uniform(0.05, 0.6, 3)
        fractions = rng.dirichlet(np.ones(3))
        shares = pp.class_shares(means, spreads, fractions)
        row = {"Packing_Fraction": pp.packing_of_classes(shares, pp.INTERACTION)}
        for k in range(3):
            row[f"Mean_Particle_Size_#{k + 1}"] = means[k]
            row[f"SD_of_Particle_#{k + 1}"] = spreads[k] * means[k]
            row[f"Particle_#{k + 1}_Mass_Fraction"] = fractions[k]
        rows.append(row)
    table = pd.DataFrame(rows)
    broken = table.iloc[[0]].assign(**{"Particle_#1_Mass_Fraction": 0.9, "Packing_Fraction": 1e6})
    pd.concat([table, broken, table.iloc[:5]]).to_csv(tmp_path / "rows.csv", index=False)  # also repeats

    settings, packings = pp.read_rows(tmp_path / "rows.csv")
    assert settings.shape == (150, 3, 3) and packings.max() < 1.0

    printed = run("--data", tmp_path / "rows.csv", "--train", 30, "--repeats", 1)
    given, permuted, scaled = (cells(printed, row) for row in ("as given", "permuted", "times t"))
    assert len(given) == len(permuted) == len(scaled) == 3
    assert given[0] != given[1] and all(0.0 < error < 0.1 for error in given + permuted + scaled)
    assert scaled[2] < scaled[1]  # nor one that does not know that ratios alone matter
    assert scaled[2] == pytest.approx(permuted[2], abs=2e-4)
    assert permuted[1] < permuted[0]  # a model that does not know the symmetry cannot know permuted rows as well
