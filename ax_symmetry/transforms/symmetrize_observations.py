"""`SymmetrizeObservations`: what it does to observations. How Ax wants it done is in `_ax`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ax.core.search_space import SearchSpace
from torch import Tensor

from ax_symmetry import options
from ax_symmetry._ax import RowTransform, use_kernel
from ax_symmetry._ax.fitting import Fit, KernelSpec, probe_of
from ax_symmetry._ax.search_model import Search, StandIn
from ax_symmetry._ax.training_rows import Context, Images, Training
from ax_symmetry.errors import NotAveraged, SymmetryError, SymmetryWarning
from ax_symmetry.groups.actions import Rows, gather_images
from ax_symmetry.groups.fundamental_domain import select_images
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.models.model_columns import column_action, is_feasible, feasible_images, example_values
from ax_symmetry.search.averaged_model import average_model, search_model
from ax_symmetry.search.row_orbits import RowOrbits
from ax_symmetry.space.encoding import ParameterEncoding, symmetrized_space
from ax_symmetry.space.known_arms import orbit_keys
from ax_symmetry.transforms.plan import check_surroundings, warn_if_partial


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

    - `method`: `"augmentation"` (default), or `"kernel"`: the training data stay as they are, and the model is fitted
      with the invariant kernel (`kernels.InvariantKernel`), which is exact for a group of any size.
    - `base_kernel`: what the invariant kernel averages: `"matern"` (default), a product of Matern-5/2 kernels, one for
      each block, or `"rbf"`, the kernel of Ax's own model. With `method` `"kernel"`.
    - `asymmetry`: the share, up to 1, of the function's variance that does not have the symmetry, or `"learn"` to
      learn it; by default the symmetry is exact. With `method` `"kernel"`, and without `Canonicalize`: the images of a
      candidate are then other experiments.
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
        fits_kernel = self.options.method == "kernel"
        if not fits_kernel and self.options.max_images is None and self.symmetry.order > ENUMERATION_LIMIT:
            raise too_large(self.symmetry.order)
        if context.transforms and "Canonicalize" not in context.transforms:
            warn_if_partial(self.options, self.symmetry, "add Canonicalize to the transforms")
        companion = (context.configs or {}).get("Canonicalize") or config
        self.comparison_order = self.symmetry.comparison_order(options.read_canonical(companion or {}).order_by)
        self._stage = _bounds(self.space)
        self._declared = _bounds(context.declared or self.space)
        self._fitting = True
        self._orbits: dict[str, bytes] = {}
        self._others = example_values(self.space, self.symmetry.parameters)
        self.space = symmetrized_space(self.symmetry, self.space)
        self.encoding = ParameterEncoding(self.symmetry, self.space)
        self._probe = probe_of(context.adapter, type(self).__name__, training.metadata if training else None)
        if fits_kernel and hasattr(context.adapter, "_fit"):
            context.adapter._fit = Fit(context.adapter, self._tell)
            context.adapter._gen = Search(context.adapter, self._constant)
        elif self._whole_orbits() and hasattr(context.adapter, "_gen"):
            context.adapter._gen = Search(context.adapter, self._folded)
        if training is not None:
            complete, x = self.encoding.encode(training.columns(self.encoding.parameters))
            arms = [arm for arm, known in zip(training.arms, complete) if known]
            keys = orbit_keys(self.encoding, self.comparison_order, x)
            self._orbits = {arm: key for arm, key in zip(arms, keys) if arm is not None}
            implied = {name: x[:, self.encoding.columns[name]] for name in self.encoding.implied}
            self.space = symmetrized_space(self.symmetry, self.space, implied)

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:
        """Widen the model's space so that images of out-of-range data are inside; leave any other space alone."""
        # The first call is the fit's; later only a space that Ax has widened for data can be the model's again.
        fitting, self._fitting = self._fitting, False
        of_model = fitting or self._stage != self._declared
        widens = of_model and _bounds(search_space) == self._stage != _bounds(self.space)
        return self.space.clone() if widens else search_space

    def replace(self, training: Training) -> Images:
        """Put the images of every observation after it; one that lacks a parameter of the symmetry stays alone."""
        complete, x = self.encoding.encode(training.columns(self.encoding.parameters))
        mirrored = self.encoding.mirrored(x)
        action, chosen = self.symmetry.action, self.options
        if chosen.method == "kernel":
            rows, points = np.arange(len(x)), np.tile(np.arange(action.width), (len(x), 1))
        elif self._whole_orbits():
            rows, points = action.images(x, mirrored)
        else:
            rows, points = select_images(
                action,
                x,
                mirrored,
                max_images=chosen.max_images or action.order,
                select=chosen.select,
                seed=chosen.seed,
                comparison_order=self.comparison_order,
                units=self.encoding.to_unit_cube,
            )
        sizes = np.bincount(rows, minlength=len(x))
        keep = ~np.isin(rows, np.flatnonzero(self._twins_of_held_out(training, complete, x)))
        rows, points = rows[keep], points[keep]
        number = np.arange(len(rows)) - np.searchsorted(rows, rows)
        decoded = self.encoding.decode(gather_images(x, mirrored, rows, points))
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

    def _columns(self, names: Sequence[str]) -> ColumnAction:
        """Find how the group acts on the model's columns."""
        return column_action(self.encoding, names, self._probe, self._others)

    def _tell(self, generator: Any, search_space: SearchSpace) -> None:
        """Let a generator fit the invariant kernel."""
        try:
            columns = self._columns(list(search_space.parameters))
        except NotAveraged as error:
            raise SymmetryError(f"method: 'kernel' cannot be used here: {error} Use 'augmentation'.") from error
        use_kernel(generator, KernelSpec(columns, self.options.base_kernel, self.options.asymmetry), search_space)

    def _constant(self, model: Any, names: Sequence[str], search_space: SearchSpace) -> StandIn:
        """Make the hyperparameters of the invariant kernel constants for a search.

        Ax compares candidates with the observations inside of the search space: an image inside stands for one outside.
        """
        def shown(x: Tensor) -> tuple[Tensor, Tensor]:
            every = x.new_ones(len(x), dtype=torch.bool)
            if self.options.asymmetry is not None:  # images are other experiments
                return every, x
            return every, feasible_images(x, lambda: self._columns(names), names, search_space)

        return search_model(model), shown

    def _folded(self, model: Any, names: Sequence[str], search_space: SearchSpace) -> StandIn | None:
        """Fold the model for a search; None, with a warning, if it is of a kind that cannot be folded."""
        try:
            action = self._columns(names)
            folded = average_model(model, action)
        except NotAveraged as error:
            warnings.warn(
                f"SymmetrizeObservations: {error} Of candidates that are asked for together, and of trials that run at "
                "the same time, two may be nearly the same experiment in another order.",
                SymmetryWarning,
                stacklevel=2,
            )
            return None

        def shown(x: Tensor) -> tuple[Tensor, Tensor]:
            # Ax compares candidates with the observations inside of the search space: an image inside must stay.
            mask = RowOrbits(action, x).representatives(is_feasible(x, names, search_space))
            return mask, x[mask]

        return folded, shown

    def _twins_of_held_out(self, training: Training, complete: Any, x: Rows) -> Any:
        """Tell which rows lie on the orbit of an arm that was there when the model was fitted and is missing now."""
        present = set(training.arms)
        held_out = {key for arm, key in self._orbits.items() if arm not in present}
        if not held_out:
            return np.zeros(len(x), dtype=bool)
        return np.asarray([key in held_out for key in orbit_keys(self.encoding, self.comparison_order, x)], dtype=bool)


def _bounds(search_space: SearchSpace) -> Sequence[Any]:
    """List what widening can change of a search space."""
    return [
        (n, getattr(p, "lower", None), getattr(p, "upper", None), getattr(p, "values", None))
        for n, p in search_space.parameters.items()
    ]
