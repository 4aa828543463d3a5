"""What the runs of the level benchmark tell: regrets, paired by seed with plain Ax, in tables and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from experiments import add_to_grid, new_grid
from problems import PROBLEMS, problem
from scipy.stats import wilcoxon

INITIAL = 5
"""Evaluations that are quasi-random, the same for all methods."""

PEERS = ("order constraints", "k_G", "k_G, scaled", "max-alignment", "invariantkernels", "BayBE rows")
"""What other projects do."""

EXPLAINED = """\
Regrets in the function's units: median (25 % - 75 %) over seeds; what is below a hundredth of the sem is 0.
Evaluations: until plain Ax's final median regret, as a share of the budget. Cumulative regret: mean and standard error
of its sum over all evaluations but the first, quasi-random ones. p: lower than plain Ax's, Wilcoxon's signed-rank test,
one-sided, paired by seed; final regrets that differ by less than a hundredth of the sem are level."""

CONFIDENCE = 0.9
"""Of the intervals of ratios."""


def default_of(name: str) -> str:
    """Return what the package does on a problem: the kernel, with e learnt where the symmetry does not hold."""
    return "kernel" if problem(name).holds else "k_G and e"


@dataclass(frozen=True)
class Runs:
    """The runs of a method on a problem.

    Attributes:
        regret: Of every seed, by how much each evaluation missed the optimum.
        seconds: Of every seed, CPU seconds per candidate.
        least: Regrets below it are none.
    """

    regret: Mapping[int, np.ndarray]
    seconds: Sequence[float]
    least: float

    @cached_property
    def lowest(self) -> np.ndarray:
        """The simple regret, the least so far: a row for each seed."""
        return np.minimum.accumulate([*self.regret.values()], axis=1)

    @cached_property
    def finals(self) -> dict[int, float]:
        """The simple regret at the end."""
        return dict(zip(self.regret, self.lowest[:, -1].tolist()))

    @cached_property
    def sums(self) -> dict[int, float]:
        """The cumulative regret."""
        return {seed: float(regret[INITIAL:].sum()) for seed, regret in self.regret.items()}

    @property
    def median(self) -> float:
        """The median of the simple regret at the end."""
        return float(np.median(self.lowest[:, -1]))

    def share_of_budget(self, plain: Runs) -> float:
        """Return after which share of the budget the median regret is plain Ax's final one; infinity for never."""
        reached = np.flatnonzero(np.median(self.lowest, axis=0) <= plain.median)
        return (reached[0] + 1) / self.lowest.shape[1] if len(reached) else float("inf")

    def p_final(self, other: Runs, alternative: str = "less") -> float:
        """Compare the simple regret at the end."""
        return p_value(self.finals, other.finals, alternative, self.least)

    def p_sum(self, other: Runs) -> float:
        """Compare the cumulative regret: lower than the other's."""
        return p_value(self.sums, other.sums, "less")

    def ratio(self, other: Runs) -> tuple[float, float, float]:
        """Estimate the final regret divided by the other's, with an interval; what is below `least` counts as that."""
        logs = [np.log(max(self.finals[seed], self.least) / max(other.finals[seed], self.least))
                for seed in self.finals if seed in other.finals]
        estimate, low, high = np.exp(hodges_lehmann(logs, CONFIDENCE))
        return float(estimate), float(low), float(high)

    def final(self) -> str:
        """Say the simple regret at the end."""
        low, middle, high = (self.say(v) for v in np.quantile(self.lowest[:, -1], [0.25, 0.5, 0.75]))
        return f"{middle} ({low} - {high})"

    def sum(self) -> str:
        """Say the cumulative regret."""
        sums = [*self.sums.values()]
        error = f" +- {np.std(sums, ddof=1) / len(sums)**0.5:.2g}" if len(sums) > 1 else ""
        return f"{np.mean(sums):.3g}{error}"

    def say(self, regret: float) -> str:
        """Say a regret."""
        return f"{regret:.2g}" if regret >= self.least else "0"


def p_value(ours: Mapping[int, float], theirs: Mapping[int, float], alternative: str, least: float = 0) -> float:
    """Compare numbers, paired by seed: Wilcoxon's signed-rank test, one-sided. NaN below five pairs.

    Differences of no more than `least` are none; without any other the numbers are level: 1.
    """
    pairs = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
    differ = [d if abs(d) > least else 0.0 for d in pairs]
    if len(pairs) < 5:
        return float("nan")
    return float(wilcoxon(differ, zero_method="zsplit", alternative=alternative).pvalue) if any(differ) else 1.0


