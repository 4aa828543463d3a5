"""What the search for candidates sees of the fitted model. The same on every Ax with modular BoTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError


@dataclass(frozen=True)
class Region:
    """Where one call of `gen` may look for candidates, in the columns of the model.

    Attributes:
        lower: The lower bounds of the d columns, `d`.
        upper: Their upper bounds, `d`.
        linear: Matrix `c x d` and bounds `c x 1` of the constraints `A x <= b`; None without any.
    """

    lower: Tensor
    upper: Tensor
    linear: tuple[Tensor, ...] | None = None

    def contains(self, x: Tensor) -> Tensor:
        """Tell which of rows `... x d` lie inside."""
        good = ((x >= self.lower.to(x) - 1e-8) & (x <= self.upper.to(x) + 1e-8)).all(dim=-1)
        if self.linear is not None:
            weights, bounds = (part.to(x) for part in self.linear)
            good &= (x @ weights.mT <= bounds.squeeze(-1) + 1e-8).all(dim=-1)
        return good


def all_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Show all training inputs as they are."""
    return torch.ones(len(x), dtype=torch.bool, device=x.device), x


@dataclass(frozen=True)
class SearchView:
    """A model, and the training inputs that the search is to see with it.

    Attributes:
        model: The model that stands in for the fitted one.
        rows: Of training inputs `n x d`, returns which rows are shown (a mask `n`), and what these are then.
    """

    model: Any
    rows: Callable[[Tensor], tuple[Tensor, Tensor]] = all_rows

    def of(self, surrogate: Any) -> Any:
        """Return a copy of a surrogate that has this model, and shows these inputs."""
        datasets = []
        for dataset in surrogate.training_data:
            mask, rows = self.rows(dataset.X)
            datasets.append(private.dataset_with(dataset, rows, mask))
        return private.surrogate_with(surrogate, self.model, datasets)


ViewOf = Callable[[Any, Region], "SearchView | None"]
"""Makes the view of a fitted model for a region; None leaves the search with the model itself."""


class SearchAcquisition:
    """Takes the place of a generator's public `acquisition_class`: Ax's own `Acquisition`, on a view of the surrogate.

    Predictions and cross-validation see the fitted model itself.

    Args:
        acquisition_class: The class that the generator had.
        view_of: Makes the view.
    """

    def __init__(self, acquisition_class: Any, view_of: ViewOf) -> None:
        self.acquisition_class, self.view_of = acquisition_class, view_of

    def __call__(self, **keywords: Any) -> Any:
        digest, config = keywords["search_space_digest"], keywords["torch_opt_config"]
        region = region_of(digest, config)
        if "surrogates" in keywords:  # before Ax 0.5
            views = {label: self._view(surrogate, region) for label, surrogate in keywords["surrogates"].items()}
            return self.acquisition_class(**{**keywords, "surrogates": views})
        if "surrogate" not in keywords:
            raise SymmetryError("this Ax is not supported yet: it hands no surrogate to its acquisition function.")
        return self.acquisition_class(**{**keywords, "surrogate": self._view(keywords["surrogate"], region)})

    def _view(self, surrogate: Any, region: Region) -> Any:
        view = self.view_of(surrogate.model, region)
        return surrogate if view is None else view.of(surrogate)


def search_with(generator: Any, view_of: ViewOf) -> None:
    """Let a generator of modular BoTorch search for candidates with another model than the fitted one."""
    given = private.read(generator, "acquisition_class")
    inner = given.acquisition_class if isinstance(given, SearchAcquisition) else given
    generator.acquisition_class = SearchAcquisition(inner, view_of)


def region_of(digest: Any, config: Any) -> Region:
    """Read off Ax's search space digest and optimisation config where a call of `gen` may look for candidates."""
    lower, upper = torch.tensor(digest.bounds, dtype=torch.double).T
    linear = [] if config.linear_constraints is None else [config.linear_constraints]
    if getattr(config, "equality_constraints", None) is not None:  # from Ax 1.3 on
        weights, bounds = config.equality_constraints
        linear += [(weights, bounds), (-weights, -bounds)]
    joined = tuple(torch.cat(parts) for parts in zip(*linear)) if linear else None
    return Region(lower, upper, joined)
