"""Every private name of Ax that this package needs, in one place. A name that is gone is one clear error.

`tests/external` renames each of them inside Ax, one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from inspect import signature
from typing import Any

from ax.core.experiment import Experiment
from ax.core.parameter import RangeParameter
from ax.core.search_space import SearchSpace

from ax_symmetry.errors import SymmetryError


def read(owner: Any, name: str) -> Any:
    """Return an attribute that this package cannot do without.

    Raises:
        SymmetryError: There is none.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        raise SymmetryError(
            f"this Ax is not supported yet: {type(owner).__name__} has no attribute {name}, which ax_symmetry needs. "
            "Use an Ax that the table of versions in the documentation names, and please report it."
        ) from None


def replaced(owner: Any, **values: Any) -> Any:
    """Return a copy of an object with other values of some attributes, each of which it must have.

    Raises:
        SymmetryError: It has not.
    """
    other = copy(owner)
    for name, value in values.items():
        read(owner, name)
        setattr(other, name, value)
    return other


def surrogate_with(surrogate: Any, model: Any, datasets: Sequence[Any]) -> Any:
    """Return a copy of a surrogate with another model and other training data."""
    return replaced(surrogate, _model=model, _training_data=list(datasets))


def dataset_with(dataset: Any, rows: Any, mask: Any) -> Any:
    """Return a BoTorch dataset with the outcomes of some rows, given by a mask, at other inputs."""
    variances = None if dataset.Yvar is None else dataset.Yvar[mask]
    return replaced(dataset, _X=rows, _Y=dataset.Y[mask], _Yvar=variances)


def declared_space(adapter: Any) -> SearchSpace:
    """Return an adapter's search space as the user declared it; before Ax 0.5 its only one, which it never widens."""
    constructors = (getattr(kind, "__init__") for kind in type(adapter).__mro__)
    widens = any("expand_model_space" in signature(constructor).parameters for constructor in constructors)
    return read(adapter, "_search_space" if widens else "_model_space")


def model_space(adapter: Any) -> SearchSpace:
    """Return an adapter's copy of the search space for its model, which Ax may have widened to cover the data."""
    return read(adapter, "_model_space")


def use_search_space(adapter: Any, space: SearchSpace, widened: bool) -> None:
    """Let an adapter go on in another search space, as newer Ax does by itself.

    Args:
        adapter: The adapter (model bridge).
        space: The search space, of the same parameters.
        widened: Whether its model's ranges are to stay as wide as they were, so that the data are inside.
    """
    before, wide = model_space(adapter), space.clone()
    for name, p in wide.parameters.items() if widened else ():
        old = before.parameters.get(name)
        if isinstance(p, RangeParameter) and isinstance(old, RangeParameter):
            p.lower, p.upper = min(p.lower, old.lower), max(p.upper, old.upper)
    if widened:
        wide.set_parameter_constraints([])
    adapter._search_space, adapter._model_space = space, wide


def transform_names(adapter: Any) -> list[str]:
    """List the names of an adapter's transforms, also of those that are not made yet."""
    return [transform.__name__ for transform in read(adapter, "_raw_transforms")]


def transform_configs(adapter: Any) -> Mapping[str, Any]:
    """Return the configs of an adapter's transforms, by name."""
    return read(adapter, "_transform_configs") or {}


def arms_by_signature(adapter: Any) -> Mapping[str, Any]:
    """Return the arms that an adapter's experiment has now."""
    return read(adapter, "_arms_by_signature") or {}


def transform_configs_of_run(run: Any) -> Mapping[str, Any]:
    """Return the configs of the transforms by which a generator run was made, by name; none where Ax kept none."""
    keywords = getattr(run, "_adapter_kwargs", None) or getattr(run, "_bridge_kwargs", None) or {}
    return keywords.get("transform_configs") or {}


def use_training_data(adapter: Any, in_design: Sequence[bool]) -> None:
    """Tell an adapter which rows of its training data count, where Ax has a name of its own for that."""
    read(adapter, "_training_in_design_idx")
    adapter._training_in_design_idx = list(in_design)


def arms_to_avoid(adapter: Any) -> Mapping[str, Any]:
    """Return the arms, by signature, that Ax does not propose again where it proposes none twice."""
    return getattr(experiment_of(adapter), "arms_by_signature_for_deduplication", None) or arms_by_signature(adapter)


def experiment_of(adapter: Any) -> Experiment | None:
    """Return an adapter's experiment; None before Ax 0.5, whose model bridges do not know it."""
    return getattr(adapter, "_experiment", None)


def surrogate_of(generator: Any) -> Any:
    """Return modular BoTorch's surrogate, None before the first fit."""
    return read(generator, "_surrogate")


def use_surrogate(generator: Any, surrogate: Any) -> None:
    """Let a generator fit another surrogate than its own."""
    read(generator, "_surrogate")
    generator._surrogate = surrogate


def untransformed(transform: Any, data: Sequence[Any]) -> list[Any]:
    """Undo what a transform did to outcomes, without the features that they belong to."""
    return read(transform, "_untransform_observation_data")(list(data))


def client_experiment(client: Any) -> Any:
    """Return the experiment of a `Client`, None if it has none yet."""
    return read(client, "_maybe_experiment")


def client_strategy(client: Any) -> Any:
    """Return the generation strategy of a `Client`, None if it has none yet."""
    return read(client, "_maybe_generation_strategy")
