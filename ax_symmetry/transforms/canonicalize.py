"""`Canonicalize`: what it does to candidates. How Ax wants it done is in `_ax`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from typing import Any

import numpy as np
from ax.core.observation import ObservationFeatures
from ax.core.parameter import ChoiceParameter
from ax.core.search_space import SearchSpace
from ax.exceptions.core import SearchSpaceExhausted

from ax_symmetry._ax import backend, private
from ax_symmetry._ax.fitted_models import chooses_among_points, generator_of
from ax_symmetry._ax.training_rows import Context
from ax_symmetry.errors import SymmetryWarning
from ax_symmetry.space.asked import Asked
from ax_symmetry.space.known_arms import KnownArms, experiment_keys
from ax_symmetry.space.order_constraints import order_constraints
from ax_symmetry.transforms.confinement import confines
from ax_symmetry.transforms.numbered_choices import constraints_on_positions
from ax_symmetry.transforms.plan import plan_of

ENCODINGS = {True: "OrderedChoiceToIntegerRange", False: "OneHot"}
"""Ax's transforms of ordered and other choices that know no narrower choice than the one that they were made for."""


class Canonicalize(backend.RowTransform):
    """Each generated candidate becomes the canonical representative of its orbit.

    That is the image which comes first when the blocks are compared one after the other: numbers by size, booleans with
    False first, choices by their position in `values`. Where it would leave what `gen` was asked for (fixed features, a
    narrower search space, parameter constraints), the first image inside takes its place. The model is asked, too,
    about canonical points only: f(x) := model(canonical(x)), which changes no marginal posterior under full
    augmentation, and keeps predictions where the data are under partial augmentation. Training data stay as they are.
    A candidate that is an arm of the experiment in another order comes back as that arm, so that Ax knows it again.
    Where parameters have finitely many values, candidates that are one experiment, or a pending one, are replaced by
    the nearest that are not; and a random search that has nothing new to propose says so at once.

    Config, beside the keys of the symmetry (see the README):

    - `order_by`: names of parameters, each standing for its slot; these slots are compared first, in this order.
    - `constrain`: True confines the search for candidates to the fundamental domain by order constraints (slower),
      False does not. By default it is confined where the model knows nothing elsewhere: with `max_images` and
      `select="nearest"`; there slots of numbers on a linear scale are compared first. A call of `gen` with fixed
      features in the symmetry is never confined, since that would cut off what they allow.

    Cost per candidate: O(m log m) for the symmetric group on m blocks, O(|G|) for other groups. Where constraints or
    fixed features keep the blocks from being sorted, some linear assignment problems of size m for each block.

    Raises:
        SymmetryError: The config, or the symmetry for this search space, is wrong; before any model is fitted.
    """

    def read_config(self, config: Mapping[str, Any] | None, context: Context) -> None:
        """Read the config and check it."""
        self.plan = plan_of(type(self).__name__, config, context)
        self.encoding, self.comparison_order = self.plan.encoding, self.plan.comparison_order
        space = self.fitted_space = (context.search_space or self.plan.space).clone()
        adapter, self._transforms, self._training = context.adapter, tuple(context.transforms), context.training
        if adapter and "SymmetrizeObservations" not in context.transforms:
            self._warn_of_model(adapter)
        arms = dict if adapter is None else partial(private.arms_by_signature, adapter)
        self._known = KnownArms(self.encoding, self.comparison_order, arms)
        self._confines = confines(self.plan, context.transforms, space)
        self._searched, self._constraints = space, space.parameter_constraints
        widened = "SymmetrizeObservations" in context.transforms
        self._numbered_by = self.plan.space if widened else space

    def _warn_of_model(self, adapter: Any) -> None:
        """Warn of a model that does not learn the symmetry, or not all of it."""
        if backend.fits_any_model(adapter):
            text = "the model does not learn the symmetry, since SymmetrizeObservations is not among the transforms; "
            text += "add it, with the same config, or fit a kernel that has the symmetry."
        elif self.encoding.inert and backend.is_gaussian_process(adapter):
            inert = sorted({name for one in self.encoding.inert for name in one.names})
            text = f"parameters {', '.join(inert)} change nothing while their block is absent, and the model's own "
            text += "kernel may see them, as that of surrogate_spec does; add SymmetrizeObservations, with method "
            text += "'kernel', in place of it."
        else:
            return
        warnings.warn(f"Canonicalize: {text}", SymmetryWarning, stacklevel=3)

    @property
    def _asked(self) -> Asked | None:
        """What the call of `gen` that is under way asked for; None if there is none, as for predictions."""
        return self.call.asked

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Note where candidates may lie; with `constrain`, confine them to the fundamental domain."""
        search_space = self.stage(search_space)
        self._shown = search_space.clone()
        if self.call.generates:
            self.call.asked = self._ask(self.call.fixed)
            self._check_left()
        search_space = self._with_all_values(search_space)
        search_space = constraints_on_positions(search_space, self._numbered_by, self._transforms)
        if self._confines and not self._fixes(self.call.fixed):
            self._searched, self._constraints = search_space.clone(), search_space.parameter_constraints
            walls = order_constraints(self.encoding, self.comparison_order, self._shown)
            self._searched.add_parameter_constraints([backend.linear_constraint(*wall) for wall in walls])
            return self._searched
        return search_space

    def _ask(self, fixed: Mapping[str, Any]) -> Asked:
        return Asked(self.encoding, self.comparison_order, self._shown, fixed)

    def _check_left(self) -> None:
        """Check, where Ax proposes no arm twice, that there are as many new experiments as are wanted.

        Raises:
            SearchSpaceExhausted: There are not; Ax itself would draw thousands of points before it says so.
        """
        wanted = self.call.n
        if not wanted or not self._avoids_arms:
            return
        avoided, lattice = self._avoided(), self.call.asked.lattice
        if lattice.may_have_fewer_than(len(avoided) + wanted):
            found, are_all = lattice.nearest(lattice.somewhere(self._known.latest), avoided, wanted)
            if are_all:
                raise SearchSpaceExhausted(
                    f"{wanted} new experiments are wanted, and the search space has {len(found)}: the others have been "
                    "tried, in whatever order their blocks are."
                )

    @property
    def _avoids_arms(self) -> bool:
        """Whether the generator is one that proposes no arm twice."""
        return self.adapter is not None and bool(getattr(generator_of(self.adapter), "deduplicate", False))

    def _avoided(self) -> set[Any]:
        """Return keys of the experiments that the call that is under way must not propose."""
        keys = self._known.keys_of(private.arms_to_avoid(self.adapter)) if self._avoids_arms else set()
        # An arm that has data as well may be the best one, which Ax sends the same way as candidates.
        return keys | (self._keys(self.call.pending) - self._trained)

    def _different(self, features: list[ObservationFeatures]) -> list[ObservationFeatures]:
        """Replace candidates that are one experiment, or a pending one, by the nearest that are not."""
        if self._asked is None or not self.call.n or not self._asked.lattice.has_steps:
            return features
        if "SearchSpaceToChoice" in self._transforms or chooses_among_points(self.adapter):
            return features
        avoided, different = self._avoided(), []
        for feature in features:
            for key in self._keys([feature.parameters]):
                if key in avoided and (found := self._asked.lattice.nearest(feature.parameters, avoided)[0]):
                    feature = copy(feature)
                    feature.parameters = found[0]
                avoided |= self._keys([feature.parameters])
            different.append(feature)
        return different

    def _keys(self, points: Sequence[Mapping[str, Any]]) -> set[Any]:
        """Return the keys of the experiments of parameterizations; those that lack a parameter have none."""
        complete, x = self.encoding.encode_points(points)
        whole = [points[int(i)] for i in np.flatnonzero(complete)]
        return set(experiment_keys(self.encoding, self.comparison_order, x, whole))

    @cached_property
    def _trained(self) -> set[Any]:
        """The keys of the experiments that the model has data of."""
        table = {} if self._training is None else self._training.table
        return self._keys([dict(zip(table, row)) for row in zip(*table.values())])

    def _with_all_values(self, search_space: SearchSpace) -> SearchSpace:
        """Give choices that were narrowed all their values, where Ax's encoding of them cannot leave some out."""
        every = {
            name: p.clone()
            for name, p in self.encoding.parameters.items()
            if isinstance(p, ChoiceParameter) and ENCODINGS[bool(p.is_ordered)] in self._transforms
            if isinstance(now := search_space.parameters[name], ChoiceParameter) and len(now.values) < len(p.values)
        }
        space = search_space.clone() if every else search_space
        for name, p in every.items():
            space.parameters[name] = p
        return space

    def note_fixed_features(self, fixed: Mapping[str, Any]) -> None:
        """Record the fixed features of a call of `gen`; Ax shows them right after the search space."""
        self.call.asked = self._ask(dict(fixed))
        if self._confines and self._fixes(fixed):
            self._searched.set_parameter_constraints(list(self._constraints))

    def _fixes(self, fixed: Mapping[str, Any]) -> bool:
        """Tell whether a parameter of the symmetry is among fixed features."""
        return any(fixed.get(name) is not None for name in self.encoding.parameters)

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Ask the model about the canonical representatives; features that lack a parameter of the symmetry stay."""
        if len(observation_features) == 1 and self._asked is not None and not self._asked.fixed:
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
        return self._different(self._canonical(observation_features, generated=True))

    def _canonical(self, features: list[ObservationFeatures], generated: bool) -> list[ObservationFeatures]:
        parameters = [f.parameters for f in features]
        complete, x = self.encoding.encode_points(parameters)
        which = np.flatnonzero(complete)
        if generated:
            x = self.encoding.snapped(x)
        others = [parameters[i] for i in which]
        if self._asked is None:
            y = self.encoding.canonical_rows(x, self.comparison_order)
        else:
            y = self._asked.candidates(x, others) if generated else self._asked.images(x, others)[1]
        decoded = self.encoding.decode(y)
        arms = self._known.same_experiments(y, others) if generated else [None] * len(which)
        canonical = list(features)
        for k, i in enumerate(which):
            arm = self._admitted(arms[k], parameters[i])
            moved = {**(arm or {name: values[k] for name, values in decoded.items()})}
            if generated and self._asked is not None:  # to the last bit
                moved.update({n: v for n, v in self._asked.fixed.items() if n in moved and v is not None})
            canonical[i] = copy(features[i])
            canonical[i].parameters = {**parameters[i], **moved}
        return canonical

    def _admitted(self, arm: Mapping[str, Any] | None, others: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return an arm's values of the symmetry's parameters if it is where `gen` was asked to stay, else None."""
        if arm is None:
            return None
        _, row = self.encoding.encode_points([arm])
        lowest = self.encoding.decode(row)  # of inert parameters, which the arm may lack
        values = {name: arm.get(name, lowest[name][0]) for name in self.encoding.parameters}
        return values if self._asked is None or self._asked.region.contains(row, others)[0] else None
