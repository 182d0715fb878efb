"""The socket in the data folder through which `pylingo-server invite` and `release` ask the running server.

One datagram is a request, one is the reply; both are JSON. Only the owner of the folder can reach the socket. Its path
must have about 100 bytes at most: that is all that the system allows for.
"""

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.shared.files import PRIVATE

_MOST = 65_536  # bytes of a request
_AT_ONCE = 16  # requests in a tick

type Answer = Callable[[dict[str, Any]], object]


class Control:
    """The server's end. `handle(request, answer)` is called with what the JSON says, and answers now or later."""

    def __init__(self, reactor: Reactor, path: str, handle: Callable[[object, Answer], object]) -> None:
        """Raises `OSError` if there can be no socket at `path`. One that a killed server has left is replaced."""
        self._reactor = reactor
        self._path = path
        self._handle = handle
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._sock.bind(path)
            os.chmod(path, PRIVATE)
            self._sock.setblocking(False)
            reactor.register(self._sock.fileno(), EVENT_READ, self)
        except BaseException:
            self._sock.close()
            raise

    def handle(self, mask: int) -> None:
        """Handle the requests that have come."""
        for _ in range(_AT_ONCE):
            try:
                data, sender = self._sock.recvfrom(_MOST)
            except OSError:  # there is none
                return
            try:
                request = json.loads(data)
            except (ValueError, RecursionError):
                request = None
            self._handle(request, partial(self._reply, sender))

    def fail(self, error: Exception) -> None:
        """Do nothing: the next request is another try."""

    def close(self) -> None:
        """Remove the socket."""
        self._reactor.unregister(self._sock.fileno())
        self._sock.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def _reply(self, sender: str | None, reply: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the command has ended
            if sender:
                self._sock.sendto(json.dumps(reply).encode(), sender)


def ask(path: str, request: dict[str, Any], timeout: float) -> dict[str, Any] | None:
    """Ask the server at `path`; return the reply, or None if no server is there.

    Raises `TimeoutError` if it does not answer in time, and `OSError`.
    """
    own = f"{os.path.abspath(path)}-{os.getpid()}"  # the server may be in another folder
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.settimeout(timeout)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(own)
            sock.bind(own)
            try:
                sock.sendto(json.dumps(request).encode(), path)
                reply: dict[str, Any] = json.loads(sock.recv(_MOST))
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
                    return None
                raise
            return reply
        finally:
            with contextlib.suppress(OSError):
                os.unlink(own)
