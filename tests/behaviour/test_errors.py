"""Every wrong declaration is a SymmetryError that names what is wrong and says what to do, before any model is fitted.

One-line bugs that turn this file red: `validate` returns before `_check_alike`, or misses a trait; an error loses the
name of its parameter; `read` accepts unknown keys; `_one_of` compares with `in` alone (a numpy array is a `ValueError`
then); a transform checks its config on the first `gen`; a new `raise SymmetryError` without a row here.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ax.core.parameter
import ax_symmetry
import numpy as np
import pytest
import torch
from ax.core.base_trial import TrialStatus
from ax.core.experiment import Experiment
from ax.core.parameter import ParameterType
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, SymmetryError
from ax_symmetry import choose_generation_strategy, count_configurations, get_botorch
from ax_symmetry._ax import backend, private
from ax_symmetry._ax.search_model import SearchAcquisition
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.order_constraints import order_constraints
from ax_symmetry.__main__ import _check, _declared, _experiment, _read, _stored
from ax_symmetry.diagnostics import check_symmetry, suggest_symmetries
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel, MaxAlignmentKernel
from ax_symmetry.models.surrogate import InvariantKernelSpec, surrogate_spec
from ax_symmetry.options import read_canonicalize, read_symmetrize
from ax_symmetry.search.averaged_model import _tell_dimensions
from ax_symmetry.plotting import plot_best, plot_domain, plot_left_out, plot_orbits
from botorch.models import SingleTaskGP
from botorch.models.transforms.input import Log10
from botorch.utils.datasets import SupervisedDataset
from gpytorch.kernels import MaternKernel, RBFKernel
from support import AxClient
from support import (
    MODULAR, Generators, Remainder, add_trial, boolean, choice, experiment, fill, fits_recorded, fixed,
    float_range, int_range, space, torch_modules,
)

covar_module_argparse = import_module(
    f"{torch_modules}.botorch_modular.input_constructors.covar_modules"
).covar_module_argparse
BOTH = [Canonicalize, SymmetrizeObservations]
PAIR = {"blocks": [["a"], ["b"]]}
SLOTS = {"blocks": [["a", "b"], ["c", "d"]]}
MAYBE = {**SLOTS, "absent": {"a": 0.0}}
ABC = {"blocks": [["a"], ["b"], ["c"]]}
MANY_SIGNS = {"blocks": [[f"x{i}"] for i in range(8)], "mirror": [{f"x{i}": 0.0} for i in range(8)]}
SUM = {"simplex": {"parameters": ["a", "b", "c"]}}
HERE = Path(__file__).parent
FLOATS = space([float_range(n) for n in "abcd"])
TWO = space([float_range("a"), float_range("b")])


def pair(a: Any, b: Any) -> SearchSpace:
    return space([a, b])


def switched(**dependents: Mapping[str, list[str]]) -> SearchSpace:
    """Make two switches with a range for each, which is there where the switch is at y."""
    given = {"a": {"y": ["c"]}, "b": {"y": ["d"]}, **dependents}
    switches = [choice(name, ["y", "n"], dependents=given[name]) for name in "ab"]
    return space([*switches, float_range("c"), float_range("d")])


def filled(made: SearchSpace) -> Experiment:
    """Run two trials near the lower corner of a space."""
    run = experiment(made)
    for k in (1, 2):
        point = {}
        for name, p in made.parameters.items():
            if hasattr(p, "lower"):
                value = p.lower + 0.05 * k * (p.upper - p.lower)
                point[name] = round(value) if p.parameter_type.name == "INT" else p.cast(value)
            else:
                point[name] = p.values[k % len(p.values)] if hasattr(p, "values") else p.value
        add_trial(run, point, {"y": (float(k), 0.1)})
    return run


def tracking(name: str) -> Experiment:
    """Make an experiment that tracks a metric, which does not say whether less of it is better."""
    run = experiment(TWO, ("y", name))
    add_trial(run, {"a": 0.1, "b": 0.2}, {name: (1.0, 0.1)})
    return run


def abandoned() -> Experiment:
    run = filled(TWO)
    for trial in run.trials.values():
        trial._status = TrialStatus.ABANDONED
    return run


def incomplete() -> Experiment:
    """Make an experiment whose arm came before a parameter did."""
    run = experiment(space([float_range("a")]))
    add_trial(run, {"a": 0.1}, {"y": (1.0, 0.1)})
    run._search_space = TWO
    return run


def without_model() -> Any:
    """Make an adapter that draws quasi-random points; before Ax 0.5 none knows its experiment, so it is told."""
    run = filled(TWO)
    adapter = Generators.SOBOL(experiment=run, data=run.lookup_data(), search_space=TWO)
    adapter._experiment = run
    return adapter


def given_fixed(config: Any, search_space: SearchSpace, fixed_features: Mapping[str, Any]) -> Any:
    """Turn a candidate of a call of gen, with fixed features, into its canonical form."""
    transform, features = Canonicalize(search_space=search_space, config=config), ObservationFeatures(fixed_features)
    transform.transform_search_space(search_space)
    transform.transform_optimization_config(experiment(search_space).optimization_config, fixed_features=features)
    return transform.untransform_observation_features([features])


def both(config: Any) -> dict[str, Any]:
    return {transform.__name__: config for transform in BOTH}


def by_symmetry(run: Experiment, config: Any) -> Any:
    """Take the door of `symmetry=`."""
    method = "auto" if isinstance(config, Mapping) and "method" in config else "augmentation"
    return get_botorch(run, run.lookup_data(), symmetry=config, method=method)


def by_transforms(run: Experiment, config: Any) -> Any:
    """Take the door of `transforms=` and `transform_configs=`, as in Ax's own call."""
    transforms = BOTH + backend.default_transforms()
    return get_botorch(run, run.lookup_data(), transforms=transforms, transform_configs=both(config))


def check(error: BaseException, named: tuple[str, ...], way_out: str) -> None:
    """Check that a message names these and shows the way out."""
    assert isinstance(error, SymmetryError) and isinstance(error, ValueError)
    for name in named:
        assert name in str(error)
    assert re.search(way_out, str(error)), f"{error}\ndoes not say: {way_out}"


