"""Partial augmentation of mixed blocks: the search stays in the fundamental domain, or says that it does not.

One-line bugs that turn this file red: compare the first slot first, a choice; overrule `order_by`; fall silent where no
slot is a number.
"""

from __future__ import annotations

import warnings

import pytest
from ax_symmetry import SymmetryError, SymmetryWarning, get_botorch
from support import choice, fast_optimizer, float_range, measured, space

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


def test_some_images_of_choices_alone_are_a_warning() -> None:
    made = space([choice(f"m{k}", ["u", "v", "w"], is_ordered=False) for k in range(3)])
    observed = measured(made, ("y",), 8, lambda p: sum(p[f"m{k}"] == "v" for k in range(3)) / 3)
    config = {"blocks": [[f"m{k}"] for k in range(3)], "max_images": 2}
    with fast_optimizer(), pytest.warns(SymmetryWarning, match="use method 'kernel'"):
        get_botorch(observed, observed.lookup_data(), symmetry=config).gen(1)
