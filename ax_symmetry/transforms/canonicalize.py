"""`Canonicalize`: what it does to candidates. How Ax wants it done is in `_ax`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import backend, private
from ax_symmetry._ax.training_rows import Context
from ax_symmetry.space.feasible_region import FeasibleRegion
from ax_symmetry.space.known_arms import KnownArms
from ax_symmetry.space.order_constraints import order_constraints
from ax_symmetry.transforms.numbered_choices import constraints_on_positions
from ax_symmetry.transforms.plan import plan_of, warn_if_partial


class Canonicalize(backend.RowTransform):
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

    Cost per candidate: O(m log m) for the symmetric group on m blocks, O(|G|) for other groups. Where constraints or
    fixed features keep the blocks from being sorted, some linear assignment problems of size m for each block.

    Raises:
        SymmetryError: The config, or the symmetry for this search space, is wrong; before any model is fitted.
    """

    def read_config(self, config: Mapping[str, Any] | None, context: Context) -> None:
        """Read the config and check it."""
        self.plan = plan_of(type(self).__name__, config, context)
        self.encoding, self.comparison_order = self.plan.encoding, self.plan.comparison_order
        space = (context.search_space or self.plan.space).clone()
        self._asked: tuple[SearchSpace, Mapping[str, Any]] = (space, {})
        self._region = FeasibleRegion(self.encoding, space)
        adapter = context.adapter
        arms = dict if adapter is None else partial(private.arms_by_signature, adapter)
        self._known = KnownArms(self.encoding, self.comparison_order, arms)
        self._confines = self._read_constrain(context, space)
        self._searched, self._constraints = space, space.parameter_constraints
        widened = "SymmetrizeObservations" in context.transforms
        self._numbered_by, self._transforms = self.plan.space if widened else space, tuple(context.transforms)

    def _read_constrain(self, context: Context, space: SearchSpace) -> bool:
        """Decide whether the search is confined to the fundamental domain."""
        plan, constrain = self.plan, self.plan.canonicalize.constrain
        partial_orbits = "SymmetrizeObservations" in context.transforms and plan.symmetrize.is_partial(
            plan.symmetry.order
        )
        if constrain is False:
            if partial_orbits:
                warn_if_partial(plan.symmetrize, plan.symmetry, "leave constrain at its default")
            return False
        if partial_orbits or constrain:
            order_constraints(self.encoding, self.comparison_order, space)  # raises where Ax could not be told
        return partial_orbits or constrain is True

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Note where candidates may lie; with `constrain`, confine them to the fundamental domain."""
        self._asked = (search_space.clone(), {})
        self._region = FeasibleRegion(self.encoding, self._asked[0])
        search_space = constraints_on_positions(search_space, self._numbered_by, self._transforms)
        if self._confines:
            self._searched, self._constraints = search_space.clone(), search_space.parameter_constraints
            walls = order_constraints(self.encoding, self.comparison_order, self._asked[0])
            self._searched.add_parameter_constraints([backend.linear_constraint(*wall) for wall in walls])
            return self._searched
        return search_space

    def note_fixed_features(self, fixed: Mapping[str, Any]) -> None:
        """Record the fixed features of a call of `gen`; Ax shows them right after the search space."""
        self._asked = (self._asked[0], dict(fixed))
        self._region = FeasibleRegion(self.encoding, *self._asked)
        if self._confines and any(fixed.get(name) is not None for name in self.encoding.parameters):
            self._searched.set_parameter_constraints(list(self._constraints))

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Ask the model about the canonical representatives; features that lack a parameter of the symmetry stay."""
        if len(observation_features) == 1 and not self._asked[1]:
            given = observation_features[0].parameters
            if (
                0
                < sum(given.get(name) is not None for name in self.encoding.parameters)
                < len(self.encoding.parameters)
            ):
                # Without an optimization config this is the only place where Ax shows the fixed features.
                self.note_fixed_features(given)
        return self._canonical(observation_features, generated=False)

    def untransform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Turn candidates into their canonical representatives."""
        return self._canonical(observation_features, generated=True)

    def _canonical(self, features: list[ObservationFeatures], generated: bool) -> list[ObservationFeatures]:
        parameters = [f.parameters for f in features]
        complete, x = self.encoding.encode_points(parameters)
        which = np.flatnonzero(complete)
        if generated:
            x = self.encoding.snapped(x)
        action = self.plan.symmetry.action
        _, y = self._region.least_image(action, x, self.comparison_order, [parameters[i] for i in which])
        decoded = self.encoding.decode(y)
        arms = self._known.same_experiments(y, [parameters[i] for i in which]) if generated else [None] * len(which)
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
        values = {name: arm[name] for name in self.encoding.parameters}
        _, row = self.encoding.encode_points([values])
        return values if self._region.contains(row, others)[0] else None
