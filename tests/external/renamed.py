"""Runs a model on an Ax, or a BoTorch, in which one private name is called otherwise, and tells what came of it.

`test_private_names.py` has `found_without` called in a process that has not imported these packages. The word is
replaced wherever their source has it, as their authors would; everything else is loaded as usual. Each check finds
"works", "refuses: ..." for a `SymmetryError` that names the missing name, and anything else is a fault.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from types import CodeType
from typing import Any

BLOCKS = [["a1", "b1"], ["a2", "b2"]]
SYMMETRY = {"blocks": BLOCKS}
METHODS = ("kernel", "augmentation")
PLAIN = "Ax without a symmetry"
DEPENDENCIES = ("IPython", "gpytorch", "pandas", "plotly", "scipy.stats", "sklearn", "sqlalchemy", "torch")
EVERY = "no_such_name"
"""Stands for no name: everything is as it is, and every check is made."""


def is_in(name: str, packages: Sequence[str]) -> bool:
    """Tell whether the installed packages have a name, outside of their tests."""
    files = [file for package in packages for file in Path(find_spec(package).origin).parent.rglob("*.py")]
    word = re.compile(rf"\b{name}\b".encode())
    return any("tests" not in file.parts and word.search(file.read_bytes()) for file in files)


def rename(name: str, packages: Sequence[str]) -> None:
    """Let every module of the packages that is imported from now on call something `NAME_renamed`."""
    word, usual = re.compile(rf"\b{name}\b".encode()), SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if fullname.partition(".")[0] in packages:
            source = self.get_data(self.path)
            if word.search(source):
                return compile(word.sub(f"{name}_renamed".encode(), source), self.path, "exec", dont_inherit=True)
        return usual(self, fullname)

    setattr(SourceFileLoader, "get_code", get_code)


@contextmanager
def models_searched() -> Iterator[list[Any]]:
    """Record the model of every acquisition function that is made."""
    from botorch.acquisition.acquisition import AcquisitionFunction

    usual, seen = AcquisitionFunction.__init__, []

    def init(self: Any, model: Any) -> None:
        seen.append(model)
        usual(self, model)

    AcquisitionFunction.__init__ = init
    try:
        yield seen
    finally:
        AcquisitionFunction.__init__ = usual


def fitted_model(adapter: Any) -> Any:
    """Return the fitted model, by public names alone."""
    generator = getattr(adapter, "generator", None) or adapter.model
    return getattr(generator, "surrogate", generator).model


def check_model(adapter: Any, arms: Sequence[Any], searched: Sequence[Any]) -> None:
    """Check a model of the symmetry, its candidates, and the models that the search for them has seen.

    Raises:
        AssertionError: It does not know the symmetry, or the search does not.
    """
    import torch
    from ax_symmetry import Symmetry

    columns = [adapter.parameters.index(name) for name in ("a2", "b2", "a1", "b1")]
    swapped = [columns[["a1", "b1", "a2", "b2"].index(name)] for name in adapter.parameters]
    x = torch.rand(6, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    model = fitted_model(adapter)
    with torch.no_grad():
        off = (model.posterior(x).mean - model.posterior(x[:, swapped]).mean).abs().max()
        assert off < 1e-5, f"the fitted model is not invariant: off by {off:.3g}"
        assert searched, "no acquisition function was made"
        for seen in searched:
            for row in x:
                joint = seen.posterior(torch.stack([row, row[swapped]])).distribution.covariance_matrix
                correlation = joint[0, 1] / (joint[0, 0] * joint[1, 1]).sqrt()
                assert correlation > 1 - 1e-4, f"twins correlate by {correlation:.6f} in the search"
    symmetry, points = Symmetry.from_config(SYMMETRY), [arm.parameters for arm in arms]
    assert len(points) == 2, f"{len(points)} candidates"
    assert all(point == symmetry.canonical(point) for point in points), "candidates are not canonical"
    assert max(abs(points[0][n] - points[1][n]) for n in points[0]) > 1e-6, "twins"


def by_get_botorch(method: str) -> None:
    from ax_symmetry import get_botorch

    made = observed()
    adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)
    with models_searched() as searched:
        arms = adapter.gen(2).arms
    check_model(adapter, arms, searched)


def by_own_list(method: str) -> None:
    from ax_symmetry import Canonicalize, SymmetrizeObservations
    from support import MODULAR

    made, ours = observed(), [Canonicalize, SymmetrizeObservations]
    adapter = MODULAR(
        experiment=made,
        data=made.lookup_data(),
        transforms=[*ours, *ax_transforms()],
        transform_configs={transform.__name__: {**SYMMETRY, "method": method} for transform in ours},
    )
    with models_searched() as searched:
        arms = adapter.gen(2).arms
    check_model(adapter, arms, searched)


def by_strategy(method: str) -> None:
    from ax_symmetry import choose_generation_strategy
    from support import data_of, experiment

    made = experiment(search_space())
    strategy = choose_generation_strategy(
        made.search_space, SYMMETRY, method=method, num_initialization_trials=8, random_seed=0
    )
    for _ in range(8):
        trial = made.new_trial(generator_run=runs(strategy, made, 1)[0])
        trial.mark_running(no_runner_required=True)
        made.attach_data(data_of(trial.index, trial.arm.name, {"y": (outcome(trial.arm.parameters), 0.1)}))
        trial.mark_completed()
    with models_searched() as searched:
        found = runs(strategy, made, 2)
    adapter = strategy.adapter if hasattr(strategy, "adapter") else strategy.model
    check_model(adapter, [arm for run in found for arm in run.arms], searched)


def ax_transforms() -> list[Any]:
    """Return the transforms of Ax's own model for ranges."""
    from support import registry

    return registry.Cont_X_trans + registry.Y_trans


