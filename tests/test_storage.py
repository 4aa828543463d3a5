"""Ax can store what names the transforms, and read it again.

One-line bugs that turn this file red: drop a `register` call at the end of transforms.py; number the transforms by
the order of their import on Ax up to 0.5 (a fresh process would then read one for the other).
"""

from __future__ import annotations

import json
import subprocess
import sys

import ax_symmetry.transforms
import pytest
from ax.storage.json_store.decoder import object_from_json
from ax.storage.json_store.encoder import object_to_json
from ax_symmetry import Canonicalize, SymmetrizeObservations, Symmetry

CONFIGS = Symmetry.permutation([["a"], ["b"]]).transform_configs(noise="orbit")


@pytest.mark.parametrize("transform", [Canonicalize, SymmetrizeObservations])
def test_a_transform_is_read_back(transform: type) -> None:
    stored = json.loads(json.dumps(object_to_json({"transforms": [transform], "transform_configs": CONFIGS})))
    assert object_from_json(stored) == {"transforms": [transform], "transform_configs": CONFIGS}


def test_a_fresh_process_reads_it_too() -> None:
    """The other order of import, and nothing else from this process."""
    assert ax_symmetry.transforms
    stored = json.dumps(object_to_json([Canonicalize, SymmetrizeObservations]))
    code = (
        "import sys, json; from ax_symmetry import SymmetrizeObservations, Canonicalize;"
        "from ax.storage.json_store.decoder import object_from_json;"
        "print([t.__name__ for t in object_from_json(json.loads(sys.argv[1]))])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, stored], capture_output=True, text=True)
    assert done.stdout.strip() == "['Canonicalize', 'SymmetrizeObservations']", done.stderr
