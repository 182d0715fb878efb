"""One room on a server."""

from pylingo.reactor.bus.redis.blob import encode_batch
from pylingo.reactor.bus.redis.feed import Arrival, Feed, FeedState, Proposal, in_place
from tests.fakes.room_log import join, message


def test_a_new_feed_is_being_opened() -> None:
    feed = Feed("lobby", "Lobby")
    assert (feed.key, feed.name, feed.head, feed.state) == ("lobby", "Lobby", 0, FeedState.OPENING)
    assert len(feed.roll) == 0


def test_each_proposal_begins_behind_the_events_of_those_before() -> None:
    several = message("one")
    several.add(several.bodies[0])
    proposals = [Proposal(part, None, 0.0) for part in (join(1, "ann"), several, message("two"))]
    assert [(at, proposal.part.count) for at, proposal in in_place(proposals, 9)] == [(6, 1), (7, 2), (9, 1)]


def test_a_large_batch_follows_its_stamps() -> None:
    feed, batch = Feed("lobby", "Lobby", state=FeedState.OPEN), encode_batch(1, 1, [message("hi")])
    pushes = (b"0 6 " + batch, b"6 7", batch, batch)  # nothing has announced the last one
    assert [feed.hear_push(push) for push in pushes] == [False] * 4
    assert list(feed.ready) == [Arrival(0, 6, pushes[0], 4), Arrival(6, 7, batch)]
    assert feed.hear_push(b"8 9 " + batch)  # one is missing


def test_every_event_that_has_not_taken_effect_waits() -> None:
    feed = Feed("lobby", "Lobby")
    several = message("one")
    several.add(several.bodies[0])
    feed.pending = [Proposal(several, None, 0.0), Proposal(join(1, "ann"), None, 0.0)]
    assert feed.waiting == 3
