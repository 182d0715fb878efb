"""Messages with keys on their way, and those that wait for them."""

from pylingo.reactor.bus.redis.blob import Author
from pylingo.reactor.bus.redis.pending_keys import PendingKeys

ADA, BEN = Author(1, "ada"), Author(2, "ben")


def test_a_message_is_found_by_its_session_and_by_its_name_until_it_is_removed() -> None:
    pending: PendingKeys[str] = PendingKeys()
    pending.add("tea", "k", ADA)
    assert pending.find("tea", "k", 1, "x", ()) == pending.find("tea", "k", 9, "ada", ()) == ADA
    for log, key, session, name, others in (
        ("rum", "k", 1, "ada", ()),
        ("tea", "l", 1, "ada", ()),
        ("tea", "k", 9, "ben", ()),
        ("tea", "k", 9, "ada", (1,)),
    ):
        assert pending.find(log, key, session, name, others) is None
    assert pending.remove("tea", ["k"], 2) == []
    assert pending.find("tea", "k", 1, "ada", ()) == ADA
    assert pending.remove("tea", ["a", "k"], 1) == []
    assert pending.find("tea", "k", 1, "ada", ()) is None


def test_those_that_wait_get_the_place_of_their_key() -> None:
    pending: PendingKeys[str] = PendingKeys()
    for key in ("a", "b", "c"):
        pending.add("tea", key, ADA)
    pending.wait("tea", "c", ADA, "one")
    pending.wait("tea", "c", ADA, "two")
    assert pending.remove("tea", ["a", "b", "c"], 1) == [(2, "one"), (2, "two")]
    assert pending.remove("tea", ["c"], 1) == []


def test_several_may_have_one_key_and_each_is_waited_for() -> None:
    pending: PendingKeys[str] = PendingKeys()
    pending.add("tea", "k", ADA)
    pending.add("tea", "k", BEN)
    pending.wait("tea", "k", ADA, "ada's")
    pending.wait("tea", "k", BEN, "ben's")
    assert pending.remove("tea", ["k"], 1) == [(0, "ada's")]
    assert pending.find("tea", "k", 1, "ada", ()) is None
    assert pending.remove("tea", ["k"], 2) == [(0, "ben's")]
    assert pending.find("tea", "k", 2, "ben", ()) is None
