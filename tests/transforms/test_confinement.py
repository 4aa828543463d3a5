"""Partial augmentation of mixed blocks: the search stays in the fundamental domain, or says that it does not.

One-line bugs that turn this file red: compare the first slot first, a choice; overrule `order_by`; fall silent where no
slot is a number; take all images for a part of them; compare numbers first where nothing is to be confined.
"""

from __future__ import annotations

import warnings

import pytest
from ax_symmetry import SymmetryError, SymmetryWarning, get_botorch
from support import choice, fast_optimizer, features, float_range, measured, space

MIXED = space([p for k in range(3) for p in (choice(f"m{k}", ["u", "v", "w"], is_ordered=False), float_range(f"x{k}"))])
MIXED_BLOCKS = [[f"m{k}", f"x{k}"] for k in range(3)]


def test_some_images_are_kept_although_the_first_slot_is_a_choice() -> None:
    """The amounts are compared first, by which Ax can confine the search; `order_by` still has the last word."""
    made = measured(MIXED, ("y",), 8, lambda p: sum(p[f"x{k}"] * (p[f"m{k}"] == "v") for k in range(3)))
    config = {"blocks": MIXED_BLOCKS, "max_images": 2}
    with fast_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("error", SymmetryWarning)
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
        point = adapter.gen(1).arms[0].parameters
    assert point["x0"] <= point["x1"] <= point["x2"]
    with pytest.raises(SymmetryError, match="constrain: parameter m"):
        get_botorch(made, made.lookup_data(), symmetry={**config, "order_by": ["m0"]})


def test_what_is_not_confined_is_compared_as_it_is_declared() -> None:
    """With `constrain=False` the first slot, a choice, is compared first, and the search is told that it may stray."""
    made = measured(MIXED, ("y",), 8, lambda p: sum(p[f"x{k}"] * (p[f"m{k}"] == "v") for k in range(3)))
    config = {"blocks": MIXED_BLOCKS, "max_images": 2, "constrain": False}
    with fast_optimizer(), pytest.warns(SymmetryWarning, match="constrain"):
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
    point = {"m0": "w", "x0": 0.1, "m1": "u", "x1": 0.5, "m2": "v", "x2": 0.9}
    (found,) = adapter.transforms["Canonicalize"].untransform_observation_features(features([point]))
    assert found.parameters == {"m0": "u", "x0": 0.5, "m1": "v", "x1": 0.9, "m2": "w", "x2": 0.1}


def test_as_many_images_as_there_are_leave_out_none() -> None:
    """The model is that of all images, and canonical is what it was: the first slot, a choice, is compared first."""
    made = measured(MIXED, ("y",), 8, lambda p: sum(p[f"x{k}"] * (p[f"m{k}"] == "v") for k in range(3)))
    point = {"m0": "w", "x0": 0.1, "m1": "u", "x1": 0.5, "m2": "v", "x2": 0.9}
    means, canonical = [], []
    with fast_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("error", SymmetryWarning)
        for kept in ({"method": "augmentation"}, {"max_images": 6}, {"max_images": 7}):
            adapter = get_botorch(made, made.lookup_data(), symmetry={"blocks": MIXED_BLOCKS, **kept})
            means.append(adapter.predict(features([point]))[0]["y"])
            transform = adapter.transforms["Canonicalize"]
            canonical.append(transform.untransform_observation_features(features([point]))[0].parameters)
    assert means[0] == means[1] == means[2]
    assert canonical == [{"m0": "u", "x0": 0.5, "m1": "v", "x1": 0.9, "m2": "w", "x2": 0.1}] * 3


def test_some_images_of_choices_alone_are_a_warning() -> None:
    made = space([choice(f"m{k}", ["u", "v", "w"], is_ordered=False) for k in range(3)])
    observed = measured(made, ("y",), 8, lambda p: sum(p[f"m{k}"] == "v" for k in range(3)) / 3)
    config = {"blocks": [[f"m{k}"] for k in range(3)], "max_images": 2}
    with fast_optimizer(), pytest.warns(SymmetryWarning, match="use method 'kernel'"):
        get_botorch(observed, observed.lookup_data(), symmetry=config).gen(1)