def runs(strategy: Any, made: Any, n: int) -> list[Any]:
    """Let a strategy generate for one trial; newer Ax wraps what it returns into lists."""
    found = strategy.gen(made, n=n)
    while isinstance(found, list) and isinstance(found[0], list):
        (found,) = found
    return found if isinstance(found, list) else [found]


def without_a_symmetry(method: str) -> None:
    from support import MODULAR

    made = observed()
    adapter = MODULAR(experiment=made, data=made.lookup_data(), transforms=ax_transforms())
    assert len(adapter.gen(2).arms) == 2


def check_the_data(method: str) -> None:
    from ax_symmetry.diagnostics import check_symmetry

    assert check_symmetry(observed(), SYMMETRY).verdict


def widen_choices(method: str) -> None:
    """An observation off the list of whole numbers gives both parameters its value, and another type."""
    from ax_symmetry import get_botorch
    from support import add_trial, choice, experiment, features, space

    narrow = space([choice("a1", [1, 2, 3]), choice("a2", [1, 2, 3])])
    made = experiment(space([choice("a1", [1.0, 1.5, 2.0, 3.0]), choice("a2", [1.0, 1.5, 2.0, 3.0])]))
    for a1, a2 in ((1.0, 2.0), (2.0, 2.0), (3.0, 1.0), (1.0, 1.0), (1.5, 3.0)):
        add_trial(made, {"a1": a1, "a2": a2}, {"y": (a1 * a2 + 0.1 * a1, 0.1)})
    symmetry = {"blocks": [["a1"], ["a2"]]}
    adapter = get_botorch(made, made.lookup_data(), narrow, symmetry=symmetry, method="kernel")
    mean, _ = adapter.predict(features([{"a1": 1, "a2": 3}, {"a1": 3, "a2": 1}]))
    assert abs(mean["y"][0] - mean["y"][1]) < 1e-5, "the model is not invariant"


def with_data_outside(method: str) -> None:
    """Ax widens the space for the model, parameter by parameter; what the user declared stays symmetric."""
    from ax_symmetry import get_botorch
    from support import add_trial, features

    made = observed()
    add_trial(made, {"a1": 1.2, "b1": 0.5, "a2": 0.1, "b2": 0.4}, {"y": (1.3, 0.1)})
    adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)
    points = [{"a1": 1.2, "b1": 0.5, "a2": 0.1, "b2": 0.4}, {"a1": 0.1, "b1": 0.4, "a2": 1.2, "b2": 0.5}]
    mean, _ = adapter.predict(features(points))
    assert abs(mean["y"][0] - mean["y"][1]) < 1e-5, "the model is not invariant"
    assert all(0 <= value <= 1 for arm in adapter.gen(2).arms for value in arm.parameters.values()), "left the space"


def contradict(method: str) -> None:
    """What one transform is told must reach the other one: candidates must stay if the symmetry holds only roughly."""
    from ax_symmetry import Canonicalize, SymmetrizeObservations, SymmetryError, get_botorch

    made = observed()
    configs = {"Canonicalize": SYMMETRY, "SymmetrizeObservations": {**SYMMETRY, "method": "kernel", "asymmetry": 0.2}}
    transforms = [Canonicalize, SymmetrizeObservations, *ax_transforms()]
    try:
        get_botorch(made, made.lookup_data(), transforms=transforms, transform_configs=configs)
    except SymmetryError as error:
        if "asymmetry" not in str(error):
            raise
    else:
        raise AssertionError("a contradiction is not noticed")


