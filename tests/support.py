"""Builders and tolerances that the tests share, alike on every Ax."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from ax.core import search_space as search_space_module
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.metric import Metric
from ax.core.objective import Objective
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter import ChoiceParameter, FixedParameter, Parameter, ParameterType, RangeParameter
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax_symmetry._ax import backend
from ax_symmetry.symmetry.kind import Kind
from botorch.acquisition.multi_objective import logei
from botorch.optim import initializers
from gpytorch.mlls import ExactMarginalLogLikelihood


class Missing(type):
    """Makes classes that stand for those that this Ax does not have: a test that uses one is skipped."""

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        pytest.skip(f"this Ax has no {cls.__name__}")

    def __getattr__(cls, name: str) -> Any:
        return cls.__call__ if not name.startswith("_") else super().__getattribute__(name)


try:
    from ax.service.ax_client import AxClient, ObjectiveProperties
except ImportError:  # Ax has announced that it will go
    AxClient, ObjectiveProperties = Missing("AxClient", (), {}), Missing("ObjectiveProperties", (), {})

GENERATION = backend.GENERATION
registry = import_module(f"ax.{GENERATION}.registry")
Generators = registry.Generators if hasattr(registry, "Generators") else registry.Models
MODULAR = Generators.BOTORCH_MODULAR
torch_modules = f"ax.{'generators' if GENERATION == 'adapter' else 'models'}.torch"
RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_TOKEN": "only-for-this-test" * 2}
"""Environment of every Ray: a process keeps the first token that it was given."""
HIERARCHICAL = getattr(search_space_module, "HierarchicalSearchSpace", SearchSpace)
IDENTITY = 1e-10
"""Identities in float64, relative to scale."""
POSTERIOR = 1e-8
"""Posteriors with fixed hyperparameters: one Cholesky factorisation away from an identity."""
LONE = pytest.mark.filterwarnings("ignore:SymmetrizeObservations. candidates:ax_symmetry.errors.SymmetryWarning")
"""For tests of SymmetrizeObservations without Canonicalize, which is warned of."""
FITTED = 1e-6
"""Posteriors with fitted hyperparameters, relative to the outcome's SD."""


@dataclass(frozen=True)
class Remainder(Kind):
    """An infinite kind of the tests' own: numbers that differ by an integer are the same."""

    parameters: tuple[str, ...]

    KEYS = ("remainder",)
    is_finite = False

    def gauge(self, x: Any, columns: Mapping[str, int], box: Any) -> Any:
        """Choose the number from the lower bound on; the tests use numbers that floats hold exactly."""
        x = x.copy()
        for name in self.parameters:
            x[:, columns[name]] -= np.floor(x[:, columns[name]] - box.lower[columns[name]])
        return x


def number_of_cases(usual: int) -> int:
    """Return how many random cases a test tries: the usual number, or what AX_SYMMETRY_CASES says."""
    return int(os.environ.get("AX_SYMMETRY_CASES", usual))


def float_range(name: str, lower: float = 0.0, upper: float = 1.0, **traits: Any) -> RangeParameter:
    """Make a range parameter of type float."""
    return RangeParameter(name=name, parameter_type=ParameterType.FLOAT, lower=lower, upper=upper, **traits)


def int_range(name: str, lower: int, upper: int, **traits: Any) -> RangeParameter:
    """Make a range parameter of type int."""
    return RangeParameter(name=name, parameter_type=ParameterType.INT, lower=lower, upper=upper, **traits)


def choice(name: str, values: Sequence[Any], **traits: Any) -> ChoiceParameter:
    """Make a choice parameter of the type of its values: ordered, but sorted only where Ax insists, for numbers."""
    kind = {bool: ParameterType.BOOL, str: ParameterType.STRING, int: ParameterType.INT, float: ParameterType.FLOAT}
    numeric = type(values[0]) in (int, float)
    traits = {"is_ordered": True, "sort_values": numeric and traits.get("is_ordered", True), **traits}
    return ChoiceParameter(name=name, parameter_type=kind[type(values[0])], values=list(values), **traits)


