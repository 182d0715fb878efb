"""Telling systemd how the server is: ready, reloading, stopping, alive.

The protocol is that of sd_notify(3): lines in a datagram to the Unix socket that `NOTIFY_SOCKET` names. A server whose
environment has no such variable sends nothing and has no timer.
"""

import collections
import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping

from pylingo.reactor.engine.loop import Reactor

logger = logging.getLogger(__name__)

_RETRY = 0.1  # seconds until another attempt, while systemd does not read
_MOST_WAITING = 16  # datagrams; the oldest of more is dropped


class Notifier:
    """Sends the states of this process to the socket that `environment` names, if there is one.

    The loop of `reactor` feeds the watchdog from `ready` on, twice in each `WATCHDOG_USEC`: a loop that stands still
    feeds it no more. `WATCHDOG_PID` names the process that is watched; a program that starts this one as its successor
    removes the variable. Nothing is ever waited for.
    """

    def __init__(self, reactor: Reactor, environment: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._address = _socket_address(environment.get("NOTIFY_SOCKET", ""))
        self._sock: socket.socket | None = None
        self._waiting: collections.deque[bytes] = collections.deque(maxlen=_MOST_WAITING)
        self._interval = _watchdog_interval(environment)
        self._is_fed = False
        self._is_stopping = False
        self._is_failing = False
        if self._address:
            self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sock.setblocking(False)

    @property
    def is_active(self) -> bool:
        """Whether there is a socket to tell."""
        return self._sock is not None

    def ready(self, status: str = "") -> None:
        """People may come, or the reload is over. Names this process as the main one of its unit."""
        if self._is_stopping:
            return
        self._send("READY=1", f"MAINPID={os.getpid()}", *_status(status))
        if self._interval and self.is_active and not self._is_fed:
            self._is_fed = True
            self._feed()

    def reloading(self, status: str = "") -> None:
        """A reload begins. `ready` says that it is over."""
        if not self._is_stopping:
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1_000}", *_status(status))

    def stopping(self, status: str = "") -> None:
        """The server stops. Nothing but `status` is sent after this, and the watchdog is fed."""
        self._is_stopping = True
        self._send("STOPPING=1", *_status(status))

    def status(self, status: str) -> None:
        """Say in a few words what the server does."""
        self._send(*_status(status))

    def close(self) -> None:
        """Send no more."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _feed(self) -> None:
        if self._sock is None:
            return
        if not self._waiting:  # something that waits says as much
            self._send("WATCHDOG=1")
        self._reactor.call_later(self._interval, self._feed)

    def _send(self, *lines: str) -> None:
        if self._sock is None:
            return
        self._waiting.append("\n".join(lines).encode())
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._waiting and self._sock is not None:
            try:
                self._sock.sendto(self._waiting[0], self._address)
            except BlockingIOError:
                self._reactor.call_later(_RETRY, self._flush)
                return
            except OSError as error:
                if not self._is_failing:
                    logger.warning("cannot notify systemd at NOTIFY_SOCKET: %s", error.strerror)
                self._is_failing = True
            else:
                self._is_failing = False
            self._waiting.popleft()


def _socket_address(name: str) -> str:
    """The address of a Unix socket as `sendto` wants it: a path, or an abstract name behind `@`."""
    if name and name[0] not in "/@":
        logger.warning("NOTIFY_SOCKET is ignored: it must begin with / or @, not be %r", name)
        return ""
    return "\0" + name[1:] if name.startswith("@") else name


def _watchdog_interval(environment: Mapping[str, str]) -> float:
    """Return the seconds between two feedings, which are half of those that systemd waits; 0 for no watchdog."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    with contextlib.suppress(ValueError):
        return max(0, int(environment.get("WATCHDOG_USEC", "0"))) / 2e6
    return 0.0


def _status(status: str) -> list[str]:
    return [f"STATUS={status}".replace("\n", " ")] if status else []
