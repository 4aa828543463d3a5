"""A model trained on whole orbits and its averaged counterpart, against the formulas written out with numpy.

One-line bugs that turn this file red: leave the variance of the images as it is; average the kernel over one element
too few; average with untied lengthscales; gather columns by the inverse element for a group that is not abelian; forget
the mirror images' offset; choose two rows of one orbit; leave the deviations of k_G as they are, or scale them by the
ratio of the variances; freeze the fitted model in place of its copy; take the dimensions of the base kernel's
parameters for those of the averaged kernel.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, SymmetryError, SymmetryWarning, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels import InvariantKernel
from ax_symmetry.kernels.column_action import ColumnAction
from ax_symmetry.models.model_columns import column_action
from ax_symmetry.search.averaged_model import AveragedGP, average_model, search_model
from ax_symmetry.search.row_orbits import RowOrbits
from ax_symmetry.space.encoding import ParameterEncoding
from botorch.models import KroneckerMultiTaskGP, ModelListGP, SingleTaskGP
from botorch.models.transforms import Normalize
from gpytorch.kernels import MaternKernel, RBFKernel
from support import POSTERIOR, add_trial, boolean, choice, experiment, fast_optimizer, features, fill, float_range
from support import int_range, random_points, space

PAIRS = [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]
CASES: dict[str, dict[str, Any]] = {
    "S3 on pairs": {"blocks": PAIRS},
    "C3 on pairs": {"blocks": PAIRS, "group": "cyclic"},
    "mirrors": {"mirror": [{"a1": 0.5}, {"b1": 0.5}]},
    "signed permutations": {"blocks": [["a1"], ["a2"]], "mirror": {"a1": 0.5}},
}
NAMES = [name for block in PAIRS for name in block]


def unit_action(config: Mapping[str, Any]) -> ColumnAction:
    search_space = space([float_range(n) for n in NAMES])
    return column_action(
        ParameterEncoding(Symmetry.from_config(config), search_space), NAMES, lambda points: points, {}
    )


def orbits(config: Mapping[str, Any], x: np.ndarray) -> list[np.ndarray]:
    """Return the distinct images of every row, by the declaration itself."""
    symmetry = Symmetry.from_config(config)
    images = [symmetry.orbit({n: float(v) for n, v in zip(NAMES, row)}) for row in x]
    return [
        np.array([[{**dict(zip(NAMES, row)), **image}[n] for n in NAMES] for image in of_row])
        for row, of_row in zip(x, images)
    ]


def elements(config: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    """Return all |G| images of one row, with repetitions, whatever stabilises it: as a generic row's are placed."""
    generic = np.random.default_rng(5).random(len(NAMES))
    found = []
    for image in orbits(config, generic[None])[0]:
        row = []
        for value in image:
            same, mirrored = np.abs(value - generic), np.abs(1 - value - generic)
            row.append(x[same.argmin()] if same.min() < 1e-9 else 1 - x[mirrored.argmin()])
        found.append(row)
    return np.array(found)