def boolean(name: str) -> ChoiceParameter:
    """Make a choice between True and False."""
    return choice(name, [True, False])


class SteppedRange(RangeParameter):
    """A range that goes by steps, as Ax has announced it: from 0 to 1, on the numbers `k * step`."""

    step_size = 0.1

    def __init__(self, name: str) -> None:
        super().__init__(name=name, parameter_type=ParameterType.FLOAT, lower=0.0, upper=1.0)

    def cast(self, value: Any) -> Any:
        return None if value is None else self.step_size * round(value / self.step_size)

    def clone(self) -> SteppedRange:
        return type(self)(self.name)


def fixed(name: str, value: Any) -> FixedParameter:
    """Make a fixed parameter."""
    kind = {bool: ParameterType.BOOL, str: ParameterType.STRING, int: ParameterType.INT, float: ParameterType.FLOAT}
    return FixedParameter(name=name, parameter_type=kind[type(value)], value=value)


def equality(text: str) -> ParameterConstraint | None:
    """Make an equality constraint such as `"a + b == 1"`; None on an Ax that has none."""
    if "equality" not in signature(ParameterConstraint.__init__).parameters:
        return None
    return ParameterConstraint(equality=text)


def space(
    parameters: Iterable[Parameter], constraints: Iterable[tuple[Mapping[str, float], float]] = ()
) -> SearchSpace:
    """Make a search space with constraints `sum of weight * value <= bound`."""
    made = SearchSpace(parameters=list(parameters))
    made.add_parameter_constraints([backend.linear_constraint(weights, bound) for weights, bound in constraints])
    return made


def hierarchy(parameters: Sequence[Parameter]) -> SearchSpace:
    """Make a hierarchical search space of parameters with `dependents`; Ax up to 1.1 wants a root above them."""
    if wants_root():
        dependent = {n for p in parameters if p.is_hierarchical for names in p.dependents.values() for n in names}
        tops = [p.name for p in parameters if p.name not in dependent]
        root = {"name": "root", "parameter_type": ParameterType.STRING, "value": "root", "dependents": {"root": tops}}
        parameters = [FixedParameter(**root), *parameters]
    return HIERARCHICAL(parameters=list(parameters))


@cache
def wants_root() -> bool:
    """Tell whether a hierarchical search space must have one parameter above all others."""
    try:
        HIERARCHICAL([choice("a", ["x", "y"], dependents={"x": ["b"]}), float_range("b"), float_range("c")])
    except NotImplementedError:
        return True
    return False


def experiment(search_space: SearchSpace, metrics: Sequence[str] = ("y",), **keywords: Any) -> Experiment:
    """Make an experiment that maximises the first metric and tracks the others."""
    objective = Objective(metric=Metric(name=metrics[0]), minimize=False)
    keywords.setdefault("optimization_config", OptimizationConfig(objective=objective))
    tracking = [Metric(name=name) for name in metrics[1:]]
    return Experiment(name="test", search_space=search_space, tracking_metrics=tracking, **keywords)


def add_trial(
    made: Experiment,
    parameters: Mapping[str, Any],
    outcomes: Mapping[str, tuple[float, float]],
    name: str | None = None,
) -> None:
    """Run a trial with one arm and attach its data: mean and sem by metric."""
    trial = made.new_trial()
    trial.add_arm(Arm(parameters=dict(parameters), name=name))
    trial.mark_running(no_runner_required=True)
    made.attach_data(data_of(trial.index, trial.arm.name, outcomes))
    trial.mark_completed()


