"""Adapters, kernels and symmetries can be pickled and copied, as joblib, multiprocessing and Ray do.

One-line bugs that turn this file red: keep a function that is defined inside of another on an adapter, a model or a
transform; change the class of a model in place to one that no module has; key a cache by `id`, which a copy does not
share; let a copy's transforms refer to the adapter that was copied, by a function that closes over it.
"""

from __future__ import annotations

import gc
import pickle
import random
import weakref
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, get_botorch
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel
from support import GENERATION, MODULAR, experiment, fast_optimizer, features, fill, float_range, random_points
from support import registry, space

BLOCKS = [["a1", "b1"], ["a2", "b2"]]
SPACE = space([float_range(name) for block in BLOCKS for name in block])
OURS = [Canonicalize, SymmetrizeObservations]
SYMMETRIES = {
    "blocks": {"blocks": BLOCKS},
    "a group by its generators": {"blocks": [["a"], ["b"], ["c"]], "group": [[1, 2, 0]]},
    "mirrors": {"mirror": [{"a": 0.5}, {"b": 1.0, "c": 0.0}]},
    "a simplex": {"symmetries": [{"blocks": [["a"], ["b"]]}, {"simplex": {"parameters": ["a", "b"], "total": 2.0}}]},
}
COPIES: Mapping[str, Callable[[Any], Any]] = {
    "pickled": lambda thing: pickle.loads(pickle.dumps(thing)),
    "deep-copied": deepcopy,
}


def outcome(p: Mapping[str, float]) -> float:
    return sum((p[a] - 0.3) ** 2 * (1 + p[b]) for a, b in BLOCKS)


def by_get_botorch(method: str) -> Any:
    made = fill(experiment(SPACE), 6, outcome)
    return get_botorch(made, made.lookup_data(), symmetry={"blocks": BLOCKS}, method=method)


def by_own_list(method: str) -> Any:
    made = fill(experiment(SPACE), 6, outcome)
    configs = {transform.__name__: {"blocks": BLOCKS, "method": method} for transform in OURS}
    transforms = [*OURS, *registry.Cont_X_trans, *registry.Y_trans]
    return MODULAR(experiment=made, data=made.lookup_data(), transforms=transforms, transform_configs=configs)


def candidates(adapter: Any) -> list[Any]:
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    return [arm.parameters for arm in adapter.gen(2).arms]


@pytest.mark.parametrize("generated", [False, True], ids=["fitted", "after gen"])
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("method", ["kernel", "augmentation"])
@pytest.mark.parametrize("make", [by_get_botorch, by_own_list], ids=["get_botorch", "modular"])
def test_a_copy_of_an_adapter_is_the_same_adapter(
    make: Callable[[str], Any], method: str, how: str, generated: bool
) -> None:
    with fast_optimizer():
        adapter = make(method)
        if generated:
            adapter.gen(1)
        other = COPIES[how](adapter)
        points = features(random_points(SPACE, 5))
        (mean, covariance), (wanted, variance) = other.predict(points), adapter.predict(points)
        assert mean == wanted and covariance == variance
        found = candidates(other)
        assert found == candidates(adapter)
    symmetry = Symmetry.permutation(BLOCKS)
    assert len(found) == 2 and all(point == symmetry.canonical(point) for point in found)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("method", ["kernel", "augmentation"])
def test_a_copy_is_independent(method: str, how: str) -> None:
    """What happens to one does not happen to the other."""
    with fast_optimizer():
        adapter = by_get_botorch(method)
        other = COPIES[how](adapter)
        points = features(random_points(SPACE, 3))
        before = adapter.predict(points)
        name = "generator" if GENERATION == "adapter" else "model"
        generator = getattr(other, name)
        model = getattr(generator, "surrogate", generator).model
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.5
        model.train().eval()
        assert len(other.gen(1).arms) == 1
        assert adapter.predict(points) == before
        assert other.predict(points) != before


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("method", ["kernel", "augmentation"])
def test_a_copy_does_not_keep_what_it_was_made_of(method: str, how: str) -> None:
    with fast_optimizer():
        adapter = by_get_botorch(method)
    other, original = COPIES[how](adapter), weakref.ref(adapter)
    del adapter
    gc.collect()
    assert original() is None and len(other.predict(features(random_points(SPACE, 2)))) == 2


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", SYMMETRIES)
def test_a_copy_of_a_symmetry_is_the_same_symmetry(name: str, how: str) -> None:
    symmetry = Symmetry.from_config(SYMMETRIES[name])
    point = {name: 0.1 * (k + 1) for k, name in enumerate(symmetry.parameters)}
    orbit = symmetry.orbit(point) if not symmetry.simplexes else None  # which fills what it remembers
    other = COPIES[how](symmetry)
    assert other == symmetry and hash(other) == hash(symmetry)
    assert other.to_config() == symmetry.to_config() and other.order == symmetry.order
    assert orbit is None or other.orbit(point) == orbit


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", ["invariant", "approximately invariant"])
def test_a_copy_of_a_kernel_is_the_same_kernel(kind: str, how: str) -> None:
    kernel: Any = InvariantKernel(Symmetry.permutation(BLOCKS), ["a1", "b1", "a2", "b2"])
    kernel = (kernel if kind == "invariant" else ApproximatelyInvariantKernel(kernel)).double()
    x = torch.from_numpy(np.random.default_rng(0).random((6, 4)))
    fresh = COPIES[how](kernel)
    wanted = kernel(x).to_dense()
    for other in (fresh, COPIES[how](kernel)):  # a copy made before it was evaluated, and one after
        assert torch.equal(other(x).to_dense(), wanted)
        assert all(torch.equal(p, dict(kernel.named_parameters())[name]) for name, p in other.named_parameters())
        assert not {id(p) for p in other.parameters()} & {id(p) for p in kernel.parameters()}
