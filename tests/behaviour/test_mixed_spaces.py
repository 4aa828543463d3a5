"""Every transform that Ax ships gets on with ours, as `docs/compatibility.md` says, on blocks of all kinds.

What the model is trained on is compared with images that are written out here (a swap of two blocks) and sent through
Ax's own transforms; so is what it predicts at them, without Canonicalize, which alone would make predictions symmetric.

One-line bugs that turn this file red: a page that is not written anew; choices decoded one position off;
`Canonicalize` that leaves candidates alone (return `features` at the end of `_canonical`); images with the outcome of
another observation; a transform of a newer Ax that no one has tried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract, signature
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.generator_run import GeneratorRun
from ax.core.metric import Metric
from ax.core.objective import MultiObjective, Objective
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import MultiObjectiveOptimizationConfig, OptimizationConfig
from ax.core.outcome_constraint import OutcomeConstraint
from ax.core.parameter import FixedParameter, ParameterType
from ax.core.types import ComparisonOp
from ax_symmetry import Canonicalize, SymmetrizeObservations
from ax_symmetry._ax import GENERATION
from cases import prove
from compatibility import GONE, PAGE, TRANSFORMS, installed_transforms, page
from support import MODULAR, Generators, choice, data_of, experiment, fast_optimizer, features, float_range, int_range
from support import space

torch_module = import_module(f"ax.{GENERATION}.torch")
Bridge = getattr(torch_module, "TorchAdapter", None) or torch_module.TorchModelBridge

SHAPES, METALS, LEVELS = ["round", "flat", "long"], ["zinc", "iron", "gold"], [0.5, 1.0, 4.0]
SLOTS = ("size", "cut", "rate", "share", "count", "grain", "shape", "metal", "flag", "level")
FILLED = {"other": 0.5} if GENERATION == "modelbridge" else {"rate_1": 0.5}
STEPS = [1.0, 2.0, 3.0]
FEW = ("size", "rate", "metal")

Point = dict[str, Any]


def blocks(slots: Sequence[str]) -> list[list[str]]:
    """Name the parameters of the two blocks."""
    return [[f"{slot}_{k}" for slot in slots] for k in (1, 2)]


def parameters(slots: Sequence[str]) -> list[Any]:
    """List two blocks with a parameter of every kind, and what stays outside of the symmetry."""
    listed: list[Any] = [float_range("other"), FixedParameter("still", ParameterType.FLOAT, 0.3)]
    for k in (1, 2):
        made = {
            "size": float_range(f"size_{k}"),
            "cut": float_range(f"cut_{k}", digits=1),
            "rate": float_range(f"rate_{k}", 1e-3, 1.0, log_scale=True),
            "share": float_range(f"share_{k}", 0.01, 0.99, logit_scale=True),
            "count": int_range(f"count_{k}", 1, 7),
            "grain": int_range(f"grain_{k}", 1, 100, log_scale=True),
            "shape": choice(f"shape_{k}", SHAPES),
            "metal": choice(f"metal_{k}", METALS, is_ordered=False),
            "flag": choice(f"flag_{k}", [True, False]),
            "level": choice(f"level_{k}", LEVELS),
        }
        listed += [made[slot] for slot in slots]
    return listed


def points(n: int, slots: Sequence[str]) -> list[Point]:
    """Draw points; the fourth lies on the diagonal, where the two images are one."""
    rng = np.random.default_rng(0)
    drawn = []
    for i in range(n):
        point: Point = {"other": float(rng.random()), "still": 0.3}
        for k in (1, 2):
            made = {
                "size": float(rng.random()),
                "cut": round(float(rng.random()), 1),
                "rate": float(10 ** rng.uniform(-3, 0)),
                "share": float(rng.uniform(0.02, 0.98)),
                "count": int(rng.integers(1, 8)),
                "grain": int(rng.integers(1, 101)),
                "shape": SHAPES[rng.integers(3)],
                "metal": METALS[rng.integers(3)],
                "flag": bool(rng.integers(2)),
                "level": LEVELS[rng.integers(3)],
            }
            point |= {f"{slot}_{k}": made[slot] for slot in slots}
        if i == 3:
            point |= {b: point[a] for a, b in zip(*blocks(slots))}
        drawn.append(point)
    return drawn


def swapped(point: Mapping[str, Any]) -> Point:
    """Return the other image of a point."""
    partner = {"1": "2", "2": "1"}
    return {n: point[n[:-1] + partner[n[-1]]] if n[-2:] in ("_1", "_2") else v for n, v in point.items()}


def rank(point: Mapping[str, Any], k: int, slots: Sequence[str]) -> list[float]:
    """Return what a block is compared by."""
    listed = {"shape": SHAPES, "metal": METALS, "level": LEVELS}
    found = [(slot, point[f"{slot}_{k}"]) for slot in slots]
    return [float(listed[slot].index(v)) if slot in listed else float(v) for slot, v in found]


def value(point: Mapping[str, Any]) -> float:
    """Return the outcome, alike at all images and between 0 and 1."""
    return 0.1 + sum(point[f"size_{k}"] ** 2 + 0.3 * METALS.index(point[f"metal_{k}"]) for k in (1, 2)) / 4


def attach(made: Experiment, arms: Sequence[Arm], *, batch: bool = False, **metadata: Any) -> Any:
    """Run one trial with its data."""
    if metadata:
        run = GeneratorRun(arms=list(arms), candidate_metadata_by_arm_signature={a.signature: metadata for a in arms})
        trial = made.new_trial(generator_run=run)
    elif batch:
        trial = made.new_batch_trial()
        trial.add_arms_and_weights(arms=list(arms))
    else:
        trial = made.new_trial()
        trial.add_arm(arms[0])
    trial.mark_running(no_runner_required=True)
    outcomes = {"y": value, "z": lambda point: 0.5 + point["other"]}
    outcomes = {name: outcome for name, outcome in outcomes.items() if name in made.metrics}
    listed = [
        data_of(trial.index, arm.name, {name: (outcome(arm.parameters), 0.05) for name, outcome in outcomes.items()})
        for arm in trial.arms
    ]
    frame = pd.concat([data.df for data in listed])
    made.attach_data(Data(df=frame))
    trial.mark_completed()
    return trial


def mixed(slots: Sequence[str], metrics: Sequence[str] = ("y",)) -> Experiment:
    """Make an experiment of five trials on the mixed space, one of them on the diagonal."""
    made = experiment(space(parameters(slots)), metrics)
    for point in points(5, slots):
        attach(made, [Arm(parameters=point)])
    return made


def relative(slots: Sequence[str], *, bound: float = -50.0, is_relative: bool = True) -> Experiment:
    """Make an experiment of batches that each hold the status quo, with a constraint relative to it."""
    constraint = OutcomeConstraint(metric=Metric(name="z"), op=ComparisonOp.GEQ, bound=bound, relative=is_relative)
    objective = Objective(metric=Metric(name="y"), minimize=False)
    status_quo, *others = points(5, slots)
    made = experiment(
        space(parameters(slots)),
        metrics=("y", "z"),
        optimization_config=OptimizationConfig(objective=objective, outcome_constraints=[constraint]),
        status_quo=Arm(parameters=status_quo, name="status_quo"),
    )
    for pair in (others[:2], others[2:]):
        attach(made, [made.status_quo, *(Arm(parameters=point) for point in pair)], batch=True)
    return made


def of_two_metrics(slots: Sequence[str]) -> Experiment:
    """Make an experiment of two metrics."""
    return mixed(slots, ("y", "z"))


def infeasible(slots: Sequence[str]) -> Experiment:
    """Make an experiment of two objectives whose data satisfy none of its constraints."""
    made = relative(slots)
    made.add_tracking_metric(Metric(name="w"))
    objectives = [Objective(metric=made.metrics[m], minimize=False) for m in ("y", "z")]
    constraint = OutcomeConstraint(metric=made.metrics["w"], op=ComparisonOp.GEQ, bound=100.0, relative=False)
    made.optimization_config = MultiObjectiveOptimizationConfig(
        objective=MultiObjective(objectives=objectives), outcome_constraints=[constraint]
    )
    for trial in made.trials.values():
        listed = [data_of(trial.index, arm.name, {"w": (arm.parameters["other"], 0.05)}).df for arm in trial.arms]
        made.attach_data(Data(df=pd.concat(listed)))
    return made


def repeated(slots: Sequence[str]) -> Experiment:
    """Make an experiment that measures one arm twice."""
    made = mixed(slots)
    attach(made, [made.trials[0].arm])
    return made


def in_batches(slots: Sequence[str]) -> Experiment:
    """Make an experiment of two batches."""
    made = experiment(space(parameters(slots)))
    for some in (points(5, slots)[:2], points(5, slots)[2:]):
        attach(made, [Arm(parameters=point) for point in some], batch=True)
    return made


def of_tasks(slots: Sequence[str]) -> Experiment:
    """Make an experiment with a task parameter outside of the symmetry."""
    task = choice("task", [3, 7], is_ordered=False, sort_values=True, is_task=True, target_value=7)
    made = experiment(space([*parameters(slots), task]))
    for i, point in enumerate(points(5, slots)):
        attach(made, [Arm(parameters={**point, "task": 3 if i % 2 else 7})])
    return made


def with_metadata(**values: Sequence[Any]) -> Callable[[Sequence[str]], Experiment]:
    """Make an experiment whose arms carry metadata."""

    def made_so(slots: Sequence[str]) -> Experiment:
        made = experiment(space(parameters(slots)))
        for i, point in enumerate(points(5, slots)):
            attach(made, [Arm(parameters=point)], **{name: listed[i] for name, listed in values.items()})
        return made

    return made_so


def with_abandoned(slots: Sequence[str]) -> Experiment:
    """Make an experiment three of whose trials were abandoned."""
    made = mixed(slots)
    made.add_tracking_metric(Metric(name="execution_viable"))
    for point in points(8, slots)[5:]:
        trial = made.new_trial()
        trial.add_arm(Arm(parameters=point))
        trial.mark_running(no_runner_required=True)
        trial.mark_abandoned()
    return made


def lacking(slots: Sequence[str]) -> Experiment:
    """Make an experiment one of whose arms lacks a parameter of the symmetry."""
    made = mixed(slots)
    point = points(6, slots)[5]
    del point[next(iter(FILLED))]
    attach(made, [Arm(parameters=point)])
    return made


def of_two_names(slots: Sequence[str]) -> Experiment:
    """Make an experiment that measures the same under another name in its last two trials."""
    made = experiment(space(parameters(slots)), metrics=("y", "z"))
    for i, point in enumerate(points(5, slots)):
        trial = made.new_trial()
        trial.add_arm(Arm(parameters=point))
        trial.mark_running(no_runner_required=True)
        made.attach_data(data_of(trial.index, trial.arm.name, {"z" if i > 2 else "y": (value(point), 0.05)}))
        trial.mark_completed()
    return made


def curves(slots: Sequence[str]) -> Experiment:
    """Make an experiment whose data are curves of three steps."""
    module = import_module("ax.core.map_data")
    infos = hasattr(module, "MapKeyInfo")
    metric = Metric(name="y")
    if hasattr(import_module("ax.core.map_metric"), "MapMetric"):
        metric = import_module("ax.core.map_metric").MapMetric(name="y")
        if infos:
            metric.map_key_info = module.MapKeyInfo(key="step", default_value=0.0)
    objective = Objective(metric=metric, minimize=False)
    made = experiment(
        space(parameters(slots)), optimization_config=OptimizationConfig(objective=objective), metrics=("y",)
    )
    for point in points(4, slots):
        trial = made.new_trial()
        trial.add_arm(Arm(parameters=point))
        trial.mark_running(no_runner_required=True)
        steps = [data_of(trial.index, trial.arm.name, {"y": (value(point) + s, 0.05)}).df.assign(step=s) for s in STEPS]
        frame = pd.concat(steps, ignore_index=True)
        if infos:
            data = module.MapData(df=frame, map_key_infos=[metric.map_key_info])
        else:
            data = (Data if hasattr(import_module("ax.core.data"), "MAP_KEY") else module.MapData)(df=frame)
        made.attach_data(data)
        trial.mark_completed()
    return made


def with_times(slots: Sequence[str]) -> Experiment:
    """Make an experiment whose data say when they were measured."""
    made = experiment(space(parameters(slots)))
    for i, point in enumerate(points(5, slots)):
        trial = made.new_trial()
        trial.add_arm(Arm(parameters=point))
        trial.mark_running(no_runner_required=True)
        frame = data_of(trial.index, trial.arm.name, {"y": (value(point), 0.05)}).df.copy()
        frame["start_time"], frame["end_time"] = times(i)
        made.attach_data(Data(df=frame))
        trial.mark_completed()
    return made


def times(i: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Tell when a trial was measured."""
    start = pd.Timestamp("2026-01-01") + pd.Timedelta(days=i)
    return start, start + pd.Timedelta(days=1 + i % 2)