def data_of(trial_index: int, arm_name: str, outcomes: Mapping[str, tuple[float, float]]) -> Data:
    """Make the data of one arm."""
    rows = []
    for metric, (mean, sem) in outcomes.items():
        row = {"trial_index": trial_index, "arm_name": arm_name, "metric_name": metric, "mean": mean, "sem": sem}
        rows.append({**row, "metric_signature": metric} if "metric_signature" in Data.REQUIRED_COLUMNS else row)
    return Data(df=pd.DataFrame(rows))


def fill(
    made: Experiment, n: int, function: Callable[[Mapping[str, Any]], float], *, sem: float = 0.1, seed: int = 0
) -> Experiment:
    """Run n trials at uniformly random points of a space of float ranges."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        point = {p.name: float(rng.uniform(p.lower, p.upper)) for p in made.search_space.parameters.values()}
        add_trial(made, point, {"y": (function(point), sem)})
    return made


def random_points(search_space: SearchSpace, n: int) -> list[dict[str, Any]]:
    """Draw points of any search space."""
    rng = np.random.default_rng(4)
    found: list[dict[str, Any]] = []
    while len(found) < n:
        point: dict[str, Any] = {}
        for p in search_space.parameters.values():
            if hasattr(p, "values"):
                point[p.name] = p.values[int(rng.integers(len(p.values)))]
            else:
                value = float(rng.uniform(p.lower, p.upper))
                point[p.name] = round(value) if isinstance(p.lower, int) else value
        if search_space.check_membership(point):
            found.append(point)
    return found


def measured(
    search_space: SearchSpace, metrics: Sequence[str], n: int, function: Callable[[Mapping[str, Any]], float]
) -> Experiment:
    """Run n trials at random points of any search space; the second metric is twice the first, and so on."""
    made = experiment(search_space, metrics)
    for point in random_points(search_space, n):
        add_trial(made, point, {metric: (function(point) * (i + 1), 0.1) for i, metric in enumerate(metrics)})
    return made


def features(points: Iterable[Mapping[str, Any]]) -> list[ObservationFeatures]:
    """Make observation features of parameterizations."""
    return [ObservationFeatures(parameters=dict(point)) for point in points]


def training_rows(made: Experiment, transform: Any, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Apply a transform to an experiment's training data as Ax does, and list the rows that a model would see.

    Returns:
        For each row its `arm`, `trial`, `parameters`, and by metric `mean` and `variance`.
    """
    if backend.GENERATION == "modelbridge":
        from ax.core.observation import observations_from_data

        observations = observations_from_data(made, made.lookup_data())
        built = transform(search_space=made.search_space, observations=observations, config=config)
        return [
            {
                "arm": obs.arm_name,
                "trial": obs.features.trial_index,
                "parameters": obs.features.parameters,
                "mean": dict(zip(obs.data.metric_names, obs.data.means)),
                "variance": dict(zip(obs.data.metric_names, np.diag(obs.data.covariance))),
            }
            for obs in built.transform_observations(observations)
        ]
    from ax.adapter.data_utils import DataLoaderConfig, extract_experiment_data

    data = extract_experiment_data(experiment=made, data_loader_config=DataLoaderConfig())
    built = transform(search_space=made.search_space, experiment_data=data, config=config)
    data = built.transform_experiment_data(data)
    arms = data.arm_data
    rows = []
    for index, row in data.observation_data.iterrows():
        parameters = arms.loc[[index[:2]]].iloc[0].drop("metadata").dropna().to_dict()
        mean, sem = row["mean"].dropna(), row["sem"]
        variance = {metric: sem[metric] ** 2 for metric in mean.index}
        seen = {"arm": index[1], "trial": index[0], "parameters": parameters, "mean": dict(mean), "variance": variance}
        rows.append(seen)
    return rows


@contextmanager
def fits_recorded() -> Iterator[list[str]]:
    """Record every Gaussian process whose hyperparameters somebody sets out to fit, without keeping anybody from it."""
    original = ExactMarginalLogLikelihood.__init__
    recorded: list[str] = []

    def spy(self: Any, likelihood: Any, model: Any) -> None:
        recorded.append(type(model).__name__)
        original(self, likelihood, model)

    ExactMarginalLogLikelihood.__init__ = spy
    try:
        yield recorded
    finally:
        ExactMarginalLogLikelihood.__init__ = original


