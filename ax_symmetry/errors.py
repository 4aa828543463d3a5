"""The package's own errors and warning."""

from __future__ import annotations

from typing import Any


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


def shown(value: Any) -> str:
    """Show in a message what was given: a short value as it is written, any other by its type.

    Example:
        >>> shown("a"), shown(object())
        ("'a'", 'an object')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text, kind = repr(value), type(value).__name__
    if len(text) <= 80 and "\n" not in text and not text.startswith("<"):
        return text
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"
