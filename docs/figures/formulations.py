"""
What a model of formulations learns
===================================

Three simulated formulations of six slots, each with one of six materials and an amount, or empty. The models have seen
60 of them and predict 300 others; an error of 1 is that of the mean. Medians of ten repeats, and the middle half. From
the runs of ``benchmarks/formulations.py``.

Ax alone learns next to nothing: 720 orders of one formulation are as many points to it. What it helps to say, step by
step: the slots are interchangeable; some are empty; and nothing but the blend counts.
"""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

here = Path(__file__).resolve()
runs = pd.read_csv(here.parents[2] / "benchmarks" / "results" / "formulations-1.3.1.csv")
runs = runs[runs.task == "predict"]
labels = {
    "plain": ("Ax alone", "#4c566a"),
    "6 images, not told of empty slots": ("six images of each", "#a0a8b8"),
    "kernel, not told of empty slots": ("slots are alike", "#edae49"),
    "kernel": ("and some are empty", "#d1495b"),
    "mixture": ("and the blend counts", "#00798c"),
}

fig = go.Figure()
for method, (label, color) in labels.items():
    table = runs[runs.method == method].groupby("problem").result.quantile([0.25, 0.5, 0.75]).unstack()
    low, middle, high = table.to_numpy().T
    spread = {"array": high - middle, "arrayminus": middle - low, "thickness": 1, "width": 3}
    fig.add_bar(x=table.index, y=middle, error_y=spread, name=label, marker_color=color)
fig.update_yaxes(title="error on unseen formulations, in SDs", rangemode="tozero")
fig.update_layout(title="What it helps to say of a formulation", template="plotly_white", height=520,
                  legend={"orientation": "h", "y": -0.12})
fig.show()
