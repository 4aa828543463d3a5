"""Figures of the level benchmark: the tables of its page against its runs, by other code than that which prints them.

One-line bugs that turn this file red: the median of the differences in place of that of the Walsh averages; an interval
that ends one average further in or out; a ratio the other way round; a row of the page for runs that are not there, or
of others; the ratio, or an end of its interval, changed in the README.
"""

from __future__ import annotations

import csv
import importlib
import re
from collections.abc import Sequence
from itertools import product
from statistics import median
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.stats import rankdata
from test_docs import BENCHMARKS, README, RESULTS, ROOT, rows_of

# The highest value, as `problem(name).optimum()` of benchmarks/problems.py finds it, and the sem.
PROBLEMS = {
    "Ackley 2-d": (0.0, 0.46), "Griewank 6-d": (0.0, 9.4), "Rastrigin 5-d": (0.0, 3.3),
    "WLAN 8-d": (4.299508352, 0.074), "PermInv-6D": (0.964115714, 0.014), "CyclInv-3D": (1.645775864, 0.069),
    "packing of 3": (0.867358992, 0.005), "packing of 5": (0.872232226, 0.005),
    "nearly symmetric": (-0.051, 0.02), "not symmetric": (-0.084, 0.02),
}


@pytest.fixture(scope="module")
def finals() -> dict[tuple[str, str], dict[int, float]]:
    """Read the final regrets, by problem, method and seed."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    csv.field_size_limit(10**7)
    with (RESULTS / "level-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            best, _ = PROBLEMS[row["problem"]]
            regret = best - max(map(float, row["values"].split()))
            assert regret > -1e-6
            found.setdefault((row["problem"], row["method"]), {})[int(row["seed"])] = regret
    return found


def not_rejected(differences: Sequence[float], alpha: float) -> tuple[float, float]:
    """Find the centers that the signed-rank test does not reject on either side, by all signs of all ranks."""
    d = np.array(differences)
    signs = np.array([*product((0, 1), repeat=len(d))])
    sums = signs @ np.arange(1, len(d) + 1)
    steps = np.unique([(a + b) / 2 for a in d for b in d])  # between these the test says the same
    kept = []
    for low, high in zip(steps, steps[1:]):
        moved = d - (low + high) / 2
        statistic = rankdata(abs(moved))[moved > 0].sum()
        if min((sums <= statistic).mean(), (sums >= statistic).mean()) > alpha:
            kept += [low, high]
    return min(kept), max(kept)


@pytest.fixture
def hodges_lehmann(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("regrets").hodges_lehmann


@pytest.mark.parametrize("n", [5, 6, 9, 10])
def test_interval_is_what_the_signed_rank_test_does_not_reject(n: int, hodges_lehmann: Any) -> None:
    for seed in range(5):
        d = np.random.default_rng(seed).normal(0.3, 1.0, size=n).tolist()
        estimate, *ends = hodges_lehmann(d, 0.9)
        assert estimate == pytest.approx(median((a + b) / 2 for i, a in enumerate(d) for b in d[i:]), rel=1e-12)
        assert ends == pytest.approx(not_rejected(d, 0.05), rel=1e-12)


def test_too_few_differences_exclude_nothing(hodges_lehmann: Any) -> None:
    """Four signs that agree have a probability of 1/16."""
    assert hodges_lehmann([1.0, 2.0, 3.0, 4.0], 0.9) == (2.5, -np.inf, np.inf)


def test_ratios(finals: dict[tuple[str, str], dict[int, float]]) -> None:
    """Those of the benchmark's page, and the one in the README."""
    table = rows_of(BENCHMARKS, "seed, and the interval of the exact signed-rank test (`--report` prints both):")
    assert set(table) == {"WLAN 8-d", "packing of 3", "packing of 5", "nearly symmetric", "not symmetric"}
    for name, cells in table.items():
        ours = finals[name, "k_G and e" if name.endswith("symmetric") else "kernel"]
        logs = [float(np.log(ours[seed] / finals[name, "plain"][seed])) for seed in ours]
        center = median((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
        low, high = np.exp(not_rejected(logs, 0.05))
        assert cells == [f"{np.exp(center):.2f}", f"{low:.2f} - {high:.2f}"], name
    wording = r"on packing of 5 the final regret is ([\d.]+) times .*?90 %\s+interval from ([\d.]+) to ([\d.]+)\."
    said = re.search(wording, README, flags=re.DOTALL)
    assert said and [said[1], f"{said[2]} - {said[3]}"] == table["packing of 5"]


def test_medians_of_all_ways(finals: dict[tuple[str, str], dict[int, float]]) -> None:
    """The columns are the problems, in their order."""
    assert f"|  | {' | '.join(PROBLEMS)} |" in BENCHMARKS
    table = rows_of(BENCHMARKS, "**All ways**, final regret: median (seeds).")
    assert {way for _, way in finals} == set(table)
    for way, cells in table.items():
        for (name, (_, sem)), cell in zip(PROBLEMS.items(), cells):
            own = finals.get((name, way), {}).values()
            middle = median(own) if own else 0.0
            shown = f"{middle if middle >= sem / 100 else 0:.2g} ({len(own)})" if own else ""
            assert cell == shown, (name, way)


def test_errors_on_formulations() -> None:
    """The table of the page is that of the runs, and so is how far the kernel's error is below Ax's in each of them."""
    found: dict[tuple[str, str], list[float]] = {}
    with (RESULTS / "formulations-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["task"] == "predict":
                found.setdefault((row["problem"], row["method"]), []).append(float(row["result"]))
    ways = ["plain", "6 images, not told of empty slots", "kernel, not told of empty slots", "kernel", "embedding",
            "mixture"]
    table = rows_of(BENCHMARKS, "## Formulations")
    assert {(problem, way) for problem in table for way in ways} == set(found)
    for problem, cells in table.items():
        wanted = []
        for way in ways:
            assert len(found[problem, way]) == 10
            low, middle, high = np.quantile(found[problem, way], [0.25, 0.5, 0.75])
            wanted.append(f"{middle:.2f} ({low:.2f} - {high:.2f})")
        assert cells == wanted, problem
    ratios = [a / b for problem in table for a, b in zip(found[problem, "kernel"], found[problem, "plain"])]
    assert f"{min(ratios):.2f} to {max(ratios):.2f} of Ax's" in re.sub(r"\s+", " ", BENCHMARKS)
    assert max(ratios) <= 0.6 and all(median(found[p, "kernel"]) < median(found[p, ways[1]]) for p in table)


def test_searches_for_formulations() -> None:
    found: dict[tuple[str, str], dict[str, float]] = {}
    with (RESULTS / "formulations-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["task"] == "search":
                assert float(row["result"]) == max(map(float, row["more"].split()))
                found.setdefault((row["problem"], row["method"]), {})[row["seed"]] = float(row["result"])
    table = rows_of(BENCHMARKS, "interval), in how many of ten it is positive, and p (Wilcoxon, one-sided).")
    assert set(table) == {"saturation", "pairs", "blend"}
    for problem, cells in table.items():
        plain, kernel = (np.array([found[problem, w][str(seed)] for seed in range(10)]) for w in ("plain", "kernel"))
        spreads = [np.quantile(x, [0.5, 0.25, 0.75]) for x in (plain, kernel)]
        gain = kernel - plain
        low, high = gain.mean() + stats.t.ppf([0.025, 0.975], 9) * gain.std(ddof=1) / 10**0.5
        assert cells == [
            *(f"{middle:.2f} ({below:.2f} - {above:.2f})" for middle, below, above in spreads),
            f"{gain.mean():+.2f} ({low:+.2f} to {high:+.2f})",
            str((gain > 0).sum()),
            f"{stats.wilcoxon(gain, alternative='greater').pvalue:.3f}",
        ]
    alone = [found[problem, "mixture"]["0"] for problem in table]
    assert "{:.2f}, {:.2f} and {:.2f}".format(*alone) in re.sub(r"\s+", " ", BENCHMARKS)


def test_diagnostics_of_continuous_symmetries() -> None:
    verdicts: dict[tuple[str, str], list[str]] = {}
    with (RESULTS / "diagnostics-continuous-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            verdicts.setdefault((row["kind"].removesuffix(", without end"), row["n"]), []).append(row["verdict"])
    table = rows_of(BENCHMARKS, "### Ratios, differences, angles")
    assert set(verdicts) == {(kind, n) for kind in table for n in ("20", "60")}
    for kind, cells in table.items():
        for n, cell in zip(("20", "60"), cells):
            found = verdicts[kind, n]
            assert len(found) == 100
            assert cell == ", ".join(f"{found.count(v)} %" for v in ("supported", "undecided", "contradicted"))


def test_searches_under_continuous_symmetries() -> None:
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    with (RESULTS / "continuous-1.3.1.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["problem"], row["acquisition"], row["way"]), {})[row["seed"]] = float(row["first"])
    problems = {"rotation": "radial", "scaling": "scaling"}
    acquisitions = {"GP-UCB": "ucb", "Ax's own": "ax"}
    for label, cells in rows_of(BENCHMARKS, "## Searches under continuous symmetries").items():
        problem, acquisition = label.split(", ")
        for way, cell in zip(("plain", "max", "kernel"), cells):
            own = found.get((problems[problem], acquisitions[acquisition], way), {})
            assert cell == (f"{np.mean([own[str(seed)] for seed in range(3)]):.1f}" if own else ""), (label, way)
    seam, middle = (found["angle", "ax", place] for place in ("seam", "middle"))
    gap = np.array([seam[str(seed)] - middle[str(seed)] for seed in range(20)])
    half = 1.96 * gap.std(ddof=1) / 20**0.5
    text = f"difference {gap.mean():.2f} +- {half:.2f} (95 %), fewer in {(gap < 0).sum()}, more in {(gap > 0).sum()}"
    assert text in re.sub(r"\s+", " ", BENCHMARKS)
    assert gap.mean() - half <= 0
