"""A client that stays in its rooms: it reconnects after a loss and misses no message. For the terminal and for bots.

Messages said while there is no connection are sent after the reconnect, and the server stores none of them twice.
Leaving waits until every message is confirmed. The docstring of `pylingo` has an example of a bot.
"""

import collections
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self

from pylingo.client.connection import ClientConnection
from pylingo.client.conversation import Conversation
from pylingo.client.departure import Departure, Stage
from pylingo.client.events import ClientEvent, ConversationEvent, Received, Refused, Send, Status
from pylingo.client.reconnect import RETRY, Backoff, ReconnectPolicy
from pylingo.client.wording import not_confirmed, refused, why_no_connection
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.tls import ClientTls
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT, show_address
from pylingo.shared.messages import Goodbye, Ready
from pylingo.shared.schema import Record

FIRST_CLAIM = 5.0
"""Seconds, on average, before a name that somebody else has is asked for again. Each further delay is twice as long."""
LONGEST_CLAIM = 300.0
PATIENCE = 5.0
"""Seconds that leaving may take after an error or a signal."""
_CLOSING = 2.0  # seconds that a bot's connection has to close after the goodbye


class Client:
    """See the module.

    `on_event` gets every `ClientEvent`: frames to show, refused requests, changes of the connection. `drained` is
    called when everything queued has been sent. Without `on_event`, `frames` yields the frames.

    The client tries to reconnect for `retry` seconds; with `insist` also if the very first attempt fails. The host's
    name is looked up for each attempt, in a thread. A client with a `reactor` of its own is driven by `connect`,
    `frames` and the end of the `with` block; otherwise the owner of the reactor drives it.

    `room` is the current room at first, and `rooms` are further ones, which a server of version 1.0 does not have.
    `seen` maps compared room names to the newest stamp seen in an earlier run: what is new since then will be shown.

    With `tls` the connection is encrypted. The context decides which certificates are good (such as
    `ssl.create_default_context()`), for `server_hostname`, or else for `host`.
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        name: str | None = None,
        room: str | None = "lobby",
        *,
        rooms: Sequence[str] = (),
        seen: Mapping[str, int] | None = None,
        retry: float = RETRY,
        insist: bool = False,
        reactor: Reactor | None = None,
        on_event: Callable[[ClientEvent], object] | None = None,
        drained: Callable[[], object] = lambda: None,
        targets: Sequence[Target] | None = None,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> None:
        self.conversation = Conversation(name, room, rooms=rooms, seen=seen)
        self.reactor = reactor or Reactor()
        self.goodbye: Goodbye | None = None
        """The server's goodbye, if the last connection ended with one."""
        self.status = Status("connecting")
        self._owns_reactor = reactor is None
        self._address = show_address(host, port)
        self._where = targets or Resolver(self.reactor, host, port)  # the server may move: resolved for each attempt
        self._tls = ClientTls(tls, server_hostname or host) if tls is not None else None
        self._reconnect = ReconnectPolicy(retry, insist)
        self._frames: collections.deque[Record] = collections.deque()
        self._on_event = on_event or self._keep_frame
        self._drained = drained
        self._connection: ClientConnection | None = None
        self._closing: ClientConnection | None = None  # after the end, until everything queued is sent
        self._timer: Timer | None = None
        self._claim_timer: Timer | None = None
        self._claim_delays = Backoff(FIRST_CLAIM, LONGEST_CLAIM)
        self._departure = Departure(self.reactor, self.conversation, lambda: self._connection, self.stop)
        self._last_refusals: list[Refused] = []  # those that came while leaving

    # --- for people and bots

    def connect(self) -> None:
        """Connect, or do so again after the connection was over.

        A client with a reactor of its own waits until the session has begun, and raises `ConnectionError` with a
        sentence if that is impossible. Otherwise this only begins to connect, and `on_event` gets the `Status`.
        """
        self.goodbye = None
        self._departure.restart()
        self._reconnect.restart()
        self._dial()
        if not self._owns_reactor:
            return
        while self.status.state not in ("online", "over"):
            self.reactor.tick()
        if self.status.state == "over":
            why = why_no_connection(self.status.error, self.status.goodbye, self._address)
            raise ConnectionError(why) from self.status.error

    def say(
        self,
        text: str,
        key: str | None = None,
        *,
        room: str | None = None,
        to: str | None = None,
        action: bool = False,
    ) -> None:
        """Say something in a room, by default the current one, or `to` a person.

        An `action` is an emote: "* ada waves". `key` consists of 1 to 32 ASCII characters and is never used twice. The
        `sent` frame for the message has it. Raises `RequestError` if the text is empty or too long, if both `room` and
        `to` are given, or if the server has no feature for it.
        """
        self._follow(self.conversation.say(text, key, room, to, action))

    def join(self, room: str) -> None:
        """Join a room, and leave the current one."""
        self.command("join", room)

    def open(self, room: str) -> None:
        """Enter a room and stay in the others, or make one of them current. Raises `RequestError` like `command`."""
        self.command("open", room)

    def leave(self, room: str | None = None) -> None:
        """Leave a room, by default the current one."""
        self.command("leave", room=room)

    def command(self, name: str, argument: str | None = None, *, room: str | None = None) -> None:
        """Send a slash command, given without the slash. It acts on `room`, by default the current one.

        Raises `RequestError` if it cannot be sent, or if the server has no feature for it.
        """
        if name == "close" and not argument:
            self.close()
        else:
            self._follow(self.conversation.command(name, argument, room))

    def query(self, name: str, *, room: str | None = None) -> None:
        """Send a command of the program's own. Its reply comes as `QueryReply` events. Dropped if not online."""
        if self.status.state == "online":
            self._follow(self.conversation.query(name, room))

    def ping(self) -> None:
        """Ping the server. `PongReceived` follows. Dropped if not online."""
        if self.status.state == "online":
            self._follow(self.conversation.ping())

    def close(self, patience: float | None = None) -> None:
        """Leave as soon as every message is confirmed, over as many connections as that takes.

        Give up after `patience` seconds; without it, when nothing was confirmed for a minute. Messages that
        are not confirmed by then are counted in `unconfirmed`.
        """
        if self._connection is None and self.status.state != "waiting":  # it never began, or is over
            self.stop()
            return
        self._departure.begin(patience)
        if self.status.state == "waiting" and self.unconfirmed and self._timer is not None:
            self._timer.cancel()
            self._reconnect.hurry()
            self._dial()
        self._departure.part_if_settled(self.status.state == "online")

    def frames(self) -> Iterator[Record]:
        """Yield frames as they come, until the connection is over. Runs the reactor."""
        while True:
            while self._frames:
                yield self._frames.popleft()
            if self.status.state == "over":
                return
            self.reactor.tick()

    def stop(self, error: Exception | None = None) -> None:
        """End the connection at once, and do not reconnect."""
        for timer in (self._timer, self._claim_timer):
            if timer is not None:
                timer.cancel()
        self._departure.cancel_timers()
        if self._connection is not None:
            self._connection.close()
        self._closing, self._connection = self._connection, None
        self._become("over", error)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, on which a goodbye can be said."""
        return self._connection is not None and self._connection.is_open

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate, as DER; None without TLS, and while there is no connection."""
        return self._connection.certificate if self._connection is not None else None

    @property
    def unconfirmed(self) -> int:
        """How many messages and commands the server has not confirmed, including those that were given up."""
        return self._departure.unconfirmed

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be sent that the sender should pause."""
        return len(self.conversation.unanswered) > 1_000 or (self._connection is not None and self._connection.is_full)

    def __enter__(self) -> Self:
        """Connect. Raises `ConnectionError` like `connect`."""
        try:
            self.connect()
        except BaseException:
            if self.status.state != "over":
                self.stop()
            self._close_reactor()
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Leave once everything is confirmed. Raises `ConnectionError` that says what was not, or was refused."""
        self.close(PATIENCE if error is not None else None)
        if not self._owns_reactor:
            return
        while self.status.state != "over":
            self.reactor.tick()
        self._close_reactor()
        lost = [not_confirmed("message", self.unconfirmed)] if self.unconfirmed else []
        lost += [refused(refusal.request, refusal.error) for refusal in self._last_refusals]
        if words := "; ".join(lost):
            if error is None or isinstance(error, SystemExit):  # nobody would read the note of a SystemExit
                raise ConnectionError(words)
            error.add_note(words)

    def _close_reactor(self) -> None:
        """Let a last connection close properly, then release what a reactor of our own holds."""
        if not self._owns_reactor:
            return
        end = self.reactor.clock() + _CLOSING
        while self._closing is not None and not self._closing.is_closed and self.reactor.clock() < end:
            self.reactor.tick(0.1)
        if self._closing is not None:
            self._closing.abort(TimeoutError("the server did not answer the goodbye"))
        self.reactor.tick(0)
        self.reactor.close()

    # --- the connection

    def _dial(self) -> None:
        self._become("connecting", self.status.error)
        if self.status.state == "over":
            return
        self._connection = ClientConnection(
            self.reactor, self._where, self._connected, self._received, self._drained, self._ended, self._tls
        )

    def _connected(self) -> None:
        self.goodbye = None
        self._follow(self.conversation.connected())
        self._departure.connected()

    def _received(self, record: Record) -> None:
        if self.status.state == "over":
            return
        if type(record) is Goodbye:
            self.goodbye = record
        elif type(record) is Ready:
            self._reconnect.online()
            self._become("online")
        try:
            events = self.conversation.received(record)
        except ConnectionError as error:
            if self._connection is not None:
                self._connection.abort(error)
        else:
            self._follow(events)

    def _ended(self, error: Exception | None) -> None:
        if self.status.state == "over":
            return
        self._connection = None
        self.conversation.disconnected()
        if self._departure.needs_connection():
            self._dial()
            return
        reason = self.goodbye.reason if self.goodbye is not None else None
        is_last = self._departure.stage is Stage.PARTING
        delay = None if is_last else self._reconnect.delay(self.reactor.clock(), reason)
        if delay is None:
            self.stop(error)
            return
        self._become("waiting", error, delay)
        if self.status.state != "over":
            self._timer = self.reactor.call_later(delay, self._dial)

    def _become(self, state: str, error: Exception | None = None, delay: float = 0.0) -> None:
        self.status = Status(state, error, delay, self.goodbye)
        self._on_event(self.status)

    # --- events

    def _follow(self, events: Iterable[ConversationEvent]) -> None:
        """Send the frames of a step, then tell the owner of its other events."""
        others: list[ClientEvent] = []
        for event in events:
            if not isinstance(event, Send):
                others.append(event)
            elif self._connection is not None:
                self._connection.send(event.record)
        for other in others:
            if isinstance(other, Refused) and self._departure.stage is not Stage.STAYING:
                self._last_refusals.append(other)
            if self.status.state != "over" or isinstance(other, Refused):
                self._on_event(other)
        self._watch_name()
        self._departure.part_if_settled(self.status.state == "online")

    def _keep_frame(self, event: ClientEvent) -> None:
        if isinstance(event, Received):
            self._frames.append(event.record)

    # --- the name that somebody else has

    def _watch_name(self) -> None:
        """Ask for the wanted name again after a while: it may become free without our seeing it."""
        if self.conversation.wanted is None:
            self._claim_delays.attempts = 0
            if self._claim_timer is not None:
                self._claim_timer.cancel()
                self._claim_timer = None
        elif self._claim_timer is None and self.status.state != "over":
            self._claim_timer = self.reactor.call_later(self._claim_delays.next(), self._claim)

    def _claim(self) -> None:
        self._claim_timer = None
        self._follow(self.conversation.claim())
