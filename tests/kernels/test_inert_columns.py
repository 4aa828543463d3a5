"""A kernel of blocks that may be absent, against averages over permutations of rows whose inert numbers are constants.

One-line bugs that turn this file red: inert columns left as they are; a constant that a mirror moves; a number near to
the switch's value, but not at it, counted as it; one-hot switches compared in one of their columns; the switch not
scaled with its column; a choice counted as the next one; inert columns of the wrong block; the share that is not
invariant given inert numbers; a search by images that sees them.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry, get_botorch
from ax_symmetry._ax import backend
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from ax_symmetry.search.averaged_model import average_model
from botorch.models import SingleTaskGP
from botorch.models.transforms.input import Normalize
from support import (
    LONE, add_trial, choice, experiment, fast_optimizer, features, float_range, int_range, needs_codes,
    number_of_cases, random_points, registry, space,
)
from torch import Tensor

BRUTE = 1e-12


def config(m: int, value: float = 0.0) -> dict[str, Any]:
    return {"blocks": [[f"x{k}", f"f{k}", f"t{k}"] for k in range(1, m + 1)], "absent": {"f1": value}}


def names(m: int) -> list[str]:
    return ["z", *(f"{slot}{k}" for slot in "xft" for k in range(1, m + 1))]


def rows(m: int, n: int, seed: int = 0) -> Tensor:
    """Draw rows in which every other block is absent, some of them twice."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 3 * m + 1))
    x[:, m + 1: 2 * m + 1] *= rng.random((n, m)) < 0.5
    x[-1] = x[0]
    return torch.from_numpy(x)


def quotient(x: Tensor, m: int) -> Tensor:
    """Bring x and t the nearer to their middle, the smaller f is."""
    amount, made = x[:, m + 1: 2 * m + 1].numpy(), x.clone()
    share = torch.from_numpy((np.sqrt(amount + 0.01) - 0.1) / (np.sqrt(1.01) - 0.1))
    made[:, 1: m + 1] = 0.5 + share * (x[:, 1: m + 1] - 0.5)
    made[:, 2 * m + 1:] = 0.5 + share * (x[:, 2 * m + 1:] - 0.5)
    return made


def with_other_inert_numbers(x: Tensor, m: int) -> Tensor:
    x, absent = x.clone(), x[:, m + 1: 2 * m + 1] == 0.0
    for slot in (x[:, 1: m + 1], x[:, 2 * m + 1:]):
        slot[absent] = torch.rand(int(absent.sum()), generator=torch.Generator().manual_seed(1)).to(x)
    return x


def moved(x: Tensor, m: int, order: Any) -> Tensor:
    return x[:, [0, *(1 + slot * m + k for slot in range(3) for k in order)]]


def kernel_of(m: int, base: str, **options: Any) -> InvariantKernel:
    kernel = InvariantKernel(config(m), names(m), base, **options).double()
    scales = [0.9, *(scale for scale in (0.4, 0.7, 1.1) for _ in range(m))]
    for module in kernel.base_kernel.modules():
        if getattr(module, "has_lengthscale", False):
            module.lengthscale = torch.tensor([scales], dtype=torch.double)
    return kernel


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_brute_force(m: int, base: str) -> None:
    """Five blocks are averaged by permanents."""
    kernel, x = kernel_of(m, base, normalize=False), rows(m, 7)
    q = quotient(x, m)
    with torch.no_grad():
        images = [kernel.base_kernel(q, moved(q, m, order)).to_dense() for order in permutations(range(m))]
        wanted = torch.stack(images).mean(0)
        np.testing.assert_allclose(kernel(x).to_dense(), wanted, rtol=BRUTE, atol=BRUTE)
        np.testing.assert_allclose(kernel(x, x[:3]).to_dense(), wanted[:, :3], rtol=BRUTE, atol=BRUTE)
        np.testing.assert_allclose(kernel(x, diag=True), wanted.diagonal(), rtol=BRUTE, atol=BRUTE)


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_inert_numbers_change_no_bit(m: int, base: str) -> None:
    kernel, x = kernel_of(m, base), rows(m, 6)
    other = with_other_inert_numbers(x, m)
    assert not torch.equal(x, other)
    with torch.no_grad():
        assert torch.equal(kernel(x).to_dense(), kernel(other).to_dense())
        assert torch.equal(kernel(x[:3], other).to_dense(), kernel(x[:3], x).to_dense())
        for order in list(permutations(range(m)))[1:6]:
            near = torch.allclose(kernel(x, moved(other, m, order)).to_dense(), kernel(x).to_dense(), rtol=1e-12)
            assert near
        small = x.float()
        assert torch.equal(kernel.float()(small).to_dense(), kernel(with_other_inert_numbers(small, m)).to_dense())


