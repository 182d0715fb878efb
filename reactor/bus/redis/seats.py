"""Seats that change their server: a session goes on where its client has come back to.

The server that has a session gives it away when it is asked: it handles nothing more, waits until everything the
session has said is in Redis, and ends the old connection. Taking it by force would break the order of its last
messages. If the server is gone, nobody hears the question, and the seat is taken at once. If it is connected but
silent, the others give it up in time, and then the server that did so has its seats.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import cast

from pylingo.reactor.bus.redis.blob import subject
from pylingo.reactor.bus.redis.deeds import WITHDRAWN
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.kept_seats import KeptSeats
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.questions import Questions, Steps
from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.reactor.bus.redis.sessions import SessionRecord, Sessions, digest, one, read_record
from pylingo.reactor.bus.redis.signals import Signals
from pylingo.reactor.bus.redis.strangers import RemoteSession
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.resuming import REPLACED
from pylingo.reactor.chat.session import Session, State
from pylingo.shared.names import fold

_ASK_AGAIN, _LONGEST_PAUSE = 0.01, 1.0  # seconds between two questions for one seat

type Found = Callable[[Session | None], object]


class TravellingSeats:
    """See the module. `call_later` is the reactor's.

    `when_settled` calls back when everything said on this server is in Redis, `when_sure` when it is certain that the
    others have not given it up.
    """

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        keys: Keys,
        sessions: Sessions,
        rooms: Rooms,
        feeds: Feeds,
        signals: Signals,
        call_later: Callable[..., object],
        when_settled: Callable[[Callable[[], object]], object],
        when_sure: Callable[[Callable[[], object]], object],
    ) -> None:
        self._hub = hub
        self._when_sure = when_sure
        self._questions = questions
        self._when_settled = when_settled
        self._keys = keys
        self._sessions = sessions
        self._rooms = rooms
        self._feeds = feeds
        self._signals = signals
        self._call_later = call_later
        self.kept = KeptSeats(hub, questions, keys, sessions, rooms, feeds, call_later)
        """The seats of others."""
        self._asks = itertools.count(1)
        self._asked: dict[int, tuple[int, Callable[[bool], object]]] = {}  # by number: the server, and the taking
        self._sitting: dict[int, list[Found]] = {}  # by number: those who wait until the session is in its rooms
        signals.on("give", self._give)
        signals.on("given", self._answered)
        signals.on("reaped", self._reaped_elsewhere)

    # --- taking

    def find(self, token: str, key: str | None, identity: str | None, then: Found) -> None:
        """See `Bus.find_seat`. The seat of another identity stays where it is."""
        seat = self._hub.tokens.find(token, key)
        if seat is not None:
            self._when_sure(partial(self._found_here, seat, then))
            return

        def found(place: tuple[int, SessionRecord] | None) -> None:
            if place is None or "e" in place[1]:
                then(None)
            elif place[1]["f"] != identity:
                then(cast(Session, RemoteSession(self._hub, *place)))
            else:
                self._ask(*place, token, then)

        self._questions.ask(0, self._look(digest(token)), found)

    def _found_here(self, seat: Session, then: Found) -> None:
        """A session is on this server. Wait until it has its place in its rooms, and has done what it is doing.

        The client that comes back is told its rooms. Its earlier requests would change them later, without a word.
        """
        if (waiting := self._sitting.get(seat.number)) is not None:
            waiting.append(then)
            return
        if seat.is_busy and seat.state is State.ATTACHED:
            seat.detach("replaced", REPLACED)
        self._when_quiet(seat, then, _ASK_AGAIN)

    def _when_quiet(self, seat: Session, then: Found, pause: float) -> None:
        if seat.state not in (State.ATTACHED, State.AWAY):
            then(None)
        elif seat.is_busy:
            self._call_later(pause, self._when_quiet, seat, then, min(2 * pause, _LONGEST_PAUSE))
        else:
            then(seat)

    def _look(self, token: str) -> Steps[tuple[int, SessionRecord] | None]:
        (number,) = yield [("HGET", self._keys.key(0, "tok"), token)]
        if number is None:
            return None
        (packed,) = yield [("HGET", self._keys.key(0, "sessions"), number)]
        return (int(number), read_record(packed)) if packed is not None else None

    def _ask(self, number: int, record: SessionRecord, token: str, then: Found) -> None:
        """Ask the server that has the session to give it away, and take it when it has, or when the server is gone."""
        server, ask = record["s"], next(self._asks)
        if server == self._sessions.server:
            if (session := self._sessions.by_number.get(number)) is not None:
                self._found_here(session, then)
            elif self.kept.is_over(number):
                then(None)
            else:  # the ghost of another server, perhaps of one that is being given up
                self._take(number, server, record["f"], token, then, True)
            return
        self._asked[ask] = server, partial(self._take, number, server, record["f"], token, then)
        self._send(ask, server, number, _ASK_AGAIN)

    def _send(self, ask: int, server: int, number: int, pause: float) -> None:
        """Ask until there is an answer: a server that has just died still counts as connected for a moment."""
        if ask not in self._asked:
            return

        def received(receivers: int) -> None:
            if not receivers:
                self._answered(ask, False)
            else:
                self._call_later(pause, self._send, ask, server, number, min(2 * pause, _LONGEST_PAUSE))

        self._signals.send(server, received, "give", number, self._sessions.server, ask)

    def _shut_out(self, server: int, rooms: list[str], done: Callable[[], object]) -> None:
        """Have Redis refuse what a server that seems gone still has on its way to these rooms.

        If it is only cut off, it reads what was taken from it before it goes on.
        """
        lanes = {self._keys.lane(fold(room)) for room in rooms}
        left = len(lanes)

        def refused(_: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                done()

        for lane in lanes:
            command = ("FCALL", function("bump"), 1, self._keys.key(lane, f"fence:{server}"))
            self._questions.ask(lane, one(*command), refused)
        if not lanes:
            done()

    def _answered(self, ask: int, is_given: bool = True) -> None:
        asked = self._asked.pop(ask, None)
        if asked is not None:
            asked[1](is_given)

    def _reaped_elsewhere(self, server: int) -> None:
        """A server was given up: what it was asked for belongs to somebody else now."""
        for ask in [ask for ask, (asked, _) in self._asked.items() if asked == server]:
            self._answered(ask)

    def _take(self, number: int, server: int, identity: str | None, token: str, then: Found, is_given: bool) -> None:
        def taken(packed: bytes | None) -> None:
            if packed is None:  # it has ended, or is with a third server
                self.find(token, None, identity, then)
                return
            if (session := self._sessions.by_number.get(number)) is not None:  # two have taken it from us at once
                self._found_here(session, then)
                return
            record = read_record(packed)
            self.kept.give(number)
            sit = partial(self._sit, number, server, record, token, then)
            if is_given:
                sit()
            else:
                self._shut_out(server, record["r"], sit)

        me = self._sessions.server
        rests = (f"fence:{me}", "sessions", f"of:{server}", f"of:{me}", f"taken:{server}", f"taken:{me}")
        keys = [self._key(rest) for rest in rests]
        values = number, server, me, int(is_given)
        self._questions.ask(0, one("FCALL", function("take"), len(keys), *keys, *values), taken)

    def _sit(self, number: int, giver: int, record: SessionRecord, token: str, then: Found) -> None:
        """Make the session, and have it take its place in its rooms."""
        session = Session.from_seat(self._hub, number, token, record["n"], record["c"], record["f"], record["h"])
        session.person.away = record["a"]
        self._sessions.took(session, record)
        self._feeds.counters.sessions_taken += 1
        self._sitting[number] = [then]
        names = record["r"][::-1]  # the current one last, so that it is the first
        left = len(names)

        def seated() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                waiting = self._sitting.pop(number)
                if session.state is State.ENDED:  # another server has taken it meanwhile
                    for found in waiting:
                        found(None)
                    return
                self._sessions.entered(session)
                is_kept = self._hub.seats.keep(session)  # the connection that wants it may have broken meanwhile
                for found in waiting:
                    found(session)
                if not is_kept and session.is_away:
                    session.expire()

        for name in names:
            self._feeds.hold(fold(name), [number], giver)
            self._rooms.sit_down(session, name, seated)
        if not names:
            seated()

    # --- giving

    def _give(self, number: int, server: int, ask: int) -> None:
        """Another server wants a session that is here."""

        def given() -> None:
            self._signals.send(server, lambda receivers: None, "given", ask)

        if self.kept.is_over(number):  # it asks again, and finds nothing
            return
        session = self._sessions.by_number.get(number)
        if session is None:
            given()
            return
        if session.state is State.ATTACHED:
            session.detach("replaced", REPLACED)

        def settled() -> None:
            if session.state is State.ENDED or session.state is State.LEAVING:
                self._feeds.when_settled(given)  # the others are told first that it has ended
                return
            rooms = [room.key for room in session.rooms]
            self.give_away(session)
            self.kept.keep({number: rooms}, {})  # if the other server dies, nobody else would end it
            given()

        self._when_settled(settled)

    def give_away(self, session: Session, goodbye: bytes = REPLACED) -> None:
        """End a session here that goes on elsewhere: no room is told."""
        if session.state is State.ENDED:
            return
        self._sessions.store_now(session)
        self._sessions.gave_away(session)
        self._feeds.counters.sessions_given += 1
        rooms, number = session.rooms, session.number
        session.go_elsewhere(goodbye)
        for room in rooms:
            self._feeds.let_go(room.key, [number])
            self._rooms.gave_away(room)

    def taken(self, numbers: list[int]) -> None:
        """Other servers have taken these sessions while this one was away: what they have said is not sent any more.

        Their connections end without a goodbye. A client that is still there resumes where its session is.
        """
        sessions = {self._sessions.by_number[number] for number in numbers if number in self._sessions.by_number}
        for session in sessions:
            self.give_away(session, b"")
        gone = frozenset(numbers)
        for proposal in self._feeds.withdraw(
            lambda it: getattr(it.ordered, "session", None) in sessions or subject(it.part) in gone
        ):
            if proposal.ordered is not None:
                proposal.ordered(WITHDRAWN)
        for number in numbers:
            self.kept.give(number)

    def overruled(self, number: int) -> None:
        """Redis says that another server has a session that is here."""
        if number in self._sessions.by_number:
            self._feeds.counters.sessions_overruled += 1
        self.taken([number])

    # --- servers that are gone

    def reaped(self, server: int, sessions: dict[int, SessionRecord], rooms: dict[int, list[str]]) -> None:
        """This server has given another one up, and keeps its seats for the grace time."""
        self.kept.keep({number: rooms.get(number, []) for number in sessions.keys() | rooms.keys()}, sessions)
        self._signals.send_all("reaped", server)

    def _key(self, rest: str) -> str:
        return self._keys.key(0, rest)
