"""A client that stays in its rooms: it reconnects after a loss and misses no message. For the terminal and for bots.

Messages said while there is no connection are sent after the reconnect, and the server stores none of them twice.
Leaving waits until every message is confirmed. The docstring of `pylingo` has an example of a bot.
"""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pylingo.client.access import Access, for_bot
from pylingo.client.address_list import AddressList
from pylingo.client.connector import Again, Connector
from pylingo.client.conversation import Conversation
from pylingo.client.departure import Departure, Stage
from pylingo.client.disconnection import why_no_connection
from pylingo.client.events import ClientEvent, ConversationEvent, Received, Refused, Remark, Send, Status
from pylingo.client.name_claim import NameClaim
from pylingo.client.reconnect import RETRY, ReconnectPolicy
from pylingo.client.wording import not_confirmed, refused
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.address import DEFAULT_HOST, DEFAULT_PORT
from pylingo.shared.link import Link, show_link
from pylingo.shared.messages import Goodbye, HistoryRequest
from pylingo.shared.schema import Record

if TYPE_CHECKING:
    import ssl

    from pylingo.client.identity import Identity

_ROOM = "lobby"
PATIENCE = 5.0
"""Seconds that leaving may take after an error or a signal."""
_CLOSING = 2.0  # seconds that a bot's connection has to close after the goodbye
_MOST_UNANSWERED = 1_000  # messages and commands


