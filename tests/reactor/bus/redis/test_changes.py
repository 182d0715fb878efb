"""What a batch changes in the keys of a room."""

import msgpack

from pylingo.reactor.bus.redis.blob import Author, Event, Run
from pylingo.reactor.bus.redis.changes import (
    pack_changes,
    pack_charter,
    pack_member,
    pack_topic,
    read_charter,
    read_members,
    read_topic,
)
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.history.charter import LOGGED, ON, Charter
from pylingo.reactor.history.topics import StoredTopic

ANN = Member("Ann", "f1", True)

WORDS = Run(Author(1, "ann"), bodies=[b"frame", b"frame"])


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
    assert pack_changes([WORDS], True) == b""
    assert pack_changes([Event(op=["away", 1, "tea"])], False) == b""


def test_changes_come_in_the_order_of_the_events() -> None:
    events = [
        Event(op=["join", 1, "Ann", "f1", True]),
        WORDS,
        Event(op=["topic", "tea", "Ann"]),
        Event(op=["rename", 1, "Bob", None, None]),
        Event(op=["leave", 1, "leave", None, None]),
        Event(op=["topic", None, "Ann"]),
    ]
    assert msgpack.unpackb(pack_changes(events, True), raw=True) == [
        [b"set", b"1", pack_member(ANN), b"operator f1", b"Ann"],
        [b"topic", b"tea", b"Ann", 3],
        [b"change", b"1", pack_member(Member("Bob"))],
        [b"out", b"1"],
        [b"topic", False, b"Ann", 0],
    ]


def test_a_charter() -> None:
    charter = Charter({"operator 7": "Zoë", "topic-lock": "1"})
    assert read_charter(msgpack.unpackb(pack_charter(charter), raw=True)) == charter
    assert msgpack.unpackb(pack_charter(Charter())) == []


def test_the_first_message_of_a_room_makes_its_log_known() -> None:
    events = [WORDS, Event(op=["leave", 1, "leave", None, None])]
    assert msgpack.unpackb(pack_changes(events, False)) == [["charter", LOGGED, ON], ["out", "1"]]
    assert msgpack.unpackb(pack_changes(events, True)) == [["out", "1"]]
    assert pack_changes([Event(b"frame")], False) == b""


def test_the_fields_of_a_charter_are_set_and_taken_out() -> None:
    event = Event(op=["charter", {"operator 7": "ann", "operator 8": None}, b"frame"])
    assert msgpack.unpackb(pack_changes([event], True)) == [
        ["charter", "operator 7", "ann"],
        ["charter", "operator 8", False],
    ]
