"""Which symmetries do the data suggest? `suggest_symmetries` tries those that the search space could have."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import torch
from ax.core.search_space import SearchSpace
from gpytorch.kernels import Kernel, RBFKernel, ScaleKernel
from scipy.special import softmax
from tqdm.auto import tqdm

from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry._ax.given import experiment_of
from ax_symmetry._ax.model_inputs import ModelInputs
from ax_symmetry.diagnostics.check_symmetry import MIN_OBSERVATIONS, SymmetryReport, fit_and_assess, fit_invariant
from ax_symmetry.diagnostics.observations import choose_metric, data_of
from ax_symmetry.diagnostics.check_symmetry import report_on
from ax_symmetry.diagnostics.evidence import Assessment, vary_by_noise_alone
from ax_symmetry.diagnostics.possible_symmetries import endless, extended, mirrors, swaps
from ax_symmetry.errors import NotAveraged, SymmetryError
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels.base_kernels import as_ard_rbf
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from ax_symmetry.models.model_columns import ModelColumns
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.symmetry.kind import Kind
from ax_symmetry.symmetry.symmetry import Symmetry

FITS_PER_SHAPE = 2
"""Models fitted per group shape and round: those that look best with the plain model's hyperparameters.

(Larger groups look worse with these than they are.)
"""
PARTS_COMBINED = 20
"""The most single parts that are tried together with others."""
MAX_SUGGESTIONS = 5
"""The most suggestions returned."""

Parts = tuple[Kind, ...]


@dataclass(frozen=True)
class Suggestion:
    """A symmetry that an experiment's data suggest; print it.

    Attributes:
        symmetry: Its dict, for `get_botorch` and other calls.
        probability: Its posterior probability among the groups that were tried and no symmetry, each of which had the
            prior probability that `suggest_symmetries` describes.
        tried: How many groups were tried.
        report: The report of `check_symmetry`.
    """

    symmetry: Mapping[str, Any]
    probability: float
    tried: int
    report: SymmetryReport

    def __str__(self) -> str:
        symmetry = Symmetry.from_config(self.symmetry)
        images = f"{symmetry.order:,}" if symmetry.is_finite else "infinitely many"
        return (
            f"{json.dumps(self.symmetry)}\n  {images} images; probability {self.probability:.2f}, among {self.tried} "
            f"groups that were tried and none.\n{self.report}"
        )


def suggest_symmetries(experiment_or_adapter: Any, *, metric: str | None = None) -> list[Suggestion]:
    """Rank the symmetries that an experiment's data suggest, of all that its search space could have.

    Tried are blocks of parameters with equal domains that trade places in every way, mirrors of single parameters about
    the middle of their domains, common factors of ranges on a log scale, common shifts of ranges with equal domains,
    periods that go into a range once to four times, and combinations of these. Each is first assessed with the
    hyperparameters of Ax's own model. For the best ones the invariant kernel is fitted, and log marginal likelihoods
    are compared. The more hypotheses there are, the more likely one of them fits by chance. So the prior probability of
    no symmetry is that of all groups together; it is divided evenly among the kinds (blocks of one slot, of two, ...,
    mirrors, factors, shifts, periods), and within a kind among the groups that were tried. A symmetry that
    `check_symmetry` calls contradicted is not suggested.

    A function that hardly depends on a parameter says little about its symmetry. With 60 observations of three to six
    parameters the group is found in most cases (`benchmarks/README.md`, with figures).

    Cost: a fit to n observations for each of ten to forty groups, and O(n^3) for each of up to some hundreds. A
    progress bar shows the fits.

    Args:
        experiment_or_adapter: An experiment with data, or a client that has one; from Ax 0.5 on also an adapter.
        metric: The metric to look at; the objective's by default.

    Returns:
        The suggestions, the most probable first; none if no group is more probable than no symmetry, or if the outcomes
        are few, equal, or differ by no more than their noise.

    Raises:
        SymmetryError: The metric is unknown or has no data, or there is no experiment.
    """
    experiment = experiment_of(experiment_or_adapter, "experiment_or_adapter")
    metric = choose_metric(experiment, metric)
    table = data_of(experiment, metric)
    if table["arm_name"].nunique() < MIN_OBSERVATIONS or vary_by_noise_alone(table["mean"], table["sem"] ** 2):
        return []
    plain, adapter = fit_and_assess(experiment, table)
    fits: dict[Parts, Assessment] = {}
    with tqdm(desc="Groups", unit="fit", leave=False) as progress:

        def gain(parts: Parts) -> float:
            """Fit the invariant kernel."""
            progress.update()
            fits[parts], _ = fit_invariant(experiment, table, Symmetry(parts))
            return fits[parts].log_likelihood - plain.log_likelihood

        glance = QuickLikelihood(adapter, experiment.search_space)
        gains, glances = search(experiment.search_space, glance, gain)
    scores = log_odds(gains, glances)
    ranked = sorted(gains, key=scores.__getitem__, reverse=True)
    weights = softmax([*(scores[parts] for parts in ranked), 0.0])
    suggestions: list[Suggestion] = []
    for parts, weight in zip(ranked, weights):
        if scores[parts] > 0 and len(suggestions) < MAX_SUGGESTIONS:
            symmetry = Symmetry(parts)
            report = report_on(experiment, symmetry, metric, (plain, fits[parts]))
            if report.verdict != "contradicted" and not report.says_nothing:
                suggestions.append(Suggestion(symmetry.to_config(), float(weight), len(glances), report))
    return suggestions


class QuickLikelihood:
    """The gain in log marginal likelihood by a group, with the hyperparameters of the plain model.

    Args:
        adapter: An adapter (model bridge) of the plain model.
        search_space: The search space.
    """

    def __init__(self, adapter: Any, search_space: SearchSpace) -> None:
        self.adapter, self.space = adapter, search_space
        self.model = deepcopy(fitted_model(adapter)).train()
        self.plain = self._log_likelihood()
        self.kernel, self.inputs = self.model.covar_module, getattr(self.model, "input_transform", None)
        if self.inputs is not None:
            del self.model.input_transform

    def __call__(self, parts: Parts) -> float:
        symmetry = Symmetry(parts)
        columns = ModelColumns(ParameterEncoding(symmetry, self.space), self.space, ModelInputs(self.adapter))
        try:
            action = columns.action()
        except NotAveraged:
            return -np.inf
        kernel = AveragedKernel(self.kernel, action, self.inputs, normalize=True)
        self.model.covar_module = kernel if symmetry.is_finite else self._of_quotient(action)
        return self._log_likelihood() - self.plain

    def _of_quotient(self, action: ColumnAction) -> Kernel:
        """Make the kernel of what is left when an infinite group is divided out, with the plain lengthscales.

        A kernel that has none, or an input transform, is not looked through: then the group looks as good as none.
        """
        form = as_ard_rbf(self.kernel, torch.arange(action.width))
        if form is None or self.inputs is not None:
            return self.kernel
        scale, inverse = form
        circles = [] if action.circles is None else action.circles.columns
        base = RBFKernel(ard_num_dims=action.action.width + len(circles)).to(inverse)
        base.lengthscale = torch.cat([inverse, inverse[..., circles]], dim=-1).rsqrt()
        whole = base if scale is None else ScaleKernel(base)
        if scale is not None:
            whole.outputscale = scale
        return ColumnInvariantKernel(action, whole)

    def _log_likelihood(self) -> float:
        x = self.model.train_inputs
        with torch.no_grad():
            return float(self.model.likelihood(self.model(*x), *x).log_prob(self.model.train_targets))


def search(
    space: SearchSpace, glance: Callable[[Parts], float], gain: Callable[[Parts], float]
) -> tuple[dict[Parts, float], dict[Parts, float]]:
    """Try single parts, then larger groups made of the best, as long as that helps.

    Args:
        space: The search space.
        glance: Estimates the gain by a group without a fit.
        gain: Fits a model and returns the gain.

    Returns:
        The gains of the groups for which a model was fitted, and the glances of all that were tried.
    """
    gains: dict[Parts, float] = {}
    singles = [*mirrors(space), *swaps(space), *endless(space)]
    glances: dict[Parts, float] = {(part,): glance((part,)) for part in singles}
    while True:
        fresh: list[Parts] = []
        for shape in dict.fromkeys(map(_shape, glances)):
            waiting = [parts for parts in glances if _shape(parts) == shape and parts not in gains]
            fresh += sorted(waiting, key=glances.__getitem__, reverse=True)[:FITS_PER_SHAPE]
        gains.update((parts, gain(parts)) for parts in fresh)
        scores = log_odds(gains, glances)
        if all(scores[parts] <= 0 for parts in fresh):
            return gains, glances
        leader = max(scores, key=scores.__getitem__)
        glances.update((parts, glance(parts)) for parts in _larger(space, leader, gains, glances))


def _larger(
    space: SearchSpace, leader: Parts, gains: Mapping[Parts, float], glances: Mapping[Parts, float]
) -> list[Parts]:
    """List groups not tried yet: swaps that gained with one more block, and the leader with one more part."""
    single = [parts for parts in glances if len(parts) == 1]
    larger: list[Parts] = [
        (part,)
        for (swap,) in single
        if swap.symmetric_blocks and gains.get((swap,), 0.0) > 0
        for part in extended(swap.symmetric_blocks, space)
    ]
    for (part,) in sorted(single, key=glances.__getitem__, reverse=True)[:PARTS_COMBINED]:
        if _adds_to(leader, part):
            larger.append((*leader, part))
    return [parts for parts in dict.fromkeys(larger) if parts not in glances]


def log_odds(gains: Mapping[Parts, float], tried: Iterable[Parts]) -> dict[Parts, float]:
    """Return for each group the log odds against none; see `suggest_symmetries` for the prior odds."""
    counts = Counter(_kind(part) for part, *others in tried if not others)
    return {
        parts: gain - sum(log(len(counts) * counts[_kind(part)]) for part in parts) for parts, gain in gains.items()
    }


def _kind(part: Kind) -> tuple[str, int]:
    """Return the key of a part, and the number of slots of blocks that trade places."""
    return part.KEYS[0], len(part.symmetric_blocks[0]) if part.symmetric_blocks else 0


def _shape(parts: Parts) -> tuple[tuple[tuple[str, int], int], ...]:
    """Return for every part its kind, and the number of parameters that it moves, if the group is finite."""
    return tuple(sorted((_kind(part), len(part.parameters) if part.is_finite else 0) for part in parts))


def _adds_to(parts: Parts, part: Kind) -> bool:
    """Tell whether a part moves other blocks than those before, mirrors what was not mirrored, or moves others so."""
    try:
        together = Symmetry((*parts, part))
    except SymmetryError:
        return False
    if part.symmetric_blocks or not part.is_finite:
        rivals = [other for other in parts if other.KEYS == part.KEYS]
        return not any(set(other.parameters) & set(part.parameters) for other in rivals)
    return together.action.order > Symmetry(parts).action.order
