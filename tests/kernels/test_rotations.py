"""Kernels of points that may be turned together: against the mean over the circle, by Bessel functions and by many
angles written out.

One-line bugs that turn this file red: points turned about the corner; two units in one pair; two lengthscales in one
pair; fewer angles than are needed; every second angle counted twice, or half-way round left out; a shift that is not
divided out before; the batch of hyperparameters and the angles taken for one another; another sense of rotation under a
mirror.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, SymmetryError, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from botorch.models import SingleTaskGP
from botorch.models.transforms.input import Normalize
from gpytorch.kernels import ProductKernel, RBFKernel
from scipy.special import iv
from support import IDENTITY, add_trial, experiment, fast_optimizer, features, float_range, space

TURNED = 1e-8
"""What is asked of the default."""
PAIRS = [["x1", "y1"], ["x2", "y2"], ["x3", "y3"]]
NAMES = ["x1", "y1", "p1", "x2", "y2", "p2", "x3", "y3", "p3"]
SITES = {"blocks": [[*pair, f"p{i}"] for i, pair in enumerate(PAIRS, 1)]}
ROTATE = {"rotate": {"pairs": PAIRS, "center": [0.5, 0.4]}}
ALONG = {"shift": [["x1", "x2", "x3"], ["y1", "y2", "y3"]]}
CONFIGS: dict[str, Any] = {
    "alone": ROTATE,
    "with blocks": {**SITES, **ROTATE},
    "with a mirror": {**SITES, **ROTATE, "mirror": {f"y{i}": 0.4 for i in (1, 2, 3)}},
    "with shifts": {**SITES, **ROTATE, **ALONG},
    "with empty sites": {**SITES, **ROTATE, **ALONG, "absent": {"p1": 0.0}},
}


def rows(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(NAMES))))


def turned(x: torch.Tensor, angle: Any, center: complex = 0.5 + 0.4j) -> torch.Tensor:
    """Turn all sites of rows, each row by its angle."""
    y = x.clone()
    points = x[:, [0, 3, 6]].numpy() + 1j * x[:, [1, 4, 7]].numpy() - center
    points = center + points * np.exp(1j * np.asarray(angle)).reshape(-1, 1)
    y[:, [0, 3, 6]], y[:, [1, 4, 7]] = torch.from_numpy(points.real), torch.from_numpy(points.imag)
    return y


def moved(name: str, x: torch.Tensor) -> torch.Tensor:
    """Move rows by a random element each."""
    rng, config = np.random.default_rng(3), CONFIGS[name]
    y = turned(x, rng.uniform(0, 2 * np.pi, len(x)))
    if "shift" in config:
        y[:, [0, 3, 6]] += torch.from_numpy(rng.normal(size=(len(x), 1)))
        y[:, [1, 4, 7]] += torch.from_numpy(rng.normal(size=(len(x), 1)))
    if "mirror" in config:
        y[:, [1, 4, 7]] = 0.8 - y[:, [1, 4, 7]]
    return y[:, [3, 4, 5, 6, 7, 8, 0, 1, 2]] if "blocks" in config else y


def test_one_point_by_bessel_functions() -> None:
    """The mean of exp(r r' cos(angle) / l^2) over the circle is I_0(r r' / l^2)."""
    config = {"rotate": {"pairs": [["x", "y"]], "center": [0, 0]}}
    kernel = InvariantKernel(config, ["x", "y"], normalize=False).double()
    x = torch.tensor([[0.3, 0.4], [-1.0, 0.2], [0.0, 0.0], [1.5, -2.0]]).double()
    for length in (0.2, 0.7, 3.0):
        kernel.base_kernel.lengthscale = torch.full((1, 2), length).double()
        r = x.norm(dim=-1).numpy() / length
        wanted = np.exp(-(r[:, None] ** 2 + r**2) / 2) * iv(0, np.outer(r, r))
        np.testing.assert_allclose(kernel(x).to_dense().detach(), wanted, atol=1e-9)


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("name", ["alone", "with blocks"])
def test_the_mean_over_many_angles(name: str, base: str) -> None:
    config, x = CONFIGS[name], rows(3)
    kernel = InvariantKernel(config, NAMES, base, normalize=False).double()
    finite = {**SITES} if "blocks" in config else {"blocks": [["q"], ["r"]]}
    plain = InvariantKernel(finite, NAMES if "blocks" in config else [*NAMES, "q", "r"], base, normalize=False).double()
    lengths = {"x": 0.9, "y": 0.9, "p": 0.5}
    kernel.base_kernel.lengthscale = torch.tensor([[lengths[n[0]] for n in NAMES]]).double()
    if "blocks" in config:
        plain.base_kernel.lengthscale = kernel.base_kernel.lengthscale.detach()
        entries = [plain(x, turned(x, [angle] * 3)).to_dense() for angle in np.arange(400) * 2 * np.pi / 400]
    else:
        entries = [kernel.base_kernel(x, turned(x, [angle] * 3)).to_dense() for angle in np.arange(400) * np.pi / 200]
    wanted = torch.stack(entries).mean(dim=0).detach()
    np.testing.assert_allclose(kernel(x).to_dense().detach(), wanted, atol=TURNED)
    np.testing.assert_allclose(kernel(x, x + 0.0, diag=True).detach(), wanted.diagonal(), atol=TURNED)


@pytest.mark.parametrize("base", ["rbf", "matern", "embedding"])
@pytest.mark.parametrize("name", CONFIGS)
def test_images_are_one_point(name: str, base: str) -> None:
    if base == "embedding" and name in ("alone", "with a mirror"):
        return  # a kernel of sets is about blocks that trade places, and nothing else
    config, x = CONFIGS[name], rows(8)
    kernel = InvariantKernel(config, NAMES, base).double()
    kernel.base_kernel.lengthscale = torch.linspace(0.3, 2.0, kernel.action.width)[None].double()
    if name == "with empty sites":
        x[:4, 5] = x[1:6, 2] = 0.0
    y, wanted = moved(name, x), kernel(x).to_dense().detach()
    for entries in (kernel(y, x), kernel(y), kernel(x, x + 0.0)):
        np.testing.assert_allclose(entries.to_dense().detach(), wanted, atol=TURNED)
    np.testing.assert_allclose(kernel(y, x, diag=True).detach(), 1.0, atol=TURNED)
    assert torch.linalg.eigvalsh(kernel(torch.cat([x, y])).to_dense()).min() > -TURNED
    assert float(kernel(x[:1], x[4:5]).to_dense().detach()) < 0.999


def test_units_of_a_pair_and_of_the_unit_cube() -> None:
    """A pair of columns in two units is turned in the units of the parameters."""
    symmetry = Symmetry({"rotate": {"pairs": [["x", "y"]], "center": [1.0, 2.0]}})
    places = {"x": ColumnPlace((0,), 0.1, 0.2, 1.0), "y": ColumnPlace((1,), 0.5, -0.3, 1.0)}
    kernel = ColumnInvariantKernel(ColumnAction.of(symmetry, places, 2)).double()
    values = torch.from_numpy(np.random.default_rng(0).random((5, 2)) * 4)
    points = torch.view_as_complex(values) - (1 + 2j)
    other = torch.view_as_real(points * np.exp(0.7j) + (1 + 2j))
    slope, offset = torch.tensor([0.1, 0.5]).double(), torch.tensor([0.2, -0.3]).double()
    wanted = kernel(slope * values + offset).to_dense().detach()
    np.testing.assert_allclose(kernel(slope * other + offset).to_dense().detach(), wanted, atol=TURNED)
    np.testing.assert_allclose(kernel(slope * other + offset, slope * values + offset).to_dense().detach(), wanted,
                               atol=TURNED)
    lower, width = torch.tensor([0.3, -2.0]).double(), torch.tensor([2.0, 0.7]).double()
    cube = ColumnInvariantKernel(ColumnAction.of(symmetry, places, 2).scaled(lower, width)).double()
    cube.base_kernel.lengthscale = kernel.base_kernel.lengthscale / width[0]
    np.testing.assert_allclose(cube((slope * other + offset - lower) / width).to_dense().detach(), wanted, atol=TURNED)
    with pytest.raises(NotAveraged, match="not linear"):
        ColumnAction.of(symmetry, {**places, "y": ColumnPlace((1,), None)}, 2)


def test_batches_of_hyperparameters_and_gradients() -> None:
    config, x = CONFIGS["with shifts"], rows(5)
    kernel = InvariantKernel(config, NAMES, batch_shape=torch.Size([2])).double()
    lengths = torch.tensor([[[0.5]], [[1.5]]]).double() * torch.ones(2, 1, 9).double()
    kernel.base_kernel.lengthscale = lengths
    both = kernel(x, x[:3] + 0.1).to_dense()
    assert both.shape == (2, 5, 3)
    for entries, length in zip(both, lengths):
        one = InvariantKernel(config, NAMES).double()
        one.base_kernel.lengthscale = length
        np.testing.assert_allclose(entries.detach(), one(x, x[:3] + 0.1).to_dense().detach(), atol=TURNED)
    one = InvariantKernel(config, NAMES).double()
    raw = one.base_kernel.raw_lengthscale.detach().clone()
    one(x).to_dense().square().sum().backward()
    gradient, steps = one.base_kernel.raw_lengthscale.grad[0], 1e-5 * torch.eye(9).double()

    def value(step: torch.Tensor) -> float:
        one.base_kernel.initialize(raw_lengthscale=raw + step)
        return float(one(x).to_dense().square().sum())

    np.testing.assert_allclose(gradient, [(value(s) - value(-s)) / 2e-5 for s in steps], atol=1e-6)


def test_a_base_kernel_must_not_change_when_pairs_are_turned() -> None:
    by_axis = ProductKernel(RBFKernel(active_dims=[0]), RBFKernel(active_dims=[1]))
    by_axis.kernels[0].lengthscale, by_axis.kernels[1].lengthscale = 0.3, 2.0
    with pytest.raises(SymmetryError, match="are turned"):
        InvariantKernel({"rotate": {"pairs": [["x", "y"]], "center": [0, 0]}}, ["x", "y"], by_axis)
    with pytest.raises(SymmetryError, match="give the center"):
        InvariantKernel({"rotate": {"pairs": [["x", "y"]]}}, ["x", "y"])


def test_what_is_not_invariant_is_not_turned() -> None:
    config, x = CONFIGS["with blocks"], rows(4)
    kernel = InvariantKernel(config, NAMES).double()
    y = moved("with blocks", x)
    base = RBFKernel(ard_num_dims=9).double()
    base.lengthscale = kernel.base_kernel.lengthscale.detach()
    wanted = 0.75 * kernel(y, x).to_dense() + 0.25 * base(y, x).to_dense()
    found = ApproximatelyInvariantKernel(kernel, asymmetry=0.25)(y, x).to_dense()
    np.testing.assert_allclose(found.detach(), wanted.detach(), rtol=IDENTITY)


def test_a_model_with_an_input_transform() -> None:
    x = rows(12)
    covar = InvariantKernel(CONFIGS["with blocks"], NAMES).double()
    model = SingleTaskGP(x, x.sum(-1, keepdim=True), covar_module=covar, input_transform=Normalize(9)).eval()
    test = rows(20, seed=3)
    one, other = (model.posterior(points).mean.detach() for points in (test, moved("with blocks", test)))
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", ["turned", "turned and shifted"])
def test_ax_learns_it(name: str) -> None:
    """Through Ax: images are predicted alike, candidates are canonical, and no two of them are one experiment."""
    pairs = [["x1", "y1"], ["x2", "y2"]]
    config: dict[str, Any] = {"blocks": pairs, "rotate": {"pairs": pairs}}
    if name == "turned and shifted":
        config["shift"] = [["x1", "x2"], ["y1", "y2"]]
    parameters = [float_range(f"{axis}{i}", *ends) for i in (1, 2) for axis, ends in (("x", (-2, 4)), ("y", (0, 3)))]
    made, rng, symmetry = experiment(space(parameters)), np.random.default_rng(0), Symmetry.from_config(config)

    def point(arms: np.ndarray) -> dict[str, float]:
        return {f"{axis}{i}": float(getattr(z, part)) for i, z in enumerate(arms, 1)
                for axis, part in (("x", "real"), ("y", "imag"))}

    def draw(share: float) -> np.ndarray:
        return (1 + 1.5j) + share * (3 * (rng.random(2) - 0.5) + 3j * (rng.random(2) - 0.5))

    for _ in range(12):
        arms = draw(0.9)
        value = -((abs(arms[0] - arms[1]) - 2) ** 2) + (0 if "shift" in config else abs(arms - (1 + 1.5j)).sum())
        add_trial(made, point(arms), {"y": (float(value), 0.05)})
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
        assert isinstance(fitted_model(adapter).covar_module, ColumnInvariantKernel)
        sets = [draw(0.6) for _ in range(50)]
        images = [(1 + 1.5j) + (arms[::-1] - (1 + 1.5j)) * np.exp(1j * rng.uniform(0, 6)) for arms in sets]
        one, other = (adapter.predict(features(map(point, arms)))[0]["y"] for arms in (sets, images))
        np.testing.assert_allclose(one, other, atol=1e-6 * np.std(one))
        arms = [arm.parameters for arm in adapter.gen(3).arms]
    keys = {tuple(round(v, 6) for v in symmetry.canonical(arm).values()) for arm in arms}
    assert len(keys) == 3
    for arm in arms:
        assert all(p.lower <= arm[p.name] <= p.upper for p in parameters)
