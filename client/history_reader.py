"""Which messages of each room were seen, and the history requests that fetch the others. Pure.

While history is being read, the room's new frames are held back, so that a person sees each message once and in order.
Rooms are given in their compared form (`fold`); stamps are microseconds since 1970.
"""

import collections
from collections.abc import Iterator

from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest, Message, Skipped
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

SHOWN_ON_JOINING = 50
"""Messages of a room's history that are shown when the room is joined for the first time."""
OWN_IN_A_ROW = 2_000
"""Own messages confirmed in a row, without one of others, after which the history is asked for anything missed."""
MOST_HELD = 20_000
"""Frames held back at most. A server that sends more before it answers has forgotten the request."""
ROOMS_KEPT = 1_000
"""Rooms whose newest stamp is remembered."""


class HistoryReader:
    """`ids` gives the ids of requests. Every method that returns a request expects it to be sent."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._newest: dict[str, int] = {}  # by room: every message up to this stamp was seen
        self._own = 0  # own messages confirmed since that last grew
        self._held: collections.deque[Record] | None = None
        self._awaited: HistoryRequest | None = None

    @property
    def is_reading(self) -> bool:
        """Whether history is being read, so that new frames of the room must be held back."""
        return self._held is not None

    def newest(self, room: str) -> int | None:
        """The stamp up to which every message of `room` was seen; None for a room that is new."""
        return self._newest.get(room)

    def is_awaited(self, number: int | None) -> bool:
        """Whether a reply to request `number` is the awaited page. Other pages belong to a room left meanwhile."""
        return self._awaited is not None and self._awaited.id == number

    # --- seeing messages

    def saw(self, room: str, at: int) -> bool:
        """A message came live. Returns whether it is new.

        Cancels a page that nothing is held back for: it could only repeat what this message proves to be seen.
        """
        if at <= self._newest.get(room, 0):
            return False
        self._advance(room, at)
        self._awaited = None
        return True

    def confirmed_own(self, room: str) -> HistoryRequest | None:
        """An own message was confirmed. After many in a row, returns a request for what came between them.

        A `sent` does not prove that all before it was seen: a gap may lie before it. Without the request, the next
        reconnect would read all own messages again, and recognise only the latest ones. Nothing is held back
        meanwhile, because the page is queued behind everything that we send.
        """
        self._own += 1
        if self._own < OWN_IN_A_ROW or self._awaited is not None:
            return None
        self._own = 0
        return self._request(self._newest.get(room), None)

    def _advance(self, room: str, at: int) -> None:
        self._newest[room] = at
        self._own = 0
        if len(self._newest) > ROOMS_KEPT:
            self._newest = {room: at}

    # --- reading history

    def start(self, since: int | None, before: int | None = None) -> HistoryRequest:
        """Request messages after `since` and before `before`, and hold back new frames until they have come.

        Without `since`, request the newest messages.
        """
        if self._held is None:
            self._held = collections.deque()
        return self._request(since, before)

    def _request(self, since: int | None, before: int | None) -> HistoryRequest:
        limit = SHOWN_ON_JOINING if since is None else MAX_PAGE
        self._awaited = HistoryRequest(since, before, limit, next(self._ids))
        return self._awaited

    def hold(self, record: Record) -> None:
        """Hold back a frame. Raises `ConnectionError` for more than `MOST_HELD` of them."""
        assert self._held is not None
        self._held.append(record)
        if len(self._held) > MOST_HELD:
            raise ConnectionError("the server does not answer a request for the room's history")

    def request_since_join(self, page: HistoryPage) -> HistoryRequest | None:
        """A request for more, if the first page of a room does not reach back to the first frame held back.

        A page is limited to the size of a frame and may not have room for all that came since the room was joined.
        """
        before = next((_before(frame) for frame in self._held or () if isinstance(frame, Message | Skipped)), None)
        is_first = self._awaited is None or self._awaited.since is None
        if not is_first or not page.messages or before is None or before + 1 >= page.messages[0].at:
            return None
        return self._request(before, None)

    def entries(self, page: HistoryPage) -> Iterator[tuple[Entry, bool]]:
        """The entries of a page, each with whether it is new. An entry counts as seen once the next one is taken."""
        room = fold(page.room or "")
        self._newest.setdefault(room, 0)
        for entry in page.messages:
            is_new = entry.at > self._newest[room]
            yield entry, is_new
            if is_new:
                self._advance(room, entry.at)

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
            if isinstance(record, Message | Skipped):
                self._newest.setdefault(fold(record.room or ""), _before(record))


def _before(record: Message | Skipped) -> int:
    """The last stamp before a message or a gap."""
    return record.at - 1 if isinstance(record, Message) else record.after
