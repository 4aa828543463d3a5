"""A plugin of pytest that takes from Ax what it has announced to remove: `pytest -p removals`, this folder on the path.

AxClient, the loop API, and the dispatch of strategies that only AxClient calls.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

MODULES = ("ax.service.ax_client", "ax.service.managed_loop")
FUNCTIONS = {"ax.generation_strategy.dispatch_utils": "choose_generation_strategy_legacy"}


class Removed(MetaPathFinder):
    """Finds none of the modules that are removed."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


assert not set(MODULES) & set(sys.modules), "Ax is imported already"
sys.meta_path.insert(0, Removed())
for module, function in FUNCTIONS.items():
    delattr(import_module(module), function)
