"""Older messages and searches in plain mode on a terminal: `/history` and `/search`.

Each prints some messages below the others, and goes further back when it is repeated. In a pipe both are messages like
any other line, because their names are not among the server's commands.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pylingo.client.events import PageReply
from pylingo.client.features import SEARCH, UNSUPPORTED
from pylingo.client.reading import as_live
from pylingo.client.wording import date_line, local_day, wording
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Error, HistoryPage, HistoryRequest, Message, Private
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.text import printable

PRINTED = 20
"""Messages that are printed at a time."""
COMMANDS = frozenset({"history", "search"})


@dataclass(slots=True)
class _Back:
    """How far back one has come: in a place, and in a search for `words` there if it is one."""

    place: str
    words: str | None = None
    before: int | None = None
    is_complete: bool = False


class PlainPast:
    """`request` sends a request for a page; `print_line` prints a line; `me` tells our present name.

    `with_` is the person to whom all messages go; otherwise pages are those of the current room.
    """

    def __init__(
        self,
        request: Callable[[HistoryRequest], object],
        print_line: Callable[[str], object],
        me: Callable[[], str | None],
        with_: str | None,
    ) -> None:
        self._request = request
        self._print = print_line
        self._me = me
        self._with = with_
        self._oldest: dict[str, int] = {}  # the stamp of the oldest message that was printed, by place
        self._search = _Back("")
        self._asked: HistoryRequest | None = None

    def printed(self, record: Record) -> None:
        """A frame was printed."""
        match record:
            case Message(room=room, at=at):
                self._note(fold(room), at)
            case Private(from_=from_, to=to, at=at) if fold(self._with or "") in (fold(from_), fold(to)):
                self._note("", at)

    def _note(self, place: str, at: int) -> None:
        self._oldest[place] = min(at, self._oldest.get(place, at))

    def run(self, name: str, argument: str | None, room: str | None, features: frozenset[str]) -> None:
        """Carry out one of `COMMANDS`. Raises `RequestError`."""
        if room is None and self._with is None:
            raise RequestError("no-room", "you are in no room: /join one to read its messages")
        place = fold(room or "") if self._with is None else ""
        if name == "search":
            self._find(argument, place, room, features)
        elif argument:
            raise RequestError("bad-argument", "/history takes no argument")
        else:
            self._ask(HistoryRequest(before=self._oldest.get(place), limit=PRINTED), room)

    def _find(self, words: str | None, place: str, room: str | None, features: frozenset[str]) -> None:
        if not words:
            raise RequestError("bad-argument", "/search takes the words to look for")
        if SEARCH not in features:
            raise RequestError(UNSUPPORTED, "this server cannot search: it is an older one")
        from pylingo.shared.search import parse_search  # its tables take 6 ms

        parse_search(words)
        if (self._search.place, self._search.words) != (place, words) or self._search.is_complete:
            self._search = _Back(place, words)
        self._ask(HistoryRequest(before=self._search.before, limit=PRINTED, search=words), room)

    def _ask(self, request: HistoryRequest, room: str | None) -> None:
        self._asked = replace(request, room=room if self._with is None else None, with_=self._with)
        self._request(self._asked)

    def received(self, reply: PageReply) -> None:
        """Print a page, or why there is none."""
        if reply.request is not self._asked:
            return
        match reply.record:
            case HistoryPage() as page if reply.request.search is not None:
                self._print_matches(page, reply.request)
            case HistoryPage() as page:
                self._print_older(page)
            case Error(text=text):
                self._print(f"! {printable(text)}")

    def _print_older(self, page: HistoryPage) -> None:
        name = printable(page.room or self._with or "")
        if not page.more:
            self._print(f"--- beginning of {name} ---")
        if page.messages:
            self._note(fold(page.room or ""), page.messages[0].at)
            self._print(f"--- earlier in {name} ---")
            self._print_entries(page)
            self._print("--- end of the earlier ---")

    def _print_matches(self, page: HistoryPage, request: HistoryRequest) -> None:
        search, words = self._search, printable(self._search.words or "")
        search.before, search.is_complete = page.next, page.next is None
        if not page.messages and page.next is not None:  # the server searches a part of the history at a time
            self._ask(HistoryRequest(before=page.next, limit=PRINTED, search=request.search), request.room)
            return
        if page.messages:
            self._print(f"--- found in {printable(page.room or self._with or '')}: {words} ---")
            self._print_entries(page)
        if not search.is_complete:
            self._print(f"--- /search {words} goes further back ---")
        else:
            self._print("--- nothing older ---" if page.messages else f"--- nothing has been found for {words} ---")

    def _print_entries(self, page: HistoryPage) -> None:
        day = None
        for entry in page.messages:
            if (other := local_day(entry.at)) != day:
                self._print(date_line(other))
                day = other
            for line in wording(as_live(page, entry, self._me()), self._me()):
                self._print(line)
