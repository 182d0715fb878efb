"""Which Redis server has which lane: the slots of a Redis Cluster, or one server for all. Pure.

A lane is a hash tag, so all keys and channels of a lane are in one slot.
"""

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.bus.redis.place import Place

SLOTS = 16_384


def slot_of(lane: int) -> int:
    """The slot of the hash tag of a lane: CRC-16/XMODEM, as in the specification of Redis Cluster."""
    return binascii.crc_hqx(str(lane).encode(), 0) % SLOTS


@dataclass(frozen=True, slots=True)
class Layout:
    """The primaries, each with its first and its last slot; the places of all servers, replicas included."""

    ranges: tuple[tuple[int, int, Place], ...]
    all: tuple[Place, ...] = ()

    def place(self, lane: int) -> Place | None:
        """The place of the primary that has the lane; None if no server has its slot."""
        slot = slot_of(lane)
        return next((place for first, last, place in self.ranges if first <= slot <= last), None)


def whole(place: Place) -> Layout:
    """The layout of one server that has everything."""
    return Layout(((0, SLOTS - 1, place),), (place,))


def read_slots(reply: Sequence[Any], asked: Place, at: Callable[[str, int], Place]) -> Layout:
    """Return the layout in a reply to CLUSTER SLOTS of the server at `asked`. `at` makes the place of a host and port.

    A server that does not know its own host leaves it out: it is the one that was asked.
    """

    def place_of(server: Sequence[Any]) -> Place:
        host = bytes(server[0] or b"").decode()
        return at(host or asked.host, server[1]) if host or asked.host else asked

    ranges = tuple((first, last, place_of(servers[0])) for first, last, *servers in reply)
    every = dict.fromkeys(place_of(server) for _, _, *servers in reply for server in servers)
    return Layout(ranges, tuple(every))
