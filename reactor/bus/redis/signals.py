"""Signals between the servers of a cluster: short messages on the channel of one server, or of all.

They carry what needs no place in the order of a room. A server that is cut off from Redis misses them.
"""

from collections.abc import Callable
from typing import Any

import msgpack

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.questions import Questions
from pylingo.reactor.bus.redis.sessions import one

ALL = "all"
"""The channel of all servers."""

_pack = msgpack.Packer(use_bin_type=True).pack

type Handler = Callable[..., object]


class Signals:
    """See the module. `private(at, value)` gets the private messages, which come on the channel of this server."""

    def __init__(self, questions: Questions, keys: Keys, private: Callable[[int, bytes], object]) -> None:
        self._questions = questions
        self._keys = keys
        self._private = private
        self._handlers: dict[str, Handler] = {}
        self._channels: dict[bytes, None] = {}

    def on(self, kind: str, handler: Handler) -> None:
        """Call `handler` with the values of each signal of a kind."""
        self._handlers[kind] = handler

    def follow(self, server: int, tell: Callable[..., object]) -> None:
        """Subscribe, with `tell`, to the signals for the server with that number. Call it on each connection."""
        names = [self._keys.channel(0, rest) for rest in (ALL, _channel_of(server))]
        self._channels = dict.fromkeys(name.encode() for name in names)
        for name in names:
            tell("SSUBSCRIBE", name)

    def send_all(self, kind: str, *values: Any) -> None:
        """Signal all servers, this one included."""
        self._send(ALL, lambda receivers: None, kind, *values)

    def send(self, server: int, received: Callable[[int], object], kind: str, *values: Any) -> None:
        """Signal one server. `received` gets how many have got it: 0 if the server is not connected to Redis."""
        self._send(_channel_of(server), received, kind, *values)

    def pushed(self, channel: bytes, data: bytes) -> bool:
        """Take a message of a channel. Return whether it was a signal or a private message."""
        if channel not in self._channels:
            return False
        if data[:1].isdigit():
            stamp, _, value = data.partition(b" ")
            self._private(int(stamp), value)
        else:
            kind, *values = msgpack.unpackb(data)
            if (handler := self._handlers.get(kind)) is not None:  # a newer server may know more kinds
                handler(*values)
        return True

    def _send(self, channel: str, received: Callable[[int], object], kind: str, *values: Any) -> None:
        command = ("SPUBLISH", self._keys.channel(0, channel), _pack([kind, *values]))
        self._questions.ask(0, one(*command), received)


def _channel_of(server: int) -> str:
    return f"srv:{server}"