@pytest.mark.parametrize("base", ["rbf", "matern"])
@pytest.mark.parametrize("m", [2, 3, 4])
def test_positive_semidefinite(m: int, base: str) -> None:
    kernel = kernel_of(m, base)
    for seed in range(number_of_cases(40)):
        x = rows(m, 14, seed)
        with torch.no_grad():
            covariance = kernel(torch.cat([x, with_other_inert_numbers(x[:3], m)])).to_dense()
        assert torch.linalg.eigvalsh(covariance).min() > -1e-9
        assert covariance.diagonal() == pytest.approx(1.0)


def test_a_number_near_to_the_switch_is_there() -> None:
    kernel, x = InvariantKernel(config(2, 0.25), names(2), "rbf").double(), rows(2, 1)
    x[0, 3] = 0.25
    for amount, equal in [(1e-12, True), (-1e-12, True), (1e-8, False), (-1e-8, False)]:
        near = x.clone()
        near[0, 3], near[0, 1] = 0.25 + amount, 0.99
        with torch.no_grad():
            assert bool(kernel(x, near).to_dense() > 1 - 1e-9) == equal


@pytest.mark.parametrize("base", ["rbf", "matern", "embedding", "mixture"])
def test_a_block_of_nearly_nothing_is_nearly_absent(base: str) -> None:
    """All that the kernel sees goes to that of an absent block, with a finite slope, and from there on as well."""
    kernel, x = kernel_of(3, base), rows(3, 1)
    x[0, 4] = 0.0
    change = []
    for amount in (1e-3, 1e-5, 1e-7, -1e-7):
        near = x.clone()
        near[0, 4], near[0, 1], near[0, 7] = amount, 0.99, 0.01
        with torch.no_grad():
            both = kernel(torch.cat([near, x])).to_dense()
        change.append(float(both[0, 0] + both[1, 1] - 2 * both[0, 1]))
    assert change[2] <= change[1] <= change[0] < 1e-3
    assert max(change[2:]) < 1e-9
    near.requires_grad_()
    near.data[0, 4] = 0.0
    kernel(near, rows(3, 4, seed=2)).to_dense().sum().backward()
    assert near.grad is not None
    assert near.grad.isfinite().all()
    assert near.grad[0, 4].abs() > 0


def test_less_than_nothing_is_something() -> None:
    """Of columns without known bounds."""
    kernel, x = kernel_of(2, "rbf"), rows(2, 1)
    for amount in (-0.4, 0.4):
        x[0, 3], other = amount, x.clone()
        other[0, 1] += 0.3
        with torch.no_grad():
            assert 0.5 < kernel(x, other).to_dense() < 0.99


@pytest.mark.parametrize("slot", [
    lambda name, lower: float_range(name, lower, 5.0),
    lambda name, lower: int_range(name, int(lower), 5),
    lambda name, lower: choice(name, list(range(int(lower), 5)), is_ordered=True),
])
def test_blocks_fade_where_the_lowest_amount_is_none(slot: Any) -> None:
    """Where a range goes on below, the block is there, or not."""
    needs_codes()
    for lower in (0.0, -5.0):
        made = experiment(space([p for k in "12" for p in (float_range(f"t{k}"), slot(f"v{k}", lower))]))
        for p in random_points(made.search_space, 6):
            add_trial(made, p, {"y": (p["t1"] * p["v1"] + p["t2"] * p["v2"], 0.1)})
        symmetry = {"blocks": [["t1", "v1"], ["t2", "v2"]], "absent": {"v1": 0}}
        with fast_optimizer():
            adapter = get_botorch(made, made.lookup_data(), symmetry=symmetry, method="kernel")
        [switches] = fitted_model(adapter).covar_module.columns.inert.switches
        assert (switches.nothing is None) == (lower < 0)


def test_a_gradient_flows_through_what_is_there() -> None:
    kernel, x = kernel_of(3, "matern"), rows(3, 5).requires_grad_()
    kernel(x, rows(3, 4, seed=3)).to_dense().sum().backward()
    assert x.grad is not None
    absent = x.detach()[:, 4:7] == 0.0
    for slot in (x.grad[:, 1:4], x.grad[:, 7:]):
        assert (slot[absent] == 0.0).all() and (slot[~absent] != 0.0).all()


