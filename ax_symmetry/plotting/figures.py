"""Figures of what a symmetry does: plotly figures, as Ax's own.

The numbers behind them come from `domain_slice` and `tables`; `analyses` hands the same figures to Ax's `Client`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from ax.core.experiment import Experiment
from plotly import graph_objects as go

from ax_symmetry._ax.given import experiment_of
from ax_symmetry.diagnostics.observations import choose_metric
from ax_symmetry.plotting.domain_slice import Slice, domain_slice
from ax_symmetry.plotting.tables import WITH, WITHOUT, best_table, left_out_table, orbit_table
from ax_symmetry.symmetry.symmetry import Symmetry

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Told apart also by the colour-blind (Okabe and Ito, "Color universal design", 2008)."""
GRAY = "#777777"
SURFACE = ((0.0, "#ffffff"), (1.0, "#4a9cd3"))
"""So light that points stand out."""
FEW = 60
"""Observations up to which a surface carries them at their full size, and FEW times 5 images unasked."""


def plot_domain(
    experiment_or_adapter: Any,
    symmetry: Symmetry | Mapping[str, Any],
    x: str,
    y: str,
    *,
    metric: str | None = None,
    slice_values: Mapping[str, Any] | None = None,
    density: int = 51,
) -> go.Figure:
    """Plot the predicted surface over two parameters, with the fundamental domain, the observations and their images.

    What is not canonical is shaded. Observations are drawn with their own values of both parameters, also where their
    other parameters are not those of the slice, as Ax's contour plots do. More than 300 images are hidden until their
    name in the legend is clicked, and more than 60 observations are drawn smaller.

    Cost: density^2 predictions; a fit, if an experiment is given.

    Args:
        experiment_or_adapter: An experiment with data, or a client that has one, to which `get_botorch` fits a model
            that knows the symmetry; or (from Ax 0.5 on) a fitted adapter.
        symmetry: A symmetry, or its dict with options of the transforms, of which `order_by` moves the domain.
        x: The range parameter along the first axis.
        y: The range parameter along the second axis.
        metric: The metric; the objective's by default.
        slice_values: Values of other parameters; by default those of the best observation's canonical representative.
        density: How many grid points along each axis.

    Returns:
        The figure.

    Raises:
        SymmetryError: The search space does not have the symmetry, a parameter or the metric cannot be plotted, or a
            value is not one of its parameter.
    """
    shown = domain_slice(
        experiment_or_adapter, symmetry, x, y, metric=metric, slice_values=slice_values, density=density
    )
    return draw_domain(shown, x, y, experiment_of(experiment_or_adapter, "experiment_or_adapter"))


def plot_left_out(
    experiment_or_adapter: Any, symmetry: Symmetry | Mapping[str, Any], *, metric: str | None = None
) -> go.Figure:
    """Plot predictions of left-out observations against what was observed, with the symmetry and without it.

    Bars are two standard deviations of the prediction of a measurement, its noise included. The legend has the sum of
    the log densities (of the outcomes as the models see them, standardised by Ax) and the root mean squared error.

    Cost: two fits to n observations.

    Args:
        experiment_or_adapter: An experiment with data, or a client that has one; from Ax 0.5 on also an adapter.
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric; the objective's by default.

    Returns:
        The figure.

    Raises:
        SymmetryError: The search space does not have the symmetry, or the metric is not known or has no data.
    """
    experiment, declared, chosen = _given(experiment_or_adapter, symmetry, metric)
    return draw_left_out(left_out_table(experiment, declared, chosen), chosen)


def plot_orbits(
    experiment_or_adapter: Any, symmetry: Symmetry | Mapping[str, Any], *, metric: str | None = None
) -> go.Figure:
    """Plot which trials are the same experiment in another order: the members of one orbit are joined by a line.

    Bars are two standard errors, where they are known.

    Args:
        experiment_or_adapter: An experiment with data, or a client that has one; from Ax 0.5 on also an adapter.
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric; the objective's by default.

    Returns:
        The figure.

    Raises:
        SymmetryError: The search space does not have the symmetry, or the metric is not known or has no data.
    """
    experiment, declared, chosen = _given(experiment_or_adapter, symmetry, metric)
    return draw_orbits(orbit_table(experiment, declared, chosen), chosen)