ALIKE = "declare them so, or take them out"
# Of a declaration alone, or of a declaration and a search space: config, space, what the message names, its way out.
DECLARATIONS = [
    pytest.param(5, TWO, ("5",), "a symmetry is a dict such as", id="no-dict"),
    pytest.param(FLOATS, TWO, ("a SearchSpace",), "a symmetry is a dict such as", id="space-for-a-symmetry"),
    pytest.param([["a"], ["b"]], TWO, ("[['a'], ['b']]",), "a symmetry is a dict such as", id="blocks-without-key"),
    pytest.param({"noise": "copy"}, TWO, ("symmetry",), "declare blocks", id="options-only"),
    pytest.param({"symmetries": []}, TWO, ("symmetry",), "declare blocks", id="no-symmetries"),
    pytest.param({"block": [["a"], ["b"]]}, TWO, ("'block'",), "did you mean 'blocks'", id="misspelt-key"),
    pytest.param({**PAIR, "max_image": 5}, TWO, ("'max_image'",), "did you mean 'max_images'", id="misspelt-option"),
    pytest.param({**PAIR, "q": 5}, TWO, ("'q'",), "the keys are blocks, group, mirror", id="unknown-key"),
    pytest.param({**PAIR, 5: 5}, TWO, ("5",), "the keys are", id="key-that-is-no-string"),
    pytest.param(
        {"symmetries": [{**PAIR, "noise": "copy"}]}, TWO, ("'noise'",), "inside symmetries", id="option-inside",
    ),
    pytest.param({"blocks": "ab"}, TWO, ("blocks", "'ab'"), "expected a list", id="text-for-blocks"),
    pytest.param(
        {"blocks": ["a", "b"]}, TWO, ("blocks", "'a'"), r'Each block is a list of names.*\[\["a"\], \["b"\]\]',
        id="text-for-a-block",
    ),
    pytest.param({"blocks": {"a": "b"}}, TWO, ("blocks", "{'a': 'b'}"), "expected a list", id="dict-for-blocks"),
    pytest.param({"blocks": {("a",), ("b",)}}, TWO, ("blocks",), "expected a list", id="set-for-blocks"),
    pytest.param({"blocks": None}, TWO, ("blocks", "None"), "expected a list", id="none-for-blocks"),
    pytest.param({"blocks": TWO}, TWO, ("blocks", "a SearchSpace"), "expected a list", id="space-for-blocks"),
    pytest.param({"blocks": [["a", "b"]]}, TWO, ("blocks", "1 block"), "at least two", id="one-block"),
    pytest.param({"blocks": [["a", "c"], ["b"]]}, FLOATS, ("a,c", "1 and 2"), "one parameter per slot", id="lengths"),
    pytest.param({"blocks": [[], []]}, TWO, ("lengths 0",), "one parameter per slot", id="empty-blocks"),
    pytest.param({"blocks": [["a"], ["a"]]}, TWO, ("blocks", "parameter a"), "has one place", id="shared-parameter"),
    pytest.param({"blocks": [["a", "b"], ["c", "a"]]}, FLOATS, ("parameter a",), "has one place", id="in-two-slots"),
    pytest.param({"blocks": [["a"], [None]]}, TWO, ("blocks", "None"), "named by strings", id="name-that-is-no-string"),
    pytest.param({"blocks": [["a"], [""]]}, TWO, ("blocks", "''"), "named by strings", id="empty-name"),
    pytest.param({**PAIR, "group": "symetric"}, TWO, ("group", "'symetric'"), "use one of symmetric", id="group-name"),
    pytest.param({**PAIR, "group": 3}, TWO, ("group", "3"), "expected a list", id="group-number"),
    pytest.param({**PAIR, "group": [1, 0]}, TWO, ("group", "1"), "expected a list", id="generator-without-list"),
    pytest.param(
        {**PAIR, "group": [[1, 1]]}, TWO, ("group", "[1, 1]"), "every position 0 to 1 once", id="no-permutation",
    ),
    pytest.param({**PAIR, "group": [[2, 1]]}, TWO, ("group", "[2, 1]"), "every position 0 to 1 once", id="one-based"),
    pytest.param({**PAIR, "group": [[1.0, 0.0]]}, TWO, ("group", "[1.0, 0.0]"), "0 to 1 once", id="float-generator"),
    pytest.param({**PAIR, "group": "alternating"}, TWO, ("group", "a / b"), "larger group", id="alternating-of-two"),
    pytest.param({**PAIR, "group": [[0, 1]]}, TWO, ("group", "a / b"), "larger group", id="identity-only"),
    pytest.param({"group": "cyclic", "mirror": {"a": 0.5}}, TWO, ("group",), "add blocks", id="group-without-blocks"),
    pytest.param({"mirror": {}}, TWO, ("mirror",), "name", id="empty-mirror"),
    pytest.param({"mirror": []}, TWO, ("mirror",), "name", id="no-mirror"),
    pytest.param({"mirror": "a"}, TWO, ("mirror", "'a'"), 'write {"a": center}', id="text-for-mirror"),
    pytest.param({"mirror": ["a", "b"]}, TWO, ("mirror", "'a'"), '"a": center, "b": center}', id="list-for-mirror"),
    pytest.param({"mirror": 0.5}, TWO, ("mirror", "0.5"), 'write {"name": center}', id="number-for-mirror"),
    pytest.param({"mirror": {"a": None}}, TWO, ("mirror", "a "), "must be a finite number", id="center-none"),
    pytest.param({"mirror": {"a": math.nan}}, TWO, ("mirror", "a "), "must be a finite number", id="center-nan"),
    pytest.param({"mirror": {"a": True}}, TWO, ("mirror", "a "), "must be a finite number", id="center-bool"),
    pytest.param({"mirror": {"a": 10**400}}, TWO, ("mirror", "a "), "must be a finite number", id="center-huge"),
    pytest.param({"mirror": {3: 0.5}}, TWO, ("mirror", "3"), "named by strings", id="mirror-of-a-number"),
    pytest.param(
        {"symmetries": [PAIR, {"mirror": [{"a": 0.5}, {"b": 0.4}]}]}, TWO, ("mirror", "0.5", "0.4"), "one center",
        id="centers-that-move-without-end",
    ),
    pytest.param({**PAIR, "simplex": ["a", "b"]}, TWO, ("simplex",), 'write {"parameters"', id="list-for-simplex"),
    pytest.param({**PAIR, "simplex": {"total": 1}}, TWO, ("simplex",), 'write {"parameters"', id="simplex-of-nothing"),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a"]}}, TWO, ("simplex", "'a'"), "at least two", id="simplex-of-one",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "a"]}}, TWO, ("simplex", "parameter a"), "one place",
        id="simplex-twice"
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b"], "total": "1"}}, TWO, ("simplex", "total", "'1'"),
        "finite number",
        id="total-text",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["b", "c"]}}, FLOATS, ("a and b", "b, c"), "name both in it, or neither",
        id="simplex-cut-by-a-swap",
    ),
    pytest.param(
        {"mirror": {"a": 0.5}, **SUM}, FLOATS, ("mirror of a", "a, b, c"), "drop the mirror",
        id="mirror-in-a-simplex"
    ),
    pytest.param(PAIR, switched(), ("parameter c", "depends on a"), "Add it to the block", id="dependents-outside"),
    pytest.param(
        {"blocks": [["a", "c"], ["b", "d"]]}, switched(b={"n": ["d"]}), ("a and b", "['c']", "['d']"), "slot by slot",
        id="dependents-of-another-value",
    ),
    pytest.param(
        {"blocks": [["a", "c"], ["b", "d"]]}, switched(a={"y": ["d"]}, b={"y": ["c"]}), ("parameter d", "depends on a"),
        "Add it",
        id="dependent-in-another-block",
    ),
    pytest.param(
        {"blocks": [["c"], ["d"]]}, switched(), ("parameter a", "['c']"), "Let all of a slot", id="dependents-alone",
    ),
    pytest.param(
        {"mirror": {"a": 0.5}}, pair(choice("a", [0, 1], dependents={0: ["b"]}), float_range("b")), ("parameter a",),
        "take it out of the mirror", id="mirror-with-dependents",
    ),
    pytest.param({**SLOTS, "absent": {}}, FLOATS, ("absent",), 'write {"name": value}', id="empty-absent"),
    pytest.param({**SLOTS, "absent": ["a"]}, FLOATS, ("absent", "['a']"), 'write {"a": value}', id="list-for-absent"),
    pytest.param({**SLOTS, "absent": "a"}, FLOATS, ("absent", "'a'"), 'write {"a": value}', id="text-for-absent"),
    pytest.param({**SLOTS, "absent": {3: 0.0}}, FLOATS, ("absent", "3"), "named by strings", id="absent-number"),
    *[pytest.param({**SLOTS, "absent": {"a": value}}, FLOATS, ("value of a ",), "number, a text", id=f"absent-{value}")
      for value in (None, [0.0], math.nan, math.inf)],
    pytest.param({**SLOTS, "absent": {"e": 0.0}}, FLOATS, ("parameter e",), "Name the slot", id="absent-in-no-block"),
    pytest.param({**PAIR, "absent": {"a": 0.0}}, TWO, ("parameter a",), "add slots, or drop", id="absent-alone"),
    pytest.param(
        {**SLOTS, "absent": {"a": 0.0, "b": 0.0}}, FLOATS, ("a and b", "one block, a, b"), "one of them alone",
        id="absent-twice",
    ),
    pytest.param(
        {"symmetries": [MAYBE, {"absent": {"c": 0.5}}]}, FLOATS, ("parameter a", "0.5", "0.0"), "name one",
        id="absent-at-two-values",
    ),
    pytest.param(
        {**SLOTS, "absent": {"a": 0.0}, "mirror": {"a": 0.5}}, FLOATS, ("parameter a", "mirror"), "out of the mirror",
        id="absent-mirrored",
    ),
    pytest.param(
        {**SLOTS, "absent": {"a": 0.0}, "period": {"a": 0.5, "c": 0.5}}, FLOATS, ("parameter a", "period"),
        "out of the period", id="absent-with-a-period",
    ),
    pytest.param(
        {"symmetries": [{**SLOTS, "absent": {"a": 0.0}}, {"blocks": [["b"], ["d"]]}]}, FLOATS, ("moves a or b",),
        "stay together", id="absent-blocks-torn-apart",
    ),
    pytest.param(
        {**SLOTS, "absent": {"a": 0.0}, "simplex": {"parameters": ["b", "d"]}}, FLOATS, ("parameter b", "a is 0.0"),
        "Take it out of the simplex", id="absent-in-a-sum",
    ),
    *[pytest.param({**SLOTS, "absent": {"c": value}}, FLOATS, ("parameter a", repr(value)), "a value that it can have",
                   id=f"absent-at-{value}") for value in (1.5, "no", True)],
    pytest.param(
        {**SLOTS, "absent": {"a": 1.5}}, space([*(int_range(n, 0, 3) for n in "ac"), *(float_range(n) for n in "bd")]),
        ("parameter a", "1.5"), "a value that it can have", id="absent-between-integers",
    ),
    pytest.param({**SLOTS, "distinct": []}, FLOATS, ("distinct",), 'write "name"', id="empty-distinct"),
    pytest.param({**SLOTS, "distinct": 3}, FLOATS, ("distinct", "3"), 'Write "name"', id="number-for-distinct"),
    pytest.param({**SLOTS, "distinct": {"a": 1}}, FLOATS, ("distinct",), 'Write "name"', id="dict-for-distinct"),
    pytest.param({**SLOTS, "distinct": ["a", "a"]}, FLOATS,
                 ("distinct", "parameter a"), "one place", id="twice-distinct"),
    pytest.param({**SLOTS, "distinct": "e"}, FLOATS, ("distinct", "parameter e"), "Name a slot", id="distinct-no-slot"),
    pytest.param({**SLOTS, "distinct": "a"}, FLOATS, ("distinct", "parameter a"),
                 "name a choice", id="distinct-floats"),
    pytest.param(
        {**ABC, "distinct": "a"}, space([choice(n, ["x", "y"]) for n in "abc"]), ("a, b, c", "['x', 'y']"),
        "at least 3 values", id="too-few-to-be-distinct",
    ),
    pytest.param(
        {**ABC, "distinct": "a"}, space([int_range(n, 1, 2) for n in "abc"]), ("a, b, c", "[1, 2]"),
        "at least 3 values", id="too-few-numbers-to-be-distinct",
    ),
    pytest.param(
        {**SLOTS, "distinct": "a", "mirror": {"a": 0.5}}, FLOATS, ("parameter a", "mirror"), "another slot",
        id="distinct-mirrored",
    ),
    pytest.param(
        {**SLOTS, "distinct": "a", "simplex": {"parameters": ["a", "c"]}}, FLOATS, ("parameter a", "simplex"),
        "another slot", id="distinct-sum",
    ),
    pytest.param(
        {"symmetries": [{**SLOTS, "distinct": "a"}, {"blocks": [["a"], ["b"]]}]}, FLOATS, ("a, c",),
        "stays together", id="distinct-torn-apart",
    ),
    pytest.param(
        {**SLOTS, "absent": {"a": "q"}}, space([*(choice(n, ["x", "y"]) for n in "ac"), *map(float_range, "bd")]),
        ("parameter a", "'q'", "['x', 'y']"), "a value that it can have", id="absent-at-no-choice",
    ),
    pytest.param({"scale": {}}, TWO, ("scale",), 'write {"name": exponent}', id="empty-scale"),
    pytest.param({"shift": []}, TWO, ("shift",), 'write {"name": weight}', id="empty-shift"),
    pytest.param({"scale": "a"}, TWO, ("scale", "'a'"), 'Write {"a": exponent}', id="text-for-scale"),
    pytest.param({"scale": 3.0}, TWO, ("scale", "3.0"), "or a list of names", id="number-for-scale"),
    pytest.param({"shift": [3]}, TWO, ("shift", "3"), "a list of names", id="number-in-a-shift"),
    pytest.param({"shift": ["a", "a"]}, TWO, ("shift", "parameter a"), "one place", id="shifted-twice"),
    *[pytest.param({"scale": {"a": value}}, TWO, ("exponent of a",), "a finite number other than", id=f"scale-{value}")
      for value in (0, math.inf, math.nan, True, "1")],
    pytest.param(
        {"symmetries": [{"scale": ["a"]}, {"shift": ["a"]}]}, TWO, ("scale", "parameter a", "a shift"),
        "declare one of the two", id="scaled-and-shifted",
    ),
    pytest.param(
        {"shift": ["a", "b"], "period": {"b": 0.5}}, TWO, ("shift", "parameter b", "a period"), "declare one",
        id="shifted-with-a-period",
    ),
    pytest.param(
        {"scale": ["a"], "mirror": {"a": 0.5}}, TWO, ("scale", "parameter a", "mirror"), "drop it", id="scaled-mirror",
    ),
    pytest.param(
        {"shift": [{"a": 1, "b": 2}, {"a": 2, "b": 4}]}, TWO, ("2 parts", "a, b"), "drop one", id="shifts-that-depend",
    ),
    pytest.param({**PAIR, "scale": ["a"]}, TWO, ("scale", "moves a", "b would"), "one exponent", id="scale-of-one"),
    pytest.param(
        {**PAIR, "shift": {"a": 1, "b": 2}}, TWO, ("shift", "moves a, b"), "one weight", id="unequal-weights",
    ),
    pytest.param(
        {"mirror": {"a": 0.5}, "shift": ["a", "b"]}, TWO, ("shift", "moves a, b"), "would have to move along",
        id="mirror-of-one-that-is-shifted",
    ),
    pytest.param(
        {"shift": ["a", "b"], **SUM}, FLOATS, ("shift of a", "a, b, c"), "drop the shift", id="shift-in-a-simplex",
    ),
    pytest.param(
        {**MAYBE, "shift": ["a", "c"]}, FLOATS, ("parameter a", "has a shift"), "out of the shift",
        id="absent-and-shifted",
    ),
    pytest.param(
        {"scale": ["a", "b"]}, TWO, ("parameter a",), "range parameter on a log scale. Declare it",
        id="scale-without-log",
    ),
    pytest.param(
        {"scale": ["a"]}, pair(choice("a", [1, 2, 3]), float_range("b")), ("parameter a",), "out of the scale",
        id="scale-of-a-choice",
    ),
    pytest.param(
        {"scale": ["a"]}, pair(int_range("a", 1, 99, log_scale=True), float_range("b")), ("a is a whole number",),
        "out of the scale", id="scale-of-whole-numbers",
    ),
    pytest.param(
        {"shift": ["a"]}, pair(float_range("a", 1, 9, log_scale=True), float_range("b")), ("parameter a",),
        "on a linear scale", id="shift-on-log",
    ),
    pytest.param(
        {"shift": {"a": 2, "b": 3}}, pair(int_range("a", 0, 9), int_range("b", 0, 9)), ("parameters b and a", "steps"),
        "weights, that fit", id="shift-that-leaves-the-grid",
    ),
    pytest.param(
        {"shift": [["a", "b"], ["a"]]}, pair(int_range("a", 0, 9), int_range("b", 0, 9)), ("parameter a", "two shifts"),
        "in one shift", id="two-shifts-of-whole-numbers",
    ),
    pytest.param({"rotate": {}}, TWO, ("rotate",), 'write {"pairs"', id="empty-rotate"),
    pytest.param({"rotate": {"pairs": []}}, TWO, ("rotate",), 'write {"pairs"', id="no-pairs"),
    pytest.param({"rotate": {"pairs": ["a", "b"]}}, TWO, ("rotate", "'a'"), "Each pair is a list", id="flat-pairs"),
    pytest.param({"rotate": [["a", "b"]]}, TWO, ("rotate",), 'write {"pairs"', id="list-for-rotate"),
    pytest.param({"rotate": {"pairs": [["a", "b", "c"]]}}, FLOATS, ("two names",), 'write {"pairs"', id="triples"),
    pytest.param({"rotate": {"pairs": [["a", "a"]]}}, TWO, ("rotate", "a"), "one place", id="a-pair-of-one"),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]], "center": [0.0]}}, TWO, ("center", "[0.0]"), "two finite numbers",
        id="center-of-one-number",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]], "center": 0.5}}, TWO, ("rotate", "0.5"), "For the center",
        id="number-for-a-center",
    ),
    pytest.param(
        {"symmetries": [{"rotate": {"pairs": [["a", "b"]]}}, {"rotate": {"pairs": [["c", "d"]]}}]}, FLOATS,
        ("two rotations",), "declare all pairs in one", id="two-rotations",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]]}, "period": {"b": 0.5}}, TWO, ("parameter b", "a period"), "one of the two",
        id="turned-with-a-period",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]], "center": [0.5, 0.25]}, "mirror": {"b": 0.5}}, TWO,
        ("parameter b", "0.25", "0.5"), "one center", id="turned-and-mirrored-elsewhere",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"], ["c", "d"]]}, "shift": ["a", "c"]}, FLOATS, ("rotate", "all pairs"),
        r'"shift": \[\["a", "c"\], \["b", "d"\]\], or drop', id="turned-and-shifted-one-way",
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["c"]], "rotate": {"pairs": [["a", "b"]]}}, FLOATS, ("rotate", "c"),
        "trade places as a whole", id="pairs-torn-apart",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"], ["c", "d"]]}, "mirror": {"a": 0.5}}, FLOATS, ("rotate", "sense"),
        "one coordinate of every pair", id="mirror-of-one-pair",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"], ["c", "d"]]}}, space([*map(float_range, "abc"), float_range("d", 0.0, 2.0)]),
        ("ranges of b and d",), "give the center", id="pairs-with-different-middles",
    ),
    pytest.param(
        {"shift": ["a"]}, pair(choice("a", [0.0, 0.5, 1.0]), float_range("b")), ("parameter a", "step_size"),
        "out of the shift", id="shift-of-a-stepped-choice",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]]}}, pair(float_range("a", 1, 9, log_scale=True), float_range("b")),
        ("parameter a",), "on a linear scale", id="turned-on-log",
    ),
    pytest.param(
        {"rotate": {"pairs": [["a", "b"]]}}, pair(int_range("a", 0, 9), float_range("b")), ("a is a whole number",),
        "out of the rotation", id="turned-whole-numbers",
    ),
    pytest.param({"period": {}}, TWO, ("period",), 'write {"name": period}', id="empty-period"),
    pytest.param({"period": ["a"]}, TWO, ("period", "['a']"), 'write {"a": period}', id="list-for-period"),
    pytest.param({"period": "a"}, TWO, ("period", "'a'"), 'write {"a": period}', id="text-for-period"),
    pytest.param({"period": 360.0}, TWO, ("period", "360.0"), 'write {"name": period}', id="number-for-period"),
    pytest.param({"period": {3: 1.0}}, TWO, ("period", "3"), "named by strings", id="period-of-a-number"),
    *[pytest.param({"period": {"a": value}}, TWO, ("period of a ",), "a finite number above 0", id=f"period-{value}")
      for value in (0, -1.0, None, "1", math.nan, math.inf, True)],
    pytest.param(
        {**PAIR, "period": {"a": 1.0}}, TWO, ("parameter a", "and b", "none"), "trade places one period",
        id="period-of-one-of-two",
    ),
    pytest.param(
        {"symmetries": [PAIR, {"period": {"a": 1.0}}, {"period": {"b": 0.5}}]}, TWO, ("parameter a", "0.5"),
        "trade places one period", id="two-periods-of-one-orbit",
    ),
    pytest.param(
        {"symmetries": [{"period": {"a": 1.0}}, {"period": {"a": 0.5}}]}, TWO, ("parameter a", "1.0"),
        "one period", id="two-periods-of-one-parameter",
    ),
    pytest.param(
        {"symmetries": [{"period": {"a": 1.0}}, SUM]}, FLOATS, ("period of a", "a, b, c"), "drop the period",
        id="period-in-a-simplex",
    ),
    pytest.param(
        {"period": {"a": 2.0}}, pair(float_range("a", 1, 9, log_scale=True), float_range("b")), ("parameter a",),
        "on a linear scale", id="period-on-log",
    ),
    pytest.param(
        {"period": {"a": 0.5}}, pair(float_range("a", 0.1, 0.9, logit_scale=True), float_range("b")), ("parameter a",),
        "on a linear scale", id="period-on-logit",
    ),
    pytest.param(
        {"period": {"a": 2}}, pair(choice("a", [1, 2, 3]), float_range("b")), ("parameter a",), "on a linear scale",
        id="period-of-a-choice",
    ),
    pytest.param(
        {"period": {"a": 2.5}}, pair(int_range("a", 0, 9), float_range("b")), ("parameter a", "2.5"),
        "Change the digits or the period", id="period-between-integers",
    ),
    pytest.param(
        {"period": {"a": 0.25}}, pair(float_range("a", digits=1), float_range("b")), ("parameter a", "0.1", "0.25"),
        "Change the digits or the period", id="period-between-digits",
    ),
    pytest.param(
        {"period": {"a": 1.0}, "mirror": {"a": 0.0}}, TWO, ("center of a",), "Move the center", id="period-and-center",
    ),
    pytest.param(
        {"blocks": [["a"], ["mu"]]}, TWO, ("parameter mu", "search space"), "its parameters are a, b", id="unknown",
    ),
    pytest.param({"mirror": {"aa": 0.5}}, TWO, ("parameter aa",), "did you mean a[?]", id="unknown-in-mirror"),
    pytest.param(
        {"blocks": [["x"], ["y"]]}, TWO, ("parameter x",), "Correct the name|its parameters are", id="all-vanish"
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["x"], ["y"]], "simplex": {"parameters": ["a", "b", "x", "y"]}}, TWO,
        ("parameter x and parameter y",), "only one of x, y can be implied", id="two-implied",
    ),
    pytest.param(PAIR, pair(float_range("a"), int_range("b", 0, 1)), ("a and b", "FLOAT", "INT"), ALIKE, id="type"),
    pytest.param(
        PAIR, pair(float_range("a"), float_range("b", 0, 2)), ("a and b", "bounds", "[0.0, 2.0]"), ALIKE, id="bounds"
    ),
    pytest.param(
        PAIR, pair(float_range("a", 1, 2), float_range("b", 1, 2, log_scale=True)), ("a and b", "log scale"), ALIKE,
        id="log-scale",
    ),
    pytest.param(
        PAIR, pair(float_range("a", 0.1, 0.9), float_range("b", 0.1, 0.9, logit_scale=True)),
        ("a and b", "logit scale"),
        ALIKE, id="logit-scale",
    ),
    pytest.param(PAIR, pair(float_range("a", digits=3), float_range("b")), ("a and b", "digits"), ALIKE, id="digits"),
    pytest.param(
        PAIR, pair(choice("a", ["x", "y", "z"]), choice("b", ["x", "z", "y"])), ("a and b", "values"), ALIKE,
        id="values"
    ),
    pytest.param(
        PAIR, pair(choice("a", ["x", "y", "z"]), choice("b", ["x", "y", "z"], is_ordered=False)),
        ("a and b", "is_ordered"), ALIKE, id="order",
    ),
    pytest.param(
        PAIR, pair(int_range("a", 1, 3), choice("b", [1, 2, 3])), ("a and b", "RangeParameter", "ChoiceParameter"),
        ALIKE,
        id="kind",
    ),
    pytest.param(PAIR, pair(boolean("a"), choice("b", [0, 1])), ("a and b", "BOOL", "INT"), ALIKE, id="bool-and-int"),
    pytest.param(
        {"blocks": [["a", "c"], ["b", "d"]]}, space([float_range(n) for n in "abc"] + [float_range("d", 0, 2)]),
        ("c and d", "bounds"), ALIKE, id="bounds-of-the-second-slot",
    ),
    pytest.param(
        {"symmetries": [PAIR, {"blocks": [["b"], ["c"]]}]},
        space([float_range("a"), float_range("b"), float_range("c", 0, 2)]),
        ("a and c", "bounds"), ALIKE, id="bounds-by-a-detour",
    ),
    pytest.param(PAIR, pair(float_range("a"), fixed("b", 0.5)), ("parameter b", "fixed"), "take it out", id="fixed"),
    pytest.param(
        PAIR, pair(float_range("a"), float_range("b", is_fidelity=True, target_value=1.0)), ("parameter b", "fidelity"),
        "take it out", id="fidelity",
    ),
    pytest.param(
        PAIR, pair(choice("a", ["x", "y"]), choice("b", ["x", "y"], is_task=True, is_ordered=False, target_value="x")),
        ("parameter b", "task"), "take it out", id="task",
    ),
    pytest.param(
        {"mirror": {"a": 0.4}}, TWO, ("center of a", "0.4", "0.5"), "Move the center or the bounds", id="center",
    ),
    pytest.param(
        {"mirror": {"i": 4.0}}, space([int_range("i", 1, 8), float_range("a")]), ("center of i", "4.5"),
        "Move the center",
        id="center-of-integers",
    ),
    pytest.param(
        {"symmetries": [PAIR, {"mirror": {"a": 0.4}}]}, TWO, ("center of a",), "Move the center", id="center-of-swapped"
    ),
    pytest.param(
        {"mirror": {"a": 10.0}}, pair(float_range("a", 1, 100, log_scale=True), float_range("b")),
        ("parameter a", "log"),
        "take it out of the mirror", id="mirror-on-log",
    ),
    pytest.param(
        {"mirror": {"a": 0.5}}, pair(float_range("a", 0.1, 0.9, logit_scale=True), float_range("b")),
        ("parameter a", "logit"), "take it out of the mirror", id="mirror-on-logit",
    ),
    pytest.param(
        {"mirror": {"a": 2}}, pair(choice("a", [1, 2, 4]), float_range("b")), ("of a ", "[1, 2, 4]"),
        "Correct the values",
        id="mirror-on-uneven-choice",
    ),
    pytest.param(
        {"mirror": {"a": 2}}, pair(choice("a", [1, 2, 3], is_ordered=False), float_range("b")), ("of a ", "ordered"),
        "take it out of the mirror", id="mirror-on-unordered-choice",
    ),
    pytest.param(
        {"mirror": {"a": 0.5}}, pair(boolean("a"), float_range("b")), ("of a ",), "take it out of the mirror",
        id="mirror-on-bool",
    ),
    pytest.param(
        {"mirror": {"a": 1}}, pair(choice("a", ["x", "y", "z"]), float_range("b")), ("of a ",),
        "take it out of the mirror",
        id="mirror-on-strings",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b"]}}, pair(boolean("a"), boolean("b")),
        ("simplex", "parameter a", "type bool"), "Declare it as a range", id="booleans-in-a-simplex",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b"]}}, pair(*(choice(n, [1, 3, 7], is_ordered=False) for n in "ab")),
        ("simplex", "parameter a", "unordered choice"), "an ordered choice between numbers", id="unordered-in-a-simplex"
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b"], "total": 8}}, space([choice("a", [1, 3, 7])]),
        ("simplex", "b is implied", "[1, 3, 7] are not evenly spaced"), "Space them evenly", id="uneven-in-a-simplex",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b"], "total": 8.25}}, space([int_range("a", 0, 8)]),
        ("simplex", "the total 8.25", "b", "a, which goes by steps of 1 from 0"), "Take another total, such as 8[.]$",
        id="fractional-total-of-integers",
    ),
    pytest.param(
        {**PAIR, "simplex": {"parameters": ["a", "b", "z"], "total": 8}},
        pair(int_range("a", 0, 8), float_range("z", 0, 8)),
        ("simplex", "b is implied", "a, which goes by steps of 1", "but z"), "Give it the same steps",
        id="decimals-among-whole-numbers",
    ),
    pytest.param(
        ABC, TWO, ("parameter c",), r'If c is what the others leave of a total, say so: {"simplex": {"parameters": '
        r'\["a", "b", "c"\], "total": ...}}', id="forgotten-simplex",
    ),
    pytest.param(
        {**ABC, "simplex": {"parameters": ["a", "b", "c"], "total": 1234567.75}},
        pair(float_range("a", 0, 1e6), float_range("b", 0, 1e6)), ("c is implied", "[-765432.25, 1234567.75]"),
        r"a \+ b <= 1234567.75 and a \+ b >= 234567.75[.]", id="the-constraints-of-a-large-total",
    ),
    pytest.param(
        {**ABC, "simplex": {"parameters": ["a", "b", "c"], "total": 100}},
        pair(int_range("a", 5, 90), int_range("b", 5, 90)), ("c is implied", "[-80, 90]"),
        r"a \+ b <= 95[.]", id="the-constraint-of-whole-numbers",
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["c"]], **SUM}, TWO, ("c is implied", "[-1, 1]", "[0, 1]"),
        r"add the parameter constraint a \+ b <= 1", id="implied-without-constraint",
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["c"]], **SUM}, space(TWO.parameters.values(), [({"a": 1.0, "b": 1.0}, 1.1)]),
        ("c is implied", "[-0.1, 1]"), r"a \+ b <= 1", id="implied-with-too-weak-a-constraint",
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["c"]], **SUM}, space([float_range("a", 0, 0.4), float_range("b", 0, 0.4)]),
        ("c is implied", "[0.2, 1]"), r"a \+ b >= 0.6", id="implied-above",
    ),
    pytest.param(
        {"blocks": [["a"], ["b"], ["c"]], **SUM}, pair(*(float_range(n, 0.1, 0.8, log_scale=True) for n in "ab")),
        ("c is implied",), r"without a log scale, add the parameter constraint a \+ b <= 0.9", id="implied-on-log",
    ),
]

