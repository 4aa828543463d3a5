"""`SymmetrizeObservations`: what it does to observations. How Ax wants it done is in `_ax`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from ax.core.observation import ObservationFeatures
from ax.core.search_space import SearchSpace
from torch import Tensor

from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_model, takes_rows_once
from ax_symmetry._ax.model_inputs import ModelInputs
from ax_symmetry._ax.search_model import Refine, Region, SearchView
from ax_symmetry._ax.training_rows import Context, Images, Training, check_outcomes
from ax_symmetry.errors import NotAveraged, SymmetryError, SymmetryWarning
from ax_symmetry.groups.actions import Rows, gather_images
from ax_symmetry.groups.image_selection import select_images
from ax_symmetry.models.model_columns import ModelColumns, feasible_images
from ax_symmetry.models.surrogate import InvariantKernelSpec
from ax_symmetry.search.averaged_model import average_model, search_model
from ax_symmetry.search.block_moves import refine
from ax_symmetry.search.orbit_likelihood import OrbitMarginalLogLikelihood
from ax_symmetry.search.row_orbits import RowOrbits, canonical_rows
from ax_symmetry.space.known_arms import orbit_keys
from ax_symmetry.space.spread_images import spread_images
from ax_symmetry.transforms.confinement import warn_of_any_order
from ax_symmetry.transforms.costs import check_training_set
from ax_symmetry.transforms.plan import plan_of


class SymmetrizeObservations(backend.RowTransform):
    """At fit, each observation becomes its orbit.

    The distinct images follow the observation, each with its data. With `noise="orbit"` each carries the observation's
    covariance times the number of its images: then, for a jointly invariant kernel with fixed noise, the posterior mean
    is exactly that of the averaged kernel k_G (Mei, Misiakiewicz and Montanari, "Learning with invariances in random
    features and kernel models", COLT 2021, for ridge regression). Predictions change by nothing but the training data.
    The search for candidates sees the same posterior mean with the covariance of k_G, in which x and its images are one
    random variable, so that a batch holds no twins (see `search.averaged_model`). In a fold of cross-validation,
    observations on the orbit of a held-out arm are held out with it.

    Config, beside the keys of the symmetry (see the README):

    - `method`: `"augmentation"` (default), or `"kernel"`: the training data stay as they are, and the model is fitted
      with the invariant kernel (`kernels.InvariantKernel`), which is exact for a group of any size.
    - `base_kernel`: what the invariant kernel averages: `"matern"` (default), a product of Matern-5/2 kernels, one for
      each block, or `"rbf"`, the kernel of Ax's own model. Or, for blocks that trade places in every way, a kernel of
      their sets, `"embedding"` (default from 13 blocks on), or `"mixture"`, with amounts. With `method` `"kernel"`.
    - `asymmetry`: the share, up to 1, of the function's variance that does not have the symmetry, or `"learn"` to
      learn it; by default the symmetry is exact. With `method` `"kernel"`, and without `Canonicalize`: the images of a
      candidate are then other experiments.
    - `noise`: `"orbit"` (default) scales the covariance by the number of images; `"copy"` leaves it, which claims that
      many independent measurements.
    - `max_images`: how many images of each observation to keep, itself among them; all by default.
    - `select`: which to keep then, `"nearest"` to the fundamental domain (default) or `"random"`. Either is
      approximate. Of an infinite group, which needs `max_images` here, they are spread along the orbit.
    - `seed`: seed of the random choice, 0 by default.

    Cost: O(n |G|) rows, and the model's cost grows with the cube of that.

    Raises:
        SymmetryError: The config, or the symmetry for this search space, is wrong; before any model is fitted.
    """

    def read_config(self, config: Mapping[str, Any] | None, context: Context) -> None:
        """Read the config, check it, tell Ax which kernel to fit, and remember on which orbit each arm lies."""
        plan = self.plan = plan_of(type(self).__name__, config, context)
        if context.transforms and "Canonicalize" not in context.transforms and plan.symmetrize.asymmetry is None:
            warn_of_any_order(plan.symmetrize, plan.symmetry)
        stage = context.search_space or plan.modelled
        self.space = self.fitted_space = plan.space_of(stage)
        self._stage, self._declared, self._fitting = _bounds(stage), _bounds(plan.declared), True
        self._orbits: dict[str, bytes] | None = None
        training = context.training
        self.admitted = plan.space_of(plan.modelled) if plan.narrowed else None
        self.kernel: InvariantKernelSpec | None = None
        if self.adapter is None:
            return
        self._check_data(training)
        inputs = ModelInputs(self.adapter, type(self).__name__, training.metadata if training else None)
        self.columns = ModelColumns(plan.encoding, self.space, inputs)
        if plan.symmetrize.method == "kernel":
            self.kernel = InvariantKernelSpec(self.columns, plan.symmetrize.base_kernel, plan.symmetrize.asymmetry)
            backend.use_kernel(self.adapter, self.kernel)
            backend.use_search_model(self.adapter, self._frozen)
        elif self._keeps_whole_orbits():
            backend.use_likelihood(self.adapter, OrbitMarginalLogLikelihood, {"action": self.columns.action})
            backend.use_search_model(self.adapter, self._averaged)

    def _check_data(self, training: Training | None) -> None:
        """Check that the model can be fitted to the training data and their images."""
        if training is None:
            return
        if backend.is_gaussian_process(self.adapter):
            for metric, (means, sems) in training.outcomes.items():
                check_outcomes(metric, means, sems)
        if not takes_rows_once(self.adapter):
            return
        encoding = self.plan.encoding
        orbits = self._orbits_of(training, *encoding.encode(training.columns(encoding.parameters)))
        first = {key: arm for arm, key in reversed(orbits.items())}
        twins = [(first[key], arm) for arm, key in orbits.items() if first[key] != arm]
        if twins:
            raise SymmetryError(
                f"data: arms {' and '.join(twins[0])} are the same experiment, and Ax's Thompson sampling takes each "
                "row once; leave one of them out, or take another model."
            )

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Widen the model's space so that images of out-of-range data are inside; leave any other space alone."""
        search_space = self.stage(search_space)
        fitting, self._fitting = self._fitting, False
        # Later only a space that differs from the declared one can be known as the model's.
        of_model = fitting or not self.call.generates and (self._stage != self._declared or self.plan.narrowed)
        widens = of_model and _bounds(search_space) == self._stage != _bounds(self.space)
        return self.space.clone() if widens else search_space

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Leave the features alone; check that the model that is asked about them has the kernel."""
        self.check_fitted()
        return super().transform_observation_features(observation_features)

    def check_fitted(self) -> None:
        """Check that Ax fitted the kernel that was asked for.

        Raises:
            SymmetryError: It chose a model that took no notice of it.
        """
        if self.kernel is not None:
            self.kernel.check_fitted(fitted_model(self.adapter))

    def image_rows(self, training: Training) -> Images:
        """Put the images of every observation after it; one that lacks a parameter of the symmetry stays alone."""
        encoding, chosen = self.plan.encoding, self.plan.symmetrize
        columns = training.columns(encoding.parameters)
        complete, x = encoding.encode(columns)
        if self._orbits is None:  # these are the data of the fit
            self._orbits = self._orbits_of(training, complete, x)
        given, x = x, encoding.with_lowest(x)
        mirrored = encoding.mirrored(x)
        rows, images = self._images(x, mirrored)
        sizes = np.bincount(rows, minlength=len(x))
        keep = ~np.isin(rows, np.flatnonzero(self._twins_of_held_out(training, complete, x)))
        rows, images = rows[keep], images[keep]
        if chosen.method == "augmentation":
            check_training_set(len(rows), len(np.unique(rows)))
        number = np.arange(len(rows)) - np.searchsorted(rows, rows)
        decoded = encoding.decode(images)
        # Put the observations that have no images back in their places.
        alone = np.flatnonzero(~complete)
        had_none = np.any([[v is None for v in column] for column in columns.values()], axis=0)[complete]
        changed = (had_none | (given != x).any(axis=1))[rows]
        all_rows = np.concatenate([np.flatnonzero(complete)[rows], alone])
        order = np.argsort(all_rows, kind="stable")
        table = {name: [*values, *[None] * len(alone)] for name, values in decoded.items()}
        scale = sizes[rows] if chosen.noise == "orbit" else np.ones(len(rows))
        return Images(
            rows=all_rows[order],
            number=np.concatenate([number, np.zeros(len(alone), dtype=number.dtype)])[order],
            variance_scale=np.concatenate([scale, np.ones(len(alone))])[order],
            table={name: [values[i] for i in order.tolist()] for name, values in table.items()},
            completed=np.concatenate([changed, np.zeros(len(alone), dtype=bool)])[order],
        )

    def _images(self, x: Rows, mirrored: Rows) -> tuple[Any, Rows]:
        """Return the index of its row, and the numbers, of every image of rows `n x d` that is to be trained on."""
        encoding, chosen, symmetry = self.plan.encoding, self.plan.symmetrize, self.plan.symmetry
        order, most = self.plan.comparison_order, chosen.max_images
        if chosen.method == "kernel":
            return np.arange(len(x)), x
        if not symmetry.is_finite:
            return spread_images(encoding, x, max_images=most or 1, seed=chosen.seed, comparison_order=order)
        if self._keeps_whole_orbits():
            rows, points = symmetry.action.images(x, mirrored)
        else:
            rows, points = select_images(
                symmetry.action,
                x,
                mirrored,
                max_images=most or symmetry.action.order,
                select=chosen.select,
                seed=chosen.seed,
                comparison_order=order,
                units=encoding.to_unit_cube,
            )
        return rows, gather_images(x, mirrored, rows, points)

    def _keeps_whole_orbits(self) -> bool:
        """Tell whether all images of an observation are kept."""
        max_images = self.plan.symmetrize.max_images
        return max_images is None or max_images >= self.plan.symmetry.order

    def _frozen(self, model: Any, region: Region) -> SearchView:
        """Show the search the invariant model with its hyperparameters frozen.

        Ax compares candidates with the observations inside of the region: an image inside stands for one outside.
        """
        if self.kernel is not None:
            self.kernel.check_fitted(model)
        if self.plan.symmetrize.asymmetry is not None:  # images are other experiments
            return SearchView(search_model(model))

        def rows(x: Tensor) -> tuple[Tensor, Tensor]:
            return x.new_ones(len(x)).bool(), feasible_images(x, self.columns.action, region)

        return SearchView(search_model(model), rows, self._canonical, self._refine())

    def _canonical(self, x: Tensor) -> Tensor:
        """Return rows of the model's columns that are equal where they are one experiment."""
        return canonical_rows(self.columns.action(), x)

    def _averaged(self, model: Any, region: Region) -> SearchView | None:
        """Show the search the averaged model; None, with a warning, if the model is of a kind that has none."""
        try:
            action = self.columns.action()
            averaged = average_model(model, action)
        except NotAveraged as error:
            warnings.warn(
                f"SymmetrizeObservations: {error} Of candidates that are asked for together, and of trials that run at "
                "the same time, two may be nearly the same experiment in another order.",
                SymmetryWarning,
                stacklevel=2,
            )
            return None

        def rows(x: Tensor) -> tuple[Tensor, Tensor]:
            # Ax compares candidates with the observations inside of the region: an image inside must stay.
            mask = RowOrbits(action, x).representatives(region.contains(x))
            return mask, x[mask]

        return SearchView(averaged, rows, partial(canonical_rows, action), self._refine())

    def _refine(self) -> Refine | None:
        """Return what moves whole blocks of candidates, where blocks may be absent."""
        return partial(refine, self.columns.action()) if self.plan.encoding.inert else None

    def _orbits_of(self, training: Training, complete: Any, x: Rows) -> dict[str, bytes]:
        """Return keys of the orbits on which arms lie."""
        arms = [arm for arm, known in zip(training.arms, complete) if known]
        keys = orbit_keys(self.plan.encoding, self.plan.comparison_order, x)
        return {arm: key for arm, key in zip(arms, keys) if arm is not None}

    def _twins_of_held_out(self, training: Training, complete: Any, x: Rows) -> Any:
        """Tell which rows lie on the orbit of an arm that was there when the model was fitted and is missing now."""
        present = set(training.arms)
        held_out = {key for arm, key in (self._orbits or {}).items() if arm not in present}
        if not held_out:
            return np.zeros(len(x), dtype=bool)
        keys = orbit_keys(self.plan.encoding, self.plan.comparison_order, x)
        return np.asarray([key in held_out for key in keys], dtype=bool)


def _bounds(search_space: SearchSpace) -> Sequence[Any]:
    """List what widening can change of a search space."""
    return [
        (n, *(getattr(p, trait, None) for trait in ("lower", "upper", "values", "value")))
        for n, p in search_space.parameters.items()
    ]