def rbf(x: np.ndarray, y: np.ndarray, lengthscale: float) -> np.ndarray:
    return np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * lengthscale**2))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_folded_posterior_is_that_of_the_averaged_kernel_with_normalized_deviations(case: str, ties: bool) -> None:
    config, rng = CASES[case], np.random.default_rng(1)
    x = rng.random((6, 6))
    if ties:
        x[0, [2, 3]], x[1], x[2, [0, 1]] = x[0, [0, 1]], 0.5, 0.5
    y, variance, lengthscale, mean = rng.normal(size=6), rng.uniform(0.01, 0.05, size=6), 0.4, 0.3
    images = orbits(config, x)
    sizes = [len(of_row) for of_row in images]
    rows = torch.from_numpy(np.concatenate(images))
    noise = np.repeat(variance * sizes, sizes)
    kernel = RBFKernel(ard_num_dims=6)
    model = SingleTaskGP(
        rows,
        torch.from_numpy(np.repeat(y, sizes))[:, None],
        torch.from_numpy(noise)[:, None],
        covar_module=kernel,
        outcome_transform=None,
    ).double()
    model.covar_module.lengthscale = lengthscale
    model.mean_module.initialize(constant=mean)
    model.eval()
    probes = rng.random((4, 6))
    folded = average_model(model, unit_action(config))
    assert folded.train_targets.shape == (6,)
    with torch.no_grad():
        posterior, unfolded = folded.posterior(torch.from_numpy(probes)), model.posterior(torch.from_numpy(probes))

    def averaged(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.array([[rbf(a[None], elements(config, b), lengthscale).mean() for b in v] for a in u])

    gram = averaged(x, x) + np.diag(variance)
    cross = averaged(probes, x)
    wanted_mean = mean + cross @ np.linalg.solve(gram, y - mean)
    prior = averaged(probes, probes)
    deviations = prior.diagonal() ** -0.5  # the base kernel's prior variance is 1
    wanted = (prior - cross @ np.linalg.solve(gram, cross.T)) * np.outer(deviations, deviations)
    np.testing.assert_allclose(posterior.mean.numpy()[:, 0], wanted_mean, atol=POSTERIOR)
    np.testing.assert_allclose(unfolded.mean.numpy()[:, 0], wanted_mean, atol=POSTERIOR)
    np.testing.assert_allclose(posterior.distribution.covariance_matrix.numpy(), wanted, atol=POSTERIOR)
    np.testing.assert_allclose(posterior.variance.numpy()[:, 0], np.diag(wanted), atol=POSTERIOR)


@pytest.mark.parametrize("variance", [0.0001, 0.3])
def test_an_orbit_far_from_others_keeps_the_deviations_of_the_augmented_model(variance: float) -> None:
    """Six images far apart, each with six times the variance: every prediction is about as certain as before."""
    config = CASES["S3 on pairs"]
    x, lengthscale = np.array([[0.1, 0.2, 0.5, 0.6, 0.9, 0.1]]), 0.05
    (images,) = orbits(config, x)
    model = SingleTaskGP(
        torch.from_numpy(images),
        torch.ones(6, 1, dtype=torch.double),
        torch.full((6, 1), 6 * variance, dtype=torch.double),
        covar_module=RBFKernel(ard_num_dims=6),
        outcome_transform=None,
    ).double()
    model.covar_module.lengthscale = lengthscale
    model.eval()
    folded = average_model(model, unit_action(config))
    probes = torch.from_numpy(np.concatenate([x, x + 0.02, x + 0.07, 1 - x, np.full((1, 6), 0.5)]))
    with torch.no_grad():
        one, other = model.posterior(probes), folded.posterior(probes)
    np.testing.assert_allclose(other.variance.numpy(), one.variance.numpy(), rtol=1e-6)
    np.testing.assert_allclose(other.mean.numpy(), one.mean.numpy(), atol=POSTERIOR)


@pytest.mark.parametrize("kernel", [RBFKernel, MaternKernel])
def test_columns_that_trade_places_share_a_lengthscale(kernel: Any) -> None:
    x = torch.from_numpy(np.concatenate(orbits(CASES["S3 on pairs"], np.random.default_rng(2).random((3, 6)))))
    covariances = []
    for lengthscales in ([1.0, 5.0, 2.0, 5.0, 4.0, 5.0], [2.0, 5.0] * 3):
        model = SingleTaskGP(x, x.sum(-1, keepdim=True), covar_module=kernel(ard_num_dims=6)).double()
        model.covar_module.lengthscale = torch.tensor(lengthscales).double()
        folded = average_model(model.eval(), unit_action(CASES["S3 on pairs"]))
        covariances.append(folded.covar_module(x).to_dense().detach().numpy())
        np.testing.assert_allclose(model.covar_module.lengthscale.detach().numpy()[0], lengthscales)
    np.testing.assert_allclose(*covariances, atol=1e-12)


def test_rows_that_are_no_whole_orbits_are_refused() -> None:
    x = torch.from_numpy(np.concatenate(orbits(CASES["S3 on pairs"], np.random.default_rng(2).random((3, 6)))))[:-1]
    with pytest.raises(NotAveraged, match="whole orbits"):
        average_model(SingleTaskGP(x, x.sum(-1, keepdim=True)).eval(), unit_action(CASES["S3 on pairs"]))


@pytest.mark.parametrize("gap", [1e-13, 3e-10, 1.5e-9, 1e-8, 1e-6])
def test_blocks_that_are_nearly_alike(gap: float) -> None:
    """Searches end where blocks agree but for rounding; however many images that leaves, the mean is the same."""
    rng = np.random.default_rng(7)
    x = rng.random((4, 6))
    x[0, 2:4], x[1, 4:6] = x[0, 0:2] + gap, x[1, 2:4] - gap / 3
    images = orbits(CASES["S3 on pairs"], x)
    assert [len(of_row) for of_row in images] == [6] * 4
    rows = torch.from_numpy(np.concatenate(images))
    y = torch.from_numpy(np.repeat(rng.normal(size=4), 6))[:, None]
    model = SingleTaskGP(rows, y, torch.full_like(y, 0.06), covar_module=RBFKernel(), outcome_transform=None).double()
    folded = average_model(model.eval(), unit_action(CASES["S3 on pairs"]))
    probes = torch.from_numpy(rng.random((5, 6)))
    with torch.no_grad():
        assert torch.allclose(folded.posterior(probes).mean, model.posterior(probes).mean, atol=1e-7)


@pytest.mark.parametrize("repeats", [1, 3])
def test_one_row_of_each_orbit_is_chosen_inside_if_there_is_one(repeats: int) -> None:
    action, config = unit_action(CASES["S3 on pairs"]), CASES["S3 on pairs"]
    x = np.random.default_rng(3).random((20, 6))
    rows = torch.from_numpy(np.concatenate(orbits(config, x) * repeats))
    inside = (rows[:, 0] > 0.6) & (rows[:, 2] < 0.5)
    chosen = rows[RowOrbits(action, rows).representatives(inside)].numpy()
    assert len(chosen) == 20 * repeats
    keys = {tuple(sorted(map(tuple, row.reshape(3, 2)))) for row in chosen}
    assert len(keys) == 20
    for row in chosen:
        possible = [(r[0] > 0.6) & (r[2] < 0.5) for r in orbits(config, row[None])[0]]
        assert ((row[0] > 0.6) & (row[2] < 0.5)) == any(possible)


def searched(kind: str, outcomes: int) -> Any:
    """Make a model for the search, and evaluate it as a search does."""
    draw = torch.Generator().manual_seed(0)
    x = torch.from_numpy(np.concatenate(orbits(CASES["S3 on pairs"], np.random.default_rng(2).random((3, 6)))))
    y = x.sum(-1, keepdim=True) * torch.arange(1.0, outcomes + 1)
    if kind == "augmented":
        model = SingleTaskGP(x, y)
    else:
        shape = torch.Size([outcomes] if outcomes > 1 else [])
        kernel = InvariantKernel(CASES["S3 on pairs"], NAMES, kind, batch_shape=shape)
        model = SingleTaskGP(x, y, covar_module=kernel, input_transform=Normalize(6))
    for p in model.covar_module.parameters():
        p.data += torch.rand(p.shape, generator=draw, dtype=torch.double) * 0.1
    made = average_model(model, unit_action(CASES["S3 on pairs"])) if kind == "augmented" else search_model(model)
    made.posterior(x[:2])
    assert type(made) is AveragedGP and not made.training
    return made


@pytest.mark.parametrize("outcomes", [1, 2])
@pytest.mark.parametrize("kind", ["augmented", "rbf", "matern"])
def test_models_of_the_search_can_be_copied_and_pickled(kind: str, outcomes: int) -> None:
    model = searched(kind, outcomes)
    x = torch.from_numpy(np.random.default_rng(4).random((5, 4, 6)))
    model.posterior(x[0, :2])
    x[:, :2] = x[0, :2]
    wanted = model.posterior(x)
    for other in (deepcopy(model), pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(deepcopy(model)))):
        for _ in range(2):  # the first answer of a copy is GPyTorch's
            found = other.posterior(x)
            assert torch.allclose(found.mean, wanted.mean, rtol=0, atol=1e-9)
            assert torch.allclose(found.variance, wanted.variance, rtol=0, atol=1e-9)