EIGHT = space([float_range(f"x{i}") for i in range(9)])
S8 = {"blocks": [[f"x{i}"] for i in range(8)]}
LOGS = space([float_range(n, 1, 9, log_scale=True) for n in "ab"])
# Of the options, which only the transforms read: config, space, what the message names, its way out.
OPTIONS = [
    pytest.param({**PAIR, "noise": "none"}, TWO, ("noise", "'none'"), "'orbit' or 'copy'", id="noise"),
    pytest.param({**PAIR, "noise": ["orbit"]}, TWO, ("noise",), "'orbit' or 'copy'", id="noise-list"),
    pytest.param({**PAIR, "noise": None}, TWO, ("noise", "None"), "'orbit' or 'copy'", id="noise-none"),
    pytest.param({**PAIR, "noise": np.array(["orbit"] * 2)}, TWO, ("noise",), "'orbit' or 'copy'", id="noise-array"),
    pytest.param({**PAIR, "select": "far"}, TWO, ("select", "'far'"), "'nearest' or 'random'", id="select"),
    pytest.param({**PAIR, "max_images": 0}, TWO, ("max_images", "0"), "from 1 on", id="max-images-0"),
    pytest.param({**PAIR, "max_images": 2.0}, TWO, ("max_images", "2.0"), "from 1 on", id="max-images-float"),
    pytest.param({**PAIR, "max_images": True}, TWO, ("max_images", "True"), "from 1 on", id="max-images-bool"),
    pytest.param({**PAIR, "seed": -1}, TWO, ("seed", "-1"), "from 0 on", id="seed-negative"),
    pytest.param({**PAIR, "seed": None}, TWO, ("seed", "None"), "from 0 on", id="seed-none"),
    pytest.param({**PAIR, "order_by": "a"}, TWO, ("order_by", "'a'"), "a list of names", id="order-by-text"),
    pytest.param({**PAIR, "order_by": [1]}, TWO, ("order_by", "[1]"), "a list of names", id="order-by-number"),
    pytest.param({**PAIR, "order_by": ["c"]}, FLOATS, ("order_by", "parameter c"), "per slot", id="order-by-bystander"),
    pytest.param(
        {**PAIR, "method": "kernel", "max_images": 2}, TWO, ("max_images", "method 'kernel'"), "leave it out",
        id="images-for-the-kernel",
    ),
    pytest.param(
        {**PAIR, "method": "kernel", "base_kernel": "linear"}, TWO, ("base_kernel", "'linear'"), "'matern' or 'rbf'",
        id="unknown-base-kernel",
    ),
    pytest.param(
        {**PAIR, "method": "augmentation", "base_kernel": "rbf"}, TWO, ("base_kernel", "method 'augmentation'"),
        "leave it out", id="base-kernel-of-images",
    ),
    *[pytest.param(
        {**PAIR, "method": "kernel", "asymmetry": share}, TWO, ("asymmetry", repr(share)), "leave it out if", id=name,
    ) for name, share in {"no-share": 0, "share-above-1": 1.5, "share-bool": True, "share-text": "learnt"}.items()],
    pytest.param(
        {**PAIR, "method": "augmentation", "asymmetry": 0.1}, TWO, ("asymmetry", "method"), "'kernel'",
        id="share-of-images",
    ),
    pytest.param({**PAIR, "method": "magic"}, TWO, ("method", "'magic'"), "'kernel'", id="unknown-method"),
    pytest.param({**PAIR, "constrain": "yes"}, TWO, ("constrain", "'yes'"), "True or False", id="constrain-text"),
    pytest.param({**PAIR, "constrain": 1}, TWO, ("constrain", "1"), "True or False", id="constrain-number"),
    pytest.param(
        {**PAIR, "constrain": True}, LOGS, ("constrain", "parameter a", "log"), "order_by, or set constrain to False",
        id="constrain-on-log",
    ),
    pytest.param(
        {**PAIR, "constrain": True}, pair(choice("a", ["x", "y"]), choice("b", ["x", "y"])),
        ("constrain", "parameter a", "choice"), "order_by, or set constrain to False", id="constrain-on-choice",
    ),
    pytest.param(S8, EIGHT, ("40,320", "10,000"), "max_images.*invariant kernel", id="too-large"),
    pytest.param(
        {**S8, "group": "alternating"}, EIGHT, ("20,160", "10,000"), "max_images.*invariant kernel",
        id="too-large-subgroup"
    ),
    pytest.param(
        {**S8, "group": "alternating", "max_images": 4}, EIGHT, ("20,160", "10,000"), "smaller group",
        id="too-large-to-sort",
    ),
]


