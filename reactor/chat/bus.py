"""The protocol `Bus`, through which the chat does everything that one server or several must do in one order.

A deed of a session (a message, a new name, a room that is entered or left) takes effect when the bus says so. With one
server that is at once: `reactor.bus.local` calls what does it. With several servers a deed has first to find its place
among those of the others: `reactor.bus.redis`. For this reason a deed with a result has a continuation, `then`. It may
be called before the method returns. While it is not, the next requests of the session wait.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from pylingo.reactor.chat.listing import Directory
from pylingo.reactor.chat.person import Person, Present
from pylingo.reactor.chat.room import Room
from pylingo.reactor.history.charter import Charter
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import PersonInfo, Redacted, RedisInfo, RoomInfo, Say, ServerInfo, Topic
from pylingo.shared.schema import Record

type Deliver = Callable[[Record | None], None]
"""Queues the reply that was promised to a session; None: there will be none."""
type Admit = Callable[[Charter, int], bool]
"""Whether a session may enter a room with this charter, in which there are so many people. If not, it has been told."""


def admit_all(charter: Charter, people: int) -> bool:
    """Anybody may enter."""
    return True


class Bus[S: Present](Protocol):
    """See the module. Rooms are named by their compared form (`shared.names.fold`) wherever a `key` is asked for."""

    # --- people

    def next_guest(self) -> int:
        """The number in the name of a new guest. It is never given again."""

    def next_number(self) -> int:
        """A number for a session, from 1 on. It is never given again."""

    def came(self, session: S) -> None:
        """A session has come, as a guest."""

    def went(self, session: S, person: Person[S]) -> None:
        """A session has ended, or is somebody else from now on. It is still one of the sessions of `person`."""

    def seated(self, session: S) -> None:
        """A session has got its token, and may be resumed."""

    def find_seat(
        self, session: S, token: str, key: str | None, identity: str | None, then: Callable[[S | None], object]
    ) -> None:
        """Find the session that a `hello` with this token and a name of the compared form `key` resumes.

        `identity` is the fingerprint that the `hello` has proven. The session may have another one.
        """

    def rename(self, session: S, name: str, then: Callable[[RequestError | None], object]) -> None:
        """Give a session a name, and tell its rooms. `then` gets the reason if it cannot have the name."""

    def be_away(self, session: S, text: str | None) -> None:
        """The person of a session is away because of `text`, or is back (None)."""

    def look_up(self, session: S, name: str, re: int | None, then: Callable[[], object]) -> None:
        """Make `Hub.find` and `Hub.reach` know the person called `name`, if there is one, and go on with a request.

        `re` is the id of the request, for a `RequestError` that `then` raises.
        """

    def stranger(self, key: str) -> Person[S] | None:
        """Somebody whom `look_up` has found on another server, by the compared form of the name."""

    def present(self, keys: Collection[str], then: Callable[[dict[str, str]], object]) -> None:
        """Call `then` with those of the names that nobody has here, and somebody elsewhere, as they are spelled.

        Names are given by their compared form.
        """

    def away(self, keys: Collection[str], then: Callable[[Collection[str]], object]) -> None:
        """Call `then` with those of the names that are somebody's elsewhere who is away. As for `present`."""

    def spelling(self, session: S, room: Room[S], key: str) -> str:
        """The name of a member of `room`, by its compared form."""

    def is_operator(self, session: S, room: Room[S], key: str) -> bool:
        """Whether a member of `room`, by the compared form of the name, is an operator of it or of the server."""

    def has_voice(self, session: S, room: Room[S], key: str) -> bool:
        """Whether a member of `room`, by the compared form of the name, has a voice in it."""

    def numbers(self, session: S, room: Room[S]) -> Collection[int]:
        """The numbers of all sessions in `room`."""

    def list_people(self, session: S, then: Callable[[Directory, Callable[[str], PersonInfo]], object]) -> None:
        """Call `then` with the compared forms of all names, and with what gives the row of each."""

    # --- rooms

    def enter(
        self,
        session: S,
        name: str,
        then: Callable[[Room[S]], object],
        admit: Admit = admit_all,
        before: Room[S] | None = None,
    ) -> None:
        """Have a session enter the room called `name`, and tell the others if its person is new there.

        `admit` is asked first, with an empty charter if the person is in the room already. If it says no, nothing more
        happens. Otherwise the session leaves the room `before`, if one is given: it moves.
        """

    def leave(self, session: S, room: Room[S], reason: str, then: Callable[[], object]) -> None:
        """Have a session leave a room because it wants to. `then` is not called if its connection ends meanwhile."""

    def left(self, session: S, room: Room[S], reason: str, by: str | None, text: str | None) -> None:
        """Tell the others of a room that a session has left, if its person has left with it."""

    @property
    def is_alone(self) -> bool:
        """Whether this server is the whole chat."""

    def list_rooms(self, session: S, then: Callable[[Directory, Callable[[str], RoomInfo]], object]) -> None:
        """Call `then` with the compared forms of all rooms, and with what gives the row of each.

        Secret rooms are among them only if somebody here is in them: the caller has to leave them out.
        """

    def set_topic(self, session: S, room: Room[S], text: str | None, then: Callable[[Topic], object]) -> None:
        """Set the topic of a room, or clear it (None), and tell the others."""

    def govern(
        self, session: S, room: Room[S], fields: Mapping[str, str | None], record: Record, then: Callable[[], object]
    ) -> None:
        """Set fields of the charter of a room, or take them out (None), and tell the others `record`."""

    def tell_room(self, session: S, name: str, record: Record) -> None:
        """Have all members of the room called `name`, but for the session, get `record`. Without members, nobody."""

    def tell_person(self, session: S, person: Person[S], record: Record) -> None:
        """Send `record` to all sessions of a person."""

    def tell_voices(self, session: S, person: Person[S], line: bytes) -> None:
        """Send a line of their dialect to those connections of a person that are not native."""

    def tell_everybody(self, session: S, record: Record) -> None:
        """Send `record` to everybody who may be here."""

    # --- words

    def speak(self, session: S, room: Room[S], say: Say, text: str, deliver: Deliver | None) -> None:
        """Say `text` in a room, and deliver `sent` when it is kept, if that is asked for."""

    def speak_many(self, session: S, room: Room[S], texts: list[bytes]) -> None:
        """Say several texts, in UTF-8 and with nothing else, at once."""

    def speak_privately(self, session: S, other: Person[S], say: Say, text: str, deliver: Deliver | None) -> None:
        """As `speak`, to one person. The other sessions of the sender get it as well."""

    def redact(self, session: S, room: Room[S], redacted: Redacted, then: Callable[[bool], object]) -> None:
        """Take the text of a message out of the history, and tell the others in the room.

        `then` gets whether there is such a message.
        """

    # --- operators

    def kick(self, session: S, person: Person[S], room: Room[S], by: str, text: str | None) -> None:
        """Put all sessions of a person out of a room."""

    def list_servers(self, session: S, then: Callable[[list[ServerInfo], RedisInfo | None], object]) -> None:
        """Call `then` with the servers of this chat, and with the state of their Redis if they have one."""
