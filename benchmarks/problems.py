"""The problems of the level benchmark: functions to maximise, what is said of their symmetry, and settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import differential_evolution, minimize
from scipy.spatial.distance import cdist

sys.path.append(str(Path(__file__).parent.parent / "examples"))


@dataclass(frozen=True)
class Problem:
    """A function to maximise.

    Attributes:
        bounds: Lower and upper bound of each parameter.
        symmetry: What the methods are told.
        function: Evaluates an array of the parameters' values.
        sem: Standard error of each measurement: 2 % of the function's spread over the space, as a variance (Bardou et
            al. 2026).
        budget: Evaluations, 5 of them quasi-random, and 50 more, 30 for packing, as Bardou et al. (2026) do; 128 for
            CyclInv-3D, where Brown et al. (2024) spend 256 (and 640 on PermInv-6D).
        best: The highest value, if known.
        holds: Whether the function has the symmetry.
    """

    bounds: Mapping[str, tuple[float, float]]
    symmetry: Mapping[str, Any]
    function: Callable[[np.ndarray], float]
    sem: float
    budget: int = 55
    best: float | None = None
    holds: bool = True

    def optimum(self) -> float:
        """Return the highest value, known or found by up to 100,000 evaluations, which take some seconds."""
        if self.best is not None:
            return self.best
        if isinstance(self.function, Drawn):
            return self.function.highest()
        thorough: dict[str, Any] = {"maxiter": 400, "popsize": 25, "tol": 1e-8, "seed": 0}
        found = differential_evolution(lambda x: -self.function(x), [*self.bounds.values()], **thorough)
        return -float(found.fun)


def _box(d: int, low: float, high: float, name: str = "x") -> dict[str, tuple[float, float]]:
    return {f"{name}{k}": (low, high) for k in range(d)}


def ackley(x: np.ndarray) -> float:
    return float(20 * np.exp(-0.2 * np.sqrt((x**2).mean())) + np.exp(np.cos(2 * np.pi * x).mean()) - 20 - np.e)


def griewank(x: np.ndarray) -> float:
    return float(np.cos(x / np.sqrt(np.arange(1, len(x) + 1))).prod() - (x**2).sum() / 4000 - 1)


def rastrigin(x: np.ndarray) -> float:
    return float((10 * np.cos(2 * np.pi * x) - x**2 - 10).sum())


USERS = np.random.default_rng(0).random((16, 2))


def wlan(x: np.ndarray) -> float:
    """Evaluate the mean rate of 16 users, each served by the strongest of four access points, in bit/s/Hz."""
    squared = ((USERS[:, None] - x.reshape(4, 2)) ** 2).sum(axis=-1)
    power = (squared + 0.01) ** -1.75
    strongest = power.max(axis=1)
    return float(np.log2(1 + strongest / (power.sum(axis=1) - strongest + 10.0)).mean())


class Drawn:
    """A function drawn from a Gaussian process that a group of permutations leaves alone (Brown et al. 2024)."""

    def __init__(self, d: int, group: Sequence[Sequence[int]], seed: int, lengthscale: float = 0.12) -> None:
        self.group, self.lengthscale = np.array(group), lengthscale
        rng = np.random.default_rng(seed)
        self.centers = rng.random((64 * d, d))
        gram = np.stack([self._covariances(c) for c in self.centers])
        values = np.linalg.cholesky(gram + 1e-8 * np.eye(len(gram))) @ rng.normal(size=len(gram))
        self.weights = np.linalg.solve(gram + 1e-8 * np.eye(len(gram)), values)

    def _covariances(self, x: np.ndarray) -> np.ndarray:
        r = np.sqrt(5.0) * cdist(x[self.group], self.centers) / self.lengthscale
        return ((1 + r + r**2 / 3) * np.exp(-r)).mean(axis=0)  # Matern 5/2

    def __call__(self, x: np.ndarray) -> float:
        return float(self._covariances(x) @ self.weights)

    def highest(self) -> float:
        """Return the highest value, found from the best centers on."""
        starts = sorted(self.centers, key=self, reverse=True)[:5]
        box = [(0.0, 1.0)] * len(starts[0])
        return max(-float(minimize(lambda x: -self(x), x, bounds=box).fun) for x in starts)


def packing(x: np.ndarray) -> float:
    """Evaluate the packing fraction of components with a mean size and an amount each; see the example."""
    import particle_packing as model  # here: it takes Ax along

    means, amounts = x.reshape(-1, 2).T
    shares = model.class_shares(means, np.full(len(means), 0.2), amounts / amounts.sum())
    return float(model.packing_of_classes(shares, model.INTERACTION))


def _packing_problem(m: int) -> Problem:
    bounds = {f"{slot}{k}": b for k in range(m) for slot, b in (("mean", (1.0, 100.0)), ("amount", (0.05, 1.0)))}
    return Problem(bounds, {"blocks": [[f"mean{k}", f"amount{k}"] for k in range(m)]}, packing, 0.005, 35)


def uneven(x: np.ndarray, share: float) -> float:
    """Evaluate a function of three pairs; a share of it differs from pair to pair."""
    pairs = x.reshape(3, 2)
    even = -((np.sort(pairs[:, 0]) - [0.2, 0.5, 0.8]) ** 2).sum() - ((pairs[:, 1] - 0.4) ** 2).sum()
    odd = -((pairs - [[0.9, 0.1], [0.1, 0.6], [0.5, 0.9]]) ** 2).sum()
    return float((1 - share) * even + share * odd)


def _singles(d: int) -> list[list[str]]:
    return [[f"x{k}"] for k in range(d)]


PAIRS = {f"{slot}{k}": (0.0, 1.0) for k in range(3) for slot in "ab"}
THREE = {"blocks": [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]}


@lru_cache(maxsize=None)
def problem(name: str) -> Problem:
    """Make a problem of the benchmark by its name."""
    if name == "Ackley 2-d":
        symmetry: dict[str, Any] = {"blocks": _singles(2), "mirror": {"x0": 0.0}}
        return Problem(_box(2, -16, 16), symmetry, ackley, 0.46, best=0.0)
    if name == "Griewank 6-d":
        symmetry = {"mirror": [{f"x{k}": 0.0} for k in range(6)]}
        return Problem(_box(6, -600, 600), symmetry, griewank, 9.4, best=0.0)
    if name == "Rastrigin 5-d":
        symmetry = {"blocks": _singles(5), "mirror": {"x0": 0.0}}
        return Problem(_box(5, -5.12, 5.12), symmetry, rastrigin, 3.3, best=0.0)
    if name == "WLAN 8-d":
        bounds = {f"{slot}{k}": (0.0, 1.0) for k in range(4) for slot in "ab"}
        return Problem(bounds, {"blocks": [[f"a{k}", f"b{k}"] for k in range(4)]}, wlan, 0.074)
    if name == "PermInv-6D":
        drawn = Drawn(6, [*permutations(range(6))], seed=0)
        return Problem(_box(6, 0, 1), {"blocks": _singles(6)}, drawn, 0.014)
    if name == "CyclInv-3D":
        drawn = Drawn(3, [(0, 1, 2), (1, 2, 0), (2, 0, 1)], seed=0)
        return Problem(_box(3, 0, 1), {"blocks": _singles(3), "group": "cyclic"}, drawn, 0.069, 128)
    if name == "packing of 3":
        return _packing_problem(3)
    if name == "packing of 5":
        return _packing_problem(5)
    share = {"nearly symmetric": 0.15, "not symmetric": 0.7}[name]
    return Problem(PAIRS, THREE, lambda x: uneven(x, share), 0.02, 35, holds=False)


PROBLEMS = ("Ackley 2-d", "Griewank 6-d", "Rastrigin 5-d", "WLAN 8-d", "PermInv-6D", "CyclInv-3D", "packing of 3",
            "packing of 5", "nearly symmetric", "not symmetric")