@pytest.mark.parametrize("config, made, named, way_out", DECLARATIONS)
def test_declaration_that_does_not_fit(config: Any, made: SearchSpace, named: tuple[str, ...], way_out: str) -> None:
    """Without Ax's model: reading it and comparing it with the search space suffices."""
    with pytest.raises(SymmetryError) as caught:
        Symmetry.from_config(config).validate(made)
    check(caught.value, named, way_out)


@pytest.mark.parametrize("door", [by_symmetry, by_transforms])
@pytest.mark.parametrize("config, made, named, way_out", DECLARATIONS + OPTIONS)
def test_no_model_is_fitted(
    door: Callable[..., Any], config: Any, made: SearchSpace, named: tuple[str, ...], way_out: str
) -> None:
    run = filled(made)
    with fits_recorded() as fits, pytest.raises(SymmetryError) as caught:
        door(run, config)
    check(caught.value, named, way_out)
    assert fits == []


@pytest.mark.parametrize("door", [by_symmetry, by_transforms])
def test_models_are_recorded(door: Callable[..., Any]) -> None:
    """The spy of the tests around sees the fit of a good declaration."""
    with fits_recorded() as fits:
        door(filled(TWO), PAIR)
    assert len(fits) == 1


def behind(name: str) -> list[Any]:
    """List Ax's default transforms with both of ours behind the one of that name."""
    stock = backend.default_transforms()
    names = [transform.__name__ for transform in stock]
    if name not in names:
        pytest.skip(f"this Ax has no {name} among its default transforms")
    at = names.index(name) + 1
    return [*stock[:at], *BOTH, *stock[at:]]


def compose(made: SearchSpace, **keywords: Any) -> Any:
    run = filled(made)
    return get_botorch(run, run.lookup_data(), **keywords)


def composed(name: str, config: Any, made: SearchSpace) -> Any:
    return compose(made, transforms=behind(name), transform_configs=both(config))


CHOICES = pair(choice("a", ["x", "y", "z"], is_ordered=False), choice("b", ["x", "y", "z"], is_ordered=False))
STOCK = backend.default_transforms()


class Flatten(import_module(f"ax.{backend.GENERATION}.transforms.remove_fixed").RemoveFixed):  # type: ignore[misc]
    """Takes all points for one."""

    def transform_observation_features(self, observation_features: Any) -> Any:
        for one in observation_features:
            one.parameters = {name: 0.5 for name in one.parameters}
        return observation_features


def own_kernel(config: Any, kind: type = RBFKernel, ours: Any = BOTH, metric: str | None = None) -> Any:
    """Ask for the kernel in a call to modular BoTorch that brings another one, for all metrics or for one."""
    modular = f"{torch_modules}.botorch_modular"
    model, utils = import_module(f"{modular}.surrogate"), import_module(f"{modular}.utils")
    if hasattr(utils, "ModelConfig"):
        configs = [utils.ModelConfig(covar_module_class=kind)]
        of = {"model_configs": configs} if metric is None else {"metric_to_model_configs": {metric: configs}}
        own = {"surrogate_spec": model.SurrogateSpec(**of)}
    else:
        own = {"surrogate": model.Surrogate(covar_module_class=kind)}
    run = filled(TWO)
    return MODULAR(
        experiment=run, data=run.lookup_data(), search_space=run.search_space, transforms=[*ours, *STOCK],
        transform_configs={transform.__name__: {**config, "method": "kernel"} for transform in ours}, **own,
    )


def by_spec(kind: type, options: dict[str, Any]) -> Any:
    """Ask for the arguments of a kernel in a surrogate spec of one's own, as Ax does before it makes the model."""
    data = SupervisedDataset(torch.zeros(3, 2), torch.zeros(3, 1), feature_names=["a", "b"], outcome_names=["y"])
    return covar_module_argparse(kind, dataset=data, botorch_model_class=SingleTaskGP, **options)


