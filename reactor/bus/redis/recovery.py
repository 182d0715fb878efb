"""The way back after the connections to Redis were made, for the first time or again.

1. Load the library, since this may be another Redis.
2. Renew the fence in each lane: nothing that is still on its way over an old connection takes effect from now on.
3. Learn what other servers have taken meanwhile, and Redis's time.
4. Subscribe all rooms, and compare their heads with ours. If Redis is behind, it has lost its newest data: restore
   that. If Redis was started anew, or is another one, give the other servers time to do the same, and compare again.
5. Read what is missing here, room by room. Then proposals go on.

If a step fails, everything begins anew after a pause. If the connections break, it begins anew when they are back.
"""

import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from pylingo.reactor.bus.redis.blob import read_batch
from pylingo.reactor.bus.redis.changes import pack_charter, pack_member, pack_topic
from pylingo.reactor.bus.redis.committer import room_keys
from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.feed import Arrival, Feed, FeedState
from pylingo.reactor.bus.redis.foresight import foresee
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function, load
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.bus.redis.reader import Reader
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

HEALING_PAUSE = 1.5
"""Seconds in which the other servers restore what they have: they reconnect within one."""
_RETRY = 0.2  # seconds
_ROOMS_AT_ONCE = 500  # channels of one SSUBSCRIBE, and keys of one MGET

type Then = Callable[[Any], object]


class RecoveryListener(Protocol):
    """The owner of a recovery: the feeds."""

    def feeds(self) -> Iterable[Feed]: ...
    def taken(self, numbers: list[int]) -> None: ...
    def healed(self) -> None: ...
    def fenced(self) -> None: ...
    def recovered(self, intact: set[Feed], is_another: bool) -> None:
        """Proposals may go on. The feeds in `intact` have missed nothing; the others are to be repaired or opened.

        `is_another` says that this Redis may have lost something: it was started anew, or is another one.
        """