def needs_codes() -> None:
    """Skip a test where Ax cannot learn from choices as codes: 1.1 with pandas 3, whose columns stay objects."""
    if not _learns_from_codes():
        pytest.skip("this Ax learns from no codes of choices")


@cache
def _learns_from_codes() -> bool:
    made = experiment(space([choice("a", ["x", "y", "z"], is_ordered=False), float_range("b")]))
    for k, value in enumerate("xyzx"):
        add_trial(made, {"a": value, "b": 0.2 * k}, {"y": (float(k), 0.1)})
    transforms = getattr(registry, "Mixed_transforms", registry.Cont_X_trans)
    try:
        MODULAR(experiment=made, data=made.lookup_data(), transforms=[*transforms, *registry.Y_trans])
    except TypeError:
        return False
    return True


def needs_fixing_in_mid_run() -> None:
    """Skip a test where Ax's own quasi-random step ends when a parameter gets fixed in mid-run: Ax 0.5."""
    if not _goes_on_when_fixed():
        pytest.skip("this Ax cannot fix a parameter in mid-run")


@cache
def _goes_on_when_fixed() -> bool:
    client = AxClient(random_seed=0, verbose_logging=False)
    parameters = [{"name": name, "type": "range", "bounds": [0.0, 1.0]} for name in "ab"]
    client.create_experiment(parameters=parameters, objectives={"y": ObjectiveProperties(False)})
    _, index = client.get_next_trial()
    client.complete_trial(index, {"y": (1.0, 0.1)})
    client.experiment.search_space.parameters["a"] = fixed("a", 0.5)
    client = AxClient.from_json_snapshot(json.loads(json.dumps(client.to_json_snapshot())))
    try:
        client.get_next_trial()
    except ValueError:  # rows of another length
        return False
    return True


@contextmanager
def fast_optimizer() -> Iterator[None]:
    """Stop BoTorch's optimisers after a step, and its walk to random feasible points: for loops that test plumbing.

    Nor does BoTorch compile C++, for a minute, to search several objectives faster.
    """
    try:
        from botorch.generation import gen
        from botorch.test_utils import mock as mocks

        batched = "fmin_l_bfgs_b_batched"  # which BoTorch 0.18 takes from SciPy below 1.18 alone
        mock = fast_search if hasattr(mocks, batched) > hasattr(gen, batched) else mocks.mock_optimize_context_manager
    except ImportError:
        mock = fast_search
    sample = initializers.get_polytope_samples

    def few_steps(*args: Any, **keywords: Any) -> Any:
        return sample(*args, **{**keywords, "n_burnin": 100, "n_thinning": 2})

    with mock(), patch.object(initializers, "get_polytope_samples", few_steps):
        with patch.object(logei, "_load_attempted", True, create=True):
            yield


@contextmanager
def fast_search() -> Iterator[None]:
    """Stop the search of a BoTorch that has no mock after a step, or whose mock does not know today's SciPy.

    Its fits go on: stopped by today's SciPy, those of BoTorch before 0.13 give up.
    """
    generation, search = (import_module(f"botorch.{name}") for name in ("generation.gen", "optim.optimize"))
    minimize, start = generation.minimize_with_timeout, search.gen_batch_initial_conditions

    def few_steps(*args: Any, **keywords: Any) -> Any:
        return minimize(*args, **{**keywords, "options": {**(keywords.get("options") or {}), "maxiter": 2}})

    def few_starts(*args: Any, **keywords: Any) -> Any:
        return start(*args, **{**keywords, "num_restarts": 2, "raw_samples": 4})

    with patch.object(generation, "minimize_with_timeout", few_steps):
        with patch.object(search, "gen_batch_initial_conditions", few_starts):
            yield
