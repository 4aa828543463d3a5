"""Every private name of Ax and BoTorch that the package may use: without it the symmetry is used, or an error raised.

In a process of its own each name is called otherwise throughout the source of Ax (see `renamed.py`), and models are
made in every way, with both methods. The processes are forks of one that has imported what Ax and BoTorch need. Each
must either know the symmetry, in its predictions and in the search for candidates, or raise a `SymmetryError` that
names the missing name. Which of the two does not matter here: a name that the package no longer uses works.

One-line bugs that turn this file red: read one of these names with a default, `getattr(adapter, "_model_space", None)`;
ask `hasattr(adapter, "_gen")` and go on without; let an `AttributeError` through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import renamed
from renamed import EVERY, PLAIN, is_in

pytestmark = [pytest.mark.external, pytest.mark.slow]

AX, BOTH = ("ax",), ("ax", "botorch")
NAMES = {
    # of adapters (model bridges)
    "_fit": AX,
    "_gen": AX,
    "_model_space": AX,
    "_search_space": AX,
    "_raw_transforms": AX,
    "_transform_configs": AX,
    "_arms_by_signature": AX,
    "_training_in_design_idx": AX,
    "_experiment": AX,  # and of `Client`
    # of generators and surrogates
    "_surrogate": AX,
    "_model": AX,
    "_training_data": AX,
    # of transforms, parameters, clients, strategies
    "_untransform_observation_data": AX,
    "_parameter_type": AX,
    "_maybe_experiment": AX,
    "_maybe_generation_strategy": AX,
    "_nodes": AX,
    # of BoTorch
    "_subset_batch_dict": BOTH,
    "_X": BOTH,
    "_Y": BOTH,
    "_Yvar": BOTH,
}
Find = Callable[[str, tuple[str, ...]], dict[str, str]]


@pytest.fixture(scope="module")
def found_without() -> Iterator[Find]:
    """Call `renamed.found_without` in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield lambda name, packages: pool.submit(renamed.found_in_a_fork, name, packages).result()


def test_the_checks_pass_on_ax_as_it_is(found_without: Find) -> None:
    found = found_without(EVERY, BOTH)
    assert len(found) >= 13 and set(found.values()) == {"works"}, found


@pytest.mark.parametrize("name", NAMES)
def test_the_symmetry_is_used_or_an_error_names_the_name(name: str, found_without: Find) -> None:
    if not is_in(name, NAMES[name]):
        pytest.skip(f"this Ax has no {name}")
    found = found_without(name, NAMES[name])
    assert found.pop(PLAIN) == "works", "Ax itself does not work with that name changed"
    faults = {check: what for check, what in found.items() if what != "works" and not what.startswith("refuses: ")}
    assert not faults, "\n".join(f"{check}: {what}" for check, what in faults.items())
