"""Ways to make a symmetry of one kind in code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ax_symmetry.symmetry.symmetry import Symmetry


class Constructors(ABC):
    """What makes a symmetry of one kind; each returns what `from_config` makes of the plain dict."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Symmetry:
        """Read the plain dict of a symmetry."""

    @classmethod
    def permutation(
        cls, blocks: Iterable[Sequence[str]], group: str | Iterable[Sequence[int]] = "symmetric"
    ) -> Symmetry:
        """Declare blocks that trade places.

        Args:
            blocks: Blocks of equal length; slot j of every block corresponds.
            group: `"symmetric"`, `"alternating"`, `"cyclic"`, `"dihedral"`, or generators, each a 0-based one-line
                permutation of the positions of the blocks.

        Raises:
            SymmetryError: The blocks or the generators cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> Symmetry.permutation([["a"], ["b"], ["c"], ["d"]], group=[[1, 0, 3, 2], [2, 3, 0, 1]]).order
            4
        """
        return cls.from_config({"blocks": _listed(blocks), "group": _listed(group)})

    @classmethod
    def mirror(cls, centers: Mapping[str, float] | Sequence[Mapping[str, float]]) -> Symmetry:
        """Declare mirrors x -> 2 center - x.

        Args:
            centers: Parameters and their centers. All of one dict flip together; a list of dicts gives several mirrors.

        Raises:
            SymmetryError: The mirrors cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> Symmetry.mirror({"x": 0.5, "y": 0.0}).orbit({"x": 0.75, "y": 2})
            [{'x': 0.75, 'y': 2}, {'x': 0.25, 'y': -2}]
        """
        return cls.from_config({"mirror": centers})

    @classmethod
    def scaling(
        cls, exponents: Mapping[str, float] | Sequence[str] | Sequence[Mapping[str, float] | Sequence[str]]
    ) -> Symmetry:
        """Declare that a common factor changes nothing: x -> t^exponent x for any t > 0, as units would.

        Args:
            exponents: Parameters and their exponents, or a list of names for exponents of 1; a list of these gives
                several scalings. In a search space the parameters are ranges on a log scale.

        Raises:
            SymmetryError: The scalings cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> Symmetry.scaling({"length": 1, "area": 2}).canonical({"length": 2.0, "area": 4.0})
            {'length': 1.0, 'area': 1.0}
        """
        return cls.from_config({"scale": _listed(exponents)})

    @classmethod
    def translation(
        cls, weights: Mapping[str, float] | Sequence[str] | Sequence[Mapping[str, float] | Sequence[str]]
    ) -> Symmetry:
        """Declare that a common number changes nothing: x -> x + t weight for any t.

        Args:
            weights: Parameters and their weights, or a list of names for weights of 1; a list of these gives several
                translations. In a search space the parameters are ranges on a linear scale.

        Raises:
            SymmetryError: The translations cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> Symmetry.translation(["x", "y"]).canonical({"x": 5.0, "y": 7.0})
            {'x': -1.0, 'y': 1.0}
        """
        return cls.from_config({"shift": _listed(weights)})

    @classmethod
    def rotation(cls, pairs: Iterable[Sequence[str]], center: Sequence[float] | None = None) -> Symmetry:
        """Declare points of a plane that may be turned together, all by one angle.

        Args:
            pairs: The names of both coordinates of each point. In a search space they are ranges on a linear scale.
            center: What they are turned about; the middle of their ranges by default, without a search space 0.

        Raises:
            SymmetryError: The pairs or the center cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> found = Symmetry.rotation([["x", "y"]]).canonical({"x": 3.0, "y": 4.0})
            >>> {name: round(value, 6) + 0.0 for name, value in found.items()}
            {'x': -5.0, 'y': 0.0}
        """
        pairs = [_listed(pair) for pair in pairs]
        return cls.from_config({"rotate": {"pairs": pairs} if center is None else {"pairs": pairs, "center": center}})

    @classmethod
    def periodic(cls, periods: Mapping[str, float]) -> Symmetry:
        """Declare that values which differ by a period are the same.

        Args:
            periods: Parameters and their periods. In a search space they are ranges on a linear scale.

        Raises:
            SymmetryError: The periods cannot be.

        Example:
            >>> from ax_symmetry import Symmetry
            >>> Symmetry.periodic({"phi": 360.0}).canonical({"phi": -10.0})
            {'phi': 350.0}
        """
        return cls.from_config({"period": periods})


def _listed(values: Any) -> Any:
    """Write what can be gone through as a list, but for text and dicts."""
    return list(values) if isinstance(values, Iterable) and not isinstance(values, (str, Mapping)) else values
