"""A session: one conversation with a person, over one connection after another.

A session is in rooms, borrows the outbox of its connection (see `outbox`), and has a seat: when its connection breaks,
a session that has said `hello` stays for the grace time, and a new connection can resume it.
"""

import enum
from collections.abc import Callable
from functools import partial
from typing import Protocol

from pylingo.reactor.chat.hub import Hub, name_work
from pylingo.reactor.chat.listing import Listing
from pylingo.reactor.chat.outbox import Outbox, Transport
from pylingo.reactor.chat.person import Person
from pylingo.reactor.chat.room import Room
from pylingo.shared import PROTOCOL_VERSION, __version__
from pylingo.shared.codec import encode
from pylingo.shared.errors import RequestError
from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import Away, Error, Goodbye, Joined, Left, Limits, Notice, ReadyReply, Renamed, Welcome
from pylingo.shared.names import MAX_NAME, MAX_ROOM, MAX_TYPED, fold
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_TEXT, quote

FEATURES = ["rooms", "private", "people", "identity", "moderation"]
"""What this server has beyond version 1.0 of the protocol."""
MAX_ROOMS = 20
"""The most rooms of one session."""
LIMITS = Limits(frame=MAX_BODY, text=MAX_TEXT, name=MAX_NAME, room=MAX_ROOM)
NAME_NOT_STORED = "the server cannot store now that the name is yours: keep the one you have, and try again later"
_KEEP_SEAT = frozenset({"lost", "idle", "stalled", "frame-timeout"})
"""The reasons after which a seat is kept."""


def given(name: str | None) -> str | None:
    """The room or the person that a request names. An empty name counts as absent, as an empty argument does."""
    return (name or "").strip() or None


def no_room(what: str) -> RequestError:
    """The error for a request that needs a room, to do `what`."""
    return RequestError("no-room", f"you are in no room: /join one to {what}")


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


