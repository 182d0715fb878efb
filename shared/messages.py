"""The frame types of the protocol as typed records. To add a frame type, add a class here."""

from dataclasses import field
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
REPLIES: dict[bytes, Schema] = {}
"""Frames of `EVENTS` that a server writes in another form in a reply. A client reads them as `EVENTS` says."""


# --- requests ---------------------------------------------------------------------------------------------------


@record("hello", REQUESTS)
class Hello(Record):
    """`identity` is an OpenSSH public key, and `proof` its signature for this connection. Secrets are not printed."""

    protocol: int
    name: str | None = None
    client: str | None = None
    password: str | None = field(default=None, repr=False)
    resume: str | None = field(default=None, repr=False)
    id: Id | None = None
    identity: str | None = None
    proof: str | None = field(default=None, repr=False)
    invite: str | None = field(default=None, repr=False)


@record("say", REQUESTS)
class Say(Record):
    """Words for `room`, by default the current one, or `to` a person. An `action` is an emote: "* ada waves".

    A `notice` is for people: a program must not answer it.
    """

    text: str
    key: Key | None = None
    id: Id | None = None
    room: str | None = None
    to: str | None = None
    action: bool | None = None
    notice: bool | None = None


@record("command", REQUESTS)
class Command(Record):
    """A slash command. It acts on `room`, by default the current one."""

    name: str
    argument: str | None = None
    id: Id | None = None
    room: str | None = None


@record("history", REQUESTS)
class HistoryRequest(Record):
    """A page of a room, of the conversation `with_` somebody, or of the `inbox`: all that was private, both ways.

    With `search`, it has only messages that match (see `search.parse_search`).
    """

    since: Stamp | None = None
    before: Stamp | None = None
    limit: Annotated[int, Between(1, MAX_PAGE)] = DEFAULT_PAGE
    id: Id | None = None
    room: str | None = None
    with_: str | None = None
    inbox: bool | None = None
    search: str | None = None


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
    features: list[str] | None = None
    challenge: str | None = None


@record("ready", EVENTS)
class Ready(Record):
    """`rooms` are those that the session is in, the current `room` first. `identity` is our key's fingerprint."""

    name: str
    room: str | None
    token: str
    resumed: bool
    re: Id | None = None
    rooms: list[str] | None = None
    identity: str | None = None
    operator: bool | None = None


@record("ready", REPLIES)
class ReadyReply(Record):
    """A `ready` of this version. It has `identity` even if that is nil."""

    name: str
    room: str | None
    token: str
    resumed: bool
    identity: str | None
    operator: bool
    re: Id | None = None
    rooms: list[str] | None = None


@record("message", EVENTS)
class Message(Record):
    room: str
    from_: str
    text: str
    at: Stamp
    action: bool | None = None
    notice: bool | None = None


@record("private", EVENTS)
class Private(Record):
    from_: str
    to: str
    text: str
    at: Stamp
    action: bool | None = None
    fingerprint: str | None = None
    operator: bool | None = None
    notice: bool | None = None


@record("sent", EVENTS)
class Sent(Record):
    """`room` is None for a private message, which has the name of the recipient in `to`."""

    room: str | None
    at: Stamp
    re: Id | None = None
    key: Key | None = None
    to: str | None = None


@record("joined", EVENTS)
class Joined(Record):
    """`users` is the number of people in the room. Only the reply to the person who joined has it.

    `room_operator` is whether the person is one in this room. `topic_locked` is for the person who joined.
    """

    room: str
    name: str
    users: int | None = None
    re: Id | None = None
    fingerprint: str | None = None
    operator: bool | None = None
    room_operator: bool | None = None
    topic_locked: bool | None = None


@record("left", EVENTS)
class Left(Record):
    """`reason` is for the others in the room, `current` for the person who left: the room that is current now.

    A person who was kicked gets a `reason` as well, `by` whom, and perhaps why.
    """

    room: str
    name: str
    reason: str | None = None
    re: Id | None = None
    current: str | None = None
    by: str | None = None
    text: str | None = None


@record("left", REPLIES)
class LeftReply(Record):
    """A `left` for the person who left. It has `current` even if that is nil."""

    room: str
    name: str
    current: str | None
    re: Id | None = None


@record("renamed", EVENTS)
class Renamed(Record):
    """`room` is for the others in the room. The reply to the person who changed the name has none."""

    old: str
    new: str
    room: str | None = None
    re: Id | None = None
    fingerprint: str | None = None
    operator: bool | None = None


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
    """`operators` has those of `users` who are operators of the room, or of the server."""

    room: str
    users: list[str]
    more: bool
    re: Id | None = None
    operators: list[str] | None = None


@record("topic", EVENTS)
class Topic(Record):
    """The topic of a room, set `at` some time `by` somebody; all three are None if there is none."""

    room: str
    topic: str | None
    by: str | None
    at: Stamp | None
    re: Id | None = None


