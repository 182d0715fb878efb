"""The search among the messages of a buffer: its command, its keys, and what replies change. Pure.

The search goes from the newest message to the oldest. It reads the lines in memory first, in steps, so that keys do not
wait; then the server searches its log, a page at a time, as older matches are wanted. The view goes to the newest
match, `n` to an older one, `N` to a newer one, and Escape back to where it was.
"""

from typing import TYPE_CHECKING

from pylingo.client.events import PageReply
from pylingo.client.features import SEARCH
from pylingo.client.settings import PRINTING
from pylingo.client.terminal import past, printed_past
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.line import is_of_log
from pylingo.client.terminal.model import AskPage, Do, Effect, Model, SearchGoesOn
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import MAX_PAGE, Error, HistoryPage, HistoryRequest
from pylingo.shared.text import printable

if TYPE_CHECKING:
    from pylingo.client.terminal.message_search import MessageSearch

STEP_LINES, STEP_CHARACTERS = 500, 10_000
"""The most that is read in one step: a few milliseconds."""
_KEYS = frozenset("nN")


def start(model: Model, words: str) -> list[Effect]:
    """Search the shown buffer. Raises `RequestError` if the words cannot be searched for."""
    # The tables of the search take 6 ms, and few programs begin with one.
    from pylingo.client.terminal.message_search import MessageSearch
    from pylingo.shared.search import parse_search

    if not words:
        raise RequestError("bad-argument", "/search takes the words to look for; each one is found by its beginning")
    rule = parse_search(words)
    if model.preferences.layout in PRINTING:
        return printed_past.print_found(model, words, rule)
    buffer = model.buffer
    if buffer.search is None:
        viewport = buffer.scrollback.viewport
        place, near = viewport.place(), next((line.at for line in viewport.upwards() if is_of_log(line)), None)
    else:
        place, near = buffer.search.place, buffer.search.near
    search = buffer.search = MessageSearch(words, rule, place, near)
    return _read(model, buffer, search)


def press(model: Model, text: str) -> list[Effect] | None:
    """Walk through the matches, if `text` consists of the keys for that and nothing else is meant by them."""
    buffer = model.buffer
    is_typing = bool(buffer.editor.text) or buffer.editor.search is not None
    if buffer.search is None or is_typing or not text or set(text) - _KEYS:
        return None
    effects: list[Effect] = []
    for key in text:
        if buffer.search is not None:
            effects += (_older if key == "n" else _newer)(model, buffer, buffer.search)
    return effects


def end(buffer: Buffer) -> None:
    """End the search, and stay where it has led."""
    buffer.search = None
    buffer.scrollback.loaded.aside = None
    past.look_at_none(buffer)


def leave(model: Model, buffer: Buffer) -> list[Effect]:
    """End the search, and go back to where one was, or near to it if the lines there have gone."""
    search = buffer.search
    if search is None:
        return []
    is_back = buffer.scrollback.loaded.return_to(search.place)
    end(buffer)
    return [] if is_back or search.near is None else past.look_at(model, buffer, search.near)


# --- walking


def _older(model: Model, buffer: Buffer, search: "MessageSearch") -> list[Effect]:
    search.is_wanted = True
    return _go_on(model, buffer, search)


def _newer(model: Model, buffer: Buffer, search: "MessageSearch") -> list[Effect]:
    search.is_wanted = False
    if search.newer is None:
        arrived = [line for line in buffer.scrollback.loaded.end if is_of_log(line) and line.at > search.newest]
        search.add_newer(line.at for line in arrived if search.rule.matches(line.text))
        search.newest = max([search.newest, *(line.at for line in arrived)])
    if search.newer is None:
        model.hint = "no newer match" if not search.forgotten else "no newer match is known: search again"
        return []
    return _show(model, buffer, search, search.newer)


def _show(model: Model, buffer: Buffer, search: "MessageSearch", at: int) -> list[Effect]:
    """Look at a match. If it is not in memory, the messages around it are requested."""
    search.current, search.is_wanted = at, False
    return past.look_at(model, buffer, at)


# --- searching


