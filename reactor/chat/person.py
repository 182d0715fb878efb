"""A person: somebody on the server, as the others know them.

A person has a name, and may be away. A session is one conversation of a person. Messages, lists and notices name the
person. A guest has one session. Somebody who has shown a key may have several, from several machines: to the others
they are one person, who comes to a room with the first of them and leaves it with the last.

Private messages go to an *inbox*, a room without a name whose members are the outboxes of the person's sessions. It is
made for the first message.
"""

from typing import Any, Protocol

from pylingo.reactor.chat.outbox import Outbox
from pylingo.reactor.chat.room import Room
from pylingo.shared.names import fold


class Present(Protocol):
    """A session, as its person knows it."""

    @property
    def number(self) -> int:
        """A number that no other session has, given when it is first asked for."""

    @property
    def has_number(self) -> bool:
        """Whether the number was asked for. If not, nothing can be known by it."""

    @property
    def identity(self) -> str | None:
        """The fingerprint of the key that was proven."""

    @property
    def outbox(self) -> Outbox[Any]: ...

    @property
    def rooms(self) -> tuple[Room[Any], ...]: ...


class Person[S: Present]:
    """`name` is shown as it was typed, and unique on the server by `key`, the form by which names are compared.

    `since` is when the person came, in microseconds since 1970. `away` says why the person is away; None: is not.
    `fingerprint` is that of a key of the person, with which one of the sessions has come; a guest has none.
    """

    __slots__ = ("_sessions", "away", "fingerprint", "key", "name", "since")

    def __init__(self, name: str, since: int, fingerprint: str | None = None) -> None:
        self.since = since
        self.away: str | None = None
        self.fingerprint = fingerprint
        self._sessions: S | tuple[S, ...] = ()  # most people have one: a tuple of one would take 48 bytes
        self.spell(name, fold(name))

    def spell(self, name: str, key: str) -> None:
        """Take a name, whose compared form is `key`. Only the hub, which keeps people by name, may call this."""
        self.name = name
        self.key = key if key != name else name  # most names equal their folded form: share the string

    def another(self, name: str) -> "Person[S]":
        """Somebody of that name with the same key, who is as far away and came at the same time."""
        other: Person[S] = Person(name, self.since, self.fingerprint)
        other.away = self.away
        return other

    @property
    def sessions(self) -> tuple[S, ...]:
        """All sessions of the person. There is none if the person has gone."""
        return self._sessions if isinstance(self._sessions, tuple) else (self._sessions,)

    @property
    def is_alone(self) -> bool:
        """Whether the person has one session at most."""
        return not isinstance(self._sessions, tuple) or not self._sessions

    @property
    def number(self) -> int:
        """The number of the first session, by which a guest is known: guests have no other."""
        assert self.sessions, "who has gone has no number"
        return self.sessions[0].number

    @property
    def inbox(self) -> Room[Any] | None:
        """The inbox of all sessions; None until somebody has written."""
        return self.sessions[0].outbox.inbox if self.sessions else None

    @property
    def rooms(self) -> tuple[Room[Any], ...]:
        """The rooms that any session of the person is in."""
        if not isinstance(self._sessions, tuple):
            return self._sessions.rooms
        return tuple(dict.fromkeys(room for session in self._sessions for room in session.rooms))

    def add(self, session: S) -> None:
        """Make `session` one of this person."""
        inbox = self.inbox
        self._set((*self.sessions, session))
        if inbox is not None:
            session.outbox.enter_inbox(inbox, session)

    def remove(self, session: S) -> None:
        """Let go of a session, which is this person no more. Without one, the person has gone."""
        session.outbox.leave_inbox()
        rest = self.others(session)
        self._set(rest)
        if rest and self.fingerprint not in [other.identity for other in rest]:
            self.fingerprint = rest[0].identity

    def others(self, session: S) -> tuple[S, ...]:
        """The sessions of the person besides `session`."""
        return tuple(other for other in self.sessions if other is not session)

    def _set(self, sessions: tuple[S, ...]) -> None:
        self._sessions = sessions[0] if len(sessions) == 1 else sessions

    def is_in(self, room: Room[Any], besides: S | None = None) -> bool:
        """Whether any session of the person, `besides` this one, is in `room`."""
        return any(room in session.rooms for session in self.sessions if session is not besides)

    def open_inbox(self) -> Room[Any]:
        """The inbox of the person, who must be here."""
        inbox = self.inbox
        if inbox is None:
            inbox = Room("", "")
            for session in self.sessions:
                session.outbox.enter_inbox(inbox, session)
        return inbox
