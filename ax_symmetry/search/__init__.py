"""Models in which candidates are searched for: invariant, with constant hyperparameters, fast."""
