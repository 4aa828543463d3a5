"""The search of generators of Ax up to 1.0 that are not modular: choices are numbers there, which are rounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ax.modelbridge.transforms.one_hot import OH_PARAM_INFIX
from ax.models.torch.botorch_defaults import scipy_optimizer
from torch import Tensor

from ax_symmetry._ax.search_model import Refine, Region, SearchProblem, SearchView, ViewOf, region_of

RELAXED_STEPS = 60
"""The most steps of L-BFGS from one start where choices are columns between 0 and 1, one for each value."""


class RelaxedSearch:
    """Takes the place of the public `gen` of a generator that is not modular: another model while it runs.

    Args:
        generator: Ax's generator.
        view_of: Makes the view of its model.
    """

    def __init__(self, generator: Any, view_of: ViewOf) -> None:
        self.generator, self.view_of = generator, view_of

    def __call__(self, **keywords: Any) -> Any:
        """Generate candidates."""
        generator, digest, config = self.generator, keywords["search_space_digest"], keywords["torch_opt_config"]
        model, inputs, optimizer = generator.model, generator.Xs, generator.acqf_optimizer
        region = region_of(digest, config)
        choices = {i for i, name in enumerate(digest.feature_names) if OH_PARAM_INFIX in name}
        if choices and optimizer is scipy_optimizer:
            keywords["torch_opt_config"] = _with_few_steps(config)
        view = self.view_of(model, region) or SearchView(model)
        try:
            generator.model, generator.Xs = view.model, [view.rows(x)[1] for x in inputs]
            if view.refine is not None:
                generator.acqf_optimizer = _Refined(optimizer, view.refine, generator.Xs[0], region, frozenset(choices))
            return type(generator).gen(generator, **keywords)
        finally:
            generator.model, generator.Xs, generator.acqf_optimizer = model, inputs, optimizer


@dataclass(frozen=True)
class _Refined:
    """Takes the place of a generator's public `acqf_optimizer`: its own, and what it finds is refined.

    Attributes:
        optimizer: The generator's own.
        refine: See `SearchView`.
        known: The training inputs.
        region: Where candidates may be.
        choices: The columns that are one value of a choice each.
    """

    optimizer: Any
    refine: Refine
    known: Tensor
    region: Region
    choices: frozenset[int]

    def __call__(self, acq_function: Any, *args: Any, **keywords: Any) -> Any:
        """Optimise an acquisition function."""
        candidates, values = self.optimizer(acq_function, *args, **keywords)
        problem = SearchProblem.of(self.region, self.choices, keywords)
        return self.refine(acq_function, candidates, self.known, problem) or (candidates, values)


def _with_few_steps(config: Any) -> Any:
    """Return a config of `gen` by which a search over relaxed choices takes few steps; a user's own limit stays.

    What such a search finds is rounded to choices, and after these steps it loses in the rounding what it still gains:
    `python benchmarks/steps.py`.
    """
    given = config.model_gen_options or {}
    optimizer = given.get("optimizer_kwargs") or {}
    options = {"maxiter": RELAXED_STEPS, **(optimizer.get("options") or {})}
    return replace(config, model_gen_options={**given, "optimizer_kwargs": {**optimizer, "options": options}})
