"""Stop a search at any moment and carry on
========================================

Kill it, `kill -9` included, and run the same command again. Three bumps, each with a centre and a width, are fitted to
a curve; in whatever order the bumps are written down, their sum is the same. The state is one JSON file, saved before
and after every evaluation, and the symmetry is saved in it. ::

    python resume.py                            # progress, and a table of the best fits
    python resume.py --die-at 5                 # is killed in the middle of its 5th evaluation
    python resume.py                            # evaluates that trial again, then the rest
    rm resume.json                              # forget everything: the next run starts anew

It needs Ax 1.0 or later. `AxClient`, on older ones, saves and loads by methods of the same names.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import warnings
from pathlib import Path

import numpy as np
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from tqdm import tqdm

from ax_symmetry import choose_generation_strategy

BUMPS = (1, 2, 3)
SYMMETRY = {"blocks": [[f"centre_{k}", f"width_{k}"] for k in BUMPS]}
BOUNDS = {name: bounds for k in BUMPS for name, bounds in ((f"centre_{k}", (0.0, 1.0)), (f"width_{k}", (0.05, 0.4)))}
X = np.linspace(0.0, 1.0, 101)
CURVE = sum(np.exp(-(((X - centre) / width) ** 2)) for centre, width in ((0.15, 0.1), (0.45, 0.25), (0.8, 0.15)))


def misfit(bumps: dict[str, float], die: bool = False) -> float:
    """Return the root mean square distance of the sum of the bumps from the curve."""
    total = np.zeros_like(X)
    for k in BUMPS:
        total += np.exp(-(((X - bumps[f"centre_{k}"]) / bumps[f"width_{k}"]) ** 2))
        if die:  # here the process ends: no exception, no clean-up
            os.kill(os.getpid(), signal.SIGKILL)
    return float(np.sqrt(np.mean((total - CURVE) ** 2)))


def new_client(n_initial: int, seed: int) -> Client:
    """Make a client that knows the symmetry."""
    client = Client(random_seed=seed)
    client.configure_experiment(
        name="bumps",
        parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=b) for n, b in BOUNDS.items()],
    )
    client.configure_optimization(objective="-misfit")
    strategy = choose_generation_strategy(
        client, SYMMETRY, num_initialization_trials=n_initial, random_seed=seed
    )
    client.set_generation_strategy(strategy)
    return client


def save(client: Client, file: Path) -> None:
    """Save the state; the old file stays whole until the new one is."""
    unfinished = file.with_suffix(".tmp")
    client.save_to_json_file(str(unfinished))
    os.replace(unfinished, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="trials, the initial ones included")
    parser.add_argument("--initial", type=int, default=10, help="quasi-random trials before the model takes over")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, default=Path("resume.json"), help="where the state is")
    parser.add_argument("--die-at", type=int, metavar="K", help="kill this process in its K-th evaluation")
    args = parser.parse_args()

    # Trials that were running when the process ended have no result, and Ax would wait for them for ever.
    interrupted, done = {}, 0
    if args.file.exists():
        client = Client.load_from_json_file(str(args.file))  # Ax does not save the seed of a client
        trials = client.summarize().set_index("trial_index")
        running = trials["trial_status"] == "RUNNING"
        interrupted = trials.loc[running, list(BOUNDS)].to_dict("index")
        done = len(trials) - len(interrupted)
        again = ", ".join(map(str, interrupted)) or "none"
        print(f"Resumed {args.file}: {done} trials completed, to evaluate again: {again}", flush=True)
    else:
        client = new_client(args.initial, args.seed)

    evaluations = 0
    with tqdm(total=args.trials, initial=done, unit="trial") as bar:
        while interrupted or bar.n < args.trials:
            if not interrupted:
                interrupted = client.get_next_trials(max_trials=1)
                save(client, args.file)  # before the evaluation, or its trial would be lost with the process
            index, bumps = interrupted.popitem()
            evaluations += 1
            client.complete_trial(index, raw_data={"misfit": (misfit(bumps, die=evaluations == args.die_at), 0.0)})
            save(client, args.file)
            bar.update()

    trials = client.summarize().sort_values("misfit")
    print(f"\nThe best of {len(trials)} fits: centre / width of each bump\n")
    print(f"{'trial':>6}{'misfit':>10}" + "".join(f"{f'bump {k}':>16}" for k in BUMPS))
    for row in trials[:5].to_dict("records"):
        cells = (f"{row[f'centre_{k}']:.3f} / {row[f'width_{k}']:.3f}" for k in BUMPS)
        print(f"{row['trial_index']:>6}{row['misfit']:>10.4f}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    logging.disable(logging.INFO)  # Ax tells of every trial
    warnings.filterwarnings("ignore", module=r"(ax|botorch|gpytorch|linear_operator)\.")
    main()
