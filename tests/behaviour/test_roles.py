"""Fidelities and tasks beside a symmetry: Ax models them with kernels of its own.

One-line bugs that turn this file red: `"auto"` the kernel there; plain Ax's model in silence; a check of the data that
wants Ax's model of several fidelities; a parameter that keeps its role in `without_roles`; the role looked up in the
experiment's search space, where the call has one of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ax_symmetry import Canonicalize, SymmetrizeObservations, SymmetryError, choose_generation_strategy, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.diagnostics import check_symmetry
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.space.bounds import without_roles
from support import Generators, choice, experiment, fast_optimizer, features, fill, fits_recorded, float_range
from support import int_range, measured, registry, space

NAMES = ["a1", "b1", "a2", "b2"]
SYMMETRY = {"blocks": [["a1", "b1"], ["a2", "b2"]]}
ROLES = {
    "a fidelity": float_range("f", is_fidelity=True, target_value=1.0),
    "whole numbers": int_range("f", 1, 4, is_fidelity=True, target_value=4),
    "a task": choice("f", ["u", "v"], is_ordered=False, is_task=True, target_value="v"),
}


def value(p: dict[str, Any]) -> float:
    third = p["f"] == "v" if isinstance(p["f"], str) else p["f"]
    return 20 * (p["a1"] * p["b1"] + p["a2"] * p["b2"] + 0.1 * third)


def observed(role: str) -> Any:
    return measured(space([*map(float_range, NAMES), ROLES[role]]), ("y",), 8, value)


@pytest.mark.parametrize("role", ["a fidelity", "whole numbers"])
def test_auto_trains_on_images(role: str) -> None:
    made = observed(role)
    with fast_optimizer():
        plain, ours = (get_botorch(made, made.lookup_data(), **how) for how in ({}, {"symmetry": SYMMETRY}))
    target = made.search_space.parameters["f"].target_value
    points = features([
        {"a1": 0.1, "b1": 0.2, "a2": 0.7, "b2": 0.9, "f": target},
        {"a1": 0.7, "b1": 0.9, "a2": 0.1, "b2": 0.2, "f": target},
    ])
    (one, other), apart = ours.predict(points)[0]["y"], plain.predict(points)[0]["y"]
    assert one == pytest.approx(other, abs=1e-9) and abs(one - apart[0]) > 1e-6


def test_the_search_space_of_the_call_says_what_auto_is() -> None:
    """One without the role, of an experiment that has it: then the model can have the kernel."""
    made = observed("a fidelity")
    plain = space([*map(float_range, NAMES), float_range("f")])
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), plain, symmetry=SYMMETRY)
    assert isinstance(fitted_model(adapter).covar_module, AveragedKernel)


@pytest.mark.parametrize("role", ROLES)
def test_the_kernel_is_refused_before_anything_is_fitted(role: str) -> None:
    made = observed(role)
    with fits_recorded() as fits:
        with pytest.raises(SymmetryError, match="parameter f is a .*'augmentation'"):
            get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method="kernel")
        with pytest.raises(SymmetryError, match="parameter f is a .*'augmentation'"):
            choose_generation_strategy(made.search_space, SYMMETRY, method="kernel")
    assert not fits


def test_a_strategy_of_one_s_own_says_so_in_its_first_step() -> None:
    """`Canonicalize` stands in the quasi-random step as well, and reads there what the model will be asked for."""
    made = observed("a fidelity")
    with pytest.raises(SymmetryError, match="parameter f is a fidelity"):
        Canonicalize(search_space=made.search_space, config={**SYMMETRY, "method": "kernel"})


@pytest.mark.skipif(not hasattr(Generators, "SAASBO"), reason="this Ax has no such generator")
def test_a_model_that_takes_no_kernel_is_refused_before_it_is_fitted() -> None:
    made = fill(experiment(space(map(float_range, NAMES))), 6, lambda p: value({**p, "f": 0.0}))
    config = {**SYMMETRY, "method": "kernel"}
    with fits_recorded() as fits, pytest.raises(SymmetryError, match="(Saas|surrogate).*'augmentation'"):
        Generators.SAASBO(
            experiment=made, data=made.lookup_data(), transforms=[Canonicalize, SymmetrizeObservations,
                                                                  *registry.Cont_X_trans, *registry.Y_trans],
            transform_configs={"Canonicalize": config, "SymmetrizeObservations": config},
        )
    assert not fits


@pytest.mark.parametrize("role", ROLES)
def test_the_check_of_the_data_takes_them_for_parameters(role: str) -> None:
    with fast_optimizer():
        report = check_symmetry(observed(role), SYMMETRY)
    assert report.verdict != "contradicted" and np.isfinite(report.gain)


@pytest.mark.parametrize("traits", [{}, {"log_scale": True}, {"logit_scale": True}, {"digits": 2}], ids=str)
@pytest.mark.parametrize("whole", [False, True])
def test_without_roles_nothing_else_changes(whole: bool, traits: dict[str, Any]) -> None:
    if whole and set(traits) - {"log_scale"}:
        pytest.skip("Ax has no such whole numbers")
    ends = (1, 4) if whole else (0.1, 0.9)
    made, wanted = (
        (int_range if whole else float_range)("f", *ends, **traits, **role)
        for role in ({"is_fidelity": True, "target_value": ends[1]}, {})
    )
    plain = without_roles(space([*map(float_range, NAMES), made]))
    assert plain == space([*map(float_range, NAMES), wanted]) and made.is_fidelity
