"""What an experiment remembers of its search space and of the symmetry. The same on every Ax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax import private


@dataclass(frozen=True)
class History:
    """What happened before a model is fitted.

    Attributes:
        spaces: The experiment's search space, and those that earlier candidates were generated in, as far as Ax keeps
            them (it does not where the experiment is declared not to change).
        configs: Of every earlier candidate the configs of the transforms by which it was generated, by name.
        arms: The parameters of all arms.
    """

    spaces: list[SearchSpace] = field(default_factory=list)
    configs: list[Mapping[str, Any]] = field(default_factory=list)
    arms: list[Mapping[str, Any]] = field(default_factory=list)


def history_of(adapter: Any) -> History:
    """Return what the experiment of an adapter (model bridge) remembers; the arms alone before Ax 0.5."""
    history = History(arms=[arm.parameters for arm in private.arms_by_signature(adapter).values()])
    experiment = private.experiment_of(adapter)
    if experiment is None:
        return history
    history.spaces.append(experiment.search_space)
    for trial in experiment.trials.values():
        for run in trial.generator_runs:
            if run.search_space is not None:
                history.spaces.append(run.search_space)
            history.configs.append(private.transform_configs_of_run(run))
    return history
