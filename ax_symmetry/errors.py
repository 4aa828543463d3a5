"""The package's own errors and warning."""


class SymmetryError(ValueError):
    """A declared symmetry cannot hold, or cannot be used as asked.

    The message names the parameter, block or key and says what to do. What a declaration, a search space or a call can
    tell is raised before any model is fitted; diagnostics and figures raise it when they are asked for.
    """


class NotAveraged(ValueError):
    """The model cannot be replaced by one with the averaged kernel.

    Internal: callers fall back, with a warning, or raise a `SymmetryError`.
    """


class SymmetryWarning(UserWarning):
    """Something works, but not the way its user may believe."""
