"""What the search for candidates sees of the fitted model. Alike on every Ax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from ax.core.search_space import SearchSpace
from torch import Tensor

Shown = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Of training inputs, tells which rows are shown to the search (a mask), and what these are then."""

StandIn = tuple[Any, Shown]
"""A model, and which of its training inputs the search sees."""


class Search:
    """Takes the place of an adapter's `_gen`: while it runs, another model stands in for the fitted one.

    Predictions and cross-validation see the fitted model itself.

    Args:
        adapter: The adapter (model bridge).
        stand_in: Called with the fitted model, the names of its columns, and the model's search space of this call;
            returns the stand-in, or None to leave the model.
    """

    def __init__(self, adapter: Any, stand_in: Callable[..., StandIn | None]) -> None:
        self.adapter, self.stand_in = adapter, stand_in

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        with self._standing_in(keywords["search_space"]):
            return type(self.adapter)._gen(self.adapter, *args, **keywords)

    @contextmanager
    def _standing_in(self, search_space: SearchSpace) -> Iterator[None]:
        holder = holder_of(self.adapter)
        model = getattr(holder, "_model", None)
        found = None if model is None else self.stand_in(model, self.adapter.parameters, search_space)
        if found is None:
            yield
            return
        kept = {name: getattr(holder, name) for name in ("_model", "_training_data", "Xs") if name in vars(holder)}
        try:
            holder._model, shown = found
            if "_training_data" in kept:
                holder._training_data = [_subset(dataset, shown) for dataset in kept["_training_data"]]
            if "Xs" in kept:
                holder.Xs = [shown(x)[1] for x in kept["Xs"]]
            yield
        finally:
            vars(holder).update(kept)


def holder_of(adapter: Any) -> Any:
    """Return the object of Ax whose `_model` is the fitted model: of modular BoTorch, or the model bridge's own."""
    generator = getattr(adapter, "generator", None) or adapter.model
    return getattr(generator, "surrogate", generator)


def _subset(dataset: Any, shown: Shown) -> Any:
    """Keep some rows of a BoTorch dataset."""
    subset, (mask, rows) = copy(dataset), shown(dataset.X)
    subset._X, subset._Y = rows, dataset.Y[mask]
    subset._Yvar = None if dataset.Yvar is None else dataset.Yvar[mask]
    return subset
