"""One IRC client: the face of its connection, which makes commands of bytes, and the voice of its session, which makes
lines of records.

A command may take several steps, and each of them may have to wait; the lines behind it wait with it.
"""

import enum
from collections.abc import Callable, Collection, Hashable
from functools import partial
from typing import Any

from pylingo.reactor.chat.dialect import Changes, record_of
from pylingo.reactor.chat.entrance import say_hello
from pylingo.reactor.chat.requests import handle
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.seats import Timer
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.irc.capabilities import Negotiation
from pylingo.reactor.irc.formatting import fit_line
from pylingo.reactor.irc.gateway import Gateway, room_key
from pylingo.reactor.irc.labels import Labelled
from pylingo.reactor.irc.lines import TOO_LONG, LineDecoder
from pylingo.reactor.irc.message import ParseError, format_message, parse
from pylingo.reactor.irc.multiline import OpenBatch
from pylingo.reactor.irc.numerics import Numeric, as_middle
from pylingo.reactor.irc.responses import Responses
from pylingo.reactor.irc.sasl import Exchange, Login
from pylingo.reactor.irc.user_modes import NONE, OPERATOR, UserMode
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Away, Hello, Joined, Left, Message, Private, Topic
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.text import counted
from pylingo.shared.value_class import value_class

REGISTRATION = 60.0
"""Seconds from the accept to the end of the registration."""
_LIGHT = 8  # light commands that count as one
_ECHO = "echo-message"


class Stage(enum.Enum):
    """How far a client has come."""

    REGISTERING = enum.auto()
    WAITING = enum.auto()
    """The server decides whether the client may come in under its name."""
    REGISTERED = enum.auto()


@value_class
class Asked:
    """The command at hand, by which a reply is understood. `target` is the person or room that it names."""

    command: str
    target: str = ""
    room: str = ""
    words: str = ""
    fields: str = ""
    away: Collection[str] = ()
    """Those on other servers who are away, by the compared forms of their names."""


_NOTHING = Asked("")