NUMBERS = ["RemoveFixed", "OrderedChoiceToIntegerRange", "OneHot", "IntToFloat", "Log", "Logit", "UnitX"]


@dataclass(frozen=True)
class Recipe:
    """In which setting a transform is proven.

    Attributes:
        transforms: What follows our two transforms.
        before: What comes before them.
        made: Makes the experiment from the slots of its blocks.
        slots: What the blocks consist of.
        configs: Configs of the transforms.
        filled: Values that arms lack.
        dropped: Which arms Ax takes out of the training data, by trial.
        fixed: What `gen` is asked to fix.
        steps: The steps of every curve.
        asked: What the search space is fixed at that `gen` is given.
    """

    transforms: Sequence[str]
    before: Sequence[str] = ()
    made: Callable[[Sequence[str]], Experiment] = mixed
    slots: Sequence[str] = SLOTS
    configs: Mapping[str, Any] = field(default_factory=dict)
    filled: Mapping[str, Any] = field(default_factory=dict)
    dropped: Sequence[tuple[int, str]] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[float] = ()
    asked: Mapping[str, float] = field(default_factory=dict)


def instead(old: str, new: str) -> Recipe:
    """Take one of the usual transforms for another."""
    return Recipe([new if name == old else name for name in NUMBERS] + ["StandardizeY"])


