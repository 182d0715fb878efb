"""The handlers of the requests, by type. A `say` whose key is looked up on disk blocks the requests behind it."""

from collections.abc import Callable
from typing import Any

from pylingo.reactor.chat.commands import no_room, run_command
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history.history import History, Page
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import (
    Command,
    Entry,
    Hello,
    HistoryPage,
    HistoryRequest,
    Message,
    PingRequest,
    Pong,
    PongRequest,
    Say,
    Sent,
)
from pylingo.shared.names import MAX_ROOM, fold, user_name
from pylingo.shared.schema import Record
from pylingo.shared.text import message_text

_RECEIPT = 400  # an upper bound of the bytes of a `sent`
# Work, in units of about a microsecond: of a page of history, and of folding a character of a name.
_PAGE, _LETTER = 300.0, 1.0

type Deliver = Callable[[Record | None], None]


def handle(session: Session, request: Record) -> None:
    """Do what `request` asks for, and reply."""
    try:
        HANDLERS[type(request)](session, request)
    except RequestError as error:
        error.re = getattr(request, "id", None)
        session.refuse(error)


def _hello(session: Session, hello: Hello) -> None:
    if session.is_ready:
        raise RequestError("already-ready", "a connection says hello once, and this one has")
    if hello.protocol != PROTOCOL_VERSION:
        session.end("protocol", f"this server speaks version {PROTOCOL_VERSION} of the protocol only", hello.id)
        return
    name = refused = None
    if hello.name is not None:
        try:
            name = user_name(hello.name)
        except RequestError as error:
            refused = error.with_traceback(None)  # which refers to this frame, which would refer to the error
    if hello.resume is not None:
        seat = session.hub.tokens.find(hello.resume, fold(name) if name is not None else None)
        if seat is not None:
            session.resume(seat, hello.id)
            return
    session.become_ready(hello.resume)
    if name is not None:
        try:
            session.rename(name)
        except RequestError as error:
            refused = error.with_traceback(None)
    session.reply_ready(False, hello.id)
    if refused is not None:
        refused.re = hello.id
        session.refuse(refused)


def _say(session: Session, say: Say) -> None:
    text = message_text(say.text)
    room = session.room
    if room is None:
        raise no_room("say something")
    deliver = session.outbox.promise(_RECEIPT) if say.id is not None or say.key is not None else None
    if say.key is None:
        _speak(session, room, say, text, None, deliver)
    else:
        _say_once(session, room, say, say.key, text, deliver)


def _say_once(session: Session, room: Room[Session], say: Say, key: str, text: str, deliver: Deliver | None) -> None:
    """Say `text` unless the history has a message with the same key. It may have to ask the disk."""
    history, number, name = session.hub.history, session.number, session.person.name
    at = history.find(room.key, key, number, name)
    if at is not None or not history.may_hold(room.key, key, number, name):
        _speak(session, room, say, text, at, deliver)
        return

    def looked_up(at: int | None) -> None:
        if session.state is not State.ENDED:
            _speak(session, room, say, text, at, deliver)
            session.go_on()

    session.is_busy = True
    history.look_up(room.key, key, number, name, looked_up)


def _speak(session: Session, room: Room[Session], say: Say, text: str, at: int | None, deliver: Deliver | None) -> None:
    """Say `text` in the room, unless the history has it already, with the stamp `at`."""
    hub, name = session.hub, session.person.name
    if at is None:
        at = hub.stamp()
        hub.history.add(room.key, Entry(name, text, at, say.key), session.number if say.key is not None else 0)
        if len(room.members) > 1:
            session.outbox.write_to_room(room, Message(room.name, name, text, at), at)
    if deliver is not None:
        _confirm(hub.history, Sent(room.name, at, say.id, say.key), deliver)


def _confirm(history: History, sent: Sent, deliver: Deliver) -> None:
    """Deliver `sent` once the message is kept. Apart, as a variable that a closure captures slows the enclosing one."""
    history.when_committed(lambda: deliver(sent), lambda: deliver(None))


def _command(session: Session, command: Command) -> None:
    if command.argument is not None and not command.argument.isascii():
        session.hub.tick.work += _LETTER * min(len(command.argument), 4 * MAX_ROOM)
    run_command(session, command)


def _history(session: Session, history: HistoryRequest) -> None:
    room = session.room
    if room is None:
        raise no_room("read its history")
    deliver = session.outbox.promise(MAX_BODY)
    session.hub.tick.work += _PAGE

    def answer(page: Page) -> None:
        deliver(HistoryPage(room.name, page.messages, page.more, page.oldest, history.id))

    session.hub.history.page(room.key, history, answer)


def _ping(session: Session, ping: PingRequest) -> None:
    session.reply(Pong(ping.id))


def _pong(session: Session, pong: PongRequest) -> None:
    """Nothing to do: its bytes have shown that the peer is alive."""


HANDLERS: dict[type[Record], Callable[[Session, Any], None]] = {
    Hello: _hello,
    Say: _say,
    Command: _command,
    HistoryRequest: _history,
    PingRequest: _ping,
    PongRequest: _pong,
}
"""A handler raises `RequestError` to refuse its request."""
