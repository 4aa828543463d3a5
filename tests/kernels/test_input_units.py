"""Kernels in models with an input transform: what a kernel sees is not what its symmetry was declared for.

The oracle is a model of the same numbers without a transform: x scaled by hand, one range for all columns that trade
places, and the symmetry declared in these units.

One-line bugs that turn this file red: ranges of one class that are not joined; a center left in the units of x; a
transform that is asked for its ranges once and for all; the transform among the kernel's own modules; a `Warp` that is
taken for a straight line because it is one before it is fitted.
"""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import Any

import pytest
import torch
from ax_symmetry import Symmetry, SymmetryError
from ax_symmetry.kernels import ApproximatelyInvariantKernel, InvariantKernel, MaxAlignmentKernel
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.transforms.input import ChainedInputTransform, InputStandardize, Log10, Normalize, Round, Warp
from gpytorch.kernels import Kernel, ScaleKernel
from support import IDENTITY, POSTERIOR
from torch import Tensor

NAMES = ["a", "b", "c", "z"]
LOW, WIDE = torch.tensor([-1.0, -1.0, -1.0, 5.0]).double(), torch.tensor([4.0, 4.0, 4.0, 20.0]).double()
"""One range for a, b and c; another for z."""
DRAW = torch.Generator().manual_seed(0)
X = LOW + WIDE * torch.rand(10, 4, generator=DRAW).double() * torch.tensor([1.0, 0.7, 0.85, 1.0]).double()
Z = LOW + WIDE * torch.rand(6, 4, generator=DRAW).double()
Y = ((X[:, :3] - 1) ** 2).sum(dim=1, keepdim=True).sin() + X[:, 3:] / 10
BOUNDS = torch.stack([LOW, LOW + WIDE])
UNEQUAL = torch.tensor([[-1.0, -2.0, 0.0, 5.0], [3.0, 3.0, 2.5, 25.0]]).double()
BLOCKS: dict[str, Any] = {"blocks": [["a"], ["b"], ["c"]]}


def permuted(x: Tensor) -> Tensor:
    return x[:, [2, 0, 1, 3]]


def flipped(x: Tensor) -> Tensor:
    return torch.cat([0.5 - x[:, :1], x[:, 1:]], dim=1)


def turned(x: Tensor) -> Tensor:
    return torch.cat([x[:, :1] + 3.0, x[:, 1:]], dim=1)


def traded(x: Tensor) -> Tensor:
    return torch.cat([2.5 - x[:, :3].sum(dim=1, keepdim=True), x[:, 1:]], dim=1)


SYMMETRIES: dict[str, tuple[dict[str, Any], Any]] = {
    "swaps": (BLOCKS, permuted),
    "a mirror": ({"mirror": {"a": 0.25}}, flipped),
    "signed": ({"symmetries": [BLOCKS, {"mirror": {"a": 0.25}}]}, lambda x: permuted(flipped(x))),
    "a period": ({"period": {"a": 3.0}}, turned),
    "periods that trade places": ({"symmetries": [BLOCKS, {"period": {"a": 3.0, "b": 3.0, "c": 3.0}}]},
                                  lambda x: permuted(turned(x))),
    "an implied one": ({"blocks": [["a"], ["b"], ["c"], ["d"]],
                        "simplex": {"parameters": ["a", "b", "c", "d"], "total": 2.5}}, traded),
}
TRANSFORMS = {
    "none": lambda: None,
    "the bounds": lambda: Normalize(4, bounds=BOUNDS),
    "unequal bounds": lambda: Normalize(4, bounds=UNEQUAL),
    "learnt bounds": lambda: Normalize(4),
    "some columns": lambda: Normalize(4, indices=[0, 3]),
    "standardized": lambda: InputStandardize(4),
    "a chain": lambda: ChainedInputTransform(one=Normalize(4, bounds=UNEQUAL), two=InputStandardize(4)),
}


def model_of(kernel: Kernel, transform: Any = None, x: Tensor = X, y: Tensor = Y) -> SingleTaskGP:
    return SingleTaskGP(x, y, torch.full_like(y, 0.01), covar_module=kernel, input_transform=transform)


