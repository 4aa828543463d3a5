"""Models and acquisition functions of Ax know the symmetry, as `docs/compatibility.md` says.

Two blocks of two float parameters, five observations, one of them on the diagonal; the swap is written out here. The
predictions of a Gaussian process are compared without Canonicalize as well, which alone would make them symmetric.

One-line bugs that turn this file red: `Canonicalize` that leaves candidates alone (return `features` at the end of
`_canonical`); images with the outcome of another observation; a case without an entry of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.metric import Metric
from ax.core.objective import MultiObjective, Objective
from ax.core.optimization_config import MultiObjectiveOptimizationConfig, OptimizationConfig
from ax.core.outcome_constraint import OutcomeConstraint
from ax.core.types import ComparisonOp
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, get_botorch
from ax_symmetry._ax import GENERATION, backend
from botorch.acquisition.knowledge_gradient import qKnowledgeGradient
from botorch.acquisition.logei import qLogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.acquisition.monte_carlo import (
    qExpectedImprovement,
    qNoisyExpectedImprovement,
    qProbabilityOfImprovement,
    qUpperConfidenceBound,
)
from botorch.models.fully_bayesian import SaasFullyBayesianSingleTaskGP
from botorch.models.gp_regression import SingleTaskGP
from cases import prove
from compatibility import MODELS
from gpytorch.kernels import MaternKernel, RBFKernel
from support import MODULAR, data_of, experiment, fast_optimizer, features, float_range, space

torch_module = import_module(f"ax.{GENERATION}.torch")
Bridge = getattr(torch_module, "TorchAdapter", None) or torch_module.TorchModelBridge
MODULE = "ax.generators.torch" if GENERATION == "adapter" else "ax.models.torch"

NAMES = ["a1", "b1", "a2", "b2"]
CONFIG = {"blocks": [["a1", "b1"], ["a2", "b2"]]}
SYMMETRY = Symmetry.from_config(CONFIG)
Point = dict[str, float]


def points(n: int, seed: int = 0) -> list[Point]:
    """Draw points; the second lies on the diagonal."""
    drawn = [dict(zip(NAMES, row.tolist())) for row in np.random.default_rng(seed).random((n, 4))]
    drawn[1] |= {"a2": drawn[1]["a1"], "b2": drawn[1]["b1"]}
    return drawn


def swapped(point: Mapping[str, float]) -> Point:
    """Return the other image."""
    return {"a1": point["a2"], "b1": point["b2"], "a2": point["a1"], "b2": point["b1"]}


OUTCOMES: dict[str, Callable[[Mapping[str, float]], float]] = {
    "y": lambda p: float(1 + np.sin(3 * p["a1"]) * p["b1"] + np.sin(3 * p["a2"]) * p["b2"]),
    "z": lambda p: 1 + p["b1"] + p["b2"],
    "w": lambda p: 2 + p["a1"] * p["a2"],
}


def run(made: Experiment, trial: Any) -> None:
    """Run a trial with its data."""
    trial.mark_running(no_runner_required=True)
    listed = [
        data_of(trial.index, arm.name, {m: (OUTCOMES[m](arm.parameters), 0.05) for m in made.metrics}).df
        for arm in trial.arms
    ]
    made.attach_data(Data(df=pd.concat(listed)))
    trial.mark_completed()


def measured(*metrics: str, config: OptimizationConfig | None = None, status_quo: bool = False) -> Experiment:
    """Make an experiment of five arms."""
    keywords: dict[str, Any] = {"optimization_config": config} if config else {}
    if status_quo:
        keywords["status_quo"] = Arm(parameters=points(5)[0], name="status_quo")
    made = experiment(space([float_range(name) for name in NAMES]), metrics=metrics or ("y",), **keywords)
    for i, point in enumerate(points(5)):
        if status_quo and i == 0:
            trial = made.new_batch_trial()
            trial.add_arms_and_weights(arms=[made.status_quo, Arm(parameters=points(6)[5])])
        else:
            trial = made.new_trial()
            trial.add_arm(Arm(parameters=point))
        run(made, trial)
    return made


def objective(name: str) -> Objective:
    """Make an objective that is maximised."""
    return Objective(metric=Metric(name=name), minimize=False)


def bound(name: str, value: float, relative: bool = False) -> OutcomeConstraint:
    """Make a lower bound on an outcome."""
    return OutcomeConstraint(metric=Metric(name=name), op=ComparisonOp.GEQ, bound=value, relative=relative)


def several_objectives() -> Experiment:
    """Make an experiment of two objectives."""
    objectives = MultiObjective(objectives=[objective("y"), objective("z")])
    return measured("y", "z", config=MultiObjectiveOptimizationConfig(objective=objectives))


def constrained() -> Experiment:
    """Make an experiment with an outcome constraint."""
    return measured("y", "z", config=OptimizationConfig(objective("y"), outcome_constraints=[bound("z", 1.5)]))


def relative() -> Experiment:
    """Make an experiment with a constraint relative to its status quo."""
    config = OptimizationConfig(objective("y"), outcome_constraints=[bound("z", -20.0, relative=True)])
    return measured("y", "z", config=config, status_quo=True)


def stopped_early() -> Experiment:
    """Make an experiment of curves, one of which was stopped early."""
    module, metric = import_module("ax.core.map_data"), Metric(name="y")
    infos = hasattr(module, "MapKeyInfo")
    if hasattr(import_module("ax.core.map_metric"), "MapMetric"):
        metric = import_module("ax.core.map_metric").MapMetric(name="y")
    if infos:
        metric.map_key_info = module.MapKeyInfo(key="step", default_value=0.0)
    config = OptimizationConfig(Objective(metric=metric, minimize=False))
    made = experiment(space([float_range(name) for name in NAMES]), optimization_config=config)
    for i, point in enumerate(points(5)):
        trial = made.new_trial()
        trial.add_arm(Arm(parameters=point))
        trial.mark_running(no_runner_required=True)
        steps = [1.0, 2.0, 3.0] if i < 4 else [1.0]
        curve = [(OUTCOMES["y"](point) - 1 / s, s) for s in steps]
        frame = pd.concat([data_of(i, trial.arm.name, {"y": (mean, 0.05)}).df.assign(step=s) for mean, s in curve])
        frame = frame.reset_index(drop=True)
        if infos:
            data = module.MapData(df=frame, map_key_infos=[metric.map_key_info])
        else:
            data = (Data if hasattr(import_module("ax.core.data"), "MAP_KEY") else module.MapData)(df=frame)
        made.attach_data(data)
        if i < 4:
            trial.mark_completed()
        else:
            trial.mark_early_stopped()
    return made


def surrogate(model: type = SingleTaskGP, **options: Any) -> Any:
    """Make a surrogate of modular BoTorch."""
    modular = import_module(f"{MODULE}.botorch_modular.surrogate")
    utils = import_module(f"{MODULE}.botorch_modular.utils")
    if not hasattr(utils, "ModelConfig"):
        return modular.Surrogate(botorch_model_class=model, **options)
    config = utils.ModelConfig(botorch_model_class=model, **options)
    return modular.Surrogate(surrogate_spec=modular.SurrogateSpec(model_configs=[config]))


def kernel(kind: type, **options: Any) -> Callable[[], dict[str, Any]]:
    """Return what makes modular BoTorch use a kernel."""
    return lambda: {"surrogate": surrogate(covar_module_class=kind, covar_module_options=options)}


def acquisition(kind: type) -> Callable[[], dict[str, Any]]:
    """Return what makes modular BoTorch use an acquisition function."""
    return lambda: {"botorch_acqf_class": kind}


def sampled() -> dict[str, Any]:
    """Return what makes modular BoTorch fully Bayesian, with few samples."""
    few: dict[str, Any] = {"num_samples": 4, "warmup_steps": 4, "thinning": 1}
    if find_spec("ax.generation_strategy") is not None:  # before Ax 1.0, Ax sets it itself
        few["disable_progbar"] = True
    return {"surrogate": surrogate(SaasFullyBayesianSingleTaskGP, mll_options=few)}


@dataclass(frozen=True)
class Case:
    """A model or acquisition function, and where it is proven.

    Attributes:
        made: Makes the experiment.
        keywords: Keywords of `BOTORCH_MODULAR`.
        tied: Whether the model itself is symmetric, without Canonicalize.
        legacy: Whether it goes through `get_botorch`.
        generates: Whether it makes candidates.
        joint: Whether it can only search for a whole batch at once.
    """

    made: Callable[[], Experiment] = measured
    keywords: Callable[[], dict[str, Any]] = field(default=dict)
    tied: bool = True
    legacy: bool = False
    generates: bool = True
    joint: bool = False


CASES = {
    "Matern 1/2": Case(keywords=kernel(MaternKernel, nu=0.5)),
    "Matern 3/2": Case(keywords=kernel(MaternKernel, nu=1.5)),
    "Matern 5/2": Case(keywords=kernel(MaternKernel, nu=2.5)),
    "RBF": Case(keywords=kernel(RBFKernel)),
    "the default model of `get_botorch`": Case(legacy=True),
    "expected improvement": Case(keywords=acquisition(qExpectedImprovement)),
    "log expected improvement": Case(keywords=acquisition(qLogExpectedImprovement)),
    "noisy expected improvement": Case(keywords=acquisition(qNoisyExpectedImprovement)),
    "log noisy expected improvement": Case(keywords=acquisition(qLogNoisyExpectedImprovement)),
    "upper confidence bound": Case(keywords=acquisition(qUpperConfidenceBound)),
    "probability of improvement": Case(keywords=acquisition(qProbabilityOfImprovement)),
    "knowledge gradient": Case(keywords=acquisition(qKnowledgeGradient), joint=True),
    "several metrics": Case(lambda: measured("y", "z", "w")),
    "several objectives": Case(several_objectives),
    "several objectives, `get_botorch`": Case(several_objectives, legacy=True),
    "outcome constraint": Case(constrained),
    "outcome constraint, `get_botorch`": Case(constrained, legacy=True),
    "outcome constraint relative to the status quo": Case(relative),
    "curves with early stopping": Case(stopped_early),
    "fully Bayesian (SAAS)": Case(keywords=sampled, tied=False),
    "random forest": Case(tied=False, generates=False),
}


def fit(name: str, made: Experiment, *, ours: bool = True) -> Any:
    """Fit a case, with our transforms or without."""
    case = CASES[name]
    added = [Canonicalize, SymmetrizeObservations] if ours else []
    keywords = {
        "experiment": made,
        "data": made.lookup_data(),
        "transforms": added + backend.default_transforms(),
        "transform_configs": {kind.__name__: CONFIG for kind in added},
    }
    if case.legacy:
        return get_botorch(**keywords)
    if name == "random forest":
        forest = import_module(f"{MODULE}.randomforest").RandomForest(num_trees=10)
        role = "generator" if GENERATION == "adapter" else "model"
        return Bridge(search_space=made.search_space, **{role: forest}, **keywords)
    return MODULAR(**keywords, **case.keywords())


def check(name: str) -> None:
    """Prove that a case works."""
    case, made = CASES[name], CASES[name].made()
    torch.manual_seed(0)
    adapter = fit(name, made)

    probes = points(4, seed=1)
    images = [swapped(point) for point in probes]
    for metric in made.metrics:
        means, covariances = adapter.predict(features(probes + images))
        for numbers in (means[metric], covariances[metric][metric]):
            np.testing.assert_allclose(numbers[:4], numbers[4:], rtol=1e-6)
            assert np.all(np.isfinite(numbers))
    if case.tied:
        model = adapter.model if GENERATION == "modelbridge" else adapter.generator
        columns = list(adapter.parameters)
        for one, other in zip(*(model.predict(rows(p, columns)) for p in (probes, images))):
            np.testing.assert_allclose(one, other, atol=1e-3)

    if case.generates:
        options = {"optimizer_kwargs": {"sequential": False}} if case.joint else {}
        with fast_optimizer():
            arms = adapter.gen(2, model_gen_options=options).arms
        assert len({tuple(sorted(SYMMETRY.canonical(arm.parameters).items())) for arm in arms}) == 2
        for arm in arms:
            p = arm.parameters
            assert made.search_space.check_membership(p)
            assert SYMMETRY.canonical(p) == p
            assert (p["a1"], p["b1"]) <= (p["a2"], p["b2"])
    else:
        with pytest.raises(NotImplementedError):
            adapter.gen(1)


def rows(listed: list[Point], columns: list[str]) -> torch.Tensor:
    """Turn points of the unit cube into what the model sees."""
    return torch.tensor([[point[name] for name in columns] for point in listed])


@pytest.mark.parametrize("name", list(MODELS))
def test_the_table_says_the_truth(name: str) -> None:
    prove(MODELS[name][GENERATION], name, fails_in_plain_ax, check)


def fails_in_plain_ax(name: str) -> bool:
    """Tell whether Ax cannot do it without our transforms either."""
    try:
        adapter = fit(name, CASES[name].made(), ours=False)
        with fast_optimizer():
            adapter.gen(2)
    except (ImportError, NotImplementedError, TypeError, ValueError):
        return True
    return False


def test_no_case_is_left_out() -> None:
    assert list(CASES) == list(MODELS)
