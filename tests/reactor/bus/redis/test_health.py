"""The heart of a server, and its watch over the others."""

import inspect

from pylingo.reactor.bus.redis.health import Health


def test_a_server_is_given_up_after_ten_seconds_unless_told_otherwise() -> None:
    assert inspect.signature(Health).parameters["patience"].default == 10.0
