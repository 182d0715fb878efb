"""The messages that are not in memory: when a page of the server's log is requested, and what its reply changes. Pure.

Older messages are requested when the view comes near to the first one in memory, newer ones when it comes near to the
last one behind which some were let go. A buffer has at most one request without a reply. A row stands where messages
are missing and says what is going on. The layouts that print each line once print an older page below the others.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from pylingo.client.events import PageReply
from pylingo.client.terminal.buffer import Buffer, PageRequest
from pylingo.client.terminal.days import dated
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.mentions import mentions
from pylingo.client.terminal.model import AskPage, Effect, Model
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.view import body_height
from pylingo.client.wording import REMOVED
from pylingo.shared.messages import MAX_PAGE, Entry, Error, HistoryPage, HistoryRequest
from pylingo.shared.names import fold
from pylingo.shared.text import printable, readable

RESERVE = 100
"""Lines beyond the view that are in memory, if there are so many: the next page is requested while they are read."""
PRINTED = 20
"""Messages of an older page in a layout that prints each line once."""


def seek(model: Model, upwards: bool) -> list[Effect]:
    """The view has moved: request the page that it comes near to."""
    buffer = model.buffer
    loaded = buffer.scrollback.loaded
    above, below = loaded.sides(body_height(model), partial(wrapped, model))
    wanted = [
        (True, above < RESERVE and not loaded.has_beginning),
        (False, below < RESERVE and not loaded.has_end),
    ]
    for is_older, is_near in wanted if upwards else reversed(wanted):
        if is_near:
            return _request(model, buffer, is_older)
    return []


def print_older(model: Model) -> list[Effect]:
    """Request the page before the one that was printed last, to be printed below the other lines."""
    buffer = model.buffer
    if buffer.page is not None:
        return []
    if (trouble := _trouble(model, buffer)) is not None:
        model.hint = trouble
        return []
    before = buffer.scrollback.loaded.first if buffer.printed is None else buffer.printed
    return _ask(model, buffer, HistoryRequest(before=before, limit=PRINTED), is_printed=True)


def page_received(model: Model, event: PageReply, now: float, at: int) -> list[Effect]:
    """A page has come, or an error in its place."""
    model.heard_at = now
    buffer = next((each for each in model.buffers if each.page and each.page.request is event.request), None)
    if buffer is None or buffer.page is None:
        return []
    page, buffer.page = buffer.page, None
    match event.record:
        case HistoryPage() if page.is_printed:
            _print(model, buffer, page, event.record)
            return []
        case Error(text=text) if page.is_printed:
            model.hint = f"earlier messages could not be loaded: {text}"
            return []
        case HistoryPage():
            _insert(model, buffer, page, event.record)
        case Error(text=text):
            _fail(buffer, page, text)
            return []
    is_read_on = buffer.is_seeking or buffer.scrollback.viewport.is_scrolled
    if buffer is not model.buffer or not is_read_on or buffer.scrollback.loaded.cuts != page.cuts:
        return []  # where lines had to go, the next key decides which way
    return seek(model, page.is_older)


def lose_pages(model: Model) -> None:
    """The connection has ended, and with it the replies."""
    for buffer in model.buffers:
        if buffer.page is not None:
            _fail(buffer, buffer.page, "the connection was lost")
            buffer.page = None


# --- requests


def _request(model: Model, buffer: Buffer, is_older: bool) -> list[Effect]:
    if buffer.page is not None:
        return []
    loaded = buffer.scrollback.loaded
    if (trouble := _trouble(model, buffer)) is not None:
        loaded.tell(f"! {trouble}", at_end=not is_older)
        return []
    loaded.tell(f"loading {'older' if is_older else 'newer'} messages \N{HORIZONTAL ELLIPSIS}", at_end=not is_older)
    since, before = (None, loaded.first) if is_older else (loaded.last, loaded.floor)
    return _ask(model, buffer, HistoryRequest(since, before, MAX_PAGE))


def _ask(model: Model, buffer: Buffer, request: HistoryRequest, is_printed: bool = False) -> list[Effect]:
    room = buffer.room if model.has("rooms") else None
    request = replace(request, room=room, with_=buffer.person)
    buffer.page = PageRequest(request, buffer.scrollback.loaded.cuts, is_printed)
    return [AskPage(request)]


def _trouble(model: Model, buffer: Buffer) -> str | None:
    """Why no page can be requested at present."""
    if model.state != "online":
        return "not connected: other messages can be loaded once the connection is back"
    if buffer.person is not None:
        return "this conversation has ended: the server has no more of it for us" if buffer.is_ended else None
    if buffer.current_room is None:
        return "no room: there is nothing to load" if buffer.room is None else "not in the room: nothing can be loaded"
    return None


# --- replies


def _insert(model: Model, buffer: Buffer, asked: PageRequest, page: HistoryPage) -> None:
    """Put the messages of a page in their place, unless what was there has gone meanwhile."""
    loaded, entries = buffer.scrollback.loaded, page.messages
    loaded.tell("", at_end=not asked.is_older)
    if loaded.cuts[not asked.is_older] != asked.cuts[not asked.is_older]:
        return
    lines = _lines(model, asked, entries)
    for line in lines:
        buffer.note_speaker(line.who)
    is_last = not page.more or not entries
    if asked.is_older:
        loaded.put_before(lines, entries[0].at if entries else None, is_last)
        buffer.is_seeking &= not lines and not is_last
        if loaded.has_beginning:
            loaded.tell(f"--- beginning of {printable(buffer.title)} ---")
    else:
        assert asked.request.before is not None
        loaded.put_behind(lines, asked.request.before - 1 if is_last else entries[-1].at)


def _fail(buffer: Buffer, asked: PageRequest, why: str) -> None:
    buffer.is_seeking = False
    if not asked.is_printed:
        key = "PgUp" if asked.is_older else "PgDn"
        buffer.scrollback.loaded.tell(f"! {printable(why)}; {key} tries again", at_end=not asked.is_older)


def _print(model: Model, buffer: Buffer, asked: PageRequest, page: HistoryPage) -> None:
    name = printable(buffer.title)
    buffer.printed = page.messages[0].at if page.messages else asked.request.before
    lines = dated(_lines(model, asked, page.messages), None)
    begin = [Line("edge", f"--- beginning of {name} ---")] if not page.more else []
    if lines:
        lines = [Line("edge", f"--- earlier in {name} ---"), *begin, *lines, Line("edge", "--- end of the earlier ---")]
    for line in lines or begin:
        at = 0 if line.kind == "day" else line.at  # the dates are those of these lines alone
        buffer.scrollback.add(replace(line, is_stamped=False, at=at))


def _lines(model: Model, asked: PageRequest, entries: Iterable[Entry]) -> list[Line]:
    """The messages of a page that are shown."""
    with_ = asked.request.with_
    lines = []
    for entry in entries:
        if model.hides(entry.from_ if with_ is None else with_):
            continue
        text = "" if entry.redacted or entry.at in asked.redacted else entry.text
        line = Line("message", readable(text) or REMOVED, entry.at, printable(entry.from_), is_stamped=True)
        line.is_action = bool(entry.action)
        line.is_mention = with_ is None and mentions(text, model.name)
        line.is_own = _is_own(model, entry, with_)
        lines.append(line)
    return lines


def _is_own(model: Model, entry: Entry, with_: str | None) -> bool:
    """Whether we have said a message. In a room, a name of ours may have been somebody else's at that time."""
    if with_ is not None:
        return fold(entry.from_) in model.own_names and fold(entry.from_) != fold(with_)
    return entry.fingerprint is not None and entry.fingerprint == model.marks[model.name].fingerprint
