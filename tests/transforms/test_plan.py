"""A config is read and checked once for both transforms of a model, and they must agree.

One-line bugs that turn this file red: read the config, validate the search space or widen it in each transform; compare
the dicts and not the symmetries that they declare; take the symmetry, or the options, of whichever transform is built
first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ax_symmetry import Canonicalize, Symmetry, SymmetrizeObservations, SymmetryError, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.space import validation
from ax_symmetry.symmetry import declaration
from support import MODULAR, experiment, fast_optimizer, features, fill, fits_recorded, float_range, registry, space

NAMES = [f"{slot}{k}" for k in (1, 2, 3) for slot in "ab"]
BLOCKS = [NAMES[:2], NAMES[2:4], NAMES[4:]]
SPACE = space([float_range(name) for name in NAMES])
OURS = [Canonicalize, SymmetrizeObservations]
STOCK = [*registry.Cont_X_trans, *registry.Y_trans]

OTHERS: Mapping[str, Mapping[str, Any]] = {
    "other blocks": {"blocks": BLOCKS[:2]},
    "blocks of one slot": {"blocks": [block[:1] for block in BLOCKS]},
    "another group": {"blocks": BLOCKS, "group": "cyclic"},
    "a mirror more": {"blocks": BLOCKS, "mirror": {"a1": 0.5, "a2": 0.5, "a3": 0.5}},
    "another kind": {"mirror": {"a1": 0.5}},
}
EQUALS: Mapping[str, Mapping[str, Any]] = {
    "the same dict": {"blocks": BLOCKS},
    "tuples": {"blocks": tuple(tuple(block) for block in BLOCKS)},
    "the group's default": {"blocks": BLOCKS, "group": "symmetric"},
    "one of a list": {"symmetries": [{"blocks": BLOCKS}]},
    "an option of Canonicalize": {"blocks": BLOCKS, "order_by": ["b1"]},
    "an option of SymmetrizeObservations": {"blocks": BLOCKS, "noise": "orbit"},
}


def observed() -> Any:
    return fill(experiment(SPACE), 4, lambda p: sum(p[a] * p[b] for a, b in BLOCKS))


def by_get_botorch(transforms: list[type], configs: Mapping[str, Any]) -> Any:
    made = observed()
    return get_botorch(made, made.lookup_data(), transforms=[*transforms, *STOCK], transform_configs=configs)


def by_modular(transforms: list[type], configs: Mapping[str, Any]) -> Any:
    made = observed()
    return MODULAR(
        experiment=made, data=made.lookup_data(), transforms=[*transforms, *STOCK], transform_configs=configs
    )


WAYS = {"get_botorch": by_get_botorch, "BOTORCH_MODULAR": by_modular}


def counted(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """List the keywords of all calls of a function of the package, whatever module calls it."""
    calls: list[dict[str, Any]] = []

    def spy(*args: Any, **keywords: Any) -> Any:
        calls.append(keywords)
        return function(*args, **keywords)

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "ax_symmetry":
            for attribute, thing in list(vars(module).items()):
                if thing is function:
                    monkeypatch.setattr(module, attribute, spy)
    return calls


@pytest.mark.parametrize("given", [dict, Symmetry.from_config], ids=["a dict", "a Symmetry"])
@pytest.mark.parametrize("method", ["kernel", "augmentation"])
def test_one_call_reads_and_checks_once(method: str, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    symmetry, made = given({"blocks": BLOCKS}), observed()
    (widen,) = {
        vars(module)["symmetrized_space"]
        for name, module in list(sys.modules.items())
        if name.startswith("ax_symmetry.") and "symmetrized_space" in vars(module)
    }
    functions = {"read": declaration.read, "validate": validation.validate, "widen": widen}
    calls = {name: counted(function, monkeypatch) for name, function in functions.items()}
    with fast_optimizer():
        get_botorch(made, made.lookup_data(), symmetry=symmetry, method=method)
    times = {name: sum(not keywords.get("nested") for keywords in found) for name, found in calls.items()}
    if given is not dict:  # what has been read need not be read again
        times["read"] = max(times["read"], 1)
    assert times == {"read": 1, "validate": 1, "widen": 1}


@pytest.mark.parametrize("order", ["Canonicalize first", "SymmetrizeObservations first"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("way", WAYS)
def test_two_symmetries_in_one_model_are_an_error(way: str, other: str, order: str) -> None:
    pair = OURS if order == "Canonicalize first" else OURS[::-1]
    for one, two in (pair, pair[::-1]):
        configs = {one.__name__: {"blocks": BLOCKS}, two.__name__: OTHERS[other]}
        with fits_recorded() as fits, pytest.raises(SymmetryError, match="Canonicalize") as raised:
            WAYS[way](pair, configs)
        assert "SymmetrizeObservations" in str(raised.value) and fits == []


@pytest.mark.parametrize("order", ["Canonicalize first", "SymmetrizeObservations first"])
@pytest.mark.parametrize("written", EQUALS)
@pytest.mark.parametrize("way", WAYS)
def test_one_symmetry_written_in_two_ways_is_none(way: str, written: str, order: str) -> None:
    pair = OURS if order == "Canonicalize first" else OURS[::-1]
    with fast_optimizer():
        for one, two in (pair, pair[::-1]):
            WAYS[way](pair, {one.__name__: {"blocks": BLOCKS}, two.__name__: EQUALS[written]})


@pytest.mark.parametrize("order", ["Canonicalize first", "SymmetrizeObservations first"])
@pytest.mark.parametrize("way", WAYS)
def test_each_transform_has_its_own_options(way: str, order: str) -> None:
    """What canonical is says the config of Canonicalize; how many images there are, that of the other."""
    first = {"a1": 0.2, "b1": 0.9, "a2": 0.4, "b2": 0.5, "a3": 0.6, "b3": 0.1}
    by_b = {"a1": 0.6, "b1": 0.1, "a2": 0.4, "b2": 0.5, "a3": 0.2, "b3": 0.9}
    for own, other, wanted in (("a1", "b1", first), ("b1", "a1", by_b)):
        configs = {
            "Canonicalize": {"blocks": BLOCKS, "order_by": [own], "max_images": 2},
            "SymmetrizeObservations": {"blocks": BLOCKS, "order_by": [other]},
        }
        with fast_optimizer():
            adapter = WAYS[way](OURS if order == "Canonicalize first" else OURS[::-1], configs)
        for image in Symmetry.from_config({"blocks": BLOCKS}).orbit(first):
            (found,) = adapter.transforms["Canonicalize"].untransform_observation_features(features([image]))
            assert found.parameters == wanted
        assert fitted_model(adapter).train_targets.shape[-1] == 4 * 6


def test_models_of_different_symmetries_live_side_by_side() -> None:
    with fast_optimizer():
        adapters = {}
        for other, config in OTHERS.items():
            made = observed()
            adapters[other] = get_botorch(made, made.lookup_data(), symmetry=config)
        for other, adapter in adapters.items():
            symmetry = Symmetry.from_config(OTHERS[other])
            assert all(arm.parameters == symmetry.canonical(arm.parameters) for arm in adapter.gen(2).arms), other
