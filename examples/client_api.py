"""Hang three lamps over a table: Ax's Client
==========================================

Each lamp has a position along the table and a power: swapping whole lamps changes nothing, and neither does seeing the
table from its other side, which turns all positions round at once. Both symmetries together make 12 equal layouts. ::

    python client_api.py                          # progress, and a table of the best layouts
    python client_api.py --trials 30 --seed 1

It needs Ax 1.0 or later; service_api.py shows the same on older ones.
"""

from __future__ import annotations

import argparse
import logging
import warnings

import numpy as np
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from tqdm import tqdm

from ax_symmetry import Symmetry, choose_generation_strategy

LAMPS = (1, 2, 3)
SYMMETRY = {
    "symmetries": [
        {"blocks": [[f"x_{k}", f"power_{k}"] for k in LAMPS]},
        {"mirror": {f"x_{k}": 0.0 for k in LAMPS}},
    ]
}
BOUNDS = {name: bounds for k in LAMPS for name, bounds in ((f"x_{k}", (-1.0, 1.0)), (f"power_{k}", (0.2, 1.5)))}
TABLE = np.linspace(-1.0, 1.0, 81)  # metres from its middle
HEIGHT = 0.35  # of the lamps, metres


def unevenness(layout: dict[str, float]) -> float:
    """Return how far the light on the table is from 1 everywhere, as root mean square."""
    light = sum(
        layout[f"power_{k}"] * HEIGHT**3 / ((TABLE - layout[f"x_{k}"]) ** 2 + HEIGHT**2) ** 1.5 for k in LAMPS
    )
    return float(np.sqrt(np.mean((light - 1.0) ** 2)))


def make_client(n_initial: int, seed: int) -> Client:
    """Make a client that knows the symmetry."""
    client = Client(random_seed=seed)
    client.configure_experiment(
        name="lamps",
        parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=b) for n, b in BOUNDS.items()],
    )
    client.configure_optimization(objective="-unevenness")
    strategy = choose_generation_strategy(
        client, SYMMETRY, num_initialization_trials=n_initial, random_seed=seed
    )
    client.set_generation_strategy(strategy)
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="trials, the initial ones included")
    parser.add_argument("--initial", type=int, default=10, help="trials before the model takes over")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    client = make_client(args.initial, args.seed)
    results = []
    with tqdm(total=args.trials, unit="trial") as bar:
        while len(results) < args.trials:
            for trial, layout in client.get_next_trials(max_trials=1).items():
                uneven = unevenness(layout)
                client.complete_trial(trial, raw_data={"unevenness": (uneven, 0.0)})
                results.append((uneven, trial, layout))
                bar.update()
            bar.set_postfix(best=f"{min(results)[0]:.4f}")

    order = Symmetry.from_config(SYMMETRY).order
    print(f"\nThe best of {len(results)} layouts: position @ power; each stands for {order} equal ones\n")
    print(f"{'trial':>6}{'unevenness':>12}" + "".join(f"{f'lamp {k}':>16}" for k in LAMPS))
    for uneven, trial, layout in sorted(results, key=lambda result: result[0])[:5]:
        cells = (f"{layout[f'x_{k}']:+.3f} @ {layout[f'power_{k}']:.2f}" for k in LAMPS)
        print(f"{trial:>6}{uneven:>12.4f}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    logging.disable(logging.INFO)  # Ax tells of every trial
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")
    main()
