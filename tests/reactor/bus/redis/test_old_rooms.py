"""Old rooms as commands: what a server reads of them later."""

from pylingo.reactor.bus.redis.blob import read_batch
from pylingo.reactor.bus.redis.changes import read_topic
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.old_rooms import EXPIRY, room_commands
from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.messages import Entry
from tests.fakes.people import fingerprint

ENTRIES = [
    Entry("ada", "hello", 1_000),
    Entry("bob", "waves", 1_007, action=True),
    Entry("ada", "signed", 2_000, fingerprint=fingerprint(1), operator=True),
    Entry("eve", "", 3_000, redacted=True),
    Entry("ada", "short", 3_001, key="k"),
]


def test_each_message_is_a_batch_with_its_stamp() -> None:
    commands = [*room_commands(Keys(), "tea", ENTRIES, None)]
    added = commands[: len(ENTRIES)]
    assert {command[:2] for command in added} == {("XADD", "pylingo:{0}r:tea")}
    assert [(command[2], command[6]) for command in added] == [
        ("1000-0", 0),
        ("1007-0", 1_000),
        ("2000-0", 1_007),
        ("3000-0", 2_000),
        ("3001-0", 3_000),
    ]
    read = []
    for entry, command in zip(ENTRIES, added, strict=True):
        assert isinstance(command[4], bytes)
        read += read_batch(command[4]).entries(entry.at)
    assert read == [*ENTRIES[:4], Entry("ada", "short", 3_001)]  # without the key
    assert commands[len(ENTRIES) :] == [
        ("SET", "pylingo:{0}h:tea", 3_001),
        ("EXPIRE", "pylingo:{0}r:tea", EXPIRY),
        ("EXPIRE", "pylingo:{0}h:tea", EXPIRY),
        ("HSET", "pylingo:{0}o:tea", "logged", "1"),
        ("EXPIRE", "pylingo:{0}o:tea", EXPIRY),
    ]


def test_a_topic_is_set_unless_there_is_one() -> None:
    topic = StoredTopic("leaves", "ada", 5)
    (command,) = room_commands(Keys(lanes=64), "tea", [], topic)
    assert command[0] == "SET"
    assert command[1] == Keys(lanes=64).of_room("t", "tea")
    assert isinstance(command[2], bytes)
    assert read_topic(command[2]) == topic
    assert command[3:] == ("NX", "EX", EXPIRY)


def test_a_room_without_anything_needs_no_command() -> None:
    assert [*room_commands(Keys(), "tea", [], None)] == []


def test_a_charter_comes_with_the_log_alone() -> None:
    charter = Charter({"operator SHA256:x": "ada"})
    written = [command for command in room_commands(Keys(), "tea", ENTRIES, None, charter) if command[0] == "HSET"]
    assert written == [("HSET", "pylingo:{0}o:tea", "operator SHA256:x", "ada", "logged", "1")]
    assert not [*room_commands(Keys(), "tea", [], None, charter)]
