"""Invariant kernels for GPyTorch and BoTorch models."""

from ax_symmetry.kernels.invariant import ApproximatelyInvariantKernel, InvariantKernel
from ax_symmetry.kernels.max_alignment import MaxAlignmentKernel
from ax_symmetry.kernels.stationary import ProductMaternKernel

__all__ = ["ApproximatelyInvariantKernel", "InvariantKernel", "MaxAlignmentKernel", "ProductMaternKernel"]
