"""The posterior as a search sees it, against GPyTorch's own of the same model.

One-line bugs that turn this file red: take the variance of the training rows twice; forget what the training data take
off the covariance; take rows for the baseline wherever they are, if one restart has them, or if nothing follows them;
take variables that were evaluated last for a baseline; answer for training data that have changed; keep the posterior
of another baseline; scale the deviations of a candidate alone, not of the baseline; give it another's variance.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels.averaged import AveragedKernel
from ax_symmetry.kernels import InvariantKernel
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.search.averaged_model import average_model, search_model
from ax_symmetry.search.posterior import BaselinePosterior, SearchPosterior
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.transforms import Normalize, Standardize
from botorch.sampling import IIDNormalSampler
from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel

NAMES = ["a0", "b0", "a1", "b1", "a2", "b2"]
PAIRS: dict[str, Any] = {"blocks": [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]}
MIRRORED = {**PAIRS, "mirror": {"a0": 0.5}}
SIMPLEX = {"blocks": [["a0"], ["a1"], ["a2"]], "simplex": {"parameters": ["a0", "a1", "a2"], "total": 1.0}}


def rows(n: int, seed: int = 0, d: int = len(NAMES)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, d)))


def kernels() -> dict[str, AveragedKernel]:
    action = action_on_features(Symmetry.from_config(PAIRS), NAMES)
    return {
        "k_G": AveragedKernel(ScaleKernel(RBFKernel(ard_num_dims=6)), action),
        "normalized": InvariantKernel(PAIRS, NAMES),
        "mirrored": InvariantKernel(MIRRORED, NAMES),
        "matern": InvariantKernel(PAIRS, NAMES, ScaleKernel(MaternKernel(ard_num_dims=6))),
        "product of maternes": InvariantKernel(MIRRORED, NAMES, "matern"),
        "implied": InvariantKernel(SIMPLEX, ["a0", "b0", "a1", "b1", "b2", "z"]),
        "both sides": AveragedKernel(RBFKernel(), action, double_sum=True),
    }


def model_of(kernel: AveragedKernel, noise: bool = True, **transforms: Any) -> SingleTaskGP:
    x = rows(7)
    variance = torch.full((7, 1), 0.1).double() if noise else None
    model = SingleTaskGP(x, x.prod(-1, keepdim=True).sqrt(), variance, covar_module=kernel,
                         outcome_transform=transforms.pop("outcome_transform", None), **transforms).double()
    model.mean_module.constant.data.fill_(0.3)
    return model.requires_grad_(False).eval()


def moments(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    posterior = model.posterior(x)
    return posterior.mean, posterior.distribution.covariance_matrix


@pytest.fixture
def baselines(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List for every posterior of candidates how many rows were taken for the baseline."""
    found, own = [], SearchPosterior._of_candidates

    def spy(posterior: SearchPosterior, x: torch.Tensor, baseline: BaselinePosterior) -> Any:
        found.append(len(baseline.mean))
        return own(posterior, x, baseline)

    monkeypatch.setattr(SearchPosterior, "_of_candidates", spy)
    return found


def candidates(q: int, shared: torch.Tensor, seed: int = 1, b: int = 4) -> torch.Tensor:
    return torch.cat([shared.expand(b, -1, -1), rows(b * q, seed).view(b, q, len(NAMES))], dim=1)


