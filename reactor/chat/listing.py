"""Replies that list rooms or people, in pages.

A `Directory` keeps its keys in order, so the cost of a page depends on its own size and not on the number of keys. A
page serves all sessions that ask before the next change. `BUDGET` bounds the pages of one tick, for all sessions
together. Further pages follow in later ticks, first come, first served. A session handles no other request before its
last page is out, so replies keep the order of the requests. After the first page, each waits until the socket
has taken the bytes before it.

Each page is true when it is made, at its place among the frames of the room. A list of several pages has every name
that stays, exactly once. A name that comes or goes between two pages may be missing; the `joined` and `left` frames
between them report it.
"""

import bisect
import collections
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

from pylingo.shared.codec import with_re
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.value_class import value_class

BUDGET = 131_072
"""Bytes of new pages in one tick, for all sessions together: 1 to 3 ms of work. `Items` estimates them, as the work
depends on the number of items."""
_AGAIN = 8  # a page that was made already costs an eighth of a new one
_LEAST = 256  # bytes: every page counts as at least so many
_MOST_PAGES = 128  # kept of one directory

# Around its items a page has a room's name and some keys at most; an item takes six bytes or more.
_ROOM_FOR_ITEMS = MAX_BODY - 512
_MOST_ITEMS = _ROOM_FOR_ITEMS // 6

Items = Callable[[list[str]], Iterable[tuple[Any, int]]]
"""Yields for each key its item and an upper bound of the bytes that it takes in a frame."""
Make = Callable[[list[Any], bool], bytes]
"""Makes a frame of items; the flag says whether more pages follow."""


@value_class
class ListingPage:
    """A frame, its cost in bytes, and the last key in it; `more` says whether another page follows."""

    frame: bytes
    cost: int
    last: str
    more: bool


class Directory:
    """Keys in order, and the pages that were made since the last change.

    A plain list takes less memory than a tree, and inserting into one of 50,000 keys takes 5 us.
    """

    __slots__ = ("_pages", "keys")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._pages: dict[str, ListingPage] | None = None  # by the key that each begins after

    @classmethod
    def of_positions(cls, count: int) -> Self:
        """A directory for the items of a list, whose keys are their positions from 0 on."""
        directory = cls()
        directory.keys = [f"{position:06}" for position in range(count)]
        return directory

    def add(self, key: str) -> None:
        """Insert `key`, which must not be there yet."""
        bisect.insort(self.keys, key)
        self._pages = None

    def remove(self, key: str) -> None:
        """Remove `key`, which must be there."""
        index = bisect.bisect_left(self.keys, key)
        assert self.keys[index] == key
        del self.keys[index]
        self._pages = None

    def replace(self, keys: Iterable[str]) -> None:
        """Have these keys instead."""
        self.keys = sorted(keys)
        self._pages = None

    def copy(self) -> "Directory":
        """A directory with the same keys, which has no pages yet."""
        other = Directory()
        other.keys = [*self.keys]
        return other

    def has(self, key: str) -> bool:
        """Whether `key` is there."""
        index = bisect.bisect_left(self.keys, key)
        return index < len(self.keys) and self.keys[index] == key

    def changed(self) -> None:
        """The item of a key has changed."""
        self._pages = None

    @property
    def pages_kept(self) -> int:
        """The number of pages that were made since the last change."""
        return len(self._pages or ())

    def page(self, after: str, items: Items, make: Make) -> tuple[ListingPage, int]:
        """The page with the first keys above `after`, and its cost: less if it was made already."""
        pages = self._pages
        if pages is None or len(pages) >= _MOST_PAGES:
            pages = self._pages = {}
        page = pages.get(after)
        if page is not None:
            return page, max(_LEAST, page.cost // _AGAIN)
        begin = bisect.bisect_right(self.keys, after)
        keys = self.keys[begin : begin + _MOST_ITEMS]
        listed = []
        cost = 0
        for item, size in items(keys):
            if cost + size > _ROOM_FOR_ITEMS:
                break
            cost += size
            listed.append(item)
        more = begin + len(listed) < len(self.keys)
        page = ListingPage(make(listed, more), max(_LEAST, cost), keys[len(listed) - 1] if more else "", more)
        pages[after] = page
        return page, page.cost


class Mailbox(Protocol):
    """The outbox of a session, as a listing sees it."""

    def write(self, frame: bytes) -> None: ...

    def has_room(self) -> bool:
        """Whether the queue has room for a page. If not, `Pager.go_on` must be called when it is empty."""


class Asker(Protocol):
    """A session that asked for a listing. `listing` is the one that it still waits for."""

    listing: "Listing | None"

    @property
    def outbox(self) -> Mailbox: ...

    def end_listing(self) -> None:
        """The last page is out."""


class Listing:
    """A reply that is not complete yet. `is_waiting` while the asker's queue has no room for the next page."""

    __slots__ = ("_after", "_directory", "_items", "_make", "_re", "asker", "has_begun", "is_waiting", "more")

    def __init__(self, asker: Asker, directory: Directory, items: Items, make: Make, re: int | None = None) -> None:
        self.asker = asker
        self.has_begun = False
        self.is_waiting = False
        self.more = True
        self._directory = directory
        self._items = items
        self._make = make
        self._re = re
        self._after = ""

    def send_page(self) -> int:
        """Reply with the next page; return its cost."""
        page, cost = self._directory.page(self._after, self._items, self._make)
        self._after, self.more = page.last, page.more
        self.has_begun = True
        self.asker.outbox.write(page.frame if self._re is None else with_re(page.frame, self._re))
        return cost


class Pager:
    """Sends the pages of all listings, within the budget of each tick.

    `schedule(callback)` must run `callback` at the end of the tick, or of the next one if the end has begun.
    """

    def __init__(self, schedule: Callable[[Callable[[], object]], object]) -> None:
        self._schedule = schedule
        self._queue: collections.deque[Listing] = collections.deque()
        self._left = BUDGET
        self._is_scheduled = False

    def begin(self, listing: Listing) -> None:
        """Send the first page now if the budget allows it. The others follow at the ends of ticks, from this one on."""
        if self._left > 0 and not self._queue:
            self._serve(listing)
        else:
            self._queue.append(listing)
        self._wake()

    def go_on(self, listing: Listing) -> None:
        """Send the next page: the asker's queue is empty."""
        if listing.is_waiting:
            listing.is_waiting = False
            self._queue.append(listing)
            self._wake()

    def end_tick(self) -> None:
        """Send one page to each waiting session, as far as the budget goes."""
        self._is_scheduled = False
        for _ in range(len(self._queue)):
            if self._left <= 0:
                break
            self._serve(self._queue.popleft())
        self._left = BUDGET
        if self._queue:
            self._wake()

    def _serve(self, listing: Listing) -> None:
        if listing.asker.listing is not listing:  # the connection has ended
            return
        listing.is_waiting = listing.has_begun and not listing.asker.outbox.has_room()
        if listing.is_waiting:
            return
        self._left -= listing.send_page()
        if listing.more:
            self._queue.append(listing)
        else:
            listing.asker.end_listing()

    def _wake(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._schedule(self.end_tick)
