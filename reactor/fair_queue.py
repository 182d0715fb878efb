"""A fair queue for requests: each tick has a budget of work, shared by all peers.

Requests differ in cost by a factor of a thousand, and requests of all peers may arrive in one tick. While the budget
lasts, requests are handled as they come. The others wait for later ticks, in the order of virtual clocks, as routers
schedule packets: each peer has a clock that its requests advance by their cost, and that never falls behind the real
clock, which advances slowly in this unit. The request that ends first on its peer's clock comes first. A cheap request
of a quiet peer overtakes the costly ones of a thousand others, which get equal shares of the work.

Costs are counted, not measured, in units of about a microsecond on a machine of 2024. The elapsed time is checked too,
for costs that no count foresees.
"""

import heapq
import itertools
from typing import Protocol

from pylingo.reactor.engine.loop import Reactor

BUDGET = 4_000.0
"""Units of work in one tick. The last request may exceed it."""
SECONDS = 0.005
"""Seconds of a tick after which no more requests are handled, whatever was counted."""
SENDING = 0.005
"""Seconds of a tick in which replies and room frames are sent."""
_SHARE = 100.0  # units of work that the real clock advances in a second: a peer that asks for less never waits longer
_FORGIVEN = 1_000.0  # units: work done while nobody waited puts a peer back by no more than this

# The work of a request: for itself, for each byte, and for each byte that may begin a map or an array. UTF-8 has such
# bytes as well, but a text with them costs about as much.
_REQUEST, _BYTE, _CONTAINER = 10.0, 0.015, 0.12
_CONTAINERS = bytes(0x80 <= code <= 0x9F or 0xDC <= code <= 0xDF for code in range(256))  # 1 for such a byte


def cost_of(body: bytes) -> float:
    """An upper bound of the work of reading a request."""
    return _REQUEST + _BYTE * len(body) + _CONTAINER * body.translate(_CONTAINERS).count(1)


class Requester(Protocol):
    """A peer with requests. `used`, its virtual clock, belongs to the queue and begins at 0."""

    used: float

    def take_turn(self) -> None:
        """The request that waits may be handled: ask `admit` again."""


class FairQueue[P: Requester]:
    """Decides whose request is handled next. The cost of a tick does not depend on the number of waiting peers."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._waiting: list[tuple[float, int, P]] = []  # a heap by the end of the request on the peer's clock
        self._order = itertools.count()
        self._tick = -1
        self._left = 0.0
        self._served: P | None = None  # the peer whose turn has come
        self._is_scheduled = False

    def admit(self, peer: P, cost: float) -> bool:
        """Whether a request of about `cost` may be handled now. If not, `take_turn` is called in a later tick."""
        if peer is self._served:
            self._served = None
            return True
        if not self._waiting and self._has_left():
            return True
        start = max(peer.used, self._reactor.now * _SHARE)
        heapq.heappush(self._waiting, (start + cost, next(self._order), peer))
        self._schedule()
        return False

    def charge(self, peer: P, cost: float) -> None:
        """Count `cost` for a request of `peer` that was handled."""
        self._left -= cost
        now = self._reactor.now * _SHARE
        peer.used = max(peer.used, now) + cost
        if not self._waiting:
            peer.used = min(peer.used, now + _FORGIVEN)

    def _has_left(self) -> bool:
        if self._tick != self._reactor.ticks:
            self._tick = self._reactor.ticks
            self._left = (
                BUDGET if not self._reactor.is_behind else BUDGET / 10
            )  # messages of earlier ticks are still being sent
        return self._left > 0 and self._reactor.clock() - self._reactor.now < SECONDS

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            self._reactor.call_soon(self._serve)

    def _serve(self) -> None:
        self._is_scheduled = False
        has_left = True  # handle at least one request in each tick, or all might wait for ever
        self._has_left()
        while self._waiting and has_left:
            _, _, peer = heapq.heappop(self._waiting)
            self._served = peer
            self._reactor.run_safely(peer.take_turn)
            self._served = None
            has_left = self._has_left()
        self._schedule()
