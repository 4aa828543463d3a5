"""The ways that CONTRIBUTING describes, file by file, are those that a config and a candidate really take.

One-line bugs that turn it red: a function that the ways name is renamed or moved; `image_rows` is called by another one
than `RowLogic.images`; two steps of a way in CONTRIBUTING trade places.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ax_symmetry
from ax_symmetry import get_botorch
from support import experiment, fast_optimizer, fill, float_range, space

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = f"{Path(ax_symmetry.__file__).parent}/"
SYMMETRY = {"blocks": [["a"], ["b"], ["c"]]}

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no qualified names before Python 3.11")


def described(way: str) -> list[tuple[str, str]]:
    """Read a way, as files and qualified names of functions."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"{way}\n\n")[2].partition("\n\n")[0]
    return re.findall(r"^\d+\. `(\S+)`, `(\S+)`: ", text, flags=re.MULTILINE)


def entered(call: Callable[[], Any]) -> list[tuple[str, str]]:
    """List the package's functions that a call enters, as files and names as their source qualifies them."""
    order: list[tuple[str, str]] = []

    def note(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE):
            order.append((code.co_filename.removeprefix(PACKAGE), code.co_qualname))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return order


def is_in_order(way: list[tuple[str, str]], passed: list[tuple[str, str]]) -> bool:
    steps = iter(passed)
    return all(step in steps for step in way)


def model() -> Any:
    with fast_optimizer():
        made = fill(experiment(space([float_range(name) for name in "abc"])), 4, lambda p: p["a"] * p["b"] * p["c"])
        return get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method="augmentation")


def test_from_a_config_to_training_rows() -> None:
    way = described("How a config becomes rows of training data, file by file:")
    passed = entered(model)
    assert len(way) == 8 and is_in_order(way, passed)


def test_from_a_candidate_to_its_canonical_form() -> None:
    way = described("How a candidate becomes canonical:")
    adapter = model()
    with fast_optimizer():
        passed = entered(lambda: adapter.gen(1))
    assert len(way) == 3 and is_in_order(way, passed)
