"""The histories of all places: a reader for each, and the requests for pages that have no reply yet. Pure.

A place is a room in its compared form (`fold`), or `INBOX` for everything private. While one place is being read, the
frames of all others are shown as they come.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from pylingo.client.history_reader import HistoryReader
from pylingo.shared import messages
from pylingo.shared.messages import HistoryRequest
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

INBOX = "@"
"""The place of everything private. No room can have this name."""
PLACES_KEPT = 1_000
"""Places whose newest stamp is remembered."""


class Histories:
    """`ids` gives the ids of requests, and `here` the rooms that we are in.

    `seen` has the newest stamp seen in an earlier run for each room known then.
    """

    def __init__(self, ids: Iterator[int], seen: Mapping[str, int], here: Callable[[], Set[str]]) -> None:
        self._ids = ids
        self._here = here
        self._seen = dict(seen)
        self._readers: dict[str, HistoryReader] = {}
        self._asked: dict[int, str] = {}  # the places of requests without a reply, by id
        self.new_inbox()

    @property
    def is_reading(self) -> bool:
        """Whether the history of any place is being read."""
        return any(reader.is_reading for reader in self._readers.values())

    def __getitem__(self, place: str) -> HistoryReader:
        """The reader of a place, which is made if it is new."""
        reader = self._readers.get(place)
        if reader is None:
            reader = self._readers[place] = HistoryReader(self._ids, seen=self._seen.pop(place, None))
            self._forget_oldest()
        return reader

    def newest(self, place: str) -> int:
        """The stamp up to which every message was seen; 0 for a place that is new."""
        return (self._readers[place].newest if place in self._readers else None) or 0

    def reader_holding(self, record: Record) -> HistoryReader | None:
        """The reader that must hold this frame back, if there is one."""
        reader = self._readers.get(place_of(record) or "")
        return reader if reader is not None and reader.is_reading else None

    # --- requests

    def asked(self, place: str, request: HistoryRequest) -> None:
        """A request for a page of `place` has been sent."""
        if request.id is not None:
            self._asked[request.id] = place

    def answered(self, number: int | None) -> str | None:
        """The place of the request with this id, which has its reply; None if there was none."""
        return self._asked.pop(number, None) if number is not None else None

    # --- changes

    def stop(self, places: Iterable[str]) -> None:
        """Read no further in places that we have left."""
        for place in places:
            if place in self._readers:
                self._readers[place].stop()

    def new_inbox(self) -> None:
        """A session begins, to which nothing private belongs yet."""
        self._readers[INBOX] = HistoryReader(self._ids, newest=0)

    def disconnected(self) -> None:
        self._asked.clear()
        for reader in self._readers.values():
            reader.disconnected()

    def _forget_oldest(self) -> None:
        """Forget the place known for longest, but none that we are in."""
        if len(self._readers) > PLACES_KEPT:
            here = {*self._here(), INBOX, next(reversed(self._readers))}
            if (oldest := next((place for place in self._readers if place not in here), None)) is not None:
                del self._readers[oldest]


def place_of(record: Record) -> str | None:
    """The place that a frame is about; None for frames about none, and for replies to requests of ours."""
    match record:
        case messages.Private() | messages.Skipped(room=None):
            return INBOX
        case (
            messages.Message(room=room)
            | messages.Skipped(room=str(room))
            | messages.Joined(room=room, users=None)
            | messages.Left(room=room, reason=str())
            | messages.Renamed(room=str(room))
            | messages.Topic(room=room, re=None)
        ):
            return fold(room)
    return None
