"""What works with what: the two tables of `docs/compatibility.md`, which the tests prove entry by entry.

The keys of an entry are the generations of Ax: "modelbridge" (up to 1.0) and "adapter" (1.1 and later). An entry that
starts with "works" is proven by `test_mixed_spaces.py` or `test_models.py` on every Ax that has the thing; every other
entry is the reason in plain words. Write the page anew with `python tests/compatibility.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
GENERATIONS = {"modelbridge": "modelbridge (Ax up to 1.0)", "adapter": "adapter (Ax 1.1 and later)"}
TWINS = "; twins in a batch are possible, as a warning says"
GONE = "not in Ax"


def installed_transforms() -> dict[str, Any]:
    """Find every transform that the installed Ax ships, by name; read off its modules, so that a new one shows up."""
    generation = "adapter" if find_spec("ax.adapter") else "modelbridge"
    package = import_module(f"ax.{generation}.transforms")
    base = import_module(f"ax.{generation}.transforms.base").Transform
    return {
        name: thing
        for module in iter_modules(package.__path__, f"{package.__name__}.")
        if not module.name.endswith(".tests")
        for name, thing in vars(import_module(module.name)).items()
        if inspect.isclass(thing) and issubclass(thing, base) and thing.__module__ == module.name
    }


def both(entry: str) -> dict[str, str]:
    """Make the entries of something that is alike in both generations."""
    return {"modelbridge": entry, "adapter": entry}


def until(entry: str) -> dict[str, str]:
    """Make the entries of something that Ax has dropped with the modelbridge."""
    return {"modelbridge": entry, "adapter": GONE}


def since(entry: str) -> dict[str, str]:
    """Make the entries of something that came with the adapter."""
    return {"modelbridge": GONE, "adapter": entry}


NOT_CARRIED = "Ax itself has not carried it over: it handles no experiment data"
FIRST = "works, before the two transforms (it treats the status quo's row by name, and no image has that name)"
ENCODES = "works; Ax itself cannot encode strings with it on Ax 1.1"
NUMPY = "Ax itself fails: it assigns a matrix to a number, which the tested NumPy refuses"
TRANSFORMS: Mapping[str, Mapping[str, str]] = {
    "AddExecutionViability": since("works, before the two transforms (it adds rows); Ax 1.3 and later"),
    "BaseRelativize": both("no transform of its own: the abstract base of the relativizing ones"),
    "BilogY": {"modelbridge": "works (Ax 1.0)", "adapter": "works"},
    "CapParameter": until("works on a parameter outside of the symmetry (Ax 0.4)"),
    "Cast": both("works"),
    "CenteredUnitX": until("works (Ax 0.4)"),
    "ChoiceEncode": {"modelbridge": "works", "adapter": ENCODES + ", and dropped it in Ax 1.2"},
    "ChoiceToNumericChoice": {"modelbridge": "works", "adapter": ENCODES},
    "ConvertMetricNames": {"modelbridge": "works", "adapter": "Ax itself fails on Ax 1.1, and dropped it in Ax 1.2"},
    "Derelativize": both("works"),
    "FillMissingParameters": {
        "modelbridge": "works (Ax 0.5 and later) outside of the symmetry: what it fills, Ax 0.5 fixes in `gen`",
        "adapter": "works",
    },
    "FixedToTunable": since("works on a parameter outside of the symmetry"),
    "IVW": {"modelbridge": "works", "adapter": NOT_CARRIED},
    "IntRangeToChoice": both("works"),
    "IntToFloat": both("works"),
    "InverseGaussianCdfY": until("works (Ax 0.4)"),
    "Log": both("works"),
    "LogIntToFloat": {"modelbridge": "works (Ax 0.5 and later)", "adapter": "works (Ax 1.1)"},
    "LogY": {
        "modelbridge": "works",
        "adapter": "works (Ax 1.2 and later; on Ax 1.1 Ax itself handles no experiment data)",
    },
    "Logit": both("works"),
    "MapKeyToFloat": {
        "modelbridge": "works (Ax 1.0; Ax itself does not hand it the steps on Ax 0.5)",
        "adapter": "works",
    },
    "MapUnitX": until("Ax itself fails (Ax 0.4 and 0.5): modular acquisition functions do not take the steps"),
    "MergeRepeatedMeasurements": both("works"),
    "MetadataToFloat": {"modelbridge": "works (Ax 0.5 and later)", "adapter": "works (Ax 1.1)"},
    "MetadataToTask": since("works" + TWINS),
    "MetricsAsTask": {
        "modelbridge": "works" + TWINS,
        "adapter": NOT_CARRIED,
    },
    "ObjectiveAsConstraint": since("works with several objectives, the case that Ax itself allows; Ax 1.2 and later"),
    "OneHot": both("works"),
    "OrderedChoiceEncode": {"modelbridge": "works", "adapter": "works (Ax 1.1)"},
    "OrderedChoiceToIntegerRange": both("works"),
    "PercentileY": until("works (Ax 0.4)"),
    "PowerTransformY": {"modelbridge": NUMPY, "adapter": "works"},
    "Relativize": both(FIRST),
    "RelativizeWithConstantControl": both(FIRST),
    "RemoveFixed": both("works"),
    "SearchSpaceToChoice": both("works with models that choose among the arms (Thompson sampling)"),
    "SearchSpaceToFloat": until("no candidates: Ax itself cannot turn its hashes into parameters again"),
    "SelectiveRelativizeWithConstantControl": since(FIRST + "; Ax 1.2 and later"),
    "StandardizeY": both("works"),
    "StratifiedStandardizeY": both("works, stratified by a parameter outside of the symmetry" + TWINS),
    "TaskChoiceToIntTaskChoice": both("works, the task being outside of the symmetry" + TWINS),
    "TaskEncode": {
        "modelbridge": "works, the task being outside of the symmetry" + TWINS,
        "adapter": "works (Ax 1.1)" + TWINS,
    },
    "TimeAsFeature": both("works"),
    "Transform": {
        "modelbridge": "works (it does nothing)",
        "adapter": "works (it does nothing); Ax itself refuses it on Ax 1.1",
    },
    "TransformToNewSQ": both(FIRST),
    "TrialAsTask": both("works" + TWINS),
    "UnitX": both("works"),
    "Winsorize": both("works"),
}


MODELS: Mapping[str, Mapping[str, str]] = {
    "Matern 1/2": both("works"),
    "Matern 3/2": both("works"),
    "Matern 5/2": both("works"),
    "RBF": both("works"),
    "the default model of `get_botorch`": both("works"),
    "expected improvement": both("works"),
    "log expected improvement": both("works"),
    "noisy expected improvement": both("works"),
    "log noisy expected improvement": both("works"),
    "upper confidence bound": both("works"),
    "probability of improvement": both("works"),
    "knowledge gradient": {
        "modelbridge": "works, with a batch searched for at once (`sequential=False`); in Ax 0.4 Ax itself fails",
        "adapter": "works, with a batch searched for at once (`sequential=False`)",
    },
    "several metrics": both("works"),
    "several objectives": both("works"),
    "several objectives, `get_botorch`": both("works"),
    "outcome constraint": both("works"),
    "outcome constraint, `get_botorch`": both("works"),
    "outcome constraint relative to the status quo": both("works"),
    "curves with early stopping": both("works"),
    "fully Bayesian (SAAS)": {
        "modelbridge": "works" + TWINS,
        "adapter": "works with BoTorch's optional samplers installed" + TWINS + "; without them Ax itself fails",
    },
    "random forest": both("works; it predicts only, and makes no candidates"),
}


def table(heading: str, entries: Mapping[str, Mapping[str, str]], code: bool) -> str:
    """Write one table."""
    lines = [f"| {heading} | {' | '.join(GENERATIONS.values())} |", "| --- | --- | --- |"]
    for name, of in entries.items():
        lines.append(f"| {f'`{name}`' if code else name} | {' | '.join(of[g] for g in GENERATIONS)} |")
    return "\n".join(lines)


def page() -> str:
    """Write the page."""
    return f"""# What works with what

The tests prove both tables entry by entry, on each supported Ax; `python tests/compatibility.py` writes this page, and
a test compares it with what the tests assume.

## Transforms

Every transform that Ax ships, after `[Canonicalize, SymmetrizeObservations]` unless the entry says otherwise, on blocks
of float, rounded, log-scale, logit-scale, integer, string (ordered or not), boolean and numeric choice parameters.
"works": the model sees every image of every observation (the same experiment, written in another way); it predicts the
same at all images of a point; candidates are canonical (of all images the one that comes first) and in the search
space. "Ax itself": it is the same without our transforms.

{table("transform", TRANSFORMS, code=True)}

## Models and acquisition functions

With both transforms. "works": the model fits and predicts the same at all images of a point; a batch of two candidates
is canonical, in the search space, and holds two different experiments.

{table("model or acquisition function", MODELS, code=False)}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
