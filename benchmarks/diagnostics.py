"""How often `check_symmetry` is right: experiments on functions that have a symmetry, nearly have it, or have it not.

    python benchmarks/diagnostics.py --out diagnostics.csv --jobs 2  # resumes where it stopped; a quarter of an hour
    python benchmarks/diagnostics.py --out diagnostics.csv --report  # the table of what is there
    python benchmarks/diagnostics.py --out continuous.csv --continuous --jobs 2  # the same for symmetries without end

Functions are drawn from a Gaussian process (1,000 random features; an RBF kernel, lengthscale 0.5 of the range):
averaged over the group (of ratios, differences and angles: drawn as functions of these), as they are, or 90 % of the
variance of the former with 10 % of the latter. Noise: 5 % of the function's SD, known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ax.core import ParameterType, RangeParameter, SearchSpace
from experiments import new_experiment, new_parser, observe, run_cases

from ax_symmetry import Symmetry
from ax_symmetry.diagnostics import check_symmetry
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.symmetry.shift import Shift

SYMMETRIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "three trade places, one stands by": ("abcz", {"blocks": [["a"], ["b"], ["c"]]}),
    "two pairs": ("abcd", {"blocks": [["a", "b"], ["c", "d"]]}),
    "a mirror": ("abc", {"mirror": {"a": 0.5}}),
}
CONTINUOUS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ratios matter": ("abc", {"scale": ["a", "b"]}),
    "ratios matter, and two trade places": ("abcd", {"blocks": [["a"], ["b"]], "scale": ["a", "b", "c"]}),
    "differences matter": ("abc", {"shift": ["a", "b", "c"]}),
    "angles modulo 90 degrees matter": ("ab", {"period": {"a": 0.25}}),
    "points may be turned": ("abc", {"rotate": {"pairs": [["a", "b"]], "center": [0.5, 0.5]}}),
}
ASYMMETRY = {"symmetric": 0.0, "nearly symmetric": 0.1, "asymmetric": 1.0}
CONTINUOUSLY = ", without end"
SEM = 0.05


def drawn(
    rng: np.random.Generator, symmetry: Symmetry, names: str, asymmetry: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Draw a function of rows with variance 1, of which a share is not invariant."""
    waves, phases = rng.normal(size=(1000, len(names))) / 0.5, rng.uniform(0, 2 * np.pi, 1000)
    weights = rng.normal(size=(2, 1000)) * np.sqrt(2 / 1000)
    images = quotient(symmetry, names) if symmetry.order == np.inf else action_on_features(symmetry, list(names))
    probe = rng.random((2000, len(names)))

    def plain(x: np.ndarray, which: int) -> np.ndarray:
        return np.cos(x @ waves.T + phases) @ weights[which]

    def averaged(x: np.ndarray) -> np.ndarray:
        found = images(torch.from_numpy(x))
        wide = np.hstack([waves, waves[::-1, :max(0, found.shape[-1] - len(names))]])  # of sines beside cosines
        return sum(np.cos(image.numpy() @ wide.T + phases) @ weights[0] for image in found.unbind(-2)) / found.shape[-2]

    scales = averaged(probe).std(), plain(probe, 1).std()
    return lambda x: np.sqrt(1 - asymmetry) * averaged(x) / scales[0] + np.sqrt(asymmetry) * plain(x, 1) / scales[1]


def quotient(symmetry: Symmetry, names: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the map of rows of the unit cube to what the symmetry leaves: images `n x F x D`, to be averaged."""
    logs = [part for part in symmetry.parts if part.KEYS[0] == "scale"]
    linear = Symmetry((*(p for p in symmetry.parts if p not in logs), *(Shift(p.weights) for p in logs)))
    action = action_on_features(linear, list(names))
    angles = torch.arange(32) * (2 * torch.pi / 32)

    def images(x: torch.Tensor) -> torch.Tensor:
        turned = [x] if action.rotations is None else action.rotations(x, angles).split(len(x))
        rows = torch.stack([action.kernel_rows(row) for row in turned], dim=-2)
        finite = action.for_kernel()
        return torch.cat([finite(rows[..., k, :]) for k in range(rows.shape[-2])], dim=-2)

    return images


def run(kind: str, n: int, seed: int) -> tuple[str, str, str]:
    """Simulate an experiment; return the verdict, the share e and the probability."""
    every = CONTINUOUS if kind.endswith(CONTINUOUSLY) else SYMMETRIES
    names, config = list(every.values())[seed % len(every)]
    rng, symmetry = np.random.default_rng(seed), Symmetry.from_config(config)
    function = drawn(rng, symmetry, names, ASYMMETRY[kind.removesuffix(CONTINUOUSLY)])
    logs = {name for part in symmetry.parts if part.KEYS[0] == "scale" for name in part.parameters}
    ranges = [RangeParameter(p, ParameterType.FLOAT, *((0.1, 10.0) if p in logs else (0.0, 1.0)), log_scale=p in logs)
              for p in names]
    experiment = new_experiment(SearchSpace(ranges))
    x = rng.random((n, len(names)))
    for row, value in zip(x.tolist(), function(x) + SEM * rng.normal(size=n)):
        point = {p: 10 ** (2 * v - 1) if p in logs else v for p, v in zip(names, row)}
        observe(experiment, point, float(value), SEM)
    torch.manual_seed(seed)
    report = check_symmetry(experiment, symmetry)
    return report.verdict, f"{report.asymmetry:.4g}", f"{report.p:.4g}"


def main() -> None:
    parser = new_parser(__doc__, Path("diagnostics.csv"), seeds=200)
    parser.add_argument("--continuous", action="store_true", help="ratios, differences, angles")
    args = parser.parse_args()
    kinds = [kind + CONTINUOUSLY * args.continuous for kind in ASYMMETRY]
    cases = [(kind, n, seed) for seed in range(args.seeds) for kind in kinds for n in (20, 60)]
    if not args.report:
        run_cases(run, cases, args.out, ("kind", "n", "seed", "verdict", "asymmetry", "p"), args.jobs)
    table = pd.read_csv(args.out)
    print(f"{'function':31}{'n':>4}{'experiments':>13}{'supported':>11}{'undecided':>11}{'contradicted':>14}"
          f"{'e: median (25 % - 75 %)':>32}")
    for (kind, n), rows in table.groupby(["kind", "n"], sort=False):
        shares = [f"{(rows.verdict == verdict).mean():.1%}" for verdict in ("supported", "undecided", "contradicted")]
        low, middle, high = rows.asymmetry.quantile([0.25, 0.5, 0.75])
        print(f"{kind:31}{n:>4}{len(rows):>13}{shares[0]:>11}{shares[1]:>11}{shares[2]:>14}"
              f"{f'{middle:.3f} ({low:.3f} - {high:.3f})':>32}")


if __name__ == "__main__":
    main()
