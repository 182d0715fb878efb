"""One room on a server."""

from pylingo.reactor.bus.redis.feed import Feed, FeedState


def test_a_new_feed_is_being_opened() -> None:
    feed = Feed("lobby", "Lobby")
    assert (feed.key, feed.name, feed.head, feed.state) == ("lobby", "Lobby", 0, FeedState.OPENING)
    assert len(feed.roll) == 0
