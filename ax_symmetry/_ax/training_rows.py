"""What a backend and a transform say to each other: rows of training data, and the rows that replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import private
from ax_symmetry._ax.calls import CallState, watch_calls


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
    """What surrounds a transform when it is built.

    Attributes:
        search_space: The search space as the transform receives it.
        training: The training data as it receives them.
        adapter: The adapter (or model bridge); None for a transform that is built alone.
        declared: The search space as the user declared it.
        modelled: The adapter's copy of it for the model, which Ax may have widened, before any transform.
        transforms: The names of all transforms of the adapter.
        configs: Their configs, by name.
        built: The transforms that are built already, by name, in order.
    """

    search_space: SearchSpace | None = None
    training: Training | None = None
    adapter: Any = None
    declared: SearchSpace | None = None
    modelled: SearchSpace | None = None
    transforms: Sequence[str] = ()
    configs: Mapping[str, Any] = field(default_factory=dict)
    built: Mapping[str, Any] = field(default_factory=dict)


def context_of(search_space: SearchSpace | None, training: Training | None, adapter: Any) -> Context:
    """Collect what a transform receives, and what it needs to know of the adapter (or model bridge) that builds it.

    Raises:
        SymmetryError: This Ax does not tell.
    """
    if adapter is None:
        return Context(search_space, training)
    return Context(
        search_space=search_space,
        training=training,
        adapter=adapter,
        declared=private.declared_space(adapter),
        modelled=private.model_space(adapter),
        transforms=private.transform_names(adapter),
        configs=private.transform_configs(adapter),
        built=adapter.transforms,
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
    call: CallState

    def attach(self, adapter: Any) -> None:
        """Learn of the calls of an adapter; a transform that stands alone is always asked as `gen` asks."""
        self.call = CallState(generates=adapter is None)
        if adapter is not None:
            watch_calls(adapter)

    def read_config(self, config: Mapping[str, Any] | None, context: Context) -> None:
        """Read the config and check it, before anything is fitted."""

    def image_rows(self, training: Training) -> Images | None:
        """Return the rows that replace the training data; None leaves them alone."""
        return None

    def note_fixed_features(self, fixed: Mapping[str, Any]) -> None:
        """Record the fixed features of a call of `gen`."""

    def images(self, training: Training) -> Images | None:
        """Return the rows that replace these, unless these are what the last fold of cross-validation held out."""
        arms = frozenset(training.arms)
        if self._asked_about_fold and self._fold is not None and self._fold.isdisjoint(arms):
            self.end_fold()
            return None
        self._fold, self._asked_about_fold = arms, False
        return self.image_rows(training)

    def end_fold(self) -> None:
        """Reset the state of cross-validation."""
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
        self.end_fold()
        return observation_features


def _unused(arm: str | None, k: int, taken: Iterable[str | None]) -> str:
    name = f"{arm}_image{k}"
    while name in taken:
        name += "_"
    return name
