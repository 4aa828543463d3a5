"""Ax's DeprecationWarnings as errors, whatever the filters say: what we show must do without what Ax deprecates.

    python tests/external/deprecations.py SCRIPT ARGUMENTS   # runs a script so

Ax calls some of what it deprecates itself; such calls do not count.
"""

from __future__ import annotations

import runpy
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


def module_of(frame: FrameType | None) -> str:
    """Name the module of a call, or the one that imports it."""
    while frame is not None and (name := str(frame.f_globals.get("__name__"))).startswith("importlib."):
        frame = frame.f_back
    return "" if frame is None else name


@contextmanager
def deprecations_are_errors() -> Iterator[None]:
    """Raise if what Ax deprecates is called from outside of Ax."""
    warn = warnings.warn

    def strict(message: Any, category: Any = None, stacklevel: int = 1, *args: Any, **keywords: Any) -> None:
        kind = type(message) if isinstance(message, Warning) else category or UserWarning
        here, caller = module_of(sys._getframe(1)), module_of(sys._getframe(max(stacklevel, 2)))
        if issubclass(kind, DeprecationWarning) and here.startswith("ax.") and not caller.startswith("ax."):
            raise AssertionError(f"Ax deprecates: {message}")
        warn(message, category, stacklevel + 1, *args, **keywords)

    warnings.warn = strict
    try:
        yield
    finally:
        warnings.warn = warn


if __name__ == "__main__":
    sys.argv.pop(0)
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    with deprecations_are_errors():
        runpy.run_path(sys.argv[0], run_name="__main__")
