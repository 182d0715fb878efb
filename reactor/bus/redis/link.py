"""One connection to Redis: RESP3 on a transport of the reactor.

Replies come in the order of the calls, so a queue of continuations is all that matches them. A command that subscribes
has no reply; Redis confirms it with a push, or refuses it with an error, which stands in the order of the replies.

A link lives once: it connects, says HELLO, is up, and goes down for good. `Deployment` makes the next one. This is the
only module that imports hiredis, whose reader takes 0.6 µs for a batch of messages.
"""

import enum
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import hiredis

from pylingo.reactor.engine.channel import Channel
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.handshake import NotTlsError
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.engine.tls import ClientTls, reason_of
from pylingo.reactor.engine.tls_dial import Stream, TlsDial
from pylingo.reactor.engine.transport import Transport

READ_SIZE = 4 * 65_536
"""Bytes read in one tick: the batches of all rooms come through one connection."""
FEED_SIZE = 65_536
"""Bytes fed to hiredis at once: it slows down with larger pieces."""
GREETING_TIMEOUT = 5.0
"""Seconds for Redis's answer to HELLO."""
TCP_TIMEOUT = 10.0
"""Seconds without an acknowledgement after which the connection is lost. A Redis that hangs still acknowledges."""

type Answer = Callable[[Any], object]
"""Gets the reply of a call: bytes, int, None, list, dict, or an instance of `RedisError`, which is never raised."""


