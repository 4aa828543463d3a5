"""Sums over images in chunks, against the sum over all at once.

One-line bugs that turn this file red: one chunk too few; keep what the gradient of every chunk needs; evaluate one
chunk twice; split along another dimension.
"""

from __future__ import annotations

import pytest
import torch
from ax_symmetry.kernels import chunks
from ax_symmetry.kernels.chunks import sum_over_images
from torch import Tensor


@pytest.mark.parametrize("limit, count", [(10**6, 1), (500, 3), (7, 24)])
def test_values_gradients_and_what_is_kept(limit: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", limit)
    draw = torch.Generator().manual_seed(0)
    rows = torch.rand(50, 4, dtype=torch.double, generator=draw).requires_grad_()
    images, evaluated, kept = torch.randint(4, (24, 4), generator=draw), [], []

    def function(chunk: Tensor) -> Tensor:
        evaluated.append(len(chunk))
        return rows[:, chunk].exp().sin().sum(dim=1)

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        total = sum_over_images(function, images, 50)
    assert sum(evaluated) == 24 and len(evaluated) == count
    (gradient,) = torch.autograd.grad(total.cos().sum(), rows)
    assert sum(evaluated) == (24 if count == 1 else 48)
    assert count == 1 or max(kept, default=0) <= images.numel()  # no row has been kept, for one image or all
    wanted = rows[:, images].exp().sin().sum(dim=1)
    assert torch.allclose(total, wanted, rtol=0, atol=1e-13)
    assert torch.allclose(gradient, torch.autograd.grad(wanted.cos().sum(), rows)[0], rtol=0, atol=1e-12)