def test_a_model_for_the_search_leaves_the_fitted_one_alone() -> None:
    kernel = InvariantKernel(CASES["S3 on pairs"], NAMES)
    x = torch.from_numpy(np.random.default_rng(2).random((5, 6)))
    model = SingleTaskGP(x, x[:, :1], covar_module=kernel).eval()
    before = model.posterior(x[:2]).mean
    made = search_model(ModelListGP(model))
    assert not any(p.requires_grad for p in made.parameters()) and all(p.requires_grad for p in model.parameters())
    assert torch.allclose(made.posterior(x[:2]).mean, before, rtol=0, atol=1e-10)
    assert type(model) is SingleTaskGP and model.covar_module is kernel and torch.equal(model.train_inputs[0], x)


def test_outcomes_can_be_taken_out() -> None:
    model = searched("augmented", 2)
    x = torch.from_numpy(np.random.default_rng(4).random((3, 2, 6)))
    for outcome in (0, 1):
        taken = model.subset_output([outcome]).posterior(x)
        assert torch.allclose(taken.mean[..., 0], model.posterior(x).mean[..., outcome], rtol=0, atol=1e-9)
        assert torch.allclose(taken.variance[..., 0], model.posterior(x).variance[..., outcome], rtol=0, atol=1e-9)


def test_a_botorch_that_takes_out_outcomes_in_another_way_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.from_numpy(np.concatenate(orbits(CASES["S3 on pairs"], np.random.default_rng(2).random((3, 6)))))
    model = SingleTaskGP(x, x[:, :2])
    del model._subset_batch_dict
    average_model(model, unit_action(CASES["S3 on pairs"]))  # as of a kernel of which BoTorch cannot do it either
    monkeypatch.setattr(SingleTaskGP, "subset_output", lambda *_: model)
    with pytest.raises(SymmetryError, match="_subset_batch_dict"):
        average_model(model, unit_action(CASES["S3 on pairs"]))


