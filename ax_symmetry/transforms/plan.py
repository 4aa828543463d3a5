"""The config of a symmetry, read and checked once for both transforms of one model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ax.core.search_space import SearchSpace

from ax_symmetry import options
from ax_symmetry._ax.training_rows import Context, Training
from ax_symmetry.errors import SymmetryError, SymmetryWarning
from ax_symmetry.groups.permutations import ENUMERATION_LIMIT, too_large
from ax_symmetry.options import CanonicalizeOptions, SymmetrizeOptions
from ax_symmetry.space.bounds import implied_parameters, symmetrized_space
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.narrowing import widened_space
from ax_symmetry.space.validation import check_untransformed, validate
from ax_symmetry.symmetry.declaration import SYMMETRY_KEYS
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.declared_space import OURS, narrowed_since


@dataclass(frozen=True)
class Plan:
    """What both transforms of one model know of the symmetry.

    Attributes:
        symmetry: The symmetry.
        symmetrize: The options of `SymmetrizeObservations`.
        canonicalize: The options of `Canonicalize`.
        declared: The search space as it is now declared.
        modelled: The search space as the first of the two transforms received it: Ax may have widened it to cover data.
        space: The same, symmetrized: parameters that trade places share bounds, which cover the images of the data.
        encoding: Values of the symmetry's parameters as numbers, in that space.
        comparison_order: The columns of the encoding in the order in which images are compared.
        narrowed: Whether the declared space lacks the symmetry, because parameters were narrowed in mid-run.
    """

    symmetry: Symmetry
    symmetrize: SymmetrizeOptions
    canonicalize: CanonicalizeOptions
    declared: SearchSpace
    modelled: SearchSpace
    space: SearchSpace
    encoding: ParameterEncoding
    comparison_order: tuple[int, ...]
    narrowed: bool = False

    def space_of(self, stage: SearchSpace) -> SearchSpace:
        """Return a copy of a search space with the symmetrized parameters; others stay as they are there."""
        space = stage.clone()
        for name in self.encoding.parameters:
            space.parameters[name] = self.space.parameters[name].clone()
        return space


def plan_of(transform: str, config: Mapping[str, Any] | None, context: Context) -> Plan:
    """Make the plan of a transform, or take that of its companion, which is built already.

    Args:
        transform: The name of the transform.
        config: Its config.
        context: What surrounds it.

    Raises:
        SymmetryError: The config is none, contradicts that of the other transform, or does not fit the search space.
    """
    if not config:
        raise SymmetryError(
            f"{transform} has no config: hand the dict of the symmetry to it in transform_configs, "
            f'{{"{transform}": {{"blocks": [...]}}}}, and the same dict to its companion.'
        )
    check_configs(context.transforms, context.configs)
    if context.search_space is None:
        raise SymmetryError(f"{transform} needs the search space that its symmetry is about.")
    companion = _companion_plan(transform, context)
    if companion is None:
        return _new_plan(transform, config, context.search_space, context)
    check_untransformed(companion.symmetry, companion.modelled, context.search_space, companion.space)
    return companion


def config_of(symmetry: Symmetry | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the dict of a symmetry that is given as a dict, which may hold options, or as a `Symmetry`.

    Raises:
        SymmetryError: It is neither.
    """
    if isinstance(symmetry, Mapping):
        return symmetry
    return Symmetry.of(symmetry).to_config()


def check_declaration(config: Mapping[str, Any], search_space: SearchSpace) -> None:
    """Check the dict of a symmetry, its options too, before there is a model.

    Raises:
        SymmetryError: The config is wrong, or does not fit the search space.
    """
    symmetry, symmetrize = Symmetry.from_config(config), options.read_symmetrize(config)
    options.read_canonicalize(config)
    validate(symmetry, search_space)
    _check_size(symmetry, symmetrize)


def _companion_plan(transform: str, context: Context) -> Plan | None:
    """Return the plan of the other transform, if it comes before this one.

    One that comes after is there, too, when Ax fits an adapter again to new data: then it is that of the old data.
    """
    before = [name for name in context.transforms[: [*context.transforms, transform].index(transform)] if name in OURS]
    return context.built[before[-1]].plan if before else None


