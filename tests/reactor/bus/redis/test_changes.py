"""What a batch changes in the keys of a room."""

import msgpack

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.changes import pack_changes, pack_member, pack_topic, read_members, read_topic
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.history.topics import StoredTopic

ANN = Member("Ann", "f1", True)


def test_a_member_has_its_compared_name() -> None:
    assert msgpack.unpackb(pack_member(ANN)) == ["Ann", "f1", True, "ann"]


def test_members_are_read() -> None:
    bob = Member("bob")
    assert read_members([b"1", pack_member(ANN), b"2", pack_member(bob)]) == {1: ANN, 2: bob}


def test_a_topic() -> None:
    topic = StoredTopic("tea", "ann", 5)
    assert read_topic(pack_topic(topic)) == topic
    assert read_topic(pack_topic(None)) is None


def test_messages_change_nothing() -> None:
    assert pack_changes([Event(b"frame", is_message=True)]) == b""
    assert pack_changes([Event(op=["away", 1, "tea"])]) == b""


def test_changes_come_in_the_order_of_the_events() -> None:
    events = [
        Event(op=["join", 1, "Ann", "f1", True]),
        Event(b"frame", is_message=True),
        Event(op=["topic", "tea", "Ann"]),
        Event(op=["rename", 1, "Bob", None, None]),
        Event(op=["leave", 1, "leave", None, None]),
        Event(op=["topic", None, "Ann"]),
    ]
    assert msgpack.unpackb(pack_changes(events), raw=True) == [
        [b"set", b"1", pack_member(ANN)],
        [b"topic", b"tea", b"Ann", 3],
        [b"change", b"1", pack_member(Member("Bob"))],
        [b"out", b"1"],
        [b"topic", False, b"Ann", 0],
    ]
