"""Whole calls of Ax at random, against an independent model of group, canonical form and feasibility.

Search spaces of all kinds of parameters, groups, constraints, fixed features, batches of 1 to 8, both methods, two
doors. Every candidate lies inside and is canonical, the candidates are as many different experiments as were asked for,
images are predicted alike, and what the user handed over is as it was.

One-line bugs that turn this file red: order booleans with True first, or choices by name; forget a constraint, a fixed
feature, or a generator; canonicalize before rounding; train on images of one block alone; sort a config in place.

300 cases by default; `AX_SYMMETRY_CASES=3000 pytest tests/behaviour/test_differential.py` runs more.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from io import StringIO
from itertools import product
from logging import StreamHandler, getLogger
from typing import Any

import brute_force
import numpy as np
import pytest
from ax.core.experiment import Experiment
from ax.core.observation import ObservationFeatures
from botorch.exceptions.errors import CandidateGenerationError
from ax_symmetry import Canonicalize, SymmetrizeObservations, get_botorch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from support import GENERATION, MODULAR, add_trial, boolean, choice, experiment, fast_optimizer, features, float_range
from support import int_range, number_of_cases, registry, space

CASES = number_of_cases(300)
KINDS: dict[str, Any] = {
    "float": float_range,
    "log": lambda name: float_range(name, 0.01, 1.0, log_scale=True),
    "digits": lambda name: float_range(name, digits=1),
    "int": lambda name: int_range(name, 0, 9),
    "ordered": lambda name: choice(name, [1.0, 2.0, 5.0]),
    "unordered": lambda name: choice(name, ["s", "m", "l"], is_ordered=False),
    "boolean": boolean,
}
NUMBERS = ("float", "digits", "int")
"""Kinds that Ax can constrain on every version."""
ROUNDING = getLogger(f"ax.{GENERATION}.transforms.int_to_float")
GROUPS = ("symmetric", "cyclic", "dihedral")
DIGITS = (6, None)
"""Numbers that differ by rounding may count as equal, or as they are: either image is the least one then."""


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        kinds: The kind of parameter of every slot.
        blocks: How many blocks.
        group: How they trade places.
        mirrors: Slots that are mirrored, all blocks together.
        constraint: Which constraint the first slot has: "", "kept" or "broken" by the group.
        fixed: The name of a parameter that is fixed while candidates are generated; "" for none.
        batch: How many candidates.
        method: Augmentation or kernel.
        door: Whether get_botorch or Ax's modular generator makes the model.
        seed: Of the data.
    """

    kinds: tuple[str, ...]
    blocks: int
    group: str
    mirror: bool
    constraint: str
    fixed: str
    batch: int
    method: str
    door: str
    seed: int
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(f"{slot}{k}" for k in range(self.blocks) for slot in self.slots))

    @property
    def slots(self) -> str:
        return "abc"[:len(self.kinds)]

    @property
    def config(self) -> dict[str, Any]:
        blocks = [[f"{slot}{k}" for slot in self.slots] for k in range(self.blocks)]
        mirrored = {"mirror": {block[0]: 0.5 for block in blocks}} if self.mirror else {}
        return {"blocks": blocks, "group": self.group, **mirrored}

    @property
    def constraints(self) -> list[tuple[dict[str, float], float]]:
        first = [f"a{k}" for k in range(self.blocks)]
        top = 9.0 if self.kinds[0] == "int" else 1.0
        if self.constraint == "kept":
            return [(dict.fromkeys(first, 1.0), 0.7 * top * self.blocks)]
        if self.constraint == "broken":
            return [({name: 1.0 + k for k, name in enumerate(first)}, 0.7 * top * sum(range(1, self.blocks + 1)))]
        return []

    def parameters(self) -> list[Any]:
        return [KINDS[kind](f"{slot}{k}") for k in range(self.blocks) for slot, kind in zip(self.slots, self.kinds)] + [
            float_range("z")
        ]


@st.composite
def calls(draw: Any) -> Case:
    kinds = tuple(draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2)))
    blocks = draw(st.integers(2, 3))
    constraint = draw(st.sampled_from(["", "", "kept", "broken"])) if kinds[0] in NUMBERS else ""
    names = [f"{slot}{k}" for k in range(blocks) for slot in "ab"[:len(kinds)]]
    return Case(
        kinds=kinds,
        blocks=blocks,
        group=draw(st.sampled_from(GROUPS)),
        mirror=kinds[0] == "float" and not constraint and draw(st.booleans()),
        constraint=constraint,
        fixed=draw(st.sampled_from(["", "", "z", *names])),
        batch=draw(st.integers(1, 8)),
        method=draw(st.sampled_from(["augmentation", "kernel"])),
        door=draw(st.sampled_from(["get_botorch", "modular"])),
        seed=draw(st.integers(0, 99)),
    )


def rank(case: Case, name: str, value: Any) -> float:
    """Say where a value comes when images are compared."""
    kind = case.kinds[case.slots.index(name[0])]
    if kind == "unordered":
        return float(["s", "m", "l"].index(value))
    return float(value)


