"""Reading rooms from Redis: opening a feed, and reading the batches that are missing."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.reactor.bus.redis.blob import read_batch
from pylingo.reactor.bus.redis.changes import read_charter, read_members, read_topic
from pylingo.reactor.bus.redis.counters import Counters
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Arrival, Feed, FeedState, Flight, Gap, Reading
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.engine.loop import Reactor

_PAGE = 100  # batches of one reply
_RETRY = 0.2  # seconds

type Entry = tuple[bytes, Sequence[bytes]]
"""An entry of a stream: its ID, and its fields and values in turn."""


def read_arrival(entry: Entry) -> Arrival:
    """The batch in an entry of a room's stream."""
    fields = dict(zip(entry[1][::2], entry[1][1::2], strict=True))
    return Arrival(int(fields.get(b"p", b"0")), int(entry[0].partition(b"-")[0]), fields[b"b"])


def is_batch_of(flight: Flight, server: int, arrival: Arrival) -> bool:
    """Whether a batch is the one of a flight of this server."""
    batch = read_batch(arrival.data, arrival.offset)
    return (batch.origin, batch.sequence) == (server, flight.sequence)


class Reader:
    """Reads for the feeds of the server with the number `server`.

    `began(feed)` is called when a feed has begun, and `caught_up(feed)` when it has taken everything that was missing.
    A reply that is an error is asked for again, except that a lost connection ends the reading: when it is there again,
    `open` and `repair` are to be called again.
    """

    def __init__(
        self,
        reactor: Reactor,
        deployment: Deployment,
        keys: Keys,
        server: int,
        began: Callable[[Feed], object],
        caught_up: Callable[[Feed], object],
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._began = began
        self._caught_up = caught_up

    def subscribe(self, lane: int, feeds: Sequence[Feed]) -> None:
        """Subscribe the channels of feeds of one lane."""
        channels = [self._keys.channel(lane, f"r:{feed.key}") for feed in feeds]
        self._deployment.ears(lane).tell("SSUBSCRIBE", *channels)

    def unsubscribe(self, feed: Feed) -> None:
        self._deployment.ears(feed.lane).tell("SUNSUBSCRIBE", self._keys.channel(feed.lane, f"r:{feed.key}"))

    def open(self, feed: Feed) -> None:
        """Subscribe the room and ask for its head."""
        self.subscribe(feed.lane, [feed])
        self._look(feed, functools.partial(self._begin, feed))

    def _begin(self, feed: Feed, reading: Reading) -> None:
        if feed.state is FeedState.OPENING:
            feed.begin(reading)
            self._began(feed)

    def repair(self, feed: Feed) -> None:
        """Read the batches above the newest one that has come."""
        self._counters.repairs += 1
        feed.state = FeedState.REPAIRING
        self._read_page(feed, None)

    def find(self, flight: Flight, found: Callable[[int], object]) -> None:
        """Look for a batch in a room's stream; `found` gets its stamp, 0 if it is not there."""

        def read(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                return
            if isinstance(reply, RedisError):
                self._reactor.call_later(_RETRY, self.find, flight, found)
                return
            for arrival in map(read_arrival, reply):
                if is_batch_of(flight, self._server, arrival):
                    found(arrival.top)
                    return
            found(0)

        feed = flight.feed
        self._deployment.ears(feed.lane).call(read, "XREVRANGE", self._keys.key(feed.lane, f"r:{feed.key}"), "+", "-")

    def _look(self, feed: Feed, read: Callable[[Reading], object]) -> None:
        def answer(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                return
            if isinstance(reply, RedisError):
                self._reactor.call_later(_RETRY, self._look, feed, read)
                return
            name, head, members, topic, charter = reply
            room = read_members(members), read_topic(topic), read_charter(charter)
            read(Reading(name.decode(), int(head), *room))

        kinds = [self._keys.key(feed.lane, rest) for rest in ("rooms", *(f"{kind}:{feed.key}" for kind in "hmto"))]
        self._deployment.ears(feed.lane).call(
            answer, "FCALL", function("look"), len(kinds), *kinds, feed.key, feed.name
        )

    def _read_page(self, feed: Feed, reading: Reading | None) -> None:
        """Read on above what has come. `reading` is what the room was at some stamp, if batches are gone."""
        self._deployment.ears(feed.lane).call(
            functools.partial(self._page_read, feed, reading),
            "XRANGE",
            self._keys.key(feed.lane, f"r:{feed.key}"),
            f"({feed.received}-0",
            "+",
            "COUNT",
            _PAGE,
        )

    def _page_read(self, feed: Feed, reading: Reading | None, reply: Any) -> None:
        if isinstance(reply, LinkLost) or feed.state is not FeedState.REPAIRING:
            return
        if isinstance(reply, RedisError):
            self._reactor.call_later(_RETRY, self._read_page, feed, reading)
            return
        for entry in reply:
            arrival = read_arrival(entry)
            if arrival.top <= feed.received:
                continue
            if arrival.before > feed.received:
                if reading is None or reading.head < feed.received:
                    self._look(feed, functools.partial(self._read_page, feed))
                    return
                feed.ready.append(Gap(feed.received, arrival.before))
            if reading is not None and arrival.top > reading.head >= feed.received:
                feed.ready.append(reading)
            feed.take(arrival)
        if len(reply) == _PAGE:
            self._read_page(feed, reading)
            return
        if reading is not None and reading.head >= feed.received:
            feed.ready.append(reading)
        self._caught_up(feed)
