"""Sending what was proposed: one call to Redis in each tick and lane for all rooms that have something."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from pylingo.reactor.bus.redis.blob import encode_batch, events_in
from pylingo.reactor.bus.redis.changes import pack_changes
from pylingo.reactor.bus.redis.counters import Counters
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Feed, Flight, Proposal
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.waiting import Replicas
from pylingo.reactor.history.charter import LOGGED

MOST_EVENTS = 1_000
"""The most events of a batch. Those above it wait for the next one."""
MOST_BYTES = 256 << 10
"""The most bytes of the frames of a batch, and of the batches of a call. A single frame may be larger."""
MOST_ROOMS = 100
"""The most rooms of a call: Redis does nothing else meanwhile."""
ROOM_KINDS = "rhmnto"
"""The kinds of keys of a room, in the order in which the functions expect them; `dead` follows."""
_STREAM_AND_HEAD = 2  # the keys that are enough for a batch of messages alone

type Committed = Callable[[list[Flight], Any], object]
"""Gets the flights of a call, and the reply: a stamp for each flight, or a `RedisError`."""
type Commit = Callable[[Iterable[Feed], Committed], object]
"""Sends the pending proposals of feeds that have nothing in flight."""


def room_keys(keys: Keys, feed: Feed) -> list[str]:
    """The keys of a room in the order in which the functions expect them."""
    return [keys.key(feed.lane, f"{kind}:{feed.key}") for kind in (*ROOM_KINDS, "dead")]


class Committer:
    """Commits for the server with the number `server`. `generations` has the newest one of its fence in each lane.

    `clock` gives microseconds since 1970. `newest` is the newest stamp that this server knows, of all rooms: a stamp
    that it proposes is above it. So what people say because of what they read gets a higher stamp, in any room.
    """

    def __init__(
        self,
        deployment: Deployment,
        keys: Keys,
        server: int,
        generations: dict[int, int],
        keep: int,
        replicas: Replicas,
        clock: Callable[[], int],
        counters: Counters,
    ) -> None:
        self.newest = 0
        self._counters = counters
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._generations = generations
        self._keep = keep
        self._replicas = replicas
        self._clock = clock
        self._sequence = 0

    def saw(self, stamp: int) -> None:
        """Take note of a stamp."""
        if stamp > self.newest:
            self.newest = stamp

    def commit(self, feeds: Iterable[Feed], committed: Committed) -> None:
        """Send the pending proposals of the feeds, which have nothing in flight."""
        lanes: dict[int, list[Feed]] = {}
        for feed in feeds:
            lanes.setdefault(feed.lane, []).append(feed)
        for lane, those in lanes.items():
            self._commit_lane(lane, those, committed)

    def _commit_lane(self, lane: int, feeds: list[Feed], committed: Committed) -> None:
        flights: list[Flight] = []
        keys: list[str] = []
        args: list[str | int | bytes] = []
        size = 0
        for feed in feeds:
            if flights and (len(flights) >= MOST_ROOMS or size > MOST_BYTES):
                self._call(lane, flights, keys, args, committed)
                flights, keys, args, size = [], [], [], 0
            flight, batch = self._take_off(feed)
            flights.append(flight)
            parts = [proposal.part for proposal in flight.proposals]
            count = events_in(parts)
            changes = pack_changes(parts, LOGGED in feed.charter.fields)
            keys += room_keys(self._keys, feed)[: None if changes else _STREAM_AND_HEAD]
            args += (feed.key, feed.name, self._propose_stamp(feed, count), count, batch, changes)
            size += len(batch)
            self._counters.events += count
        self._call(lane, flights, keys, args, committed)

    def _call(
        self, lane: int, flights: list[Flight], keys: list[str], args: list[str | int | bytes], committed: Committed
    ) -> None:
        self._counters.commits += 1
        self._counters.batches += len(flights)
        key = functools.partial(self._keys.key, lane)
        if self._counters.observe_commit is not None:
            committed = self._timed(self._counters.observe_commit, committed)
        lane_keys = (key(f"fence:{self._server}"), key(f"here:{self._server}"), key("rooms"))
        self._deployment.commits(lane).call(
            functools.partial(committed, flights),
            "FCALL",
            function("commit"),
            len(lane_keys) + len(keys),
            *lane_keys,
            *keys,
            self._generations[lane],
            self._keep,
            self._keys.channel(lane, ""),
            *args,
        )
        self._replicas.wait(lane, flights)

    def _timed(self, observe: Callable[[float], object], committed: Committed) -> Committed:
        """As `committed`, which observes how long the call took."""
        begin = self._clock()

        def answered(flights: list[Flight], reply: Any) -> None:
            observe(max(0, self._clock() - begin) / 1e6)
            committed(flights, reply)

        return answered

    def _take_off(self, feed: Feed) -> tuple[Flight, bytes]:
        proposals = _next_batch(feed)
        self._sequence += 1
        flight = Flight(feed, self._sequence, proposals, is_confirmed=not self._replicas.count)
        feed.flight = flight
        return flight, encode_batch(self._server, self._sequence, [proposal.part for proposal in proposals])

    def _propose_stamp(self, feed: Feed, count: int) -> int:
        self.newest = max(self._clock(), self.newest + 1, feed.received + 1) + count - 1
        return self.newest


def _next_batch(feed: Feed) -> list[Proposal]:
    """Take the proposals of the next batch out of those that are pending."""
    size = events = count = 0
    for proposal in feed.pending[:MOST_EVENTS]:
        size += proposal.part.size
        events += proposal.part.count
        if count and (size > MOST_BYTES or events > MOST_EVENTS):
            break
        count += 1
    batch, feed.pending = feed.pending[:count], feed.pending[count:]
    return batch