def plot_best(
    experiments: Mapping[str, Experiment | Sequence[Experiment]], *, metric: str | None = None
) -> go.Figure:
    """Plot the best observation so far, trial after trial, of several searches.

    Of a search with repeats: the median, and a band from the lower to the upper quartile, as far as all repeats go.

    Args:
        experiments: For every search its experiment, or a client that has it, or several repeats of it, such as
            `{"symmetric": ..., "plain Ax": ...}`.
        metric: The metric; the objective's by default. Less of it is better if the objective, or its
            `lower_is_better`, says so.

    Returns:
        The figure.

    Raises:
        SymmetryError: There are no experiments, they do not agree on the metric, or one has no data of it.
    """
    table = best_table(experiments, metric)
    name = table.attrs["metric"]
    figure, last = _figure("", "trials", f"best {name} observed so far"), {}
    for (search, runs), color in zip(table.groupby("search", sort=False), _cycle(table["search"].nunique())):
        steps = runs.pivot(index="trial", columns="repeat", values="best").dropna()
        low, middle, high = np.quantile(steps.to_numpy(), [0.25, 0.5, 0.75], axis=1)
        repeats, last[search] = steps.shape[1], dict(zip(steps.index, middle))
        if repeats > 1:
            band = dict(x=steps.index, mode="lines", line={"width": 0, "shape": "hv"}, legendgroup=search)
            figure.add_scatter(y=low, showlegend=False, hoverinfo="skip", **band)
            figure.add_scatter(
                y=high, fill="tonexty", fillcolor=_faded(color), showlegend=False, hoverinfo="skip", **band)
        figure.add_scatter(
            x=steps.index, y=middle, mode="lines", line={"color": color, "shape": "hv"}, legendgroup=search,
            name=search if repeats == 1 else f"{search}: median and quartiles of {repeats}",
            hovertemplate=f"{search}<br>after %{{x}} trials: %{{y:.4g}}<extra></extra>",
        )
    n = min(max(steps) for steps in last.values())
    said = ", ".join(f"{steps[n]:.3g} {search}" for search, steps in last.items())
    return _titled(figure, f"Best {name} after {n} trials: {said}")


def draw_domain(shown: Slice, x: str, y: str, experiment: Experiment) -> go.Figure:
    """Draw a slice through the fundamental domain."""
    figure = _figure(
        f"{shown.metric} over {x} and {y}: candidates lie in the bright part", x, y,
        "where " * bool(shown.fixed) + ", ".join(f"{n}\u00a0=\u00a0{_short(v)}" for n, v in shown.fixed.items()))
    across, up = (shown.surface[name].unique() for name in (x, y))
    mean, sd, outside = (shown.surface[c].to_numpy().reshape(len(up), -1) for c in ("mean", "sd", "outside"))
    figure.add_contour(
        x=across, y=up, z=mean, customdata=sd, colorscale=SURFACE, line={"width": 0.5},
        colorbar={"title": {"text": shown.metric, "side": "right"}, "thickness": 14},
        hovertemplate=f"{x} = %{{x:.4g}}<br>{y} = %{{y:.4g}}<br>predicted {shown.metric}: %{{z:.4g}} "
        "± %{customdata:.2g}<extra></extra>",
    )
    figure.add_contour(
        x=across, y=up, z=outside, contours={"type": "constraint", "operation": "<=", "value": 0}, hoverinfo="skip",
        fillcolor="rgba(90,90,90,0.35)", line={"color": "black", "width": 2, "smoothing": 0},
        showscale=False, showlegend=True,
        name="not canonical: outside of the fundamental domain",
    )
    share = min(1.0, (FEW / max(1, (~shown.points["image"]).sum())) ** 0.5)  # of the full size of points
    for is_image, name in ((False, "observations"), (True, "their images: the same experiments")):
        rows = shown.points[shown.points["image"] == is_image]
        many = is_image and len(rows) > 5 * FEW
        figure.add_scatter(
            x=rows[x], y=rows[y], mode="markers", name=name + " (click to see)" * many,
            visible="legendonly" if many else True, customdata=rows[["arm_name", "mean"]],
            marker={"color": COLORS[1], "size": 7 * share, "line": {"width": 1.2 * share}, "symbol": "circle-open"}
            if is_image else {"color": COLORS[1], "size": 9 * share, "line": {"width": share, "color": "white"}},
            hovertemplate=("image of " if is_image else "") + f"arm %{{customdata[0]}}<br>{x} = %{{x:.4g}}<br>"
            f"{y} = %{{y:.4g}}<br>observed {shown.metric}: %{{customdata[1]:.4g}}<extra></extra>",
        )
    for name, update in ((x, figure.update_xaxes), (y, figure.update_yaxes)):
        p: Any = experiment.search_space.parameters[name]
        ends = [float(p.lower), float(p.upper)]
        update(type="log", range=np.log10(ends), exponentformat="power") if p.log_scale else update(range=ends)
    return figure