_WRONG_SERVER = {"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "LOADING"}


class RedisError(Exception):
    """A reply that is an error."""

    @property
    def code(self) -> str:
        """Its first word, such as OOM or NOPERM."""
        return str(self).partition(" ")[0]


class LinkLost(RedisError):  # noqa: N818 - it stands beside replies, and names what happened
    """The connection broke before the reply came, or was down already. Redis may have done what was asked."""

    @property
    def code(self) -> str:
        return "LOST"


class WrongServer(LinkLost):
    """The server has become the wrong one for the call, or is not ready, and did nothing.

    It is as good as lost: the deployment goes down, and comes up with the right server.
    """

    @property
    def code(self) -> str:
        """Redis's own code, such as MOVED or READONLY."""
        return str(self).partition(" ")[0]


def _error(message: str) -> RedisError:
    return (WrongServer if message.partition(" ")[0] in _WRONG_SERVER else RedisError)(message)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first words of a connection: `user` and `password` (none without a password), `db`, `name`."""

    user: str = ""
    password: str = ""
    db: int = 0
    name: str = "pylingo"


class LinkListener(Protocol):
    """The owner of a link."""

    def up(self, link: "Link") -> None:
        """Redis has accepted the greeting: calls are possible."""

    def down(self, link: "Link", why: str) -> None:
        """The link could not come up, or is lost. The last call, once, and none after `close`.

        The calls that are open are answered with `LinkLost` after this.
        """

    def pushed(self, link: "Link", channel: bytes, data: bytes) -> None:
        """A message of a channel that the link subscribed."""

    def refused(self, link: "Link", error: RedisError) -> None:
        """Redis answered a call, or a `tell`, with an error. The call's own answer comes after this."""


class LinkState(enum.Enum):
    """The states of a link, in their order."""

    DIALLING = enum.auto()
    GREETING = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()


_NOTHING = object()
_MESSAGES = (b"smessage", b"message")
_CONFIRMATIONS = (b"ssubscribe", b"sunsubscribe", b"subscribe", b"unsubscribe")


class _Told:
    """Stands in the queue of answers for a `tell`: the channels that Redis has not confirmed yet."""

    __slots__ = ("channels",)

    def __init__(self, channels: Sequence[bytes]) -> None:
        self.channels = deque(channels)  # never empty


class _WideChannel:
    """A channel that is read in larger pieces than a transport asks for."""

    __slots__ = ("_channel", "close", "fileno", "send", "sendmsg", "setblocking", "shutdown")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.fileno = channel.fileno
        self.setblocking = channel.setblocking
        self.send = channel.send
        self.sendmsg = channel.sendmsg
        self.shutdown = channel.shutdown
        self.close = channel.close

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._channel.recv(max(size, READ_SIZE), flags)


class Link:
    """A connection to the first of the addresses `where` that answers, encrypted if there is a `tls`.

    `sent_bytes`, `received_bytes`, `calls` and `pushes` count.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        tls: ClientTls | None,
        greeting: Greeting,
        listener: LinkListener,
    ) -> None:
        self.sent_bytes = self.received_bytes = self.calls = self.pushes = 0
        self.is_unwelcome = False
        """Whether the link never came up for a reason that an operator must remove: a password, a certificate."""
        self._reactor = reactor
        self._greeting = greeting
        self._listener = listener
        self._state = LinkState.DIALLING
        self._reader = hiredis.Reader(replyError=_error, notEnoughData=_NOTHING)
        self._answers: deque[Answer | _Told | None] = deque()
        self._transport: Transport | None = None
        self._timer: Timer | None = None
        self._dial = TlsDial(reactor, where, tls, self._connected, self._lost, TCP_TIMEOUT)

    @property
    def is_up(self) -> bool:
        """Whether calls are possible."""
        return self._state is LinkState.UP

    @property
    def waiting(self) -> int:
        """The number of calls whose reply has not come yet."""
        return len(self._answers)

    def call(self, answer: Answer | None, *args: bytes | str | int) -> None:
        """Send a command at the end of the tick; call `answer` with its reply.

        If the link is not up, `answer` gets a `LinkLost` at once, from within this call. An exception that it raises
        is reported to the reactor and does no harm to the link.
        """
        if self._state is LinkState.UP:
            self._send(answer, args)
        elif answer is not None:
            answer(LinkLost("the connection to Redis is down"))

    def tell(self, *args: bytes | str | int) -> None:
        """Send a command that subscribes or unsubscribes at least one channel, such as SSUBSCRIBE.

        Does nothing if the link is not up. Commands that follow on this link are carried out after it.
        """
        if self._state is LinkState.UP:
            self._send(_Told([_bytes(channel) for channel in args[1:]]), args)

    def close(self) -> None:
        """Send what was called and close. The listener hears nothing more; open calls get `LinkLost` at once."""
        self._end("this server closed the connection", is_told=False)

    def _send(self, answer: Answer | _Told | None, args: tuple[Any, ...]) -> None:
        data = hiredis.pack_command(args)
        self._answers.append(answer)
        self.calls += 1
        self.sent_bytes += len(data)
        if self._transport is not None:
            self._transport.write(data)

    # --- coming up

    def _connected(self, stream: Stream) -> None:
        self._state = LinkState.GREETING
        self._transport = Transport(self._reactor, _WideChannel(stream), self)
        self._reactor.urgent.add(stream.fileno())  # what comes back has waited already, before it was sent
        self._timer = self._reactor.call_later(GREETING_TIMEOUT, self._end, "Redis does not answer")
        me = self._greeting
        login = ("AUTH", me.user or "default", me.password) if me.password else ()
        self._send(self._greeted if not me.db else self._check_greeting, ("HELLO", 3, *login, "SETNAME", me.name))
        if me.db:
            self._send(self._greeted, ("SELECT", me.db))

    def _check_greeting(self, reply: Any) -> None:
        if isinstance(reply, RedisError) and self._state is LinkState.GREETING:
            self.is_unwelcome = not isinstance(reply, WrongServer)
            self._end(_why_refused(reply))

    def _greeted(self, reply: Any) -> None:
        self._check_greeting(reply)
        if self._state is LinkState.GREETING:
            self._state = LinkState.UP
            self._stop_timer()
            self._listener.up(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # --- what comes

    def data_received(self, data: bytes) -> None:
        """For the transport: replies and pushes have come."""
        self.received_bytes += len(data)
        try:
            for start in range(0, len(data), FEED_SIZE):
                self._reader.feed(data, start, min(FEED_SIZE, len(data) - start))
                self._read()
        except hiredis.ProtocolError as error:
            self._end(f"Redis sent what is no reply: {error}")

    def _read(self) -> None:
        gets, down = self._reader.gets, LinkState.DOWN
        while self._state is not down and (reply := gets()) is not _NOTHING:
            if type(reply) is hiredis.PushNotification:
                self._take_push(reply)
            else:
                self._take_reply(reply)

    def _take_push(self, push: list[Any]) -> None:
        kind = push[0]
        if kind in _MESSAGES:
            self.pushes += 1
            self._reactor.run_safely(self._listener.pushed, self, push[1], push[2])
        elif kind in _CONFIRMATIONS:
            self._confirm(kind, push[1])

    def _confirm(self, kind: bytes, channel: bytes) -> None:
        told = self._answers[0] if self._answers else None
        if isinstance(told, _Told) and told.channels[0] == channel:
            told.channels.popleft()
            if not told.channels:
                self._answers.popleft()
        elif kind == b"sunsubscribe":  # not asked for: a Redis Cluster does so when the slot moves to another node
            moved = WrongServer("MOVED a subscribed channel is on another node now")
            self._reactor.run_safely(self._listener.refused, self, moved)

    def _take_reply(self, reply: Any) -> None:
        if not self._answers:
            self._end("Redis sent a reply to no command")
            return
        answer = self._answers.popleft()
        if isinstance(reply, RedisError) and self.is_up:
            self._reactor.run_safely(self._listener.refused, self, reply)
        if answer is not None and not isinstance(answer, _Told):
            self._reactor.run_safely(answer, reply)

    # --- going down

    def eof_received(self) -> None:
        """For the transport: Redis will send no more."""
        self._end("Redis closed the connection")

    def drained(self) -> None:
        """For the transport: nothing to do."""

    def connection_lost(self, error: Exception | None) -> None:
        """For the transport: the socket is closed."""
        self._lost(error or ConnectionError("the connection is closed"))

    def _lost(self, error: Exception) -> None:
        self.is_unwelcome |= isinstance(error, ssl.SSLCertVerificationError | NotTlsError)
        self._end(reason_of(error) or type(error).__name__)

    def _end(self, why: str, is_told: bool = True) -> None:
        """Go down, tell the listener, and answer the calls that are still open."""
        if self._state is LinkState.DOWN:
            return
        self._state = LinkState.DOWN
        self._stop_timer()
        self._dial.cancel()
        if self._transport is not None:
            self._transport.abort() if is_told else self._transport.close()
        if is_told:
            self._reactor.run_safely(self._listener.down, self, why)
        answers, self._answers = self._answers, deque()
        for answer in answers:
            if answer is not None and not isinstance(answer, _Told):
                self._reactor.run_safely(answer, LinkLost(why))


def _bytes(value: bytes | str | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _why_refused(error: RedisError) -> str:
    """Why Redis refused the greeting, in the words of an operator."""
    return {
        "WRONGPASS": "Redis refuses the password",
        "NOAUTH": "Redis demands a password",
        "NOPROTO": "Redis is older than 7.0",
    }.get(error.code, f"Redis refuses the connection: {error}")
