"""What the transforms of an adapter make of parameters: the columns that its model sees. The same on every Ax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace

from ax_symmetry._ax.training_rows import RowLogic


class ModelInputs:
    """The way from parameters to the columns of an adapter's model, by all transforms or those after one of ours.

    Args:
        adapter: The adapter (or model bridge).
        after: The name of the transform after which the way begins; at the first transform by default.
        metadata: Metadata of an observation, for transforms that read them.
    """

    def __init__(self, adapter: Any, after: str | None = None, metadata: Mapping[str, Any] | None = None) -> None:
        self.adapter, self.after, self.metadata = adapter, after, dict(metadata or {})

    def rows(self, parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the values of the columns, by name, for n parameterizations."""
        features = [ObservationFeatures(parameters=dict(p), metadata=dict(self.metadata)) for p in parameters]
        for transform in self._transforms():
            features = transform.transform_observation_features(features)
        return [f.parameters for f in features]

    def space(self, search_space: SearchSpace) -> SearchSpace:
        """Return the search space of the columns, given that of the parameters."""
        space = search_space.clone()
        for transform in self._transforms():
            space = transform.transform_search_space(space)
        return space

    def _transforms(self) -> Iterator[Any]:
        """List the transforms but for our own, which leave the columns as they are."""
        transforms = dict(self.adapter.transforms)
        names = list(transforms)
        for name in names if self.after is None else names[names.index(self.after) + 1:]:
            if not isinstance(transforms[name], RowLogic):
                yield transforms[name]
