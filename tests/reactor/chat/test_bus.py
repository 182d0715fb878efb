"""Every bus has all methods of the protocol, with the parameters under the same names."""

import inspect

import pytest

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.bus.redis.bus import RedisBus
from pylingo.reactor.chat.bus import Bus

METHODS = [name for name, value in vars(Bus).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("bus", [LocalBus, RedisBus])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_parameters_of_the_protocol(name: str, bus: type) -> None:
    expected = list(inspect.signature(getattr(Bus, name)).parameters)
    assert list(inspect.signature(getattr(bus, name)).parameters) == expected


def test_the_protocol_has_methods() -> None:
    assert {"enter", "left", "rename", "speak", "speak_privately", "redact", "kick"} <= set(METHODS)
