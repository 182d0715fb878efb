"""How fast requests are handled: the rate of each connection, and that of each address.

Both are the generic cell rate algorithm (GCRA): of a stream of requests only the *theoretical arrival time* is kept,
the time at which the next request would come at exactly the permitted rate. A request may come earlier than that by
the burst tolerance. A request that comes earlier still has to wait; nothing is dropped.

A connection's rate begins with the connection. A client that connects, spends its burst and hangs up, again and again,
would have no limit at all. So each address has a rate as well, as large as those of sixteen connections, and it
outlives them.
"""

import collections
import itertools

CONNECTIONS = 16
"""The number of connections whose rate and burst an address has."""
_FORGOTTEN_EACH = 2  # entries looked at for each new one: twice as many are forgotten as can come


class Pace:
    """A rate limit: one request each `emission_interval` seconds in the long run, 0 for no limit.

    A request may come `burst_tolerance` seconds before its theoretical arrival time.
    """

    __slots__ = ("burst_tolerance", "emission_interval")

    def __init__(self) -> None:
        self.emission_interval = 0.0
        self.burst_tolerance = 0.0

    def set(self, rate: float, burst: int) -> None:
        """Allow `rate` requests per second, 0 for no limit, and `burst` requests at once."""
        self.emission_interval = 1 / rate if rate else 0.0
        self.burst_tolerance = (burst - 1) * self.emission_interval

    def next_arrival(self, arrival: float, now: float) -> float:
        """The theoretical arrival time of the request after one that comes at `now` and was expected at `arrival`."""
        return max(arrival, now) + self.emission_interval

    def delay(self, arrival: float, now: float) -> float:
        """The seconds that a request which is expected at `arrival` has to wait at `now`, 0 if it may come."""
        return max(0.0, arrival - now - self.burst_tolerance) if self.emission_interval else 0.0


class AddressPace:
    """The rate of each address. Addresses that have been quiet are forgotten, so it takes little memory."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._arrivals: collections.OrderedDict[str, float] = collections.OrderedDict()  # theoretical, by address

    def __len__(self) -> int:
        return len(self._arrivals)

    def set(self, rate: float, burst: int) -> None:
        """Set the rate and the burst of one connection; an address has sixteen times both."""
        self._pace.set(rate * CONNECTIONS, burst * CONNECTIONS)

    def reserve(self, key: str, now: float) -> float:
        """Count a request of the address `key`; return the seconds that it has to wait."""
        if key not in self._arrivals:
            self._forget_quiet(now)
        arrival = self._arrivals.get(key, now)
        self._arrivals[key] = self._pace.next_arrival(arrival, now)
        self._arrivals.move_to_end(key)
        return self._pace.delay(arrival, now)

    def give_back(self, key: str) -> None:
        """Take back a request that was counted and will never be handled."""
        if key in self._arrivals:
            self._arrivals[key] -= self._pace.emission_interval

    def _forget_quiet(self, now: float) -> None:
        """Forget addresses whose burst is whole again. Those used last are at the end, so the first are the oldest."""
        for key in list(itertools.islice(self._arrivals, _FORGOTTEN_EACH)):
            if self._arrivals[key] <= now:
                del self._arrivals[key]
