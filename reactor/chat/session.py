"""A session: one conversation with a person, over one connection after another.

A session is in rooms, borrows the outbox of its connection (see `outbox`), and has a seat: when its connection breaks,
a session that has said `hello` stays for the grace time, and a new connection can resume it.
"""

import enum
from functools import partial

from pylingo.reactor.chat.dialect import Voice
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.listing import Listing
from pylingo.reactor.chat.outbox import Outbox, Transport
from pylingo.reactor.chat.peer import Peer
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.reactor.chat.room_powers import is_operator_of
from pylingo.reactor.chat.tokens import show_token
from pylingo.shared import PROTOCOL_VERSION, __version__
from pylingo.shared.codec import encode, head_of_messages
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import Error, Goodbye, Joined, Left, Limits, Notice, ReadyReply, Welcome
from pylingo.shared.names import MAX_NAME, MAX_ROOM
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_TEXT

FEATURES = ["rooms", "private", "people", "identity", "moderation", "search", "servers", "room-operators"]
"""The features of this server beyond version 1.0 of the protocol."""
LIMITS = Limits(frame=MAX_BODY, text=MAX_TEXT, name=MAX_NAME, room=MAX_ROOM)
STAYING = frozenset({"leave", "moved", "kicked"})
"""The reasons of leaving a room after which a person is still on the server."""
_KEEP_SEAT = frozenset({"lost", "idle", "stalled", "frame-timeout"})
"""The reasons after which a seat is kept."""


class State(enum.Enum):
    """The states of a session."""

    ATTACHED = enum.auto()
    """A connection carries the session, and requests are handled."""
    AWAY = enum.auto()
    """The connection broke, and the seat is kept."""
    LEAVING = enum.auto()
    """The goodbye waits for the history. Nothing more is handled, and nobody can resume the session."""
    ENDED = enum.auto()


_TRANSITIONS = {
    State.ATTACHED: {State.AWAY, State.LEAVING, State.ENDED},
    State.AWAY: {State.ATTACHED, State.ENDED},
    State.LEAVING: {State.ENDED},
    State.ENDED: set(),
}


