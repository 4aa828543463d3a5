"""What the search for candidates sees of the fitted model. Alike on every Ax."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace
from torch import Tensor

StandIn = tuple[Any, Callable[[Tensor], Tensor]]
"""A model, and a function that tells which rows of training inputs it keeps (a mask)."""


class Search:
    """Takes the place of an adapter's `_gen`: while it runs, another model stands in for the fitted one.

    Predictions and cross-validation see the fitted model itself.

    Args:
        adapter: The adapter (model bridge).
        stand_in: Called with the fitted model, the names of its columns, the model's search space of this call, and a
            probe (see `columns`) through the transforms that follow `after`; returns the stand-in, or None to leave the
            model.
        after: The name of the transform that asks for it.
        metadata: Metadata of an observation, for transforms that read them.
    """

    def __init__(
        self,
        adapter: Any,
        stand_in: Callable[..., StandIn | None],
        after: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.adapter, self.stand_in, self.after, self.metadata = adapter, stand_in, after, dict(metadata or {})

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        with self._standing_in(keywords["search_space"]):
            return type(self.adapter)._gen(self.adapter, *args, **keywords)

    @contextmanager
    def _standing_in(self, search_space: SearchSpace) -> Iterator[None]:
        generator = getattr(self.adapter, "generator", None) or self.adapter.model
        holder = getattr(generator, "surrogate", generator)  # modular BoTorch, or the model bridge's own BoTorch
        model = getattr(holder, "_model", None)
        found = None if model is None else self.stand_in(model, self.adapter.parameters, search_space, self._probe)
        if found is None:
            yield
            return
        kept = {name: getattr(holder, name) for name in ("_model", "_training_data", "Xs") if name in vars(holder)}
        try:
            holder._model, own = found
            if "_training_data" in kept:
                holder._training_data = [_subset(dataset, own) for dataset in kept["_training_data"]]
            if "Xs" in kept:
                holder.Xs = [x[own(x)] for x in kept["Xs"]]
            yield
        finally:
            vars(holder).update(kept)

    def _probe(self, parameters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        transforms = dict(self.adapter.transforms)
        features = [ObservationFeatures(parameters=dict(p), metadata=dict(self.metadata)) for p in parameters]
        for name in list(transforms)[list(transforms).index(self.after) + 1:]:
            if name != "Canonicalize":
                features = transforms[name].transform_observation_features(features)
        return [f.parameters for f in features]


def _subset(dataset: Any, own: Callable[[Tensor], Tensor]) -> Any:
    """Keep some rows of a BoTorch dataset."""
    subset, mask = copy(dataset), own(dataset.X)
    subset._X, subset._Y = dataset.X[mask], dataset.Y[mask]
    subset._Yvar = None if dataset.Yvar is None else dataset.Yvar[mask]
    return subset
