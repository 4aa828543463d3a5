"""What a backend and a transform say to each other: rows of training data, and the rows that replace them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ax.core.observation import ObservationFeatures
from ax.core.parameter import FixedParameter, Parameter
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import private
from ax_symmetry._ax.calls import CallState, new_space, watch_calls
from ax_symmetry.errors import SymmetryError


@dataclass(frozen=True)
class Training:
    """Training data as a transform sees them, n rows.

    Attributes:
        arms: The name of every row's arm, None where it has none.
        table: The values of every parameter, None where a row lacks it.
        metadata: The metadata of the first row.
        outcomes: By metric the means and the sems of what was observed; nan where a row lacks it.
    """

    arms: Sequence[str | None]
    table: Mapping[str, Sequence[Any]]
    metadata: Mapping[str, Any] | None = None
    outcomes: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)

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
        completed: Whether the row that the image comes from gets other values itself, for inert parameters.
    """

    rows: npt.NDArray[np.intp]
    number: npt.NDArray[np.intp]
    variance_scale: npt.NDArray[np.float64]
    table: Mapping[str, Sequence[Any]]
    completed: npt.NDArray[np.bool_] | None = None

    @property
    def first(self) -> npt.NDArray[np.bool_]:
        return self.number == 0

    @property
    def written(self) -> npt.NDArray[np.bool_]:
        """Which images get the values of the table; the others keep those of their row."""
        return ~self.first if self.completed is None else ~self.first | self.completed

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


def check_outcomes(metric: str, means: Sequence[float], sems: Sequence[float]) -> None:
    """Check that a Gaussian process of Ax can be fitted to outcomes; nan stands for a missing one.

    Raises:
        SymmetryError: One is infinite, or the sem of some is known and that of others is not.
    """
    if np.isinf(means).any():
        raise SymmetryError(
            f"data: an outcome of {metric} is infinite, and no model can be fitted to it; attach a finite number "
            "instead, or no data."
        )
    known = ~np.isnan(np.asarray(sems, dtype=float)[~np.isnan(np.asarray(means, dtype=float))])
    if known.any() and not known.all():
        raise SymmetryError(
            f"data: {known.sum()} of {len(known)} outcomes of {metric} have a sem; give the sem of all or none of them."
        )


class RowLogic:
    """What a transform that replaces rows of training data does on every generation of Ax.

    Cross-validation in transformed space (`untransform=False`) hands a transform first the training data of a fold,
    then the features of the points that are held out, and then, on some versions by the same method as training data,
    their data. Those are no training data and stay as they are: they are recognised as the arms that were not among the
    fold's.

    Attributes:
        adapter: The adapter (model bridge); None for a transform that is built alone.
        call: What is known of the call that is under way.
        fitted_space: The search space as the transform left it when the model was fitted.
        admitted: A search space whose data count for the model although Ax, which knows the declared one alone, leaves
            them out; None if there are no such data.
    """

    _fold: frozenset[str | None] | None = None
    _asked_about_fold: bool = False
    adapter: Any
    call: CallState
    fitted_space: SearchSpace | None = None
    admitted: SearchSpace | None = None

    def attach(self, adapter: Any, search_space: SearchSpace | None) -> SearchSpace | None:
        """Learn of the calls of an adapter; a transform that stands alone is always asked as `gen` asks.

        Args:
            adapter: The adapter (model bridge), or None.
            search_space: The search space that it gives to the transform.

        Returns:
            The search space as it is to be: that of the experiment, where Ax keeps an old one.
        """
        self.adapter, self.call, self._replaced = adapter, CallState(generates=adapter is None), None
        if adapter is None:
            return search_space
        space = new_space(adapter)
        if space is not None:
            learns = "SymmetrizeObservations" in private.transform_names(adapter)
            private.use_search_space(adapter, space, widened=learns)
            search_space = private.model_space(adapter).clone()
            for transform in self.earlier_transforms():
                search_space = transform.transform_search_space(search_space)
            self._replaced = search_space
        watch_calls(adapter)
        return search_space

    def stage(self, search_space: SearchSpace) -> SearchSpace:
        """Return a search space that the transform is given, or the one that takes its place at the fit."""
        replaced, self._replaced = self._replaced, None
        return search_space if replaced is None else replaced

    def read_config(self, config: Mapping[str, Any] | None, context: Context) -> None:
        """Read the config and check it, before anything is fitted."""

    def image_rows(self, training: Training) -> Images | None:
        """Return the rows that replace the training data; None leaves them alone."""
        return None

    def note_fixed_features(self, fixed: Mapping[str, Any]) -> None:
        """Record the fixed features of a call of `gen`."""

    def freed(self, search_space: SearchSpace) -> dict[str, Parameter]:
        """List the parameters that a search space fixes and the model does not, as the model has them."""
        model = {} if self.fitted_space is None else self.fitted_space.parameters
        return {
            name: model[name].clone()
            for name, p in search_space.parameters.items()
            if isinstance(p, FixedParameter) and not isinstance(model.get(name, p), FixedParameter)
        }

    def earlier_transforms(self) -> Iterator[Any]:
        """List the transforms of the adapter that come before this one."""
        for name, transform in self.adapter.transforms.items():
            if name == type(self).__name__:
                return
            yield transform

    def counted(self, rows: Sequence[bool], parameters: Sequence[Mapping[str, Any]]) -> list[bool] | None:
        """Tell which rows of all data count for the model: those that Ax counts, and those in the admitted space.

        Returns:
            None if they are the same, or the data have been read before.
        """
        space, self.admitted = self.admitted, None
        if space is None:
            return None
        counted = [given or space.check_membership(dict(p)) for given, p in zip(rows, parameters)]
        return None if counted == list(rows) else counted

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