class Session:
    """See the module. Sessions with the same `origin` share limits; it is usually the address.

    `motd` is the notice of the day, sent after the welcome. `identity` is the fingerprint of the key that was proven.
    With a `voice` another dialect is spoken, and the session cannot be resumed.
    """

    __slots__ = (
        "_head",
        "_host",
        "_number",
        "_token",
        "hub",
        "identity",
        "is_admitted",
        "is_busy",
        "listing",
        "origin",
        "outbox",
        "peer",
        "person",
        "state",
    )

    def __init__(
        self,
        hub: "Hub[Session]",
        peer: "Peer[Session]",
        transport: Transport,
        motd: str = "",
        origin: str | None = None,
        voice: Voice | None = None,
    ) -> None:
        self.hub = hub
        self.outbox: Outbox[Session] = Outbox(hub.tick, transport, voice)
        self.peer: Peer[Session] | None = peer
        self.origin = origin
        self._token: int | None = None
        self.is_busy = False
        """Whether requests wait until a reply is complete. `Peer.go_on` is called when it is."""
        self._head: tuple[str, str, bytes] | None = None  # with the room and the name that it is for
        self.listing: Listing | None = None
        """The listing whose pages are still being sent."""
        self.state = State.ATTACHED
        """Change it with `become`, which checks the table of transitions."""
        self._number = 0
        self._host = ""  # the last one, while there is no peer
        self.identity: str | None = None
        self.is_admitted = False
        """Whether requests are handled. Before that, `entrance` decides."""
        self.person: Person[Session] = hub.admit(self)
        hub.bus.came(self)
        try:
            challenge = self.challenge().hex()
            software = f"PyLingo/{__version__}"
            self.reply(Welcome(PROTOCOL_VERSION, software, self.person.name, LIMITS, FEATURES, challenge))
            if motd:
                self.reply(Notice(motd))
        except MemoryError:  # nobody will ever end this session
            hub.release(self, self.person)
            raise

    @classmethod
    def from_seat(
        cls,
        hub: "Hub[Session]",
        number: int,
        token: str,
        name: str,
        since: int,
        identity: str | None,
        host: str,
        claim: bytes | None = None,
    ) -> "Session":
        """Return the session of another server whose seat was given to this one. It has no connection yet.

        `since` is when the person called `name` came, in microseconds since 1970. `claim` is that of the tokens there.
        """
        session = cls.__new__(cls)
        session.hub = hub
        session.outbox = Outbox(hub.tick)
        session.peer = session.origin = session.listing = session._head = None
        session.is_busy = False
        session.state = State.AWAY
        session._token, session.identity, session.is_admitted = int(token, 16), identity, True
        session._number, session._host = number, host
        session.person = hub.take_in(session, name, since)
        hub.tokens.put(session, session._token, claim)
        return session

    def message_head(self, room: str) -> bytes:
        """Return the encoded head of the plain messages of this session in a room. It is kept while both names stay."""
        head, name = self._head, self.person.name
        if head is None or head[0] is not room or head[1] is not name:
            head = self._head = room, name, head_of_messages(room, name)
        return head[2]

    @property
    def is_away(self) -> bool:
        return self.state is State.AWAY

    @property
    def is_ready(self) -> bool:
        """Whether the client has said `hello`."""
        return self._token is not None

    @property
    def token(self) -> str | None:
        """The token with which the session is resumed, None before a `hello`."""
        return show_token(self._token) if self._token is not None else None

    @property
    def host(self) -> str:
        """The address of the peer, or of the last one."""
        return self.peer.host if self.peer is not None else self._host

    def challenge(self) -> bytes:
        """The challenge of this connection. It holds until the first name is taken, and so until a `hello`."""
        return self.hub.access.challenge(self.person.name)

    def identify(self, fingerprint: str) -> None:
        """The peer has the private key of this fingerprint."""
        self.identity = self.person.fingerprint = fingerprint
        self.hub.people.changed()

    @property
    def rooms(self) -> tuple[Room["Session"], ...]:
        """The rooms that the session is in, in the order in which they were current last."""
        return self.outbox.rooms

    @property
    def room(self) -> Room["Session"] | None:
        """The current room."""
        return self.outbox.rooms[0] if self.outbox.rooms else None

    @property
    def number(self) -> int:
        """A number that no other session has, given when it is first asked for."""
        if not self._number:
            self._number = self.hub.bus.next_number()
        return self._number

    @property
    def has_number(self) -> bool:
        """Whether the number was asked for."""
        return self._number > 0

    def become(self, state: State) -> None:
        """Change the state. A transition that the table lacks is a bug."""
        assert state in _TRANSITIONS[self.state], f"{self.state} to {state}"
        self.state = state

    # --- replies

    def reply(self, record: Record) -> None:
        """Send a record to this session alone, after everything that its rooms have said so far."""
        self.outbox.write(encode(record))

    def refuse(self, error: RequestError) -> None:
        """Reply with an error."""
        self.hub.errors[error.reason] += 1
        self.reply(Error(error.reason, error.text, error.re))

    def reply_ready(self, resumed: bool, re: int | None) -> None:
        """Reply to a `hello`: the name, the room, and the token with which the session is resumed."""
        token = self.token or ""
        rooms = [room.name for room in self.rooms]
        place = rooms[0] if rooms else None
        fingerprint, operator = self.identity, self.hub.access.register.is_operator(self.identity)
        self.reply(ReadyReply(self.person.name, place, token, resumed, fingerprint, operator, re, rooms))

    def drained(self) -> None:
        """The connection has taken everything that was queued: say what was left out, and go on with a listing."""
        self.outbox.drained()
        if self.listing is not None:
            self.hub.pager.go_on(self.listing)

    def go_on(self) -> None:
        """Handle requests again, those that have come meanwhile first."""
        self.is_busy = False
        if self.peer is not None:
            self.peer.go_on()

    def begin_listing(self, listing: Listing) -> None:
        """Reply with a listing. Nothing more is handled before its last page is out."""
        self.listing = listing
        self.hub.pager.begin(listing)
        self.is_busy = self.listing is not None

    def end_listing(self) -> None:
        """The last page is out."""
        self.listing = None
        if self.is_busy:
            self.go_on()

    # --- coming and going

    def enter(self, room: Room["Session"], is_new: bool) -> None:
        """Make `room` the current one. Its members are told if the person `is_new` there."""
        if room in self.rooms:
            self.outbox.focus(room)
            return
        if is_new:
            room.directory.add(self.person.key)
            self.hub.members_changed()
            if room.members:
                marks = self.hub.marks(self.person)
                is_operator = is_operator_of(self.hub, room, self.person) or None
                self.outbox.write_to_room(
                    room, encode(Joined(room.name, self.person.name, None, None, *marks, is_operator))
                )
        self.outbox.enter(room, self)

    def leave(self, room: Room["Session"], reason: str, by: str | None = None, text: str | None = None) -> None:
        """Leave `room`. Its members are told, unless another session of the person stays in it.

        The room that was current before is current again. `by` and `text` say who has put the person out and why.
        """
        self.outbox.leave(room)
        self.hub.bus.left(self, room, reason, by, text)
        if not room.members:
            self.hub.forget(room)

    def take_place(self, room: Room["Session"]) -> None:
        """Be in `room` as on the server that the session comes from, as the current one. Nobody is told."""
        if not self.person.is_in(room):
            room.directory.add(self.person.key)
        self.outbox.enter(room, self)

    def step_out(self, room: Room["Session"]) -> None:
        """Take no more frames of `room`. Nobody is told."""
        self.outbox.leave(room)
        if not room.members:
            self.hub.forget(room)

    def kicked(self, room: Room["Session"], by: str, text: str | None) -> None:
        """Leave `room`, because the operator called `by` wants it."""
        self.leave(room, "kicked", by, text)
        current = self.room.name if self.room is not None else None
        self.reply(Left(room.name, self.person.name, "kicked", None, current, by, text))

    def leave_all(self, reason: str) -> None:
        """Leave every room, and take no more private messages."""
        while self.rooms:
            self.leave(self.rooms[0], reason)
        self.outbox.leave_inbox()

    # --- the end

    def end(self, reason: str, text: str, re: int | None = None, discard: bool = False) -> None:
        """Say goodbye. The seat is kept after some reasons; otherwise the rooms are told.

        With `discard`, what this tick has for the connection is not sent.
        """
        if self.state is not State.ENDED:
            self._end_connection(reason, encode(Goodbye(reason, text, re)), discard)

    def end_when_kept(self, reason: str, text: str, re: int | None) -> None:
        """Handle nothing more, and say goodbye once everything that was said is in the history and confirmed.

        If the disk hangs, say it at once. From now on nobody can resume the session: it would handle nothing, however
        long the history takes.
        """
        self.become(State.LEAVING)
        self._revoke_token()
        self.hub.history.when_settled(lambda: self.end(reason, text, re))

    def shut_down(self, text: str) -> None:
        """Say goodbye at the end of the server. Rooms get no `left`, as every member leaves at once."""
        if self.state is not State.ENDED:
            self._release(encode(Goodbye("shutdown", text)), "shutdown")

    def lost(self) -> None:
        """The connection broke."""
        if self.state is not State.ENDED:
            self._end_connection("close" if self.state is State.LEAVING else "lost", b"")

    def go_elsewhere(self, goodbye: bytes) -> None:
        """End here without a word to the rooms: another server goes on with this session.

        The connection, if there is one, still gets its queued frames and `goodbye`.
        """
        if self.state is State.ATTACHED:
            self.detach("replaced", goodbye)
        for room in self.rooms:
            self.step_out(room)
        self.outbox.leave_inbox()
        self._number = 0  # its messages belong to the session there
        self._release(b"", "replaced")

    def expire(self) -> None:
        """The grace time is over, or the seat goes to another session."""
        self._end_session("lost", b"")

    def _end_connection(self, reason: str, goodbye: bytes, discard: bool = False) -> None:
        if self._token is not None and reason in _KEEP_SEAT and self.hub.seats.keep(self):
            self.detach(reason, goodbye, discard)
        else:
            self._end_session(reason, goodbye, discard)

    def _end_session(self, reason: str, goodbye: bytes, discard: bool = False) -> None:
        self.leave_all(reason)
        self._release(goodbye, reason, discard)

    def _release(self, goodbye: bytes, reason: str, discard: bool = False) -> None:
        """Give up everything that the hub keeps for this session."""
        if self.peer is not None:
            self.outbox.close(goodbye, partial(self.peer.ended, reason), discard)
        if self.is_away:
            self.hub.seats.give_up(self)
        self.become(State.ENDED)
        if self._number:
            self.hub.history.ended(self._number)
        self.hub.release(self, self.person)
        self.listing = self.peer = None
        self._revoke_token()

    def _revoke_token(self) -> None:
        if self._token is not None:
            self.hub.tokens.revoke(self, self._token)
            self._token = None

    # --- a connection that broke, and the one that takes its place

    def become_ready(self, claim: str | None) -> None:
        """Get a token. `claim` is the unknown token that the `hello` came with."""
        assert self.peer is not None
        self.peer.said_hello()
        if self.outbox.voice is not None:
            return
        self._token = self.hub.tokens.issue(self)
        if claim is not None:
            self.hub.tokens.claim(self, claim)
        self.hub.bus.seated(self)

    def hand_over(self, seat: "Session") -> None:
        """End, and let `seat`, which has no connection, go on with this one. This session has left its rooms."""
        assert self.peer is not None
        seat._attach(self.peer, self.outbox, self.origin)
        self.peer, self.outbox = None, Outbox(self.hub.tick)
        self._release(b"", "resumed")

    def detach(self, reason: str, goodbye: bytes, discard: bool = False) -> None:
        """Go on without the connection, which still gets its queued frames and `goodbye`."""
        assert self.peer is not None
        outbox, peer = self.outbox, self.peer
        self._host = peer.host
        self.become(State.AWAY)
        self.outbox, self.peer = Outbox(self.hub.tick), None
        outbox.hand_rooms_to(self.outbox)
        outbox.close(goodbye, partial(peer.ended, reason), discard)
        if self.listing is not None:
            self.listing = None
            self.is_busy = False

    def _attach(self, peer: "Peer[Session]", outbox: "Outbox[Session]", origin: str | None) -> None:
        """Go on with another connection. Earlier room frames are not sent; the client fetches them from the history."""
        self.become(State.ATTACHED)
        self.origin = origin
        self.outbox.hand_rooms_to(outbox)
        self.peer, self.outbox = peer, outbox
        peer.attach(self)
        peer.said_hello()
