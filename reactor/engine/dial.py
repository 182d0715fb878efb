"""A connect that does not block: for the client, the benchmark and links to other servers."""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from reactor.engine.loop import EVENT_WRITE, Reactor
from reactor.engine.timers import Timer

TIMEOUT = 10.0
"""Seconds for one address."""

Target = tuple[socket.AddressFamily, tuple[Any, ...]]


def resolve(host: str, port: int) -> list[Target]:
    """The addresses of `host`, best first. Blocks while the system looks the name up; raises `OSError`."""
    return [(socket.AddressFamily(family), address) for family, _, _, _, address in look_up(host, port)]


def look_up(host: str | None, port: int, flags: int = 0) -> list[Any]:
    """`getaddrinfo` for TCP. Raises `OSError`, also for what can be no host's name at all."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a host's name") from None


class Dial:
    """Connects to the first of `targets` that answers, one after another.

    Calls `connected(sock)` or, with the last target's error, `failed(error)`, once, never from within the
    constructor; nothing after `cancel`.
    """

    def __init__(
        self,
        reactor: Reactor,
        targets: Sequence[Target],
        connected: Callable[[socket.socket], object],
        failed: Callable[[OSError], object],
        timeout: float = TIMEOUT,
    ) -> None:
        self._reactor = reactor
        self._targets = list(targets)
        self._connected = connected
        self._failed = failed
        self._timeout = timeout
        self._sock: socket.socket | None = None
        self._timer: Timer | None = None
        self._over = False
        reactor.call_soon(self._next, OSError(errno.EADDRNOTAVAIL, "no address"))

    def cancel(self) -> None:
        """Give up without a word."""
        self._over = True
        self._let_go(close=True)

    def handle(self, mask: int) -> None:
        """The connect is decided."""
        if self._sock is None:
            return
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._next(OSError(code, os.strerror(code)))
        else:
            self._over = True
            self._connected(self._let_go(close=False))

    def fail(self, error: Exception) -> None:
        """`connected` raised: the caller's bug, and the socket is the caller's."""
        self.cancel()

    def _next(self, error: OSError) -> None:
        if self._over:
            return
        self._let_go(close=True)
        if not self._targets:
            self._over = True
            self._failed(error)
            return
        family, address = self._targets.pop(0)
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            code = self._sock.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            self._reactor.register(self._sock.fileno(), EVENT_WRITE, self)
        except OSError as broken:
            self._reactor.call_soon(self._next, broken)
            return
        self._timer = self._reactor.call_later(self._timeout, self._next, TimeoutError(errno.ETIMEDOUT, "no answer"))

    def _let_go(self, close: bool) -> Any:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sock, self._sock = self._sock, None
        if sock is not None:
            self._reactor.unregister(sock.fileno())
            if close:
                sock.close()
        return sock
