"""What a call of an adapter's public methods asks for ends with the call. The same on every Ax.

Ax shows a transform where `gen` may look for candidates, but not when the call is over, or has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Signature, signature
from typing import Any

GENERATING = ("gen", "evaluate_acquisition_function", "infer_objective_thresholds", "model_best_point")
"""The methods of an adapter (or model bridge) that have a search space and fixed features of their own."""

ANSWERING = ("predict",)
"""Those that know the data and the points alone, also where one of the former calls them."""


@dataclass
class CallState:
    """What a transform knows of the call that is under way.

    Attributes:
        generates: Whether it is one of `GENERATING`.
        fixed: The values of the fixed features that it was given.
        asked: What the transform has noted of what the call asks for.
    """

    generates: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)
    asked: Any = None


class Call:
    """Takes the place of a public method of an adapter: our transforms learn when a call begins and ends.

    Args:
        adapter: The adapter (or model bridge).
        name: The name of the method.
    """

    def __init__(self, adapter: Any, name: str) -> None:
        self.adapter, self.name = adapter, name

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
        features = signature(self._method).bind_partial(self.adapter, *args, **keywords).arguments.get("fixed_features")
        fixed = {} if features is None else dict(features.parameters)
        ours = [transform for transform in self.adapter.transforms.values() if hasattr(transform, "call")]
        before = [transform.call for transform in ours]
        for transform in ours:
            transform.call = CallState(self.name in GENERATING, fixed)
        try:
            return self._method(self.adapter, *args, **keywords)
        finally:
            for transform, state in zip(ours, before):
                transform.call = state


def watch_calls(adapter: Any) -> None:
    """Let the transforms of an adapter learn when its calls begin and end."""
    for name in (*GENERATING, *ANSWERING):
        if hasattr(type(adapter), name):
            setattr(adapter, name, Call(adapter, name))
