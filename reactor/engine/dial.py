"""Non-blocking connects that race the addresses of a host, as in RFC 8305 (Happy Eyeballs).

The next address is tried when the one before has failed, or has not answered within 250 ms. The first that connects
wins, and the other attempts are closed. So a dead address costs a quarter of a second.
"""

import errno
import itertools
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.reactor.engine.loop import EVENT_WRITE, Reactor
from pylingo.reactor.engine.timers import Timer

TIMEOUT = 10.0
"""Seconds for one address."""
ATTEMPT_DELAY = 0.25
"""Seconds without an answer after which the next address is tried as well (RFC 8305, section 5)."""
TCP_TIMEOUT = 30.0
"""Seconds without an acknowledgement after which the system gives a connection up."""
LOOK_UP_TIMEOUT = 30.0
"""Seconds for looking a name up. glibc itself gives up after 10 s for each name server."""

Target = tuple[socket.AddressFamily, tuple[Any, ...] | str]
"""The family and the address of a socket: a path for a Unix socket."""


def resolve(host: str, port: int, flags: int = 0) -> list[Target]:
    """The addresses of `host`, best first, families alternating. `flags` are those of `getaddrinfo`.

    Raises `OSError`. Blocks while the system looks the name up; a `Resolver` does not.
    """
    if _is_ipv4(host):  # `getaddrinfo` would import the codec of domain names first, which takes 5 ms at each start
        return [(socket.AF_INET, (host, port))]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    return alternate([(family, address) for family, _, _, _, address in found])