class Client:
    """See the module.

    `on_event` gets every `ClientEvent`: frames to show, refused requests, changes of the connection. `drained` is
    called when everything queued has been sent. Without `on_event`, `frames` yields the frames.

    The client tries to reconnect for `retry` seconds. With `insist` it does so even if the very first attempt fails.
    The host's name is looked up for each attempt, in a thread. A client with a `reactor` of its own is driven by
    `connect`, `frames` and the end of the `with` block; otherwise the owner of the reactor drives it.

    `room` is the current room at first, and `rooms` are further ones, which a server of version 1.0 does not have.
    `seen` maps compared room names to the newest stamp seen in an earlier run: what is new since then will be shown.

    `host` may be a list of servers that are one chat, `HOST[:PORT][,...]`. `port` counts for those without one. The
    client connects to one of them, chosen by chance, and to another one at once when that connection breaks.

    `host` may be a link `pylingo://…`; then `port` does not count, and `room` only if it is not the default. A link
    always means TLS, and so does every host but those of loopback, unless `tls` is False. The certificate must be the
    one that the link pins, a known one (`known_hosts` in the platform's data folder), or one that the system's
    authorities vouch for; nobody is asked. With `tls=True` this holds for loopback as well. A context as `tls` decides
    alone which certificates are good, for `server_hostname`, or else for the host of each server.

    `identity` is an Ed25519 key in OpenSSH's format, or its path, and `password` the server's.
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        name: str | None = None,
        room: str | None = _ROOM,
        *,
        rooms: Sequence[str] = (),
        seen: Mapping[str, int] | None = None,
        retry: float = RETRY,
        insist: bool = False,
        reactor: Reactor | None = None,
        on_event: Callable[[ClientEvent], object] | None = None,
        drained: Callable[[], object] = lambda: None,
        targets: Sequence[Target] | None = None,
        tls: "ssl.SSLContext | bool | None" = None,
        server_hostname: str | None = None,
        identity: "Identity | str | Path | None" = None,
        password: str | None = None,
        access: Access | None = None,
    ) -> None:
        access = access or for_bot(host, port, tls, server_hostname, identity, password)
        if room == _ROOM and access.server.room is not None:
            room = access.server.room
        self.conversation = Conversation(name, room, rooms=rooms, seen=seen, credentials=access.credentials)
        self.reactor = reactor or Reactor()
        self._owns_reactor = reactor is None
        self._server = access.server
        self._credentials = access.credentials
        self._credentials.note = self._remark
        for endpoint in access.endpoints:
            if endpoint.security.trust is not None:
                endpoint.security.trust.note = self._remark
        self._frames: collections.deque[Record] = collections.deque()
        self._on_event = on_event or self._keep_frame
        self._connector = Connector(
            self.reactor,
            AddressList(access.endpoints),
            ReconnectPolicy(retry, insist),
            targets=targets,
            connected=self._connected,
            received=self._received,
            lost=self.conversation.disconnected,
            again=self._again,
            drained=drained,
            changed=self._changed,
        )
        self._claim = NameClaim(self.reactor, lambda: self._follow(self.conversation.claim()))
        self._departure = Departure(self.reactor, self.conversation, lambda: self._connector.connection, self.stop)
        self._last_refusals: list[Refused] = []  # those that came while leaving

    # --- for people and bots

    def connect(self) -> None:
        """Connect, or do so again after the connection was over.

        A client with a reactor of its own waits until the session has begun, and raises `ConnectionError` with a
        sentence if that is impossible. Otherwise this only begins to connect, and `on_event` gets the `Status`.
        """
        self._departure.restart()
        self._connector.connect()
        if not self._owns_reactor:
            return
        while self.status.state not in ("online", "over"):
            self.reactor.tick()
        if self.status.state == "over":
            why = why_no_connection(self.status.error, self.status.goodbye, self.status.where)
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

    def page(self, request: HistoryRequest) -> None:
        """Request a page of a room's or a conversation's history. `PageReply` follows. Dropped if not online."""
        if self.status.state == "online":
            self._follow(self.conversation.page(request))

    def ping(self) -> None:
        """Ping the server. `PongReceived` follows. Dropped if not online."""
        if self.status.state == "online":
            self._follow(self.conversation.ping())

    def accept_certificate(self, fingerprint: str) -> None:
        """Accept the server's certificate with this fingerprint, remember it, and connect."""
        if (trust := self._connector.server.security.trust) is not None:
            trust.accept(fingerprint)
        self.connect()

    def set_password(self, password: str) -> None:
        """Give the server this password from the next connection on."""
        self._credentials.password = password

    def close(self, patience: float | None = None) -> None:
        """Leave as soon as every message is confirmed, over as many connections as that takes.

        Give up after `patience` seconds; without it, when nothing was confirmed for a minute. Messages that
        are not confirmed by then are counted in `unconfirmed`.
        """
        if self._connector.connection is None and self.status.state != "waiting":  # it never began, or is over
            self.stop()
            return
        self._departure.begin(patience)
        if self.unconfirmed:
            self._connector.hurry()
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
        self._connector.stop(error)

    @property
    def status(self) -> Status:
        """The state of the connection."""
        return self._connector.status

    @property
    def goodbye(self) -> Goodbye | None:
        """The server's goodbye, if the last connection ended with one."""
        return self._connector.goodbye

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, on which a goodbye can be said."""
        connection = self._connector.connection
        return connection is not None and connection.is_open

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate, as DER; None without TLS, and while there is no connection."""
        connection = self._connector.connection
        return connection.certificate if connection is not None else None

    @property
    def is_encrypted(self) -> bool:
        """Whether the present connection, or the next one, uses TLS."""
        return self._connector.server.security.is_encrypted

    def invitation_link(self, code: str) -> str:
        """Return the link for an invitation to our room; the code itself if there is no certificate to pin.

        It lists all servers only if our link pinned one certificate for them.
        """
        if self.certificate is None:
            return code
        from pylingo.shared.identity import fingerprint

        room, pin = self.conversation.room, fingerprint(self.certificate)
        first, *others = self._server.addresses
        if self._server.fingerprint is None:
            first, others = (self._connector.server.host, self._connector.server.port), []
        return show_link(Link(*first, room, code, pin, others=tuple(others)))

    @property
    def unconfirmed(self) -> int:
        """How many messages and commands the server has not confirmed, including those that were given up."""
        return self._departure.unconfirmed

    @property
    def is_full(self) -> bool:
        """Whether the sender should pause: more than 1,000 requests are unanswered, or the connection is full."""
        connection = self._connector.connection
        return len(self.conversation.unanswered) > _MOST_UNANSWERED or (connection is not None and connection.is_full)

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
        while self._connector.is_closing and self.reactor.clock() < end:
            self.reactor.tick(0.1)
        self._connector.abort(TimeoutError("the server did not answer the goodbye"))
        self.reactor.tick(0)
        self.reactor.close()

    # --- the connection

    def _connected(self, certificate: bytes | None) -> None:
        self._credentials.connected(certificate, self._connector.server.security.may_invite)
        self._follow(self.conversation.connected())
        if self.conversation.is_introduced:
            self._departure.connected()

    def _received(self, record: Record) -> None:
        was_introduced = self.conversation.is_introduced
        try:
            events = self.conversation.received(record)
        except ConnectionError as error:
            self._connector.abort(error)
            return
        self._follow(events)
        if self.conversation.is_introduced and not was_introduced:
            self._departure.connected()

    def _again(self) -> Again:
        if self._departure.needs_connection():
            return Again.AT_ONCE
        return Again.NEVER if self._departure.stage is Stage.PARTING else Again.LATER

    def _changed(self, status: Status) -> None:
        if status.state == "over":
            self._claim.cancel()
            self._departure.cancel_timers()
        self._on_event(status)

    # --- events

    def _follow(self, events: Iterable[ConversationEvent]) -> None:
        """Send the frames of a step, then tell the owner of its other events."""
        others: list[ClientEvent] = []
        for event in events:
            if not isinstance(event, Send):
                others.append(event)
            elif self._connector.connection is not None:
                self._connector.connection.send(event.record)
        for other in others:
            if isinstance(other, Refused) and self._departure.stage is not Stage.STAYING:
                self._last_refusals.append(other)
            if self.status.state != "over" or isinstance(other, Refused):
                self._on_event(other)
        if self.status.state != "over":
            self._claim.watch(self.conversation.wanted)
        self._departure.part_if_settled(self.status.state == "online")

    def _remark(self, sentence: str) -> None:
        self._on_event(Remark(sentence))

    def _keep_frame(self, event: ClientEvent) -> None:
        if isinstance(event, Received):
            self._frames.append(event.record)
