"""How long a search takes where Ax up to 1.0 relaxes choices to numbers between 0 and 1.

One-line bugs that turn this file red: put no limit where choices are relaxed; put one where none is; let it replace the
user's own, or what else the user has asked for; write it into the user's options.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ax_symmetry import get_botorch
from support import GENERATION, choice, fast_optimizer, float_range, measured, space

pytestmark = pytest.mark.skipif(GENERATION == "adapter", reason="no choice is relaxed there")

RANGES = [float_range("x1"), float_range("x2")]
CHOICES = [choice(name, ["a", "b", "c"], is_ordered=False) for name in ("m1", "m2")]


@pytest.mark.parametrize("method", ["kernel", "augmentation"])
@pytest.mark.parametrize(
    ("slots", "options", "limit"),
    [
        ([RANGES, CHOICES], {}, 60),
        ([RANGES, CHOICES], {"optimizer_kwargs": {"num_restarts": 2}}, 60),
        ([RANGES, CHOICES], {"optimizer_kwargs": {"options": {"batch_limit": 2}}}, 60),
        ([RANGES, CHOICES], {"optimizer_kwargs": {"options": {"maxiter": 7}}}, 7),
        ([RANGES], {}, None),
        ([RANGES], {"optimizer_kwargs": {"options": {"maxiter": 7}}}, 7),
    ],
)
def test_few_steps_where_choices_are_rounded(
    monkeypatch: pytest.MonkeyPatch, method: str, slots: list[Any], options: dict[str, Any], limit: int | None
) -> None:
    from ax.models.torch import botorch_defaults

    asked: list[dict[str, Any]] = []
    optimize = botorch_defaults.optimize_acqf

    def spy(**keywords: Any) -> Any:
        asked.append(deepcopy({"restarts": keywords["num_restarts"], **keywords["options"]}))
        return optimize(**keywords)

    made = space([parameter for slot in slots for parameter in slot])
    data = measured(made, ["y"], 6, lambda p: p["x1"] + p["x2"])
    given = deepcopy(options)
    blocks = [[slot[k].name for slot in slots] for k in range(2)]
    adapter = get_botorch(data, data.lookup_data(), symmetry={"blocks": blocks}, method=method)
    monkeypatch.setattr(botorch_defaults, "optimize_acqf", spy)
    with fast_optimizer():
        adapter.gen(1, model_gen_options=options)
    assert options == given
    [what] = asked
    assert what.get("maxiter") == limit
    optimizer = options.get("optimizer_kwargs", {})
    assert what["batch_limit"] == optimizer.get("options", {}).get("batch_limit", 5)
    if "num_restarts" in optimizer:
        assert what["restarts"] == 2
