"""Kernels from which a common factor or number is divided out: against the best alignment, found by hand, and sums over
permutations written out.

One-line bugs that turn this file red: equal weights in place of 1 / lengthscale^2; exponents left out of the
projection; a logarithm not taken, or taken twice; the units of the unit cube forgotten; two directions divided out one
after the other without regard to each other; a mirror that is not about the center; blocks that are absent counted in
the mean; weights kept from before a fit.
"""

from __future__ import annotations

from itertools import permutations
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
from botorch.models.transforms.input import Log10, Normalize
from gpytorch.kernels import PeriodicKernel
from support import IDENTITY, add_trial, experiment, fast_optimizer, features, float_range, space

NAMES = ["a1", "b1", "a2", "b2", "a3", "b3", "z"]
BLOCKS = {"blocks": [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]}
SIZES = {"scale": ["a1", "a2", "a3"]}
CONFIGS: dict[str, Any] = {
    "scale": SIZES,
    "exponents": {"scale": {"a1": 1, "b2": -2, "z": 0.5}},
    "two that overlap": {"scale": [["a1", "a2"], {"a2": 1, "z": 2}]},
    "shift": {"shift": {"b1": 1, "b2": 1, "b3": 1}},
    "blocks, scale and shift": {**BLOCKS, "scale": {"a1": 1, "a2": 1, "a3": 1, "z": 2}, "shift": ["b1", "b2", "b3"]},
    "a scale for each block": {**BLOCKS, "scale": [{f"a{i}": 1, f"b{i}": -1} for i in (1, 2, 3)]},
}
LENGTHS = {"a": 0.8, "b": 1.7, "z": 0.4}


def lengths(config: Any) -> np.ndarray:
    alike = "blocks" in config
    return np.asarray([LENGTHS[n[0]] * (1.0 if alike else 1 + 0.1 * i) for i, n in enumerate(NAMES)])


def rows(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(NAMES))) + 0.1)


def kernel_of(config: Any, base: str = "rbf", **options: Any) -> InvariantKernel:
    kernel = InvariantKernel(config, NAMES, base, **options).double()
    kernel.base_kernel.lengthscale = torch.from_numpy(lengths(config))[None]
    return kernel


