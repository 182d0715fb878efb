"""The finder of one server."""

from pylingo.reactor.bus.redis.finder import FixedFinder
from pylingo.reactor.bus.redis.layout import whole
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import FinderLog

PLACE = Place("h", 1)


def test_it_finds_what_is_given_in_the_next_tick(reactor: Reactor) -> None:
    log = FinderLog()
    finder = FixedFinder(reactor, PLACE, log)
    finder.seek()
    finder.seek()
    assert log.layouts == []
    reactor.tick(0)
    assert log.layouts == [whole(PLACE)]
    finder.seek()
    reactor.tick(0)
    assert len(log.layouts) == 2


def test_nothing_is_found_after_closing(reactor: Reactor) -> None:
    log = FinderLog()
    finder = FixedFinder(reactor, PLACE, log)
    finder.seek()
    finder.close()
    reactor.tick(0)
    assert log.layouts == []
