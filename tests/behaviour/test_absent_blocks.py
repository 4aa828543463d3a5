"""Whole searches over blocks that may be absent: choices, amounts, and hierarchical search spaces.

One-line bugs that turn this file red: candidates with an absent block first, or with inert values above the lowest; the
center of a hierarchical space with a parameter that is not there; an arm that lacks inert parameters taken for no arm;
a kernel of the user's own that sees inert parameters, without a word.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from itertools import groupby
from typing import Any

import pytest
from ax_symmetry import Canonicalize, Symmetry, SymmetryWarning, choose_generation_strategy
from ax_symmetry._ax import backend
from ax_symmetry.models import surrogate_spec
from support import (
    MODULAR, AxClient, Generators, ObjectiveProperties, add_trial, choice, experiment, fast_optimizer, features,
    float_range, needs_codes, space,
)

SWITCHES: dict[str, tuple[dict[str, Any], Any]] = {
    "ordered": ({"type": "choice", "values": ["no", "a", "b"], "value_type": "str", "is_ordered": True}, "no"),
    "unordered": ({"type": "choice", "values": ["a", "no", "b"], "value_type": "str", "is_ordered": False}, "no"),
    "amount": ({"type": "range", "bounds": [0.0, 1.0], "value_type": "float", "digits": 1}, 0.0),
}
BLOCKS = [[f"use{k}", f"w{k}", f"t{k}"] for k in (1, 2, 3)]


def parameters(kind: str) -> list[dict[str, Any]]:
    switch, _ = SWITCHES[kind]
    made: list[dict[str, Any]] = []
    for k in (1, 2, 3):
        unsorted = {"sort_values": False} if "values" in switch else {}
        made += [
            {"name": f"use{k}", **unsorted, **switch},
            {"name": f"w{k}", "type": "range", "bounds": [0.5, 1.5], "value_type": "float"},
            {"name": f"t{k}", "type": "choice", "values": ["r", "s"], "value_type": "str", "is_ordered": True,
             "sort_values": False},
        ]
    return made


@pytest.mark.parametrize("method", ["kernel", "augmentation"])
@pytest.mark.parametrize("kind", list(SWITCHES))
def test_a_search(kind: str, method: str) -> None:
    """Every candidate is canonical, none is tried twice, and the search goes on over data with any inert values."""
    needs_codes()
    absent = SWITCHES[kind][1]
    declared = {"blocks": BLOCKS, "absent": {"use3": absent}}
    made = AxClient.make_search_space(parameters=parameters(kind), parameter_constraints=[])
    strategy = choose_generation_strategy(
        made, declared, method=method, num_initialization_trials=4, random_seed=0
    )
    client = AxClient(generation_strategy=strategy, verbose_logging=False, random_seed=0)
    client.create_experiment(parameters=parameters(kind), objectives={"y": ObjectiveProperties(minimize=True)})
    own = {"use1": absent, "w1": 1.25, "t1": "s", "use2": SWITCHES[kind][0].get("values", [0.7])[0], "w2": 0.75,
           "t2": "s", "use3": absent, "w3": 1.3, "t3": "s"}
    client.complete_trial(client.attach_trial(own)[1], raw_data={"y": (0.4, 0.01)})
    seen = [Symmetry(declared).canonical(own)]
    with fast_optimizer():
        for number in range(7):
            point, index = client.get_next_trial()
            there = [point[f"use{k}"] != absent for k in (1, 2, 3)]
            assert [is_there for is_there, _ in groupby(there)] in ([True], [False], [True, False])
            for k in (1, 2, 3):
                assert there[k - 1] or (point[f"w{k}"], point[f"t{k}"]) == (0.5, "r")
            assert Symmetry(declared).canonical(point) not in seen
            seen.append(Symmetry(declared).canonical(point))
            client.complete_trial(index, raw_data={"y": (float(number % 3), 0.01)})


def test_an_arm_with_other_inert_values_is_the_same_experiment() -> None:
    """A candidate comes back as that arm, so that Ax knows it again."""
    made = space([p for k in (1, 2) for p in (choice(f"use{k}", ["no", "yes"]), choice(f"t{k}", ["r", "s"]))])
    declared = {"blocks": [["use1", "t1"], ["use2", "t2"]], "absent": {"use1": "no"}}
    run = experiment(made)
    arm = {"use1": "no", "t1": "s", "use2": "yes", "t2": "r"}
    add_trial(run, arm, {"y": (1.0, 0.1)})
    adapter = Generators.SOBOL(
        experiment=run, data=run.lookup_data(), search_space=made, transform_configs={"Canonicalize": declared},
        transforms=[Canonicalize, *Generators.SOBOL.view_defaults()[1]["transforms"]],
    )
    transform = adapter.transforms["Canonicalize"]
    given = [{"use1": "yes", "t1": "r", "use2": "no", "t2": inert} for inert in "rs"] + [arm | {"t2": "s"}]
    found = [one.parameters for one in transform.untransform_observation_features(features(given))]
    assert found == [arm, arm, {"use1": "yes", "t1": "s", "use2": "no", "t2": "r"}]


@pytest.mark.parametrize("absent", [{"absent": {"n1": 0.0}}, {}], ids=["absent", "always there"])
def test_a_kernel_of_ones_own_may_see_inert_parameters(absent: dict[str, Any]) -> None:
    """A surrogate spec is made without a search space."""
    made = experiment(space([float_range(name) for name in ("n1", "a1", "n2", "a2")]))
    for n1, a1, n2, a2 in ((0.0, 0.3, 0.5, 0.6), (0.2, 0.4, 0.7, 0.1), (0.9, 0.8, 0.1, 0.5), (0.4, 0.2, 0.3, 0.9)):
        add_trial(made, {"n1": n1, "a1": a1, "n2": n2, "a2": a2}, {"y": (n1 * a1 + n2 * a2, 0.1)})
    blocks = {"blocks": [["n1", "a1"], ["n2", "a2"]]}
    spec = surrogate_spec(blocks)
    by = {"surrogate_specs": {"own": spec}} if hasattr(spec, "covar_module_kwargs") else {"surrogate_spec": spec}
    with fast_optimizer(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SymmetryWarning)
        MODULAR(
            experiment=made, data=made.lookup_data(), transforms=[Canonicalize, *backend.default_transforms()],
            transform_configs={"Canonicalize": {**blocks, **absent}}, **by,
        )
    told = [str(warning.message) for warning in caught if issubclass(warning.category, SymmetryWarning)]
    assert len(told) == len(absent)
    assert all("parameters a1, a2 change nothing while their block is absent" in text for text in told)


@pytest.mark.skipif(find_spec("ax.api") is None, reason="this Ax has no Client")
def test_a_client_with_dependent_parameters() -> None:
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    client = Client(random_seed=0)
    configs: list[Any] = []
    for k in (1, 2):
        try:
            configs.append(ChoiceParameterConfig(
                name=f"use{k}", parameter_type="str", values=["yes", "no"], is_ordered=False,
                dependent_parameters={"yes": [f"w{k}", f"t{k}"]},
            ))
        except TypeError:
            pytest.skip("this Ax's Client has no dependent parameters")
        configs += [
            RangeParameterConfig(name=f"w{k}", parameter_type="float", bounds=(0.0, 1.0)),
            RangeParameterConfig(name=f"t{k}", parameter_type="int", bounds=(1, 4)),
        ]
    try:
        client.configure_experiment(parameters=configs)
    except NotImplementedError:
        pytest.skip("this Ax wants one root above all parameters")
    client.configure_optimization(objective="-y")
    declared = {"blocks": [[f"use{k}", f"w{k}", f"t{k}"] for k in (1, 2)]}
    client.set_generation_strategy(choose_generation_strategy(client, declared, num_initialization_trials=4))
    kinds = set()
    with fast_optimizer():
        for number in range(8):
            for index, point in client.get_next_trials(max_trials=1).items():
                uses = tuple(point[f"use{k}"] for k in (1, 2))
                assert uses != ("no", "yes")
                assert set(point) == {
                    name for k in (1, 2) for name in ((f"use{k}", f"w{k}", f"t{k}") if uses[k - 1] == "yes" else
                                                      (f"use{k}",))
                }
                kinds.add(uses)
                client.complete_trial(index, raw_data={"y": float(number % 3)})
    assert len(kinds) > 1