def images(case: Case, point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List all images of a point, by brute force."""
    found = []
    for element in brute_force.elements(case.config, case.names):
        moved = {n: point[case.names[j]] if sign > 0 else 1.0 - point[case.names[j]]
                 for n, (j, sign) in zip(case.names, element)}
        found.append({**point, **moved})
    return found


def is_inside(case: Case, point: Mapping[str, Any], fixed: Mapping[str, Any], slack: float = 1e-6) -> bool:
    held = all(sum(w * point[n] for n, w in weights.items()) <= bound + slack for weights, bound in case.constraints)
    return held and all(point[n] == v or isinstance(v, float) and abs(point[n] - v) < slack for n, v in fixed.items())


def key(case: Case, point: Mapping[str, Any], digits: int | None = 6) -> tuple[float, ...]:
    ranks = [rank(case, n, point[n]) for n in case.names]
    return tuple(ranks if digits is None else (round(v, digits) for v in ranks))


def has_new(case: Case, fixed: Mapping[str, Any], n: int) -> bool:
    """Tell whether the space has n different experiments where candidates may lie.

    A continuous parameter counts as one value: where the optimum is on its bound, an optimiser that is stopped after a
    step repeats it there.
    """
    domains = [[fixed[p.name]] if p.name in fixed else values_of(p) or [0.0] for p in case.parameters()]
    names = [p.name for p in case.parameters()]
    listed = (dict(zip(names, values)) for values in product(*domains))
    return len({same_experiment(case, point) for point in listed if is_inside(case, point, fixed)}) >= n


def values_of(p: Any) -> list[Any] | None:
    """List the values of a parameter; None of a continuous one."""
    if hasattr(p, "values"):
        return list(p.values)
    if isinstance(p.lower, int):
        return list(range(p.lower, p.upper + 1))
    return None if p.digits is None else [k / 10 for k in range(11)]


def same_experiment(case: Case, point: Mapping[str, Any]) -> tuple[float, ...]:
    """Return what all images of a point have in common, and its value of z."""
    return min(key(case, image, 12) for image in images(case, point)) + (point["z"],)


def points(case: Case, made: Any, n: int) -> list[dict[str, Any]]:
    """Draw points of the space."""
    rng, found = np.random.default_rng(case.seed), []
    while len(found) < n:
        point = {}
        for p in made.parameters.values():
            if hasattr(p, "values"):
                point[p.name] = p.values[int(rng.integers(len(p.values)))]
            else:
                value = float(rng.uniform(p.lower, p.upper))
                point[p.name] = round(value) if p.name != "z" and case.kinds[
                    case.slots.index(p.name[0])] == "int" else round(value, 1) if getattr(p, "digits", None) else value
        if is_inside(case, point, {}, -1e-3):
            found.append(point)
    return found


def outcome(case: Case, point: Mapping[str, Any]) -> float:
    """Let no element of the group change the outcome."""
    blocks = [[rank(case, f"{s}{k}", point[f"{s}{k}"]) for s in case.slots] for k in range(case.blocks)]
    return sum(np.cos(3 * abs(b[0] - 0.5)) + 0.3 * b[0] * b[-1] * (not case.mirror) for b in blocks) + point["z"]


def model(case: Case, made: Experiment, config: dict[str, Any]) -> Any:
    if case.door == "get_botorch":
        return get_botorch(made, made.lookup_data(), symmetry=config, method=case.method)
    own = {**config, "method": case.method}
    return MODULAR(
        experiment=made, data=made.lookup_data(),
        transforms=[Canonicalize, SymmetrizeObservations, *registry.Cont_X_trans, *registry.Y_trans],
        transform_configs={"Canonicalize": own, "SymmetrizeObservations": own},
    )


def check(case: Case) -> None:
    made = experiment(space(case.parameters(), case.constraints))
    observed = points(case, made.search_space, 5)
    for point in observed:
        add_trial(made, point, {"y": (outcome(case, point), 0.1)})
    config, declared, before = case.config, deepcopy(case.config), deepcopy(made.search_space)
    adapter = model(case, made, config)
    fixed = {} if not case.fixed else {case.fixed: observed[0][case.fixed]}
    asked = ObservationFeatures(parameters=dict(fixed)) if fixed else None
    log = StringIO()
    handler = StreamHandler(log)
    ROUNDING.addHandler(handler)
    try:
        candidates = [arm.parameters for arm in adapter.gen(case.batch, fixed_features=asked).arms]
    except CandidateGenerationError:  # plain Ax, too, may round all its candidates out of a constraint
        assert case.constraint
        return
    finally:
        ROUNDING.removeHandler(handler)
    if "Unable to round" in log.getvalue() and not all(map(made.search_space.check_membership, candidates)):
        assert case.constraint and "int" in case.kinds  # plain Ax 0.5 does so, when its search ends early
        return

    known = {key(case, point) for point in observed}
    for candidate in candidates:
        assert made.search_space.check_membership(candidate), candidate
        assert is_inside(case, candidate, fixed), candidate
        feasible = [image for image in images(case, candidate) if is_inside(case, image, fixed)]
        least = [min(key(case, image, digits) for image in feasible) for digits in DIGITS]
        is_least = any(key(case, candidate, digits) <= of for digits, of in zip(DIGITS, least))
        assert key(case, candidate) in known or is_least, candidate
    different = {same_experiment(case, candidate) for candidate in candidates}
    assert len(different) == case.batch or not has_new(case, fixed, case.batch), candidates

    point = points(case, made.search_space, 1)[0]
    means, covariances = adapter.predict(features(images(case, point)))
    np.testing.assert_allclose(means["y"], means["y"][0], atol=1e-6)
    np.testing.assert_allclose(covariances["y"]["y"], covariances["y"]["y"][0], atol=1e-6)
    assert config == declared and made.search_space == before
    assert [arm.parameters for arm in made.arms_by_name.values()] == observed


@pytest.mark.parametrize("part", range(10))
def test_calls_at_random(part: int) -> None:
    """In ten parts, so that they can run side by side."""

    @seed(part)
    @settings(max_examples=max(1, CASES // 10), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(calls())
    def run(case: Case) -> None:
        with warnings.catch_warnings(), fast_optimizer():
            warnings.simplefilter("ignore")
            check(case)

    run()
