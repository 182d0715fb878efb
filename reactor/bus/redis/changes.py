"""The changes that a batch makes in the keys of a room besides its stream: members, topic and charter. Pure.

The functions in Redis cannot compare names as servers do, so the value of a member includes the compared name.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgpack

from pylingo.reactor.bus.redis.blob import Part, Run, events_in
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.history.charter import LOGGED, ON, Charter, operator_field
from pylingo.reactor.history.topics import StoredTopic

_pack = msgpack.Packer(use_bin_type=False).pack  # Redis's own reader of MessagePack knows no bin


def pack_member(member: Member) -> bytes:
    """The value of a member in Redis."""
    packed: bytes = _pack([*member, member.key])
    return packed


def read_members(flat: Sequence[bytes]) -> dict[int, Member]:
    """The members in the reply to HGETALL of a room's members, as a function returns it: keys and values in turn."""
    return {
        int(number): Member(*msgpack.unpackb(value)[:3]) for number, value in zip(flat[::2], flat[1::2], strict=True)
    }


def pack_topic(topic: StoredTopic | None) -> bytes:
    """The value of a topic in Redis; empty if there is none."""
    packed: bytes = _pack([topic.text, topic.by, topic.at]) if topic is not None else b""
    return packed


def read_topic(value: bytes) -> StoredTopic | None:
    """The topic in its value in Redis."""
    return StoredTopic(*msgpack.unpackb(value)) if value else None


def pack_charter(charter: Charter) -> bytes:
    """The charter as `restore` takes it: fields and values in turn."""
    packed: bytes = _pack([part for pair in charter.fields.items() for part in pair])
    return packed


def read_charter(flat: Sequence[bytes]) -> Charter:
    """The charter in the reply to HGETALL, as a function returns it: fields and values in turn."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return Charter({name.decode(): value.decode() for name, value in pairs})


def founder(number: int, name: str, fingerprint: str | None) -> tuple[str, str]:
    """The field and the value of the charter with which a session makes an empty room its own."""
    return operator_field(fingerprint or number), name


def pack_changes(parts: Sequence[Part], is_logged: bool) -> bytes:
    """The changes that the function `commit` makes for these parts of a batch; empty if there are none.

    `is_logged` is whether Redis knows already that the room has a log.
    """
    changes = list(_changes(parts))
    if not is_logged and any(isinstance(part, Run) for part in parts):
        changes.insert(0, ["charter", LOGGED, ON])
    packed: bytes = _pack(changes) if changes else b""
    return packed


def _changes(parts: Sequence[Part]) -> Iterable[list[Any]]:
    for index, part in enumerate(parts):
        if part.op is None:  # most are messages
            continue
        match part.op:
            case ["join", number, name, fingerprint, operator]:
                member = pack_member(Member(name, fingerprint, operator))
                yield ["set", str(number), member, *founder(number, name, fingerprint)]
            case ["rename", number, name, fingerprint, operator]:
                yield ["change", str(number), pack_member(Member(name, fingerprint, operator))]
            case ["leave", number, *_]:
                yield ["out", str(number)]
            case ["charter", fields, _]:
                for field, value in fields.items():
                    yield ["charter", field, value if value is not None else False]
            case ["topic", text, by]:
                yield ["topic", text if text is not None else False, by, events_in(parts[index + 1 :])]
