"""CHATHISTORY, and the newest messages for a client that has joined a room and cannot ask."""

from collections.abc import Callable, Sequence
from functools import partial

from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.speaking import conversation, partner
from pylingo.reactor.chat.waiting import wait_for
from pylingo.reactor.history.history import Page
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.gateway import Handler
from pylingo.reactor.irc.message import Message, format_message
from pylingo.reactor.irc.numerics import as_middle
from pylingo.reactor.irc.playback import Entries, Read, batch, collect, lines_of
from pylingo.reactor.irc.selection import MOST, Part, Selection, SelectionError, read_bound, read_limit, read_selection
from pylingo.reactor.irc.times import server_time
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import HistoryRequest
from pylingo.shared.names import MAX_TYPED

ON_JOIN = 20
"""The messages that a client gets on joining, if it reads times and cannot ask for messages."""
_COMMAND = "CHATHISTORY"


def _chathistory(client: Client, message: Message) -> None:
    subcommand = message.params[0].upper() if message.params else "*"
    params = message.params[1:]
    try:
        if subcommand == "TARGETS":
            client.then(partial(_targets, client, *_read_targets(params)))
            return
        selection = read_selection(subcommand, params)
    except SelectionError as error:
        _fail(client, "INVALID_PARAMS", str(error), subcommand)
        return
    client.then(partial(_select, client, subcommand, selection))


def _fail(client: Client, code: str, text: str, *context: str) -> None:
    """Say that a request has failed. Clients that ask for the history by themselves can read FAIL."""
    if client.has("draft/chathistory"):
        client.line("FAIL", _COMMAND, code, *map(as_middle, context), text)
    else:
        client.fail(_COMMAND, code, text, *context)


def _read_targets(params: Sequence[str]) -> tuple[int, int, int]:
    """The stamps between which the targets were spoken to, both exclusive, and how many are wanted."""
    if len(params) < 3:
        raise SelectionError("TARGETS needs 3 parameters")
    one, other = sorted([read_bound(params[0]), read_bound(params[1])])
    return one.last, other.first, read_limit(params[2])


def _select(client: Client, subcommand: str, selection: Selection) -> None:
    target, session = selection.target, client.session
    if target.startswith("#"):
        room = client.room(target)
        if room is None:
            _fail(client, "INVALID_TARGET", "you are not in that channel", subcommand, target)
            return
        read = _reader(client, partial(session.hub.history.page, room.key))
        _send(client, read, selection.parts, f"#{room.name}", room.name)
        return

    def found() -> None:
        try:
            other = partner(session, target)
        except RequestError as error:
            _fail(client, "INVALID_TARGET", error.text, subcommand, target)
            return
        read = _reader(client, partial(session.hub.history.page, conversation(session, other)))
        _send(client, read, selection.parts, other.name, None, shown=target)

    if len(target) > MAX_TYPED:
        _fail(client, "INVALID_TARGET", "nobody has such a name", subcommand, target[:MAX_TYPED])
    else:
        session.hub.bus.look_up(session, target, None, found)


def _reader(client: Client, page: Callable[..., object]) -> Read:
    def read(request: HistoryRequest, answer: Callable[[Page], object]) -> None:
        page(request, answer, client.session.outbox)

    return read


def _send(
    client: Client,
    read: Read,
    parts: tuple[Part, ...],
    target: str,
    room: str | None,
    is_asked: bool = True,
    shown: str | None = None,
) -> None:
    """Send the messages in a batch. The lines behind the command wait for it. An empty batch is a reply alone.

    `shown` is the target as the client has spelled it, by which it may know the batch.
    """

    def ask(answer: Callable[[Entries], None]) -> None:
        collect(client, read, parts, answer)

    def got(entries: Entries) -> None:
        if entries or is_asked:
            client.send(batch(client, "chathistory", [shown or target], lines_of(client, entries, room, target)))

    wait_for(client.session, ask, got)


def _targets(client: Client, since: int, before: int, limit: int) -> None:
    """Name the rooms and people with whom something was said, by the time of their newest message."""
    session = client.session
    history = session.hub.history
    newest: dict[str, int] = {}

    def rooms(rest: tuple[Room[Session], ...], answer: Callable[[None], None]) -> None:
        if not rest:
            people(answer)
            return

        def got(entries: Entries) -> None:
            newest.update((f"#{rest[0].name}", entry.at) for entry in entries)
            rooms(rest[1:], answer)

        collect(client, _reader(client, partial(history.page, rest[0].key)), (Part(1),), got)

    def people(answer: Callable[[None], None]) -> None:
        def got(entries: Entries) -> None:
            for entry in entries:
                other = entry.to if entry.from_ == client.name else entry.from_
                if other is not None:
                    newest[other] = entry.at
            answer(None)

        inbox = partial(history.inbox, session.hub.owner(session.person))
        collect(client, _reader(client, inbox), (Part(MOST, since, before),), got)

    def send(_: None) -> None:
        chosen = sorted((at, name) for name, at in newest.items() if since < at < before)[:limit]
        lines = [
            format_message(_COMMAND, ["TARGETS", name, server_time(at)], client.gateway.name) for at, name in chosen
        ]
        client.send(batch(client, "draft/chathistory-targets", (), b"".join(lines)))

    wait_for(session, partial(rooms, session.rooms), send)


class JoinPlayback:
    """The newest messages for a client that joins `channel`. Call `note` when it has entered, and `send` later."""

    def __init__(self, client: Client, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._before: int | None = None

    def note(self) -> None:
        """Messages from now on come as they are said. A client that was there before needs nothing."""
        if not self._client.was_refused:
            self._before = self._client.session.hub.tick.newest_stamp + 1

    def send(self) -> None:
        """Send the messages, if the client is in the room and has use for them."""
        client = self._client
        room = client.room(self._channel)
        is_wanted = client.has("server-time") and not client.has("draft/chathistory")
        if room is None or self._before is None or not is_wanted:
            return
        read = _reader(client, partial(client.session.hub.history.page, room.key))
        _send(client, read, (Part(ON_JOIN, before=self._before),), f"#{room.name}", room.name, is_asked=False)


HANDLERS = {_COMMAND: Handler(_chathistory)}
