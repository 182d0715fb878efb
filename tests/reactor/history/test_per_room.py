"""What is remembered of each room: how many, and which is forgotten first."""

from pylingo.reactor.history.per_room import PerRoom
from pylingo.reactor.history.topics import StoredTopic


def topic(at: int) -> StoredTopic:
    return StoredTopic(f"topic {at}", "ada", at)


def test_a_topic_is_set_replaced_and_cleared():
    known = PerRoom[StoredTopic]()
    assert known.get("tea") is None
    known.set("tea", topic(1))
    known.set("tea", topic(2))
    assert known.get("tea") == topic(2)
    assert len(known) == 1
    known.set("tea", None)
    known.set("coffee", None)
    assert (known.get("tea"), len(known)) == (None, 0)


def test_the_topic_set_longest_ago_is_forgotten():
    known = PerRoom[StoredTopic](most=3)
    for at, room in enumerate("abcad"):
        known.set(room, topic(at))
    assert [room for room, _ in known] == ["c", "a", "d"]


def test_the_topic_of_a_room_that_somebody_is_in_is_not_forgotten():
    known = PerRoom[StoredTopic](most=3)
    for at, room in enumerate("abc"):
        known.set(room, topic(at))
    known.occupied("a")
    assert known.set("d", topic(3)) == ["b"]
    assert known.set("e", topic(4)) == ["c"]
    assert known.get("a") == topic(0)
    known.emptied("a")
    assert [known.set(room, topic(9)) for room in "fgh"] == [["d"], ["e"], ["a"]]
    for room in "ijkl":
        known.occupied(room)
        known.set(room, topic(10))
    assert [room for room, _ in known] == list("ijkl"), "all of them are in use"
    known.set("i", None)
    known.emptied("j")
    assert [room for room, _ in known] == list("jkl")
