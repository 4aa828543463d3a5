"""What users hand over where an experiment or a search space is wanted. The same on every Ax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError, shown


def experiment_of(given: Any, argument: str = "experiment") -> Experiment:
    """Return an experiment, or that of an AxClient, a Client, or an adapter (model bridge, from Ax 0.5 on).

    Args:
        given: What was handed over.
        argument: The name of the argument, for the message.

    Raises:
        SymmetryError: It is none of these, or has no experiment yet.
    """
    found = given if isinstance(given, Experiment) else _held(given)
    if isinstance(found, Experiment):
        return found
    if hasattr(given, "create_experiment") or hasattr(given, "configure_experiment"):
        raise SymmetryError(f"{argument}: this {type(given).__name__} has no experiment yet; create or configure it.")
    raise SymmetryError(
        f"{argument}: expected an experiment of Ax, or a client that has one; got {shown(given)}. Hand over the "
        "experiment itself, such as client.experiment."
    )


def search_space_of(given: Any, argument: str = "search_space") -> SearchSpace:
    """Return a search space, or that of an experiment, a client or an adapter; see `experiment_of`.

    Raises:
        SymmetryError: It is none of these, or has no experiment yet.
    """
    if isinstance(given, SearchSpace):
        return given
    if isinstance(given, Mapping) or hasattr(given, "to_config"):
        raise SymmetryError(
            f"{argument}: expected a search space of Ax; got {shown(given)}. If that is the symmetry, hand it over by "
            "name, symmetry=."
        )
    if not _may_hold(given):
        raise SymmetryError(
            f"{argument}: expected a search space of Ax, or an experiment or client that has one; got {shown(given)}. "
            "Take experiment.search_space, or make one by AxClient.make_search_space(parameters=[...], "
            "parameter_constraints=[...])."
        )
    return experiment_of(given, argument).search_space


def data_of(given: Any, argument: str = "data") -> Data:
    """Return Ax's data.

    Raises:
        SymmetryError: They are something else.
    """
    if not isinstance(given, Data):
        raise SymmetryError(
            f"{argument}: expected data of Ax; got {shown(given)}. Take experiment.lookup_data(), or write "
            "Data(df=...) of a data frame."
        )
    return given


def is_client(given: Any) -> bool:
    """Tell whether something is a `Client` of Ax, rather than an AxClient."""
    return hasattr(given, "configure_generation_strategy")


def is_adapter(given: Any) -> bool:
    """Tell whether something is a fitted adapter (model bridge) of Ax."""
    return hasattr(given, "get_training_data")


def _may_hold(given: Any) -> bool:
    """Tell whether something is of a kind that has an experiment."""
    kinds = ("create_experiment", "configure_experiment", "get_training_data")
    return isinstance(given, Experiment) or any(hasattr(given, name) for name in kinds) or _held(given) is not None


def _held(given: Any) -> Any:
    """Return the experiment of a client or an adapter: by a public attribute where there is one."""
    if isinstance(given, type):
        return None
    try:
        public = getattr(given, "experiment", None)
    except Exception:  # an AxClient without one: which error it raises depends on the version of Ax
        return None
    if isinstance(public, Experiment):
        return public
    return private.client_experiment(given) if hasattr(given, "configure_experiment") else private.experiment_of(given)
