"""Does a transform's config agree with what surrounds it: the other transforms, and the search space?"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

from ax.core.search_space import SearchSpace

from ax_symmetry._ax.training_rows import Context
from ax_symmetry.errors import SymmetryError, SymmetryWarning
from ax_symmetry.options import SymmetrizeOptions
from ax_symmetry.space.validation import check_untransformed, validate
from ax_symmetry.symmetry.symmetry import Symmetry


def check_configs(transforms: Collection[str], configs: Mapping[str, Any]) -> None:
    """Check that no config is there for nothing.

    Args:
        transforms: The names of all transforms of the call.
        configs: Their configs, by name.

    Raises:
        SymmetryError: A config of ours has no transform that would read it.
    """
    idle = [n for n in ("SymmetrizeObservations", "Canonicalize") if n in configs and n not in transforms]
    if idle:
        raise SymmetryError(
            f"transform_configs has a config for {' and '.join(idle)}, not among the transforms; add it to them or "
            "drop the config. (get_botorch adds both transforms by itself if the config is handed over as symmetry=.)"
        )


def check_surroundings(
    transform: str, config: Mapping[str, Any] | None, search_space: SearchSpace | None, context: Context
) -> tuple[Symmetry, SearchSpace]:
    """Check a transform's config against its surroundings; return the symmetry and the space that the model covers."""
    if not config:
        raise SymmetryError(
            f"{transform} has no config: hand the dict of the symmetry to it in transform_configs, "
            f'{{"{transform}": {{"blocks": [...]}}}}, and the same dict to its companion.'
        )
    check_configs(context.transforms, context.configs or {})
    if search_space is None:
        raise SymmetryError(f"{transform} needs the search space that its symmetry is about.")
    symmetry = Symmetry.from_config(config)
    validate(symmetry, context.declared or search_space)
    check_untransformed(symmetry, context.declared or search_space, search_space, context.modelled)
    return symmetry, search_space.clone()


def warn_if_partial(augmentation: SymmetrizeOptions, symmetry: Symmetry, way_out: str) -> None:
    """Warn of a model that is asked where it knows nothing."""
    if augmentation.is_partial(symmetry.order):
        warnings.warn(
            f"max_images keeps {augmentation.max_images} of up to {symmetry.order:,} images, those near the "
            "fundamental domain; elsewhere the model knows nothing, and the search is drawn there. To stay in the "
            f'domain, {way_out}, or use select="random".',
            SymmetryWarning,
            stacklevel=2,
        )
