"""The part that a simplex implies is no worse off than the others: shares of candidates have one distribution.

Blocks of a size and a share are in the order of their sizes. Nothing here depends on whether a size is large or small,
so that the shares of the first block and of the last, which is implied, are alike in law; quasi-random shares are
uniform on the simplex, where one of three parts has the density 2 (1 - x).

One-line bugs that turn this file red: the implied share last whatever its size; a bound of the others forgotten for it;
candidates with a small implied share alone, as where the search or the design looks at the other two in a box.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ax_symmetry import Canonicalize, get_botorch
from scipy.stats import beta, ks_2samp, kstest
from support import Generators, add_trial, experiment, fast_optimizer, float_range, registry, space

BLOCKS = [[f"size_{k}", f"share_{k}"] for k in (1, 2, 3)]
SYMMETRY = {"blocks": BLOCKS, "simplex": {"parameters": [share for _, share in BLOCKS], "total": 1.0}}
PARAMETERS = [name for block in BLOCKS for name in block][:-1]
UNLIKELY = 1e-3


def mixtures() -> Any:
    """Make a search space of mixtures whose last share is implied."""
    return space([float_range(name) for name in PARAMETERS], [({"share_1": 1.0, "share_2": 1.0}, 1.0)])


def shares(arms: Any) -> np.ndarray:
    """Return the three shares of each arm, in the order of their sizes."""
    found = []
    for arm in arms:
        p = arm.parameters
        assert p["size_1"] <= p["size_2"] <= p["size_3"]
        found.append([p["share_1"], p["share_2"], 1 - p["share_1"] - p["share_2"]])
    return np.array(found)


def assert_alike(found: np.ndarray) -> None:
    for other in (0, 1):
        assert ks_2samp(found[:, 2], found[:, other]).pvalue > UNLIKELY


def test_initial_design() -> None:
    made = experiment(mixtures())
    transforms = [Canonicalize, *registry.Cont_X_trans]
    adapter = Generators.SOBOL(
        experiment=made, data=made.lookup_data(), seed=0, transforms=transforms,
        transform_configs={"Canonicalize": SYMMETRY}, search_space=made.search_space,
    )
    found = shares(adapter.gen(300).arms)
    assert_alike(found)
    for part in found.T:
        assert kstest(part, beta(1, 2).cdf).pvalue > UNLIKELY


def test_model_steps() -> None:
    found = []
    for seed in range(25):
        made, rng = experiment(mixtures()), np.random.default_rng(seed)
        for _ in range(6):
            p = dict(zip(PARAMETERS, rng.random(5)))
            p["share_1"], p["share_2"], _ = map(float, rng.dirichlet([1.0, 1.0, 1.0]))
            add_trial(made, p, {"y": (float(rng.normal()), 0.1)})
        torch.manual_seed(seed), np.random.seed(seed)
        with fast_optimizer():
            adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY)
            found.append(shares(adapter.gen(2).arms))
    assert_alike(np.concatenate(found))
