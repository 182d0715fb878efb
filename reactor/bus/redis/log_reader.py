"""Reading the log of a room, a conversation or an inbox out of its stream in Redis: pages, searches, keys. Pure.

The entries of a room's stream are batches, whose ID is the stamp of their last event. So a page below a stamp begins
with the batch that lies across it. How many entries a step asks for depends on the size of those before, so neither a
reply nor the work on it is long. See `questions` for what a step is.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pylingo.reactor.bus.redis.blob import Author, Run, read_batch
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.private_log import read_private
from pylingo.reactor.bus.redis.questions import Command, Steps
from pylingo.reactor.history import private
from pylingo.reactor.history.finder import Finds
from pylingo.reactor.history.history import FOREVER, Page, fit_frame
from pylingo.reactor.history.memory import folded
from pylingo.shared.messages import Entry, HistoryRequest

_FIRST = 16  # entries of the first step
_FEWEST, _MOST = 4, 128  # entries of any other step
_MANY = 10**9  # entries: a reading that is likely to need all there are
_BYTES = 128 * 1024  # of a step, about
_SLICE = 0.0015  # seconds of work without a rest

type Clock = Callable[[], float]
type Take = Callable[[int, bytes], bool]
"""Takes an entry, with its stamp. Returns whether it is the last one that is wanted."""


class Keyed(NamedTuple):
    """Messages one after another that were sent with keys: who has said them, and the stamp of the first."""

    keys: list[str]
    author: Author
    first: int


@dataclass(frozen=True, slots=True)
class Log:
    """A log: its lane, its stream, and how to read an entry. `dead` is the set of the stamps of redacted messages."""

    lane: int
    stream: str
    dead: str | None
    messages: Callable[[int, bytes], list[Entry]]
    keys: Callable[[int, bytes], list[Keyed]]


def log_of(keys: Keys, place: str) -> Log:
    """The log of a place: a room, or a conversation or an inbox as `reactor.history.private` names it."""
    if private.owners(place):
        return Log(0, keys.key(0, f"p:{place}"), None, _private_messages, _private_keys)
    return Log(keys.lane(place), keys.of_room("r", place), keys.of_room("dead", place), _room_messages, _room_keys)


def _room_messages(top: int, data: bytes) -> list[Entry]:
    return read_batch(data).entries(top)


def _room_keys(top: int, data: bytes) -> list[Keyed]:
    places = read_batch(data).in_place(top)
    return [Keyed(part.keys, part.author, at) for at, part in places if isinstance(part, Run) and part.keys]


def _private_messages(at: int, data: bytes) -> list[Entry]:
    return [read_private(at, data).entry]


def _private_keys(at: int, data: bytes) -> list[Keyed]:
    entry, session, *_ = read_private(at, data)
    return [] if entry.key is None else [Keyed([entry.key], Author(session, folded(entry.from_)), at)]


def read_page(log: Log, request: HistoryRequest, clock: Clock = time.monotonic) -> Steps[Page]:
    """Read the page that a request without a search asks for, as `history.cut_page` would cut it."""
    since, before = request.since, FOREVER if request.before is None else request.before
    found: list[Entry] = []  # the nearest comes first, and one more than the page has place for
    past = 0  # messages that are beyond the other bound

    def take(top: int, data: bytes) -> bool:
        nonlocal past
        for entry in log.messages(top, data) if since is not None else reversed(log.messages(top, data)):
            if entry.at >= before:
                past += 1
            elif (since is None or entry.at > since) and len(found) <= request.limit:
                found.append(entry)
        return len(found) > request.limit or (since is not None and past > 0)

    if since is not None:
        yield from _walk(log, _after(min(since, FOREVER)), True, take, clock, request.limit)
        is_whole = False
    else:
        is_whole = yield from _walk_below(log, request.before, take, clock, request.limit)
    forward = since is not None
    page = found[: request.limit] if forward else found[: request.limit][::-1]
    page = yield from _without_dead(log, page)
    page = fit_frame(page, forward)
    oldest = found[-1].at if is_whole and found else (yield from _oldest(log))
    return Page(page, len(found) > len(page), oldest)


def search(
    log: Log, request: HistoryRequest, is_over: Callable[[], bool], clock: Clock = time.monotonic
) -> Steps[Page]:
    """Read the page of a search. It ends early when `is_over`, which is asked after each message.

    Raises `RequestError` as `parse_search` does, at the first step.
    """
    finds = Finds(request, is_over)
    dead: set[bytes] = set()
    if log.dead is not None:
        (members,) = yield [("SMEMBERS", log.dead)]
        dead.update(members)
    begin = finds.cursor

    def take(top: int, data: bytes) -> bool:
        for entry in reversed(log.messages(top, data)):
            if entry.at < begin and not finds.is_done:
                finds.look_at(_redacted(entry) if dead and b"%d" % entry.at in dead else entry)
        return finds.is_done

    is_whole = yield from _walk_below(log, request.before, take, clock)
    oldest = yield from _oldest(log)
    return finds.page(oldest, is_whole)


def read_keys(
    log: Log, after: int, most: int, take: Callable[[Keyed], object], clock: Clock = time.monotonic
) -> Steps[int]:
    """Read the keys of the newest messages in entries above the stamp `after`. Returns the stamp of the last entry.

    They are given to `take` in ascending order. If `after` is 0, at least `most` are read, if there are so many.
    """
    last, count = after, 0
    found: list[list[Keyed]] = []

    def take_entry(top: int, data: bytes) -> bool:
        nonlocal last, count
        last = max(last, top)
        found.append([*log.keys(top, data)])
        count += sum(len(keyed.keys) for keyed in found[-1])
        return not after and count >= most

    if after:
        yield from _walk(log, _after(after), True, take_entry, clock)
    else:
        yield from _walk(log, "+", False, take_entry, clock)
        found.reverse()
    for keyed in itertools.chain.from_iterable(found):
        take(keyed)
    return last


def read_entry(log: Log, at: int) -> Steps[tuple[int, bytes] | None]:
    """Read the entry that has the stamp, if there is one: the first entry that is not below it."""
    (rows,) = yield [("XRANGE", log.stream, f"{at}-0", "+", "COUNT", 1)]
    return next(iter(_entries(rows)), None)


# --- walking


def _after(at: int) -> str:
    """The bound of everything above a stamp, or of everything below it."""
    return f"({at}-0"


def _entries(rows: list[Any]) -> list[tuple[int, bytes]]:
    """The entries of a reply, each with its stamp."""
    return [(int(name.partition(b"-")[0]), fields[1]) for name, fields in rows]


def _walk_below(log: Log, before: int | None, take: Take, clock: Clock, wanted: int = _MANY) -> Steps[bool]:
    """Have the entries taken that may have messages below a stamp, the newest first. Returns whether these were all."""
    if before is None or before >= FOREVER:
        return (yield from _walk(log, "+", False, take, clock, wanted))
    # The entry that lies across the stamp is read first. Entries added meanwhile are above everything else.
    across = yield from read_entry(log, before)
    if across is not None and take(*across):
        return False
    # Redis refuses the bound below 0-0, which no entry has as its ID.
    return (yield from _walk(log, _after(before) if before > 0 else "0-0", False, take, clock, wanted))


def _walk(log: Log, bound: str, forward: bool, take: Take, clock: Clock, wanted: int = _MANY) -> Steps[bool]:
    """Have entries taken from a bound on, upwards or downwards. Returns whether these were all.

    `wanted` is how many are likely to be enough.
    """
    command = "XRANGE" if forward else "XREVRANGE"
    end = "+" if forward else "-"
    count, size, taken = min(_FIRST, wanted + 1), 0, 0
    while True:
        step: Command = (command, log.stream, bound, end, "COUNT", count)
        (rows,) = yield [step]
        begin = clock()
        for top, data in _entries(rows):
            if take(top, data):
                return False
            size += len(data)
            taken += 1
            if clock() - begin >= _SLICE:
                yield ()
                begin = clock()
        if len(rows) < count:
            return True
        bound = _after(int(rows[-1][0].partition(b"-")[0]))
        count = max(_FEWEST, min(_MOST, _BYTES * taken // size, wanted + 1 - taken if wanted >= taken else _MOST))


def _oldest(log: Log) -> Steps[int | None]:
    """The stamp of the oldest message, None if there is none."""
    found: list[Entry] = []

    def take(top: int, data: bytes) -> bool:
        found.extend(log.messages(top, data)[:1])
        return bool(found)

    yield from _walk(log, "-", True, take, time.monotonic, 0)
    return found[0].at if found else None


def _without_dead(log: Log, page: list[Entry]) -> Steps[list[Entry]]:
    """The page, without the texts of messages whose redaction is noted beside the stream."""
    if log.dead is None or not page:
        return page
    (flags,) = yield [("SMISMEMBER", log.dead, *[entry.at for entry in page])]
    return [_redacted(entry) if is_dead else entry for entry, is_dead in zip(page, flags, strict=True)]


def _redacted(entry: Entry) -> Entry:
    return replace(entry, text="", redacted=True)