@record("person")
class PersonInfo(Record):
    """One person in a list of all. `rooms` is how many rooms they are in."""

    name: str
    rooms: int
    away: str | None = None
    fingerprint: str | None = None
    operator: bool | None = None


@record("people", EVENTS)
class People(Record):
    people: list[PersonInfo]
    more: bool
    re: Id | None = None


@record("person", EVENTS)
class PersonDetails(Record):
    """One person. `rooms` are those that the asker shares, `since` is when the person came."""

    name: str
    rooms: list[str]
    operator: bool
    since: Stamp
    away: str | None = None
    re: Id | None = None
    fingerprint: str | None = None


@record("away", EVENTS)
class Away(Record):
    """Somebody is away, with a `text` that says why, or back (None)."""

    name: str
    text: str | None
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
    """One message in a page of history. A private one has the name of the recipient in `to`.

    `fingerprint` and `operator` are what the author was when the message was sent. A `redacted` one has no text.
    """

    from_: str
    text: str
    at: Stamp
    key: Key | None = None
    to: str | None = None
    action: bool | None = None
    fingerprint: str | None = None
    operator: bool | None = None
    redacted: bool | None = None


@record("history", EVENTS)
class HistoryPage(Record):
    """`room` is None for private messages; `with_` is the name of the other person if the request had one.

    In the page of a search, `next` is the stamp before which it goes on, None at its end.
    """

    room: str | None
    messages: list[Entry]
    more: bool
    oldest: Stamp | None
    re: Id | None = None
    with_: str | None = None
    next: Stamp | None = None


@record("history", REPLIES)
class SearchPage(Record):
    """The `history` of a search. It has `next` even if that is nil."""

    room: str | None
    messages: list[Entry]
    more: bool
    oldest: Stamp | None
    next: Stamp | None
    re: Id | None = None
    with_: str | None = None


@record("skipped", EVENTS)
class Skipped(Record):
    """`room` is None if the messages were private."""

    room: str | None
    count: int
    after: Stamp
    until: Stamp


@record("moderated", EVENTS)
class Moderated(Record):
    """An act of an operator: `action` is the name of the command, `text` the reason."""

    action: str
    by: str
    name: str | None = None
    address: str | None = None
    room: str | None = None
    text: str | None = None
    until: Stamp | None = None
    re: Id | None = None


@record("roomop", EVENTS)
class RoomOp(Record):
    """Somebody is an operator of the room from now on, or, if `on` is false, is one no more."""

    room: str
    name: str
    by: str
    on: bool
    re: Id | None = None


@record("modes", EVENTS)
class Modes(Record):
    """What `by` has changed in the modes of the room; without `by`, all modes that are set.

    Each one is written as the command `mode` takes it.
    """

    room: str
    modes: list[str]
    by: str | None = None
    re: Id | None = None


@record("ban")
class Ban(Record):
    """Somebody who is kept out, or an address; without `until` for good."""

    by: str
    name: str | None = None
    address: str | None = None
    text: str | None = None
    until: Stamp | None = None


@record("bans", EVENTS)
class Bans(Record):
    bans: list[Ban]
    more: bool
    re: Id | None = None


@record("redacted", EVENTS)
class Redacted(Record):
    """The message of `room` with the stamp `at` is gone, and nobody should show it any more."""

    room: str
    at: Stamp
    by: str
    text: str | None = None


@record("invitation", EVENTS)
class Invitation(Record):
    """An invitation that was made: `code` is good for so many `uses`, and not after `until`."""

    code: str = field(repr=False)
    uses: int
    until: Stamp
    re: Id | None = None


@record("tagged", EVENTS)
class Tagged(Record):
    """A message of an IRC client without words, in a room or `to` a person: client tags such as `+typing=active`."""

    from_: str
    tags: list[str]
    room: str | None = None
    to: str | None = None


@record("irc-password", EVENTS)
class IrcPassword(Record):
    """The password for IRC of the person with this name, told once; without one, there is none any more."""

    name: str
    password: str | None = field(default=None, repr=False)
    re: Id | None = None


@record("server")
class ServerInfo(Record):
    """A server of the chat. `lag` is in milliseconds; `own` marks the server that answers."""

    server: int
    address: str
    version: str
    people: int
    lag: int
    own: bool


@record("redis")
class RedisInfo(Record):
    """The Redis of several servers. `role` is `primary`, `replica` or `away`; `used` and `limit` are bytes of memory.

    `durable` says whether Redis writes what it stores to its disk. Without an answer of Redis, the rest is what it was.
    """

    address: str
    version: str
    role: str
    used: int
    limit: int | None
    replicas: int
    durable: bool


@record("servers", EVENTS)
class Servers(Record):
    """The servers of the chat. `redis` is None if there is only one, which needs none."""

    servers: list[ServerInfo]
    redis: RedisInfo | None
    more: bool
    re: Id | None = None


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