def find_known_arms(method: str) -> None:
    """A candidate that is an arm in another order comes back as that arm."""
    from ax_symmetry import get_botorch
    from support import features

    made = observed()
    adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)
    for arm in made.arms_by_name.values():
        p = arm.parameters
        swapped = {"a1": p["a2"], "b1": p["b2"], "a2": p["a1"], "b2": p["b1"]}
        (found,) = adapter.transforms["Canonicalize"].untransform_observation_features(features([swapped]))
        assert found.parameters == p, "an arm is not known again"


def with_two_metrics(method: str) -> None:
    from ax_symmetry import Symmetry, get_botorch
    from support import measured

    made = measured(search_space(), ("y", "z"), 8, outcome)
    adapter = get_botorch(made, made.lookup_data(), symmetry=SYMMETRY, method=method)
    points = [arm.parameters for arm in adapter.gen(2).arms]
    assert all(point == Symmetry.from_config(SYMMETRY).canonical(point) for point in points)


def plot_left_out(method: str) -> None:
    from ax_symmetry.plotting import plot_left_out

    assert plot_left_out(observed(), SYMMETRY).data


def with_ray(method: str) -> None:
    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig
    from ax_symmetry import Symmetry
    from ax_symmetry.integrations.ray import SymmetricSearch

    client = Client()
    client.configure_experiment(
        [RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)) for block in BLOCKS for n in block]
    )
    client.configure_optimization(objective="y")
    search = SymmetricSearch(client, SYMMETRY, num_initialization_trials=2, random_seed=0)
    for trial in ("one", "two", "three"):
        point = search.suggest(trial)
        search.on_trial_complete(trial, {"y": outcome(point)})
        assert point == Symmetry.from_config(SYMMETRY).canonical(point), "candidates are not canonical"


def search_space() -> Any:
    from support import float_range, space

    return space([float_range(name) for block in BLOCKS for name in block])


def outcome(p: Any) -> float:
    return sum((p[a] - 0.3) ** 2 * (1 + p[b]) for a, b in BLOCKS)


def observed() -> Any:
    from support import experiment, fill

    return fill(experiment(search_space()), 8, outcome)


WAYS: dict[str, Callable[[str], None]] = {
    "get_botorch": by_get_botorch,
    "the user's own list": by_own_list,
    "choose_generation_strategy": by_strategy,
}
ONCE: dict[str, Callable[[str], None]] = {PLAIN: without_a_symmetry, "check_symmetry": check_the_data}
EXTRA: dict[str, dict[str, Callable[[str], None]]] = {
    "_model_space": {"data outside of the space": with_data_outside},
    "_search_space": {"data outside of the space": with_data_outside},
    "_transform_configs": {"a contradiction": contradict},
    "_arms_by_signature": {"known arms": find_known_arms},
    "_subset_batch_dict": {"two metrics": with_two_metrics},
    "_untransform_observation_data": {"a plot": plot_left_out},
    "_parameter_type": {"values off the list": widen_choices},
    "_experiment": {"Ray": with_ray},
    "_maybe_experiment": {"Ray": with_ray},
    "_maybe_generation_strategy": {"Ray": with_ray},
}
"""Checks of what only these names serve."""


def judge(check: Callable[[str], None], method: str, name: str) -> str:
    """Run one check and put in words what came of it."""
    from ax_symmetry import SymmetryError

    try:
        check(method)
    except SymmetryError as error:
        named = re.search(rf"\b{re.escape(name)}\b", str(error))
        return f"refuses: {error}" if named else f"SymmetryError that does not name it: {error}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
    return "works"


def found_without(name: str, packages: Sequence[str]) -> dict[str, str]:
    """Return what became of every check with a name called otherwise; to be called once in a process."""
    assert not any(package in sys.modules for package in packages), "imported before the name was changed"
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    rename(name, packages)
    import torch
    from support import GENERATION, fast_optimizer

    torch.set_num_threads(1)
    extras = EXTRA.values() if name == EVERY else [EXTRA.get(name, {})]
    once = {**ONCE, **{title: check for extra in extras for title, check in extra.items()}}
    if GENERATION == "modelbridge":  # which does not add values that are off the list, but leaves out the observation
        once.pop("values off the list", None)
    if find_spec("ray") is None or find_spec("ax.api") is None:
        once.pop("Ray", None)
    checks = [(f"{way}, {method}", check, method) for method in METHODS for way, check in WAYS.items()]
    checks += [(way, check, "augmentation") for way, check in once.items()]
    with fast_optimizer():
        return {title: judge(check, method, name) for title, check, method in checks}


def found_in_a_fork(name: str, packages: Sequence[str]) -> dict[str, str]:
    """Return what `found_without` finds in a fork of this process, which imports what the packages need once."""
    for dependency in DEPENDENCIES:
        if find_spec(dependency.partition(".")[0]) is not None:
            import_module(dependency)
    with get_context("fork").Pool(1) as pool:
        return pool.apply(found_without, (name, packages))
