"""The first candidate of Ax's `Client`, the center of the search space, in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from inspect import signature
from typing import Any

from ax.core.data import Data
from ax.core.experiment import Experiment

from ax_symmetry._ax.strategies import CenterNode, keywords_of_node, register_node
from ax_symmetry.generation.steps import put_symmetry
from ax_symmetry.options import read_canonicalize
from ax_symmetry.space.asked import Asked
from ax_symmetry.space.encoding import ParameterEncoding
from ax_symmetry.space.known_arms import KnownArms
from ax_symmetry.symmetry.symmetry import Symmetry


class CanonicalCenter(CenterNode):
    """Ax's node that proposes the center of the search space, which then becomes its canonical representative.

    Mostly it is that already. It is not where an implied parameter takes what the others leave, or where Ax breaks a
    tie between two middle values that a mirror exchanges.

    Args:
        center: The arguments of Ax's own node.
        config: The dict of the symmetry, with options of `Canonicalize`.
    """

    def __init__(self, center: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(**center)
        self.center, self.config = dict(center), deepcopy(dict(config))
        self.arms: Mapping[str, Any] = {}
        put_symmetry(config, keywords_of_node(self))  # Ax's quasi-random way out, where the center is tried already

    def update_generator_state(self, experiment: Experiment, data: Data) -> None:
        """Note the arms of the experiment, and its search space."""
        super().update_generator_state(experiment, data)
        self.arms = experiment.arms_by_signature

    def get_next_candidate(self, pending_parameters: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the center in canonical form; one that is an arm in another order as that arm, which Ax then knows."""
        center, symmetry = super().get_next_candidate(pending_parameters), Symmetry.from_config(self.config)
        encoding = ParameterEncoding(symmetry, self.search_space)
        order = symmetry.comparison_order(read_canonicalize(self.config).order_by)
        _, x = encoding.encode_points([center])
        (known,) = KnownArms(encoding, order, lambda: self.arms).same_experiments(x, [center])
        if known is not None:
            return dict(known)
        values = encoding.decode(Asked(encoding, order, self.search_space, {}).candidates(x, [center]))
        depends = [one for one in encoding.inert if one not in symmetry.inert and values[one.switch][0] in one.values]
        point = {**center, **{name: found[0] for name, found in values.items()}}
        return {name: v for name, v in point.items() if not any(name in one.names for one in depends)}


def center_node(node: Any, config: Mapping[str, Any] | None) -> Any:
    """Return a node like one that proposes the center, Ax's or ours, for a symmetry; Ax's own for None."""
    if isinstance(node, CanonicalCenter):
        center = node.center
    else:
        names = [name for name in signature(type(node).__init__).parameters if hasattr(node, name)]
        center = {name: v for name in names if isinstance(v := getattr(node, name), (str, bool))}
    return CenterNode(**center) if config is None else CanonicalCenter(center, config)


register_node(CanonicalCenter, ("center", "config"))