FIRST = "first in the transforms"
# How the parts are put together: the call, what the message names, its way out.
CALLS = [
    pytest.param(
        lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs={"Canonicalize": PAIR}),
        ("SymmetrizeObservations", "no config"), "hand the dict", id="config-of-canonicalize-only",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs={"SymmetrizeObservations": PAIR}),
        ("Canonicalize", "no config"), "hand the dict", id="config-of-symmetrize-only",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=BOTH + STOCK), ("Canonicalize", "no config"), "hand the dict", id="none",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=[Canonicalize, *STOCK], transform_configs=both(PAIR)),
        ("SymmetrizeObservations",), "add it to them or drop", id="symmetrize-is-no-transform",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=[SymmetrizeObservations, *STOCK], transform_configs=both(PAIR)),
        ("Canonicalize",), "add it to them or drop", id="canonicalize-is-no-transform",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs={**both(PAIR), "SymmetrizeObservations": 5}),
        ("SymmetrizeObservations", "5"), "the dict of the symmetry", id="config-that-is-no-dict",
    ),
    pytest.param(
        lambda: composed("UnitX", PAIR, space([float_range(n, 0, 5) for n in "ab"])), ("parameter a",), FIRST,
        id="unit-x"
    ),
    pytest.param(
        lambda: composed("UnitX", {"mirror": {"a": 0.4}}, pair(float_range("a", 0.2, 0.6), float_range("b"))),
        ("parameter a",), FIRST, id="unit-x-of-a-range-inside",
    ),
    pytest.param(lambda: composed("Log", PAIR, LOGS), ("parameter a",), FIRST, id="log"),
    pytest.param(lambda: composed("OneHot", PAIR, CHOICES), ("parameter a",), FIRST, id="one-hot"),
    pytest.param(
        lambda: composed("IntToFloat", PAIR, pair(int_range("a", 1, 9), int_range("b", 1, 9))), ("parameter a",), FIRST,
        id="int-to-float",
    ),
    pytest.param(
        lambda: composed("OrderedChoiceToIntegerRange", PAIR, pair(*(choice(n, ["x", "y", "z"]) for n in "ab"))),
        ("parameter a",), FIRST, id="ordered-choice",
    ),
    *[pytest.param(
        lambda name=name: composed(name, PAIR, TWO), ("transforms", name, "Canonicalize"), FIRST,
        id=f"{name}-without-effect",
    ) for name in ("UnitX", "Log", "IntToFloat")],
    pytest.param(
        lambda: compose(TWO, transforms=[Canonicalize, *STOCK, SymmetrizeObservations], transform_configs=both(PAIR)),
        ("UnitX", "SymmetrizeObservations"), FIRST, id="one-of-two-first",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry=PAIR, method="sort"), ("method", "'sort'"), "'augmentation'", id="method",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry=PAIR, method=None), ("method", "None"), "'augmentation'", id="method-none",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry={**PAIR, "method": "augmentation"}, method="kernel"),
        ("method", "'kernel'", "'augmentation'"), "leave out one", id="two-methods",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=[*BOTH, Flatten], transform_configs=both({**PAIR, "method": "kernel"})),
        ("method", "parameter a has no column"), "Use 'augmentation'", id="kernel-without-a-column",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=[*BOTH, *STOCK], transform_configs=both(
            {**PAIR, "method": "kernel", "asymmetry": 0.1})),
        ("asymmetry", "Canonicalize"), "take out", id="share-and-canonical-candidates",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry={**PAIR, "asymmetry": "learn", "order_by": ["a"]}), ("asymmetry", "order_by"),
        "take out", id="share-and-order",
    ),
    *[pytest.param(
        lambda kind=kind, options=options: by_spec(kind, options), ("covar_module_options", *options), "takes the dict",
        id=name,
    ) for name, kind, options in [
        ("spec-without-symmetry", InvariantKernel, {}),
        ("spec-with-a-share", InvariantKernel, {"symmetry": PAIR, "asymmetry": 0.1}),
        ("spec-not-normalized", ApproximatelyInvariantKernel, {"symmetry": PAIR, "normalize": False}),
    ]],
    pytest.param(
        lambda: by_spec(InvariantKernel, {"symmetry": {
            "blocks": [["a"], ["b"], ["c"]], "simplex": {"parameters": ["a", "b", "c"]}}}),
        ("parameter c", "implied"), "method 'kernel'", id="spec-with-an-implied-fraction",
    ),
    pytest.param(
        lambda: own_kernel(PAIR), ("method", "of its own"), "use method 'augmentation'", id="kernel-beside-another",
    ),
    pytest.param(
        lambda: own_kernel(PAIR, metric="y"), ("method", "of its own"), "use method 'augmentation'",
        id="kernel-beside-another-of-one-metric",
    ),
    pytest.param(
        lambda: own_kernel({**PAIR, "asymmetry": 0.1}, ApproximatelyInvariantKernel, [SymmetrizeObservations]),
        ("method", "of its own"), "use method 'augmentation'", id="kernel-beside-the-same",
    ),
    pytest.param(
        lambda: compose(TWO, method="augmentation"), ("method", "symmetry="), "missing", id="method-without-symmetry"
    ),
    pytest.param(
        lambda: compose(TWO, symmetry=PAIR, transforms=[Canonicalize, *STOCK]), ("symmetry=", "Canonicalize"), "drop",
        id="symmetry-and-its-transform",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry=PAIR, transform_configs={"SymmetrizeObservations": PAIR}),
        ("symmetry=", "SymmetrizeObservations"), "drop", id="symmetry-and-its-config",
    ),
    pytest.param(
        lambda: compose(TWO, transform_configs=both(PAIR)), ("Canonicalize", "SymmetrizeObservations"),
        "add|drop|symmetry=",
        id="configs-without-transforms",
    ),
    pytest.param(
        lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs={
            "Canonicalize": PAIR, "SymmetrizeObservations": {"mirror": {"a": 0.5}}}),
        ("Canonicalize", "SymmetrizeObservations", "'mirror'"), "the same dict", id="two-symmetries",
    ),
    pytest.param(
        lambda: InvariantKernel({**SLOTS, "absent": {"a": "no"}}, list("abcd")), ("absent", "'no'", "a "),
        "name the number", id="kernel-of-absent-text",
    ),
    pytest.param(
        lambda: compose(FLOATS, symmetry={**MAYBE, "max_images": 2}, method="augmentation"), ("max_images", "by a"),
        "leave it out", id="some-images-of-absent-blocks",
    ),
    pytest.param(
        lambda: compose(
            FLOATS, transforms=[SymmetrizeObservations, *STOCK], transform_configs={"SymmetrizeObservations": MAYBE}
        ),
        ("transforms", "b may be inert by a"), "add Canonicalize", id="absent-blocks-without-canonicalize",
    ),
    pytest.param(
        lambda: compose(
            FLOATS, symmetry={"symmetries": [MAYBE, {"mirror": {"b": 0.5}}]}, method="augmentation"
        ),
        ("mirror", "parameter b"), "set method to 'kernel'", id="images-of-mirrored-absent-blocks",
    ),
    pytest.param(
        lambda: given_fixed({**PAIR, "distinct": "a"}, space(int_range(n, 0, 3) for n in "ab"), {"a": 2, "b": 2}),
        ("distinct", "a, b"), "fix fewer of them", id="fixed-features-that-are-not-distinct",
    ),
    pytest.param(
        lambda: count_configurations(
            {"blocks": [["a"], ["b"], ["c"]], "group": "cyclic", "distinct": "a"},
            space(int_range(n, 0, 3) for n in "abc"),
        ),
        ("count", "in every way"), "without distinct", id="count-of-distinct-slots-in-a-cycle",
    ),
    pytest.param(
        lambda: count_configurations(
            {"blocks": [["a", "b"], ["c", "d"]], "distinct": ["a", "b"]}, space(int_range(n, 0, 3) for n in "abcd")
        ),
        ("count", "one slot"), "without distinct", id="count-of-two-distinct-slots",
    ),
    pytest.param(
        lambda: choose_generation_strategy(
            FLOATS, {"blocks": [["a"], ["b"], ["c"]], "group": "cyclic", "base_kernel": "embedding"}
        ),
        ("base_kernel", "'embedding'"), "use 'matern'", id="set-kernel-of-a-cycle",
    ),
    pytest.param(
        lambda: choose_generation_strategy(FLOATS, {**SLOTS, "base_kernel": "mixture"}),
        ("base_kernel", "'mixture'"), "use 'embedding'", id="mixture-without-amounts",
    ),
    pytest.param(
        lambda: choose_generation_strategy(
            space([*(float_range(n, 0.5, 1.0, log_scale=True) for n in "ac"), *(float_range(n) for n in "bd")]),
            {**SLOTS, "simplex": {"parameters": ["a", "c"], "total": 1.5}, "base_kernel": "mixture"},
        ),
        ("base_kernel", "linear scale"), "use 'embedding'", id="mixture-with-amounts-on-a-log-scale",
    ),
    pytest.param(
        lambda: choose_generation_strategy(FLOATS, {**MAYBE, "base_kernel": "mixture", "asymmetry": "learn"}),
        ("asymmetry", "'mixture'"), "leave asymmetry out", id="asymmetry-of-sets",
    ),
    pytest.param(
        lambda: ApproximatelyInvariantKernel(InvariantKernel(SLOTS, [*"abcd"], "embedding")),
        ("invariant", "no order"), "another base kernel", id="approximately-invariant-set-kernel",
    ),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), MAYBE, "a", "b"), ("plot_domain", "by a"), "without them",
        id="domain-of-absent-blocks",
    ),
    pytest.param(
        lambda: compose(FLOATS, symmetry={**MAYBE, "constrain": True}, method="augmentation"), ("constrain", "by a"),
        "set constrain to False", id="constrained-absent-blocks",
    ),
    pytest.param(
        lambda: compose(TWO, symmetry={"period": {"a": 0.5}}, method="augmentation"), ("method", "infinitely many"),
        "set method to 'kernel'", id="images-of-a-period",
    ),
    pytest.param(
        lambda: _tell_dimensions(None, SimpleNamespace(subset_output=lambda outcomes: None)), ("_subset_batch_dict",),
        "a model for every outcome", id="botorch-without-a-name",
    ),
    pytest.param(lambda: private.read(TWO, "_gone"), ("SearchSpace", "_gone"), "report", id="ax-without-a-name"),
    pytest.param(
        lambda: SearchAcquisition(None, None)(
            search_space_digest=SimpleNamespace(bounds=[(0.0, 1.0)]),
            torch_opt_config=SimpleNamespace(linear_constraints=None),
        ),
        ("surrogate",), "not supported", id="acquisition-without-surrogate",
    ),
    pytest.param(
        lambda: InvariantKernelSpec(None, "rbf").check_fitted(SingleTaskGP(torch.rand(3, 2), torch.rand(3, 1))),
        ("SingleTaskGP", "RBFKernel"), "'augmentation'", id="another-kernel-was-fitted",
    ),
    pytest.param(
        lambda: SymmetrizeObservations(config=PAIR), ("SymmetrizeObservations",), "needs the search space",
        id="no-space"
    ),
    pytest.param(lambda: Canonicalize(config=PAIR), ("Canonicalize",), "needs the search space", id="no-space-either"),
    pytest.param(lambda: Canonicalize(search_space=TWO), ("Canonicalize",), "hand the dict", id="no-config"),
    pytest.param(
        lambda: Canonicalize(search_space=TWO, config={}), ("Canonicalize",), "hand the dict", id="empty-config",
    ),
    pytest.param(lambda: read_symmetrize(5), ("5",), "the dict of the symmetry", id="read-no-dict"),
    pytest.param(lambda: read_canonicalize({"constrain": 0}), ("constrain", "0"), "True or False", id="read-canonical"),
    pytest.param(
        lambda: order_constraints(ParameterEncoding(Symmetry.from_config(PAIR), LOGS), (0, 1), LOGS),
        ("constrain", "parameter a"), "order_by", id="order-constraints",
    ),
    pytest.param(lambda: Symmetry(()), ("moves nothing",), "declare blocks", id="no-parts"),
    pytest.param(
        lambda: Symmetry.permutation([["a"], ["b"]]).transform_configs(noises="copy"), ("'noises'",), "the options are",
        id="transform-configs",
    ),
    pytest.param(
        lambda: Symmetry.permutation([["a"], ["b"]]).orbit({"a": 1.0}), ("parameter b",),
        "give every parameter a value",
        id="orbit-of-an-incomplete-point",
    ),
    pytest.param(
        lambda: Symmetry.permutation([["a"], ["b"]]).canonical({"a": 1.0, "b": "x"}), ("a, b",), "a type of values",
        id="canonical-of-mixed-values",
    ),
    pytest.param(
        lambda: Symmetry.mirror({"a": 0.5}).orbit({"a": "x"}), ("mirror", "a ", "'x'"), "needs numbers",
        id="mirror-of-text"
    ),
    pytest.param(
        lambda: Symmetry.from_config(S8).orbit({f"x{i}": float(i) for i in range(8)}), ("40,320",), "smaller group",
        id="orbit-too-large",
    ),
]
DATA = filled(TWO).lookup_data()
S2 = Symmetry(PAIR)
# Arguments of another kind: the call, what the message names, its way out.
KINDS_OF_ARGUMENTS = [
    pytest.param(
        lambda given=given: get_botorch(given, DATA, symmetry=PAIR), ("experiment", said), "the experiment itself",
        id=f"experiment-{said}",
    )
    for given, said in [(None, "None"), (TWO, "a SearchSpace"), (PAIR, "'blocks'"), (DATA, "a Data"), (S2, "Symmetry")]
] + [
    pytest.param(
        lambda given=given: get_botorch(filled(TWO), given, symmetry=PAIR), ("data", said), "lookup_data",
        id=f"data-{said}",
    )
    for given, said in [(None, "None"), (DATA.df, "a DataFrame"), (TWO, "a SearchSpace"), (PAIR, "'blocks'")]
] + [
    pytest.param(
        lambda given=given: get_botorch(filled(TWO), DATA, given), ("search_space", "'a'"), "symmetry=",
        id=f"symmetry-by-position-{type(given).__name__}",
    )
    for given in (PAIR, S2)
] + [
    pytest.param(lambda call=call, given=given: call(given), ("search_space", said), "experiment.search_space", id=said)
    for given, said in [
        (None, "None"), ([{"name": "a", "type": "range", "bounds": [0.0, 1.0]}], "[{'name': 'a'"),
        (DATA.df, "a DataFrame"), (list(TWO.parameters.values()), "a list"), ("ab", "'ab'"),
    ]
    for call in (
        lambda given: choose_generation_strategy(given, PAIR), lambda given: count_configurations(S2, given),
        S2.validate,
    )
] + [
    pytest.param(lambda call=call: call(), ("experiment_or_adapter", "a SearchSpace"), "experiment itself", id=name)
    for name, call in {
        "check": lambda: check_symmetry(TWO, PAIR), "suggest": lambda: suggest_symmetries(TWO),
        "domain": lambda: plot_domain(TWO, PAIR, "a", "b"), "orbits": lambda: plot_orbits(TWO, PAIR),
        "left-out": lambda: plot_left_out(TWO, PAIR),
    }.items()
] + [
    pytest.param(lambda call=call: call(), named, way_out, id=name)
    for name, call, named, way_out in [
        ("axclient-without-experiment", lambda: get_botorch(AxClient(verbose_logging=False), DATA), ("AxClient",),
         "create or configure"),
        ("client-without-experiment",
         lambda: get_botorch(pytest.importorskip("ax.api.client").Client(), DATA), ("Client",), "create or configure"),
        ("experiment-for-a-symmetry", lambda: check_symmetry(filled(TWO), filled(TWO)), ("Experiment",),
         "a symmetry is a dict"),
        ("space-for-a-count", lambda: count_configurations(TWO, S2), ("a SearchSpace",), "a symmetry is a dict"),
        ("metric-list", lambda: check_symmetry(filled(TWO), PAIR, metric=["y"]), ("metric", "['y']"), "one of 'y'"),
        ("second-block-as-group", lambda: Symmetry.permutation(["a"], ["b"]), ("group", "['b']"),
         r'\[\["a"\], \["b"\]\]'),
        ("second-block-in-a-list", lambda: Symmetry.permutation([["a"]], [["b"]]), ("group", "[['b']]"), "in one list"),
        ("text-for-blocks", lambda: Symmetry.permutation("ab"), ("blocks", "'ab'"), "expected a list"),
        ("none-for-blocks", lambda: Symmetry.permutation(None), ("blocks", "None"), "expected a list"),
        ("text-for-a-mirror", lambda: Symmetry.mirror("a"), ("mirror", "'a'"), 'write {"a": center}'),
        ("list-for-a-symmetry", lambda: Symmetry([["a"], ["b"]]), ("[['a'], ['b']]",), "a symmetry is a dict"),
        ("list-for-a-point", lambda: S2.orbit([1.0, 2.0]), ("parameterization", "[1.0, 2.0]"), "a dict such as"),
        ("list-for-a-value", lambda: S2.canonical({"a": [1.0], "b": 2.0}), ("parameter a", "[1.0]"), "one value"),
        ("transform-without-list", lambda: compose(TWO, transforms=Canonicalize), ("transforms", "class Canonicalize"),
         "a list of Ax's transforms"),
        ("transforms-by-name", lambda: compose(TWO, transforms=["UnitX"]), ("transforms", "'UnitX'"), "classes"),
        ("symmetry-for-configs", lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs=S2),
         ("transform_configs", "Symmetry"), r"symmetry.transform_configs\(\)"),
        ("symmetry-for-a-config", lambda: compose(TWO, transforms=BOTH + STOCK, transform_configs=both(S2)),
         ("Symmetry",), r"symmetry.to_config\(\)"),
        ("trials-text", lambda: choose_generation_strategy(TWO, PAIR, num_initialization_trials="five"),
         ("num_initialization_trials", "'five'"), "from 0 on"),
        ("parallelism-0", lambda: choose_generation_strategy(TWO, PAIR, max_parallelism=0), ("max_parallelism", "0"),
         "from 1 on, or -1"),
        ("seed-float", lambda: choose_generation_strategy(TWO, PAIR, random_seed=0.5), ("random_seed", "0.5"),
         "from 0 on"),
        ("names-of-columns-text", lambda: InvariantKernel(PAIR, "ab"), ("feature_names", "'ab'"),
         "expected a list.*Name all columns"),
        ("class-for-a-base-kernel", lambda: InvariantKernel(PAIR, ["a", "b"], RBFKernel), ("base_kernel", "RBFKernel"),
         "or a kernel"),
        ("dict-for-a-kernel", lambda: ApproximatelyInvariantKernel(PAIR), ("invariant", "'blocks'"),
         "an InvariantKernel"),
        ("asymmetry-text", lambda: ApproximatelyInvariantKernel(InvariantKernel(PAIR, ["a", "b"]), "learn"),
         ("asymmetry", "'learn'"), "from 0 to 1"),
        ("share-of-a-spec", lambda: surrogate_spec(PAIR, asymmetry="x"), ("asymmetry", "'x'"), "a number above 0"),
        ("kernel-of-a-spec", lambda: surrogate_spec(PAIR, base_kernel=RBFKernel()), ("base_kernel",),
         "'matern' or 'rbf'"),
        ("axis-list", lambda: plot_domain(filled(TWO), PAIR, ["a"], "b"), ("x: ['a']",), "use one of a, b"),
        ("slice-list", lambda: plot_domain(filled(FLOATS), PAIR, "a", "b", slice_values=["c"]),
         ("slice_values", "['c']"), "a dict of values"),
        ("one-experiment-alone", lambda: plot_best(filled(TWO)), ("experiments",), 'write {"symmetric"'),
        ("nothing-to-compare", lambda: plot_best({"one": []}), ("experiments",), 'write {"symmetric"'),
    ]
]
CALLS += KINDS_OF_ARGUMENTS


