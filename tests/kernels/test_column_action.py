"""The action on columns, against the declaration's own images, written into columns by hand.

One-line bugs that turn this file red: forget the slope, or the offset, of a parameter that implies another; write an
implied parameter in its own units, or all others in those of the first; scale a mirror image as a difference; give an
implied column that nothing moves the lower bound of another; leave one-hot columns in their order when they are
mirrored; count a column for itself whose parameter is mirrored into another column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.kernels.feature_action import action_on_features

BLOCKS = {"blocks": [["a1", "f1"], ["a2", "f2"], ["a3", "f3"]]}
SIMPLEX: dict[str, Any] = {**BLOCKS, "simplex": {"parameters": ["f1", "f2", "f3"], "total": 2.0}}
REST: dict[str, Any] = {**BLOCKS, "simplex": {"parameters": ["f1", "f2", "f3", "z"], "total": 2.0}}
MIRRORED: dict[str, Any] = {**BLOCKS, "mirror": [{"a1": 0.25}, {"z": 3.0}]}
# What columns hold: `slope * value + offset`; the columns of a slot are alike. No symmetry of SIMPLEX moves "z".
SLOPES = {"a": (3.0, -1.0), "f": (0.5, 2.0), "z": (1.0, 0.0)}


def places(names: list[str], centers: dict[str, float]) -> dict[str, ColumnPlace]:
    found = {}
    for column, name in enumerate(names):
        slope, offset = SLOPES[name[0]]
        found[name] = ColumnPlace((column,), slope, offset, 2 * (slope * centers.get(name, 0.0) + offset))
    return found


def written(values: dict[str, float], names: list[str]) -> list[float]:
    return [SLOPES[name[0]][0] * values[name] + SLOPES[name[0]][1] for name in names]


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "config, missing", [(BLOCKS, []), (SIMPLEX, ["f3"]), (SIMPLEX, ["f1"]), (REST, ["f2"]), (MIRRORED, [])]
)
def test_images_are_those_of_the_declaration(config: dict[str, Any], missing: list[str], scaled: bool) -> None:
    symmetry, rng = Symmetry.from_config(config), np.random.default_rng(0)
    names = [name for name in ("f1", "a1", "a2", "z", "f2", "a3", "f3") if name not in missing]
    present = [name for name in names if name in symmetry.parameters]
    action = ColumnAction.of(
        symmetry, {n: p for n, p in places(names, symmetry.centers).items() if n in present}, len(names)
    )
    values = {name: float(rng.random()) for name in names}
    x = torch.tensor(written(values, names), dtype=torch.double)
    lower, width = torch.zeros(len(names)).double(), torch.ones(len(names)).double()
    if scaled:  # alike for the columns of a slot
        lower = torch.tensor([{"a": 0.3, "f": -2.0, "z": 7.0}[name[0]] for name in names]).double()
        width = torch.tensor([{"a": 2.0, "f": 0.7, "z": 5.0}[name[0]] for name in names]).double()
        action = action.scaled(lower, width)
    images = action((x - lower) / width) * width + lower
    wanted = [written({**values, **image}, names) for image in symmetry.orbit({n: values[n] for n in present})]
    assert action.order == len(wanted)
    for one, other in ((images.numpy(), np.array(wanted)), (np.array(wanted), images.numpy())):
        assert max(np.abs(other - row).sum(axis=1).min() for row in one) < 1e-12


def test_an_implied_parameter_that_nothing_moves() -> None:
    """Its column is in units of its own, which no scaling of others changes."""
    config = {"blocks": [["f1"], ["f2"]], "simplex": {"parameters": ["f1", "f2", "f3"], "total": 2.0}}
    action = ColumnAction.of(Symmetry.from_config(config), places(["f1", "f2"], {}), 2)
    values, (slope, offset) = torch.tensor([0.3, 0.9], dtype=torch.double), SLOPES["f"]
    columns = slope * values + offset
    assert action.append_implied(columns)[2].item() == pytest.approx(2.0 - 0.3 - 0.9)
    lower, width = torch.tensor([2.0, 2.0]).double(), torch.tensor([0.5, 0.5]).double()
    assert action.scaled(lower, width).append_implied(values)[2].item() == pytest.approx(2.0 - 0.3 - 0.9)


def test_a_parameter_on_another_scale_implies_nothing() -> None:
    found = places(["a1", "a2", "a3", "f1", "f2"], {})
    found["f2"] = ColumnPlace(found["f2"].columns, slope=None)
    with pytest.raises(NotAveraged, match="f2 is not linear"):
        ColumnAction.of(Symmetry.from_config(SIMPLEX), found, 5)


def test_one_hot_columns_trade_places_together_and_are_mirrored_backwards() -> None:
    symmetry = Symmetry.from_config({"blocks": [["x"], ["y"]], "mirror": {"x": 0.0}})
    action = ColumnAction.of(symmetry, {"x": ColumnPlace((0, 1, 2)), "y": ColumnPlace((4, 5, 6))}, 7)
    images = {tuple(row) for row in action(torch.tensor([1.0, 0, 0, 9, 0, 1, 0])).tolist()}
    low, middle, high = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    assert images == {(*one, 9, *other) for end in (low, high) for one, other in ((end, middle), (middle, end))}
    assert action.classes == [[0, 2, 4, 6], [1, 5], [3]]


def test_columns_that_are_parameters_are_placed_as_they_are() -> None:
    action = action_on_features(Symmetry.from_config(MIRRORED), ["z", "a1", "f1", "a2", "f2", "a3", "f3"])
    assert action.mirrored(torch.arange(7.0)).tolist()[:2] == [6.0, -0.5]
    assert action.classes == [[0], [1, 3, 5], [2, 4, 6]]
