"""A tick's work, shared fairly by what it costs.

Requests differ in cost by a factor of a thousand, and all that peers have sent may be there in one tick. A tick
therefore has a budget for all of them together. While there is some left, requests are handled as they come. After
that they wait for later ticks, in an order that is known in networks as that of virtual clocks. Each peer has a clock
of its own that its requests move forward by what they cost; it is never behind the real one, which goes slowly in this
measure. The request that ends first on its peer's clock comes first. So a cheap request of a peer
that asks for little overtakes the costly ones of a thousand others, and among those each gets the same work done.

Costs are counted and not measured, in units of about a microsecond on a machine of 2024. The time that has passed is
looked at as well, for what no count foresees.
"""

import heapq
import itertools
from typing import Protocol

from pylingo.reactor.engine.loop import Reactor

BUDGET = 4_000.0
"""Units of work in one tick. The last request that fits it may go beyond."""
SECONDS = 0.005
"""Seconds of a tick after which no more requests are handled, whatever was counted."""
SENDING = 0.005
"""Seconds of a tick in which their answers and the rooms' frames are sent."""
_SHARE = 100.0  # units of work in a second of the real clock: a peer that asks for less is never behind others
_FORGIVEN = 1_000.0  # units: a peer is not further behind for what it asked for while nobody had to wait


# What a request costs, in units of work: for itself, for a byte, and for what may be a map or an array.
# Bytes that begin one are counted, so it is never less; UTF-8 has them, too, but in texts they cost about as much.
_REQUEST, _BYTE, _CONTAINER = 10.0, 0.015, 0.12
_NOT_CONTAINERS = bytes(code for code in range(256) if not (0x80 <= code <= 0x9F or 0xDC <= code <= 0xDF))


def cost_of(body: bytes) -> float:
    """What it costs to read a request at the most."""
    return _REQUEST + _BYTE * len(body) + _CONTAINER * len(body.translate(None, _NOT_CONTAINERS))


class Requester(Protocol):
    """Somebody with requests. `used`, the peer's clock, belongs to the queue: it is 0 at first."""

    used: float

    def take_turn(self) -> None:
        """Ask again: the next request may be handled."""


class FairQueue[P: Requester]:
    """Says whose request is handled next. A tick costs the same however many wait."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._waiting: list[tuple[float, int, P]] = []  # a heap by the end on the peer's clock
        self._order = itertools.count()
        self._tick = -1
        self._left = 0.0
        self._served: P | None = None  # the peer whose turn has come
        self._is_scheduled = False

    def admit(self, peer: P, cost: float) -> bool:
        """Whether a request of about that cost may be handled now; else `take_turn` is called in a later tick."""
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
        """A request of `peer` was handled, and has cost so much."""
        self._left -= cost
        now = self._reactor.now * _SHARE
        peer.used = max(peer.used, now) + cost
        if not self._waiting:
            peer.used = min(peer.used, now + _FORGIVEN)

    def _has_left(self) -> bool:
        if self._tick != self._reactor.ticks:
            self._tick = self._reactor.ticks
            self._left = BUDGET if not self._reactor.is_behind else BUDGET / 10  # what was said before is still sent
        return self._left > 0 and self._reactor.clock() - self._reactor.now < SECONDS

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            self._reactor.call_soon(self._serve)

    def _serve(self) -> None:
        self._is_scheduled = False
        has_left = True  # something is handled in each tick, or all might wait for ever
        self._has_left()
        while self._waiting and has_left:
            _, _, peer = heapq.heappop(self._waiting)
            self._served = peer
            self._reactor.run_safely(peer.take_turn)
            self._served = None
            has_left = self._has_left()
        self._schedule()