def draw_left_out(table: pd.DataFrame, metric: str) -> go.Figure:
    """Draw what `tables.left_out_table` lists."""
    figure, errors = _figure("", f"observed {metric}", f"predicted {metric}"), {}
    ends = [table["observed"].min(), table["observed"].max()]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": GRAY, "dash": "dash"}, name="predicted as observed",
                       hoverinfo="skip")
    for model, color, symbol in ((WITHOUT, COLORS[1], "diamond"), (WITH, COLORS[0], "circle")):
        rows = table[table["model"] == model]
        error = errors[model] = np.sqrt(((rows["observed"] - rows["predicted"]) ** 2).mean())
        figure.add_scatter(
            x=rows["observed"], y=rows["predicted"], mode="markers",
            marker={"color": color, "symbol": symbol, "size": 7},
            error_y={"array": 2 * rows["sd"], "color": _faded(color, 0.4), "thickness": 1.2, "width": 0},
            customdata=rows[["arm_name", "sd"]],
            name=f"{model}: log density {rows['log_density'].sum():+.1f}, RMSE {error:.3g}",
            hovertemplate="arm %{customdata[0]}<br>observed: %{x:.4g}<br>predicted: %{y:.4g} ± %{customdata[1]:.2g}"
            f"<extra>{model}</extra>",
        )
    times = errors[WITH] / errors[WITHOUT] if errors[WITHOUT] else 1.0
    return _titled(
        figure, f"{metric}: with the symmetry, predictions err {times:.2f} times as much",
        "each observation predicted from all others; bars: two SDs, noise included; log densities are summed")


def draw_orbits(table: pd.DataFrame, metric: str) -> go.Figure:
    """Draw what `tables.orbit_table` lists."""
    sizes = table.groupby("orbit")["arm_name"].transform("size")
    seen = int((table.groupby("orbit").size() > 1).sum())
    times = f"{seen or 'no'} experiment{'s' * (seen > 1)} {'were' if seen > 1 else 'was'} measured more than once"
    figure = _figure(f"{metric}: {times}", "trial", metric,
                     f"{len(table)} observations of {table['orbit'].nunique()} different experiments")
    alone = table[sizes == 1]
    figure.add_scatter(**_marks(alone, metric, GRAY), mode="markers", name="seen once", text=["seen once"] * len(alone))
    groups = list(table[sizes > 1].groupby("orbit", sort=False))
    for k, ((_, rows), color) in enumerate(zip(groups, _cycle(len(groups)))):
        trials = ", ".join(map(str, rows["trial_index"]))
        figure.add_scatter(
            **_marks(rows, metric, color), mode="lines+markers", line={"color": color, "width": 1.5},
            text=[f"the same experiment: trials {trials}"] * len(rows),
            legendgroup="several", showlegend=k == 0, name=f"seen several times, joined: {seen}",
        )
    return figure


def _given(
    experiment_or_adapter: Any, symmetry: Symmetry | Mapping[str, Any], metric: str | None
) -> tuple[Experiment, Symmetry, str]:
    experiment = experiment_of(experiment_or_adapter, "experiment_or_adapter")
    declared = Symmetry.of(symmetry)
    return experiment, declared, choose_metric(experiment, metric)


def _marks(rows: pd.DataFrame, metric: str, color: str) -> dict[str, Any]:
    """Place observations by trial, with two standard errors."""
    return {
        "x": rows["trial_index"], "y": rows["mean"], "marker": {"color": color, "size": 8},
        "error_y": {"array": 2 * rows["sem"].fillna(0.0), "color": _faded(color, 0.6), "thickness": 1.2, "width": 0},
        "customdata": rows[["arm_name"]],
        "hovertemplate": f"trial %{{x}}, arm %{{customdata[0]}}<br>{metric}: %{{y:.4g}}<br>%{{text}}<extra></extra>",
    }


def _figure(title: str, x: str, y: str, note: str = "") -> go.Figure:
    """Start a figure with names; readable from a phone's width on, the legend below."""
    return _titled(go.Figure(layout={
        "template": "plotly_white",
        "showlegend": True,
        "xaxis": {"title": {"text": x}, "automargin": True},
        "yaxis": {"title": {"text": y}, "automargin": True},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        "margin": {"l": 20, "r": 20, "b": 20},
    }), title, note)


def _titled(figure: go.Figure, title: str, note: str = "") -> go.Figure:
    """Give a figure its title, which says what it shows, and a smaller note below."""
    lines = [*wrap(title, 42), *(f"<sub>{line}</sub>" for line in wrap(note, 58, max_lines=3, placeholder=" ..."))]
    return figure.update_layout(margin_t=24 + 21 * len(lines), title={
        "text": "<br>".join(lines), "font": {"size": 16}, "x": 0.02, "y": 1, "yref": "paper", "yanchor": "bottom",
        "pad": {"b": 21 * len(lines) - 6},  # plotly puts the first line there
    })


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cycle(n: int) -> list[str]:
    """Name n colours, the palette again and again."""
    return [COLORS[i % len(COLORS)] for i in range(n)]


def _faded(color: str, opacity: float = 0.2) -> str:
    """Make a colour transparent."""
    return f"rgba({','.join(str(int(color[i:i + 2], 16)) for i in (1, 3, 5))},{opacity})"