class Recovery:
    """Brings the server with the number `server` back. `generations` gets the one of its fence in each lane.

    `offset` is by how many microseconds Redis's clock is ahead of `clock`.
    """

    def __init__(
        self,
        reactor: Reactor,
        deployment: Deployment,
        keys: Keys,
        server: int,
        generations: dict[int, int],
        keep: int,
        clock: Callable[[], int],
        reader: Reader,
        ring: Ring,
        listener: RecoveryListener,
    ) -> None:
        self.offset = 0
        self.trouble = ""
        self._reactor = reactor
        self._deployment = deployment
        self._keys = keys
        self._server = server
        self._generations = generations
        self._keep = keep
        self._clock = clock
        self._reader = reader
        self._ring = ring
        self._listener = listener
        self._attempt = 0
        self._runs: set[str] = set()  # the run of each Redis server
        self._is_another = False

    def begin(self) -> None:
        """Begin, or begin anew."""
        self._attempt += 1
        load([node.ears for node in self._deployment.nodes()], self._step(self._renew))

    def stop(self) -> None:
        """The connections are lost: stop until `begin`."""
        self._attempt += 1

    def _step(self, then: Then) -> Then:
        """Call `then` with a reply, unless another attempt has begun. An error begins one."""
        attempt = self._attempt

        def answer(reply: Any) -> None:
            if attempt != self._attempt or isinstance(reply, LinkLost):
                return
            if not isinstance(reply, RedisError):
                self.trouble = ""
                then(reply)
            elif reply.code == "FENCED":
                self.stop()
                self._listener.fenced()
            else:
                self.trouble = str(reply)
                self._attempt += 1
                self._reactor.call_later(_RETRY, self._begin_again, self._attempt)

        return answer

    def _begin_again(self, attempt: int) -> None:
        if attempt == self._attempt:
            self.begin()

    # --- fences, the time, and what was taken

    def _renew(self, _: None) -> None:
        left = self._keys.lanes
        taken: list[int] = []

        def renewed(lane: int, reply: list[bytes]) -> None:
            nonlocal left
            self._generations[lane] = int(reply[0])
            taken.extend(map(int, reply[1:]))
            left -= 1
            if not left:
                self._tell_taken(taken)

        for lane in range(self._keys.lanes):
            keys = [f"fence:{self._server}", *(("next-server", f"taken:{self._server}") if not lane else ())]
            self._deployment.commits(lane).call(
                self._step(functools.partial(renewed, lane)),
                "FCALL",
                function("renew"),
                len(keys),
                *(self._keys.key(lane, rest) for rest in keys),
                self._generations[lane],
                self._server,
            )

    def _tell_taken(self, numbers: list[int]) -> None:
        ears = self._deployment.ears(0)
        if numbers:
            self._listener.taken(numbers)
            ears.call(None, "SREM", self._keys.key(0, f"taken:{self._server}"), *numbers)
        ears.call(self._step(self._set_time), "TIME")

    def _set_time(self, reply: list[bytes]) -> None:
        self.offset = int(reply[0]) * 1_000_000 + int(reply[1]) - self._clock()
        runs = {node.info.get("run_id", "") for node in self._deployment.nodes()}
        if self._runs and runs != self._runs:
            self._is_another = True
        self._runs = runs
        self._compare_heads(self._end if not self._is_another else self._heal, self._is_another)

    # --- heads

    def _compare_heads(self, then: Callable[[set[Feed]], object], is_shared: bool = False) -> None:
        """Restore the rooms that Redis is behind in, and call `then` with those in which nothing is missing here.

        If it `is_shared`, the other servers do the same: what this one lacks is left to them.
        """
        intact: set[Feed] = set()
        behind: list[tuple[Feed, int]] = []
        pages = list(_pages(feed for feed in self._listener.feeds() if feed.state is FeedState.REPAIRING))
        left = len(pages)

        def compared(feeds: Sequence[Feed], heads: list[bytes | None]) -> None:
            nonlocal left
            for feed, text in zip(feeds, heads, strict=True):
                head = int(text or 0)
                if head < feed.received:
                    behind.append((feed, head))
                elif head == feed.received:
                    intact.add(feed)
            left -= 1
            if not left:
                self._restore(behind, is_shared, functools.partial(then, intact))

        for lane, feeds in pages:
            self._reader.subscribe(lane, feeds)
            heads = [self._keys.key(lane, f"h:{feed.key}") for feed in feeds]
            self._deployment.ears(lane).call(self._step(functools.partial(compared, feeds)), "MGET", *heads)
        if not pages:
            then(intact)

    def _restore(self, behind: list[tuple[Feed, int]], is_shared: bool, then: Callable[[], object]) -> None:
        if not behind:
            then()
            return
        logger.warning("Redis has lost its newest data: %s restored", counted(len(behind), "room is", "rooms are"))
        left = len(behind)

        def restored(_: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                then()

        for feed, head in behind:
            self._call_restore(feed, head, is_shared, self._step(restored))

    def _heal(self, _: set[Feed]) -> None:
        """This Redis may have lost something that only another server has: wait for that, and compare again."""
        self._listener.healed()
        again = functools.partial(self._compare_heads, self._end)
        self._reactor.call_later(HEALING_PAUSE, self._step(lambda _: again()), None)

    def _end(self, intact: set[Feed]) -> None:
        is_another, self._is_another = self._is_another, False
        self._listener.recovered(intact, is_another)

    def _call_restore(self, feed: Feed, head: int, is_shared: bool, answer: Then) -> None:
        waiting = [arrival for arrival in feed.ready if isinstance(arrival, Arrival) and arrival.top > head]
        arrivals = {arrival.top: arrival for arrival in (*self._ring.above(feed.key, head), *waiting)}
        batches = [
            part
            for top, arrival in sorted(arrivals.items())
            for part in (top, arrival.before, _count(arrival), arrival.data[arrival.offset :])
        ]
        room = foresee(feed)
        members = [part for number, member in room.members.items() for part in (number, pack_member(member))]
        keys = [self._keys.key(feed.lane, rest) for rest in (f"fence:{self._server}", "rooms")]
        room_kinds = room_keys(self._keys, feed)
        self._deployment.ears(feed.lane).call(
            answer,
            "FCALL",
            function("restore"),
            len(keys) + len(room_kinds),
            *keys,
            *room_kinds,
            self._generations[feed.lane],
            self._keep,
            feed.key,
            feed.name,
            feed.received,
            pack_topic(room.topic),
            int(is_shared),
            pack_charter(room.charter),
            len(arrivals),
            *batches,
            *members,
        )


def _count(arrival: Arrival) -> int:
    count: int = read_batch(arrival.data, arrival.offset).count
    return count


def _pages(feeds: Iterable[Feed]) -> Iterator[tuple[int, list[Feed]]]:
    """The feeds by lanes, in parts for one call each."""
    lanes: dict[int, list[Feed]] = {}
    for feed in feeds:
        lanes.setdefault(feed.lane, []).append(feed)
    for lane, those in lanes.items():
        for page in itertools.batched(those, _ROOMS_AT_ONCE):
            yield lane, list(page)
