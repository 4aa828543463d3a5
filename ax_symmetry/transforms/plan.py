"""The config of a symmetry, read and checked once for both transforms of one model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ax.core.search_space import SearchSpace

from ax_symmetry import options
from ax_symmetry._ax.training_rows import Context, Training
from ax_symmetry.errors import SymmetryError
from ax_symmetry.options import CanonicalizeOptions, SymmetrizeOptions, plain
from ax_symmetry.space.bounds import implied_parameters, is_linear, symmetrized_space
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.narrowing import widened_space
from ax_symmetry.space.validation import check_untransformed, kernel_obstacle
from ax_symmetry.symmetry.declaration import SYMMETRY_KEYS
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.costs import check_model, with_default_kernel
from ax_symmetry.transforms.declared_space import OURS, narrowed_since

RESCALING = ("OrderedChoiceToIntegerRange", "OneHot", "IntToFloat", "Log", "Logit", "UnitX")
"""Transforms of Ax that have no place before ours, also where they happen to change no parameter."""


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

    @property
    def is_partial(self) -> bool:
        """Whether the model knows nothing away from the fundamental domain."""
        return self.symmetrize.is_partial(self.symmetry.order)

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
    plan = _companion_plan(transform, context)
    if plan is None:
        plan = new_plan(transform, config, context.search_space, context)
    else:
        check_untransformed(plan.symmetry, plan.modelled, context.search_space, plan.space)
    if early := [name for name in _before(transform, context) if name in RESCALING]:
        raise SymmetryError(
            f"transforms: {', '.join(early)} comes before {transform}; put Canonicalize and SymmetrizeObservations "
            "first in the transforms."
        )
    return plan


def config_of(symmetry: Symmetry | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the dict of a symmetry that is given as a dict, which may hold options, or as a `Symmetry`.

    Raises:
        SymmetryError: It is neither.
    """
    if isinstance(symmetry, Mapping):
        return dict(plain(symmetry))
    return Symmetry.of(symmetry).to_config()


def _companion_plan(transform: str, context: Context) -> Plan | None:
    """Return the plan of the other transform, if it comes before this one.

    One that comes after is there, too, when Ax fits an adapter again to new data: then it is that of the old data.
    """
    before = [name for name in _before(transform, context) if name in OURS]
    return context.built[before[-1]].plan if before else None


def _before(transform: str, context: Context) -> Sequence[str]:
    """List the transforms that come before one."""
    return context.transforms[: [*context.transforms, transform].index(transform)]


def new_plan(transform: str, config: Mapping[str, Any], search_space: SearchSpace, context: Context) -> Plan:
    """Read the configs of both transforms and check them against each other and the search space; see `plan_of`."""
    configs = {name: plain(context.configs.get(name) or config) for name in OURS}
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
    symmetrize = symmetrize.settled(kernel_obstacle(declared, symmetry) is None)
    if "base_kernel" not in configs["SymmetrizeObservations"]:
        symmetrize = with_default_kernel(symmetry, symmetrize)
    if "SymmetrizeObservations" in (transform, *context.transforms) or "method" in config:
        check_model(symmetry, symmetrize, declared)
    wide = search_space if history is None else widened_space(symmetry, search_space, history.spaces, history.arms)
    first = declared if history is None else [*history.spaces, wide][0]
    symmetry = symmetry.centered(first.parameters)  # Ax widens the ranges of the model to cover the data
    space = symmetrized_space(symmetry, wide, _implied_values(symmetry, search_space, context.training))
    encoding = ParameterEncoding(symmetry, space, declared)
    _check_inert(encoding, symmetrize, context.transforms or OURS)
    return Plan(
        symmetry=symmetry,
        symmetrize=symmetrize,
        canonicalize=canonicalize,
        declared=declared,
        modelled=modelled,
        space=space,
        encoding=encoding,
        comparison_order=symmetry.comparison_order(_order_by(symmetry, symmetrize, canonicalize, space)),
        narrowed=history is not None,
    )


def _check_inert(
    encoding: ParameterEncoding, symmetrize: SymmetrizeOptions, transforms: Collection[str]
) -> None:
    """Check that the model can know of blocks that may be absent.

    Raises:
        SymmetryError: It cannot.
    """
    if not encoding.inert:
        return
    switch, names = encoding.inert[0].switch, ", ".join(encoding.inert[0].names)
    if "SymmetrizeObservations" not in transforms or symmetrize.method == "kernel":
        return
    if symmetrize.is_partial(encoding.symmetry.order) or symmetrize.max_images is not None:
        raise SymmetryError(
            f"max_images: blocks may be absent by {switch}, and come last then, where no image is chosen to be near; "
            "leave it out, or set method to 'kernel'."
        )
    if "Canonicalize" not in transforms:
        raise SymmetryError(
            f"transforms: {names} may be inert by {switch}, which a model of images knows of canonical points alone; "
            "add Canonicalize, with the same config, or set method to 'kernel'."
        )
    for one in encoding.inert:
        for name in sorted(set(one.names) & set(encoding.symmetry.centers))[:1]:
            raise SymmetryError(
                f"mirror: parameter {name} may be inert by {one.switch}, and has no mirror image then, which a model "
                "of images does not know; set method to 'kernel'."
            )


def _order_by(
    symmetry: Symmetry, symmetrize: SymmetrizeOptions, canonicalize: CanonicalizeOptions, space: SearchSpace
) -> tuple[str, ...]:
    """Return the slots that are compared first.

    A search that must stay in the fundamental domain is confined by linear constraints, which Ax takes for numbers on a
    linear scale alone: unless `order_by` says otherwise, their slots come first then.
    """
    if canonicalize.order_by or canonicalize.constrain is False or not symmetrize.is_partial(symmetry.order):
        return canonicalize.order_by
    compared = [name for part in symmetry.parts for name in part.compared_names(())]
    return tuple(name for name in compared if name in space.parameters and is_linear(space.parameters[name]))


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
