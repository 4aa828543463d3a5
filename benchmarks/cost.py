"""What an invariant model costs, against the size of the group, the observations and the parameters.

    python benchmarks/cost.py kernels              # one covariance matrix and its gradient, beside `invariantkernels`
    python benchmarks/cost.py models               # fit and candidate through get_botorch, beside both
    python benchmarks/cost.py model kernel 12 2 60 0 [cuda]   # one of them: blocks, slots, observations, seed, device
    python benchmarks/cost.py model kernel 8 2 60 0 cpu choice   # beside a choice of three that nothing moves
    python benchmarks/cost.py model kernel 5 3 40 0 cpu scale    # the first slots scaled; "log": the same, not scaled
    python benchmarks/cost.py model kernel 5 2 40 0 cpu rotate   # the blocks turned together
    python benchmarks/cost.py continuous           # these beside the same without

Ratios of one run, on one thread. Every model runs in a process of its own, which tells its peak memory too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import logging
import math
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

SIZES = [(3, 32), (3, 128), (4, 32), (4, 128), (5, 32), (5, 128), (6, 128), (7, 128), (8, 32)]  # blocks, rows
MODELS = {  # the swept quantity: cases of blocks, slots, observations
    "|G| (2 slots, n = 40)": [(m, 2, 40) for m in (1, 2, 3, 4, 5, 6, 8, 10, 12)],
    "n (S_3, 2 slots)": [(3, 2, n) for n in (16, 32, 64, 128, 256, 512)],
    "d (S_3, n = 40)": [(3, s, 40) for s in (1, 2, 4, 8)],
    "S_5 on 3 slots": [(5, 3, 40)],
    "beside a choice": [(8, 2, 60)],
}
METHODS = ("plain", "augmentation", "kernel", "invariantkernels")
ONCE, LARGEST = 2000, 6000
"""Rows after augmentation from which on there is one repeat, as a fit takes minutes; and none, as it takes hours."""


def seconds(job: Callable[[], Any], least: float = 0.5) -> float:
    """Measure the CPU time of a call: the least of some calls that together take long enough to tell."""
    times: list[float] = []
    while not times or sum(times) < least:
        start = time.process_time()
        job()
        times.append(time.process_time() - start)
    return min(times)


def covariance(kernel: Any, x: torch.Tensor) -> Callable[[], Any]:
    """Return a job that evaluates a covariance matrix, and its gradient by rows and hyperparameters."""
    variables = [x, *kernel.parameters()]
    weights = torch.rand(len(x), len(x), dtype=x.dtype)

    def job() -> Any:
        return torch.autograd.grad((kernel(x).to_dense() * weights).sum(), variables)

    return job


def compare_kernels(repeats: int) -> None:
    """Print how many times faster a covariance matrix is than the peer's."""
    from gpytorch.kernels import RBFKernel
    from invariantkernels import permutation_group
    from peers import invariantkernels

    from ax_symmetry.kernels import InvariantKernel

    print(f"{'group':>6}{'rows':>6}{'ours, s':>12}{'peer, s':>12}{'times faster':>26}{'same to':>12}")
    for m, n in tqdm([(m, n) for m, n in SIZES], unit="size", disable=None):
        names = [f"x{k}" for k in range(m)]
        ratios, ours_s, theirs_s, apart = [], [], [], 0.0
        for repeat in range(repeats):
            torch.manual_seed(repeat)
            x = torch.rand(n, m, dtype=torch.double, requires_grad=True)
            ours = InvariantKernel({"blocks": [[name] for name in names]}, names, RBFKernel(), normalize=False).double()
            theirs = invariantkernels(RBFKernel(), permutation_group).double()
            with torch.no_grad():
                apart = max(apart, float((ours(x).to_dense() - theirs(x).to_dense()).abs().max()))
            ours_s.append(seconds(covariance(ours, x)))
            theirs_s.append(seconds(covariance(theirs, x)))
            ratios.append(theirs_s[-1] / ours_s[-1])
        spread = f"{np.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        print(f"{f'S_{m}':>6}{n:>6}{np.median(ours_s):>12.5f}{np.median(theirs_s):>12.5f}{spread:>26}{apart:>12.1e}")