def client_with_a_strategy() -> Any:
    """Make a `Client` that has configured its generation strategy."""
    client = import_module("ax.api.client").Client()
    number = import_module("ax.api.configs").RangeParameterConfig
    client.configure_experiment([number(name=n, parameter_type="float", bounds=(0.0, 1.0)) for n in "ab"])
    client.configure_optimization(objective="y")
    client.configure_generation_strategy(initialization_budget=3)
    return client


HAS_CLIENT = find_spec("ax.api") is not None
CALLS += [
    pytest.param(
        lambda: choose_generation_strategy(client_with_a_strategy(), PAIR, max_parallelism=3), ("max_parallelism",),
        "ask for as many trials as may run", id="parallelism-of-a-client",
    ),
    pytest.param(
        lambda: choose_generation_strategy(client_with_a_strategy(), PAIR, num_initialization_trials=5),
        ("num_initialization_trials",), r"configure_generation_strategy\(initialization_budget=5\)",
        id="trials-of-a-client",
    ),
] * HAS_CLIENT


def odd_one_out(mean: float, sem: float, made: SearchSpace = TWO) -> Experiment:
    """Run four trials, the last of which has another outcome."""
    run = experiment(made)
    for k, outcome in enumerate([(0.1, 0.1), (0.2, 0.1), (0.3, 0.1), (mean, sem)]):
        add_trial(run, {"a": 0.1 * k, "b": 0.9 - 0.2 * k}, {"y": outcome})
    return run


def by_thompson() -> Any:
    """Fit Ax's Thompson sampler, which takes each row once, to an experiment in two orders."""
    run = filled(TWO)
    add_trial(run, {"a": 0.3, "b": 0.7}, {"y": (1.0, 0.1)}, "one")
    add_trial(run, {"a": 0.7, "b": 0.3}, {"y": (2.0, 0.1)}, "other")
    stock = Generators.THOMPSON.view_defaults()[1]["transforms"]
    return Generators.THOMPSON(
        experiment=run, data=run.lookup_data(), search_space=TWO, transforms=[*BOTH, *stock],
        transform_configs=both(PAIR),
    )


