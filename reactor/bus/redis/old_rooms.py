"""The rooms of a single server's history, as commands that put them into a cluster. Pure.

Each message becomes a batch of its own, because the stamps of old messages have gaps and those of a batch have none.
Nobody is in these rooms, so they expire unless somebody comes.
"""

from collections.abc import Iterable, Iterator

from pylingo.reactor.bus.redis.blob import PLACEHOLDER, Author, Run, encode_batch
from pylingo.reactor.bus.redis.changes import pack_topic
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Command
from pylingo.reactor.history.charter import LOGGED, NONE, ON, Charter
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.codec import encode, head_of_messages
from pylingo.shared.messages import Entry, Message

EXPIRY = 7 * 86_400
"""Seconds after which the log of an empty room expires, as in `library.lua`."""


def room_commands(
    keys: Keys, room: str, entries: Iterable[Entry], topic: StoredTopic | None, charter: Charter | None = None
) -> Iterator[Command]:
    """Yield the commands that write a room, given by its compared form, into a cluster that has no log of it.

    The entries are ascending. The keys that they were sent with are left out: the numbers of sessions begin anew.
    """
    stream, head, topics, charters = (keys.of_room(kind, room) for kind in "rhto")
    before = 0
    for entry in entries:
        yield "XADD", stream, f"{entry.at}-0", "b", _batch(room, entry), "p", before
        before = entry.at
    if before:
        yield "SET", head, before
        yield "EXPIRE", stream, EXPIRY
        yield "EXPIRE", head, EXPIRY
        fields = (charter or NONE).changed({LOGGED: ON}).fields  # without a log there is no charter either
        yield "HSET", charters, *(part for pair in fields.items() for part in pair)
        yield "EXPIRE", charters, EXPIRY
    if topic is not None:
        yield "SET", topics, pack_topic(topic), "NX", "EX", EXPIRY


def _batch(room: str, entry: Entry) -> bytes:
    marks = (entry.fingerprint, entry.operator) if entry.fingerprint is not None else None
    run = Run(Author(0, ""), marks)
    if entry.action:
        run.add(encode(Message(room, entry.from_, entry.text, PLACEHOLDER, True)))
    else:
        run.head = head_of_messages(room, entry.from_)
        run.add(entry.text.encode())
    return encode_batch(0, 0, [run.without(0) if entry.redacted else run])