def fit(recipe: Recipe, made: Experiment, *, ours: bool = True) -> Any:
    """Fit Ax's modular BoTorch model, with our transforms or without."""
    shipped, config = installed_transforms(), {"blocks": blocks(recipe.slots)}
    added = [Canonicalize, SymmetrizeObservations] if ours else []
    kinds = [shipped[name] for name in recipe.before if name in shipped] + added
    kinds += [shipped[name] for name in recipe.transforms if name in shipped]
    configs = {kind.__name__: config for kind in added} | dict(recipe.configs)
    keywords = {"experiment": made, "data": made.lookup_data(), "transforms": kinds, "transform_configs": configs}
    if "status_quo_features" in signature(Bridge.__init__).parameters and made.status_quo:  # Ax before 1.0
        keywords["status_quo_features"] = ObservationFeatures(dict(made.status_quo.parameters), trial_index=1)
    if "MapUnitX" in recipe.transforms:
        bridge = import_module("ax.modelbridge.map_torch").MapTorchModelBridge
        model = import_module("ax.models.torch.botorch_modular.model").BoTorchModel()
        options = {"target_map_values": {"step": STEPS[-1]}}
        return bridge(search_space=made.search_space, model=model, default_model_gen_options=options, **keywords)
    if recipe.steps and find_spec(f"ax.{GENERATION}.data_utils"):
        loader = import_module(f"ax.{GENERATION}.data_utils").DataLoaderConfig
        keywords["data_loader_config"] = loader(fit_only_completed_map_metrics=False, latest_rows_per_group=None)
    return MODULAR(**keywords)


