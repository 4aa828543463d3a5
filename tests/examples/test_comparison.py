"""What the studies share, `examples/comparison.py`: one search, the table, the paired comparison and the figure.

One-line bugs that turn this red: a quantile of 0.95, or `ddof=0`, in `verdict` (intervals of scipy); `low` and `high`
swapped in its words; the mean in place of the median, or a column in another's place, in `print_table`; a budget of one
trial more (rows); the symmetry told to "plain", or not to "symmetric"; Sobol points left after the initial trials; the
standard error not attached; the band of `draw_best` not closed; results of `run_all` by seed, not by method.
"""

from __future__ import annotations

import argparse
import operator
import queue
import re
from pathlib import Path
from typing import Any

import comparison
import numpy as np
import plotly.graph_objects as go
import pytest
from ax.service.utils.instantiation import InstantiationBase
from ax_symmetry import Symmetry
from plotly.subplots import make_subplots
from scipy.stats import ttest_1samp

BEST = {"plain": np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 5.0], [0.0, 9.0, 9.5]]), "symmetric": np.full((3, 3), 7.0)}
POINTS = [{"a": a, "b": b} for a, b in ((0.9, 0.1), (0.1, 0.9), (0.5, 0.4), (0.7, 0.6), (0.2, 0.3), (0.6, 0.1))]


@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_verdict_is_a_paired_t_test(n: int, shift: float) -> None:
    """The interval and the words are scipy's; at most one of helped, hurt and no difference."""
    gains = np.random.default_rng(n).normal(shift, 0.4, size=n)
    test = ttest_1samp(gains, 0.0)
    low, high = test.confidence_interval(0.95)
    word = "helped" if test.pvalue < 0.05 and gains.mean() > 0 else "hurt" if test.pvalue < 0.05 else "made no"
    said = comparison.verdict(gains, 5)
    numbers = [float(number) for number in re.findall(r"[+-]\d+\.\d{5}", said)]
    assert said.startswith(f"The symmetry {word}")
    assert numbers == pytest.approx([gains.mean(), low, high], abs=6e-6)
    assert f"ahead in {sum(gain > 0 for gain in gains)} of {n} repeats" in said


@pytest.mark.parametrize(
    ("gains", "says"),
    [
        ([0.9, 1.0, 1.1], "The symmetry helped: its gain over Ax alone is +1.00"),
        ([-0.9, -1.0, -1.1], "The symmetry hurt: its gain over Ax alone is -1.00"),
        ([1.0, 2.0, 3.0], "made no difference that these repeats could show: its gain over Ax alone is +2.00"),
        ([1.0, 2.0, 3.0], "(95 % interval -0.48 to +4.48); it is ahead in 3 of 3"),
        ([0.9, 1.0, 1.1], "(95 % interval +0.75 to +1.25)"),
        ([0.0, 0.0], "made no difference"),
        ([5.0], "says nothing"),
    ],
)
def test_verdict_by_hand(gains: list[float], says: str) -> None:
    """A quantile of 4.3027 with two degrees of freedom, times SD / sqrt(3)."""
    assert says in comparison.verdict(np.array(gains), 2)


def test_table_shows_medians_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    comparison.print_table("Best", "trials", comparison.rows_of_budgets(BEST, 1, step=1, digits=1), (8, 18))
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Best: median (lowest - highest) of the repeats",
        "",
        "  trials          Ax alone with the symmetry",
        "       1   1.0 (0.0 - 3.0)   7.0 (7.0 - 7.0)",
        "       2   4.0 (2.0 - 9.0)   7.0 (7.0 - 7.0)",
        "       3   6.0 (5.0 - 9.5)   7.0 (7.0 - 7.0)",
    ]


@pytest.mark.parametrize(("n_initial", "step", "budgets"), [(1, 2, "1 3"), (2, 5, "2 3"), (3, 1, "3"), (5, 1, "3")])
def test_rows_end_with_all_trials(n_initial: int, step: int, budgets: str) -> None:
    assert [label for label, _, _ in comparison.rows_of_budgets(BEST, n_initial, step, 1)] == budgets.split()


