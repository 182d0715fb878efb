"""The state of the chat as parts of a handover, and a hub that is filled with them.

Nobody may act on the hub between `collect` and the end of the process, or what happened in between would be lost.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.hub import GRACE, Hub
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.history import private
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.history.topics import StoredTopic
from pylingo.reactor.people.records import dump, load
from pylingo.reactor.succession.handover import (
    Counters,
    End,
    Log,
    Part,
    People,
    Redacted,
    Rooms,
    Seat,
    Seats,
    Totals,
    log_parts,
    messages_of,
    seat_parts,
)


def rooms_with_logs(history: MemoryHistory) -> list[str]:
    """Return the rooms and the conversations that have messages, the first of which is forgotten first."""
    empty = dict.fromkeys(history.empty_rooms)
    return [*empty, *(room for room in history.rooms if room not in empty)]


def collect(
    hub: Hub[Session],
    bus: LocalBus,
    stopped: float,
    copied: Mapping[str, int] | None = None,
    parts: int = 0,
    totals: Mapping[str, Any] | None = None,
) -> Iterator[Part]:
    """Yield everything that a successor needs. `stopped` is when the server stopped reading (see `Counters`).

    A history in a file keeps its messages there; one in memory is handed over. `copied` says up to which stamp the log
    of each room was copied before, in `parts` parts. `totals` are those of the metrics.
    """
    if totals:
        parts += 1
        yield Totals({**totals})
    for part in _parts(hub, bus, stopped, copied or {}):
        parts += 1
        yield part
    yield End(parts)


def _parts(hub: Hub[Session], bus: LocalBus, stopped: float, copied: Mapping[str, int]) -> Iterator[Part]:
    history = hub.history
    seats = [_seat_of(hub, session) for session in hub.sessions() if _can_resume(session)]  # may number sessions
    first_session = history.first_session if isinstance(history, SqliteHistory) else None
    yield Counters(bus.guests, bus.sessions, max(hub.tick.newest_stamp, history.newest_stamp), first_session, stopped)
    yield People(dump(hub.access.register.to_state()))
    logs = rooms_with_logs(history) if isinstance(history, MemoryHistory) else []
    if isinstance(history, MemoryHistory):
        for room in logs:
            yield from log_parts(room, history.messages_after(room, copied.get(room, 0)))
            if room in copied and (stamps := history.redacted(room)):
                yield Redacted(room, stamps)
    topics = [(room, *topic) for room, topic in history.topics]
    yield Rooms(topics, [(room, dict(charter.fields)) for room, charter in history.charters], logs)
    yield from seat_parts(seats)


def _can_resume(session: Session) -> bool:
    return session.token is not None and session.state in (State.ATTACHED, State.AWAY)


def _seat_of(hub: Hub[Session], session: Session) -> Seat:
    person = session.person
    assert session.token is not None
    return Seat(
        session.number,
        session.token,
        hub.tokens.claim_of(session),
        person.name,
        person.since,
        person.away,
        session.identity,
        session.host,
        session.origin,
        [room.name for room in session.rooms],
        hub.seats.left(session),
    )


class Restoring:
    """Fills an empty hub. `stopped` is that of the old server.

    Nothing is sent and nobody is told: everybody is as they were, without a connection.
    """

    def __init__(self, hub: Hub[Session], bus: LocalBus) -> None:
        self.stopped = 0.0
        self.is_complete = False
        self.seats = self.messages = 0
        self.totals: dict[str, Any] = {}
        self._hub = hub
        self._bus = bus
        self._parts = 0

    def take(self, part: Part) -> None:
        """Take the next part. Raises `ValueError` with a sentence if it, or one before it, cannot be used."""
        match part:
            case Counters():
                self._take_counters(part)
            case Totals():
                self.totals = part.values
            case People():
                self._hub.access.register.replace(load(part.register))
            case Rooms():
                self._take_rooms(part)
            case Log():
                self._take_log(part)
            case Redacted():
                self._take_redacted(part)
            case Seats():
                for seat in part.seats:
                    self._take_seat(seat)
            case End():
                self._end(part)
        self._parts += 1

    def _take_counters(self, counters: Counters) -> None:
        hub, history = self._hub, self._hub.history
        self.stopped = counters.stopped
        self._bus.guests, self._bus.sessions = counters.guests, counters.sessions
        hub.raise_stamps(counters.newest_stamp)
        history.newest_stamp = counters.newest_stamp
        if isinstance(history, SqliteHistory) and counters.first_session is not None:
            history.first_session = counters.first_session

    def _take_rooms(self, rooms: Rooms) -> None:
        history = self._hub.history
        for room, text, by, at in rooms.topics:
            history.topics.set(room, StoredTopic(text, by, at))
        for room, fields in rooms.charters:
            history.charters.set(room, Charter(fields))
        if isinstance(history, MemoryHistory):
            history.keep_only(rooms.logs)

    def _take_log(self, log: Log) -> None:
        history = self._hub.history
        if isinstance(history, MemoryHistory):
            for entry, session in messages_of(log):
                history.add(log.room, entry, session)
            history.emptied(log.room)  # those who are in it come with the seats
            self.messages += len(log.messages)

    def _take_redacted(self, redacted: Redacted) -> None:
        history = self._hub.history
        if isinstance(history, MemoryHistory):
            for at in redacted.stamps:
                history.redact_now(redacted.room, at)

    def _take_seat(self, seat: Seat) -> None:
        hub = self._hub
        session = Session.from_seat(
            hub, seat.number, seat.token, seat.name, seat.since, seat.identity, seat.host, seat.claim
        )
        session.origin = seat.origin
        session.person.away = seat.away
        for name in reversed(seat.rooms):  # the current one is entered last
            session.take_place(hub.room(name))
        if isinstance(hub.history, MemoryHistory):
            hub.history.occupied(private.inbox(seat.number))
        hub.seats.keep_for(session, (hub.seats.grace or GRACE) if seat.left is None else seat.left)
        self.seats += 1

    def _end(self, end: End) -> None:
        if end.parts != self._parts:
            raise ValueError(f"the state of the old server has {end.parts} parts, and {self._parts} have come")
        self._hub.members_changed()
        self.is_complete = True
