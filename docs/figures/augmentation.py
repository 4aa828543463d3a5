"""
What the model learns from images
=================================

One function of two parameters that trade places, the same ten observations, and two models: Ax's own, and the one that
knows the symmetry. Every observation (filled) teaches the second one about its image (open) as well.

Ax alone has to learn the second peak on its own; with the symmetry it comes from the observations of the first. The
second row, the standard deviation, tells where either model would look next.
"""

import numpy as np
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from ax.core.observation import ObservationFeatures
from plotly.subplots import make_subplots

from ax_symmetry import Symmetry, get_botorch

symmetry = {"blocks": [["a"], ["b"]]}


def truth(a, b):
    return np.exp(-12 * ((a - 0.25) ** 2 + (b - 0.7) ** 2)) + np.exp(-12 * ((b - 0.25) ** 2 + (a - 0.7) ** 2))


client = Client(random_seed=0)
client.configure_experiment([
    RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0)) for name in "ab"
])
client.configure_optimization(objective="y")
observed = [{"a": a, "b": b} for a, b in np.random.default_rng(3).uniform(size=(10, 2)).tolist()]
for p in observed:
    client.complete_trial(client.attach_trial(p), raw_data={"y": (truth(p["a"], p["b"]), 0.01)})

data = client._experiment.lookup_data()
plain = get_botorch(client, data)
symmetric = get_botorch(client, data, symmetry=symmetry, method="augmentation")

grid = np.linspace(0, 1, 33)
places = [ObservationFeatures({"a": a, "b": b}) for b in grid.tolist() for a in grid.tolist()]
images = [image for p in observed for image in Symmetry.from_config(symmetry).orbit(p)[1:]]

fig = make_subplots(2, 2, shared_xaxes=True, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.08,
                    subplot_titles=[f"{what}, {who}" for what in ("mean", "SD") for who in ("Ax alone", "symmetric")])
for column, model in ((1, plain), (2, symmetric)):
    mean, covariance = model.predict(places)
    sd = np.sqrt(covariance["y"]["y"])
    for row, values, top, scale in ((1, mean["y"], 1.05, "Viridis"), (2, sd, 0.4, "Magma")):
        fig.add_contour(x=grid, y=grid, z=np.reshape(values, (33, 33)), colorscale=scale, row=row, col=column,
                        contours={"start": 0, "end": top, "size": top / 15}, line_width=0, showscale=False,
                        hovertemplate="a %{x:.2f}, b %{y:.2f}: %{z:.2f}<extra></extra>")
        for some, symbol, name in ((observed, "circle", "observed"), (images, "circle-open", "image"))[:column]:
            fig.add_scatter(x=[p["a"] for p in some], y=[p["b"] for p in some], mode="markers", row=row, col=column,
                            marker={"color": "white", "symbol": symbol, "size": 7}, name=name, showlegend=False)
fig.update_layout(template="plotly_white", height=620, margin={"l": 40, "r": 10, "t": 40, "b": 40})
fig.update_xaxes(title="a", row=2)
fig.update_yaxes(title="b", col=1)
fig.show()

actual = truth(*np.array([[f.parameters["a"], f.parameters["b"]] for f in places]).T)
for name, model in (("Ax alone", plain), ("with the symmetry", symmetric)):
    print(f"error of the mean, {name}: {np.sqrt(np.mean((np.array(model.predict(places)[0]['y']) - actual) ** 2)):.3f}")