def _new_plan(transform: str, config: Mapping[str, Any], search_space: SearchSpace, context: Context) -> Plan:
    """Read the configs of both transforms and check them against each other and against the search space."""
    configs = {name: context.configs.get(name) or config for name in OURS}
    symmetry = Symmetry.from_config(config)
    symmetrize = options.read_symmetrize(configs["SymmetrizeObservations"])
    canonicalize = options.read_canonicalize(configs["Canonicalize"])
    _check_agreement(symmetry, configs)
    if symmetrize.asymmetry is not None and "Canonicalize" in (transform, *context.transforms):
        raise options.asymmetry_error()
    declared = context.declared or search_space
    modelled = context.modelled or declared
    history = narrowed_since(symmetry, declared, context.adapter)
    check_untransformed(symmetry, modelled, search_space)
    if "SymmetrizeObservations" in (transform, *context.transforms):
        _check_size(symmetry, symmetrize)
    wide = search_space if history is None else widened_space(symmetry, search_space, history.spaces, history.arms)
    space = symmetrized_space(symmetry, wide, _implied_values(symmetry, search_space, context.training))
    return Plan(
        symmetry=symmetry,
        symmetrize=symmetrize,
        canonicalize=canonicalize,
        declared=declared,
        modelled=modelled,
        space=space,
        encoding=ParameterEncoding(symmetry, space),
        comparison_order=symmetry.comparison_order(canonicalize.order_by),
        narrowed=history is not None,
    )


def check_configs(transforms: Collection[str], configs: Mapping[str, Any]) -> None:
    """Check that no config is there for nothing.

    Args:
        transforms: The names of all transforms of the call.
        configs: Their configs, by name.

    Raises:
        SymmetryError: A config of ours has no transform that would read it.
    """
    idle = [name for name in reversed(OURS) if name in configs and name not in transforms]
    if idle:
        raise SymmetryError(
            f"transform_configs has a config for {' and '.join(idle)}, not among the transforms; add it to them or "
            "drop the config. (get_botorch adds both transforms by itself if the config is handed over as symmetry=.)"
        )


def _check_agreement(symmetry: Symmetry, configs: Mapping[str, Any]) -> None:
    """Check that the two transforms declare one symmetry."""
    one, other = ({key: given[key] for key in SYMMETRY_KEYS if key in given} for given in configs.values())
    if one != other and {Symmetry.from_config(one), Symmetry.from_config(other)} != {symmetry}:
        raise SymmetryError(
            "transform_configs: Canonicalize and SymmetrizeObservations declare different symmetries, "
            f"{one} and {other}; hand the same dict to both."
        )


def _check_size(symmetry: Symmetry, chosen: SymmetrizeOptions) -> None:
    """Check that the images of an observation can be listed, where the model is to be trained on them."""
    if chosen.method == "augmentation" and symmetry.order == math.inf:
        raise SymmetryError(
            "method: 'augmentation' would train on infinitely many images of each observation; set method to 'kernel', "
            "whose kernel has the symmetry exactly."
        )
    if chosen.method == "augmentation" and chosen.max_images is None and symmetry.order > ENUMERATION_LIMIT:
        raise too_large(symmetry.order)


def _implied_values(
    symmetry: Symmetry, search_space: SearchSpace, training: Training | None
) -> dict[str, np.ndarray[Any, Any]]:
    """Compute the values of implied parameters in the training data."""
    values: dict[str, np.ndarray[Any, Any]] = {}
    if training is None:
        return values
    for name, simplex in implied_parameters(symmetry, search_space).items():
        others = training.columns(n for n in simplex.parameters if n != name)
        known = [row for row in zip(*others.values()) if None not in row]
        columns = np.asarray(known, dtype=float).reshape(-1, len(others)).T
        values[name] = simplex.imply(dict(zip(others, columns)))
    return values


def warn_if_partial(chosen: SymmetrizeOptions, symmetry: Symmetry, way_out: str) -> None:
    """Warn of a model that is asked where it knows nothing."""
    if chosen.is_partial(symmetry.order):
        warnings.warn(
            f"max_images keeps {chosen.max_images} of up to {symmetry.order:,} images, those near the "
            "fundamental domain; elsewhere the model knows nothing, and the search is drawn there. To stay in the "
            f'domain, {way_out}, or use select="random".',
            SymmetryWarning,
            stacklevel=2,
        )