def _is_ipv4(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


def alternate(targets: Sequence[Target]) -> list[Target]:
    """The same addresses with alternating families, beginning with that of the first."""
    families: dict[socket.AddressFamily, list[Target]] = {}
    for target in targets:
        families.setdefault(target[0], []).append(target)
    turns = itertools.zip_longest(*families.values())
    return [target for turn in turns for target in turn if target is not None]


class Resolver:
    """Looks up the addresses of a host, each time anew, and a name in a thread, so that the loop does not wait.

    There is at most one thread. While it is busy, a later request waits for the same look-up. `arrange` returns the
    order in which to try the addresses, by default the system's.
    """

    def __init__(
        self,
        reactor: Reactor,
        host: str,
        port: int,
        arrange: Callable[[Sequence[Target]], Sequence[Target]] = lambda found: found,
    ) -> None:
        self._arrange = arrange
        self._reactor = reactor
        self._host, self._port = host, port
        self._answer: Callable[[Sequence[Target] | OSError], object] | None = None
        self._is_busy = False

    def resolve(self, answer: Callable[[Sequence[Target] | OSError], object]) -> None:
        """Call `answer` later with the addresses or the error. An earlier request is no longer answered."""
        self._answer = answer
        if self._is_busy:
            return
        self._is_busy = True
        try:
            self._reactor.call_soon(self._found, resolve(self._host, self._port, socket.AI_NUMERICHOST))
        except OSError:  # it is a name
            try:
                threading.Thread(target=self._look_up, name="resolver", daemon=True).start()
            except RuntimeError as error:
                self._reactor.call_soon(self._found, OSError(errno.EAGAIN, str(error)))

    def _look_up(self) -> None:
        """In the thread."""
        try:
            found: Sequence[Target] | OSError = resolve(self._host, self._port)
        except OSError as error:
            found = error
        self._reactor.call_from_thread(self._found, found)

    def _found(self, found: Sequence[Target] | OSError) -> None:
        self._is_busy = False
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(found if isinstance(found, OSError) else self._arrange(found))


class Dial:
    """Connects to the first address that answers, of a list or of a `Resolver`'s result.

    Calls `connected(sock)` or, with the last error, `failed(error)`, once, never from within the constructor; nothing
    after `cancel`.
    """

    def __init__(
        self,
        reactor: Reactor,
        where: Sequence[Target] | Resolver,
        connected: Callable[[socket.socket], object],
        failed: Callable[[OSError], object],
        timeout: float = TIMEOUT,
    ) -> None:
        self.target: Target | None = None
        """The address that has answered."""
        self._reactor = reactor
        self._connected = connected
        self._failed = failed
        self._timeout = timeout
        self._targets: list[Target] = []
        self._attempts: set[_Attempt] = set()
        self._error = OSError(errno.EADDRNOTAVAIL, "no address")
        self._timer: Timer | None = None
        self._is_over = False
        if isinstance(where, Resolver):
            where.resolve(self._resolved)
            hung = TimeoutError(errno.ETIMEDOUT, "the name was not found in time")
            self._timer = reactor.call_later(LOOK_UP_TIMEOUT, self._resolved, hung)
        else:
            reactor.call_soon(self._resolved, where)

    def cancel(self) -> None:
        """Give up, and call nothing."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        attempts, self._attempts = self._attempts, set()
        for attempt in attempts:
            attempt.end().close()

    def _resolved(self, found: Sequence[Target] | OSError) -> None:
        if isinstance(found, OSError):
            self._error = found
        else:
            self._targets.extend(found)
        self._next()

    def _next(self) -> None:
        """Try the next address, or fail if there is none."""
        if self._is_over:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._targets:
            try:
                self._attempts.add(_Attempt(self, self._reactor, self._targets.pop(0), self._timeout))
            except OSError as error:
                self._error = error
                self._reactor.call_soon(self._next)
                return
            if self._targets:
                self._timer = self._reactor.call_later(ATTEMPT_DELAY, self._next)
        elif not self._attempts:
            self._is_over = True
            self._failed(self._error)

    def ended(self, attempt: "_Attempt", error: OSError | None) -> None:
        """`attempt` has connected, or failed with `error`."""
        self._attempts.remove(attempt)
        sock = attempt.end()
        if error is None:
            self.cancel()
            self.target = attempt.target
            self._connected(sock)
        else:
            sock.close()
            self._error = error
            self._next()


class _Attempt:
    """A connect to one address. Raises `OSError` if it fails at once."""

    __slots__ = ("_dial", "_reactor", "_sock", "_timer", "target")

    def __init__(self, dial: Dial, reactor: Reactor, target: Target, timeout: float) -> None:
        self.target = target
        self._dial = dial
        self._reactor = reactor
        family, address = target
        self._sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._sock.setblocking(False)
            code = self._sock.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            reactor.register(self._sock.fileno(), EVENT_WRITE, self)
        except OSError:
            self._sock.close()
            raise
        self._timer = reactor.call_later(timeout, dial.ended, self, TimeoutError(errno.ETIMEDOUT, "no answer"))

    def end(self) -> socket.socket:
        """Wait no longer; the socket is the caller's now."""
        self._timer.cancel()
        self._reactor.unregister(self._sock.fileno())
        return self._sock

    def handle(self, mask: int) -> None:
        """The connect has succeeded or failed."""
        if self._sock.fileno() >= 0:  # otherwise another attempt has won in this very tick
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._dial.ended(self, OSError(code, os.strerror(code)) if code else None)

    def fail(self, error: Exception) -> None:
        """`connected` or `failed` raised: the caller's bug, and the socket is the caller's."""
        self._dial.cancel()


def enable_keepalive(sock: socket.socket, timeout: float = TCP_TIMEOUT) -> None:
    """Send without delay, and notice within about `timeout` seconds that a peer cannot be reached.

    Keepalive never notices a dead link with data in flight, and the user timeout never notices an idle one, so both
    are set. An accepted socket inherits all options from its listening socket. A Unix socket needs none of this.
    """
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", max(1, round(timeout))),
        ("TCP_KEEPINTVL", max(1, round(timeout / 3))),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", round(timeout * 1e3)),
    ):
        if number := getattr(socket, name, None):  # not every system has them all
            sock.setsockopt(socket.IPPROTO_TCP, number, value)