def test_figure_shows_median_and_range() -> None:
    """In a figure of its own and in a subplot; the band goes along the highest values and back along the lowest."""
    for fig, place in ((go.Figure(), {}), (make_subplots(1, 2), {"row": 1, "col": 2})):
        comparison.draw_best(fig, BEST, 2, 1, **place)
        band, line, _, other = fig.data
        assert list(line.x) == [1, 2, 3] and list(line.y) == [1.0, 4.0, 6.0] and line.name == "Ax alone"
        assert list(band.x) == [1, 2, 3, 3, 2, 1] and list(band.y) == [3.0, 9.0, 9.5, 5.0, 2.0, 0.0]
        assert other.name == "with the symmetry" and line.line.color != other.line.color
        assert {trace.xaxis for trace in fig.data} == {"x2" if place else None}
        assert [(shape.x0, shape.x1) for shape in fig.layout.shapes] == [(1, 2)]


def test_figure_is_written_into_a_new_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "study.html"
    comparison.write_figure(go.Figure().add_scatter(x=[1], y=[2], name="a line of this name"), file)
    assert capsys.readouterr().out.startswith(f"Figure: {file}\n")
    assert "a line of this name" in file.read_text(encoding="utf-8")


def test_parser_knows_the_options_of_all_studies(capsys: pytest.CaptureFixture[str]) -> None:
    parser = comparison.new_parser("A title\nand more", {"--trials": 9, "--initial": 4, "--repeats": None}, "how often")
    assert vars(parser.parse_args([])) == {"trials": 9, "initial": 4, "repeats": None, "seed": 0, "out": Path(".")}
    given = parser.parse_args("--trials 1 --initial 2 --repeats 3 --seed 4 --out x".split())
    assert list(vars(given).values()) == [1, 2, 3, 4, Path("x")]
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    printed = capsys.readouterr().out
    assert "A title" in printed and "and more" not in printed and "how often" in printed


def search(method: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], Any, int]:
    """Look for (0.8, 0.2) in a square; return the outcomes, the data, and the steps of the progress bar."""
    def evaluate(point: dict[str, Any]) -> dict[str, float]:
        return {"value": 1.0 - (point["a"] - 0.8)**2 - (point["b"] - 0.2)**2, "sum": point["a"] + point["b"]}

    experiment = InstantiationBase.make_experiment(
        parameters=[{"name": name, "type": "range", "bounds": [0.0, 1.0]} for name in "ab"],
        objectives={"value": "maximize"},
    )
    ticks: queue.SimpleQueue[int] = queue.SimpleQueue()
    monkeypatch.setattr(comparison, "ticks", ticks, raising=False)
    outcomes = comparison.optimise(
        method, 0, 5, 6, experiment=experiment, metric="value", points=POINTS, evaluate=evaluate,
        symmetry={"blocks": [["a"], ["b"]]}, sem=0.01,
    )
    return outcomes, experiment.lookup_data().df, ticks.qsize()


@pytest.mark.slow
def test_methods_differ_in_what_ax_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """All begin alike; with the symmetry the model's point is canonical, and Ax alone goes where the best one was."""
    canonical = Symmetry.permutation([["a"], ["b"]]).canonical
    runs = {method: search(method, monkeypatch) for method in comparison.METHODS}
    for outcomes, data, n_ticks in runs.values():
        assert [{name: outcome[name] for name in "ab"} for outcome in outcomes[:5]] == POINTS[:5]
        assert all(outcome["sum"] == outcome["a"] + outcome["b"] for outcome in outcomes)
        assert data["mean"].tolist() == [outcome["value"] for outcome in outcomes]
        assert data["sem"].tolist() == [0.01] * 6 and n_ticks == 6
    sobol, plain, symmetric = ({name: outcomes[5][name] for name in "ab"} for outcomes, _, _ in runs.values())
    assert sobol == POINTS[5]
    assert plain["a"] > plain["b"] and plain not in POINTS and canonical(plain) != plain
    assert canonical(symmetric) == symmetric and symmetric not in POINTS


@pytest.mark.slow
def test_jobs_come_back_by_method_and_repeat() -> None:
    """Characters 3 and 4 of the methods' names."""
    args = argparse.Namespace(seed=3, repeats=2)
    assert comparison.run_all(operator.getitem, ("sobol", "plain"), args, (), steps=0) == {
        "sobol": ["o", "l"], "plain": ["i", "n"],
    }
