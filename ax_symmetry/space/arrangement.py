"""Put the contents of blocks into places: the least arrangement that linear constraints allow.

The places are filled one after the other, each with the least content that leaves the rest feasible. Whether it does is
decided by bounds along orders of places, and by linear assignment problems: what a sum is at least with any one content
in any one place is exact, by shortest paths from the best assignment. For several sums the multipliers of a Lagrangian
(Held and Karp, 1971) combine them. Every solution of such a problem is an arrangement, and one that keeps all
constraints proves that there is one. What none of this settles is tried out, place by place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

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
    """The least arrangement of n contents in n places, in the order in which these are compared.

    Args:
        ranks: The rank of each content in each place, `n x n`; contents of one rank are equal there.
        fitting: Which content may be in which place.
        added: What a content in a place adds to each of J sums, `J x n x n`.
        limits: The most that the sums may be, `J`.

    Attributes:
        examined: How many partial arrangements were examined.
        settled: Whether the arrangement found is known to be the least, or to be none because there is none.
    """

    def __init__(
        self, ranks: npt.NDArray[np.intp], fitting: Domain, added: Matrix, limits: npt.NDArray[np.float64]
    ) -> None:
        self.ranks, self.fitting, self.added, self.limits = ranks, fitting, added, limits
        self.examined, self.settled = 0, True
        self.size = np.arange(len(ranks))
        scale = np.abs(np.where(fitting, added, 0.0)).max(axis=(1, 2), initial=0.0)
        self.scale = np.where(scale > 0.0, scale, 1.0)
        self.orders = list(_orders(added, limits, self.scale))
        ordered = {j for order in self.orders for j in order.constraints}
        self.sums = [j for j in range(len(added)) if j not in ordered]

    def solve(self) -> Choice | None:
        """Find the least arrangement; None if none was found."""
        domain = self.fitting.copy()
        for order in self.orders:
            order.confine(domain)
        found = self._complete(domain)
        if found is None:
            return None
        for place in range(len(found)):
            for content in self._distinct(domain, place):
                filled = _with(domain, content, place)
                other = self._complete(filled)
                if other is None and self.ranks[content, place] != self.ranks[found[place], place]:
                    continue
                domain, found = (filled, other) if other is not None else (_with(domain, found[place], place), found)
                break
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
            if self._keeps_all(guess):
                return guess
        open_places = np.flatnonzero(domain.sum(axis=0) > 1)
        if not len(open_places) or guess is None:
            return None
        place = open_places[domain[:, open_places].sum(axis=0).argmin()]
        for content in sorted(self._distinct(domain, place), key=lambda content: content != guess[place]):
            found = self._complete(_with(domain, content, place))
            if found is not None:
                return found
        return None

    def _distinct(self, domain: Domain, place: int) -> list[int]:
        """List the contents that a place may have, ascending, one of each rank."""
        contents = np.flatnonzero(domain[:, place])
        return list(contents[np.unique(self.ranks[contents, place], return_index=True)[1]])

    def _keeps_all(self, choice: Choice) -> bool:
        """Tell whether an arrangement keeps all constraints."""
        return bool((self.added[:, choice, self.size].sum(axis=1) <= self.limits).all())

    def _propagate(self, domain: Domain) -> bool:
        """Drop, in place, contents that the orders of places exclude; tell whether every place has one left."""
        before = -1
        while self.orders and before != (before := int(domain.sum())):
            for order in self.orders:
                if not domain.any(axis=0).all():
                    return False
                order.narrow(domain)
        return bool(domain.any(axis=0).all() and domain.any(axis=1).all())

    def _guesses(self, domain: Domain) -> Iterator[Choice | None]:
        """Propose arrangements; None if there is none that keeps all sums. Drop contents, in place, that break one."""
        for cost in [order.cost for order in self.orders] or [np.zeros(domain.shape)] * (not self.sums):
            yield _assigned(domain, cost)
        for j in self.sums:
            choice = _assigned(domain, self.added[j])
            if choice is not None:
                domain &= _least_sums(domain, self.added[j], choice) <= self.limits[j]
                choice = choice if domain[choice, self.size].all() else None
            yield choice
        if len(self.sums) < 2:
            return
        scale = self.scale[self.sums]
        added, limits = self.added[self.sums] / scale[:, None, None], self.limits[self.sums] / scale
        multipliers = np.full(len(self.sums), 1.0 / len(self.sums))
        for step in range(MULTIPLIERS):
            choice = _assigned(domain, np.tensordot(multipliers, added, 1))
            if choice is None:
                yield None
                return
            excess = added[:, choice, self.size].sum(axis=1) - limits
            yield None if multipliers @ excess > 1e-12 else choice
            multipliers = np.maximum(multipliers + excess / (1.0 + step) / np.abs(excess).max(), 0.0)


def least_arrangement(
    ranks: npt.NDArray[np.intp], fitting: Domain, added: Matrix, limits: npt.NDArray[np.float64]
) -> tuple[Choice | None, bool]:
    """Find the least arrangement, and whether that is settled; see `Arrangement`.

    Ax asks about one candidate, and the trials before it, again and again: answers are remembered.
    """
    return _remembered(len(ranks), ranks.tobytes(), fitting.tobytes(), added.tobytes(), limits.tobytes())


@lru_cache(maxsize=1024)
def _remembered(n: int, ranks: bytes, fitting: bytes, added: bytes, limits: bytes) -> tuple[Choice | None, bool]:
    arrangement = Arrangement(
        np.frombuffer(ranks, dtype=np.intp).reshape(n, n),
        np.frombuffer(fitting, dtype=bool).reshape(n, n),
        np.frombuffer(added).reshape(-1, n, n),
        np.frombuffer(limits),
    )
    return arrangement.solve(), arrangement.settled


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

    def confine(self, domain: Domain) -> None:
        """Drop, in place, contents that lack others to come before or behind them.

        A place and the k that must not exceed it hold k + 1 different contents, so that it is at least the one of rank
        k among all, less the gap.
        """
        before = np.isfinite(self.gaps)
        related = (before.sum(axis=0) > 1) | (before.sum(axis=1) > 1)
        values = np.sort(self.values[domain[:, related].any(axis=1)])
        if len(values) < related.sum():
            domain[:] = False
            return
        gap = np.where(before, self.gaps, -np.inf)
        for place in np.flatnonzero(related):
            least = values[before[:, place].sum() - 1] - gap[:, place].max()
            most = values[-before[place].sum()] + gap[place].max()
            domain[:, place] &= (self.values >= least) & (self.values <= most)

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


def _least_sums(domain: Domain, cost: Matrix, cheapest: Choice) -> Matrix:
    """Return the least cost of an arrangement with each content in each place, `n x n`; inf where there is none.

    A content that takes the place of another displaces it to a third place, and so on until the place that it left is
    filled: the cheapest such way is a shortest path (Floyd and Warshall) between places.
    """
    own = cost[cheapest, np.arange(len(cheapest))]
    steps = np.where(domain, cost, np.inf) - own  # of each content to each place, less what is there
    paths = steps[cheapest]
    for middle in range(len(paths)):
        paths = np.minimum(paths, paths[:, middle, None] + paths[middle])
    home = np.argsort(cheapest)  # the place of each content
    least = steps + np.where(np.arange(len(own)) == home[:, None], 0.0, paths.T[home])
    return np.asarray(own.sum() + least)


def sorted_among_alike(choice: Choice, fitting: Domain, added: Matrix) -> Choice:
    """Sort the contents of places that are alike in all constraints."""
    arranged = choice.copy()
    alike: dict[bytes, list[int]] = {}
    for place in range(len(choice)):
        alike.setdefault(fitting[:, place].tobytes() + added[:, :, place].tobytes(), []).append(place)
    for places in alike.values():
        arranged[places] = np.sort(choice[places])
    return arranged