CALLS += [
    pytest.param(lambda door=door: door(odd_one_out(0.4, math.nan), PAIR), ("data", "3 of 4 outcomes of y"),
                 "all or none", id=f"some-without-sem-{door.__name__}")
    for door in (by_symmetry, by_transforms)
] + [
    pytest.param(lambda mean=mean: by_transforms(odd_one_out(mean, 0.1), PAIR), ("data", "of y is infinite"),
                 "a finite number", id=f"outcome-{mean}")
    for mean in (math.inf, -math.inf)
] + [
    pytest.param(lambda call=call: call(odd_one_out(math.inf, 0.1), PAIR), ("metric", "y of arm 3_0", "infinite"),
                 "a finite number", id=f"infinite-{call.__name__}")
    for call in (check_symmetry, plot_left_out, plot_orbits)
] + [
    pytest.param(lambda: plot_left_out(odd_one_out(0.4, math.nan), PAIR), ("data", "3 of 4 outcomes of y"),
                 "all or none", id="left-out-without-sem"),
    pytest.param(by_thompson, ("data", "one and other", "Thompson"), "another model", id="thompson"),
]
ENDLESS = Symmetry((Remainder(("a",)),))
LISTED = space([choice("a", [1.0, 2.0]), choice("b", [1.0, 2.0])])
FIDELITY = float_range("c", is_fidelity=True, target_value=1.0)
WITH_FIDELITY = space([float_range("a"), float_range("b"), FIDELITY])
WITH_TASK = space([float_range("a"), float_range("b"), choice("c", ["u", "v"], is_task=True, target_value="v")])
SEVEN = space([*(float_range(n) for n in "abdefgh"), FIDELITY])
CALLS += [
    pytest.param(
        lambda: by_spec(InvariantKernel, {"symmetry": MAYBE}), ("absent", "surrogate spec"), "method 'kernel'",
        id="spec-with-absent-blocks",
    ),
    pytest.param(
        lambda: by_spec(InvariantKernel, {"symmetry": {"period": {"a": 1.0}}}), ("period", "surrogate spec"),
        "method 'kernel'", id="spec-with-a-period",
    ),
    pytest.param(
        lambda: by_spec(InvariantKernel, {"symmetry": {"shift": ["a", "b"]}}), ("shift", "surrogate spec"),
        "method 'kernel'", id="spec-with-a-shift",
    ),
    pytest.param(
        lambda: by_spec(InvariantKernel, {"symmetry": {"rotate": {"pairs": [["a", "b"]]}}}), ("rotate", "surrogate"),
        "method 'kernel'", id="spec-with-a-rotation",
    ),
    *[pytest.param(
        lambda value=value: Symmetry({"scale": ["a", "b"]}).canonical({"a": value, "b": 1.0}), ("scale", "parameter a"),
        "a finite number above 0", id=f"scaled-{value}",
    ) for value in (0, -1.0, math.inf, "x", True)],
    *[pytest.param(
        lambda key=key, form=form: Symmetry({key: form}).canonical({"a": math.inf, "b": 1.0}), (key, "parameter a"),
        "a finite number", id=f"{key}-of-inf",
    ) for key, form in (("shift", ["a", "b"]), ("period", {"a": 1.0}), ("rotate", {"pairs": [["a", "b"]]}))],
    pytest.param(
        lambda: InvariantKernel({"rotate": {"pairs": [["a", "b"]]}}, ["a", "b"]), ("rotate", "columns"),
        "give the center", id="columns-without-a-center",
    ),
    pytest.param(
        lambda: InvariantKernel(
            {"rotate": {"pairs": [["a", "b"]], "center": [0, 0]}}, ["a", "b"], RBFKernel(active_dims=[0])
        ),
        ("base_kernel", "RBFKernel", "are turned"), "'rbf'", id="base-of-one-coordinate",
    ),
    pytest.param(lambda: ENDLESS.orbit({"a": 0.5}), ("infinitely many",), "use canonical", id="orbit-without-end"),
    pytest.param(
        lambda: count_configurations(ENDLESS, TWO), ("count_configurations", "finite"), "drop the infinite part",
        id="count-of-an-infinite-group",
    ),
    pytest.param(
        lambda: count_configurations(Symmetry.permutation([["a"], ["b"]]), TWO), ("parameter a", "continuous"),
        "give it digits", id="count-of-infinitely-many",
    ),
    pytest.param(
        lambda: count_configurations(
            Symmetry.permutation([["a"], ["b"]]),
            space([int_range("a", 0, 3), int_range("b", 0, 3)], [({"a": 1.0}, 2.0)]),
        ),
        ("constraints",), "drop them", id="count-with-constraints",
    ),
    pytest.param(
        lambda: count_configurations(
            Symmetry.from_config(MANY_SIGNS), space([int_range(f"x{i}", -1, 1) for i in range(8)])
        ),
        ("10,321,920",), "smaller group", id="count-of-a-large-group-with-mirrors",
    ),
    pytest.param(
        lambda: choose_generation_strategy(WITH_FIDELITY, PAIR, method="kernel"), ("method", "c is a fidelity"),
        "'augmentation'", id="kernel-beside-a-fidelity",
    ),
    pytest.param(
        lambda: choose_generation_strategy(WITH_TASK, {**PAIR, "base_kernel": "rbf"}), ("method", "c is a task"),
        "'augmentation'", id="base-kernel-beside-a-task",
    ),
    pytest.param(
        lambda: choose_generation_strategy(WITH_FIDELITY, {"period": {"a": 1.0}}),
        ("c is a fidelity", "infinitely many"), "take it out", id="a-period-beside-a-fidelity",
    ),
    pytest.param(
        lambda: choose_generation_strategy(SEVEN, {"blocks": [[n] for n in "abdef"]}), ("6,000", "50 observations"),
        "'kernel'", id="a-strategy-that-would-be-dear",
    ),
    pytest.param(
        lambda: by_transforms(fill(experiment(SEVEN), 2, lambda p: p["a"]), {"blocks": [[n] for n in "abdefgh"]}),
        ("'augmentation'", "10,080"), "max_images", id="a-dear-fit",
    ),
    pytest.param(
        lambda: choose_generation_strategy(TWO, {**PAIR, "order_by": ["z"]}), ("order_by", "parameter z"),
        "name a parameter per slot", id="order-of-a-strategy",
    ),
    pytest.param(
        lambda: choose_generation_strategy(LISTED, {**PAIR, "constrain": True}), ("constrain", "parameter a"),
        "order_by", id="constraints-of-a-strategy",
    ),
    pytest.param(
        lambda: choose_generation_strategy(TWO, PAIR, method="magic"), ("method", "'magic'"), "'augmentation'",
        id="method-of-a-strategy",
    ),
    pytest.param(
        lambda: action_on_features(Symmetry.from_config(PAIR), ["a", "x"]), ("feature_names", "parameter b"),
        "name all columns", id="column-missing",
    ),
    pytest.param(
        lambda: SingleTaskGP(
            torch.rand(3, 2).double(), torch.rand(3, 1).double(), covar_module=InvariantKernel(PAIR, ["a", "b"]),
            input_transform=Log10(indices=[0]),
        ),
        ("input_transform", "Log10", "a, b"), "Use Normalize, .* transformed=True", id="transform-that-breaks-a-kernel",
    ),
    pytest.param(
        lambda: InvariantKernel(ABC, ["a", "b"]), ("feature_names", "parameter c"),
        r'If c is what the others leave of a total, say so: {"simplex"', id="column-of-a-forgotten-simplex",
    ),
    pytest.param(
        lambda: Symmetry.from_config(ABC).orbit({"a": 1, "b": 2}), ("parameter c", "missing"),
        r'If c is what the others leave of a total, say so: {"simplex"', id="value-of-a-forgotten-simplex",
    ),
    pytest.param(
        lambda: action_on_features(Symmetry.from_config(PAIR), ["a", "b", "a"]), ("feature_names", "a is there twice"),
        "once, in order", id="column-twice",
    ),
    pytest.param(
        lambda: InvariantKernel(PAIR, ["a", "b"], RBFKernel(ard_num_dims=3)), ("base_kernel", "3 lengthscales"),
        "ard_num_dims=2", id="lengthscales-of-a-base-kernel",
    ),
    pytest.param(
        lambda: InvariantKernel(PAIR, ["a", "b"], "periodic"), ("base_kernel", "'periodic'"), "or a kernel",
        id="base-kernel-by-an-unknown-name",
    ),
    pytest.param(
        lambda: InvariantKernel(PAIR, ["a", "b"], RBFKernel(active_dims=[0])), ("base_kernel", "RBFKernel", "a, b"),
        "RBFKernel or MaternKernel", id="base-kernel-of-one-column",
    ),
    pytest.param(
        lambda: InvariantKernel({"blocks": [[f"x{i}"] for i in range(8)]}, [f"x{i}" for i in range(8)], MaternKernel()),
        ("base_kernel", "MaternKernel", "40,320"), "use an RBF kernel", id="base-kernel-that-is-no-product",
    ),
    pytest.param(
        lambda: ApproximatelyInvariantKernel(InvariantKernel(PAIR, ["a", "b"]), 1.5), ("asymmetry", "1.5"),
        "from 0 to 1", id="asymmetry",
    ),
    pytest.param(
        lambda: ApproximatelyInvariantKernel(InvariantKernel(PAIR, ["a", "b"], normalize=False)), ("not normalized",),
        "normalize=True", id="asymmetry-of-an-average",
    ),
    pytest.param(
        lambda: MaxAlignmentKernel({"blocks": [["a", "c"], ["b", "d"]]}, list("abcd")), ("symmetry", "sorted"),
        "InvariantKernel", id="blocks-that-cannot-be-sorted",
    ),
    pytest.param(
        lambda: check_symmetry(filled(TWO), PAIR, metric="w"), ("metric", "'w'"), "use one of 'y'", id="unknown-metric",
    ),
    pytest.param(
        lambda: check_symmetry(Experiment(TWO), PAIR), ("metric", "no single objective"), "name one", id="no-objective",
    ),
    pytest.param(
        lambda: check_symmetry(object(), PAIR), ("experiment_or_adapter", "object"), "the experiment itself",
        id="no-experiment",
    ),
    pytest.param(
        lambda: check_symmetry(experiment(TWO), PAIR), ("metric", "no data of y"), "name another", id="no-data",
    ),
    pytest.param(lambda: plot_best({}), ("experiments",), 'write {"symmetric"', id="no-experiments"),
    pytest.param(
        lambda: plot_best({"one": tracking("w")}, metric="w"), ("metric", "(w)"), "set its lower_is_better",
        id="better-which-way",
    ),
    pytest.param(lambda: plot_orbits(abandoned(), PAIR), ("metric", "of y"), "complete another", id="all-abandoned"),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), PAIR, "a", "zz"), ("y: 'zz'",), "use one of a, b, c, d", id="axis-unknown",
    ),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), PAIR, "a", "a"), ("y: a",), "two different", id="axis-twice",
    ),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), PAIR, "c", "d"), ("neither c nor d",), "one of a, b", id="axes-that-stay",
    ),
    pytest.param(
        lambda: plot_domain(filled(TWO), PAIR, "a", "b", density=1), ("density", "got 1"), "from 2 on", id="density",
    ),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), PAIR, "a", "b", slice_values={"c": 2.0}), ("slice_values", "2.0", "'c'"),
        "values of c, d", id="slice-beyond-the-bounds",
    ),
    pytest.param(
        lambda: plot_domain(filled(FLOATS), PAIR, "a", "b", slice_values={"a": 0.5}), ("slice_values", "'a'"),
        "values of c, d", id="slice-along-an-axis",
    ),
    pytest.param(
        lambda: plot_domain(incomplete(), PAIR, "a", "b"), ("metric", "of y"), "every parameter.*add one",
        id="no-complete-arm",
    ),
    pytest.param(
        lambda: plot_domain(without_model(), PAIR, "a", "b"), ("metric", "no model of y"), "the experiment instead",
        id="adapter-without-a-model",
    ),
    pytest.param(
        lambda: suggest_symmetries(experiment(TWO)), ("metric", "no data of y"), "name another", id="nothing-to-go-by",
    ),
    pytest.param(lambda: _read(Path("nowhere.json")), ("nowhere.json",), "cannot be read: No such file", id="no-file"),
    pytest.param(lambda: _read(Path(__file__)), (Path(__file__).name,), "cannot be read as JSON", id="no-json"),
    pytest.param(
        lambda: _stored(HERE.parent / "generation" / "golden" / "posterior.json"), ("posterior.json", "no experiment"),
        "save_to_json_file", id="no-experiment-in-the-file",
    ),
    pytest.param(
        lambda: _declared(HERE / "stored" / "1.0.0-modular.json"), ("1.0.0-modular.json", "no symmetry"),
        "after --experiment", id="experiment-for-the-symmetry-of-the-command-line",
    ),
    pytest.param(
        lambda: _experiment(Path("odd.json"), {"__type": "Experiment", "name": "x"}), ("odd.json", "this Ax"),
        "that has stored it", id="experiment-that-ax-cannot-read",
    ),
    pytest.param(
        lambda: _check(Path("symmetry.json"), None, "y"), ("metric",), "after --experiment",
        id="metric-of-no-experiment",
    ),
    pytest.param(
        lambda: MaxAlignmentKernel(PAIR, ["a", "b"], MaternKernel()), ("base_kernel", "RBF"),
        "InvariantKernel", id="max-alignment-of-a-matern",
    ),
]
if hasattr(ax.core.parameter, "DerivedParameter"):

    def derived(expression: str, config: Any) -> None:
        parameter = ax.core.parameter.DerivedParameter("c", ParameterType.FLOAT, expression)
        Symmetry.from_config(config).validate(space([float_range("a"), float_range("b"), parameter]))

    CALLS += [
        pytest.param(
            lambda: derived("2 - a - b", {**ABC, **SUM}), ("simplex", "parameter c", "2 - a - b"), "Make the two agree",
            id="derived-otherwise",
        ),
        pytest.param(
            lambda: derived("1 - a - b", ABC), ("parameter c", "derived"), "take it out of the symmetry",
            id="derived-without-a-simplex",
        ),
    ]
if backend.GENERATION == "modelbridge":
    CALLS.append(
        pytest.param(
            lambda: compose(TWO, symmetry=PAIR, method="kernel", model_constructor=min),
            ("method", "model_constructor"), "use method 'augmentation'", id="kernel-beside-a-constructor",
        )
    )
if backend.GENERATION == "adapter":
    CALLS.append(
        pytest.param(
            lambda: compose(TWO, symmetry=PAIR, acqf_constructor=min), ("acqf_constructor",),
            "Generators.BOTORCH_MODULAR",
            id="callable-of-an-older-ax",
        )
    )


@pytest.mark.parametrize("call, named, way_out", CALLS)
def test_parts_that_do_not_go_together(call: Callable[[], Any], named: tuple[str, ...], way_out: str) -> None:
    with fits_recorded() as fits, pytest.raises(SymmetryError) as caught:
        call()
    check(caught.value, named, way_out)
    assert fits == []


PACKAGE = Path(ax_symmetry.__file__).parent


def raised_at(call: Callable[[], Any]) -> tuple[str, int] | None:
    """Return the file of the package and the line where a call raises its SymmetryError."""
    try:
        call()
    except SymmetryError as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        assert trace is not None
        return str(Path(trace.tb_frame.f_code.co_filename).relative_to(PACKAGE)), trace.tb_lineno
    except pytest.skip.Exception:
        pass
    return None


def test_every_error_has_a_row() -> None:
    """Each `raise SymmetryError` of the package is reached by a row of the tables above."""
    reached = {raised_at(row.values[0]) for row in CALLS}
    for row in DECLARATIONS + OPTIONS:
        config, made = row.values[:2]
        reached.add(raised_at(lambda: Symmetry.from_config(config).validate(made)))
        reached.add(raised_at(lambda: by_transforms(filled(made), config)))
    missed = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if path.parent.name == "integrations":
            continue  # tests of their own
        if path.parent.name == "_ax" and path.stem in {"adapter", "modelbridge"} - {backend.GENERATION}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and re.match(r"raise (SymmetryError|too_large)\b", ast.unparse(node)):
                if "p.expression_str" in ast.unparse(node) and not hasattr(ax.core.parameter, "DerivedParameter"):
                    continue  # this Ax derives no parameters
                if name == "_ax/strategies.py" and not HAS_CLIENT:
                    continue
                if not any((name, line) in reached for line in range(node.lineno, (node.end_lineno or 0) + 1)):
                    missed.append(f"{name}:{node.lineno}")
    assert not missed


# From here on: generated ones. All are about one experiment.

TRIPLES = {"blocks": [[f"m{i}", f"s{i}", f"c{i}"] for i in (1, 2, 3)]}
FRACTIONS = ["f1", "f2", "f3"]
MIXTURE = {"blocks": [[f"m{i}", f"f{i}"] for i in (1, 2, 3)], "simplex": {"parameters": FRACTIONS, "total": 1.0}}
GOOD: list[dict[str, Any]] = [
    TRIPLES,
    {**TRIPLES, "group": "cyclic", "noise": "copy"},
    {**TRIPLES, "group": [[1, 2, 0], [1, 0, 2]], "order_by": ["m1"], "constrain": True},
    {"mirror": {"x": 0.0, "y": 0.0}, "max_images": 2, "select": "random", "seed": 3},
    {"mirror": [{"x": 0.0}, {"n": 2}]},
    MIXTURE,
    {"symmetries": [{"blocks": [["x"], ["y"]]}, {"mirror": {"x": 0.0}}]},
    {"symmetries": [MIXTURE, {"mirror": {"y": 0.0}}], "order_by": ["f2"]},
]
JUNK = [None, 5, 2.5, True, "abc", "", [5], [None], [[]], [[["m1"]]], {}, {"a": None}, b"ab", object(), (1, 2)]
MANY = space(
    [float_range(f"m{i}", 0, 10) for i in (1, 2, 3)]
    + [float_range(f"s{i}", 0.1, 10, log_scale=True) for i in (1, 2, 3)]
    + [choice(f"c{i}", ["p", "q", "r"], is_ordered=False) for i in (1, 2, 3)] + [float_range("f1"), float_range("f2")]
    + [float_range("x", -1, 1), float_range("y", -1, 1), int_range("i", 1, 9), choice("n", [1, 2, 3]), fixed("p", 0.5)],
    [({"f1": 1.0, "f2": 1.0}, 1.0)],
)


