"""The options of the two transforms, read from the dict of the symmetry that they stand in, and of the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

from ax_symmetry.errors import SymmetryError, shown

METHODS = ("augmentation", "kernel", "auto")
SET_KERNELS = ("embedding", "mixture")
BASE_KERNELS = ("matern", "rbf", *SET_KERNELS)


@dataclass(frozen=True)
class SymmetrizeOptions:
    """The options of `SymmetrizeObservations`."""

    method: str = "augmentation"
    base_kernel: str = "matern"
    asymmetry: float | str | None = None
    noise: str = "orbit"
    max_images: int | None = None
    select: str = "nearest"
    seed: int = 0

    def settled(self, kernel_allowed: bool) -> SymmetrizeOptions:
        """Return the options with a method, if it was left open: the kernel where the model can have it."""
        if self.method != "auto":
            return self
        return replace(self, method="kernel" if kernel_allowed else "augmentation")

    def is_partial(self, order: float) -> bool:
        """Tell whether, for a group of this order, images away from the fundamental domain are left out.

        Those of an infinite group are spread along the orbits.
        """
        return order < inf and self.select == "nearest" and self.max_images is not None and self.max_images < order


@dataclass(frozen=True)
class CanonicalizeOptions:
    """The options of `Canonicalize`."""

    order_by: tuple[str, ...] = ()
    constrain: bool | None = None


OPTION_KEYS = tuple(field.name for field in (*fields(SymmetrizeOptions), *fields(CanonicalizeOptions)))
"""The keys of both."""


def plain(value: Any) -> Any:
    """Write a value as JSON has it: NumPy's numbers and arrays, and tuples, as Python's numbers and lists.

    Example:
        >>> import numpy as np
        >>> plain({"mirror": {"x": np.int64(0)}, "order_by": ("x",)})
        {'mirror': {'x': 0}, 'order_by': ['x']}
    """
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(inner) for inner in value]
    return value


def whole_number(key: str, value: Any, least: int, instead: str) -> int:
    """Read a whole number.

    Args:
        key: The name of the option.
        value: What was given.
        least: The least number that it can be.
        instead: What to do without one, as the message says.

    Raises:
        SymmetryError: It is none.
    """
    number = plain(value)
    if type(number) is not int or number < least:
        raise SymmetryError(f"{key}: got {shown(value)}; give a whole number from {least} on{instead}.")
    return number


def choose_method(method: str, config: Mapping[str, Any], kernel_allowed: bool | None = True) -> dict[str, Any]:
    """Write into the dict of a symmetry how the model is to learn it.

    Args:
        method: What a call says; `"auto"` leaves it to the dict, then to the options in it, and is else the kernel.
        config: The dict.
        kernel_allowed: Whether `"auto"` may be the kernel: the model can have it. With None it stays open what `"auto"`
            is where neither the dict nor its options say it.

    Raises:
        SymmetryError: The method is unknown, or the call and the dict, or options in it, contradict each other.
    """
    if not isinstance(method, str) or method not in METHODS:
        raise SymmetryError(f"method: got {shown(method)}; use {', '.join(map(repr, METHODS))}.")
    declared = config.get("method", method)
    if method not in ("auto", declared):
        raise SymmetryError(f"method: the call says {method!r}, the dict {declared!r}; leave out one of them.")
    if declared == "auto":
        images = any(key in config for key in ("max_images", "select", "seed", "noise"))
        asked = "asymmetry" in config or "base_kernel" in config
        if asked or kernel_allowed and not images:
            declared = "kernel"
        elif images or kernel_allowed is not None:
            declared = "augmentation"
    chosen = {**config, "method": declared} if declared != "augmentation" or "method" in config else dict(config)
    if "asymmetry" in chosen and ("order_by" in chosen or "constrain" in chosen):
        raise asymmetry_error()
    return chosen


def asymmetry_error() -> SymmetryError:
    """Make the error for candidates that are to become canonical although their images differ."""
    return SymmetryError(
        "asymmetry: says that the images of a candidate are other experiments, so that Canonicalize must not trade one "
        "for another; take out Canonicalize and its options order_by and constrain, or take out asymmetry."
    )


def read_symmetrize(config: Mapping[str, Any]) -> SymmetrizeOptions:
    """Read the options of `SymmetrizeObservations`.

    Raises:
        SymmetryError: The config is no dict, or an option has a value that it cannot have.
    """
    if not isinstance(config, Mapping):
        raise SymmetryError(
            "SymmetrizeObservations: its config is the dict of the symmetry, as symmetry.to_config() writes it; got "
            f"{shown(config)}."
        )
    config = plain(config)
    if config.get("method") == "auto":
        config = choose_method("auto", config, kernel_allowed=None)
    options = SymmetrizeOptions(**{key: config[key] for key in SymmetrizeOptions.__dataclass_fields__ if key in config})
    _one_of("method", options.method, METHODS)
    for key in ("noise", "max_images", "select", "seed"):
        if options.method == "kernel" and key in config:
            raise SymmetryError(f"{key}: says which images to train on, and method 'kernel' has none; leave it out.")
    _one_of("base_kernel", options.base_kernel, BASE_KERNELS)
    if options.method == "augmentation" and "base_kernel" in config:
        raise SymmetryError(
            "base_kernel: says what the invariant kernel is made of, and method 'augmentation' trains Ax's own model; "
            "leave it out, or set method to 'kernel'."
        )
    share = options.asymmetry
    if "asymmetry" in config and (isinstance(share, bool) or share != "learn" and not _is_share(share)):
        raise SymmetryError(
            f'asymmetry: got {share!r}; give a number above 0 and up to 1, or "learn"; leave it out if the symmetry is '
            "exact."
        )
    if share is not None and options.method != "kernel":
        raise SymmetryError("asymmetry: images share the value of their observation; set method to 'kernel'.")
    if share is not None and options.base_kernel in SET_KERNELS:
        raise SymmetryError(
            f"asymmetry: base_kernel {options.base_kernel!r} compares sets, which have no order that could matter; use "
            "'matern' or 'rbf', or leave asymmetry out."
        )
    _one_of("noise", options.noise, ("orbit", "copy"))
    _one_of("select", options.select, ("nearest", "random"))
    if options.max_images is not None:
        whole_number("max_images", options.max_images, 1, ", or leave it out to keep all")
    whole_number("seed", options.seed, 0, "")
    return options


def read_canonicalize(config: Mapping[str, Any]) -> CanonicalizeOptions:
    """Read the options of `Canonicalize`.

    Raises:
        SymmetryError: An option has a value that it cannot have.
    """
    order_by, constrain = (plain(config.get(key, default)) for key, default in (("order_by", []), ("constrain", None)))
    if not isinstance(order_by, list) or not all(isinstance(n, str) for n in order_by):
        raise SymmetryError(
            f"order_by: got {shown(order_by)}; give a list of names of parameters, one per slot, in order."
        )
    if constrain is not None and type(constrain) is not bool:
        raise SymmetryError(f"constrain: got {constrain!r}; give True or False.")
    return CanonicalizeOptions(tuple(order_by), constrain)


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 < value <= 1


def _one_of(key: str, value: Any, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise SymmetryError(f"{key}: got {shown(value)}; use {' or '.join(map(repr, allowed))}.")
