"""Optional extras: ax_symmetry inside other packages."""
