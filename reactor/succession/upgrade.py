"""An upgrade without a break: SIGUSR2 starts the program on the disk anew, which takes over. `successor` is that side.

The old server goes on until its successor is ready. Then it stops reading, finishes the requests that it has read, and
sends its state. If that fails in any way, it goes on as if nothing had been. Otherwise it lets go of its files, and
ends all streams without a goodbye: to the clients, their connections are lost. They come back, wait in the backlog of
the sockets, which stay open all the time, and resume their sessions with the successor.
"""

import contextlib
import enum
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.chat.session import State
from pylingo.reactor.engine.loop import EVENT_READ
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.server import Server
from pylingo.reactor.succession.child import Child, own_command
from pylingo.reactor.succession.handover import Go, Ready, Restored, decode, encode
from pylingo.reactor.succession.line import LineError
from pylingo.reactor.succession.offer import make_offer
from pylingo.reactor.succession.snapshot import collect
from pylingo.shared.codec import encode as encode_frame
from pylingo.shared.messages import Goodbye

logger = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a successor has until it is ready."""
_LATE = f"the new version was not ready within {PATIENCE:g} s"
_FINISHING = 0.3  # seconds for the requests that were read, and for handshakes
_SETTLING = 2.0  # seconds until the history must have everything
_SENDING = 5.0  # seconds for the state, on both sides
_LOOK_AGAIN = 0.005  # seconds between two looks at handshakes
_COMPANY = 5.0  # seconds until the heart of a successor in a cluster must have been heard
_LISTEN_AGAIN = 0.1
_INIT = 1

_GOODBYE = encode_frame(Goodbye("shutdown", "the server is being upgraded: connect again"))
"""For clients of IRC, which cannot resume a session."""


class Phase(enum.Enum):
    """The progress of an upgrade."""

    IDLE = enum.auto()
    STARTING = enum.auto()
    """The successor starts, and this server serves."""
    FINISHING = enum.auto()
    """Nothing is read any more."""
    OVER = enum.auto()
    """The successor serves."""


class FurtherPort(Protocol):
    """A port besides those for people."""

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets."""

    def close(self) -> None:
        """Accept no more."""


