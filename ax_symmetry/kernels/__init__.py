"""Invariant kernels for GPyTorch and BoTorch models."""

from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, InvariantKernel, MaxAlignmentKernel
from ax_symmetry.kernels.matern import ProductMaternKernel

__all__ = ["ApproximatelyInvariantKernel", "InvariantKernel", "MaxAlignmentKernel", "ProductMaternKernel"]
