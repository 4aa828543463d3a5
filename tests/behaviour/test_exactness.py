"""The augmented posterior mean is that of the averaged kernel k_G, exactly (DESIGN: the mathematics, 1 and 4).

The reference is brute force: the group is written out here from itertools, and the Gaussian process is ten lines of
numpy.

One-line bugs that turn this file red: multiply the variance by |G| instead of the number of distinct images (mirror
points differ then); leave the variance of the copies as it is; drop or repeat one image; mirror at another center.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest
from ax_symmetry import SymmetrizeObservations, Symmetry
from support import POSTERIOR, add_trial, experiment, float_range, space, training_rows

Element = Callable[[np.ndarray], np.ndarray]

MIDDLE = 0.5


def permuting(order: tuple[int, ...], slots: int = 1) -> Element:
    """Permute blocks of columns."""
    return lambda x: np.concatenate([x[slots * j: slots * (j + 1)] for j in order])


def rotations(m: int) -> list[tuple[int, ...]]:
    return [tuple((i + k) % m for i in range(m)) for k in range(m)]


CASES = {
    "S_3 on blocks of 3": (
        9,
        {"blocks": [["x0", "x1", "x2"], ["x3", "x4", "x5"], ["x6", "x7", "x8"]]},
        [permuting(p, 3) for p in permutations(range(3))],
    ),
    "C_4": (
        4,
        {"blocks": [["x0"], ["x1"], ["x2"], ["x3"]], "group": "cyclic"},
        [permuting(p) for p in rotations(4)],
    ),
    "D_4": (
        4,
        {"blocks": [["x0"], ["x1"], ["x2"], ["x3"]], "group": "dihedral"},
        [permuting(p) for p in rotations(4)] + [permuting(p[::-1]) for p in rotations(4)],
    ),
    "mirror": (
        3,
        {"mirror": {"x0": MIDDLE, "x1": MIDDLE}},
        [lambda x: x, lambda x: np.array([1 - x[0], 1 - x[1], x[2]])],
    ),
    "signed permutations": (
        3,
        {"blocks": [["x0"], ["x1"], ["x2"]], "mirror": {"x0": MIDDLE}},
        [
            (lambda x, p=p, s=np.array(s): MIDDLE + s * (x[list(p)] - MIDDLE))
            for p in permutations(range(3))
            for s in product([1, -1], repeat=3)
        ],
    ),
}


def base_kernel(x: np.ndarray, y: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Evaluate a Matern-5/2 kernel: jointly invariant, and no product over the columns."""
    r = np.sqrt(5.0) * np.sqrt((((x[:, None] - y[None]) / lengths) ** 2).sum(-1))
    return (1 + r + r**2 / 3) * np.exp(-r)


def posterior_mean(
    k_train: np.ndarray, k_test: np.ndarray, variance: np.ndarray, y: np.ndarray, constant: float
) -> np.ndarray:
    return constant + k_test @ np.linalg.solve(k_train + np.diag(variance), y - constant)


def averaged(x: np.ndarray, y: np.ndarray, lengths: np.ndarray, group: list[Element]) -> np.ndarray:
    """Evaluate k_G by its definition."""
    return np.mean([base_kernel(x, np.array([g(row) for row in y]), lengths) for g in group], axis=0)