def hodges_lehmann(differences: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """Estimate the center of differences, with an interval: what Wilcoxon's exact signed-rank test does not reject.

    The estimate is the median of the Walsh averages (d_i + d_j) / 2, i <= j. The interval goes from the k-th lowest to
    the k-th highest of them, where a rank sum below k has a probability of at most (1 - confidence) / 2, and k is the
    highest such number.

    Reference: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 2014, sections 3.2 and 3.3.

    Returns:
        The estimate, and both ends: infinite where there are too few differences.
    """
    n, d = len(differences), np.asarray(differences, dtype=float)
    walsh = np.sort(((d[:, None] + d) / 2)[np.triu_indices(n)])
    ways = reduce(np.convolve, [np.eye(1, rank + 1)[0] + np.eye(1, rank + 1, rank)[0] for rank in range(1, n + 1)])
    k = int((np.cumsum(ways) / 2.0**n <= (1 - confidence) / 2).sum())
    low, high = (walsh[k - 1], walsh[-k]) if k else (-np.inf, np.inf)
    return float(np.median(walsh)), float(low), float(high)


def read(path: Path, methods: Sequence[str]) -> dict[str, dict[str, Runs]]:
    """Return the runs of every problem and method, in the order of the methods."""
    table, found = pd.read_csv(path), {}
    for name in (name for name in PROBLEMS if (table.problem == name).any()):
        best, least = problem(name).optimum(), problem(name).sem / 100
        of_methods = table[table.problem == name].groupby("method")
        found[name] = {
            method: Runs({seed: best - np.array(v.split(), dtype=float) for seed, v in zip(rows.seed, rows["values"])},
                         rows.seconds, least)
            for method, rows in sorted(of_methods, key=lambda own: methods.index(own[0]))
        }
    return found


def report(found: Mapping[str, Mapping[str, Runs]], methods: Sequence[str], figure: Path) -> None:
    """Print tables in Markdown, and draw the figure."""
    names = [method for method in methods if any(method in ways for ways in found.values())]
    print(f"{EXPLAINED}\n\nThe default\n")
    print(markdown(
        ("", "plain Ax: final", "the default: final", "p", "evaluations", "plain Ax: cumulative",
         "the default: cumulative", "p", "s per candidate: plain, default"),
        (_default_line(name, ways["plain"], ways[default_of(name)]) for name, ways in found.items()),
    ))
    print("\nFinal regret of the default, divided by plain Ax's, where the two are not told apart (p >= 0.05).\n"
          f"Hodges-Lehmann estimate, paired by seed, and its {CONFIDENCE:.0%} interval\n")
    print(markdown(
        ("", "ratio", "interval"),
        (_ratio_line(name, ways["plain"], ways[default_of(name)]) for name, ways in found.items()
         if ways[default_of(name)].p_final(ways["plain"]) >= 0.05),
    ))
    for title, others in (("the best of the peers", PEERS), ("plain Ax with a Matern kernel", ("plain, Matern",)),
                          ("the same with e learnt", ("k_G and e",)), ("that of RBF kernels", ("kernel, RBF",)),
                          ("augmentation", ("augmentation",))):
        print(f"\nThe default beside {title}; p: higher final, lower cumulative regret than that\n")
        print(markdown(
            ("", "beside", "its final", "the default: final", "p", "its cumulative", "the default: cumulative", "p"),
            filter(None, (_beside(name, ways, others) for name, ways in found.items())),
        ))
    print("\nAll ways, final regret: median (seeds)\n")
    print(markdown(("", *found), ([method, *(_median(ways.get(method)) for ways in found.values())]
                                  for method in names)))
    for name, ways in found.items():
        print(f"\n{name}\n")
        print(markdown(
            ("", "seeds", "final regret", "evaluations", "p", "cumulative regret", "p", "s per candidate"),
            ([method, str(len(of.regret)), of.final(), f"{of.share_of_budget(ways['plain']):.2f}",
              f"{of.p_final(ways['plain']):.3f}", of.sum(), f"{of.p_sum(ways['plain']):.3f}",
              f"{np.median(of.seconds):.2f}"] for method, of in ways.items()),
        ))
    draw(found, names, figure)
    print(f"\nThe figure: {figure}")


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *lines))


def _default_line(name: str, plain: Runs, ours: Runs) -> list[str]:
    return [name, plain.final(), ours.final(), f"{ours.p_final(plain):.3f}", f"{ours.share_of_budget(plain):.2f}",
            plain.sum(), ours.sum(), f"{ours.p_sum(plain):.3f}",
            f"{np.median(plain.seconds):.2f}, {np.median(ours.seconds):.2f}"]


def _ratio_line(name: str, plain: Runs, ours: Runs) -> list[str]:
    ratio, low, high = ours.ratio(plain)
    return [name, f"{ratio:.2f}", f"{low:.2f} - {high:.2f}"]


def _beside(name: str, ways: Mapping[str, Runs], others: Sequence[str]) -> list[str]:
    default = default_of(name)
    there, ours = [method for method in others if method in ways and method != default], ways[default]
    if not there:
        return []
    least = min(there, key=lambda method: ways[method].median)
    other = ways[least]
    return [name, least, other.final(), ours.final(), f"{ours.p_final(other, 'greater'):.3f}", other.sum(), ours.sum(),
            f"{ours.p_sum(other):.3f}"]


def _median(runs: Runs | None) -> str:
    return f"{runs.say(runs.median)} ({len(runs.regret)})" if runs else ""


def draw(found: Mapping[str, Mapping[str, Runs]], names: Sequence[str], figure: Path) -> None:
    """Draw the medians of the regret, down to a hundredth of the sem; what other projects do is dotted."""
    import plotly.graph_objects as go
    from plotly.colors import qualitative

    plot = new_grid([*found])
    lines: dict[str, dict[str, Any]] = {
        method: {"color": color, "width": 1.5, "dash": "dot" if method in PEERS else "solid"}
        for method, color in zip(names, qualitative.D3 + qualitative.Dark2)}
    lines["plain"] = {"color": "black", "width": 2, "dash": "dash"}
    lines["the default"] = {"color": "crimson", "width": 3.5}
    for place, (name, ways) in enumerate(found.items()):
        for method, runs in ways.items():
            shown = "the default" if method == default_of(name) else method
            median = np.median(runs.lowest, axis=0).clip(runs.least)
            add_to_grid(plot, place, go.Scatter(x=np.arange(1, len(median) + 1), y=median, name=shown, mode="lines",
                                                line=lines[shown]))
    plot.update_yaxes(type="log", dtick=1, exponentformat="power", minor={"showgrid": True})
    plot.update_yaxes(title_text="regret", col=1)
    plot.update_xaxes(title_text="evaluations")
    plot.write_html(figure, include_plotlyjs="cdn")
