"""What a room becomes once everything that has come has taken effect."""

from collections.abc import Sequence
from typing import Any

from pylingo.reactor.bus.redis.blob import Event, Part, encode_batch
from pylingo.reactor.bus.redis.feed import Arrival, Feed, Gap, Reading
from pylingo.reactor.bus.redis.foresight import foresee
from pylingo.reactor.bus.redis.roll import Member
from pylingo.reactor.history.charter import LOGGED, NONE, ON, Charter
from pylingo.reactor.history.topics import StoredTopic
from tests.fakes.room_log import join, leave, message

ANN, BOB = Member("ann", None, None), Member("bob", None, None)


def feed_with(*batches: Sequence[Part]) -> Feed:
    feed = Feed("lobby", "Lobby")
    feed.roll.add(1, ANN)
    feed.charter = Charter({LOGGED: ON})
    for count, events in enumerate(batches):
        feed.take(Arrival(10 * count, 10 * (count + 1), encode_batch(2, count, events)))
    return feed


def op(*parts: Any) -> Event:
    return Event(op=list(parts))


def test_nothing_waits() -> None:
    feed = feed_with()
    assert foresee(feed) == Reading("Lobby", 0, {1: ANN}, None, feed.charter)


def test_members_topic_and_charter_are_those_after_what_waits() -> None:
    feed = feed_with(
        [join(2, "bob"), op("topic", "tea time", "bob")],
        [message("hi"), leave(1), op("rename", 2, "rob", None, None), op("rename", 9, "nobody", None, None)],
        [op("charter", {"topic-lock": ON}, b""), op("away", 2, "lunch")],
    )
    room = foresee(feed)
    assert (room.head, room.members) == (30, {2: Member("rob", None, None)})
    assert room.topic == StoredTopic("tea time", "bob", 10)
    assert room.charter == Charter({LOGGED: ON, "topic-lock": ON})
    assert feed.roll.get(1) == ANN, "the feed itself is as before"


def test_an_empty_room_without_a_log_gets_an_owner_and_loses_it() -> None:
    feed = feed_with([leave(1), join(2, "bob")])
    feed.charter = NONE
    assert foresee(feed).charter.fields
    feed.take(Arrival(10, 20, encode_batch(2, 9, [leave(2)])))
    assert (foresee(feed).members, foresee(feed).charter) == ({}, NONE)
    feed.take(Arrival(20, 30, encode_batch(2, 10, [message("hi")])))
    assert LOGGED in foresee(feed).charter.fields


def test_what_was_read_after_a_gap_counts() -> None:
    feed = feed_with()
    feed.ready += [Gap(0, 40), Reading("Lobby", 50, {2: BOB}, None, NONE)]
    feed.take(Arrival(50, 60, encode_batch(2, 1, [join(3, "cat")])))
    assert foresee(feed).members == {2: BOB, 3: Member("cat", None, None)}
    assert isinstance(feed.ready[1], Reading)
    assert feed.ready[1].members == {2: BOB}
