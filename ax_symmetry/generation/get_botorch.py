"""`get_botorch`: Ax's own call on every Ax, with the symmetry as one more keyword."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.search_space import SearchSpace

from ax_symmetry._ax import backend
from ax_symmetry._ax.given import data_of, experiment_of, search_space_of
from ax_symmetry.errors import SymmetryError, shown
from ax_symmetry.options import choose_method
from ax_symmetry.space.forgotten_blocks import warn_of_forgotten_blocks
from ax_symmetry.symmetry.symmetry import Symmetry
from ax_symmetry.transforms.plan import check_configs, config_of
from ax_symmetry.transforms.registration import TRANSFORMS, SymmetrizeObservations, transforms_for


def get_botorch(
    experiment: Experiment,
    data: Data,
    search_space: SearchSpace | None = None,
    *,
    symmetry: Symmetry | Mapping[str, Any] | None = None,
    method: str = "auto",
    **keywords: Any,
) -> Any:
    """Fit Ax's BoTorch model, which knows the symmetry.

    On Ax up to 1.0 the call goes to `ax.modelbridge.factory.get_botorch`; later generations dropped that function, and
    the same call is made on their own API.

    Args:
        experiment: The experiment, or a client that has one.
        data: Its data; the sem of each observation is in the outcome's units.
        search_space: Where to optimise, if not the experiment's own search space.
        symmetry: A symmetry, or its dict with options of the transforms. Both transforms and their configs are added;
            with `asymmetry`, `SymmetrizeObservations` alone. Without it, add them yourself through `transforms` and
            `transform_configs`.
        method: `"augmentation"` trains on the images of the observations, `"kernel"` fits the invariant kernel to the
            observations themselves. `"auto"` decides in this order:

            1. with `asymmetry` or `base_kernel` in the dict: the kernel;
            2. with `max_images`, `select`, `seed` or `noise` in it: augmentation;
            3. if the model can have it, that is, without fidelities and tasks, and without a parameter on a log scale
               that implies another: the kernel;
            4. otherwise: augmentation.
        keywords: Whatever Ax's `get_botorch` takes: `transforms`, `transform_configs`, `device`, `refit_on_cv`,
            `optimization_config`, and on Ax up to 1.0 its callables.

    Returns:
        The fitted adapter (model bridge), with `gen` and `predict`.

    Raises:
        SymmetryError: The symmetry does not fit, the call contradicts itself, or an argument is of another kind; before
            anything is fitted.

    Warns:
        SymmetryWarning: A parameter constraint looks as if a block was forgotten.
    """
    experiment, data = experiment_of(experiment), data_of(data)
    space = search_space if search_space is None else search_space_of(search_space)
    adapter = fit_botorch(experiment, data, space, symmetry=symmetry, method=method, **keywords)
    for built in adapter.transforms.values():
        if isinstance(built, SymmetrizeObservations):
            warn_of_forgotten_blocks(built.plan.symmetry, space or experiment.search_space, stacklevel=2)
    return adapter


def fit_botorch(
    experiment: Experiment,
    data: Data,
    search_space: SearchSpace | None = None,
    *,
    symmetry: Symmetry | Mapping[str, Any] | None = None,
    method: str = "auto",
    **keywords: Any,
) -> Any:
    """Do what `get_botorch` does, for callers that have looked at their arguments."""
    given = keywords.pop("transforms", None)
    given = backend.default_transforms() if given is None else given
    transforms: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    if not isinstance(given, Iterable) or not all(isinstance(transform, type) for transform in transforms):
        raise SymmetryError(f"transforms: expected a list of Ax's transforms, which are classes; got {shown(given)}.")
    configs = keywords.pop("transform_configs", None) or {}
    if not isinstance(configs, Mapping):
        raise SymmetryError(
            f"transform_configs: expected a dict of the transforms' configs by name, as symmetry.transform_configs() "
            f"makes it; got {shown(configs)}."
        )
    configs = dict(configs)
    if symmetry is None:
        if method != "auto":
            raise SymmetryError(f"method: {method!r} says how to use a symmetry, but symmetry= is missing.")
        check_configs([t.__name__ for t in transforms], configs)
    else:
        kernel_allowed = False if "model_constructor" in keywords else None
        config = choose_method(method, config_of(symmetry), kernel_allowed)
        for transform in TRANSFORMS:
            if transform in transforms or transform.__name__ in configs:
                raise SymmetryError(
                    f"get_botorch: symmetry= adds {transform.__name__} and its config by itself; drop it from "
                    "transforms and transform_configs, or drop symmetry=."
                )
        configs.update({transform.__name__: config for transform in transforms_for(config)})
        transforms = [*transforms_for(config), *transforms]
    adapter = backend.get_botorch(
        experiment, data, search_space, transforms=transforms, transform_configs=configs, **keywords
    )
    for built in adapter.transforms.values():
        if isinstance(built, SymmetrizeObservations):
            built.check_fitted()
    return adapter