def go_on(model: Model, event: SearchGoesOn, now: float, at: int) -> list[Effect]:
    """Read on in memory, in each buffer where a search has not come to the end of that."""
    effects: list[Effect] = []
    for buffer in model.buffers:
        if buffer.search is not None and buffer.search.is_reading:
            effects += _read(model, buffer, buffer.search)
    return effects


def _read(model: Model, buffer: Buffer, search: "MessageSearch") -> list[Effect]:
    """Search a step further in the lines in memory, from the newest one up to the first one before which some miss."""
    lines = buffer.scrollback.loaded.newest_part()
    found: list[int] = []
    count = characters = 0
    reached = search.reached
    for line in reversed(lines):
        if not is_of_log(line) or line.at >= search.reached:
            continue
        if count >= STEP_LINES or characters >= STEP_CHARACTERS:
            break
        count, characters, reached = count + 1, characters + len(line.text), line.at
        search.newest = max(search.newest, line.at)
        if search.rule.matches(line.text):
            found.append(line.at)
    else:
        search.is_reading = False
    search.add_older(found, reached)
    goes_on: list[Effect] = [Do.SEARCH_ON] if search.is_reading else []
    return [*_go_on(model, buffer, search), *goes_on]


def _go_on(model: Model, buffer: Buffer, search: "MessageSearch") -> list[Effect]:
    """Look at the match that is wanted, and request more matches if none before it is known."""
    effects: list[Effect] = []
    if search.is_wanted and search.older is not None:
        effects = _show(model, buffer, search, search.older)
    if search.is_reading or search.older is not None:
        return effects
    loaded = buffer.scrollback.loaded
    has_all = loaded.has_end and loaded.part.has_beginning
    if not search.is_complete and not has_all and _has_feature(model):
        return [*effects, *_request(model, buffer, search)]
    search.is_complete = True
    if search.is_wanted:
        search.is_wanted = False
        where = "" if has_all or _has_feature(model) else " in memory, and this server cannot search"
        words = f"{'no older match' if search.count else 'nothing'} has been found{where}"
        effects = [*effects, *_fail(model, buffer, search, words)]
    return effects


def _has_feature(model: Model) -> bool:
    return model.features is None or SEARCH in model.features


def _fail(model: Model, buffer: Buffer, search: "MessageSearch", words: str) -> list[Effect]:
    """The match that is wanted cannot be had. Without any match, the search is over."""
    search.is_wanted = False
    model.hint = f"{words}: {printable(search.words)}"
    return [] if search.count else leave(model, buffer)


def _request(model: Model, buffer: Buffer, search: "MessageSearch") -> list[Effect]:
    if search.asked is not None:
        return []
    if (why := past.trouble(model, buffer)) is not None:
        return _fail(model, buffer, search, f"not searched further ({why})") if search.is_wanted else []
    request = HistoryRequest(before=search.reached, limit=MAX_PAGE, search=search.words)
    search.asked = past.addressed(model, buffer, request)
    return [AskPage(search.asked)]


def lose_requests(model: Model) -> None:
    """The connection has ended, and with it the replies."""
    for buffer in model.buffers:
        search = buffer.search
        if search is not None and search.asked is not None:
            search.asked = None
            if search.is_wanted:
                _fail(model, buffer, search, "not searched further (the connection was lost)")


def page_received(model: Model, event: PageReply, now: float, at: int) -> list[Effect] | None:
    """A page of matches has come, or an error in its place; None if it is another page."""
    for buffer in model.buffers:
        search = buffer.search
        if search is not None and search.asked is event.request:
            search.asked = None
            return _received(model, buffer, search, event)
    return None


def _received(model: Model, buffer: Buffer, search: "MessageSearch", event: PageReply) -> list[Effect]:
    match event.record:
        case HistoryPage(messages=entries, next=next_):
            with_ = event.request.with_
            shown = [entry for entry in entries if not model.hides(entry.from_ if with_ is None else with_)]
            search.add_older((entry.at for entry in shown), 0 if next_ is None else min(next_, search.reached))
            search.is_complete = next_ is None
            return _go_on(model, buffer, search) if search.is_wanted else []
        case Error(text=text):
            if search.is_wanted:
                return _fail(model, buffer, search, f"not searched further ({printable(text)})")
    return []
