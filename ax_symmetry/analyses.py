"""The figures of `plotting` as Ax's own analyses, for `Client.compute_analyses`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from ax.core.experiment import Experiment
from plotly import graph_objects as go

from ax_symmetry._ax.analysis_cards import FigureAnalysis
from ax_symmetry.diagnostics.observations import choose_metric
from ax_symmetry.options import plain
from ax_symmetry.plotting.domain_slice import domain_slice
from ax_symmetry.plotting.figures import draw_domain, draw_left_out, draw_orbits
from ax_symmetry.plotting.tables import left_out_table, orbit_table
from ax_symmetry.symmetry.symmetry import Symmetry


class DomainPlot(FigureAnalysis):
    """The predicted surface over two parameters, the fundamental domain, observations and images: `plot_domain`.

    Without an adapter, a model is fitted with `get_botorch`, which knows the symmetry, also while the experiment's own
    strategy has none yet.

    Args:
        symmetry: A symmetry, or its dict with options of the transforms.
        x: The range parameter along the first axis.
        y: The range parameter along the second axis.
        metric: The metric; the objective's by default.
        slice_values: Values of other parameters; by default those of the best observation's canonical representative.
        density: How many grid points along each axis.

    Raises:
        SymmetryError: The symmetry cannot be.

    Example:
        >>> DomainPlot({"blocks": [["a"], ["b"]]}, "a", "b").symmetry
        {'blocks': [['a'], ['b']]}
    """

    def __init__(
        self,
        symmetry: Symmetry | Mapping[str, Any],
        x: str,
        y: str,
        *,
        metric: str | None = None,
        slice_values: Mapping[str, Any] | None = None,
        density: int = 51,
    ) -> None:
        self.symmetry, self.x, self.y = _plain(symmetry), x, y
        self.metric, self.slice_values, self.density = metric, slice_values, density

    def show(self, experiment: Experiment, adapter: Any) -> tuple[str, pd.DataFrame, go.Figure]:
        """Predict the surface and draw it."""
        shown = domain_slice(
            experiment if adapter is None else adapter, self.symmetry, self.x, self.y, metric=self.metric,
            slice_values=self.slice_values, density=self.density,
        )
        text = (
            "The model's prediction over two parameters, the others held fixed. Every experiment has one order of its "
            "blocks in the bright part, the fundamental domain, where candidates lie; the shaded part repeats it. "
            "Hollow points are the same experiments as the filled ones, in other orders."
        )
        return text, shown.surface, draw_domain(shown, self.x, self.y, experiment)


class _MetricPlot(FigureAnalysis):
    """A figure of a metric under a symmetry; a subclass names the table behind it, how it is drawn, and what it says.

    Args:
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric; the objective's by default.

    Raises:
        SymmetryError: The symmetry cannot be.
    """

    table: Callable[[Experiment, Symmetry, str], pd.DataFrame]
    draw: Callable[[pd.DataFrame, str], go.Figure]
    text: str

    def __init__(self, symmetry: Symmetry | Mapping[str, Any], *, metric: str | None = None) -> None:
        self.symmetry, self.metric = _plain(symmetry), metric

    def show(self, experiment: Experiment, adapter: Any) -> tuple[str, pd.DataFrame, go.Figure]:
        """Make the table and draw it."""
        chosen, kind = choose_metric(experiment, self.metric), type(self)
        table = kind.table(experiment, Symmetry.from_config(self.symmetry), chosen)
        return self.text, table, kind.draw(table, chosen)


class LeftOutPlot(_MetricPlot):
    """Predictions of left-out observations, with the symmetry and without it: `plot_left_out`.

    Args:
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric; the objective's by default.

    Raises:
        SymmetryError: The symmetry cannot be.
    """

    table, draw = staticmethod(left_out_table), staticmethod(draw_left_out)
    text = (
        "Each observation, predicted from all others by a model that knows the symmetry and by one that does not. The "
        "nearer to the line the better; the higher sum of log densities is the better account of the data."
    )


class OrbitPlot(_MetricPlot):
    """Which trials are the same experiment in another order: `plot_orbits`.

    Args:
        symmetry: A symmetry, or its dict; its options are left aside.
        metric: The metric; the objective's by default.

    Raises:
        SymmetryError: The symmetry cannot be.
    """

    table, draw = staticmethod(orbit_table), staticmethod(draw_orbits)
    text = (
        "Trials that are one experiment, its blocks in the same or in another order, are joined by a line. If the "
        "symmetry holds, only noise sets them apart."
    )


def _plain(symmetry: Symmetry | Mapping[str, Any]) -> dict[str, Any]:
    """Check a symmetry, and write it as a plain dict, which Ax can store with a card."""
    if isinstance(symmetry, Symmetry):
        return symmetry.to_config()
    Symmetry.from_config(symmetry)
    return dict(plain(symmetry))
