"""The handlers of the requests, by type."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pylingo.reactor.chat.addressing import given, need_room
from pylingo.reactor.chat.commands import run_command
from pylingo.reactor.chat.entrance import is_let_in, say_hello
from pylingo.reactor.chat.hub import name_work
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.speaking import conversation, partner, say
from pylingo.reactor.history.history import Page
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import (
    Command,
    Hello,
    HistoryPage,
    HistoryRequest,
    PingRequest,
    Pong,
    PongRequest,
    Say,
    SearchPage,
)
from pylingo.shared.schema import Record
from pylingo.shared.search import parse_search

_PAGE = 300.0  # the work of a page of history, in units of about a microsecond
_SEARCH = 1_500.0  # that of a search in memory, besides the page; one in a file costs those who search as much


def handle(session: Session, request: Record) -> None:
    """Do what `request` asks for, and reply."""
    try:
        if session.is_admitted or is_let_in(session, request):
            HANDLERS[type(request)](session, request)
    except RequestError as error:
        error.re = getattr(request, "id", None)
        session.refuse(error)


def _command(session: Session, command: Command) -> None:
    session.hub.tick.work += name_work(command.argument or "")
    run_command(session, command)


def _history(session: Session, request: HistoryRequest) -> None:
    """Reply with a page of a room, of a conversation or of the inbox; with matches alone if it is a search."""
    if request.search is not None:
        if request.since is not None:
            raise RequestError("bad-argument", "a search goes back from 'before': leave 'since' out")
        parse_search(request.search)
        session.hub.tick.work += _SEARCH
    with_ = given(request.with_)
    if (given(request.room) is not None) + (with_ is not None) + bool(request.inbox) > 1:
        raise RequestError("bad-argument", "a page is of a room, of a conversation or of the inbox: name one of them")
    if with_ is None:
        _answer_history(session, request, None)
    else:
        session.hub.bus.look_up(session, with_, request.id, lambda: _answer_history(session, request, with_))


def _answer_history(session: Session, request: HistoryRequest, with_: str | None) -> None:
    history = session.hub.history
    if request.inbox:
        page = partial(history.inbox, session.hub.owner(session.person))
        room = name = None
    elif with_ is not None:
        other = partner(session, with_)
        page = partial(history.page, conversation(session, other))
        room, name = None, other.name
    else:
        place = need_room(session, request.room, "read its history")
        page = partial(history.page, place.key)
        room, name = place.name, None
    deliver = session.outbox.promise(MAX_BODY)
    session.hub.tick.work += _PAGE

    def answer(page: Page) -> None:
        if request.search is None:
            deliver(HistoryPage(room, page.messages, page.more, page.oldest, request.id, name))
        else:
            deliver(SearchPage(room, page.messages, page.more, page.oldest, page.next, request.id, name))

    page(request, answer, session.outbox)


def _ping(session: Session, ping: PingRequest) -> None:
    session.reply(Pong(ping.id))


def _pong(session: Session, pong: PongRequest) -> None:
    """Nothing to do: its bytes have shown that the peer is alive."""


HANDLERS: dict[type[Record], Callable[[Session, Any], None]] = {
    Hello: say_hello,
    Say: say,
    Command: _command,
    HistoryRequest: _history,
    PingRequest: _ping,
    PongRequest: _pong,
}
"""A handler raises `RequestError` to refuse its request."""
