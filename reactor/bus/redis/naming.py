"""Names in a cluster: taken in Redis first, then told to each room, then given back where the old one was.

Until the last room has told it, the session has both names. So nobody else can take either of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Questions, Steps
from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.reactor.bus.redis.sessions import SessionRecord, Sessions, read_record
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.presence import go_on_as
from pylingo.reactor.chat.session import Session, State
from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold

type Renamed = Callable[[RequestError | None], object]


class Naming:
    """See the module. `respell(key, name)` tells all servers how a person with several sessions is spelled."""

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        keys: Keys,
        sessions: Sessions,
        rooms: Rooms,
        respell: Callable[[str, str], object],
    ) -> None:
        self._hub = hub
        self._questions = questions
        self._keys = keys
        self._sessions = sessions
        self._rooms = rooms
        self._respell = respell

    def rename(self, session: Session, name: str, then: Renamed) -> None:
        """See `Bus.rename`."""
        if name == session.person.name:
            then(None)
            return
        try:
            self._hub.access.register.check_name(name, session.identity)
        except RequestError as error:
            then(error.with_traceback(None))  # which refers to this frame, and that to the error
        else:
            wait_for(session, partial(self._claim, session, name), then)

    def _claim(self, session: Session, name: str, answer: Renamed) -> None:
        def claimed(claim: _Claim) -> None:
            if not claim.is_ours:
                answer(RequestError("name-taken", "somebody here has that name: choose another one"))
            elif session.state is State.ENDED:
                self._sessions.release(session, fold(name))
                answer(None)
            elif claim.others and fold(name) == session.person.key:
                self._respell(fold(name), name)
                self.respelled(fold(name), name, session)
                answer(None)
            else:
                self._tell_rooms(session, claim, answer)

        self._questions.ask(0, self._ask(session, name), claimed)

    def _ask(self, session: Session, name: str) -> Steps["_Claim"]:
        """Claim a name. If the same person has it elsewhere, the spelling there is the one that counts."""
        number = session.number
        ((is_ours, *others),) = yield [self._sessions.claim_command(session, name)]
        if not is_ours and int(others[0]) == number:
            self._sessions.refused(session, number, number)
        if not is_ours or not others or fold(name) == session.person.key:
            return _Claim(bool(is_ours), others, name, None)
        (packed,) = yield [("HGET", self._keys.key(0, "sessions"), others[0])]
        record = read_record(packed) if packed is not None else None
        return _Claim(True, others, name if record is None else record["n"], record)

    def _tell_rooms(self, session: Session, claim: "_Claim", answer: Renamed) -> None:
        self._propose(session, claim.name, lambda: answer(self._take(session, claim)))

    def _propose(self, session: Session, name: str, told: Callable[[], object] = lambda: None) -> None:
        """Tell the rooms of a session its name. Call `told` when the last one has been told."""
        rooms = session.rooms
        left = len(rooms)

        def ordered(at: int) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                told()

        marks = self._hub.marks(session.person)
        for room in rooms:
            self._rooms.propose(room.key, Event(op=["rename", session.number, name, *marks]), session, ordered)
        if not rooms:
            told()

    def _take(self, session: Session, claim: "_Claim") -> RequestError | None:
        """Everybody knows the new name: take it here. Return the reason if the register has given it away meanwhile."""
        name, like = claim.name, claim.record
        if session.state is State.ENDED:
            self._sessions.release(session, fold(name))
            return None
        person, key = session.person, session.person.key
        is_known = self._hub.here(fold(name)) is not None
        try:
            other = self._hub.rename(session, name)
        except RequestError as error:
            self._propose(session, person.name)  # the rooms have been told too early
            self._sessions.release(session, fold(name))
            self._sessions.changed(session)
            return error.with_traceback(None)
        if other is not person:
            go_on_as(session, other)
        if like is not None and not is_known:  # the same person is on another server: go on as that one
            other.since, other.away = like["c"], like["a"]
        if key != fold(name):
            self._sessions.release(session, key)
        self._sessions.changed(session)
        return None

    def respelled(self, key: str, name: str, first: Session | None = None) -> None:
        """A person is spelled `name` from now on, on all servers. The session `first` has asked for it."""
        person = self._hub.here(key)
        if person is None or person.name == name:
            return
        person.spell(name, key)
        for session in sorted(person.sessions, key=lambda it: it is not first):
            self._propose(session, name)
            self._sessions.changed(session)


class _Claim(NamedTuple):
    """The answer to a claim: whether the name is ours, and the other sessions of the same person that have it.

    `name` is how it is spelled, `record` that of one of the others if the name is new for the session.
    """

    is_ours: bool
    others: list[Any]
    name: str
    record: SessionRecord | None