class Upgrade:
    """The upgrades of `server`. `start` starts its successor, by default with the command that has started it."""

    def __init__(self, server: Server, start: Callable[[], Child] | None = None) -> None:
        self.phase = Phase.IDLE
        self._server = server
        self._start = start or partial(Child, own_command(), os.environ)
        self._child: Child | None = None
        self._timer: Timer | None = None
        self._stopped = 0.0
        self._further: list[tuple[str, FurtherPort]] = []

    def share(self, name: str, port: FurtherPort) -> None:
        """Have the successor inherit the sockets of `port` under this name, and close it then."""
        self._further.append((name, port))

    # --- the successor starts

    def request(self) -> None:
        """Begin an upgrade, or log why there is none. Call it in the loop."""
        if reason := self._why_not():
            logger.warning("no upgrade: %s", reason)
            return
        server = self._server
        further = [(name, sock) for name, port in self._further for sock in port.sockets]
        sockets, locks = [*server.admission.sockets(), *further], server.registry.locks
        offer = make_offer(server.settings, [name for name, _ in sockets], len(locks))
        descriptors = [*(sock.fileno() for _, sock in sockets), *locks]
        try:
            self._child = child = self._start()
        except OSError as error:
            logger.error("no upgrade: cannot start %s: %s", error.filename or "it", error.strerror or error)
            return
        self.phase = Phase.STARTING
        logger.info("an upgrade begins: process %d starts", child.number)
        self._timer = server.reactor.call_later(PATIENCE, self._give_up, _LATE)
        server.reactor.register(child.line.fileno(), EVENT_READ, self)
        try:
            child.line.send(encode(offer), time.monotonic() + _SENDING, descriptors)
        except LineError as error:
            self._give_up(str(error))

    def _why_not(self) -> str:
        history = self._server.hub.history
        if self.phase is not Phase.IDLE:
            return "one is under way"
        if self._server.is_draining:
            return "the server is stopping"
        if not self._server.is_open:
            return "the server is still starting"
        if os.getpid() == _INIT:
            return "process 1 cannot be replaced by another one: start a new container"
        if isinstance(history, SqliteHistory) and history.has_failed:
            return "the history file cannot be written, and messages in memory would be lost: repair that first"
        return ""

    def handle(self, mask: int) -> None:
        """The successor has said something, or has ended."""
        assert self._child is not None
        try:
            for body in self._child.line.pending():
                if decode(body) != Ready():
                    raise LineError("the new version says something unexpected")
                self._ready(self._child)
                return
        except (LineError, ValueError) as error:
            self._give_up(str(error))

    def fail(self, error: Exception) -> None:
        """End the upgrade: the error is logged."""
        self._give_up("there is a bug")

    def _ready(self, child: Child) -> None:
        """The successor can take over."""
        server = self._server
        self._cancel()
        self._stop_listening()
        if server.is_draining:
            self._give_up("the server is stopping")
        elif isinstance(server.hub.bus, LocalBus):
            self.phase = Phase.FINISHING
            self._stopped = time.monotonic()
            server.admission.hold()
            server.reactor.call_soon(self._stop_reading, child)  # what has come is read in this turn
        else:  # the successor is another server of the cluster, which has the state
            self.phase = Phase.OVER
            self._let_go(child)
            logger.info("process %d serves: handing the people over", child.number)
            self._stop_in_company(server.reactor.clock() + _COMPANY)

    def _stop_in_company(self, until: float) -> None:
        """Stop as planned as soon as the heart of the successor was heard: a server that is alone hands nobody over."""
        server = self._server
        if server.cluster is not None and server.cluster.is_alone and server.reactor.clock() < until:
            server.reactor.call_later(_LISTEN_AGAIN, self._stop_in_company, until)
        elif not server.is_draining:
            server.drain()

    # --- nothing is read. Each step may come when the upgrade has failed, and even when another one has begun.

    def _stop_reading(self, child: Child) -> None:
        if child is not self._child:
            return
        server = self._server
        for connection in server.admission.connections():
            connection.stop_reading()
        finish = _Once(partial(self._finish, child))
        self._timer = server.reactor.call_later(_FINISHING, finish)
        server.finish_requests(partial(self._await_handshakes, child, finish))

    def _await_handshakes(self, child: Child, then: Callable[[], object]) -> None:
        """Go on when those who were accepted are connections. Otherwise they would have to come again."""
        if child is self._child and len(self._server.admission.handshakes):
            self._server.reactor.call_later(_LOOK_AGAIN, self._await_handshakes, child, then)
        else:
            then()

    def _finish(self, child: Child) -> None:
        """Everything was handled, or time is up: what was not is as good as unread."""
        if child is not self._child:
            return
        self._cancel()
        self._timer = self._server.reactor.call_later(_SETTLING, self._give_up, "the history takes too long")
        self._server.hub.history.when_settled(_Once(partial(self._switch, child)))

    def _switch(self, child: Child) -> None:
        """Hand everything over. The loop stands still meanwhile, so nothing can happen that the successor misses."""
        if child is not self._child:
            return
        self._cancel()
        server = self._server
        until = time.monotonic() + _SENDING
        assert isinstance(server.hub.bus, LocalBus)
        try:
            for part in collect(server.hub, server.hub.bus, self._stopped):
                child.line.send(encode(part), until)
            if decode(child.line.receive(until)) != Restored():
                raise LineError("the new version says something unexpected")
        except (LineError, ValueError) as error:
            self._give_up(str(error))
            return
        server.let_go(server.settings.drain_timeout)
        self.phase = Phase.OVER
        with contextlib.suppress(LineError):  # if it ends now, nobody serves: our end is the best that is left
            child.line.send(encode(Go()), time.monotonic() + _SENDING)
        self._let_go(child)
        self._end_streams()
        logger.info("process %d has taken over: this one ends", child.number)
        server.leave()

    def _end_streams(self) -> None:
        """End all streams without a goodbye. What is queued for a connection is sent."""
        for session in self._server.hub.sessions():
            if session.state is State.ATTACHED:
                session.detach("upgrade", _GOODBYE if session.outbox.voice is not None else b"")
        for connection in self._server.admission.connections():
            if connection.is_attached:  # its session waits for its goodbye
                connection.transport.close()

    # --- the end of it

    def _give_up(self, reason: str) -> None:
        """Go on without a successor."""
        if self._child is None:
            return
        self._cancel()
        self._stop_listening()
        child, self._child = self._child, None
        status = child.end()
        how = f" (exit status {status})" if status is not None else ""
        logger.error("the upgrade has failed, and this version goes on: %s%s", reason, how)
        is_held, self.phase = self.phase is Phase.FINISHING, Phase.IDLE
        if is_held and not self._server.is_draining:
            self._server.keep_pace()
            self._server.admission.go_on()
            for connection in self._server.admission.connections():
                connection.read_again()

    def close(self) -> None:
        """End a successor that is not ready yet. Call it after the loop."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _let_go(self, child: Child) -> None:
        """Leave the successor alone, and its ports to it."""
        for _, port in self._further:
            port.close()
        self._child = None
        child.let_go()

    def _stop_listening(self) -> None:
        if self._child is not None and self._child.line.fileno() >= 0:
            self._server.reactor.unregister(self._child.line.fileno())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Once:
    """Calls `callback` at the first call."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def __call__(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class NoUpgrade:
    """The upgrades of a server with workers: there are none."""

    def share(self, name: str, port: FurtherPort) -> None:
        """Do nothing."""

    def request(self) -> None:
        """Log why."""
        logger.warning("no upgrade: a server with --workers cannot be replaced while it runs; restart it")

    def close(self) -> None:
        """Do nothing."""


def upgrades_of(server: object) -> Upgrade | NoUpgrade:
    """The upgrades of a server, or of the supervisor of several ones."""
    return Upgrade(server) if isinstance(server, Server) else NoUpgrade()
