"""All rooms of a server."""

import inspect

from pylingo.reactor.bus.redis.feeds import Feeds


def test_a_room_keeps_a_thousand_batches_unless_told_otherwise() -> None:
    assert inspect.signature(Feeds).parameters["keep"].default == 1000
