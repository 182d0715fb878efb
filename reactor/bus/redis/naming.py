"""Names in a cluster: taken in Redis first, then told to each room, then given back where the old one was.

Until the last room has told it, the session has both names. So nobody else can take either of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.reactor.bus.redis.sessions import Sessions, one
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
        sessions: Sessions,
        rooms: Rooms,
        respell: Callable[[str, str], object],
    ) -> None:
        self._hub = hub
        self._questions = questions
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
        def claimed(reply: list[Any]) -> None:
            is_ours, *others = reply
            if not is_ours:
                answer(RequestError("name-taken", "somebody here has that name: choose another one"))
            elif session.state is State.ENDED:
                self._sessions.release(session, fold(name))
                answer(None)
            elif others and fold(name) == session.person.key:
                self._respell(fold(name), name)
                answer(None)
            else:
                self._tell_rooms(session, name, answer)

        self._questions.ask(0, one(*self._sessions.claim_command(session, name)), claimed)

    def _tell_rooms(self, session: Session, name: str, answer: Renamed) -> None:
        rooms = session.rooms
        left = len(rooms)

        def told(at: int) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                answer(self._take(session, name))

        marks = self._hub.marks(session.person)
        for room in rooms:
            self._rooms.propose(room.key, Event(op=["rename", session.number, name, *marks]), session, told)
        if not rooms:
            told(0)

    def _take(self, session: Session, name: str) -> RequestError | None:
        """Everybody knows the new name: take it here. Return the reason if the register has given it away meanwhile."""
        if session.state is State.ENDED:
            self._sessions.release(session, fold(name))
            return None
        person, key = session.person, session.person.key
        try:
            other = self._hub.rename(session, name)
        except RequestError as error:
            return error.with_traceback(None)
        if other is not person:
            go_on_as(session, other)
        if key != fold(name):
            self._sessions.release(session, key)
        self._sessions.changed(session)
        return None

    def respelled(self, key: str, name: str) -> None:
        """A person is spelled `name` from now on, on all servers."""
        try:
            person = self._hub.named(key)
        except KeyError:
            return
        marks = self._hub.marks(person)
        for session in person.sessions:
            for room in session.rooms:
                self._rooms.propose(room.key, Event(op=["rename", session.number, name, *marks]), session)
        person.spell(name, key)
        for session in person.sessions:
            self._sessions.changed(session)
