"""Hierarchical search spaces, whose blocks have parameters that are there for some values of a switch alone.

One-line bugs that turn this file red: names of dependents compared as they are, and not where a generator moves them;
generators that are looked at without their inverse order; a row that lacks a parameter is passed over by the model.
"""

from __future__ import annotations

from typing import Any

import pytest
from ax.core.search_space import SearchSpace
from ax_symmetry import Symmetry, SymmetryError, choose_generation_strategy
from support import (
    AxClient, ObjectiveProperties, choice, fast_optimizer, float_range, hierarchy, int_range, needs_codes, wants_root,
)

BLOCKS = [[f"use{k}", f"w{k}", f"t{k}"] for k in (1, 2, 3)]


def switches(names: Any = ("w", "t"), values: Any = ("yes", "no"), present: Any = "yes") -> SearchSpace:
    """Make three switches, each with two ranges, of which some depend on it."""
    made: list[Any] = []
    for k in (1, 2, 3):
        dependents = {present: [f"{name}{k}" for name in names]}
        made.append(choice(f"use{k}", list(values), is_ordered=False, dependents=dependents))
        made += [float_range(f"w{k}"), int_range(f"t{k}", 1, 9)]
    return hierarchy(made)


@pytest.mark.parametrize("names", [("w",), ("w", "t"), ("t", "w")])
@pytest.mark.parametrize("group", ["symmetric", "cyclic"])
def test_dependents_correspond_slot_by_slot(names: tuple[str, ...], group: str) -> None:
    Symmetry({"blocks": BLOCKS, "group": group}).validate(switches(names))


def test_dependents_of_dependents() -> None:
    made: list[Any] = []
    for k in (1, 2):
        made.append(choice(f"use{k}", ["yes", "no"], is_ordered=False, dependents={"yes": [f"kind{k}"]}))
        dependents = {"conv": [f"w{k}"], "pool": [f"t{k}"]}
        made.append(choice(f"kind{k}", ["conv", "pool"], is_ordered=False, dependents=dependents))
        made += [float_range(f"w{k}"), float_range(f"t{k}")]
    blocks = [[f"use{k}", f"kind{k}", f"w{k}", f"t{k}"] for k in (1, 2)]
    Symmetry({"blocks": blocks}).validate(hierarchy(made))
    with pytest.raises(SymmetryError, match="kind1 and kind2 share a slot but differ in dependents"):
        Symmetry({"blocks": [blocks[0], ["use2", "kind2", "t2", "w2"]]}).validate(hierarchy(made))


def test_a_switch_above_all_blocks() -> None:
    made: list[Any] = [choice("any", ["yes", "no"], is_ordered=False, dependents={"yes": ["x1", "x2"]})]
    made += [float_range("x1"), float_range("x2")]
    Symmetry({"blocks": [["x1"], ["x2"]]}).validate(hierarchy(made))


def parameters() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    tops = []
    for k in (1, 2):
        tops.append(f"use{k}")
        made.append({
            "name": f"use{k}", "type": "choice", "values": ["yes", "no"], "value_type": "str", "is_ordered": False,
            "sort_values": False, "dependents": {"yes": [f"w{k}"]},
        })
        made.append({"name": f"w{k}", "type": "range", "bounds": [0.0, 1.0], "value_type": "float"})
    if wants_root():
        root = {"name": "root", "type": "fixed", "value": "r", "value_type": "str", "dependents": {"r": tops}}
        return [root, *made]
    return made


@pytest.mark.parametrize("method, images", [("kernel", [1, 1, 1, 1]), ("augmentation", [2, 2, 1, 2])])
def test_rows_that_lack_a_parameter_are_used(method: str, images: list[int]) -> None:
    """Of a client's own trials, all are trained on, and candidates lack what is not there."""
    needs_codes()
    space = AxClient.make_search_space(parameters=parameters(), parameter_constraints=[])
    blocks = {"blocks": [["use1", "w1"], ["use2", "w2"]]}
    strategy = choose_generation_strategy(space, blocks, method=method, num_initialization_trials=0)
    client = AxClient(generation_strategy=strategy, verbose_logging=False)
    client.create_experiment(parameters=parameters(), objectives={"y": ObjectiveProperties(minimize=True)})
    root = {"root": "r"} if wants_root() else {}
    arms = [
        {"use1": "yes", "w1": 0.4, "use2": "no"}, {"use1": "yes", "w1": 0.4, "use2": "yes", "w2": 0.7},
        {"use1": "no", "use2": "no"}, {"use1": "no", "use2": "yes", "w2": 0.1},
    ]
    for number, arm in enumerate(arms):
        client.complete_trial(client.attach_trial({**root, **arm})[1], raw_data={"y": (float(number), 0.1)})
    with fast_optimizer():
        proposed, _ = client.get_next_trial()
    fitted = client.generation_strategy.adapter if hasattr(client.generation_strategy, "adapter") else None
    fitted = client.generation_strategy.model if fitted is None else fitted
    generator = fitted.generator if hasattr(fitted, "generator") else fitted.model
    assert len(generator.surrogate.training_data[0].X) == sum(images)
    for k in (1, 2):
        assert (f"w{k}" in proposed) == (proposed[f"use{k}"] == "yes")
