"""An analysis of Ax that shows one figure. The same on every Ax."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pandas as pd
from ax.analysis.analysis import Analysis, AnalysisCard
from ax.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from ax.core.experiment import Experiment
from plotly import graph_objects as go
from plotly import io

from ax_symmetry._ax.given import experiment_of

LOW, INSIGHT = 10, 2  # Ax's level of its own figures, and their category, where cards have these


class FigureAnalysis(Analysis):
    """An analysis that shows one figure: what differs between Ax's versions is the card around it."""

    def show(self, experiment: Experiment, adapter: Any) -> tuple[str, pd.DataFrame, go.Figure]:
        """Return a sentence that explains the figure, the numbers behind it, and the figure.

        Args:
            experiment: The experiment.
            adapter: The adapter (model bridge), if Ax or the caller hands one over, else None.
        """
        raise NotImplementedError

    def compute(
        self, experiment: Experiment | None = None, generation_strategy: Any = None, adapter: Any = None
    ) -> Any:
        """Make the card; Ax calls this.

        Returns:
            The card; on Ax 1.0 a list of it.

        Raises:
            ValueError: There is no experiment, or one without data.
        """
        experiment = experiment if experiment is None else experiment_of(experiment)
        missing = self.validate_applicable_state(experiment, generation_strategy, adapter)
        if experiment is None or missing is not None:
            raise ValueError(missing)
        subtitle, table, figure = self.show(experiment, adapter)
        wanted = signature(AnalysisCard.__init__).parameters
        every = {
            "name": type(self).__name__,
            "title": figure.layout.title.text.partition("<br><sub>")[0].replace("<br>", " "),
            "subtitle": subtitle,
            "df": table,
            "blob": io.to_json(figure),
            "level": LOW,
            "category": INSIGHT,
            "attributes": dict(vars(self)),
        }
        card = PlotlyAnalysisCard(**{key: value for key, value in every.items() if key in wanted})
        return [card] if "category" in wanted else card  # of Ax 1.0 alone

    def validate_applicable_state(
        self, experiment: Experiment | None = None, generation_strategy: Any = None, adapter: Any = None
    ) -> str | None:
        """Tell why there is nothing to show yet, None if there is; newer Ax asks before it computes."""
        if experiment is None or experiment.lookup_data().df.empty:
            return f"{type(self).__name__} needs an experiment with data."
        return None
