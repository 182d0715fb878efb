"""Older messages, and those that a search has found, in the layouts that print each line once. Pure.

Nothing can be inserted above what the terminal keeps. So they are printed below the other lines, between two lines that
say so, and each further request goes further back.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from pylingo.client.events import PageReply
from pylingo.client.features import SEARCH
from pylingo.client.terminal import past
from pylingo.client.terminal.buffer import Buffer, Found, PageRequest
from pylingo.client.terminal.days import dated
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.model import AskPage, Effect, Model
from pylingo.shared.messages import Error, HistoryPage, HistoryRequest
from pylingo.shared.text import printable

if TYPE_CHECKING:
    from pylingo.shared.search import Search

PRINTED = 20
"""Messages that are printed at a time."""


def print_older(model: Model) -> list[Effect]:
    """Request the page before the one that was printed last."""
    buffer = model.buffer
    before = buffer.scrollback.loaded.part.first if buffer.printed is None else buffer.printed
    return _ask(model, buffer, HistoryRequest(before=before, limit=PRINTED))


def print_found(model: Model, words: str, rule: "Search") -> list[Effect]:
    """Request the newest messages that match or, if the last search had the same words, the page before."""
    buffer = model.buffer
    found = buffer.found
    if found is None or found.words != words:
        found = buffer.found = Found(words)
    if found.is_complete:
        model.hint = f"nothing older has been found for {printable(words)}"
        buffer.found = None
        return []
    if model.features is not None and SEARCH not in model.features:
        _print_from_memory(buffer, found, rule)
        return []
    return _ask(model, buffer, HistoryRequest(before=found.before, limit=PRINTED, search=words))


def _ask(model: Model, buffer: Buffer, request: HistoryRequest) -> list[Effect]:
    if buffer.page is not None:
        return []
    if (trouble := past.trouble(model, buffer)) is not None:
        model.hint = trouble
        return []
    request = past.addressed(model, buffer, request)
    buffer.page = PageRequest(request, buffer.scrollback.loaded.cuts, is_printed=True)
    return [AskPage(request)]


def page_received(model: Model, event: PageReply, now: float, at: int) -> list[Effect] | None:
    """Print a page; None if it is not to be printed."""
    for buffer in model.buffers:
        page = buffer.page
        if page is not None and page.is_printed and page.request is event.request:
            buffer.page = None
            match event.record:
                case HistoryPage() if event.request.search is not None:
                    return _print_matches(model, buffer, page, event.record)
                case HistoryPage():
                    _print_page(model, buffer, page, event.record)
                case Error(text=text):
                    model.hint = f"earlier messages could not be loaded: {printable(text)}"
            return []
    return None


def _print_page(model: Model, buffer: Buffer, asked: PageRequest, page: HistoryPage) -> None:
    buffer.printed = page.messages[0].at if page.messages else asked.request.before
    lines = past.lines_of(model, buffer, asked, page.messages)
    begin = [] if page.more else [past.beginning(buffer)]
    if lines:
        _print(buffer, [f"--- earlier in {printable(buffer.title)} ---", *begin], lines, "--- end of the earlier ---")
    else:
        _print(buffer, begin, [], "")


def _print_matches(model: Model, buffer: Buffer, asked: PageRequest, page: HistoryPage) -> list[Effect]:
    found = buffer.found
    if found is None or found.words != asked.request.search:
        return []
    found.before, found.is_complete = page.next, page.next is None
    lines = past.lines_of(model, buffer, asked, page.messages)
    if not lines and not found.is_complete:  # the server searches a part of the log at a time
        return _ask(model, buffer, replace(asked.request, before=page.next))
    _print_found(buffer, found, lines)
    return []


def _print_from_memory(buffer: Buffer, found: Found, rule: "Search") -> None:
    lines = buffer.scrollback.loaded.newest_part()
    before = 2**63 if found.before is None else found.before
    matches = [line for line in lines if is_of_log(line) and line.at < before and rule.matches(line.text)]
    found.is_complete = len(matches) <= PRINTED
    found.before = matches[-PRINTED].at if not found.is_complete else None
    _print_found(buffer, found, [replace(line, is_printed=False) for line in matches[-PRINTED:]], " in memory")


def _print_found(buffer: Buffer, found: Found, lines: list[Line], where: str = "") -> None:
    words = printable(found.words)
    if found.is_complete:
        rest = f"--- nothing older{where} ---" if lines else f"--- nothing{where} has been found for {words} ---"
    else:
        rest = f"--- /search {words} goes further back ---"
    _print(buffer, [f"--- found{where} in {printable(buffer.title)}: {words} ---"] if lines else [], lines, rest)


def _print(buffer: Buffer, begin: list[str], lines: list[Line], end: str) -> None:
    ends = [Line("edge", end)] if end else []
    for line in (*(Line("edge", words) for words in begin), *dated(lines, None), *ends):
        at = 0 if line.kind == "day" else line.at  # the dates are those of these lines alone
        buffer.scrollback.add(replace(line, is_stamped=False, at=at))
