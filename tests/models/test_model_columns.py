"""The columns of Ax's models, and where they cannot be averaged.

One-line bugs that turn this file red: take a column on a log scale, of which both ends are known, for a line; take
columns for alike that the model sees in different ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ax_symmetry import Symmetry, SymmetryError, get_botorch
from ax_symmetry.errors import NotAveraged
from ax_symmetry.models.model_columns import column_action
from ax_symmetry.space.encoding import ParameterEncoding
from support import choice, fits_recorded, float_range, measured, space

Point = Mapping[str, Any]


def test_a_part_on_a_log_scale_implies_no_column() -> None:
    """The sum is none of the model's column, which is the logarithm."""
    made = measured(space([float_range("w1", 0.1, 0.9, log_scale=True)]), ("y",), 5, lambda p: p["w1"] * (1 - p["w1"]))
    config = {"blocks": [["w1"], ["w2"]], "simplex": {"parameters": ["w1", "w2"], "total": 1.0}}
    said = "parameter w1 is not linear in the model, but implies w2"
    with fits_recorded() as fits, pytest.raises(SymmetryError, match=said):
        get_botorch(made, made.lookup_data(), symmetry=config, method="kernel")
    assert fits == []


@pytest.mark.parametrize("kind", ["another end", "more columns"])
def test_parameters_that_the_model_sees_in_different_ways(kind: str) -> None:
    """As a transform would write them that treats one of the two alone."""
    names = ["a", "b", "b2"] if kind == "more columns" else ["a", "b"]

    def probe(points: Sequence[Point]) -> list[Point]:
        end = 2.0 if kind == "another end" else 1.0
        return [{"a": p["a"] - 1.0, "b": end * (p["b"] - 1.0), **{n: 2.0 - p["b"] for n in names[2:]}} for p in points]

    encoding = ParameterEncoding(
        Symmetry.from_config({"blocks": [["a"], ["b"]]}), space([choice(n, [1.0, 2.0]) for n in "ab"]))
    with pytest.raises(NotAveraged, match="a, b trade places, but differ in the model"):
        column_action(encoding, names, probe, {})
