"""
A model that knows that ratios alone matter
===========================================

Sixteen measurements (white) of a function of the ratio of two sizes. Ax alone knows something near each of them; with
`"scale": ["a", "b"]` each of them speaks for a whole line of equal experiments.
"""

import numpy as np
from ax.core import Arm, Experiment, Metric, Objective, OptimizationConfig, ParameterType, RangeParameter, SearchSpace
from ax.core.observation import ObservationFeatures
from plotly.subplots import make_subplots

from ax_symmetry import get_botorch

NAMES, LOW, HIGH = ("a", "b"), 1.0, 100.0


def value(a, b):
    """Return the outcome, which depends on the ratio alone."""
    return np.sin(1.5 * np.log(a / b)) + 0.15 * np.log(a / b)


space = SearchSpace([RangeParameter(name, ParameterType.FLOAT, LOW, HIGH, log_scale=True) for name in NAMES])
objective = Objective(metric=Metric(name="y"), minimize=False)
experiment = Experiment(name="ratios", search_space=space, optimization_config=OptimizationConfig(objective=objective))
measured = np.exp(np.random.default_rng(3).uniform(np.log(LOW), np.log(HIGH), size=(16, 2)))
for a, b in measured.tolist():
    trial = experiment.new_trial().add_arm(Arm(parameters={"a": a, "b": b}))
    trial.mark_running(no_runner_required=True)
    trial.update_trial_data({"y": (float(value(a, b)), 0.01)})
    trial.mark_completed()

ticks = np.geomspace(LOW, HIGH, 31)
grid = [(a, b) for b in ticks for a in ticks]
truth = np.array([value(*point) for point in grid])
maps = {"the truth": truth}
for label, known in (("Ax alone", {}), ("with the scale declared", {"symmetry": {"scale": list(NAMES)}})):
    model = get_botorch(experiment, experiment.lookup_data(), **known)
    maps[label] = np.array(model.predict([ObservationFeatures(dict(zip(NAMES, p))) for p in grid])[0]["y"])
    error = np.sqrt(np.mean((maps[label] - truth) ** 2))
    print(f"{label}: root mean squared error {error:.2f}, where the function has the SD {truth.std():.2f}")

fig = make_subplots(rows=1, cols=3, subplot_titles=list(maps), shared_yaxes=True, horizontal_spacing=0.03)
for column, z in enumerate(maps.values(), 1):
    fig.add_heatmap(x=ticks, y=ticks, z=z.reshape(31, 31), zmin=truth.min(), zmax=truth.max(), colorscale="Viridis",
                    showscale=column == 3, row=1, col=column)
    fig.add_scatter(x=measured[:, 0], y=measured[:, 1], mode="markers", showlegend=False, row=1, col=column,
                    marker={"color": "white", "size": 7, "line": {"color": "#2e3440", "width": 1}})
fig.update_xaxes(type="log", title="size a", tickvals=[1, 10, 100])
fig.update_yaxes(type="log", tickvals=[1, 10, 100])
fig.update_yaxes(title="size b", row=1, col=1)
fig.update_layout(title="Told that ratios alone matter, a model learns a whole line from each measurement", height=420,
                  template="plotly_white", margin={"l": 60, "r": 10, "t": 90, "b": 50})
fig.show()
