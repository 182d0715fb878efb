"""The messages that are not in memory: when a page of the server's log is requested, and what its reply changes. Pure.

Older messages are requested when the view comes near to the first one in memory, newer ones when it comes near to the
last one behind which some were let go. A buffer has at most one request without a reply. A row stands where messages
are missing and says what is going on. `printed_past` has the layouts that print each line once.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from pylingo.client.events import PageReply
from pylingo.client.terminal.buffer import Buffer, PageRequest
from pylingo.client.terminal.days import dated
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.log_part import LogPart
from pylingo.client.terminal.mentions import mentions
from pylingo.client.terminal.model import AskPage, Effect, Model
from pylingo.client.terminal.rows import is_folded, wrapped
from pylingo.client.terminal.view import body_height
from pylingo.client.wording import REMOVED
from pylingo.shared.messages import MAX_PAGE, Entry, Error, HistoryPage, HistoryRequest
from pylingo.shared.names import fold
from pylingo.shared.text import printable, readable

RESERVE = 100
"""Lines beyond the view that are in memory, if there are so many: the next page is requested while they are read."""
CONTEXT = 50
"""Messages that are requested to show one that is not in memory: it is the last of them."""
KEPT_ASIDE = 500
"""Lines above and below a view that is to be found again."""


def seek(model: Model, upwards: bool) -> list[Effect]:
    """The view has moved: request the page that it comes near to."""
    buffer = model.buffer
    loaded = buffer.scrollback.loaded
    above, below = loaded.sides(body_height(model), partial(wrapped, model))
    wanted = [
        (True, above < RESERVE and not loaded.part.has_beginning),
        (False, below < RESERVE and not loaded.has_end),
    ]
    for is_older, is_near in wanted if upwards else reversed(wanted):
        if is_near:
            return _request(model, buffer, is_older)
    return []


def look_at(model: Model, buffer: Buffer, at: int) -> list[Effect]:
    """Show the message with a stamp, wherever it is, and no message that was to be shown before."""
    loaded = buffer.scrollback.loaded
    line = loaded.find(at)
    if line is None:
        return _request_around(model, buffer, at)
    look_at_none(buffer)
    if line not in loaded.lines:  # it is among the newest ones, far from the view
        go_to_end(buffer)
    show(model, buffer, line)
    return seek(model, upwards=True) if buffer is model.buffer else []


def look_at_none(buffer: Buffer) -> None:
    """Show no message for which a request has no reply yet."""
    if buffer.page is not None:
        buffer.page.then = None


def _request_around(model: Model, buffer: Buffer, at: int) -> list[Effect]:
    """Request the message with a stamp and those before it, to show it. It waits for another request to be answered."""
    if (why := trouble(model, buffer)) is not None:
        model.hint = f"the message cannot be shown: {why}"
        return []
    if buffer.page is not None:
        buffer.page.then = at
        return []
    request = addressed(model, buffer, HistoryRequest(before=at + 1, limit=CONTEXT))
    buffer.page = PageRequest(request, buffer.scrollback.loaded.cuts, jump=at, then=at)
    return [AskPage(request)]


def show(model: Model, buffer: Buffer, line: Line, must_center: bool = False) -> None:
    """Show a message, and the place in it that a search has found."""
    line.is_open |= is_folded(model, line)
    rows = wrapped(model, line)
    found = (index for index, row in enumerate(rows) if any(span.style == "current-match" for span in row))
    viewport = buffer.scrollback.viewport
    bring = viewport.center if must_center else viewport.show
    bring(line, body_height(model), partial(wrapped, model), next(found, 0))


def page_received(model: Model, event: PageReply, now: float, at: int) -> list[Effect]:
    """A page has come, or an error in its place."""
    buffer = next((each for each in model.buffers if each.page and each.page.request is event.request), None)
    if buffer is None or buffer.page is None:
        return []
    page, buffer.page = buffer.page, None
    match event.record:
        case HistoryPage() if page.jump is None:
            _insert(model, buffer, page, event.record)
        case HistoryPage() if page.jump == page.then:
            return _jump(model, buffer, page, event.record)
        case Error(text=text) if page.jump in (None, page.then):
            _fail(model, buffer, page, text)
            if page.jump == page.then:
                return []
    if page.then is not None:
        return look_at(model, buffer, page.then)
    is_read_on = buffer.is_seeking or buffer.scrollback.viewport.is_scrolled
    has_lost_lines = page.jump is None and buffer.scrollback.loaded.cuts != page.cuts
    if buffer is not model.buffer or not is_read_on or has_lost_lines:
        return []  # where lines had to go, the next key decides which way
    return seek(model, page.is_older)


def lose_pages(model: Model) -> None:
    """The connection has ended, and with it the replies."""
    for buffer in model.buffers:
        if buffer.page is not None:
            _fail(model, buffer, buffer.page, "the connection was lost")
            buffer.page = None


# --- requests


def _request(model: Model, buffer: Buffer, is_older: bool) -> list[Effect]:
    if buffer.page is not None:
        return []
    loaded = buffer.scrollback.loaded
    if (why := trouble(model, buffer)) is not None:
        loaded.tell(f"! {why}", at_end=not is_older)
        return []
    loaded.tell(f"loading {'older' if is_older else 'newer'} messages \N{HORIZONTAL ELLIPSIS}", at_end=not is_older)
    since, before = (None, loaded.part.first) if is_older else (loaded.part.last, loaded.floor)
    request = addressed(model, buffer, HistoryRequest(since, before, MAX_PAGE))
    buffer.page = PageRequest(request, loaded.cuts)
    return [AskPage(request)]


def addressed(model: Model, buffer: Buffer, request: HistoryRequest) -> HistoryRequest:
    """The request for a page of the room or the conversation of a buffer."""
    return replace(request, room=buffer.room if model.has("rooms") else None, with_=buffer.person)


def trouble(model: Model, buffer: Buffer) -> str | None:
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
    lines = lines_of(model, buffer, asked, entries)
    is_last = not page.more or not entries
    if asked.is_older:
        loaded.put_before(lines, entries[0].at if entries else None, is_last)
        buffer.is_seeking &= not lines and not is_last
        _tell_beginning(buffer)
    else:
        assert asked.request.before is not None
        loaded.put_behind(lines, asked.request.before - 1 if is_last else entries[-1].at)
        at, place = asked.center or (0, None)
        if loaded.viewport.place() == place and (line := loaded.find(at)) is not None:
            show(model, buffer, line, must_center=True)


def _tell_beginning(buffer: Buffer) -> None:
    if buffer.scrollback.loaded.part.has_beginning:
        buffer.scrollback.loaded.tell(beginning(buffer))


def beginning(buffer: Buffer) -> str:
    return f"--- beginning of {printable(buffer.title)} ---"


def _fail(model: Model, buffer: Buffer, asked: PageRequest, why: str) -> None:
    buffer.is_seeking = False
    if asked.then is not None:
        model.hint = f"the message cannot be shown: {printable(why)}"
    if asked.jump is None and not asked.is_printed:
        key = "PgUp" if asked.is_older else "PgDn"
        buffer.scrollback.loaded.tell(f"! {printable(why)}; {key} tries again", at_end=not asked.is_older)


def _jump(model: Model, buffer: Buffer, asked: PageRequest, page: HistoryPage) -> list[Effect]:
    """Show a message that was not in memory, among those of a page. Those around the view before are set aside."""
    loaded, entries = buffer.scrollback.loaded, page.messages
    assert asked.jump is not None
    lines = lines_of(model, buffer, asked, entries)
    first = entries[0].at if entries else asked.jump
    part = LogPart(dated(lines, None), first, asked.jump, not page.more, loaded.part.entered)
    set_aside(buffer, part)
    _tell_beginning(buffer)
    if (line := loaded.find(asked.jump)) is not None:
        show(model, buffer, line, must_center=True)
    effects = seek(model, upwards=False) if buffer is model.buffer else []
    if buffer.page is not None and not buffer.page.is_older:
        buffer.page.center = asked.jump, loaded.viewport.place()
    return effects


def set_aside(buffer: Buffer, part: LogPart) -> None:
    """Show another part of the log. The lines around the view at the start of the search stay in memory."""
    loaded = buffer.scrollback.loaded
    before = loaded.replace_part(part)
    if before is not None and loaded.aside is None and buffer.search is not None:
        before.keep(buffer.search.place[0], KEPT_ASIDE)
        loaded.aside = before


def go_to_end(buffer: Buffer) -> None:
    """Show the newest messages. A search leads back from there as well."""
    loaded = buffer.scrollback.loaded
    if buffer.search is not None and not loaded.has_end:
        set_aside(buffer, LogPart(entered=loaded.part.entered))
    loaded.follow()


def lines_of(model: Model, buffer: Buffer, asked: PageRequest, entries: Iterable[Entry]) -> list[Line]:
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
        buffer.note_speaker(line.who)
        lines.append(line)
    return lines


def _is_own(model: Model, entry: Entry, with_: str | None) -> bool:
    """Whether we have said a message. In a room, a name of ours may have been somebody else's at that time."""
    if with_ is not None:
        return fold(entry.from_) in model.own_names and fold(entry.from_) != fold(with_)
    return entry.fingerprint is not None and entry.fingerprint == model.marks[model.name].fingerprint
