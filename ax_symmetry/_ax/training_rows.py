"""What a backend and a transform say to each other: rows of training data, and the rows that replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace


@dataclass(frozen=True)
class Training:
    """Training data as a transform sees them, n rows.

    Attributes:
        arms: The name of every row's arm, None where it has none.
        table: The values of every parameter, None where a row lacks it.
        metadata: The metadata of the first row.
    """

    arms: Sequence[str | None]
    table: Mapping[str, Sequence[Any]]
    metadata: Mapping[str, Any] | None = None

    def columns(self, names: Iterable[str]) -> dict[str, Sequence[Any]]:
        """Return the values of some parameters, also of those that no row has."""
        return {name: self.table.get(name, [None] * len(self.arms)) for name in names}


@dataclass(frozen=True)
class Images:
    """The rows that replace the training data, N rows.

    Attributes:
        rows: The row that each image comes from, in order.
        number: The place of the image in its orbit, 0 for the row itself.
        variance_scale: What the covariance of the image's data is multiplied by.
        table: The values of every parameter that moves.
    """

    rows: npt.NDArray[np.intp]
    number: npt.NDArray[np.intp]
    variance_scale: npt.NDArray[np.float64]
    table: Mapping[str, Sequence[Any]]

    @property
    def first(self) -> npt.NDArray[np.bool_]:
        return self.number == 0

    def names(self, arms: Sequence[str | None]) -> list[str | None]:
        """Name the images: the row itself keeps its arm's name, the others get a new one, the same on every call."""
        taken = set(arms)
        return [
            _unused(arms[row], k, taken) if k and arms[row] is not None else arms[row]
            for row, k in zip(self.rows, self.number)
        ]


@dataclass(frozen=True)
class Context:
    """What surrounds a transform in the adapter that builds it.

    Attributes:
        declared: The search space as the user declared it.
        modelled: The adapter's own copy for the model, which may be wider, before any transform; None outside of one.
        transforms: The names of all transforms of the adapter; empty outside of one.
        configs: Their configs, by name.
        adapter: The adapter itself; None outside of one.
    """

    declared: SearchSpace | None = None
    modelled: SearchSpace | None = None
    transforms: Sequence[str] = ()
    configs: Mapping[str, Any] | None = None
    adapter: Any = None


def context_of(adapter: Any) -> Context:
    """Read the context off an adapter (or model bridge), if there is one."""
    modelled = getattr(adapter, "_model_space", None)
    return Context(
        declared=getattr(adapter, "_search_space", modelled),
        modelled=modelled,
        transforms=[t.__name__ for t in getattr(adapter, "_raw_transforms", [])],
        configs=getattr(adapter, "_transform_configs", None) or {},
        adapter=adapter,
    )


class RowLogic:
    """What a transform that replaces rows of training data does on every generation of Ax.

    Cross-validation in transformed space (`untransform=False`) hands a transform first the training data of a fold,
    then the features of the points that are held out, and then, on some versions by the same method as training data,
    their data. Those are no training data and stay as they are: they are recognised as the arms that were not among the
    fold's.
    """

    _fold: frozenset[str | None] | None = None
    _asked_about_fold: bool = False

    def prepare(
        self,
        config: Mapping[str, Any] | None,
        search_space: SearchSpace | None,
        training: Training | None,
        context: Context,
    ) -> None:
        """Read the config and check it, before anything is fitted."""

    def replace(self, training: Training) -> Images | None:
        """Tell which rows replace the training data; None leaves them alone."""
        return None

    def ask(self, fixed: Mapping[str, Any]) -> None:
        """Take note of the fixed features of a call of `gen`."""

    def images(self, training: Training) -> Images | None:
        """Tell which rows replace these, unless they are what the last fold held out."""
        arms = frozenset(training.arms)
        if self._asked_about_fold and self._fold is not None and self._fold.isdisjoint(arms):
            self.settle()
            return None
        self._fold, self._asked_about_fold = arms, False
        return self.replace(training)

    def settle(self) -> None:
        """Forget the fold: what was asked about it is answered."""
        self._fold, self._asked_about_fold = None, False

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Leave the features alone."""
        self._asked_about_fold = True
        return observation_features

    def untransform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Leave the features alone."""
        self.settle()
        return observation_features


def _unused(arm: str | None, k: int, taken: Iterable[str | None]) -> str:
    name = f"{arm}_image{k}"
    while name in taken:
        name += "_"
    return name