def run_model(method: str, m: int, slots: int, n: int, seed: int, device: str = "cpu", beside: str = "") -> None:
    """Fit a model and ask for a candidate; print CPU and clock seconds, and how far memory rose, as JSON."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    from ax.core import ChoiceParameter, ParameterType, RangeParameter, SearchSpace
    from experiments import new_experiment, observe, stand_in, training_data
    from gpytorch.kernels import RBFKernel
    from peers import invariantkernels_of

    from ax_symmetry import Symmetry, get_botorch
    from ax_symmetry.kernels.permanents import permanent

    blocks = [[f"x{k}_{j}" for j in range(slots)] for k in range(m)]
    logs = {block[0] for block in blocks if beside in ("log", "scale")}
    ranges = [
        RangeParameter(p, ParameterType.FLOAT, *((0.1, 10.0) if p in logs else (0.0, 1.0)), log_scale=p in logs)
        for block in blocks for p in block
    ]
    choice = {"is_ordered": False, "sort_values": False}
    free = [ChoiceParameter("free", ParameterType.STRING, ["a", "b", "c"], **choice)] if beside == "choice" else []
    space = SearchSpace([*ranges, *free])
    experiment = new_experiment(space)
    rng = np.random.default_rng(seed)
    for _ in range(n):
        x = rng.random((m, slots))
        value = float(np.sin(3 * x).prod(axis=1).sum())
        point: dict[str, Any] = dict(zip(space.parameters, x.ravel().tolist()))
        point |= {name: 10 ** (2 * point[name] - 1) for name in logs}
        if free:
            point["free"] = "abc"[rng.integers(3)]
            value += 0.2 * (point["free"] == "a")
        observe(experiment, point, value, 0.05)
    torch.manual_seed(seed)
    symmetry: dict[str, Any] = {"blocks": blocks}
    if beside == "scale":
        symmetry["scale"] = sorted(logs)
    if beside == "rotate":
        symmetry["rotate"] = {"pairs": [block[:2] for block in blocks]}
    known = {"symmetry": symmetry, "method": method} if method in ("augmentation", "kernel") else {}
    torch.zeros(1, device=device)  # a GPU takes seconds to start
    if method == "kernel":
        permanent(torch.ones(2, 2, dtype=torch.double))  # what numba has compiled takes most of a second to load, once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, began = time.process_time(), time.perf_counter()
    adapter = get_botorch(experiment, experiment.lookup_data(), device=torch.device(device), **known)
    if method == "invariantkernels":
        kernel = invariantkernels_of(RBFKernel(), Symmetry.permutation(blocks), adapter.parameters)
        start, began = time.process_time(), time.perf_counter()  # it takes the place of Ax's own
        stand_in(adapter, training_data(adapter), kernel)
    fitted = time.process_time()
    adapter.gen(1)
    found = {"fit": fitted - start, "gen": time.process_time() - fitted, "clock": time.perf_counter() - began}
    rose = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({**found, "mib": rose / 1024}))


def in_a_process(method: str, m: int, slots: int, n: int, seed: int, beside: str = "") -> dict[str, float]:
    """Run `run_model` in a process of its own."""
    words = [*map(str, (m, slots, n, seed)), "cpu", *([beside] if beside else [])]
    command = [sys.executable, __file__, "model", method, *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    return dict(json.loads(answer))


def compare_continuous(repeats: int) -> None:
    """Print how many times longer a candidate takes with a scaling, and with a rotation, in turn."""
    for slots, without, with_it in [(3, "log", "scale"), (2, "", "rotate")]:
        ratios = []
        for seed in tqdm(range(repeats), unit="pair", disable=None):
            found = [in_a_process("kernel", 5, slots, 40, seed, beside) for beside in (with_it, without)]
            one, other = (run["fit"] + run["gen"] for run in found)
            ratios.append(one / other)
        spread = f"{np.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        print(f"S_5 on {slots} slots, n = 40, {with_it} beside none: {spread} times")


def compare_models(repeats: int) -> None:
    """Print seconds and memory of models, and how they grow."""
    jobs = [(sweep, case, method, seed) for sweep, cases in MODELS.items() for case in cases
            for method in METHODS for seed in range(repeats)
            if not (method != "plain" and case[0] == 1)
            and not (method == "augmentation" and math.factorial(case[0]) * case[2] > (ONCE if seed else LARGEST))
            and not (method == "invariantkernels" and case[0] > 5)
            and not (method == "augmentation" and sweep == "beside a choice")]
    found: dict[Any, list[dict[str, float]]] = {}
    for sweep, case, method, seed in tqdm(jobs, unit="model", disable=None):
        run = in_a_process(method, *case, seed, beside="choice" if sweep == "beside a choice" else "")
        found.setdefault((sweep, case, method), []).append(run)
    for sweep, cases in MODELS.items():
        print(f"\n{sweep}\n{'blocks':>8}{'slots':>6}{'n':>5}  {'method':17}{'fit, s':>9}{'gen, s':>9}"
              f"{'both / plain':>26}{'MiB':>7}")
        growth: dict[str, list[tuple[float, float]]] = {}
        for case in cases:
            plain = found[sweep, case, "plain"]
            for method in METHODS:
                rows = found.get((sweep, case, method))
                if not rows:
                    continue
                ratio = [(r["fit"] + r["gen"]) / (p["fit"] + p["gen"]) for r, p in zip(rows, plain)]
                fit, gen, mib = (float(np.median([r[key] for r in rows])) for key in ("fit", "gen", "mib"))
                spread = f"{np.median(ratio):.2f} ({min(ratio):.2f} - {max(ratio):.2f})"
                print(f"{case[0]:>8}{case[1]:>6}{case[2]:>5}  {method:17}{fit:>9.2f}{gen:>9.2f}{spread:>26}{mib:>7.0f}")
                swept = {"|": math.factorial(case[0]), "n": case[2], "d": case[0] * case[1]}.get(sweep[0], 1)
                growth.setdefault(method, []).append((math.log(swept), math.log(fit + gen)))
        if len(cases) > 1:
            said = (f"{method} {np.polyfit(*zip(*points), 1)[0]:.2f}" for method, points in growth.items()
                    if len({x for x, _ in points}) > 1)
            print(f"fitted exponents of fit + gen in {sweep.split(' ')[0]}: {', '.join(said)}")


def main() -> None:
    if sys.argv[1:2] == ["model"]:
        run_model(sys.argv[2], *map(int, sys.argv[3:7]), *sys.argv[7:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["kernels", "models", "continuous"])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    packages = ["ax-platform", "botorch", "torch", *(["invariantkernels"] if args.part == "kernels" else [])]
    packages += ["numba"] if find_spec("numba") else []
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    print(f"{versions}; CPU time of one thread, medians (lowest - highest)\n")
    {"kernels": compare_kernels, "models": compare_models, "continuous": compare_continuous}[args.part](args.repeats)


if __name__ == "__main__":
    main()
