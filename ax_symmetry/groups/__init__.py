"""Finite permutation groups and their action on rows of numbers; knows numpy alone."""
