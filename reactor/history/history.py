"""The protocol `History`, which the hub calls, and the pages of messages that a history returns."""

import bisect
from collections.abc import Callable
from operator import attrgetter
from typing import Protocol

from pylingo.reactor.history.charter import Charter, Charters
from pylingo.reactor.history.private import Owner
from pylingo.reactor.history.topics import StoredTopic, Topics
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import Entry, HistoryRequest
from pylingo.shared.value_class import value_class

FOREVER = 2**63 - 1
"""No bound for stamps."""
type Numbers = tuple[int, ...]
"""Numbers of sessions."""
type Found = Callable[[int | None], object]
"""Is called with the stamp of a message, or None if there is none."""

_PAGE_BYTES = MAX_BODY - 768  # the rest is for the room's name, some keys and stamps around the messages
_AROUND_ENTRY = 40  # bytes around the strings of one message in a page, at most
_FURTHER = 48  # bytes around the recipient and the fingerprint, and of the marks

_by_stamp = attrgetter("at")


@value_class
class Page:
    """Messages in ascending order. `more` says if there are more in the direction of the request.

    `oldest` is the stamp of the oldest message of the room, None if there is none. In the page of a search, `next` is
    the stamp before which the search goes on, None at its end.
    """

    messages: list[Entry]
    more: bool
    oldest: int | None
    next: int | None = None


class Asker(Protocol):
    """To whom a page goes."""

    @property
    def is_closed(self) -> bool:
        """Whether the page would be dropped."""


class History(Protocol):
    """The messages of all rooms and conversations, the topics and the charters. Rooms are named by their compared form.

    Sessions are numbered. Private messages belong to keys and sessions (see `private`); `conversation` names what two
    owners said to each other in place of a room. The hub may take stamps from the clock up to `stamps_until`. Above
    that, it counts on from the last stamp.
    """

    stamps_until: int
    newest_stamp: int
    """The newest stamp that was given, of a message or anything else. The hub sets it."""

    @property
    def topics(self) -> Topics: ...

    def set_topic(self, room: str, topic: StoredTopic | None) -> None:
        """Set the topic of a room; None clears it."""

    @property
    def charters(self) -> Charters: ...

    def set_charter(self, room: str, charter: Charter) -> None:
        """Set the charter of a room."""

    def find_log(self, room: str, answer: Callable[[bool], object]) -> None:
        """Call `answer` with whether the room has messages."""

    def open(self, opened: Callable[[int], object]) -> None:
        """Call `opened(newest stamp)` once the history can be used. The stamp is 0 if it is empty."""

    def close(self, timeout: float) -> None:
        """Commit what was added, within `timeout` seconds. The last call."""

    def add(self, room: str, entry: Entry, session: int) -> None:
        """Add a message of the session with that number. Its stamp must be above all earlier ones."""

    def add_plain(self, room: str, entries: list[Entry]) -> None:
        """Add messages without keys. The stamps must ascend, from above all earlier ones."""

    def conversation(self, one: Owner, other: Owner) -> str:
        """The name of the conversation of two owners, to be given as `room` to `page`, `find` and the like."""

    def add_private(self, sender: Owner, recipient: Owner, entry: Entry, session: int | None = None) -> None:
        """Add a message from one owner to another, to their conversation and to both inboxes.

        `session` is the number of the sender's session, by default the sender.
        """

    def find(self, room: str, key: str, session: int, name: str, others: Numbers = ()) -> int | None:
        """Return the stamp of the message sent with `key` by that session or under that name, if it is in memory.

        Messages of the sessions `others`, which have that name as well, do not count.
        """

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        """Return whether a message that `find` did not find may exist. If so, ask `look_up`."""

    def look_up(self, room: str, key: str, session: int, name: str, answer: Found, others: Numbers = ()) -> None:
        """Call `answer` with the result of `find` over all messages, not only those in memory."""

    def when_committed(self, callback: Callable[[], object], lost: Callable[[], object] | None = None) -> None:
        """Call `callback` when everything added so far is stored as safely as this history stores things.

        Call `lost` instead if there is no memory to wait for that.
        """

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` at that time, or as soon as it is clear that it will take long."""

    def page(
        self, room: str, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        """Call `answer` with the messages that a request asks for.

        Raises `RequestError` as `parse_search` does. Searches of one asker come one after another, in turn with those
        of others. That of a closed one may have no answer.
        """

    def inbox(
        self, owner: Owner, request: HistoryRequest, answer: Callable[[Page], object], asker: Asker | None = None
    ) -> None:
        """As `page`, for everything private that an owner has sent or received."""

    def redact(self, room: str, at: int, done: Callable[[bool], object]) -> None:
        """Take the text of a message out of the history for good. Its entry stays, `redacted` and with an empty text.

        Call `done` when that is stored as safely as this history stores things, with whether there is such a message.
        """

    def ended(self, session: int) -> None:
        """Note that a session has ended: nobody will ask for its private messages any more."""

    def occupied(self, room: str) -> None:
        """Note that somebody entered the room, which was empty."""

    def emptied(self, room: str) -> None:
        """Note that the last member left the room."""


def cut_page(entries: list[Entry], request: HistoryRequest) -> Page:
    """Return the page that a request asks for. `entries` is the whole history of the room, ascending."""
    forward = request.since is not None
    begin = bisect.bisect_right(entries, request.since, key=_by_stamp) if request.since is not None else 0
    end = bisect.bisect_left(entries, request.before, key=_by_stamp) if request.before is not None else len(entries)
    end = max(begin, end)
    nearest = slice(begin, min(end, begin + request.limit)) if forward else slice(max(begin, end - request.limit), end)
    page = fit_frame(entries[nearest], forward)
    return Page(page, end - begin > len(page), entries[0].at if entries else None)


def fit_frame(entries: list[Entry], forward: bool) -> list[Entry]:
    """Return as many of `entries` as fit in one frame: the first ones if `forward`, otherwise the last ones."""
    left = _PAGE_BYTES
    taken = 0
    for entry in entries if forward else reversed(entries):
        left -= _AROUND_ENTRY + len(entry.text.encode()) + len(entry.from_.encode()) + len(entry.key or "")
        if entry.to is not None or entry.action or entry.fingerprint is not None or entry.redacted:
            left -= _FURTHER + len((entry.to or "").encode()) + len(entry.fingerprint or "")
        if left < 0:
            break
        taken += 1
    return entries[:taken] if forward else entries[len(entries) - taken :]