@cache
def many() -> Experiment:
    return filled(MANY)


def nodes(config: Any, key: str) -> list[dict[str, Any]]:
    """List the dicts inside a config that have a key."""
    found = [config] if key in config else []
    return found + [inner for inner in config.get("symmetries", []) if key in inner]


def mirrors(config: Any) -> list[dict[str, Any]]:
    found = [node["mirror"] for node in nodes(config, "mirror")]
    return [centers for mirror in found for centers in (mirror if isinstance(mirror, list) else [mirror])]


Bad = tuple[Any, list[str]]
"""A config, and words of which its error must name one."""


def slot(rng: random.Random, config: Any) -> tuple[list[list[str]], int, int]:
    """Choose a place in the blocks."""
    blocks = rng.choice(nodes(config, "blocks"))["blocks"]
    return blocks, rng.randrange(len(blocks)), rng.randrange(len(blocks[0]))


def rename(rng: random.Random, config: Any) -> Bad:
    blocks, i, j = slot(rng, config)
    new = blocks[i][j] + rng.choice(["_", "1", "?", " ", "\n"])
    blocks[i][j] = new
    return config, [new]


def rename_mirrored(rng: random.Random, config: Any) -> Bad:
    centers = rng.choice(mirrors(config))
    old = rng.choice(list(centers))
    centers[old + "_"] = centers.pop(old)
    return config, [old + "_"]


def rename_in_simplex(rng: random.Random, config: Any) -> Bad:
    names = rng.choice(nodes(config, "simplex"))["simplex"]["parameters"]
    i = rng.randrange(len(names))
    names[i] += "_"
    return config, [names[i]]


def drop_slot(rng: random.Random, config: Any) -> Bad:
    blocks, i, j = slot(rng, config)
    del blocks[i][j]
    return config, ["blocks"]


def add_slot(rng: random.Random, config: Any) -> Bad:
    blocks, i, _ = slot(rng, config)
    blocks[i].append("i")
    return config, [",i"]


def one_block(rng: random.Random, config: Any) -> Bad:
    blocks, _, _ = slot(rng, config)
    del blocks[1:]
    return config, ["blocks", "group"]


def repeat(rng: random.Random, config: Any) -> Bad:
    blocks, i, j = slot(rng, config)
    others = [(k, n) for k in range(len(blocks)) for n in range(len(blocks[0])) if (k, n) != (i, j)]
    k, n = rng.choice(others)
    blocks[i][j] = blocks[k][n]
    return config, [f"parameter {blocks[k][n]} is named more than once"]


def other_kind(rng: random.Random, config: Any) -> Bad:
    """Put a parameter where one of another kind, type, scale or range belongs."""
    blocks, i, j = slot(rng, config)
    blocks[i][j] = rng.choice(["i", "n", "p"])
    return config, [f"parameter {blocks[i][j]} ", f" {blocks[i][j]} ", f"parameters {blocks[i][j]} "]


def swap_slots(rng: random.Random, config: Any) -> Bad:
    blocks, i, _ = slot(rng, config)
    if len(blocks[0]) == 1:
        blocks[i][0] = "m1"
        return config, ["m1"]
    blocks[i][0], blocks[i][1] = blocks[i][1], blocks[i][0]
    return config, [" and ".join([blocks[0][0], blocks[k][0]]) for k in range(1, len(blocks))] + ["simplex"]


def junk_name(rng: random.Random, config: Any) -> Bad:
    blocks, i, j = slot(rng, config)
    blocks[i][j] = rng.choice([junk for junk in JUNK if junk != "abc"])
    return config, ["blocks"]


def junk_block(rng: random.Random, config: Any) -> Bad:
    blocks, i, _ = slot(rng, config)
    blocks[i] = rng.choice(JUNK)
    return config, ["blocks"]


def junk_value(rng: random.Random, config: Any) -> Bad:
    """Give a key something that is nothing that it could be."""
    key = rng.choice(["blocks", "mirror", "simplex", "symmetries"])
    config[key] = rng.choice([junk for junk in JUNK if junk != {}] + ([{}] if key != "symmetries" else []))
    return config, [key, "a symmetry is a dict such as", "unknown key"]


def junk_config(rng: random.Random, config: Any) -> Bad:
    junk = rng.choice([junk for junk in JUNK if junk is not None] + [[config], [["m1"], ["m2"]], list(config)])
    return junk, [repr(junk), "config", "moves nothing", "unknown key"]


def junk_generator(rng: random.Random, config: Any) -> Bad:
    node = rng.choice(nodes(config, "blocks"))
    m = len(node["blocks"])
    identity = list(range(m))
    node["group"] = rng.choice([
        [[*identity[:-1], m]], [[*identity[:-1], 0]], [[0] * m], [identity[:-1]], [[*identity, m]],
        [[-1, *identity[1:]]],
        [[float(i) for i in identity[::-1]]], [[str(i) for i in identity]], [[True, *identity[1:]]], [identity], [],
        identity[::-1], "Symmetric", "S3", "", "cycl", 7, None, {"symmetric": 1}, [None], [[None] * m], [[[1], [0]]],
    ])
    return config, ["group"]


def junk_center(rng: random.Random, config: Any) -> Bad:
    centers = rng.choice(mirrors(config))
    name = rng.choice(list(centers))
    centers[name] = rng.choice([math.nan, math.inf, -math.inf, None, "0", [0.0], {}, True, 1j, 10**400, np.zeros(1)])
    return config, [f"of {name} "]


def wrong_center(rng: random.Random, config: Any) -> Bad:
    centers = rng.choice(mirrors(config))
    name = rng.choice(list(centers))
    centers[name] += rng.choice([1e-6, -0.5, 1.0, 1e9])
    return config, [f"of {name} ", "x", "y"]


def mirror_of(rng: random.Random, config: Any) -> Bad:
    """Mirror what has no middle."""
    name = rng.choice(["c1", "s2", "f1", "p", "m1"])
    config["symmetries"] = [*config.get("symmetries", []), {"mirror": {name: 0.75}}]
    return config, [f"{name} "]


def two_centers(rng: random.Random, config: Any) -> Bad:
    config["symmetries"] = [
        {"mirror": {"x": 0.0}}, {"blocks": [["x"], ["y"]]}, {"mirror": {"y": rng.choice([0.5, -1, 1e-9])}}
    ]
    config.pop("mirror", None)
    return config, ["parameter y"]


def junk_total(rng: random.Random, config: Any) -> Bad:
    simplex = rng.choice(nodes(config, "simplex"))["simplex"]
    simplex["total"] = rng.choice([None, "1", math.nan, math.inf, [1.0], True, {}, 1j])
    return config, ["simplex: the total"]


def wrong_total(rng: random.Random, config: Any) -> Bad:
    simplex = rng.choice(nodes(config, "simplex"))["simplex"]
    simplex["total"] = rng.choice([0.0, -1.0, 0.9, 1.001, 2.0, 1e6])
    return config, ["f3 is implied"]


def junk_simplex(rng: random.Random, config: Any) -> Bad:
    rng.choice(nodes(config, "simplex"))["simplex"] = rng.choice(
        [*JUNK, *({"parameters": junk} for junk in JUNK), {"parameters": FRACTIONS, "sum": 1.0}, FRACTIONS]
    )
    return config, ["simplex"]


def more_simplex(rng: random.Random, config: Any) -> Bad:
    names = rng.choice(nodes(config, "simplex"))["simplex"]["parameters"]
    names.append(rng.choice(["m1", "s1", "c1", "n", "p", "zz", "f1", 5, None]))
    words = [f"parameter {names[-1]} ", f"s {names[-1]} ", f" {names[-1]} trade", repr(names[-1])]
    return config, words + ["f1 + f2 + n <= 1" if names[-1] == "n" else repr(names[-1])]  # n may be part of a sum


def fewer_simplex(rng: random.Random, config: Any) -> Bad:
    names = rng.choice(nodes(config, "simplex"))["simplex"]["parameters"]
    del names[rng.randrange(3)]
    return config, ["simplex", "f3"]


def unknown_key(rng: random.Random, config: Any) -> Bad:
    key = rng.choice(["block", "mirrors", "groups", "max_image", "Blocks", "", 5, None, 2.5, (1, 2), "seeds", b"x"])
    config[key] = rng.choice([*JUNK, deepcopy(config)])
    return config, [repr(key)]


def unknown_key_inside(rng: random.Random, config: Any) -> Bad:
    key = rng.choice(["noise", "order_by", "max_images", "constrain", "simplexes", "fixed"])
    config["symmetries"] = [*config.get("symmetries", []), {"mirror": {"y": 0.0}, key: rng.choice(JUNK)}]
    return config, [repr(key)]


def junk_option(rng: random.Random, config: Any) -> Bad:
    key = rng.choice(["base_kernel", "asymmetry", "noise", "select", "max_images", "seed", "order_by", "constrain"])
    fine = {"max_images": [None, 5], "seed": [5], "order_by": [], "constrain": [None, True]}
    junk = [j for j in JUNK if not any(j is f or (type(j) is type(f) and j == f) for f in fine.get(key, []))]
    config[key] = rng.choice(junk + [["zz"], [["m1"]], -1, "Orbit", "mirror", np.array([1, 2])])
    return config, [key]


def no_list(rng: random.Random, config: Any) -> Bad:
    """Give something that looks like the list that it should be."""
    blocks, i, _ = slot(rng, config)
    node = rng.choice(nodes(config, "blocks"))
    node["blocks"] = rng.choice([
        dict(enumerate(blocks)), iter(blocks), {name for block in blocks for name in block}, ",".join(blocks[i]),
        np.array(blocks), blocks[i], [" ".join(block) for block in blocks], [iter(block) for block in blocks],
    ])
    return config, ["blocks"]


NEEDS = {"blocks": [rename, drop_slot, add_slot, one_block, repeat, other_kind, swap_slots, junk_name, junk_block,
                    junk_generator, no_list],
         "mirror": [rename_mirrored, junk_center, wrong_center],
         "simplex": [rename_in_simplex, junk_total, wrong_total, junk_simplex, more_simplex, fewer_simplex],
         "": [junk_value, junk_config, mirror_of, two_centers, unknown_key, unknown_key_inside, junk_option]}
MUTATIONS = [(mutate, key) for key, group in NEEDS.items() for mutate in group]
PER_MUTATION = 8


def generated(mutate: Callable[..., Bad], key: str) -> Iterator[tuple[int, Any, list[str]]]:
    """Spoil good configs in one way, with other random choices each time."""
    suitable = [config for config in GOOD if not key or nodes(config, key)]
    for seed in range(PER_MUTATION):
        rng = random.Random(f"{mutate.__name__} {seed}")
        bad, words = mutate(rng, deepcopy(rng.choice(suitable)))
        yield seed, bad, words


def test_there_are_enough() -> None:
    assert len(MUTATIONS) * PER_MUTATION >= 200


@pytest.mark.parametrize("config", GOOD)
def test_good_ones_are_good(config: Mapping[str, Any]) -> None:
    """What the generator spoils is accepted as it is, so that every error below is the spoiler's."""
    Symmetry.from_config(config).validate(MANY)
    for transform in BOTH:
        transform(search_space=MANY, config=deepcopy(config))


@pytest.mark.parametrize("door", [by_symmetry, by_transforms])
@pytest.mark.parametrize("mutate, key", MUTATIONS, ids=lambda value: getattr(value, "__name__", None) or "any")
def test_generated_ones_reach_no_model(mutate: Callable[..., Bad], key: str, door: Callable[..., Any]) -> None:
    """Whatever is wrong, the error is a SymmetryError and says what; nothing else comes out, and nothing is fitted."""
    for seed, bad, words in generated(mutate, key):
        try:
            with fits_recorded() as fits:
                door(many(), bad)
        except SymmetryError as error:
            assert any(word in str(error) for word in words), f"seed {seed}: {bad!r}\n{error}\nnames none of {words}"
            assert fits == [], f"seed {seed}: {bad!r} reached a model"
        except Exception as error:
            pytest.fail(f"seed {seed}: {bad!r}\n{type(error).__name__}: {error}")
        else:
            pytest.fail(f"seed {seed}: {bad!r} was accepted")
