"""The package's own errors and warning."""


class SymmetryError(ValueError):
    """A declared symmetry cannot hold, or cannot be used as asked.

    The message names the parameter, block or key and says what to do. It is raised before any model is fitted.
    """


class NotAveraged(ValueError):
    """A model, or its columns, have no counterpart that is averaged over the group; its caller knows another way."""


class SymmetryWarning(UserWarning):
    """Something works, but not the way its user may believe."""
