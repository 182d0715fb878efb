"""The state that a server hands over to its successor, as plain MessagePack records. Pure.

The state is a stream of parts. Each part is a MessagePack array: the name of its kind, then its fields. A long log or
many seats come in several parts, so neither side holds everything twice, and the successor builds up what it has while
the rest is on its way. Most of the logs come while the old server still serves, and what has changed since then comes
at the end. `End` is the last part, and says how many came before it.

`FORMAT` is the version of all of this, and of nothing else. The successor says which versions it reads before the old
server stops.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import msgpack

from pylingo.shared.messages import Entry
from pylingo.shared.text import counted
from pylingo.shared.value_class import value_class

FORMAT = 2
"""The version that this server writes. Raise it with every change of a part."""
READABLE = frozenset({FORMAT})
"""The versions that this server reads."""
_MESSAGES = 1_000  # in one part
_SEATS = 500

type Message = tuple[Entry, int]
"""A message of a log, and the number of its session, 0 if it was sent without a key."""


@value_class
class Offer:
    """The first message to the successor, which comes with the descriptors of the sockets and the locks, in this order.

    `sockets` are the names of the listening sockets. `fixed` has the settings that no upgrade can change, as text by
    option, and `ports` those that the sockets have come from (see `ports`). `release` is the version of the old server.
    """

    format: int
    release: str
    sockets: list[str]
    locks: int
    fixed: dict[str, str]
    ports: dict[str, str]


@value_class
class Ready:
    """The successor can take over."""


@value_class
class Failed:
    """The successor cannot take over, and ends. `reason` is a clause for the log."""

    reason: str


@value_class
class Restored:
    """The successor has everything, and waits for `Go`."""


@value_class
class Go:
    """The old server has let go of its files: the successor may open them, and accept."""


@value_class
class Counters:
    """Numbers that must never be given again, and when the old server stopped reading, on the monotonic clock.

    `guests` is that of the newest guest, `sessions` that of the newest session. `first_session` is what the history
    file adds to the numbers of sessions; None without a file.
    """

    guests: int
    sessions: int
    newest_stamp: int
    first_session: int | None
    stopped: float


@value_class
class Totals:
    """The totals of the metrics, by name (see `ops.totals`). Without metrics there is no such part."""

    values: dict[str, Any]


@value_class
class People:
    """The register, as the JSON that the people file has."""

    register: bytes


@value_class
class Rooms:
    """Topics as (room, text, by, at), and charters as (room, fields). Those of rooms without members come first.

    `logs` are the rooms and the conversations that have messages, the first of which is forgotten first.
    """

    topics: list[tuple[str, str, str, int]]
    charters: list[tuple[str, dict[str, str]]]
    logs: list[str]


@value_class
class Log:
    """Messages of a room or a conversation, oldest first, which are added to those of earlier parts."""

    room: str
    messages: list[tuple[Any, ...]]


@value_class
class Redacted:
    """The stamps of messages of a room whose text was taken out, perhaps after the `Log` with them."""

    room: str
    stamps: list[int]


@value_class
class Seat:
    """A session that can be resumed, with its person.

    `left` is for how many seconds its seat is still kept; None if it had a connection. `rooms` are spelled as they are
    called, the current one first. Sessions with the same name are one person. `away` says why the person is away.
    """

    number: int
    token: str
    claim: bytes | None
    name: str
    since: int
    away: str | None
    identity: str | None
    host: str
    origin: str | None
    rooms: list[str]
    left: float | None


@value_class
class Seats:
    """Some of the seats. Sessions of one person are in the order in which they came."""

    seats: list[Seat]


@value_class
class End:
    """The last part. `parts` came before it."""

    parts: int


type Part = Log | Redacted | Counters | Totals | People | Rooms | Seats | End
type Step = Offer | Ready | Failed | Restored | Go
type Sent = Part | Step

_KINDS: dict[str, type[Sent]] = {
    kind.__name__.lower(): kind for group in (Part, Step) for kind in get_args(group.__value__)
}
_SEAT_FIELDS = tuple(field.name for field in dataclasses.fields(Seat))
_pack = msgpack.Packer(use_bin_type=True).pack


def encode(sent: Sent) -> bytes:
    """Return a part or a step as MessagePack."""
    values = [getattr(sent, field.name) for field in dataclasses.fields(sent)]
    if isinstance(sent, Seats):
        values = [[[getattr(seat, name) for name in _SEAT_FIELDS] for seat in sent.seats]]
    body: bytes = _pack([type(sent).__name__.lower(), *values])
    return body


def decode(body: bytes) -> Sent:
    """Return what `encode` was given. Raises `ValueError` with a sentence if that is not it."""
    try:
        name, *values = msgpack.unpackb(body, strict_map_key=False, use_list=True)
        kind = _KINDS[name]
        if len(values) != len(dataclasses.fields(kind)):
            raise ValueError(f"{name!r} has {counted(len(values), 'field')}")
        if kind is Seats:
            return Seats([Seat(*seat) for seat in values[0]])
        return kind(*values)
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
        raise ValueError(f"the state of the old server cannot be read: {str(error) or type(error).__name__}") from None


def log_parts(room: str, messages: Iterable[Message]) -> Iterator[Log]:
    """Yield the log of a room in parts."""
    rows: list[tuple[Any, ...]] = []
    for entry, session in messages:
        if len(rows) == _MESSAGES:
            yield Log(room, rows)
            rows = []
        rows.append(
            (
                *(entry.at, entry.from_, entry.text, entry.key, session),
                *(entry.to, entry.action, entry.fingerprint, entry.operator, entry.redacted),
            )
        )
    if rows:
        yield Log(room, rows)


def messages_of(log: Log) -> Iterator[Message]:
    """Yield the messages of a part. Raises `ValueError`."""
    try:
        for at, name, text, key, session, to, action, fingerprint, operator, redacted in log.messages:
            yield Entry(name, text, at, key, to, action, fingerprint, operator, redacted), session
    except (TypeError, ValueError) as error:
        raise ValueError(f"the log of {log.room!r} cannot be read: {error}") from None


def seat_parts(seats: Iterable[Seat]) -> Iterator[Seats]:
    """Yield seats in parts."""
    some: list[Seat] = []
    for seat in seats:
        some.append(seat)
        if len(some) == _SEATS:
            yield Seats(some)
            some = []
    if some:
        yield Seats(some)
