"""Put the contents of blocks into places: the least arrangement that linear constraints allow.

The places are filled one after the other, each with the least content that leaves the rest feasible. Whether it does is
decided by propagation of bounds, and by linear assignment problems: for one constraint the least that the rest can add
is exact, for several the multipliers of a Lagrangian (Held and Karp, 1971) combine them. Every solution of such a
problem is an arrangement, and one that keeps all constraints proves that there is one. What neither settles is tried
out, place by place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Domain = npt.NDArray[np.bool_]
"""Which of n contents may be in which of n places, `n x n`."""
Choice = npt.NDArray[np.intp]
"""An arrangement: the content of each place, `n`."""

NODES = 1_000
"""The most partial arrangements that are examined for one row."""
MULTIPLIERS = 12
"""How many combinations of several constraints are tried for one partial arrangement."""


class Arrangement:
    """The least arrangement of n contents, ascending, in n places, in the order in which these are compared.

    Args:
        kinds: The kind of each content; contents of one kind are equal, and kinds ascend.
        fitting: Which content may be in which place.
        added: What a content in a place adds to each of J sums, `J x n x n`.
        limits: The most that the sums may be, `J`.

    Attributes:
        examined: How many partial arrangements were examined.
        settled: Whether the arrangement found is known to be the least, or to be none because there is none.
    """

    def __init__(
        self, kinds: Sequence[int], fitting: Domain, added: Matrix, limits: npt.NDArray[np.float64]
    ) -> None:
        self.kinds, self.fitting, self.added, self.limits = np.asarray(kinds), fitting, added, limits
        self.examined, self.settled = 0, True
        self.size = np.arange(len(kinds))
        scale = np.abs(np.where(fitting, added, 0.0)).max(axis=(1, 2), initial=0.0)
        self.scale = np.where(scale > 0.0, scale, 1.0)
        self.orders = list(_orders(added, limits, self.scale))
        ordered = {j for order in self.orders for j in order.constraints}
        self.sums = [j for j in range(len(added)) if j not in ordered]

    def solve(self) -> Choice | None:
        """Find the least arrangement; None if none was found."""
        domain = self.fitting.copy()
        found = self._complete(domain)
        if found is None:
            return None
        for place in range(len(found)):
            for content in self._distinct(domain[:, place]):
                if self.kinds[content] == self.kinds[found[place]]:
                    break
                other = self._complete(_with(domain, content, place))
                if other is not None:
                    found = other
                    break
            domain = _with(domain, found[place], place)
        return found

    def _complete(self, domain: Domain) -> Choice | None:
        """Find an arrangement within a domain; None if there is none, or if that is not settled."""
        self.examined += 1
        if self.examined > NODES:
            self.settled = False
            return None
        if not self._propagate(domain):
            return None
        guess = None
        for guess in self._guesses(domain):
            if guess is None:
                return None
            if self._excess(guess).max(initial=0.0) <= 0.0:
                return guess
        open_places = np.flatnonzero(domain.sum(axis=0) > 1)
        if not len(open_places) or guess is None:
            return None
        place = open_places[domain[:, open_places].sum(axis=0).argmin()]
        contents = sorted(self._distinct(domain[:, place]), key=lambda c: self.kinds[c] != self.kinds[guess[place]])
        for content in contents:
            found = self._complete(_with(domain, content, place))
            if found is not None:
                return found
        return None

    def _distinct(self, allowed: npt.NDArray[np.bool_]) -> list[int]:
        """List contents that are allowed, ascending, one of each kind."""
        contents = np.flatnonzero(allowed)
        return list(contents[np.unique(self.kinds[contents], return_index=True)[1]])

    def _excess(self, choice: Choice) -> npt.NDArray[np.float64]:
        """Return by how much an arrangement exceeds each limit, `J`."""
        return np.asarray(self.added[:, choice, self.size].sum(axis=1) - self.limits)

    def _propagate(self, domain: Domain) -> bool:
        """Drop, in place, contents that no arrangement has in a place; tell whether every place has one left."""
        added, limits, before = self.added[self.sums], self.limits[self.sums], -1
        while before != (before := int(domain.sum())):
            for order in self.orders:
                if not domain.any(axis=0).all():
                    return False
                order.narrow(domain)
            if not (domain.any(axis=0).all() and domain.any(axis=1).all()):
                return False
            if self.sums:
                least = np.where(domain, added, np.inf).min(axis=1)
                room = limits - least.sum(axis=1)
                if (room < 0.0).any():
                    return False
                domain &= (added - least[:, None] <= room[:, None, None]).all(axis=0)
        return True

    def _guesses(self, domain: Domain) -> Iterator[Choice | None]:
        """Propose arrangements; None if there is none that keeps all sums."""
        costs = [order.cost for order in self.orders] or [np.zeros(domain.shape)] * (not self.sums)
        for cost in costs:
            yield _assigned(domain, cost)
        for j in self.sums:
            choice = _assigned(domain, self.added[j])
            yield None if choice is None or self._excess(choice)[j] > 0.0 else choice
        if len(self.sums) < 2:
            return
        multipliers = np.full(len(self.sums), 1.0 / len(self.sums))
        scale = self.scale[self.sums]
        for step in range(MULTIPLIERS):
            choice = _assigned(domain, np.tensordot(multipliers / scale, self.added[self.sums], 1))
            excess = None if choice is None else self._excess(choice)[self.sums] / scale
            yield None if excess is None or multipliers @ excess > 1e-12 else choice
            norm = float(excess @ excess) if excess is not None else 0.0
            multipliers = np.maximum(multipliers + excess / np.sqrt(norm + 1e-300) / (1.0 + step), 0.0)


class _Order:
    """Places of which one must not exceed the other: `value(p) <= value(q) + gaps[p, q]`.

    Attributes:
        values: The numbers of the n contents that are compared.
        gaps: The constraints, and those that follow from them, `n x n`.
        cost: Costs of contents in places by which the cheapest assignment puts greater values behind lesser ones.
        constraints: The indices of the constraints that it stands for.
    """

    def __init__(self, values: npt.NDArray[np.float64]) -> None:
        n = len(values)
        self.values = values
        self.gaps = np.where(np.eye(n, dtype=bool), 0.0, np.inf)
        self.constraints: list[int] = []

    def close(self) -> None:
        """Add what follows from the constraints (Floyd and Warshall)."""
        for middle in range(len(self.gaps)):
            self.gaps = np.minimum(self.gaps, self.gaps[:, middle, None] + self.gaps[middle])
        self.cost = -np.outer(self.values, np.isfinite(self.gaps).sum(axis=0))

    def narrow(self, domain: Domain) -> None:
        """Drop, in place, contents that are too small or too great for their place."""
        values = self.values[:, None]
        least = np.where(domain, values, np.inf).min(axis=0)
        most = np.where(domain, values, -np.inf).max(axis=0)
        domain &= (values <= (most + self.gaps).min(axis=1)) & (values >= (least[:, None] - self.gaps).max(axis=0))


def _orders(
    added: Matrix, limits: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]
) -> Iterator[_Order]:
    """Collect the constraints that compare the same numbers of the contents of two places."""
    orders: list[_Order] = []
    for j in range(len(added)):
        places = np.flatnonzero(added[j].any(axis=0))
        if len(places) != 2 or not np.array_equal(added[j][:, places[0]], -added[j][:, places[1]]):
            continue
        low, high = places
        values = added[j][:, low] / scale[j]
        if values[np.flatnonzero(values)[0]] < 0.0:
            low, high, values = high, low, -values
        order = next((o for o in orders if np.allclose(o.values, values, rtol=1e-12, atol=0.0)), None)
        if order is None:
            orders.append(order := _Order(values))
        order.gaps[low, high] = min(order.gaps[low, high], limits[j] / scale[j])
        order.constraints.append(j)
    for order in orders:
        order.close()
        yield order


def _with(domain: Domain, content: int, place: int) -> Domain:
    """Return a domain in which a content is in its place."""
    fixed = domain.copy()
    fixed[content] = fixed[:, place] = False
    fixed[content, place] = True
    return fixed


def _assigned(domain: Domain, cost: Matrix) -> Choice | None:
    """Return the cheapest arrangement within a domain; None if there is none."""
    from scipy.optimize import linear_sum_assignment

    try:
        return np.asarray(linear_sum_assignment(np.where(domain, cost, np.inf).T)[1])
    except ValueError:  # every arrangement costs inf
        return None


def sorted_among_alike(choice: Choice, fitting: Domain, added: Matrix) -> Choice:
    """Sort the contents of places that are alike in all constraints."""
    arranged = choice.copy()
    alike: dict[bytes, list[int]] = {}
    for place in range(len(choice)):
        alike.setdefault(fitting[:, place].tobytes() + added[:, :, place].tobytes(), []).append(place)
    for places in alike.values():
        arranged[places] = np.sort(choice[places])
    return arranged
