"""What a call of an adapter's public methods asks for ends with the call. The same on every Ax.

Ax shows a transform where `gen` may look for candidates, but not when the call is over, or has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Signature, signature
from typing import Any

from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import private

GENERATING = ("gen", "evaluate_acquisition_function", "infer_objective_thresholds", "model_best_point")
"""The methods of an adapter (or model bridge) that have a search space and fixed features of their own."""

ANSWERING = ("predict", "cross_validate")
"""Those that know the data and the points alone, also where one of the former calls them."""


@dataclass
class CallState:
    """What a transform knows of the call that is under way.

    Attributes:
        generates: Whether it is one of `GENERATING`.
        fixed: The values of the fixed features that it was given.
        pending: The parameters of the pending observations that it was given.
        n: How many candidates it is to generate.
        asked: What the transform has noted of what the call asks for.
    """

    generates: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)
    pending: Sequence[Mapping[str, Any]] = ()
    n: int = 0
    asked: Any = None


class Call:
    """Takes the place of a public method of an adapter: our transforms learn when a call begins and ends.

    Args:
        adapter: The adapter (or model bridge).
        name: The name of the method.
        follows: Whether the adapter searches where its experiment's search space has candidates.
    """

    def __init__(self, adapter: Any, name: str, follows: bool) -> None:
        self.adapter, self.name, self.follows = adapter, name, follows

    @property
    def __signature__(self) -> Signature:
        """The signature of the method, by which Ax finds out what it may hand over."""
        parameters = list(signature(self._method).parameters.values())
        return Signature(parameters[1:])

    @property
    def _method(self) -> Callable[..., Any]:
        return getattr(type(self.adapter), self.name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Make the call; what it asks for is forgotten afterwards, whether it succeeds or not."""
        call = signature(self._method).bind_partial(self.adapter, *args, **keywords)
        ours = [transform for transform in self.adapter.transforms.values() if hasattr(transform, "call")]
        generates = self.name in GENERATING
        for transform in ours if generates else []:
            _free(transform, self.adapter, call.arguments)
        before = [transform.call for transform in ours]
        for transform in ours:
            transform.call = _state(generates, call.arguments)
        try:
            return self._method(*call.args, **call.kwargs)
        finally:
            for transform, state in zip(ours, before):
                transform.call = state


def _state(generates: bool, arguments: Mapping[str, Any]) -> CallState:
    """Read off the arguments of a call what a transform is to know of it."""
    features, pending = arguments.get("fixed_features"), arguments.get("pending_observations") or {}
    fixed = {} if features is None else dict(features.parameters)
    points = [feature.parameters for features in pending.values() for feature in features]
    return CallState(generates, fixed, points, arguments.get("n") or 0)


def _free(transform: Any, adapter: Any, arguments: dict[str, Any]) -> None:
    """Turn parameters that the search space of a call fixes, and the model does not, into fixed features."""
    space = arguments.get("search_space") or private.declared_space(adapter)
    freed = transform.freed(space)
    if not freed:
        return
    features = arguments.get("fixed_features") or ObservationFeatures(parameters={})
    arguments["search_space"], arguments["fixed_features"] = space.clone(), features.clone()
    for name, p in freed.items():
        fixed: Any = space.parameters[name]
        arguments["search_space"].parameters[name] = p
        arguments["fixed_features"].parameters.setdefault(name, fixed.value)


def watch_calls(adapter: Any) -> None:
    """Let the transforms of an adapter learn when its calls begin and end."""
    experiment, watched = private.experiment_of(adapter), vars(adapter).get("gen")
    follows = experiment is not None and experiment.search_space == private.declared_space(adapter)
    for name in (*GENERATING, *ANSWERING):
        if hasattr(type(adapter), name):
            setattr(adapter, name, Call(adapter, name, watched.follows if isinstance(watched, Call) else follows))


def new_space(adapter: Any) -> SearchSpace | None:
    """Return the search space of an adapter's experiment, if it has changed since the adapter was first fitted to it.

    Ax before 1.2 fits the adapter again, and goes on in the old one.
    """
    experiment, watched = private.experiment_of(adapter), vars(adapter).get("gen")
    if experiment is None or not isinstance(watched, Call) or not watched.follows:
        return None
    space = experiment.search_space
    return None if space == private.declared_space(adapter) else space.clone()