def model_of(adapter: Any) -> Any:
    """Return what the adapter (model bridge) has fitted."""
    return adapter.model if GENERATION == "modelbridge" else adapter.generator


def numbers(adapter: Any, given: Sequence[ObservationFeatures], columns: Sequence[str]) -> np.ndarray:
    """Turn features into what the model sees, without our two transforms."""
    seen = [f.clone() for f in given]
    for name, transform in adapter.transforms.items():
        if name not in ("Canonicalize", "SymmetrizeObservations"):
            seen = transform.transform_observation_features(seen)
    return np.array([[float(f.parameters[name]) for name in columns] for f in seen])


def measured(made: Experiment, recipe: Recipe) -> list[ObservationFeatures]:
    """List what was measured."""
    return [
        ObservationFeatures(
            parameters={**recipe.filled, **arm.parameters, **step},
            trial_index=trial.index,
            metadata={**(trial._get_candidate_metadata(arm.name) or {}), **step},
            start_time=times(trial.index)[0],
            end_time=times(trial.index)[1],
        )
        for trial in made.trials.values()
        for arm in trial.arms
        if (trial.index, arm.name) not in recipe.dropped
        for step in ([{"step": s} for s in recipe.steps] or [{}])
    ]


def image(given: ObservationFeatures) -> ObservationFeatures:
    """Return the other image."""
    return given.clone(replace_parameters=swapped(given.parameters))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Tell how far the rows of a are from those of b."""
    return max(np.abs(row - b).max(axis=1).min() for row in a)


def check(recipe: Recipe) -> None:
    """Prove that a transform works."""
    made = recipe.made(recipe.slots)
    adapter = fit(recipe, made)
    (data, *_) = model_of(adapter).surrogate.training_data
    columns = list(data.feature_names)
    rows = data.X.numpy().copy().reshape(-1, len(columns))

    given = measured(made, recipe)
    images = [*given, *(image(f) for f in given if swapped(f.parameters) != f.parameters)]
    expected = numbers(adapter, images, columns)
    for some in (rows, expected) if recipe.steps else ():  # newer Ax scales the steps of the training data
        steps = some[:, columns.index("step")]
        steps[:] = (steps - steps.min()) / np.ptp(steps)
    if "METRIC_TASK" in columns:  # every observation is there twice, for either task
        task = columns.index("METRIC_TASK")
        assert len(rows) == 2 * len(expected)
        rows = rows[rows[:, task] == expected[0, task]]
    assert len(rows) == len(expected)
    assert distance(rows, expected) < 1e-9 and distance(expected, rows) < 1e-9

    probes = [
        given[0].clone(replace_parameters={**given[0].parameters, **p}) for p in points(8, recipe.slots)[5:]
    ]
    one, other = numbers(adapter, probes, columns), numbers(adapter, [image(f) for f in probes], columns)
    assert np.abs(one - other).max() > 0.1
    for some in zip(*(model_of(adapter).predict(torch.tensor(x)) for x in (one, other))):
        np.testing.assert_allclose(*some, atol=1e-3)

    listed = [
        FixedParameter(name, ParameterType.FLOAT, recipe.asked[name]) if name in recipe.asked else p
        for name, p in made.search_space.clone().parameters.items()
    ]
    where = {"search_space": space(listed)} if recipe.asked else {}
    with fast_optimizer():
        run = adapter.gen(2, fixed_features=ObservationFeatures(**{"parameters": {}, **recipe.fixed}), **where)
    check_candidates(run, made, recipe.slots)


def check_candidates(run: Any, made: Experiment, slots: Sequence[str]) -> None:
    """Check that the candidates are canonical, choices by their position, and members of the search space."""
    assert run.arms
    for arm in run.arms:
        assert made.search_space.check_membership(arm.parameters)
        assert rank(arm.parameters, 1, slots) <= rank(arm.parameters, 2, slots)


TAIL = [*NUMBERS, "StandardizeY"]
TASK = "TaskChoiceToIntTaskChoice"
NAMES = {"metric_name_map": {"z": "y"}, "metric_name_to_trial_type": {"z": "simulated"}}
OF_Y = {"metrics": ["y"]}
RECIPES = {
    **{name: Recipe(TAIL) for name in ("Cast", *TAIL)},
    **{name: Recipe([*NUMBERS, name, "StandardizeY"]) for name in ("BilogY", "Winsorize", "PercentileY", "IVW")},
    "InverseGaussianCdfY": Recipe([*NUMBERS, "InverseGaussianCdfY", "StandardizeY"]),
    "LogY": Recipe([*NUMBERS, "LogY"], configs={"LogY": OF_Y}),
    "PowerTransformY": Recipe([*NUMBERS, "PowerTransformY"], configs={"PowerTransformY": OF_Y}),
    "Transform": Recipe(["Transform", *TAIL]),
    "ChoiceEncode": Recipe(["RemoveFixed", "ChoiceEncode", "Log", "StandardizeY"], slots=FEW),
    "ChoiceToNumericChoice": Recipe(["RemoveFixed", "ChoiceToNumericChoice", "Log", "StandardizeY"], slots=FEW),
    "OrderedChoiceEncode": instead("OrderedChoiceToIntegerRange", "OrderedChoiceEncode"),
    "CenteredUnitX": instead("UnitX", "CenteredUnitX"),
    "IntRangeToChoice": Recipe(["IntRangeToChoice", *TAIL]),
    "LogIntToFloat": Recipe(["LogIntToFloat", *TAIL]),
    "SearchSpaceToFloat": Recipe(["SearchSpaceToFloat", "UnitX", "StandardizeY"], slots=FEW),
    "CapParameter": Recipe(["CapParameter", *TAIL], configs={"CapParameter": {"other": 0.9}}),
    "Derelativize": Recipe(["Derelativize", *TAIL], made=relative),
    **{
        name: Recipe(NUMBERS, before=[name], made=relative) for name in ("Relativize", "RelativizeWithConstantControl")
    },
    "SelectiveRelativizeWithConstantControl": Recipe(
        ["Derelativize", *NUMBERS], before=["SelectiveRelativizeWithConstantControl"], made=relative
    ),
    "TransformToNewSQ": Recipe(
        ["Derelativize", *TAIL], before=["TransformToNewSQ"], made=relative, dropped=[(0, "status_quo")]
    ),
    "ObjectiveAsConstraint": Recipe([*NUMBERS, "ObjectiveAsConstraint"], made=infeasible),
    "AddExecutionViability": Recipe(TAIL, before=["AddExecutionViability"], made=with_abandoned),
    "MergeRepeatedMeasurements": Recipe(["MergeRepeatedMeasurements", *TAIL], made=repeated, dropped=[(5, "0_0")]),
    "FillMissingParameters": Recipe(
        TAIL,
        before=["FillMissingParameters"],
        configs={"FillMissingParameters": {"fill_values": FILLED}},
        made=lacking,
        filled=FILLED,
    ),
    "FixedToTunable": Recipe(["FixedToTunable", *TAIL], asked={"other": 0.4}),
    "TaskEncode": Recipe(["TaskEncode", *TAIL], made=of_tasks, fixed={"parameters": {"task": 7}}),
    TASK: Recipe([TASK, *TAIL], made=of_tasks, fixed={"parameters": {"task": 7}}),
    "StratifiedStandardizeY": Recipe(
        ["StratifiedStandardizeY", TASK, *NUMBERS], made=of_tasks, fixed={"parameters": {"task": 7}}
    ),
    "TrialAsTask": Recipe(
        ["TrialAsTask", TASK, *TAIL],
        made=in_batches,
        configs={"TrialAsTask": {"target_trial": 0, "trial_level_map": {"batch": {0: 0, 1: 1}}}},
        fixed={"trial_index": 0},
    ),
    "MetricsAsTask": Recipe(
        ["MetricsAsTask", TASK, *TAIL],
        made=of_two_metrics,
        configs={"MetricsAsTask": {"metric_task_map": {"z": ["y"]}}},
    ),
    "MetadataToTask": Recipe(
        ["MetadataToTask", *TAIL],
        made=with_metadata(task_feature=[0, 1, 0, 1, 0]),
        configs={"MetadataToTask": {"task_values": [0, 1]}},
    ),
    "MetadataToFloat": Recipe(
        ["MetadataToFloat", *TAIL],
        made=with_metadata(age=[1.0, 3.0, 2.0, 5.0, 4.0]),
        configs={"MetadataToFloat": {"parameters": {"age": {}}}},
        fixed={"metadata": {"age": 2.0}},
    ),
    "MapKeyToFloat": Recipe(
        [*TAIL, "MapKeyToFloat"],
        made=curves,
        steps=STEPS,
        configs={"MapKeyToFloat": {"parameters": {"step": {"log_scale": False}}}},
    ),
    "MapUnitX": Recipe([*TAIL, "MapUnitX"], made=curves, steps=STEPS),
    "TimeAsFeature": Recipe(
        ["TimeAsFeature", *TAIL], made=with_times, fixed={"start_time": times(4)[0], "end_time": times(4)[1]}
    ),
    "ConvertMetricNames": Recipe(
        ["ConvertMetricNames", *TAIL],
        made=of_two_names,
        configs={"ConvertMetricNames": {**NAMES, "trial_index_to_type": dict.fromkeys(range(5), "simulated")}},
    ),
}


def check_choice_of_arms() -> None:
    """Prove it for a model that chooses among the arms."""
    made = mixed(FEW)
    config = {"blocks": blocks(FEW)}
    adapter = Generators.THOMPSON(
        experiment=made,
        data=made.lookup_data(),
        transforms=[Canonicalize, SymmetrizeObservations, installed_transforms()["SearchSpaceToChoice"]],
        transform_configs={"Canonicalize": config, "SymmetrizeObservations": config},
        min_weight=0.01,
    )
    recipe = Recipe([], slots=FEW)
    given = [f.parameters for f in measured(made, recipe)]
    assert len(model_of(adapter).X) == len(given) + sum(swapped(p) != p for p in given)
    for p in given:
        means = adapter.predict(features([p, swapped(p)]))[0]["y"]
        assert means[0] == means[1] == pytest.approx(value(p))
    # A repeated experiment comes back as the arm that it repeats.
    for arm in adapter.gen(2).arms:
        assert any(arm.parameters in (p, swapped(p)) for p in given)


@pytest.mark.parametrize("name", sorted(installed_transforms()))
def test_the_table_says_the_truth(name: str) -> None:
    prove(TRANSFORMS[name][GENERATION], name, fails_in_plain_ax, prove_it)


def prove_it(name: str) -> None:
    """Prove that a transform works."""
    check_choice_of_arms() if name == "SearchSpaceToChoice" else check(RECIPES[name])


def fails_in_plain_ax(name: str) -> bool:
    """Tell whether Ax cannot use a transform in its setting without our transforms either."""
    if name not in RECIPES:
        return name == "BaseRelativize" and isabstract(installed_transforms()[name])
    recipe = RECIPES[name]
    made = recipe.made(recipe.slots)
    try:
        adapter = fit(recipe, made, ours=False)
        with fast_optimizer():
            arms = adapter.gen(1).arms
    except (AssertionError, KeyError, NotImplementedError, TypeError, ValueError):
        return True
    return not all(set(arm.parameters) == set(made.search_space.parameters) for arm in arms)


def test_no_transform_is_left_out() -> None:
    """Every transform of this Ax has an entry, and an entry without a transform says where the transform is."""
    shipped = set(installed_transforms())
    entries = {name: of[GENERATION] for name, of in TRANSFORMS.items()}
    assert not [name for name in shipped if entries.get(name, GONE) == GONE]
    absent = {entries[name] for name in set(entries) - shipped}
    assert not [entry for entry in absent if entry != GONE and "Ax 0" not in entry and "Ax 1" not in entry]


def test_the_page_is_the_tables() -> None:
    """Compare the page, both generations of it."""
    assert PAGE.read_text(encoding="utf-8") == page()