@pytest.mark.parametrize("transforms", ["none", "both"])
@pytest.mark.parametrize("noise", ["known", "inferred"])
@pytest.mark.parametrize("kind", kernels())
def test_it_is_the_posterior_of_the_model(baselines: list[int], kind: str, noise: str, transforms: str) -> None:
    made = {} if transforms == "none" else {"input_transform": Normalize(6), "outcome_transform": Standardize(1)}
    usual = model_of(kernels()[kind], noise == "known", **made)
    ours = search_model(usual)
    baseline = rows(3)
    for model in (usual, ours):
        model.posterior(baseline)
    for q, seed in ((1, 1), (1, 2), (2, 3)):
        x = candidates(q, baseline, seed).requires_grad_()
        points = x + 0.0  # as concatenated rows are no leaf of the graph
        (mean, covariance), (wanted_mean, wanted) = moments(ours, points), moments(usual, points)
        assert torch.allclose(mean, wanted_mean, rtol=0, atol=1e-9 if kind != "matern" else 1e-7)
        assert torch.allclose(covariance, wanted, rtol=0, atol=1e-9 if kind != "matern" else 1e-7)
        weights = torch.rand(covariance.shape, generator=torch.Generator().manual_seed(0), dtype=torch.double)
        gradients = [torch.autograd.grad((m * weights[..., :1]).sum() + (c * weights).sum(), x, retain_graph=True)[0]
                     for m, c in ((mean, covariance), (wanted_mean, wanted))]
        assert torch.allclose(*(g[:, 3:] for g in gradients), rtol=0, atol=1e-8 if kind != "matern" else 1e-6)
    assert baselines == [3] * 3


def test_of_an_averaged_model(baselines: list[int]) -> None:
    """Its deviations are those of the base kernel's prior variance, of candidates and of the baseline."""
    action = action_on_features(Symmetry.from_config(PAIRS), NAMES)
    x, y = action(rows(4, seed=6)).flatten(0, 1), rows(4, seed=7)[:, :1].repeat_interleave(6, dim=0)
    ours = average_model(SingleTaskGP(x, y, torch.full_like(y, 0.06), outcome_transform=None), action)
    usual = deepcopy(ours)
    baseline = usual.train_inputs[0][:3]
    points = candidates(2, baseline).requires_grad_()
    wanted_mean, wanted = (torch.stack(parts) for parts in zip(*(moments(usual, one) for one in points)))
    ours.posterior(baseline)
    mean, covariance = moments(ours, points + 0.0)
    assert torch.allclose(mean, wanted_mean, rtol=0, atol=1e-9)
    assert torch.allclose(covariance, wanted, rtol=0, atol=1e-9)
    gradients = [torch.autograd.grad((c * c).sum(), points)[0][:, 3:] for c in (covariance, wanted)]
    assert torch.allclose(*gradients, rtol=0, atol=1e-8)
    assert baselines == [3]


def test_a_baseline_is_told_by_its_position(baselines: list[int]) -> None:
    """Candidates alone, the baseline in between or in one restart alone, and the baseline alone are no baseline."""
    usual = model_of(kernels()["normalized"])
    ours, baseline, alone = search_model(usual), rows(2), rows(8, seed=3).view(4, 2, -1)
    for model in (usual, ours):
        model.posterior(baseline)
    expanded = baseline.expand(4, -1, -1)
    between = torch.cat([expanded[:, :1], alone[:, :1], expanded[:, 1:], alone[:, 1:]], dim=1)
    in_one = torch.cat([torch.cat([expanded[:1], alone[1:]]), alone], dim=1)
    for x in (alone, between, in_one, expanded, torch.cat([expanded, alone], dim=1)):
        for one, other in zip(moments(ours, x), moments(usual, x)):
            assert torch.allclose(one, other, rtol=0, atol=1e-9)
    assert baselines == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("place", ["new", "measured"])
@pytest.mark.parametrize("q", [1, 2])
def test_variables_that_meet_keep_their_gradient(q: int, place: str) -> None:
    """As candidates of all restarts in a corner, perhaps a measured one, with a second candidate that differs."""
    usual = model_of(kernels()["normalized"])
    ours = search_model(usual)
    baseline = rows(3)
    start = (rows(1, seed=9) if place == "new" else rows(7)[5:6]).expand(3, 1, -1).clone().requires_grad_()
    own = rows(3 * q - 3, seed=4).view(3, q - 1, len(NAMES))
    gradients = []
    for model in (usual, ours):
        model.posterior(baseline)
        with torch.no_grad():  # as a search looks for where to start, and evaluates where it ended
            model.posterior(candidates(q, baseline, b=5)).mean
            model.posterior(torch.cat([baseline.expand(3, 3, -1), start, own], dim=1)).mean
        x = torch.cat([baseline.expand(3, 3, -1), start, own], dim=1)
        mean, covariance = moments(model, x)
        gradients.append(torch.autograd.grad(mean.sum() + covariance.sum(), start)[0])
    assert gradients[1].abs().min() > 0
    assert torch.allclose(*gradients, rtol=0, atol=1e-9)


