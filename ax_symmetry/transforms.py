"""The two transforms: what they do to observations and candidates. How Ax wants it done is in `_ax`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace

from ax_symmetry import options
from ax_symmetry._ax import RowTransform, linear_constraint, register
from ax_symmetry._ax.rows import Context, Images, Training
from ax_symmetry._ax.search import Search, StandIn
from ax_symmetry.arms import KnownArms, orbit_keys
from ax_symmetry.checks import check_surroundings, warn_if_partial
from ax_symmetry.codec import Codec, widened
from ax_symmetry.columns import CannotFold
from ax_symmetry.constraints import order_constraints
from ax_symmetry.domain import some_images
from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.folding import fold
from ax_symmetry.groups import ENUMERATION_LIMIT, too_large
from ax_symmetry.orbits import Rows, take
from ax_symmetry.places import Probe, column_action, inside, some_values
from ax_symmetry.region import Region


class SymmetrizeObservations(RowTransform):
    """At fit, each observation becomes its orbit.

    The distinct images follow the observation, each with its data. With `noise="orbit"` each carries the observation's
    covariance times the number of its images: then, for a jointly invariant kernel with fixed noise, the posterior mean
    is exactly that of the averaged kernel k_G (Mei, Misiakiewicz and Montanari, "Learning with invariances in random
    features and kernel models", COLT 2021, for ridge regression). Predictions change by nothing but the training data.
    The search for candidates sees the same posterior mean with the covariance of k_G, in which x and its images are one
    random variable, so that a batch holds no twins (see `folding`). In a fold of cross-validation, observations on the
    orbit of a held-out arm are held out with it.

    Config, beside the keys of the symmetry (see the README):

    - `noise`: `"orbit"` (default) scales the covariance by the number of images; `"copy"` leaves it, which claims that
      many independent measurements.
    - `max_images`: how many images of each observation to keep, itself among them; all by default.
    - `select`: which to keep then, `"nearest"` to the fundamental domain (default) or `"random"`. Either is
      approximate.
    - `seed`: seed of the random choice, 0 by default.

    Cost: O(n |G|) rows, and the model's cost grows with the cube of that.

    Raises:
        SymmetryError: The config, or the symmetry for this search space, is wrong; before any model is fitted.
    """

    def prepare(
        self,
        config: Mapping[str, Any] | None,
        search_space: SearchSpace | None,
        training: Training | None,
        context: Context,
    ) -> None:
        """Read the config, check it, and remember on which orbit each arm lies."""
        self.symmetry, self.space = check_surroundings(type(self).__name__, config, search_space, context)
        self.options = options.read_augmentation(config or {})
        if self.options.max_images is None and self.symmetry.order > ENUMERATION_LIMIT:
            raise too_large(self.symmetry.order)
        if context.transforms and "Canonicalize" not in context.transforms:
            warn_if_partial(self.options, self.symmetry, "add Canonicalize to the transforms")
        companion = (context.configs or {}).get("Canonicalize") or config
        self.priority = self.symmetry.priority(options.read_canonical(companion or {}).order_by)
        self._stage = _bounds(self.space)
        self._declared = _bounds(context.declared or self.space)
        self._fitting = True
        self._orbits: dict[str, bytes] = {}
        self._others = some_values(self.space, self.symmetry.parameters)
        self.space = widened(self.symmetry, self.space)
        self.codec = Codec(self.symmetry, self.space)
        if self._whole_orbits() and hasattr(context.adapter, "_gen"):
            metadata = training.metadata if training else None
            context.adapter._gen = Search(context.adapter, self._folded, type(self).__name__, metadata)
        if training is not None:
            complete, x = self.codec.encode(training.columns(self.codec.parameters))
            arms = [arm for arm, known in zip(training.arms, complete) if known]
            keys = orbit_keys(self.codec, self.priority, x)
            self._orbits = {arm: key for arm, key in zip(arms, keys) if arm is not None}
            implied = {name: x[:, self.codec.columns[name]] for name in self.codec.implied}
            self.space = widened(self.symmetry, self.space, implied)

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Widen the model's space so that images of out-of-range data are inside; leave any other space alone."""
        # The first call is the fit's; later only a space that Ax has widened for data can be the model's again.
        fitting, self._fitting = self._fitting, False
        of_model = fitting or self._stage != self._declared
        widens = of_model and _bounds(search_space) == self._stage != _bounds(self.space)
        return self.space.clone() if widens else search_space

    def replace(self, training: Training) -> Images:
        """Put the images of every observation after it; one that lacks a parameter of the symmetry stays alone."""
        complete, x = self.codec.encode(training.columns(self.codec.parameters))
        mirrored = self.codec.mirrored(x)
        action, chosen = self.symmetry.action, self.options
        if self._whole_orbits():
            rows, points = action.images(x, mirrored)
        else:
            rows, points = some_images(
                action,
                x,
                mirrored,
                max_images=chosen.max_images or action.order,
                select=chosen.select,
                seed=chosen.seed,
                priority=self.priority,
                units=self.codec.units,
            )
        sizes = np.bincount(rows, minlength=len(x))
        keep = ~np.isin(rows, np.flatnonzero(self._twins_of_held_out(training, complete, x)))
        rows, points = rows[keep], points[keep]
        number = np.arange(len(rows)) - np.searchsorted(rows, rows)
        decoded = self.codec.decode(take(x, mirrored, rows, points))
        # Put the observations that have no images back in their places.
        alone = np.flatnonzero(~complete)
        all_rows = np.concatenate([np.flatnonzero(complete)[rows], alone])
        order = np.argsort(all_rows, kind="stable")
        table = {name: [*values, *[None] * len(alone)] for name, values in decoded.items()}
        scale = sizes[rows] if chosen.noise == "orbit" else np.ones(len(rows))
        return Images(
            rows=all_rows[order],
            number=np.concatenate([number, np.zeros(len(alone), dtype=number.dtype)])[order],
            variance_scale=np.concatenate([scale, np.ones(len(alone))])[order],
            table={name: [values[i] for i in order.tolist()] for name, values in table.items()},
        )

    def _whole_orbits(self) -> bool:
        """Tell whether all images of an observation are kept."""
        return self.options.max_images is None or self.options.max_images >= self.symmetry.order

    def _folded(self, model: Any, names: Sequence[str], search_space: SearchSpace, probe: Probe) -> StandIn | None:
        """Fold the model for a search; None, with a warning, if it is of a kind that cannot be folded."""
        try:
            action = column_action(self.codec, names, lambda points: probe([{**self._others, **p} for p in points]))
            folded = fold(model, action)
        except CannotFold as error:
            warnings.warn(
                f"SymmetrizeObservations: {error} Of candidates that are asked for together, and of trials that run at "
                "the same time, two may be nearly the same experiment in another order.",
                SymmetryWarning,
                stacklevel=2,
            )
            return None
        # Ax compares candidates with the observations inside of the search space, so that an image inside must stay.
        return folded, lambda x: action.one_of_each_orbit(x, inside(x, names, search_space))

    def _twins_of_held_out(self, training: Training, complete: Any, x: Rows) -> Any:
        """Tell which rows lie on the orbit of an arm that was there when the model was fitted and is missing now."""
        present = set(training.arms)
        held_out = {key for arm, key in self._orbits.items() if arm not in present}
        if not held_out:
            return np.zeros(len(x), dtype=bool)
        return np.asarray([key in held_out for key in orbit_keys(self.codec, self.priority, x)], dtype=bool)


class Canonicalize(RowTransform):
    """Each generated candidate becomes the canonical representative of its orbit.

    That is the image which comes first when the blocks are compared one after the other: numbers by size, booleans with
    False first, choices by their position in `values`. Where it would leave what `gen` was asked for (fixed features, a
    narrower search space, parameter constraints), the first image inside takes its place. The model is asked, too,
    about canonical points only: f(x) := model(canonical(x)), which changes no marginal posterior under full
    augmentation, and keeps predictions where the data are under partial augmentation. Training data stay as they are.
    A candidate that is an arm of the experiment in another order comes back as that arm, so that Ax knows it again.

    Config, beside the keys of the symmetry (see the README):

    - `order_by`: names of parameters, each standing for its slot; these slots are compared first, in this order.
    - `constrain`: True confines the search for candidates to the fundamental domain by order constraints (slower),
      False does not. By default it is confined where the model knows nothing elsewhere: with `max_images` and
      `select="nearest"`. A call of `gen` with fixed features in the symmetry is never confined, since that would cut
      off what they allow.

    Cost per candidate: O(m log m) for the symmetric group on m blocks, O(|G|) for other groups.

    Raises:
        SymmetryError: The config, or the symmetry for this search space, is wrong; before any model is fitted.
    """

    def prepare(
        self,
        config: Mapping[str, Any] | None,
        search_space: SearchSpace | None,
        training: Training | None,
        context: Context,
    ) -> None:
        """Read the config and check it."""
        self.symmetry, space = check_surroundings(type(self).__name__, config, search_space, context)
        self.options = options.read_canonical(config or {})
        self.priority = self.symmetry.priority(self.options.order_by)
        self.codec = Codec(self.symmetry, widened(self.symmetry, space))
        self._asked: tuple[SearchSpace, Mapping[str, Any]] = (space, {})
        self._region = Region(self.codec, space)
        self._known = KnownArms(
            self.codec, self.priority, lambda: getattr(context.adapter, "_arms_by_signature", None) or {}
        )
        self._confines = self._read_constrain(context, space)
        self._searched, self._constraints = space, space.parameter_constraints

    def _read_constrain(self, context: Context, space: SearchSpace) -> bool:
        """Decide whether the search is confined to the fundamental domain."""
        augmentation = options.read_augmentation((context.configs or {}).get("SymmetrizeObservations") or {})
        partial = "SymmetrizeObservations" in context.transforms and augmentation.knows_only_the_domain(
            self.symmetry.order
        )
        if self.options.constrain is False:
            if partial:
                warn_if_partial(augmentation, self.symmetry, "leave constrain at its default")
            return False
        if partial or self.options.constrain:
            order_constraints(self.codec, self.priority, space)  # raises where Ax could not be told
        return partial or self.options.constrain is True

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Note where candidates may lie; with `constrain`, confine them to the fundamental domain."""
        self._asked = (search_space.clone(), {})
        self._region = Region(self.codec, self._asked[0])
        if self._confines:
            self._searched, self._constraints = search_space.clone(), search_space.parameter_constraints
            added = [linear_constraint(*c) for c in order_constraints(self.codec, self.priority, search_space)]
            self._searched.add_parameter_constraints(added)
            return self._searched
        return search_space

    def ask(self, fixed: Mapping[str, Any]) -> None:
        """Take note of the fixed features of a call of `gen`; Ax shows them right after the search space."""
        self._asked = (self._asked[0], dict(fixed))
        self._region = Region(self.codec, *self._asked)
        if self._confines and any(fixed.get(name) is not None for name in self.codec.parameters):
            self._searched.set_parameter_constraints(list(self._constraints))

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Ask the model about the canonical representatives; features that lack a parameter of the symmetry stay."""
        if len(observation_features) == 1 and not self._asked[1]:
            given = observation_features[0].parameters
            if 0 < sum(given.get(name) is not None for name in self.codec.parameters) < len(self.codec.parameters):
                # Without an optimization config this is the only place where Ax shows the fixed features.
                self.ask(given)
        return self._canonical(observation_features, generated=False)

    def untransform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Turn candidates into their canonical representatives."""
        return self._canonical(observation_features, generated=True)

    def _canonical(self, features: list[ObservationFeatures], generated: bool) -> list[ObservationFeatures]:
        parameters = [f.parameters for f in features]
        complete, x = self.codec.encode({name: [p.get(name) for p in parameters] for name in self.codec.parameters})
        which = np.flatnonzero(complete)
        if generated:
            x = self.codec.rounded(x)
        action = self.symmetry.action
        _, y = self._region.least(action, x, self.priority, [parameters[i] for i in which])
        decoded = self.codec.decode(y)
        arms = self._known.twins(y, [parameters[i] for i in which]) if generated else [None] * len(which)
        canonical = list(features)
        for k, i in enumerate(which):
            arm = self._admitted(arms[k], parameters[i])
            moved = arm or {name: values[k] for name, values in decoded.items()}
            canonical[i] = copy(features[i])
            canonical[i].parameters = {**parameters[i], **moved}
        return canonical

    def _admitted(self, arm: Mapping[str, Any] | None, others: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return an arm's values of the symmetry's parameters if it is where `gen` was asked to stay, else None."""
        if arm is None:
            return None
        values = {name: arm[name] for name in self.codec.parameters}
        row = self.codec.encode({name: [value] for name, value in values.items()})[1]
        return values if self._region.contains(row, others)[0] else None


def _bounds(search_space: SearchSpace) -> Sequence[Any]:
    """List what widening can change of a search space."""
    return [
        (n, getattr(p, "lower", None), getattr(p, "upper", None), getattr(p, "values", None))
        for n, p in search_space.parameters.items()
    ]


TRANSFORMS: Sequence[type[RowTransform]] = (Canonicalize, SymmetrizeObservations)
"""Both, in the order in which they come first in Ax's list."""

for transform in TRANSFORMS:
    register(transform)