def span_of(config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions, and which columns are on a log scale, by reading the dict here."""
    span, logs = [], np.zeros(len(NAMES), dtype=bool)
    for key in ("scale", "shift"):
        given = config.get(key, [])
        parts = given if isinstance(given, list) and not (given and isinstance(given[0], str)) else [given]
        for part in parts:
            weights = part if isinstance(part, dict) else dict.fromkeys(part, 1)
            span.append([weights.get(name, 0.0) for name in NAMES])
            logs |= np.asarray([key == "scale" and name in weights for name in NAMES])
    return np.asarray(span), logs


def orders(config: Any) -> list[list[int]]:
    """List where every column comes from, for all orders of the blocks."""
    if "blocks" not in config:
        return [list(range(len(NAMES)))]
    found = []
    for order in permutations((1, 2, 3)):
        source = {f"{s}{i}": f"{s}{j}" for i, j in zip((1, 2, 3), order) for s in "ab"}
        found.append([NAMES.index(source.get(name, name)) for name in NAMES])
    return found


def aligned(one: np.ndarray, other: np.ndarray, config: Any) -> float:
    """Evaluate an RBF kernel at the distance of the best alignment."""
    span, logs = span_of(config)
    gap = np.where(logs, np.log(one / other), one - other) / lengths(config)
    scaled = span / lengths(config)
    t = np.linalg.lstsq(scaled.T, gap, rcond=None)[0]
    return float(np.exp(-((gap - t @ scaled) ** 2).sum() / 2))


def moved(config: Any, x: torch.Tensor) -> torch.Tensor:
    """Move rows by a random element each."""
    rng, (span, logs) = np.random.default_rng(5), span_of(config)
    z = x.numpy()[:, orders(config)[-1]]
    t = rng.normal(size=(len(z), len(span)))
    return torch.from_numpy(np.where(logs, z * np.exp(t @ (span * logs)), z + t @ (span * ~logs)))


@pytest.mark.parametrize("name", CONFIGS)
def test_an_rbf_kernel_looks_at_the_best_alignment(name: str) -> None:
    config, x = CONFIGS[name], rows(4)
    wanted = [
        [np.mean([aligned(a, b[order], config) for order in orders(config)]) for b in x.numpy()] for a in x.numpy()
    ]
    np.testing.assert_allclose(kernel_of(config, normalize=False)(x).to_dense().detach(), wanted, rtol=1e-9)


@pytest.mark.parametrize("name, base", [
    (name, base) for name, config in CONFIGS.items() for base in ("rbf", "matern", "embedding")
    if base != "embedding" or "blocks" in config
])
def test_images_are_one_point(name: str, base: str) -> None:
    config, x = CONFIGS[name], rows(12)
    kernel = kernel_of(config, base)
    y, wanted = moved(config, x), kernel(x).to_dense().detach()
    for entries in (kernel(y, x), kernel(y)):
        np.testing.assert_allclose(entries.to_dense().detach(), wanted, atol=1e-12)
    assert torch.linalg.eigvalsh(kernel(torch.cat([x, y])).to_dense()).min() > -IDENTITY
    np.testing.assert_allclose(kernel(y, x, diag=True).detach(), 1.0, atol=1e-12)
    assert float(kernel(x[:1], x[1:2]).to_dense()) < 0.999


def _squares(kernel: InvariantKernel, raw: torch.Tensor, x: torch.Tensor) -> float:
    kernel.base_kernel.initialize(raw_lengthscale=raw)
    return float(kernel(x, x + 0.1).to_dense().square().sum())


def test_any_base_kernel_and_the_gradient() -> None:
    """A kernel without a lengthscale of each column has equal weights, and is exactly invariant as well."""
    config, x = {**BLOCKS, **SIZES}, rows(6)
    kernel = InvariantKernel(config, NAMES, PeriodicKernel()).double()
    y = moved(config, x)
    np.testing.assert_allclose(kernel(y, x).to_dense().detach(), kernel(x).to_dense().detach(), atol=1e-12)
    kernel = kernel_of(config, normalize=True)
    raw = kernel.base_kernel.raw_lengthscale.detach().clone()
    kernel(x, x + 0.1).to_dense().square().sum().backward()
    steps = 1e-6 * torch.eye(7).double()
    found = [_squares(kernel, raw + step, x) - _squares(kernel, raw - step, x) for step in steps]
    np.testing.assert_allclose(kernel.base_kernel.raw_lengthscale.grad[0], np.asarray(found) / 2e-6, atol=1e-6)
    kernel = kernel_of(config, normalize=True)
    far = kernel(x).to_dense().detach()
    kernel.base_kernel.lengthscale = kernel.base_kernel.lengthscale * torch.linspace(0.5, 2, 7).double()
    assert (kernel(x).to_dense() - far).abs().max() > 0.01
    kernel.freeze()
    np.testing.assert_allclose(kernel(y, x).to_dense(), kernel(x).to_dense(), atol=1e-12)


def test_the_unit_cube_is_another_unit() -> None:
    """Columns that hold logarithms, or numbers of which they are yet to be taken, are the same."""
    symmetry = Symmetry({"scale": {"a": 1, "b": 2}})
    values = torch.from_numpy(np.random.default_rng(0).random((5, 2)) * 90 + 10)
    linear = {n: ColumnPlace((i,), 0.01, -0.1, ends=(10.0, 110.0)) for i, n in enumerate("ab")}
    bent = {n: ColumnPlace((i,), None, log_slope=1 / np.log(11), ends=(10.0, 110.0)) for i, n in enumerate("ab")}
    on_line, on_log = (ColumnInvariantKernel(ColumnAction.of(symmetry, p, 2)).double() for p in (linear, bent))
    logs = (values.log() - np.log(10)) / np.log(11)
    wanted = on_log(logs).to_dense().detach()
    np.testing.assert_allclose(on_line(0.01 * values - 0.1).to_dense().detach(), wanted, atol=1e-12)
    lower, width = torch.tensor([0.5, -0.2]).double(), torch.tensor([3.0, 0.7]).double()
    cube = ColumnInvariantKernel(ColumnAction.of(symmetry, bent, 2).scaled(lower, width)).double()
    cube.base_kernel.lengthscale = on_log.base_kernel.lengthscale / width
    np.testing.assert_allclose(cube((logs - lower) / width).to_dense().detach(), wanted, atol=1e-12)
    factor = torch.tensor([3.0, 9.0]).double()
    np.testing.assert_allclose(on_log((((values * factor).log()) - np.log(10)) / np.log(11), logs).to_dense().detach(),
                               wanted, atol=1e-12)
    with pytest.raises(NotAveraged, match="bent"):
        ColumnAction.of(symmetry, {n: ColumnPlace((i,), None) for i, n in enumerate("ab")}, 2)


def test_mirrors_and_shifts() -> None:
    config = {"symmetries": [{"mirror": {"a": 3.0, "b": 3.0}}, {"shift": ["a", "b"]}]}
    kernel, x = InvariantKernel(config, ["a", "b", "c"]).double(), rows(5)[:, :3]
    y = torch.stack([7.5 - x[:, 0], 7.5 - x[:, 1], x[:, 2]], dim=-1)
    np.testing.assert_allclose(kernel(y, x).to_dense().detach(), kernel(x).to_dense().detach(), atol=1e-12)


@pytest.mark.parametrize("amounts", [(0.3, 0.6, 0.2), (0.0, 0.6, 0.2), (0.0, 0.0, 0.2), (0.0, 0.0, 0.0)])
def test_absent_blocks_do_not_count(amounts: tuple[float, ...]) -> None:
    """The mean is that of the blocks that are there, as far as they are; inert numbers change nothing to the bit."""
    config = {**BLOCKS, **SIZES, "absent": {"b1": 0.0}}
    kernel, x, others = kernel_of(config), rows(3), rows(5, seed=1)
    x[:, [1, 3, 5]] = torch.tensor(amounts).double()
    y = x.clone()
    y[:, [0, 2, 4]] *= 2.5
    y[:, [0, 2, 4]] = torch.where(x[:, [1, 3, 5]] == 0, 77.0, y[:, [0, 2, 4]])
    y = y[:, [2, 3, 4, 5, 0, 1, 6]]
    np.testing.assert_allclose(kernel(y, others).to_dense().detach(), kernel(x, others).to_dense().detach(), atol=1e-12)
    assert torch.linalg.eigvalsh(kernel(torch.cat([x, y, others])).to_dense()).min() > -IDENTITY


def test_models_with_an_input_transform() -> None:
    """`Normalize` is undone as far as is needed; a logarithm is the kernel's own business."""
    x, config = rows(12), {**BLOCKS, **SIZES}
    y = x.sum(dim=-1, keepdim=True)
    covar = InvariantKernel(config, NAMES).double()
    model = SingleTaskGP(x, y, covar_module=covar, input_transform=Normalize(7)).eval()
    test = rows(20, seed=3)
    one, other = (model.posterior(points) for points in (test, moved(config, test)))
    np.testing.assert_allclose(one.mean.detach(), other.mean.detach(), atol=1e-9)
    with pytest.raises(SymmetryError, match="Log10"):
        SingleTaskGP(x, y, covar_module=InvariantKernel(config, NAMES).double(), input_transform=Log10([0, 2, 4]))


def test_what_is_not_invariant_is_not_aligned() -> None:
    config, x = {**BLOCKS, **SIZES}, rows(4)
    kernel = kernel_of(config)
    y = moved(config, x)
    plain = InvariantKernel({"blocks": [["a", "b"], ["c", "d"]]}, list("abcdefg"), "rbf").double().base_kernel
    plain.lengthscale = torch.from_numpy(lengths(config))[None]
    logs = [torch.where(torch.tensor([n in SIZES["scale"] for n in NAMES]), z.log(), z) for z in (y, x)]
    wanted = 0.75 * kernel(y, x).to_dense() + 0.25 * plain(*logs).to_dense()
    found = ApproximatelyInvariantKernel(kernel, asymmetry=0.25)(y, x).to_dense()
    np.testing.assert_allclose(found.detach(), wanted.detach(), rtol=IDENTITY)


AX = {
    "scale": (
        {"blocks": [[f"s{i}", f"w{i}"] for i in (1, 2, 3)], "scale": ["s1", "s2", "s3"]},
        [p for i in (1, 2, 3) for p in (float_range(f"s{i}", 0.1, 100.0, log_scale=True), float_range(f"w{i}"))],
    ),
    "empty slots": (
        {
            "blocks": [[f"s{i}", f"w{i}"] for i in (1, 2, 3)], "scale": ["s1", "s2", "s3"], "absent": {"w1": 0.0},
            "simplex": {"parameters": ["w1", "w2", "w3"]},
        },
        [p for i in (1, 2, 3) for p in (float_range(f"s{i}", 0.1, 100.0, log_scale=True), float_range(f"w{i}"))][:-1],
    ),
    "layout": (
        {"symmetries": [{"blocks": [["x1", "y1"], ["x2", "y2"]]}, {"shift": ["x1", "x2"]}, {"shift": ["y1", "y2"]}]},
        [float_range(n, -5.0, 3.0) for n in ("x1", "y1", "x2", "y2")],
    ),
}


@pytest.mark.parametrize("name", AX)
def test_ax_learns_it(name: str) -> None:
    """Through Ax: images are predicted alike, candidates are canonical, and no two of them are one experiment."""
    config, parameters = AX[name]
    constraints = [({"w1": 1.0, "w2": 1.0}, 1.0)] if name == "empty slots" else []
    made, rng = experiment(space(parameters, constraints)), np.random.default_rng(0)
    symmetry = Symmetry.from_config(config)

    def draw(share: float = 1.0) -> dict[str, float]:
        point = {}
        for p in parameters:
            value = 0.5 + share * (rng.random() - 0.5)
            ends = np.log([p.lower, p.upper]) if p.log_scale else np.asarray([p.lower, p.upper])
            value = ends[0] + value * (ends[1] - ends[0])
            point[p.name] = float(np.exp(value) if p.log_scale else value)
        if constraints:
            total = point["w1"] + point["w2"]
            point |= {n: 0.0 if n == "w2" and rng.random() < 0.4 else point[n] / max(1.0, total) for n in ("w1", "w2")}
        return point

    def image(point: dict[str, float]) -> dict[str, float]:
        """Move a point by a random factor, or two random numbers, and let the first two blocks trade places."""
        t, (a, b) = rng.uniform(0.5, 2.0), rng.uniform(-1, 1, size=2)
        moved = {n: v * t if n[0] == "s" else v + a if n[0] == "x" else v + b if n[0] == "y" else v
                 for n, v in point.items()}
        swap = {"1": "2", "2": "1"}
        return {n: moved[n[0] + swap.get(n[1], n[1])] for n in moved}

    for _ in range(12):
        point = draw()
        gap = point["s1"] / point["s2"] if "s1" in point else np.exp(point["x1"] - point["x2"])
        add_trial(made, point, {"y": (float(abs(np.log(gap))), 0.05)})
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
        assert isinstance(fitted_model(adapter).covar_module, ColumnInvariantKernel)
        points = [draw(0.4) for _ in range(50)]
        one, other = (adapter.predict(features(p))[0]["y"] for p in (points, [image(p) for p in points]))
        np.testing.assert_allclose(one, other, atol=1e-6 * np.std(one))
        pending = {"y": features([image(made.trials[0].arm.parameters)])}
        arms = [arm.parameters for arm in adapter.gen(3, pending_observations=pending).arms]
    keys = {tuple(round(v, 6) for v in symmetry.canonical(arm).values()) for arm in arms}
    assert len(keys) == 3
    for arm in arms:
        for p in parameters:
            assert p.lower <= arm[p.name] <= p.upper