def test_mirrors_and_periods() -> None:
    """A mirror of a slot leaves what is inert alone, also that of all blocks together."""
    declared = {"symmetries": [
        {"blocks": [["x1", "f1", "p1"], ["x2", "f2", "p2"]], "absent": {"f1": 0.0}},
        {"mirror": {"x1": 0.3, "x2": 0.3}}, {"period": {"p1": 0.5, "p2": 0.5}},
    ]}
    kernel = InvariantKernel(declared, ["x1", "f1", "p1", "x2", "f2", "p2"]).double()
    x = torch.rand(8, 6, dtype=torch.double)
    x[::2, 4] = 0.0
    image = x[:, [3, 4, 5, 0, 1, 2]].clone()
    image[:, [0, 3]] = 0.6 - image[:, [0, 3]]
    image[:, 2] += 0.5
    image[::2, [0, 2]] = 0.9
    with torch.no_grad():
        wanted = kernel(x).to_dense()
        np.testing.assert_allclose(kernel(image, x).to_dense(), wanted, rtol=1e-10)
        assert torch.linalg.eigvalsh(wanted).min() > -1e-10


def test_the_switch_is_in_the_units_of_x() -> None:
    """Also before an input transform, and where the columns are scaled."""
    declared = {"blocks": [["x1", "f1"], ["x2", "f2"]], "absent": {"f1": 20.0}}
    x = torch.tensor([[1.0, 20.0, 5.0, 35.0], [7.0, 35.0, 2.0, 20.0], [3.0, 50.0, 8.0, 20.0]]).double()
    y = torch.tensor([[0.1], [0.5], [0.3]]).double()
    bounds = torch.tensor([[0.0, 20.0, 0.0, 20.0], [10.0, 50.0, 10.0, 50.0]]).double()
    model = SingleTaskGP(
        x, y, covar_module=InvariantKernel(declared, ["x1", "f1", "x2", "f2"]).double(),
        input_transform=Normalize(4, bounds=bounds),
    ).eval()
    other = x.clone()
    other[0, 0], other[1, 2], other[2, 2] = 9.0, 4.0, 0.0
    with torch.no_grad():
        assert torch.equal(model.posterior(x).mean, model.posterior(other).mean)
        assert torch.equal(model.posterior(x).variance, model.posterior(other).variance)
    symmetry = Symmetry(declared)
    place = dict(points=((20.0, (20.0,)),), within=1e-9)
    places = {
        "x1": ColumnPlace((0,), middle=5.0), "f1": ColumnPlace((1,), **place),
        "x2": ColumnPlace((2,), middle=5.0), "f2": ColumnPlace((3,), **place),
    }
    action = ColumnAction.of(symmetry, places, 4)
    lower, width = bounds[0], bounds[1] - bounds[0]
    in_units, in_cube = (ColumnInvariantKernel(a).double() for a in (action, action.scaled(lower, width)))
    in_cube.base_kernel.lengthscale = torch.tensor([[0.3, 0.4, 0.3, 0.4]], dtype=torch.double)
    in_units.base_kernel.lengthscale = torch.tensor([[3.0, 12.0, 3.0, 12.0]], dtype=torch.double)
    with torch.no_grad():
        wanted = in_units(x).to_dense()
        np.testing.assert_allclose(in_cube((x - lower) / width).to_dense(), wanted, rtol=1e-10)


def test_an_implied_switch() -> None:
    declared = {
        "blocks": [[f"x{k}", f"f{k}"] for k in (1, 2, 3)], "absent": {"f1": 0.0},
        "simplex": {"parameters": ["f1", "f2", "f3"]},
    }
    kernel = InvariantKernel(declared, ["x1", "x2", "x3", "f1", "f2"]).double()
    x = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.6], [0.9, 0.2, 0.1, 0.0, 0.6]], dtype=torch.double)
    other = torch.tensor([[0.2, 0.1, 0.8, 0.6, 0.4], [0.1, 0.2, 0.5, 0.4, 0.6]], dtype=torch.double)
    with torch.no_grad():
        assert float(kernel(x[:1], other[:1]).to_dense()) == pytest.approx(1.0, abs=1e-12)
        np.testing.assert_allclose(kernel(x[1:], x[1:] + torch.tensor([-0.5, 0, 0, 0, 0])).to_dense(), 1.0, rtol=1e-12)
        wanted = float(kernel(x[1:], x[:1]).to_dense())
        assert float(kernel(x[1:], other[1:]).to_dense()) == pytest.approx(wanted, abs=1e-12)  # their f3 is 0


def test_what_is_not_invariant_does_not_see_inert_numbers_either() -> None:
    kernel = ApproximatelyInvariantKernel(kernel_of(3, "rbf"), asymmetry=0.5)
    x = rows(3, 5)
    with torch.no_grad():
        assert torch.equal(kernel(x).to_dense(), kernel(with_other_inert_numbers(x, 3)).to_dense())
        assert not torch.allclose(kernel(x, moved(x, 3, (1, 2, 0))).to_dense(), kernel(x).to_dense())


