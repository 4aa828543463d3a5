"""Experiments as Ax's JSON storage has written them. The same on every Ax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ax.core.experiment import Experiment
from ax.storage.json_store.decoder import object_from_json


def stored_experiment(stored: Any) -> Experiment | None:
    """Read an experiment that stands alone, or inside of an AxClient or a Client; None if there is none."""
    inner = stored.get("experiment", stored) if isinstance(stored, Mapping) else None
    found = object_from_json(inner) if isinstance(inner, Mapping) and "__type" in inner else None
    return found if isinstance(found, Experiment) else None
