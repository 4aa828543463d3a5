"""The kernels against the definition on their first page, which is made of GPyTorch's own pieces.

One-line bugs that turn this file red: divide by |G| - 1; scale one side alone, or by the variance in place of its root;
average over the elements of a subgroup; give a kernel that is not to be normalized the prior variance.
"""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from typing import Any

import ax_symmetry.kernels
import pytest
import torch
from ax_symmetry import Symmetry
from ax_symmetry.kernels import InvariantKernel, ProductMaternKernel
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel, ScaleKernel

NAMES = [f"{letter}{k}" for k in range(5) for letter in "ab"] + ["z"]
PAIRS = [[f"a{k}", f"b{k}"] for k in range(5)]
GROUPS: dict[str, Mapping[str, Any]] = {
    "S_3": {"blocks": PAIRS[:3]},
    "S_5": {"blocks": PAIRS},
    "C_5": {"blocks": PAIRS, "group": "cyclic"},
    "A_4": {"blocks": [[f"a{k}"] for k in range(4)], "group": "alternating"},
    "S_4 x S_2": {"symmetries": [{"blocks": [[f"a{k}"] for k in range(4)]}, {"blocks": [["b0", "b1"], ["b2", "b3"]]}]},
}
BASES: dict[str, Kernel] = {
    "RBF": RBFKernel(ard_num_dims=11),
    "scaled RBF": ScaleKernel(RBFKernel()),
    "Matern": ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=11)),
    "product of Maternes": ProductMaternKernel([[j] for j in range(11)]),
}


def definition() -> type[Kernel]:
    """Return the class that the documentation shows."""
    found: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(ax_symmetry.kernels.__doc__ or "")[:4]:
        exec(example.source, found)
    return found["Definition"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("group", GROUPS)
def test_the_invariant_kernel_is_what_its_first_page_says(group: str, base: str) -> None:
    """The lengthscales are all alike, as the definition ties none."""
    symmetry, kernel = Symmetry.from_config(GROUPS[group]), BASES[base].double()
    images = symmetry.orbit({name: j for j, name in enumerate(NAMES)})
    elements = torch.tensor([[image[name] for name in NAMES] for image in images])
    assert len(elements) == symmetry.order
    draw = torch.Generator().manual_seed(0)
    x, y = (torch.rand(n, 11, dtype=torch.double, generator=draw) for n in (4, 3))
    ours: Kernel = InvariantKernel(symmetry, NAMES, kernel)
    wanted: Any = definition()(kernel, elements)
    accuracy = 1e-8 if base == "Matern" else 1e-14  # GPyTorch's own distance of equal rows is up to 1e-8
    with torch.no_grad():
        assert torch.allclose(ours(x, y).to_dense(), wanted(x, y).to_dense(), rtol=0, atol=accuracy)
        assert torch.allclose(ours(x).to_dense(), wanted(x).to_dense(), rtol=0, atol=accuracy)
        assert torch.allclose(ours(x, diag=True), wanted(x, diag=True), rtol=0, atol=accuracy)
        average = InvariantKernel(symmetry, NAMES, kernel, normalize=False)(x, y).to_dense()
        assert torch.allclose(average, wanted.average(x, y), rtol=0, atol=accuracy)
