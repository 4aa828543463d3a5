"""Search spaces of Ax under a symmetry: values as numbers, checks, feasible regions, counts."""