@pytest.mark.parametrize("restarts", [1, 3])
def test_variables_that_were_evaluated_last_keep_their_gradient(restarts: int) -> None:
    """A search may start where a posterior was just looked at: the last rows are a baseline only before others."""
    usual = model_of(kernels()["normalized"])
    ours = search_model(usual)
    start, gradients = rows(2, seed=9), []
    for model in (usual, ours):
        for n in (1, 2):
            model.posterior(start[:n])
            x = start.expand(restarts, -1, -1).clone().requires_grad_()
            mean, covariance = moments(model, x)
            gradients.append(torch.autograd.grad(mean.sum() + covariance.sum(), x)[0])
    assert gradients[0].abs().min() > 0
    for n in (0, 1):
        assert torch.allclose(gradients[n], gradients[2 + n], rtol=0, atol=1e-9)


def test_other_rows_are_another_baseline(baselines: list[int]) -> None:
    usual = model_of(kernels()["k_G"])
    ours = search_model(usual)
    for seed in (0, 5, 0, 6):
        for model in (usual, ours):
            model.posterior(rows(3, seed))
        x = candidates(1, rows(3, seed))
        for one, other in zip(moments(ours, x), moments(usual, x)):
            assert torch.allclose(one, other, rtol=0, atol=1e-9)
    assert baselines == [3] * 4


def test_a_baseline_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, made, own = search_model(model_of(kernels()["k_G"])), [], SearchPosterior._evaluate
    monkeypatch.setattr(SearchPosterior, "_evaluate", lambda self, x: (made.append(len(x)), own(self, x))[1])
    ours.posterior(rows(3))
    for seed in range(4):
        ours.posterior(candidates(1, rows(3), seed))
    assert made == [3]


def test_other_training_data(baselines: list[int]) -> None:
    """Fantasies of a knowledge gradient, new targets, training mode."""
    usual = model_of(kernels()["normalized"])
    ours = search_model(usual)
    x = candidates(1, rows(3))
    for model in (usual, ours):
        model.posterior(rows(3))
        model.posterior(x).mean
    fantasies = [model.fantasize(rows(2, seed=8), IIDNormalSampler(torch.Size([3]), seed=0), **(
        {"observation_noise": torch.full((1, 1), 0.1).double()})) for model in (usual, ours)]
    probe = rows(4, seed=9).view(4, 1, 6).unsqueeze(1)
    assert torch.allclose(*[f.posterior(probe.expand(4, 3, 1, 6)).mean for f in fantasies], atol=1e-9)
    for model in (usual, ours):
        model.set_train_data(targets=model.train_targets + 1.0)
        model.posterior(rows(3))
    assert torch.allclose(*[model.posterior(x).mean for model in (usual, ours)], rtol=0, atol=1e-9)
    assert torch.allclose(*[model.train()(rows(7)).mean for model in (usual, ours)])
    assert baselines == [3, 3]


def test_a_list_of_models(baselines: list[int]) -> None:
    usual = ModelListGP(*(model_of(kernels()[kind]) for kind in ("k_G", "mirrored")))
    ours = search_model(usual)
    for model in (usual, ours):
        model.posterior(rows(3))
    x = candidates(1, rows(3))
    assert torch.allclose(ours.posterior(x).mean, usual.posterior(x).mean, rtol=0, atol=1e-9)
    assert baselines == [3] * 2