class Client:
    """See the module. `nick` is the name that the client wants, until it is registered."""

    __slots__ = (
        "_batches",
        "_exchange",
        "_light",
        "_requests",
        "_responses",
        "_steps",
        "_timer",
        "asked",
        "dialect",
        "gateway",
        "has_said_hello",
        "heard",
        "is_light",
        "login",
        "negotiation",
        "nick",
        "open_batch",
        "password",
        "realname",
        "session",
        "stage",
        "user",
        "user_modes",
        "was_refused",
    )

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.heard: Hashable = None
        self.is_light = False
        self.stage = Stage.REGISTERING
        self.nick = ""
        self.user = ""
        self.realname = ""
        self.user_modes: frozenset[UserMode] = NONE
        self.password: str | None = None
        self.has_said_hello = False
        self.negotiation = Negotiation()
        self.dialect = gateway.dialects.of(frozenset())
        self.asked = _NOTHING
        self.was_refused = False
        """Whether the request made last was refused at once."""
        self.login: Login | None = None
        """The account of the client, if it has logged in."""
        self.open_batch: OpenBatch | None = None
        """The message of several lines that the client is sending."""
        self._timer: Timer | None = None
        # Of these most clients have none at most times, and an empty list or dictionary has 56 to 64 bytes.
        self._exchange: Exchange | None = None
        self._steps: list[Callable[[], object]] | None = None
        self._responses: Responses | None = None
        self._light = 0  # light commands since the last that counted
        self._batches = 0
        self._requests = 0

    # --- the face

    @property
    def voice(self) -> "Client":
        """The client speaks for its session."""
        return self

    @property
    def ping(self) -> bytes:
        """See `Face.ping`. All clients get the same line."""
        return self.gateway.ping

    def unit_end(self, stream: bytes | memoryview, offset: int) -> int:
        """The end of the line that holds the byte before `offset`."""
        end = bytes(stream[offset - 1 :]).find(b"\n")
        return offset + end if end >= 0 else len(stream)

    def decoder(self) -> LineDecoder:
        """A decoder for a new connection."""
        return LineDecoder()

    def begin(self, session: Session) -> None:
        """The connection carries `session`, which must be registered in time."""
        self.session: Session = session
        self._timer = self.gateway.call_later(REGISTRATION, self._expire)
        self.gateway.unregistered.add(self)

    def decode(self, body: bytes) -> bytes:
        """A line is read when it is handled."""
        return body

    def handle(self, session: Session, body: bytes) -> None:
        """Handle one line."""
        self.is_light = False
        if body == TOO_LONG:
            self.numeric(Numeric.ERR_INPUTTOOLONG)
            return
        try:
            message = parse(body)
        except ParseError as error:
            self._cannot_read(error)
            return
        if message.tags and (label := message.tags.get("label")) and self.has("labeled-response") and self.has("batch"):
            self.responses.begin(Labelled(label[:64], self.gateway.name, self.next_batch()))
        handler = self.gateway.handlers.get(message.command)
        if handler is None:
            if self.stage is Stage.REGISTERED:
                self.numeric(Numeric.ERR_UNKNOWNCOMMAND, command=message.command)
            else:
                self.numeric(Numeric.ERR_NOTREGISTERED)
        elif self.stage is not Stage.REGISTERED and not handler.is_early:
            self.numeric(Numeric.ERR_NOTREGISTERED)
        elif len(message.params) < handler.least:
            self.numeric(Numeric.ERR_NEEDMOREPARAMS, command=message.command)
        else:
            if handler.is_light:
                self._light += 1
                self.is_light = self._light % _LIGHT != 0
            self._take(handler.run, self, message)
        if self._steps is not None or self._responses is not None:
            self._work()

    def handle_many(self, session: Session, decoder: object) -> bool:
        """Each line is handled by itself."""
        return False

    def _cannot_read(self, error: ParseError) -> None:
        """A line makes no sense. Its encoding is a matter for everybody, standard replies negotiated or not."""
        if error.reason == "INVALID_UTF8":
            self.line("FAIL", error.command, error.reason, error.text)
        else:
            self.fail(error.command, error.reason, error.text)

    def went_on(self) -> None:
        """The session is no longer busy: take the next steps of the command."""
        self._work()

    def closed(self) -> None:
        """The connection is over."""
        self._steps = None
        self.end_registration()
        self.gateway.monitors.forget(self)
        self.gateway.people.forget_masks()

    # --- the steps of a command

    def then(self, step: Callable[[], object]) -> None:
        """Take `step` when those before it are done."""
        if self._steps is None:
            self._steps = []
        self._steps.append(step)

    def do[*T](self, step: Callable[[*T], object], *arguments: *T) -> None:
        """Take a step at once, or when those before it are done."""
        if self._steps is not None or self.session.is_busy:
            self.then(partial(step, *arguments))
        elif self.is_open:
            self._take(step, *arguments)

    def ask(self, request: Record, asked: Asked) -> None:
        """Have the chat handle `request`; `asked` says what the reply means."""
        self.asked = asked
        self.was_refused = False
        handle(self.session, request)

    def say_hello(self, hello: Hello, asked: Asked) -> None:
        """As `ask`, with the identity that the client has logged in with."""
        self.asked = asked
        self.was_refused = False
        try:
            say_hello(self.session, hello, self.login.fingerprint if self.login is not None else None)
        except RequestError as error:
            self.session.refuse(error)

    def request_id(self) -> int:
        """A new id for a request."""
        self._requests += 1
        return self._requests

    def _work(self) -> None:
        while self._steps and not self.session.is_busy and self.is_open:
            self._take(self._steps.pop(0))
        if not self._steps or not self.is_open:
            self._steps = None
        if self._responses is not None and not self.session.is_busy:
            self.send(self._responses.end())
            self._forget_responses()

    def _take[*T](self, step: Callable[[*T], object], *arguments: *T) -> None:
        try:
            step(*arguments)
        except RequestError as error:
            self.session.refuse(error)

    @property
    def is_open(self) -> bool:
        """Whether commands are still handled."""
        return self.session.state is State.ATTACHED

    # --- what is sent

    @property
    def name(self) -> str:
        """The name of the client in replies, * before it has one."""
        return self.session.person.name if self.stage is Stage.REGISTERED else self.nick or "*"

    def room(self, channel: str) -> Room[Session] | None:
        """The room of a channel, if the client is in it."""
        key = room_key(channel)
        return next((room for room in self.session.rooms if room.key == key), None)

    def is_current(self, channel: str) -> bool:
        """Whether a channel, spelled as its room is, is the one that was entered last."""
        room = self.session.room
        return room is not None and channel == f"#{room.name}"

    def has(self, capability: str) -> bool:
        """Whether the client has negotiated this capability."""
        return capability in self.negotiation.enabled

    def send(self, data: bytes) -> None:
        """Send lines."""
        self.session.outbox.write_lines(self._labelled(data))

    def line(self, command: str, *params: str, source: str | None = None) -> None:
        """Send a line from `source`, by default the server."""
        self.send(format_message(command, params, source or self.gateway.name))

    def numeric(self, numeric: Numeric, **values: Any) -> None:
        """Send a numeric reply."""
        self.send(self.numeric_line(numeric, **values))

    def numeric_line(self, numeric: Numeric, **values: Any) -> bytes:
        """A numeric reply."""
        return numeric.line(self.gateway.name, self.name, **values)

    def notice(self, text: str) -> bytes:
        """A notice of the server to this client."""
        return self.dialect.notice(self.name, text).encode()

    def fail(self, command: str, code: str, text: str, *context: str) -> None:
        """Say that a command has failed, in the form that the client can read."""
        self.send(self.failure(command, code, text, *context))

    def failure(self, command: str, code: str, text: str, *context: str) -> bytes:
        """See `fail`."""
        if self.has("standard-replies"):
            return format_message("FAIL", [as_middle(command), code, *map(as_middle, context), text], self.gateway.name)
        return self.numeric_line(Numeric.ERR_UNKNOWNERROR, command=command or "*", text=text)

    def own_modes(self) -> str:
        """The letters of the modes of this client."""
        operator = OPERATOR if self.session.hub.access.register.is_operator(self.session.identity) else ""
        return "".join(sorted([*self.user_modes, operator]))

    def mask(self) -> str:
        """nick!user@host of this client."""
        return self.gateway.people.mask(self.name)

    def choose_dialect(self) -> None:
        """Choose the dialect again, after the capabilities have changed."""
        self.dialect = self.gateway.dialects.of(self.negotiation.enabled)

    # --- the voice

    def reply(self, record: Record) -> bytes:
        """See `Voice.reply`."""
        return self._labelled(self.gateway.reply_to(self, record))

    def echo(self, frame: bytes) -> bytes:
        """See `Voice.echo`. Private messages come back when they are kept."""
        if not self.has(_ECHO):
            return b""
        record = record_of(frame)
        if not isinstance(record, Message):
            return b""
        data = self.dialect.encode(record)
        if self._responses is not None:
            data = self._responses.echo(fold(record.room), data)
            self._forget_responses()
        return data

    def told(self, record: Record) -> bytes:
        """See `Voice.told`."""
        if isinstance(record, Away):
            if not self.has("away-notify"):
                return b""
            return fit_line(f":{self.gateway.people.mask(record.name)} AWAY{f' :{record.text}' if record.text else ''}")
        return self.dialect.encode(record)

    def caught_up(self, room: str, count: int, changes: Changes) -> bytes:
        """See `Voice.caught_up`: who went and came, and how many messages are missing."""
        lines = [self.dialect.encode(Left(room, name, "leave")) for name in changes.went.values()]
        lines += [self.dialect.encode(Joined(room, name)) for name in changes.came.values()]
        place = self.gateway.hub.rooms.get(fold(room)) if room else None
        if changes.has_new_topic and place is not None and (topic := place.topic) is not None:
            lines.append(self.dialect.encode(Topic(place.name, topic.text, topic.by, topic.at)))
        if count:
            words = f"{counted(count, 'message was', 'messages were')} left out here, as you read too slowly"
            if self.has("standard-replies"):
                lines.append(
                    format_message("WARN", ["*", "SKIPPED", f"#{room}" if room else "*", words], self.gateway.name)
                )
            else:
                lines.append(self.dialect.notice(f"#{room}" if room else self.name, words).encode())
        return b"".join(lines)

    # --- labelled responses

    def next_batch(self) -> str:
        """The name of a new batch for this client."""
        self._batches += 1
        return f"b{self._batches}"

    @property
    def responses(self) -> Responses:
        """The responses that are not complete."""
        if self._responses is None:
            self._responses = Responses()
        return self._responses

    def private_kept(self, number: int, at: int) -> bytes:
        """The lines for the private message of the request `number`, which is kept and has the stamp `at`."""
        private = self._responses.private(number) if self._responses is not None else None
        if self._responses is None or private is None:
            return b""
        words = Private(self.name, private.to, private.text, at, private.action, notice=private.notice)
        data = self._responses.private_kept(number, self.dialect.encode(words))
        self._forget_responses()
        return data

    def _forget_responses(self) -> None:
        """Keep nothing if no response is under way."""
        if not self._responses:
            self._responses = None

    def _labelled(self, data: bytes) -> bytes:
        return data if self._responses is None else self._responses.add(data)

    # --- registration

    @property
    def exchange(self) -> Exchange:
        """The state of logging in."""
        if self._exchange is None:
            self._exchange = Exchange()
        return self._exchange

    def end_registration(self) -> None:
        """The client is registered, or gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._exchange = None
            self.gateway.unregistered.discard(self)

    def _expire(self) -> None:
        if self.stage is not Stage.REGISTERED and self.is_open:
            self.session.end("silent", f"the registration was not finished within {REGISTRATION:g} s")
