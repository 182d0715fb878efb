"""The pace of an address: what all its connections together may ask for, however often they begin anew.

A connection has a pace of its own, which begins with it. Somebody who connects, spends a burst and hangs up, again and
again, would have no pace at all. An address has a bucket as large as those of sixteen connections, which outlives them.
"""

import collections
import itertools

CONNECTIONS = 16
"""How many connections' rate and burst an address has."""
_FEW = 2  # buckets looked at for each new one: twice as many are forgotten as can come


class AddressPace:
    """A bucket for each address (GCRA). Full ones are forgotten, so only those of the last seconds take memory.

    The pace is that of `CONNECTIONS` connections; `interval` and `burst` are those of one.
    """

    def __init__(self, interval: float = 0.0, burst: int = 1) -> None:
        self._due: collections.OrderedDict[str, float] = collections.OrderedDict()  # when each bucket is full again
        self.change(interval, burst)

    def __len__(self) -> int:
        return len(self._due)

    def change(self, interval: float, burst: int) -> None:
        """Go on with another pace of a connection."""
        self._interval = interval / CONNECTIONS
        self._tolerance = (burst * CONNECTIONS - 1) * self._interval

    def reserve(self, key: str, now: float) -> float:
        """Count a request of an address; returns the seconds that it has to wait."""
        due = self._due.get(key, 0.0)
        if not due:
            self._forget(now)
        due = max(now, due)
        self._due[key] = due + self._interval
        self._due.move_to_end(key)
        return max(0.0, due - now - self._tolerance)

    def give_back(self, key: str) -> None:
        """A request that was counted will never be handled."""
        if key in self._due:
            self._due[key] -= self._interval

    def _forget(self, now: float) -> None:
        """Forget full buckets. Those used last are at the end, so the first ones have had the longest time."""
        for key in list(itertools.islice(self._due, _FEW)):
            if self._due[key] <= now:
                del self._due[key]
