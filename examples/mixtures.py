"""What the two mixture examples share: a stand-in for an experiment, and a CSV of mixtures that it has measured."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Mapping
from pathlib import Path

COMPONENTS = (1, 2, 3)
SEM = 0.005  # standard error of a measurement


def measure(mixture: Mapping[str, float]) -> float:
    """Return the packing fraction of a mixture, without noise.

    The logarithms of all particle sizes should have a standard deviation of 1.5 and a skewness of -0.5: much of a
    coarse component, and a little of finer ones to fill its voids. The best packing fraction is 0.84.
    """
    fractions = [mixture["frac_1"], mixture["frac_2"], max(0.0, 1.0 - mixture["frac_1"] - mixture["frac_2"])]
    sizes = [math.log(mixture[f"mu_{k}"]) for k in COMPONENTS]
    widths = [math.log1p((mixture[f"std_{k}"] / mixture[f"mu_{k}"]) ** 2) for k in COMPONENTS]  # variances, log scale
    mean = sum(f * size for f, size in zip(fractions, sizes))
    off = [size - mean for size in sizes]
    sd = math.sqrt(sum(f * (width + d**2) for f, width, d in zip(fractions, widths, off)))
    skewness = sum(f * (d**3 + 3 * d * width) for f, width, d in zip(fractions, widths, off)) / sd**3
    return 0.60 + 0.24 * math.exp(-2 * (sd - 1.5) ** 2 - (skewness + 0.5) ** 2)


def write_csv(folder: str, rows: int = 200) -> Path:
    """Write mixtures, their components in any order, with packing fractions and standard errors; return the path."""
    path = Path(folder) / "measured.csv"
    rng = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"{slot}_{k}" for k in COMPONENTS for slot in ("mu", "std", "frac")), "packing", "sem"])
        for _ in range(rows):
            low, high = sorted((rng.random(), rng.random()))
            mixture = {"frac_1": low, "frac_2": high - low, "frac_3": 1.0 - high}
            for k in COMPONENTS:
                mixture[f"mu_{k}"] = math.exp(rng.uniform(math.log(1.0), math.log(100.0)))
                mixture[f"std_{k}"] = math.exp(rng.uniform(math.log(0.1), math.log(20.0)))
            values = [mixture[f"{slot}_{k}"] for k in COMPONENTS for slot in ("mu", "std", "frac")]
            writer.writerow([*values, measure(mixture) + rng.gauss(0.0, SEM), SEM])
    return path
