"""Ray Tune: search with Ax's `Client`, whose model knows the symmetry. Needs Ray Tune: `pip install .[ray]` in a clone.

Up to Ax 1.2 Ray's own `AxSearch` works as well; hand it an `AxClient` with a strategy that knows the symmetry:

    space = AxClient.make_search_space(parameters=parameters, parameter_constraints=[])
    ax_client = AxClient(generation_strategy=choose_generation_strategy(space, symmetry))
    ax_client.create_experiment(parameters=parameters, objectives={"packing": ObjectiveProperties(minimize=False)})
    tune.TuneConfig(search_alg=AxSearch(ax_client=ax_client))

It does not tell Ax about trials that raise: Ax waits for them, and once they are as many as Ax lets run at the same
time, the run hangs. On Ax 1.3 it raises an `AttributeError`. `SymmetricSearch` has neither problem.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ax.core.experiment import Experiment
from ax.exceptions.core import DataRequiredError, OptimizationComplete
from ax.exceptions.generation_strategy import MaxParallelismReachedException

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError
from ax_symmetry.generation.generation_strategy import choose_generation_strategy
from ax_symmetry.options import plain, whole_number
from ax_symmetry.symmetry.symmetry import Symmetry

try:
    from ray.tune.search import Searcher
except ImportError as error:
    raise ImportError("ax_symmetry.integrations.ray needs Ray Tune: pip install .[ray] in a clone") from error

if TYPE_CHECKING:
    from ax.api.client import Client

logger = logging.getLogger(__name__)


class SymmetricSearch(Searcher):
    """Search algorithm for Ray Tune over an Ax `Client` (Ax 1.0 and later) that knows the symmetry.

    Every trial reports one result; Ax's model learns the whole orbit, and candidates come in canonical order. A trial
    that raises, or whose result lacks a metric or is NaN or infinite, is marked as failed in Ax. With a scheduler that
    stops trials early, the last result of a stopped trial counts as its outcome.

    Example::

        search = SymmetricSearch(client, {"blocks": [["size_1", "frac_1"], ["size_2", "frac_2"]]}, sem="packing_sem")
        results = tune.Tuner(evaluate, tune_config=tune.TuneConfig(search_alg=search, num_samples=30)).fit()
        search.client.get_best_parameterization()

    Args:
        client (ax.api.client.Client): Ax's `Client`, with its experiment and its optimization configured for one
            objective. Its outcome constraints and tracking metrics are read off the results as well.
        symmetry: A symmetry, or its dict with options of the transforms: then the client gets the strategy of
            `choose_generation_strategy`. Leave it out for a client that has its generation strategy already.
        metric: Name of the objective; the client's own without it.
        mode: `"max"` or `"min"`; the client's own without it.
        sem: Name under which the results carry the standard error of the metric. Without it the model infers the noise.
        num_initialization_trials: As for `choose_generation_strategy`; only with `symmetry`.
        max_parallelism: How many trials may run at the same time, any number without it. Ray asks again until there is
            room.
        random_seed: Seed of the quasi-random trials; only with `symmetry`.

    Raises:
        SymmetryError: An argument is wrong, or contradicts the client or the symmetry; before anything runs.
    """

    def __init__(
        self,
        client: Client,
        symmetry: Symmetry | Mapping[str, Any] | None = None,
        *,
        metric: str | None = None,
        mode: str | None = None,
        sem: str | None = None,
        num_initialization_trials: int | None = None,
        max_parallelism: int | None = None,
        random_seed: int | None = None,
    ) -> None:
        objective = _objective(client)
        super().__init__(metric=objective.metric_names[0], mode="min" if objective.minimize else "max")
        self.client = client
        self.sem = sem
        self._trials: dict[str, int] = {}  # of Ray that run, and their indices in Ax
        self._check_target(metric, mode)
        if sem is not None and (not isinstance(sem, str) or sem in self._experiment.metrics):
            raise SymmetryError(f"sem: got {sem!r}; name the key of the results that holds the standard error.")
        if (symmetry is None) == (private.client_strategy(client) is None):
            raise SymmetryError(
                "symmetry: pass it here for a client that has no generation strategy yet, or leave it out for one that "
                "got its own from client.set_generation_strategy(choose_generation_strategy(...))."
            )
        if max_parallelism is not None and (max_parallelism := plain(max_parallelism)) != -1:
            max_parallelism = whole_number("max_parallelism", max_parallelism, 1, ", or -1 for any number")
        self._most = math.inf if max_parallelism in (None, -1) else max_parallelism
        options: dict[str, Any] = {"num_initialization_trials": num_initialization_trials, "random_seed": random_seed}
        if symmetry is not None:
            client.set_generation_strategy(choose_generation_strategy(client, symmetry, **options))
        elif given := [name for name, value in options.items() if value is not None]:
            raise SymmetryError(f"{given[0]}: only with symmetry=; else hand it to choose_generation_strategy.")

    @property
    def _experiment(self) -> Experiment:
        return private.client_experiment(self.client)

    def _check_target(self, metric: str | None, mode: str | None) -> None:
        """Refuse a metric or a mode that is not the client's."""
        for name, given, own in (("metric", metric, self.metric), ("mode", mode, self.mode)):
            if given not in (None, own):
                optimised = f"but the client optimises {self.metric!r} with mode {self.mode!r}"
                raise SymmetryError(f"{name}: got {given!r}, {optimised}; leave it out, or configure the client so.")

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Check what Ray's Tuner was told against the client; the search space is the client's.

        Returns:
            False: nothing of Ray's search space was taken over. Ray then refuses domains such as `tune.uniform`.
        """
        self._check_target(metric, mode)
        if shared := [name for name in self._experiment.search_space.parameters if name in config]:
            raise SymmetryError(f"{shared[0]}: a parameter of the client; drop it from param_space.")
        return False

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Ask Ax for the next candidate.

        Returns:
            The config; None while `max_parallelism` are running, or Ax waits for our trials; `FINISHED` when it has no
            more, or waits for others in vain.
        """
        if len(self._trials) >= self._most:
            return None
        try:
            ((index, parameters),) = self.client.get_next_trials(max_trials=1).items()
        except (MaxParallelismReachedException, DataRequiredError, OptimizationComplete) as why:
            if self._trials and not isinstance(why, OptimizationComplete):
                return None
            logger.warning("The search ends: Ax has no more candidates, or waits for trials of others: %s", why)
            return self.FINISHED
        self._trials[trial_id] = index
        return dict(parameters)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell Ax the outcome of a trial, or that it failed; one that Ray ran once more is a new trial in Ax."""
        index = self._trials.pop(trial_id, None)
        result = {} if error or result is None else result
        outcomes, missing = self._read(result)
        if missing:
            why = "it raised" if error else f"no finite {', '.join(missing)} in its result"
            logger.warning("Trial %s (%s in Ax) failed: %s.", trial_id, index, why)
            if index is not None:
                self.client.mark_trial_failed(index)
            return
        if index is None:
            parameters = {name: result[f"config/{name}"] for name in self._experiment.search_space.parameters}
            index = self.client.attach_trial(parameters)
        self.client.complete_trial(index, raw_data=outcomes)

    def _read(self, result: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Read the client's metrics off a result; tell which of those that Ax needs are missing."""
        values: dict[str, Any] = {name: _number(result.get(name)) for name in self._experiment.metrics}
        optional = {metric.name for metric in self._experiment.tracking_metrics}
        outcomes = {name: value for name, value in values.items() if math.isfinite(value)}
        missing = [name for name in values if name not in outcomes and name not in optional]
        if self.sem is not None:
            sem = _number(result.get(self.sem))
            outcomes[self.metric] = (values[self.metric], sem)
            missing += [] if 0.0 <= sem < math.inf else [self.sem]
        return outcomes, missing

    def save(self, checkpoint_path: str) -> None:
        """Write the client as Ax's own JSON, with the running trials as one more key."""
        self.client.save_to_json_file(checkpoint_path)
        path = Path(checkpoint_path)
        path.write_text(json.dumps({**json.loads(path.read_text()), "ray_trials": self._trials}))

    def restore(self, checkpoint_path: str) -> None:
        """Continue from a file that `save` wrote; Ax keeps no `random_seed` of a `Client` in it."""
        self.client = type(self.client).load_from_json_file(checkpoint_path)
        self._trials = json.loads(Path(checkpoint_path).read_text())["ray_trials"]


def _objective(client: Client) -> Any:
    """Return the one objective of a client."""
    if not hasattr(client, "configure_optimization"):
        raise SymmetryError(f"client: got {type(client).__name__}, not ax.api.client.Client; AxClient is for AxSearch.")
    config = getattr(private.client_experiment(client), "optimization_config", None)
    if config is None:
        raise SymmetryError("client: call its configure_experiment and configure_optimization first.")
    if len(names := config.objective.metric_names) != 1:
        raise SymmetryError(f"client: it optimises {', '.join(names)}; optimise one and constrain the others.")
    return config.objective


def _number(value: Any) -> float:
    """Return a value as a number, NaN if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