@pytest.mark.parametrize("kind", ["KroneckerMultiTaskGP", "SingleTaskGP"])
def test_models_that_are_more_than_a_process_for_each_outcome_are_refused(kind: str) -> None:
    x = torch.from_numpy(np.concatenate(orbits(CASES["S3 on pairs"], np.random.default_rng(2).random((3, 6)))))
    batch = x.expand(2, -1, -1)
    model = KroneckerMultiTaskGP(x, x[:, :2]) if kind[0] == "K" else SingleTaskGP(batch, batch[..., :1])
    with pytest.raises(NotAveraged, match=kind):
        average_model(model, unit_action(CASES["S3 on pairs"]))


def spaces() -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Return spaces whose columns differ from their parameters, with a symmetry each."""
    blocks = [["s1", "k1"], ["s2", "k2"], ["s3", "k3"]]
    return {
        "log and integer": (
            space(
                [
                    p
                    for k in (1, 2, 3)
                    for p in (float_range(f"s{k}", 0.01, 10, log_scale=True), int_range(f"k{k}", 1, 9))
                ]
            ),
            {"blocks": blocks},
        ),
        "choices": (
            space(
                [
                    p
                    for k in (1, 2, 3)
                    for p in (choice(f"s{k}", ["r", "g", "b"], is_ordered=False), choice(f"k{k}", [1.0, 2.0, 5.0]))
                ]
                + [boolean("z")]
            ),
            {"blocks": blocks},
        ),
        "mirrored": (
            space([choice("x", [-1.0, 0.0, 1.0]), choice("y", [-1.0, 0.0, 1.0]), int_range("i", 0, 8)]),
            {"blocks": [["x"], ["y"]], "mirror": [{"x": 0.0}, {"i": 4.0}]},
        ),
        "implied": (
            space(
                [
                    float_range("f1"),
                    float_range("f2"),
                    *[float_range(f"m{k}", 1, 9, log_scale=True) for k in (1, 2, 3)],
                ],
                [({"f1": 1.0, "f2": 1.0}, 1.0)],
            ),
            {"blocks": [[f"f{k}", f"m{k}"] for k in (1, 2, 3)], "simplex": {"parameters": ["f1", "f2", "f3"]}},
        ),
    }


@pytest.mark.parametrize("metrics", [("y",), ("y", "z")])
@pytest.mark.parametrize("case", spaces())
def test_what_the_search_sees(case: str, metrics: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Through Ax's own transforms: the same mean at all images, one random variable for all of them."""
    search_space, config = spaces()[case]
    symmetry = Symmetry.from_config(config)
    made = experiment(search_space, metrics)
    for i, point in enumerate(random_points(search_space, 5)):
        add_trial(made, point, {m: (float(i % 3), 0.1) for m in metrics})
    adapter = get_botorch(made, made.lookup_data(), symmetry=config, method="augmentation")
    seen = []
    import ax_symmetry.transforms.symmetrize_observations

    def spy(model: Any, action: Any) -> Any:
        folded = average_model(model, action)
        seen.append((model, action, folded))
        return folded

    monkeypatch.setattr(ax_symmetry.transforms.symmetrize_observations, "average_model", spy)
    before = adapter.predict(features(symmetry.orbit(made.arms_by_name["0_0"].parameters)))
    with fast_optimizer():
        adapter.gen(2)
    after = adapter.predict(features(symmetry.orbit(made.arms_by_name["0_0"].parameters)))
    assert before == after  # what stands in does so for the search alone
    ((model, action, folded),) = seen
    models = zip(model.models, folded.models) if isinstance(model, ModelListGP) else [(model, folded)]
    for whole, part in models:
        whole.train()
        x = whole.train_inputs[0].reshape(-1, whole.train_inputs[0].shape[-1])[:4].clone()
        whole.eval()
        with torch.no_grad():
            images = action(x)[0]
            covariance = part.posterior(images).distribution.covariance_matrix[: len(images), : len(images)]
            assert torch.allclose(covariance, covariance.max(), rtol=1e-6)
            if case != "implied":
                means = whole.posterior(x).mean
                assert torch.allclose(part.posterior(x).mean, means, atol=1e-4 * float(means.std() + 0.1))
        assert part.train_targets.shape[-1] == 5