def spread(model: Any, image: Any, x: Tensor = Z) -> float:
    """Return how much the means at points and at their images differ, relative to how much they vary."""
    with torch.no_grad():
        one, other = (model.eval().posterior(points).mean for points in (x, image(x)))
    return float((one - other).abs().max() / one.std())


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("case", SYMMETRIES)
def test_the_model_is_invariant(case: str, transform: str) -> None:
    config, image = SYMMETRIES[case]
    model = model_of(InvariantKernel(config, NAMES), TRANSFORMS[transform]())
    assert spread(model, image) < POSTERIOR


@pytest.mark.parametrize("case", SYMMETRIES)
@pytest.mark.parametrize("transform", ["the bounds", "unequal bounds", "learnt bounds"])
def test_it_is_the_model_of_x_scaled_by_hand(case: str, transform: str) -> None:
    """With the ranges of a, b and c joined where these trade places, and centers, periods and totals scaled along."""
    config, _ = SYMMETRIES[case]
    bounds = {"the bounds": BOUNDS, "unequal bounds": UNEQUAL, "learnt bounds": torch.stack([X.amin(0), X.amax(0)])}
    lower, upper = bounds[transform].clone()
    if "blocks" in str(config):
        lower[:3], upper[:3] = lower[:3].min(), upper[:3].max()
    low, wide = float(lower[0]), float(upper[0] - lower[0])
    scaled = eval(  # the numbers of the declaration in the units of a
        repr(config)
        .replace("0.25", str((0.25 - low) / wide))
        .replace("3.0", str(3.0 / wide))
        .replace("2.5", str((2.5 - 4 * low) / wide))
    )
    model = model_of(InvariantKernel(config, NAMES), TRANSFORMS[transform]()).eval()
    by_hand = model_of(InvariantKernel(scaled, NAMES), x=(X - lower) / (upper - lower)).eval()
    found, wanted = model.posterior(Z), by_hand.posterior((Z - lower) / (upper - lower))
    assert torch.allclose(found.mean, wanted.mean, rtol=0, atol=IDENTITY * 10)
    assert torch.allclose(found.variance, wanted.variance, rtol=0, atol=IDENTITY * 10)


@pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(lambda: ScaleKernel(InvariantKernel(BLOCKS, NAMES)), id="wrapped"),
        pytest.param(lambda: InvariantKernel(BLOCKS, NAMES, "matern"), id="matern"),
        pytest.param(lambda: ApproximatelyInvariantKernel(InvariantKernel(BLOCKS, NAMES), 0.0), id="approximately"),
        pytest.param(lambda: MaxAlignmentKernel(BLOCKS, NAMES), id="max-alignment"),
        pytest.param(lambda: InvariantKernel(BLOCKS, NAMES[:3], active_dims=[0, 1, 2]), id="some columns"),
    ],
)
def test_all_kernels(kernel: Any) -> None:
    """Learnt ranges differ between a, b and c; the transform may also be there before the kernel is."""
    assert spread(model_of(kernel(), Normalize(4)), permuted) < POSTERIOR
    model = model_of(InvariantKernel(BLOCKS, NAMES), Normalize(4))
    model.covar_module = kernel()
    assert spread(model, permuted) < POSTERIOR


def test_the_kernel_follows_the_model() -> None:
    """Through training, which learns ranges anew, copies, pickles, stored states, and more observations."""
    model = model_of(InvariantKernel(BLOCKS, NAMES), Normalize(4))
    state = deepcopy(model.state_dict())
    assert set(model.covar_module.state_dict()) == set(InvariantKernel(BLOCKS, NAMES).state_dict())
    model.train()
    model.transform_inputs(torch.cat([X, UNEQUAL]))  # learns these
    assert spread(model, permuted) < POSTERIOR
    for copy in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        copy.input_transform._offset = copy.input_transform._offset - torch.tensor([1.0, 0.0, 0.5, 0.0]).double()
        assert spread(copy, permuted) < POSTERIOR and spread(model, permuted) < POSTERIOR
    model.train().load_state_dict(state)
    fresh = model_of(InvariantKernel(BLOCKS, NAMES), Normalize(4)).eval()
    assert torch.allclose(model.eval().posterior(Z).mean, fresh.posterior(Z).mean, rtol=0, atol=IDENTITY)
    noise = torch.full((2, 1), 0.01).double()
    more = fresh.condition_on_observations(fresh.transform_inputs(Z[:2]), Y[:2], noise=noise)
    assert spread(more, permuted) < POSTERIOR


