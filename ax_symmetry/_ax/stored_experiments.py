"""Experiments as Ax's JSON storage has written them. The same on every Ax."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ax.core.experiment import Experiment
from ax.storage.json_store.decoder import object_from_json

logger = logging.getLogger(__name__)


def stored_experiment(stored: Any) -> Experiment | None:
    """Read an experiment that stands alone, or inside of an AxClient or a Client; None if Ax finds none."""
    inner = stored.get("experiment", stored) if isinstance(stored, Mapping) else None
    try:
        found = object_from_json(inner) if isinstance(inner, Mapping) and "__type" in inner else None
    except Exception as error:  # whichever it is: Ax's decoder raises what its classes raise
        logger.info("Ax cannot read the experiment: %s", error)
        return None
    return found if isinstance(found, Experiment) else None