@pytest.mark.skipif(backend.GENERATION == "modelbridge", reason="this call fits another model there")
def test_a_model_that_cannot_be_folded_is_left_and_said() -> None:
    from ax.adapter.registry import Generators
    from ax.generators.torch.botorch_modular.surrogate import ModelConfig, SurrogateSpec
    from ax_symmetry import Canonicalize, SymmetrizeObservations
    from ax_symmetry._ax import backend
    from botorch.models.robust_relevance_pursuit_model import RobustRelevancePursuitSingleTaskGP as Robust

    config = CASES["S3 on pairs"]
    made = fill(experiment(space([float_range(n) for n in NAMES])), 4, lambda p: p["a1"] + p["a2"] + p["a3"])
    with fast_optimizer():
        adapter = Generators.BOTORCH_MODULAR(
            experiment=made,
            data=made.lookup_data(),
            transforms=[Canonicalize, SymmetrizeObservations] + backend.default_transforms(),
            transform_configs={"SymmetrizeObservations": config, "Canonicalize": config},
            surrogate_spec=SurrogateSpec(model_configs=[ModelConfig(botorch_model_class=Robust)]),
        )
        with pytest.warns(SymmetryWarning, match="another order"):
            arms = adapter.gen(2).arms
    assert len(arms) == 2