def test_a_kernel_may_move_to_another_model() -> None:
    """What it has been told of the first one's transform holds no more."""
    kernel, config = InvariantKernel(SYMMETRIES["signed"][0], NAMES), SYMMETRIES["signed"][0]
    image = SYMMETRIES["signed"][1]
    for transform in (Normalize(4), None, Normalize(4, bounds=UNEQUAL), None):
        moved, fresh = model_of(kernel, transform), model_of(InvariantKernel(config, NAMES), deepcopy(transform))
        assert spread(moved, image) < POSTERIOR
        assert torch.allclose(moved.posterior(Z).mean, fresh.eval().posterior(Z).mean, rtol=0, atol=IDENTITY)


def test_single_precision_and_lists_of_models() -> None:
    models = [model_of(InvariantKernel(BLOCKS, NAMES), Normalize(4)) for _ in range(2)]
    assert spread(ModelListGP(*models), permuted) < POSTERIOR
    single = model_of(InvariantKernel(BLOCKS, NAMES), Normalize(4), X.float(), Y.float())
    assert spread(single, permuted, Z.float()) < 1e-3


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(lambda: Warp(4, indices=[3]), id="a warped bystander"),
        pytest.param(lambda: Log10(indices=[3]), id="the logarithm of a bystander"),
        pytest.param(lambda: Round(integer_indices=[0, 1, 2], approximate=False), id="all rounded"),
    ],
)
def test_transforms_that_the_symmetry_does_not_mind(transform: Any) -> None:
    try:
        made = transform()
    except TypeError:  # an older BoTorch
        made = Warp(indices=[3])
    x, z = ((rows - LOW) / WIDE * 0.9 + 0.05 for rows in (X, Z))
    assert spread(model_of(InvariantKernel(BLOCKS, NAMES), made, x), permuted, z) < POSTERIOR


def warp() -> Any:
    try:
        return Warp(4, indices=[0, 1, 2, 3])
    except TypeError:
        return Warp(indices=[0, 1, 2, 3])


@pytest.mark.parametrize(
    "config, transform, words",
    [
        pytest.param(BLOCKS, warp, "Warp breaks the symmetry of a, b, c:", id="warped"),
        pytest.param(BLOCKS, lambda: Log10(indices=[0]), "Log10 breaks the symmetry of a, b, c:", id="one logarithm"),
        pytest.param({"mirror": {"z": 1}}, lambda: Log10(indices=[3]), "Log10 breaks the symmetry of z:", id="mirror"),
        pytest.param(
            {"mirror": {"a": 0.5}}, lambda: Normalize(4, bounds=BOUNDS, transform_on_train=False),
            "Normalize breaks the symmetry of a:", id="not in training",
        ),
    ],
)
def test_what_breaks_the_symmetry_is_refused_when_the_model_is_made(config: Any, transform: Any, words: str) -> None:
    x = (X - LOW) / WIDE * 0.9 + 0.05
    with pytest.raises(SymmetryError, match=words + ".*transformed=True"):
        model_of(InvariantKernel(config, NAMES), transform(), x)
    model_of(InvariantKernel(config, NAMES, transformed=True), transform(), x)


def test_a_symmetry_of_what_the_kernel_sees() -> None:
    """The center in the unit cube, for a model that has the transform anyway."""
    model = model_of(InvariantKernel({"mirror": {"a": 0.5}}, NAMES, transformed=True), Normalize(4, bounds=BOUNDS))
    assert spread(model, lambda x: torch.cat([2.0 - x[:, :1], x[:, 1:]], dim=1)) < POSTERIOR
    declared = Symmetry.mirror({"a": 1.0})
    other = model_of(InvariantKernel(declared, NAMES), Normalize(4, bounds=BOUNDS))
    assert torch.allclose(model.posterior(Z).mean, other.eval().posterior(Z).mean, rtol=0, atol=IDENTITY)