@pytest.mark.parametrize("name", CASES)
def test_augmented_mean_is_the_mean_of_the_averaged_kernel(name: str) -> None:
    width, config, group = CASES[name]
    assert Symmetry.from_config(config).order == len(group)
    rng = np.random.default_rng(1)
    x = rng.random((12, width))
    x[0] = MIDDLE  # fixed by every element
    x[1, :] = x[1, 0]  # on the walls between blocks
    x[2, 0] = MIDDLE  # on one mirror
    y = rng.normal(size=len(x)) + 3
    sem = rng.uniform(0.05, 0.5, len(x))
    names = [f"x{i}" for i in range(width)]
    made = experiment(space([float_range(n) for n in names]))
    for row, outcome, error in zip(x, y, sem):
        add_trial(made, dict(zip(names, row.tolist())), {"y": (float(outcome), float(error))})

    rows = training_rows(made, SymmetrizeObservations, config)

    images = np.array([[row["parameters"][n] for n in names] for row in rows])
    outcomes = np.array([row["mean"]["y"] for row in rows])
    variance = np.array([row["variance"]["y"] for row in rows])
    classes = Symmetry.from_config(config).parameter_orbits
    length_of = {n: 0.3 + 0.2 * k for k, alike in enumerate(classes) for n in alike}
    lengths = np.array([length_of.get(n, 0.7) for n in names])
    test = rng.random((50, width))
    got = posterior_mean(
        base_kernel(images, images, lengths), base_kernel(test, images, lengths), variance, outcomes, 2.5
    )
    wanted = posterior_mean(averaged(x, x, lengths, group), averaged(test, x, lengths, group), sem**2, y, 2.5)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=POSTERIOR)
    sizes = [len(np.unique([g(row) for g in group], axis=0)) for row in x]
    assert len(rows) == sum(sizes) < len(x) * len(group)


def test_unscaled_copies_claim_too_much() -> None:
    """`noise="copy"` is k_G with the variance divided by |G|: what every peer does, on request."""
    width, config, group = CASES["S_3 on blocks of 3"]
    rng = np.random.default_rng(2)
    x, y = rng.random((8, width)), rng.normal(size=8)
    names = [f"x{i}" for i in range(width)]
    made = experiment(space([float_range(n) for n in names]))
    for row, outcome in zip(x, y):
        add_trial(made, dict(zip(names, row.tolist())), {"y": (float(outcome), 0.4)})
    rows = training_rows(made, SymmetrizeObservations, {**config, "noise": "copy"})
    images = np.array([[row["parameters"][n] for n in names] for row in rows])
    outcomes = np.array([row["mean"]["y"] for row in rows])
    variance = np.array([row["variance"]["y"] for row in rows])
    lengths, test = np.full(width, 0.6), rng.random((20, width))
    got = posterior_mean(
        base_kernel(images, images, lengths), base_kernel(test, images, lengths), variance, outcomes, 0.0
    )
    over_confident = np.full(8, 0.4**2 / len(group))
    wanted = posterior_mean(averaged(x, x, lengths, group), averaged(test, x, lengths, group), over_confident, y, 0.0)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=POSTERIOR)


def test_a_subgroup_is_exact_for_itself() -> None:
    """C_3 in S_3: augmentation with the subgroup is k_H, exactly (DESIGN: the mathematics, 4)."""
    rng = np.random.default_rng(3)
    x, y = rng.random((8, 6)), rng.normal(size=8)
    names = [f"x{i}" for i in range(6)]
    config = {"blocks": [names[:2], names[2:4], names[4:]], "group": [[1, 2, 0]]}
    made = experiment(space([float_range(n) for n in names]))
    for row, outcome in zip(x, y):
        add_trial(made, dict(zip(names, row.tolist())), {"y": (float(outcome), 0.2)})
    rows = training_rows(made, SymmetrizeObservations, config)
    images = np.array([[row["parameters"][n] for n in names] for row in rows])
    outcomes = np.array([row["mean"]["y"] for row in rows])
    variance = np.array([row["variance"]["y"] for row in rows])
    group = [permuting(p, 2) for p in rotations(3)]
    lengths, test = np.array([0.4, 0.7] * 3), rng.random((20, 6))
    got = posterior_mean(
        base_kernel(images, images, lengths), base_kernel(test, images, lengths), variance, outcomes, 0.0
    )
    wanted = posterior_mean(averaged(x, x, lengths, group), averaged(test, x, lengths, group), np.full(8, 0.04), y, 0.0)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=POSTERIOR)
