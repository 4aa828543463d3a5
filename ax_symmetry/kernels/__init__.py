"""Invariant kernels for GPyTorch and BoTorch models.

Made of GPyTorch's own pieces, an invariant kernel is the base kernel between a row and all images of another, averaged,
and normalized to the prior variance of the base kernel:

    >>> import torch
    >>> from gpytorch.kernels import Kernel, RBFKernel
    >>> from linear_operator import to_dense
    >>> class Definition(Kernel):
    ...     def __init__(self, base_kernel, elements):  # |G| x d: element g takes column elements[g, j] to place j
    ...         super().__init__()
    ...         self.base_kernel, self.elements = base_kernel, elements
    ...
    ...     def average(self, x1, x2, diag=False):
    ...         images = x2[..., self.elements].movedim(-2, 0)  # |G| x ... x n x d
    ...         return torch.stack([to_dense(self.base_kernel(x1, x, diag=diag)) for x in images]).mean(dim=0)
    ...
    ...     def forward(self, x1, x2, diag=False, **params):
    ...         scale1, scale2 = (
    ...             (self.base_kernel(x, x, diag=True) / self.average(x, x, diag=True)).sqrt() for x in (x1, x2)
    ...         )
    ...         scale = scale1 * scale2 if diag else scale1.unsqueeze(-1) * scale2.unsqueeze(-2)
    ...         return self.average(x1, x2, diag) * scale

`InvariantKernel` is equal to it. Everything else in this package is the exact shortcut for groups whose elements are
too many to be written out.

    >>> from ax_symmetry.kernels import InvariantKernel
    >>> kernel = InvariantKernel({"blocks": [["a"], ["b"], ["c"]]}, ["a", "b", "c"], RBFKernel())
    >>> elements = torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    >>> x = torch.rand(4, 3, dtype=torch.double)
    >>> torch.allclose(Definition(RBFKernel(), elements)(x).to_dense(), kernel(x).to_dense())
    True
"""

from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.kernels.max_alignment import MaxAlignmentKernel
from ax_symmetry.kernels.stationary import ProductMaternKernel

__all__ = ["ApproximatelyInvariantKernel", "InvariantKernel", "MaxAlignmentKernel", "ProductMaternKernel"]
