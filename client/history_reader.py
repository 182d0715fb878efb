"""The reading of one place: which messages were seen, and the history requests that fetch the others. Pure.

A place is a room, or the inbox with everything private. While its history is being read, its new frames are held back,
so that a person sees each message once and in order. Stamps are microseconds since 1970. The requests made here name no
place; their owner adds it.
"""

import collections
from collections.abc import Iterable, Iterator

from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest, Message, Private, Skipped
from pylingo.shared.schema import Record

SHOWN_ON_JOINING = 50
"""Messages of a room's history that are shown when the room is joined for the first time."""
CONTEXT = 20
"""Messages that are shown before the first one that is new since an earlier run."""
OWN_IN_A_ROW = 2_000
"""Own messages confirmed in a row, without one of others, after which the history is asked for anything missed."""
MOST_HELD = 20_000
"""Frames held back at most. A server that sends more before it answers has forgotten the request."""

_STAMPED = (Message, Private, Skipped)


class HistoryReader:
    """`ids` gives the ids of requests. Every method that returns a request expects it to be sent.

    All messages up to the stamp `newest` were seen in this run, those up to `seen` in an earlier one.
    """

    def __init__(self, ids: Iterator[int], newest: int | None = None, seen: int | None = None) -> None:
        self._ids = ids
        self.newest = newest
        """The stamp up to which every message was seen; None for a place that is new."""
        self._seen = seen  # until the messages before it have been shown
        self._own = 0  # own messages confirmed since `newest` last grew
        self._held: collections.deque[Record] | None = None
        self._awaited: HistoryRequest | None = None

    @property
    def is_reading(self) -> bool:
        """Whether history is being read, so that new frames of the place must be held back."""
        return self._held is not None

    @property
    def is_catching_up(self) -> bool:
        """Whether the awaited page has what came since we were last there. Otherwise it gives the context."""
        return self._awaited is not None and self._awaited.since is not None

    def is_awaited(self, number: int | None) -> bool:
        """Whether a reply to request `number` is the awaited page. Other pages were asked for before a change."""
        return self._awaited is not None and self._awaited.id == number

    # --- seeing messages

    def saw(self, at: int) -> bool:
        """A message came live. Returns whether it is new.

        Cancels a page that nothing is held back for: it could only repeat what this message proves to be seen.
        """
        if at <= (self.newest or 0):
            return False
        self._advance(at)
        self._awaited = None
        return True

    def confirmed_own(self) -> HistoryRequest | None:
        """An own message was confirmed. After many in a row, returns a request for what came between them.

        A `sent` does not prove that all before it was seen: a gap may lie before it. Without the request, the next
        reconnect would read all own messages again, and recognise only the latest ones. Nothing is held back
        meanwhile, because the page is queued behind everything that we send.
        """
        self._own += 1
        if self._own < OWN_IN_A_ROW or self._awaited is not None:
            return None
        self._own = 0
        return self._request(self.newest, None)

    def _advance(self, at: int) -> None:
        self.newest = at
        self._own = 0

    # --- reading history

    def catch_up(self, said_after: Iterable[int] = ()) -> HistoryRequest:
        """Request everything that was not seen; of a new place, the newest messages.

        `said_after` has the newest stamp seen at the time of each unconfirmed own message, which may have arrived.
        """
        if self.newest is not None:
            self._seen = None
            return self.start(min([self.newest, *said_after]))
        return self.start(None, None if self._seen is None else self._seen + 1)

    def start(self, since: int | None, before: int | None = None) -> HistoryRequest:
        """Request messages after `since` and before `before`, and hold back new frames until they have come.

        Without `since`, request the newest messages.
        """
        if self._held is None:
            self._held = collections.deque()
        return self._request(since, before)

    def _request(self, since: int | None, before: int | None) -> HistoryRequest:
        newest = SHOWN_ON_JOINING if before is None else CONTEXT
        self._awaited = HistoryRequest(since, before, MAX_PAGE if since is not None else newest, next(self._ids))
        return self._awaited

    def hold(self, record: Record) -> None:
        """Hold back a frame. Raises `ConnectionError` for more than `MOST_HELD` of them."""
        assert self._held is not None
        self._held.append(record)
        if len(self._held) > MOST_HELD:
            raise ConnectionError("the server does not answer a request for the history")

    def request_since_join(self, page: HistoryPage) -> HistoryRequest | None:
        """A request for more, if the first page of a room does not reach back to the first frame held back.

        A page is limited to the size of a frame and may not have room for all that came since the room was joined.
        """
        before = next((_before(frame) for frame in self._held or () if isinstance(frame, _STAMPED)), None)
        is_newest = self._awaited is None or (self._awaited.since is None and self._awaited.before is None)
        if not is_newest or not page.messages or before is None or before + 1 >= page.messages[0].at:
            return None
        return self._request(before, None)

    def entries(self, page: HistoryPage) -> Iterator[tuple[Entry, bool]]:
        """The entries of a page, each with whether it is new. An entry counts as seen once the next one is taken."""
        self.newest = self.newest or 0
        for entry in page.messages:
            is_new = entry.at > self.newest
            yield entry, is_new
            if is_new:
                self._advance(entry.at)

    def context_shown(self) -> int | None:
        """A page was shown. If it had the messages before those that are new since an earlier run, return the stamp
        after which all is new: everything up to it has been seen."""
        seen, self._seen = self._seen, None
        if seen is not None:
            self._advance(max(seen, self.newest or 0))
        return seen

    def request_next(self, page: HistoryPage) -> HistoryRequest | None:
        """The request for the page after `page`; None if that was the last one."""
        awaited = self._awaited
        if not page.more or not page.messages or awaited is None or awaited.since is None:
            return None
        return self._request(page.messages[-1].at, awaited.before)

    def stop(self) -> list[Record]:
        """End reading. Returns the frames that were held back."""
        held, self._held, self._awaited = self._held, None, None
        return list(held or ())

    def disconnected(self) -> None:
        """The connection broke. Frames held back are in the history; fetch a new room from the first of them on."""
        for record in self.stop():
            if isinstance(record, _STAMPED) and self.newest is None and self._seen is None:
                self.newest = _before(record)


def _before(record: Message | Private | Skipped) -> int:
    """The last stamp before a message or a gap."""
    return record.after if isinstance(record, Skipped) else record.at - 1
