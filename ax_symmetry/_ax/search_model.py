"""What the search for candidates sees of the fitted model. The same on every Ax with modular BoTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from math import prod
from typing import Any

import torch
from torch import Tensor

from ax_symmetry._ax import private
from ax_symmetry.errors import SymmetryError

MOST_CHOICES = 3_000
"""The most choices of which one of each experiment is picked out; Ax compares all of them with each other."""


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


@dataclass(frozen=True)
class SearchProblem:
    """Where one call of an acquisition's `optimize` may look, as BoTorch's optimisers are told.

    Attributes:
        region: Bounds and constraints of the d columns.
        discrete: The columns that hold no numbers to be optimised.
        fixed_features: The values of columns that the user has fixed.
        inequalities: See `botorch.optim.optimize_acqf`.
        equalities: Likewise.
        rounding: Rounds rows to what experiments can be; None leaves them alone.
    """

    region: Region
    discrete: frozenset[int]
    fixed_features: Mapping[int, float]
    inequalities: list[Any] | None = None
    equalities: list[Any] | None = None
    rounding: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(cls, region: Region, discrete: Iterable[int], asked: Mapping[str, Any]) -> SearchProblem:
        """Read it off the arguments of Ax's `optimize`."""
        names = "inequality_constraints", "equality_constraints", "rounding_func"
        return cls(region, frozenset(discrete), asked.get("fixed_features") or {}, *map(asked.get, names))

    @property
    def constants(self) -> list[int]:
        """The columns that a search over numbers leaves alone."""
        return sorted(self.discrete | set(self.fixed_features))

    def fixed(self, x: Tensor) -> Tensor:
        """Give fixed columns of rows `... x D` their values."""
        x = x.clone()
        for column, value in self.fixed_features.items():
            x[..., column] = value
        return x

    def rounded(self, x: Tensor) -> Tensor:
        """Round a row `d`."""
        return x if self.rounding is None else self.rounding(x).to(x)


Refine = Callable[[Any, Tensor, Tensor, SearchProblem], "tuple[Tensor, Tensor] | None"]
"""Improves candidates `q x d`, given the acquisition function and the known rows; also returns their values, `q`."""


def all_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Show all training inputs as they are."""
    return torch.ones(len(x), dtype=torch.bool, device=x.device), x


@dataclass(frozen=True)
class SearchView:
    """A model, and the training inputs that the search is to see with it.

    Attributes:
        model: The model that stands in for the fitted one.
        rows: Of training inputs `n x d`, returns which rows are shown (a mask `n`), and what these are then.
        canonical: Of rows `n x d`, returns rows that are equal where they are one experiment; None without a symmetry.
        refine: Improves what the search has found; None leaves it alone.
    """

    model: Any
    rows: Callable[[Tensor], tuple[Tensor, Tensor]] = all_rows
    canonical: Callable[[Tensor], Tensor] | None = None
    refine: Refine | None = None

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
        view = self.view_of(keywords["surrogate"].model, region)
        if view is None:
            return self.acquisition_class(**keywords)
        acquisition = self.acquisition_class(**{**keywords, "surrogate": view.of(keywords["surrogate"])})
        if view.canonical is not None:
            acquisition.optimize = OrbitSearch(acquisition, view.canonical, view.refine, region)
        return acquisition

    def _view(self, surrogate: Any, region: Region) -> Any:
        view = self.view_of(surrogate.model, region)
        return surrogate if view is None else view.of(surrogate)


class OrbitSearch:
    """Takes the place of an acquisition's public `optimize`: Ax's own, told which choices are one experiment, refined.

    Of finitely many choices one of each new experiment is left: Ax leaves out those that have been observed, and would
    take their images for new ones.

    Args:
        acquisition: Ax's acquisition.
        canonical: See `SearchView`.
        refine: See `SearchView`.
        region: Where candidates may be.
    """

    def __init__(
        self, acquisition: Any, canonical: Callable[[Tensor], Tensor], refine: Refine | None, region: Region
    ) -> None:
        self.acquisition, self.canonical, self.refine, self.region = acquisition, canonical, refine, region

    def __call__(self, n: int, search_space_digest: Any, *args: Any, **keywords: Any) -> Any:
        """Optimise; `X_observed` are meanwhile all choices to be left out."""
        acquisition = self.acquisition
        optimize = type(acquisition).optimize
        call = signature(optimize).bind(acquisition, n, search_space_digest, *args, **keywords)
        observed = acquisition.X_observed
        given = call.arguments.get
        choices = _all_choices(search_space_digest, given("fixed_features") or {})
        try:
            if choices is not None:
                choices = choices if observed is None else choices.to(observed)
                acquisition.X_observed = self._left_out(choices, given("inequality_constraints") or [])
            found = optimize(*call.args, **call.kwargs)
        finally:
            acquisition.X_observed = observed
        if self.refine is None or choices is not None or given("candidate_set") is not None:
            return found
        problem = SearchProblem.of(self.region, search_space_digest.discrete_choices, call.arguments)
        refined = self.refine(acquisition.acqf, found[0], known_rows(acquisition), problem)
        return found if refined is None else (*refined, *found[2:])

    def _left_out(self, choices: Tensor, constraints: Sequence[Any]) -> Tensor:
        """Return the choices that are no new experiments, or the same as others before them."""
        known = [x.to(choices) for x in (self.acquisition.X_observed, self.acquisition.X_pending) if x is not None]
        inside = torch.ones(len(choices), dtype=torch.bool, device=choices.device)
        for indices, coefficients, bound in constraints:
            inside &= choices[:, indices] @ coefficients.to(choices) >= bound - 1e-8
        every = torch.cat([*known, choices[inside]])
        numbers = self.canonical(every).mul(1e9).round().unique(dim=0, return_inverse=True)[1]
        first = torch.full((len(every),), len(every), device=choices.device).scatter_reduce(
            0, numbers, torch.arange(len(every), device=choices.device), "amin"
        )
        return every[first[numbers] != torch.arange(len(every), device=choices.device)]


def _all_choices(digest: Any, fixed: Mapping[int, float]) -> Tensor | None:
    """List all rows of a search space that has finitely many, and not too many; else return None."""
    values = [[fixed[i]] if i in fixed else digest.discrete_choices.get(i) for i in range(len(digest.feature_names))]
    if any(v is None for v in values) or prod(len(v) for v in values) > MOST_CHOICES:
        return None
    return torch.cartesian_prod(*[torch.tensor(v, dtype=torch.double) for v in values]).view(-1, len(values))


def known_rows(acquisition: Any) -> Tensor:
    """Return the training inputs of an acquisition's model, `n x d`."""
    return acquisition.surrogate.training_data[0].X


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
