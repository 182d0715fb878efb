"""A link that is made again."""

from typing import Any

from pylingo.reactor.bus.redis.lasting_link import LastingLink
from pylingo.reactor.bus.redis.link import Greeting, RedisError
from pylingo.reactor.bus.redis.place import Place
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import answered, settle, turn_until
from tests.redis_server import RedisProcess


class Owner:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def link_up(self, lasting: LastingLink) -> None:
        self.heard.append("up")

    def link_down(self, lasting: LastingLink, why: str) -> None:
        self.heard.append("down")

    def link_pushed(self, lasting: LastingLink, channel: bytes, data: bytes) -> None:
        self.heard.append(f"{channel!r} {data!r}")

    def link_refused(self, lasting: LastingLink, error: RedisError) -> None:
        self.heard.append(error.code)


def test_it_is_made_again_until_it_is_closed(reactor: Reactor, redis: RedisProcess) -> None:
    owner = Owner()
    lasting = LastingLink(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: owner.heard == ["up"])
    first = lasting.link
    redis.kill()
    turn_until(reactor, lambda: owner.heard.count("down") > 1)
    redis.start()
    turn_until(reactor, lambda: owner.heard[-1] == "up")
    assert lasting.link is not first
    assert answered(reactor, lasting.link, "PING") == b"PONG"
    lasting.link.tell("SSUBSCRIBE", "a")
    answered(reactor, lasting.link, "SPUBLISH", "a", "1")
    answered(reactor, lasting.link, "INCR")
    turn_until(reactor, lambda: owner.heard[-2:] == ["b'a' b'1'", "ERR"])
    lasting.close()
    count = len(owner.heard)
    settle(reactor)
    assert (len(owner.heard), reactor.pending_timers) == (count, 0)


def test_the_pauses_double_up_to_a_second_until_it_is_up(reactor: Reactor, redis: RedisProcess) -> None:
    redis.kill()
    delays: list[float] = []
    later = reactor.call_later

    def call_later(delay: float, callback: Any, *args: Any, **more: Any) -> Any:
        if getattr(callback, "__self__", None) is lasting:
            delays.append(delay)
            delay = 0.0
        return later(delay, callback, *args, **more)

    reactor.call_later = call_later  # type: ignore[method-assign]
    owner = Owner()
    lasting = LastingLink(reactor, Place(path=redis.path), Greeting(), owner)
    turn_until(reactor, lambda: len(delays) >= 8)
    assert delays[:8] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    redis.start()
    turn_until(reactor, lambda: owner.heard[-1] == "up")
    delays.clear()
    redis.kill()
    turn_until(reactor, lambda: delays)
    assert delays[0] == 0.05
    lasting.close()
