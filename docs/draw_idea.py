"""Draw the picture of the README: what counts as one experiment, and how much better a model predicts that knows it.

    python docs/draw_idea.py     # writes docs/_static/idea.svg

The right half is drawn from the runs of the benchmark, `benchmarks/results/predictions-1.3.1.csv`: the problem "packing
of 3", the explained variance of 300 unseen mixtures, median and range of five seeds.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
RUNS = HERE.parent / "benchmarks" / "results" / "predictions-1.3.1.csv"
PICTURE = HERE / "_static" / "idea.svg"

PROBLEM = "packing of 3"
WAYS = {"plain": ("Ax alone", "#4c566a"), "kernel": ("with the symmetry", "#00798c")}
COMPONENTS = {"A": ("#d1495b", 0.5), "B": ("#b97a14", 0.3), "C": ("#3f7d5c", 0.2)}
"""Their colours, and their fractions."""
LOW, HIGH = -0.2, 1.0
"""Of the explained variance, as drawn."""


def text(x: float, y: float, words: str, size: int = 15, anchor: str = "start", **traits: str) -> str:
    """Write a line of text."""
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in {"fill": "#2e3440", **traits}.items())
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{more}>{words}</text>'


def line(points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> str:
    """Draw a line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def bar(x: float, y: float, width: float, height: float, order: Sequence[str], outline: str) -> list[str]:
    """Draw a mixture: its components from left to right, as wide as their fractions."""
    parts, left = [], x
    for name in order:
        colour, fraction = COMPONENTS[name]
        own = width * fraction
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{own:.1f}" height="{height}" fill="{colour}"/>')
        parts.append(text(left + own / 2, y + height / 2 + 5, name, 14, "middle", fill="#ffffff", font_weight="bold"))
        left += own
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{outline}" stroke-width="2"/>'
    return [*parts, frame]


def idea() -> list[str]:
    """Draw one measured mixture, and the six ways to write it down."""
    parts = [text(200, 32, "One mixture, six ways to write it down", 15, "middle", font_weight="bold"),
             text(200, 66, "measured once", 15, "middle")]
    parts += bar(100, 78, 200, 34, "ABC", "#2e3440")
    parts.append(line([(200, 128), (200, 166)], "#4c566a", 2))
    parts.append('<path d="M 193 164 L 207 164 L 200 176 Z" fill="#4c566a"/>')
    for place, order in enumerate(permutations("ABC")):
        x, y = 45 + 170 * (place % 2), 192 + 44 * (place // 2)
        parts += bar(x, y, 140, 28, order, "#ffffff" if place else "#2e3440")
    parts.append(text(200, 348, "the model learns all six from one measurement,", 15, "middle"))
    return [*parts, text(200, 369, "and never proposes the same one twice", 15, "middle")]


def explained() -> dict[str, dict[int, list[float]]]:
    """Read the explained variance from the benchmark's runs: by way and number of observations, one for each seed."""
    found: dict[str, dict[int, list[float]]] = {way: {} for way in WAYS}
    with RUNS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["problem"] == PROBLEM and row["method"] in found:
                found[row["method"]].setdefault(int(row["n"]), []).append(1 - float(row["error"]) ** 2)
    return found


def gain(found: Mapping[str, Mapping[int, Sequence[float]]]) -> list[str]:
    """Draw how much of the variance is explained after how many observations."""
    left, right, top, bottom = 478, 775, 88, 318

    def y(value: float) -> float:
        return bottom - (bottom - top) * (max(value, LOW) - LOW) / (HIGH - LOW)

    parts = [text(602, 32, "Predictions, packing of three components", 15, "middle", font_weight="bold"),
             text(430, 66, "explained variance of unseen mixtures (R²)", 15)]
    for tick in (0.0, 0.5, 1.0):
        parts.append(line([(left, y(tick)), (right, y(tick))], "#2e3440" if tick == 0 else "#d8dee9"))
        parts.append(text(left - 8, y(tick) + 5, f"{tick:g}", 14, "end"))
    sizes = sorted(next(iter(found.values())))
    at = {n: left + 30 + (right - left - 60) * place / (len(sizes) - 1) for place, n in enumerate(sizes)}
    parts += [text(at[n], bottom + 22, str(n), 14, "middle") for n in sizes]
    parts.append(text(625, bottom + 46, "measured mixtures", 15, "middle"))
    parts.append(text(625, bottom + 66, "median and range of five repeats", 13, "middle", fill="#4c566a"))
    for shift, (way, (name, colour)) in zip((4, -4), WAYS.items()):
        for n, values in found[way].items():
            parts.append(line([(at[n] + shift, y(min(values))), (at[n] + shift, y(max(values)))], colour, 2))
            parts.append(f'<circle cx="{at[n] + shift:.1f}" cy="{y(median(values)):.1f}" r="5" fill="{colour}"/>')
        parts.append(line([(at[n] + shift, y(median(found[way][n]))) for n in sizes], colour, 3))
        words = {"plain": (right, y(0.27)), "kernel": (left + 30, y(0.82))}[way]
        parts.append(text(*words, name, 16, "end" if way == "plain" else "start", fill=colour, font_weight="bold"))
    return parts


def picture() -> str:
    """Return the picture, on a white ground of its own."""
    head = ('<svg xmlns="http://www.w3.org/2000/svg" width="800" height="400" viewBox="0 0 800 400" '
            'font-family="Helvetica, Arial, DejaVu Sans, sans-serif">')
    ground = '<rect width="800" height="400" rx="8" fill="#ffffff"/>'
    return "\n".join([head, ground, *idea(), *gain(explained()), "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE)
