"""Which proposals have not taken effect yet."""

from pylingo.reactor.bus.redis.feed import Feed, Proposal
from pylingo.reactor.bus.redis.settling import Settling
from tests.fakes.clock import Clock
from tests.fakes.room_log import message


def propose(settling: Settling, feed: Feed, now: float) -> None:
    feed.pending.append(Proposal(message("hello"), None, now))
    settling.proposed(feed)


def test_a_callback_waits_for_what_was_proposed_before_it() -> None:
    settling = Settling(Clock())
    lobby, tea = Feed("lobby", "Lobby"), Feed("tea", "Tea")
    called: list[str] = []
    propose(settling, lobby, 1.0)
    propose(settling, tea, 1.0)
    settling.when_settled(lambda: called.append("first"))
    propose(settling, tea, 1.0)
    settling.when_settled(lambda: called.append("second"))
    settling.settled(tea, 1)
    assert called == []
    settling.settled(lobby, 1)
    assert called == ["first"]
    assert not settling.is_idle
    settling.settled(tea, 1)
    assert called == ["first", "second"]
    assert settling.is_idle
    assert settling.busy == []


def test_the_lag_is_that_of_the_oldest_proposal() -> None:
    clock = Clock(10.0)
    settling = Settling(clock)
    assert settling.lag == 0.0
    lobby, tea = Feed("lobby", "Lobby"), Feed("tea", "Tea")
    propose(settling, lobby, 8.0)
    propose(settling, tea, 9.0)
    assert settling.lag == 2.0
    settling.settled(lobby, 1)
    assert settling.lag == 1.0
