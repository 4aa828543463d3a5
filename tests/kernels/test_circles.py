"""A kernel of periodic parameters, against chords of circles and sums over the group written out here.

One-line bugs that turn this file red: the radius left out, so that distances are angles; the period in the units of the
parameter where its column is scaled; the sign of the cosine changed by a mirror, or that of the sine kept; one
lengthscale for the cosine and another for the sine; a swap that moves the cosine alone; the origin not scaled; the
share that is not invariant seen on the circle as well.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from ax_symmetry import Symmetry, SymmetryError, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.errors import NotAveraged
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.kernels.column_action import ColumnAction, ColumnPlace
from ax_symmetry.kernels.feature_action import action_on_features
from ax_symmetry.kernels.invariant import ColumnInvariantKernel
from support import IDENTITY, add_trial, experiment, fast_optimizer, features, float_range, space

LENGTHSCALES = {"phi": 40.0, "r": 0.7, "z": 0.3}


def rbf(one: dict[str, float], other: dict[str, float], periods: dict[str, float]) -> float:
    """Evaluate an RBF kernel whose distance in a periodic parameter is the chord."""
    total = 0.0
    for name, value in one.items():
        gap = abs(value - other[name])
        if name in periods:
            gap = periods[name] / np.pi * abs(np.sin(np.pi * gap / periods[name]))
        total += (gap / LENGTHSCALES[name.rstrip("123")]) ** 2
    return float(np.exp(-total / 2))


def kernel_of(config: dict[str, Any], names: list[str], **options: Any) -> InvariantKernel:
    kernel = InvariantKernel(config, names, normalize=False, **options).double()
    widened = [*names, *Symmetry.from_config(config).periods]  # the sines come last
    kernel.base_kernel.lengthscale = torch.tensor(
        [[LENGTHSCALES[name.rstrip("123")] for name in widened]], dtype=torch.double
    )
    return kernel


def rows(names: list[str], n: int = 5) -> torch.Tensor:
    rng = np.random.default_rng(0)
    spread = [360.0 if name.startswith("phi") else 1.0 for name in names]
    return torch.from_numpy(rng.random((n, len(names))) * spread)


def test_one_angle_is_the_chord_of_a_circle() -> None:
    names, periods = ["z", "phi"], {"phi": 360.0}
    kernel, x = kernel_of({"period": periods}, names), rows(["z", "phi"])
    wanted = [[rbf(dict(zip(names, a)), dict(zip(names, b)), periods) for b in x.tolist()] for a in x.tolist()]
    np.testing.assert_allclose(kernel(x).to_dense().detach(), wanted, rtol=IDENTITY)
    turned = x + torch.tensor([0.0, 720.0])
    np.testing.assert_allclose(kernel(turned, x).to_dense().detach(), wanted, rtol=IDENTITY)


def test_blocks_of_angles_trade_places_and_mirrors_turn_them_about() -> None:
    names = ["phi1", "r1", "z", "phi2", "r2", "phi3", "r3"]
    periods = {f"phi{k}": 180.0 for k in (1, 2, 3)}
    blocks = [[f"phi{k}", f"r{k}"] for k in (1, 2, 3)]
    config = {"symmetries": [{"blocks": blocks}, {"mirror": dict.fromkeys(periods, 90.0)}, {"period": periods}]}
    kernel, x = kernel_of(config, names), rows(names)
    points = [dict(zip(names, row)) for row in x.tolist()]

    def images(point: dict[str, float]) -> list[dict[str, float]]:
        found = []
        for order, turned in product(permutations((1, 2, 3)), (False, True)):
            image = {"z": point["z"]}
            for k, j in zip((1, 2, 3), order):
                angle = point[f"phi{j}"]
                image |= {f"phi{k}": 180.0 - angle if turned else angle, f"r{k}": point[f"r{j}"]}
            found.append(image)
        return found

    wanted = [[np.mean([rbf(image, b, periods) for image in images(a)]) for b in points] for a in points]
    np.testing.assert_allclose(kernel(x).to_dense().detach(), wanted, rtol=IDENTITY)
    eigenvalues = torch.linalg.eigvalsh(kernel(torch.cat([x, x + 180.0 * (torch.arange(7) == 0)])).to_dense())
    assert eigenvalues.min() > -IDENTITY


def test_what_is_not_invariant_is_not_periodic() -> None:
    names, periods = ["z", "phi"], {"phi": 360.0}
    kernel, x = kernel_of({"period": periods}, names), rows(["z", "phi"])
    turned = x + torch.tensor([0.0, 360.0])
    points, others = ([dict(zip(names, row)) for row in these.tolist()] for these in (x, turned))
    for share in (0.0, 0.25, 1.0):
        approximate = ApproximatelyInvariantKernel(
            ColumnInvariantKernel(kernel.columns, kernel.base_kernel), asymmetry=share
        )
        wanted = [[(1 - share) * rbf(a, b, periods) + share * rbf(a, b, {}) for b in others] for a in points]
        np.testing.assert_allclose(approximate(x, turned).to_dense().detach(), wanted, rtol=IDENTITY)


def test_the_default_base_has_one_lengthscale_for_both_coordinates() -> None:
    kernel = InvariantKernel({"period": {"phi": 1.0}}, ["phi", "z"])
    kernel.base_kernel.lengthscale = torch.tensor([[0.5, 2.0, 3.0]])  # cosine, z, sine
    x = torch.tensor([[0.0, 0.5], [0.25, 0.5]])
    radius, tied = 1 / (2 * np.pi), (0.5 * 3.0) ** 0.5
    assert float(kernel(x).to_dense()[0, 1]) == pytest.approx(np.exp(-(radius / tied) ** 2), rel=1e-5)


@pytest.mark.parametrize("base", ["rbf", "matern"])
def test_the_unit_cube_is_another_unit(base: str) -> None:
    config = {"symmetries": [{"period": {"phi": 360.0}}, {"mirror": {"phi": 100.0}}]}
    symmetry, place = Symmetry.from_config(config), ColumnPlace((0,), 2.0, -30.0, 2 * (2.0 * 100.0 - 30.0))
    action = ColumnAction.of(symmetry, {"phi": place}, 2)
    x = torch.rand(4, 2, dtype=torch.double) * 700
    lower, width = torch.tensor([50.0, 1.0]).double(), torch.tensor([300.0, 10.0]).double()
    in_units, in_cube = (ColumnInvariantKernel(a, base).double() for a in (action, action.scaled(lower, width)))
    in_units.base_kernel.lengthscale = torch.tensor([[90.0, 20.0, 90.0]]).double()
    in_cube.base_kernel.lengthscale = torch.tensor([[0.3, 2.0, 0.3]], dtype=torch.double)
    wanted = in_units(x).to_dense().detach()
    np.testing.assert_allclose(in_cube((x - lower) / width).to_dense().detach(), wanted, rtol=IDENTITY)
    turned = x + torch.tensor([720.0, 0.0])  # a period of 360 is one of 720 in this column
    np.testing.assert_allclose(in_units(turned, x).to_dense().detach(), wanted, rtol=IDENTITY)
    in_degrees = ColumnInvariantKernel(action_on_features(symmetry, ["phi", "z"]), base).double()
    in_degrees.base_kernel.lengthscale = torch.tensor([[45.0, 20.0, 45.0]]).double()
    degrees = (x + torch.tensor([30.0, 0.0])) / torch.tensor([2.0, 1.0])
    np.testing.assert_allclose(in_degrees(degrees).to_dense().detach(), wanted, rtol=IDENTITY)
    mirrored = x * torch.tensor([-1.0, 1.0]) + torch.tensor([place.mirror_sum, 0.0])
    np.testing.assert_allclose(in_units(mirrored, x).to_dense().detach(), wanted, rtol=IDENTITY)


def test_an_angle_that_is_bent_has_no_circle() -> None:
    symmetry = Symmetry.from_config({"period": {"phi": 1.0}})
    with pytest.raises(NotAveraged, match="phi"):
        ColumnAction.of(symmetry, {"phi": ColumnPlace((0,), None)}, 1)
    assert action_on_features(symmetry, ["phi"]).order == 1


def test_ax_learns_that_the_ends_of_a_turn_meet() -> None:
    """Through Ax: predictions go on across the seam, candidates lie in one turn, and augmentation is refused."""
    search_space = space([float_range("phi1", 0.0, 720.0), float_range("phi2", 0.0, 720.0), float_range("z")])
    config = {"symmetries": [{"blocks": [["phi1"], ["phi2"]]}, {"period": {"phi1": 360.0, "phi2": 360.0}}]}
    made = experiment(search_space)
    rng = np.random.default_rng(0)
    for _ in range(8):
        point = {"phi1": 720 * rng.random(), "phi2": 720 * rng.random(), "z": rng.random()}
        value = np.cos(np.radians(point["phi1"])) + np.cos(np.radians(point["phi2"])) - point["z"]
        add_trial(made, {n: float(v) for n, v in point.items()}, {"y": (float(value), 0.1)})
    with fast_optimizer():
        adapter = get_botorch(made, made.lookup_data(), symmetry=config)
        assert isinstance(fitted_model(adapter).covar_module, ColumnInvariantKernel)
        points = [{"phi1": a, "phi2": b, "z": 0.3} for a, b in [(10, 350), (350, 10), (370, 350), (710, 370)]]
        means = adapter.predict(features(points))[0]["y"]
        np.testing.assert_allclose(means, means[0], rtol=1e-9)
        for arm in adapter.gen(3).arms:
            assert 0 <= arm.parameters["phi1"] <= arm.parameters["phi2"] < 360
        adapter.transforms.pop("Canonicalize")  # the model itself knows it
        np.testing.assert_allclose(adapter.predict(features(points))[0]["y"], means, rtol=1e-9)
        with pytest.raises(SymmetryError, match="infinitely many"):
            get_botorch(made, made.lookup_data(), symmetry=config, method="augmentation")
