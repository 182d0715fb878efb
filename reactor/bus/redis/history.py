"""The history of a cluster: a `History` that reads what Redis keeps of each log.

Messages are not added here: the bus commits them, and the feed of a room tells their keys. While Redis is away, no page
is answered; those that wait are asked for when it is back.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import Clock, log_of, read_page, search
from pylingo.reactor.bus.redis.look_ups import LookUps
from pylingo.reactor.bus.redis.questions import Links, Questions
from pylingo.reactor.bus.redis.redaction import redact
from pylingo.reactor.history import private
from pylingo.reactor.history.charter import Charter, Charters
from pylingo.reactor.history.history import FOREVER, Asker, Found, Numbers, Page
from pylingo.reactor.history.private import Owner
from pylingo.reactor.history.searcher import Job, Turns
from pylingo.reactor.history.topics import StoredTopic, Topics
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.search import parse_search

_LONGEST = 0.1  # seconds for a search
_SHORTEST = 0.01  # seconds for a search, however many wait


class Whole(Protocol):
    """Knows whether something has come for a room that has not taken effect. `Feeds` does."""

    def is_whole(self, room: str) -> bool: ...
    def when_whole(self, room: str, callback: Callable[[], object]) -> None: ...


class RedisHistory:
    """A `History` in the Redis of a cluster.

    `call_later(seconds, callback, *args)` is the reactor's, and `clock` gives seconds that never go back.
    `when_settled(callback)` is that of the feeds. With `whole`, a key is looked up when everything that has come for
    its room has taken effect. The bus keeps `topics` up to date, and tells `up` and `look_ups` what happens.
    """

    stamps_until = FOREVER

    def __init__(
        self,
        links: Links,
        keys: Keys,
        when_settled: Callable[[Callable[[], object]], object],
        call_later: Callable[..., object],
        clock: Clock = time.monotonic,
        whole: Whole | None = None,
    ) -> None:
        self.newest_stamp = 0
        self.topics = Topics()
        self.charters = Charters()
        self._keys = keys
        self._clock = clock
        self._when_settled = when_settled
        self._whole = whole
        self._questions = Questions(links, call_later)
        self.look_ups = LookUps(self._questions, keys, clock=clock)
        """The keys of messages. The bus tells it of those that are on their way and of those that have arrived."""
        self._searches = Turns()
        self._is_searching = False

    def hold(self) -> None:
        """Redis is away. Ask nothing until `up`: when it comes back, it may have lost its newest data at first."""
        self._questions.hold()

    def up(self) -> None:
        """Redis is back: ask what could not be asked."""
        self._questions.up()

    # --- beginning and end

    def open(self, opened: Callable[[int], object]) -> None:
        opened(0)

    def close(self, timeout: float) -> None:
        """Do nothing: what was added is in Redis when it is confirmed."""

    def set_topic(self, room: str, topic: StoredTopic | None) -> None:
        self.topics.set(room, topic)

    def set_charter(self, room: str, charter: Charter) -> None:
        """Do nothing: the feed of the room has its charter."""

    def find_log(self, room: str, answer: Callable[[bool], object]) -> None:
        raise AssertionError("in a cluster Redis knows it when somebody enters the room")

    # --- messages, which the bus adds

    def add(self, room: str, entry: Entry, session: int) -> None:
        raise AssertionError("in a cluster the bus commits messages")

    def add_plain(self, room: str, entries: list[Entry]) -> None:
        raise AssertionError("in a cluster the bus commits messages")

    def add_private(self, sender: Owner, recipient: Owner, entry: Entry, session: int | None = None) -> None:
        raise AssertionError("in a cluster the bus commits messages")

    def conversation(self, one: Owner, other: Owner) -> str:
        return private.conversation(one, other)

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        self._when_settled(callback)

    def when_settled(self, callback: Callable[[], object]) -> None:
        self._when_settled(callback)

    def find(self, room: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        return self.look_ups.find(room, key, session, name, others)

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        if self._whole is not None and not self._whole.is_whole(room):
            return True
        return self.look_ups.may_hold(room, key, session, name)

    def look_up(self, room: str, key: str, session: int, name: str, answer: Found, others: Numbers = ()) -> None:
        look_up = partial(self.look_ups.look_up, room, key, session, name, answer, others)
        if self._whole is not None:
            self._whole.when_whole(room, look_up)
        else:
            look_up()

    def redact(self, room: str, at: int, done: Callable[[bool], object]) -> None:
        log = log_of(self._keys, room)
        self._questions.ask(log.lane, redact(log, at), done)

    # --- pages

    def page(
        self, room: str, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        """See `History.page`. If too many pages wait for Redis, the answer is an empty page that says there is more."""
        if request.search is None:
            log = log_of(self._keys, room)
            fallback = partial(answer, Page([], True, None))
            self._questions.ask(log.lane, read_page(log, request, self._clock), answer, fallback)
            return
        parse_search(request.search)
        following = FOREVER if request.before is None else request.before
        fallback = partial(answer, Page([], True, None, following))
        self._searches.put(Job(room, request, answer, fallback, asker))
        self._search_next()

    def inbox(
        self, owner: Owner, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        self.page(private.inbox(owner), request, answer, asker)

    def _search_next(self) -> None:
        """Begin the next search unless one is running: each asker has one in turn."""
        while not self._is_searching and len(self._searches):
            job = self._searches.take()
            if job is not None and (job.asker is None or not job.asker.is_closed):
                self._search(job)

    def _search(self, job: Job) -> None:
        self._is_searching = True
        end = self._clock() + max(_SHORTEST, _LONGEST / (1 + len(self._searches)))

        def settle(answer: Callable[[], object]) -> None:
            self._is_searching = False
            job.settle(answer)
            self._search_next()

        log = log_of(self._keys, job.place)
        steps = search(log, job.request, lambda: self._clock() >= end, self._clock)
        self._questions.ask(
            log.lane, steps, lambda page: settle(partial(job.answer, page)), lambda: settle(job.fallback)
        )

    # --- who is there

    def ended(self, session: int) -> None:
        """Do nothing: the bus has the inbox deleted with the session, unless another server goes on with it."""

    def occupied(self, room: str) -> None:
        self.topics.occupied(room)

    def emptied(self, room: str) -> None:
        self.topics.emptied(room)
        self.look_ups.drop(room)
