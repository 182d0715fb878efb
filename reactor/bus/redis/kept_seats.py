"""The seats that a server keeps for others, and their end when the grace time is over.

Redis decides whether a seat ends: it does not if another server has taken it. From then on nobody can take it. Its
session leaves its rooms, and its name is free when the rooms have been told.
"""

from collections.abc import Callable
from functools import partial

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.bus.redis.ghosts import Ghosts
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.reactor.bus.redis.sessions import SessionRecord, Sessions, one, read_record
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.session import Session
from pylingo.shared.names import fold


class KeptSeats:
    """See the module. `call_later` is the reactor's."""

    def __init__(
        self,
        hub: Hub[Session],
        questions: Questions,
        keys: Keys,
        sessions: Sessions,
        rooms: Rooms,
        feeds: Feeds,
        call_later: Callable[..., object],
    ) -> None:
        self._hub = hub
        self._questions = questions
        self._keys = keys
        self._sessions = sessions
        self._rooms = rooms
        self._feeds = feeds
        self._call_later = call_later
        self._ghosts = Ghosts(self._bury)
        self._buried: set[int] = set()  # those whose grace time is over, until Redis has forgotten them

    def keep(self, ghosts: dict[int, list[str]], records: dict[int, SessionRecord]) -> None:
        """Keep these seats for the grace time, each in some rooms by compared form. Those with records are ours."""
        here = self._sessions.by_number
        self._ghosts.keep(ghosts, {number: record for number, record in records.items() if number not in here})
        self._call_later(self._hub.seats.grace, self._ghosts.bury, ghosts)

    def give(self, number: int) -> None:
        """Somebody takes this seat."""
        self._ghosts.give(number)

    def is_over(self, number: int) -> bool:
        """Whether the grace time of a seat is over. Redis forgets it soon."""
        return number in self._buried

    def register_again(self) -> None:
        """Redis may have lost these seats, and their names: write them anew."""
        for number, record in self._ghosts.records.items():
            self._sessions.keep_again(number, record)

    def _bury(self, number: int, rooms: list[str]) -> None:
        """The grace time of a seat is over. If it is still this server's and nobody has come back, it ends."""
        if number in self._sessions.by_number:
            self._put_out_strays(number, rooms)
            return
        me = self._sessions.server
        self._buried.add(number)

        def end(record: SessionRecord) -> None:
            self._buried.discard(number)
            self._sessions.drop(number, record["t"] or "", fold(record["n"]))

        def is_over(packed: bytes | None) -> None:
            if packed is None:  # another server has it
                self._buried.discard(number)
                self._put_out_strays(number, rooms)
                return
            for room in rooms:
                self._put_out(number, room)
            if packed:
                self._feeds.when_settled(partial(end, read_record(packed)))
            else:
                self._buried.discard(number)

        keys = [self._key(rest) for rest in (f"fence:{me}", "sessions")]
        self._questions.ask(0, one("FCALL", function("bury"), len(keys), *keys, number, me), is_over)

    def _put_out_strays(self, number: int, rooms: list[str]) -> None:
        """A session goes on. If it entered one of these rooms without its server's knowledge, it leaves that."""

        def found(known: set[str]) -> None:
            for room in [room for room in rooms if room not in known]:
                lane = self._keys.lane(room)
                member = one("HEXISTS", self._keys.key(lane, f"m:{room}"), number)
                self._questions.ask(lane, member, partial(self._put_out_if, number, room))

        self._sessions.find_rooms(number, found)

    def _put_out_if(self, number: int, room: str, is_in: int) -> None:
        if is_in:
            self._put_out(number, room)

    def _put_out(self, number: int, room: str) -> None:
        self._rooms.propose(room, Event(op=["leave", number, "lost", None, None]))

    def _key(self, rest: str) -> str:
        return self._keys.key(0, rest)