SWITCHES = {
    "amount": (float_range, (0.0, 4.0), 0.0), "log": (lambda *a: float_range(*a, log_scale=True), (0.5, 4.0), 0.5),
    "few": (int_range, (0, 3), 0), "many": (int_range, (0, 60), 7),
    "digits": (lambda *a: float_range(*a, digits=1), (0.0, 3.0), 0.3),
    "two": (choice, (["yes", "no"],), "no"), "ordered": (choice, (["a", "none", "b"],), "none"),
    "unordered": (lambda *a: choice(*a, is_ordered=False), (["a", "none", "b"],), "none"),
}


def measured_space(kind: str) -> Any:
    make, arguments, absent = SWITCHES[kind]
    made = space(
        p for k in (1, 2) for p in (
            float_range(f"x{k}", 1.0, 3.0), make(f"use{k}", *arguments),
            choice(f"t{k}", ["r", "s", "t"], is_ordered=False), int_range(f"n{k}", 1, 5),
        )
    )
    points = random_points(made, 9)
    for number, point in enumerate(points):
        for k in (1, 2):
            point[f"use{k}"] = absent if (number + k) % 3 == 0 else point[f"use{k}"]
    return made, points, absent


def measured(kind: str) -> Any:
    made, points, absent = measured_space(kind)
    run = experiment(made)
    for number, point in enumerate(points):
        add_trial(run, point, {"y": (float(number % 4), 0.1)})
    declared = {"blocks": [[f"x{k}", f"use{k}", f"t{k}", f"n{k}"] for k in (1, 2)], "absent": {"use2": absent}}
    return run, points, absent, declared


def others(point: dict[str, Any], absent: Any) -> dict[str, Any]:
    """Change what is inert, and swap the blocks."""
    for k in (1, 2):
        if point[f"use{k}"] == absent:
            point = point | {f"x{k}": 2.9, f"t{k}": "t", f"n{k}": 4}
    return {f"{name[:-1]}{3 - int(name[-1])}": value for name, value in point.items()}


@LONE
@pytest.mark.parametrize("transforms", ["Cont_X_trans", "MBM_X_trans", "Mixed_transforms"])
@pytest.mark.parametrize("kind", list(SWITCHES))
def test_every_way_that_ax_puts_switches_into_columns(kind: str, transforms: str) -> None:
    """The kernel alone, without canonical points, predicts the same whatever the inert values are."""
    if not hasattr(registry, transforms):
        pytest.skip(f"this Ax has no {transforms}")
    if transforms != "Cont_X_trans":
        needs_codes()
    run, points, absent, declared = measured(kind)
    with fast_optimizer():
        adapter = get_botorch(
            run, run.lookup_data(), transforms=[SymmetrizeObservations, *getattr(registry, transforms)],
            transform_configs={"SymmetrizeObservations": {**declared, "method": "kernel"}},
        )
    mean, covariance = adapter.predict(features(points))
    same, same_covariance = adapter.predict(features(others(point, absent) for point in points))
    assert same["y"] == pytest.approx(mean["y"], abs=1e-9)
    assert same_covariance["y"]["y"] == pytest.approx(covariance["y"]["y"], abs=1e-9)
    there = [point | {"x1": 1.2 + 0.2 * (point["x1"] < 2)} for point in points if point["use1"] != absent]
    original = [point for point in points if point["use1"] != absent]
    means = [adapter.predict(features(these))[1]["y"]["y"] for these in (there, original)]
    assert means[0] != pytest.approx(means[1], abs=1e-9)


@pytest.mark.parametrize("kind", ["amount", "ordered", "unordered"])
def test_a_search_by_images_sees_no_inert_numbers(kind: str) -> None:
    run, points, absent, declared = measured(kind)
    transforms = [Canonicalize, SymmetrizeObservations, *backend.default_transforms()]
    with fast_optimizer():
        adapter = get_botorch(
            run, run.lookup_data(), transforms=transforms,
            transform_configs={t.__name__: declared for t in transforms[:2]},
        )
    transform = adapter.transforms["SymmetrizeObservations"]
    model = average_model(fitted_model(adapter), transform.columns.action())
    columns = list(transform.columns.inputs.space(transform.space).parameters)

    def at(these: Any) -> Tensor:
        found = transform.columns.inputs.rows(list(these))
        return torch.tensor([[float(row[name]) for name in columns] for row in found], dtype=torch.double)

    with torch.no_grad():
        one, other = (model.posterior(at(x)) for x in (points, [others(point, absent) for point in points]))
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(one.variance, other.variance, rtol=1e-6, atol=1e-9)
