"""
Orbit and fundamental domain
============================

The images of a point are all that the group makes of it: its orbit. The fundamental domain (shaded) holds one point of
every orbit, the canonical one, and that is where candidates come from.

Two parameters that trade places: the group mirrors the plane at the diagonal. A point on it is its own image.

Three fractions that sum to 1 lie in a triangle, which the group of their six orders turns and mirrors: the domain is a
sixth of it. An orbit has six points, three where two fractions are equal, and one in the middle.
"""

import numpy as np
import plotly.graph_objects as go

from ax_symmetry import Symmetry

DOMAIN, IMAGE, CANONICAL = "rgba(43, 108, 176, 0.15)", "#7a869a", "#d1495b"


def draw_orbits(fig, orbits, canonical, place):
    """Draw orbits, each image joined to the canonical one; place gives a point's coordinates."""
    for orbit, first in zip(orbits, canonical):
        for image in orbit:
            x, y = zip(place(first), place(image))
            fig.add_scatter(x=x, y=y, mode="lines", line={"color": IMAGE, "width": 1, "dash": "dot"}, hoverinfo="skip",
                            showlegend=False)
    for points, name, color in ((sum(orbits, []), "images", IMAGE), (canonical, "canonical", CANONICAL)):
        x, y = zip(*map(place, points))
        text = ["(" + ", ".join(f"{value:.2f}" for value in point.values()) + ")" for point in points]
        fig.add_scatter(x=x, y=y, mode="markers", marker={"color": color, "size": 10}, name=name, text=text,
                        hovertemplate="%{text}")
    fig.update_layout(template="plotly_white", height=420, margin={"l": 50, "r": 10, "t": 70, "b": 50},
                      legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"})
    fig.update_yaxes(scaleanchor="x")


swap = Symmetry.permutation([["a"], ["b"]])
points = [{"a": 0.9, "b": 0.3}, {"a": 0.15, "b": 0.55}, {"a": 0.7, "b": 0.7}]

fig = go.Figure(go.Scatter(x=[0, 1, 0, 0], y=[0, 1, 1, 0], fill="toself", fillcolor=DOMAIN, mode="none",
                           name="fundamental domain, a ≤ b"))
draw_orbits(fig, [swap.orbit(p) for p in points], [swap.canonical(p) for p in points], lambda p: (p["a"], p["b"]))
fig.update_layout(xaxis={"title": "a", "range": [0, 1], "constrain": "domain"},
                  yaxis={"title": "b", "range": [0, 1], "constrain": "domain"})
fig.show()

mix = Symmetry.permutation([["a"], ["b"], ["c"]])
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])


def place(p):
    """Return where three fractions lie in the triangle."""
    return tuple(np.array([p["a"], p["b"], p["c"]]) @ CORNERS)


points = [{"a": 0.62, "b": 0.1, "c": 0.28}, {"a": 0.45, "b": 0.1, "c": 0.45}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}]
walls = [{"a": 0, "b": 0, "c": 1}, {"a": 0, "b": 0.5, "c": 0.5}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}]

fig = go.Figure()
for names, mode, label in ((walls, "none", "fundamental domain, a ≤ b ≤ c"), (None, "lines", "")):
    x, y = zip(*(map(place, names) if names else CORNERS))
    fig.add_scatter(x=[*x, x[0]], y=[*y, y[0]], fill="toself" if names else "none", fillcolor=DOMAIN, mode=mode,
                    name=label, showlegend=bool(names), line={"color": "#4a5568"}, hoverinfo="skip")
draw_orbits(fig, [mix.orbit(p) for p in points], [mix.canonical(p) for p in points], place)
for (x, y), name, where in zip(CORNERS, "abc", ("bottom center", "bottom center", "top center")):
    fig.add_scatter(x=[x], y=[y], mode="text", text=[f"all {name}"], textposition=where, showlegend=False)
fig.update_xaxes(visible=False, range=[-0.1, 1.1])
fig.update_yaxes(visible=False, range=[-0.12, 1.0])
fig.show()

for p in points:
    print(", ".join(f"{name} {value:.2f}" for name, value in p.items()), "- points on its orbit:", len(mix.orbit(p)))
