"""The frame types of the protocol as typed records. To add a frame type, add a class here."""

from typing import Annotated

from pylingo.shared.readers import Ascii, Between
from pylingo.shared.schema import MAX_ID, Record, Schema, record

MAX_PAGE = 100
"""The most messages of one `history` page."""
DEFAULT_PAGE = 50

Id = Annotated[int, Between(0, MAX_ID)]
Stamp = Annotated[int, Between(0, 2**64 - 1)]
Key = Annotated[str, Ascii(32)]

REQUESTS: dict[bytes, Schema] = {}
"""The frames that a client may send, by type."""
EVENTS: dict[bytes, Schema] = {}
"""The frames that a server may send, by type."""


# --- requests ---------------------------------------------------------------------------------------------------


@record("hello", REQUESTS)
class Hello(Record):
    protocol: int
    name: str | None = None
    client: str | None = None
    password: str | None = None
    resume: str | None = None
    id: Id | None = None


@record("say", REQUESTS)
class Say(Record):
    text: str
    key: Key | None = None
    id: Id | None = None


@record("command", REQUESTS)
class Command(Record):
    name: str
    argument: str | None = None
    id: Id | None = None


@record("history", REQUESTS)
class HistoryRequest(Record):
    since: Stamp | None = None
    before: Stamp | None = None
    limit: Annotated[int, Between(1, MAX_PAGE)] = DEFAULT_PAGE
    id: Id | None = None


@record("ping", REQUESTS)
class PingRequest(Record):
    id: Id | None = None


@record("pong", REQUESTS)
class PongRequest(Record):
    """A client's answer to a `ping`. Any other byte would do as well."""

    id: Id | None = None


# --- frames from the server --------------------------------------------------------------------------------------


@record("limits")
class Limits(Record):
    frame: int
    text: int
    name: int
    room: int


@record("welcome", EVENTS)
class Welcome(Record):
    protocol: int
    server: str
    name: str
    limits: Limits


@record("ready", EVENTS)
class Ready(Record):
    name: str
    room: str | None
    token: str
    resumed: bool
    re: Id | None = None


@record("message", EVENTS)
class Message(Record):
    room: str
    from_: str
    text: str
    at: Stamp


@record("sent", EVENTS)
class Sent(Record):
    room: str
    at: Stamp
    re: Id | None = None
    key: Key | None = None


@record("joined", EVENTS)
class Joined(Record):
    """`users` is the number of people in the room. Only the reply to the person who joined has it."""

    room: str
    name: str
    users: int | None = None
    re: Id | None = None


@record("left", EVENTS)
class Left(Record):
    """`reason` is for the others in the room. The reply to the person who left has none."""

    room: str
    name: str
    reason: str | None = None
    re: Id | None = None


@record("renamed", EVENTS)
class Renamed(Record):
    """`room` is for the others in the room. The reply to the person who changed the name has none."""

    old: str
    new: str
    room: str | None = None
    re: Id | None = None


@record("room")
class RoomInfo(Record):
    room: str
    users: int


@record("rooms", EVENTS)
class Rooms(Record):
    rooms: list[RoomInfo]
    more: bool
    re: Id | None = None


@record("users", EVENTS)
class Users(Record):
    room: str
    users: list[str]
    more: bool
    re: Id | None = None


@record("command")
class CommandInfo(Record):
    name: str
    argument: str | None
    description: str


@record("help", EVENTS)
class Help(Record):
    commands: list[CommandInfo]
    re: Id | None = None


@record("entry")
class Entry(Record):
    """One message in a page of a room's history."""

    from_: str
    text: str
    at: Stamp
    key: Key | None = None


@record("history", EVENTS)
class HistoryPage(Record):
    room: str
    messages: list[Entry]
    more: bool
    oldest: Stamp | None
    re: Id | None = None


@record("skipped", EVENTS)
class Skipped(Record):
    room: str
    count: int
    after: Stamp
    until: Stamp


@record("notice", EVENTS)
class Notice(Record):
    text: str


@record("error", EVENTS)
class Error(Record):
    code: str
    text: str
    re: Id | None = None


@record("goodbye", EVENTS)
class Goodbye(Record):
    reason: str
    text: str
    re: Id | None = None


@record("ping", EVENTS)
class Ping(Record):
    pass


@record("pong", EVENTS)
class Pong(Record):
    re: Id | None = None
