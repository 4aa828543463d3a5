"""Sums over many images in bounded memory: evaluated in chunks, and again for the gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK = 2**24
"""How many numbers a tensor of images may hold: 128 MiB in double precision."""


def sum_over_images(function: Callable[[Tensor], Tensor], images: Tensor, numbers: int) -> Tensor:
    """Add up a function of chunks of images.

    What the gradient of a chunk needs is not kept but computed again, if there are several and a gradient is wanted.

    Args:
        function: Of images `... x f x w`; returns their sum.
        images: All F images `... x F x w`, as points.
        numbers: How many numbers the function holds for one of the F.
    """
    chunks = images.split(max(1, CHUNK // max(1, numbers)), dim=-2)
    if len(chunks) == 1:
        return function(images)
    if not torch.is_grad_enabled():
        first, *others = map(function, chunks)
        return sum(others, start=first)
    return sum(checkpoint(function, chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks)