class Peer(Protocol):
    """The connection that carries a session."""

    @property
    def host(self) -> str:
        """The peer's address."""

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the peer was shown, as DER; None without TLS."""

    def attach(self, session: "Session") -> None:
        """Carry `session` from now on, instead of the one before."""

    def said_hello(self) -> None:
        """The client has said hello: it comes back to its rooms now."""

    def ended(self, reason: str) -> None:
        """The goodbye is in the transport: flush it and close."""

    def go_on(self) -> None:
        """The session is no longer busy: handle what has come meanwhile."""


class Session:
    """See the module. Sessions with the same `origin` share limits; it is usually the address.

    `motd` is the notice of the day, sent after the welcome. `identity` is the fingerprint of the key that was proven.
    """

    __slots__ = (
        "_host",
        "_number",
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
        "token",
    )

    def __init__(
        self, hub: "Hub[Session]", peer: Peer, transport: Transport, motd: str = "", origin: str | None = None
    ) -> None:
        self.hub = hub
        self.outbox: Outbox[Session] = Outbox(hub.tick, transport)
        self.peer: Peer | None = peer
        self.origin = origin
        self.token: str | None = None
        self.is_busy = False
        """Whether requests wait until a reply is complete. `Peer.go_on` is called when it is."""
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
        try:
            challenge = self.challenge().hex()
            software = f"PyLingo/{__version__}"
            self.reply(Welcome(PROTOCOL_VERSION, software, self.person.name, LIMITS, FEATURES, challenge))
            if motd:
                self.reply(Notice(motd))
        except MemoryError:  # nobody will ever end this session
            hub.release(self, self.person)
            raise

    @property
    def is_away(self) -> bool:
        return self.state is State.AWAY

    @property
    def is_ready(self) -> bool:
        """Whether the client has said `hello`."""
        return self.token is not None

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

    def find_room(self, name: str | None) -> Room["Session"] | None:
        """The room that a request names, or the current one. Raises `RequestError` `not-in-room`."""
        name = given(name)
        if name is None:
            return self.room
        name = name.removeprefix("#")
        self.hub.tick.work += name_work(name)
        key = fold(name) if len(name) <= MAX_TYPED else None
        for room in self.rooms:
            if room.key == key:
                return room
        raise RequestError("not-in-room", f"you are not in a room {quote(name)}: /open it first")

    def need_room(self, name: str | None, what: str) -> Room["Session"]:
        """As `find_room`. Raises `RequestError` `no-room` if there is no current one, which one needs to do `what`."""
        room = self.find_room(name)
        if room is None:
            raise no_room(what)
        return room

    @property
    def number(self) -> int:
        """A number that no other session has, given when it is first asked for."""
        if not self._number:
            self._number = self.hub.next_number()
        return self._number

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
        self.reply(Error(error.reason, error.text, error.re))

    def reply_ready(self, resumed: bool, re: int | None) -> None:
        """Reply to a `hello`: the name, the room, and the token with which the session is resumed."""
        assert self.token is not None
        rooms = [room.name for room in self.rooms]
        place = rooms[0] if rooms else None
        fingerprint, operator = self.identity, self.hub.access.register.is_operator(self.identity)
        self.reply(ReadyReply(self.person.name, place, self.token, resumed, fingerprint, operator, re, rooms))

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

    def enter(self, room: Room["Session"]) -> None:
        """Make `room` the current one. Its members are told, unless the person is in it already."""
        if room in self.rooms:
            self.outbox.focus(room)
            return
        if not self.person.is_in(room):
            room.directory.add(self.person.key)
            self.hub.members_changed()
            if room.members:
                self.outbox.write_to_room(
                    room, Joined(room.name, self.person.name, None, None, *self.hub.marks(self.person))
                )
        self.outbox.enter(room, self)

    def leave(self, room: Room["Session"], reason: str, by: str | None = None, text: str | None = None) -> None:
        """Leave `room`. Its members are told, unless another session of the person stays in it.

        The room that was current before is current again. `by` and `text` say who has put the person out and why.
        """
        self.outbox.leave(room)
        if not self.person.is_in(room):
            room.directory.remove(self.person.key)
            self.hub.members_changed()
            if room.members:
                self.outbox.write_to_room(room, Left(room.name, self.person.name, reason, None, None, by, text))
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

    def tell_rooms(self, make: Callable[[Room["Session"]], Record]) -> None:
        """Tell the others in each room of the person the record that `make` returns for it."""
        for room in self.person.rooms:
            if len(room.members) > 1 or self.outbox not in room.members:
                self.outbox.write_to_room(room, make(room))

    def be_away(self, text: str | None) -> None:
        """Be away, because of `text`, or be back (None)."""
        if text != self.person.away:
            self.person.away = text
            self.hub.people.changed()
            self.tell_rooms(lambda room: Away(self.person.name, text))

    def rename(self, name: str) -> str:
        """Take a name, and tell the rooms; return the old one. Raises `RequestError` `name-taken`.

        Other sessions of the person keep the old name, unless the new one is another spelling of it.
        """
        person = self.person
        old, key = person.name, person.key
        if name == old:
            return old
        other = self.hub.rename(self, name)
        if other is not person:
            self._become(other)
            return old
        for room in person.rooms:
            room.directory.remove(key)
            room.directory.add(person.key)
        marks = self.hub.marks(person)
        self.tell_rooms(lambda room: Renamed(old, name, room.name, None, *marks))
        return old

    def _become(self, other: Person["Session"]) -> None:
        """Go on as `other`. To each room it is a new name, or somebody has left or joined, or nothing has changed."""
        person, self.person = self.person, other
        marks = self.hub.marks(other)
        for room in self.rooms:
            leaves, comes = not person.is_in(room, self), not other.is_in(room)
            if leaves:
                room.directory.remove(person.key)
            if comes:
                room.directory.add(other.key)
            if leaves and comes:
                told: Record | None = Renamed(person.name, other.name, room.name, None, *marks)
            elif comes:
                told = Joined(room.name, other.name, None, None, *marks)
            else:
                told = Left(room.name, person.name, "leave") if leaves else None
            if told is not None and len(room.members) > 1:
                self.outbox.write_to_room(room, told)
        self.hub.release(self, person)
        other.add(self)
        self.hub.members_changed()

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

    def expire(self) -> None:
        """The grace time is over, or the seat goes to another session."""
        self._end_session("lost", b"")

    def _end_connection(self, reason: str, goodbye: bytes, discard: bool = False) -> None:
        if self.token is not None and reason in _KEEP_SEAT and self.hub.seats.keep(self):
            self._detach(reason, goodbye, discard)
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
        if self.token is not None:
            self.hub.tokens.revoke(self, self.token)
            self.token = None

    # --- a connection that broke, and the one that takes its place

    def become_ready(self, claim: str | None) -> None:
        """Get a token. `claim` is the unknown token that the `hello` came with."""
        assert self.peer is not None
        self.peer.said_hello()
        self.token = self.hub.tokens.issue(self)
        if claim is not None:
            self.hub.tokens.claim(self, claim)

    def resume(self, seat: "Session", re: int | None) -> None:
        """Hand this connection over to `seat`. The session that it carried so far ends."""
        self.leave_all("moved")
        peer, outbox = self.peer, self.outbox
        assert peer is not None
        if seat.peer is not None:
            goodbye = Goodbye("replaced", "this session was resumed from another connection")
            seat._detach("replaced", encode(goodbye))
        else:
            self.hub.seats.give_up(seat)
        seat._attach(peer, outbox, self.origin)
        self.peer, self.outbox = None, Outbox(self.hub.tick)
        self._release(b"", "resumed")
        seat.reply_ready(True, re)

    def _attach(self, peer: Peer, outbox: "Outbox[Session]", origin: str | None) -> None:
        """Go on with another connection. Earlier room frames are not sent; the client fetches them from the history."""
        self.become(State.ATTACHED)
        self.origin = origin
        self.outbox.hand_rooms_to(outbox)
        self.peer, self.outbox = peer, outbox
        peer.attach(self)
        peer.said_hello()

    def _detach(self, reason: str, goodbye: bytes, discard: bool = False) -> None:
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
