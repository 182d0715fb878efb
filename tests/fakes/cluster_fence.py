"""Knowing when the servers of a cluster have done everything that they were asked to do, and know it of each other."""

import itertools
import socket
from typing import Any

import hiredis
import msgpack

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.settings import parse_redis_address

_US = 2**31  # a number that no server has
_ROUNDS = 6
_asks = itertools.count(1)


class ClusterFence:
    """Asks the servers of the cluster `name`, on the Redis at the address `url`, to answer through Redis. `fence()`.

    A server that is asked for a session that nobody has says at once that it has given it away. It answers in a tick in
    which it reads what its peers have sent, and after everything that Redis published before. In two rounds, a deed
    takes one step at least: in the first, a server may be about to send it. Coming to a new room takes three steps,
    and no deed more.
    """

    def __init__(self, url: str, name: str, deadline: float) -> None:
        self._keys = Keys(name)
        path = parse_redis_address(url).path
        self._calls, self._ears = _Connection(path, deadline), _Connection(path, deadline)
        self._ears.call("SSUBSCRIBE", self._keys.channel(0, f"srv:{_US}"))

    def __call__(self) -> None:
        servers = self._calls.call("HKEYS", self._keys.key(0, "servers"))
        for _ in range(_ROUNDS):
            asked = {ask for server in servers if (ask := self._ask(server)) is not None}
            while asked:
                _, _, data = self._ears.read()
                asked.discard(msgpack.unpackb(data)[1])

    def _ask(self, server: bytes) -> int | None:
        """Ask a server; None if it does not run."""
        ask = next(_asks)
        question = msgpack.packb(["give", 0, _US, ask])
        return ask if self._calls.call("SPUBLISH", self._keys.channel(0, f"srv:{server.decode()}"), question) else None

    def close(self) -> None:
        self._calls.sock.close()
        self._ears.sock.close()


class _Connection:
    """A blocking connection to the socket of a Redis."""

    def __init__(self, path: str, deadline: float) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(deadline)
        self.sock.connect(path)
        self._reader = hiredis.Reader(notEnoughData=...)

    def call(self, *args: bytes | str) -> Any:
        self.sock.sendall(hiredis.pack_command(args))
        return self.read()

    def read(self) -> Any:
        while (reply := self._reader.gets()) is ...:
            data = self.sock.recv(65_536)
            if not data:
                raise ConnectionResetError("Redis closed the connection")
            self._reader.feed(data)
        return reply
