"""An upgrade without a break: SIGUSR2 starts the program on the disk anew, which takes over. `successor` is that side.

The old server goes on until its successor is ready and has the logs. Then it hands everything over (see `switch`), and
ends all streams without a goodbye: to the clients, their connections are lost. They come back, wait in the backlog of
the sockets, which stay open all the time, and resume their sessions with the successor. If anything is wrong with the
successor, the old server goes on as if nothing had been.
"""

import enum
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE
from pylingo.reactor.engine.timers import Timer
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.server import Server
from pylingo.reactor.succession.child import Child, own_command
from pylingo.reactor.succession.copying import LogCopy
from pylingo.reactor.succession.handover import Failed, Ready, decode, encode
from pylingo.reactor.succession.line import LineError
from pylingo.reactor.succession.offer import make_offer
from pylingo.reactor.succession.switch import Switch

logger = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a successor has until it is ready, and then to take the logs."""
_OFFERING = 5.0  # seconds for the offer, which a socket takes at once
_SERVING = 5.0  # seconds until a successor that has everything must serve
_COMPANY = 5.0  # seconds until the heart of a successor in a cluster must have been heard
_LISTEN_AGAIN = 0.1
_INIT = 1


class Phase(enum.Enum):
    """The progress of an upgrade."""

    IDLE = enum.auto()
    STARTING = enum.auto()
    """The successor starts."""
    COPYING = enum.auto()
    """The successor gets the logs, and this server serves."""
    SWITCHING = enum.auto()
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
    """The upgrades of `server`. `start` starts its successor, by default with the command that has started it.

    `replaced` is called when the successor takes over: it is the service then, and this process must not tell systemd
    anything any more. `ports` are the options of the ports, as they were when the sockets were made (see `ports`).
    """

    def __init__(
        self,
        server: Server,
        start: Callable[[], Child] | None = None,
        replaced: Callable[[], object] = lambda: None,
        ports: Mapping[str, str] | None = None,
    ) -> None:
        self.phase = Phase.IDLE
        self.totals: Callable[[], Mapping[str, Any]] = dict
        """Returns the totals of the metrics, with which those of the successor go on."""
        self._ports = ports or {}
        self._server = server
        self._replaced = replaced
        self._start = start or partial(Child, own_command(), os.environ)
        self._further: list[tuple[str, FurtherPort]] = []
        self._child: Child | None = None
        self._timer: Timer | None = None
        self._copy: LogCopy | None = None
        self._switch: Switch | None = None

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
        offer = make_offer(server.settings, [name for name, _ in sockets], len(locks), self._ports)
        descriptors = [*(sock.fileno() for _, sock in sockets), *locks]
        try:
            self._child = child = self._start()
        except OSError as error:
            logger.error("no upgrade: cannot start %s: %s", error.filename or "it", error.strerror or error)
            return
        self.phase = Phase.STARTING
        logger.info("an upgrade begins: process %d starts", child.number)
        self._expect(f"the new version was not ready within {PATIENCE:g} s")
        server.reactor.register(child.line.fileno(), EVENT_READ, self)
        try:
            child.line.send(encode(offer), time.monotonic() + _OFFERING, descriptors)
        except LineError as error:
            self._give_up(str(error))

    def _why_not(self) -> str:
        if self.phase is not Phase.IDLE:
            return "one is under way"
        if not self._server.is_open:
            return "the server is still starting"
        if os.getpid() == _INIT:
            return "process 1 cannot be replaced by another one: start a new container"
        return self._trouble()

    def _trouble(self) -> str:
        """Why nothing can be handed over now."""
        history = self._server.hub.history
        if self._server.ending.is_draining:
            return "the server is stopping"
        if isinstance(history, SqliteHistory) and history.has_trouble:
            return "the history file cannot be written, and messages in memory would be lost: repair that first"
        return ""

    def handle(self, mask: int) -> None:
        """The successor has said something, has ended, or takes more."""
        child = self._child
        assert child is not None
        if self.phase is Phase.OVER:  # it has closed the line
            self._leave()
            return
        try:
            if mask & EVENT_WRITE and self._copy is not None:
                self._copy.go_on()
            if mask & EVENT_READ:
                for body in child.line.pending():
                    step = decode(body)
                    if isinstance(step, Failed):
                        raise LineError(step.reason)
                    if step != Ready() or self.phase is not Phase.STARTING:
                        raise LineError("the new version says something unexpected")
                    self._ready(child)
                    return
        except (LineError, ValueError) as error:
            self._give_up(str(error))

    def fail(self, error: Exception) -> None:
        """End the upgrade."""
        self._give_up(str(error) if isinstance(error, LineError) else "there is a bug")

    def _ready(self, child: Child) -> None:
        """The successor can take over."""
        server = self._server
        history = server.hub.history
        if trouble := self._trouble():
            self._give_up(trouble)
        elif not isinstance(server.hub.bus, LocalBus):  # another server of the cluster, which has the state
            logger.info("process %d serves: handing the people over", child.number)
            self._cancel()
            self._stop_listening()
            self._succeeded()  # the line stays open: its end says that the successor can use the data folder
            server.admission.close()  # the successor accepts; losing Redis now would shut the shared sockets down
            self._stop_in_company(server.reactor.clock() + _COMPANY)
        elif isinstance(history, MemoryHistory):
            self.phase = Phase.COPYING
            self._expect(f"the new version did not take the logs within {PATIENCE:g} s")
            self._copy = LogCopy(server.reactor, child.line, history, self, self._begin_switch)
            self._copy.go_on()
        else:
            self._begin_switch()

    def _stop_in_company(self, until: float) -> None:
        """Stop as planned as soon as the heart of the successor was heard: a server that is alone hands nobody over."""
        server = self._server
        if server.cluster is not None and server.cluster.is_alone and server.reactor.clock() < until:
            server.reactor.call_later(_LISTEN_AGAIN, self._stop_in_company, until)
        elif not server.ending.is_draining:
            server.ending.drain()

    def _begin_switch(self) -> None:
        assert self._child is not None
        if trouble := self._trouble():
            self._give_up(trouble)
            return
        self.phase = Phase.SWITCHING
        self._cancel()
        self._stop_listening()
        copied, parts = (self._copy.copied, self._copy.parts) if self._copy is not None else ({}, 0)
        self._switch = Switch(self._server, self._child.line, copied, parts, self._switched, self._give_up, self.totals)

    # --- the end of it

    def _switched(self) -> None:
        """The successor has everything. Stay until it has told systemd that it is the main process."""
        assert self._child is not None
        logger.info("process %d has taken over: this one ends", self._child.number)
        self._succeeded()
        self._server.reactor.register(self._child.line.fileno(), EVENT_READ, self)
        self._timer = self._server.reactor.call_later(_SERVING, self._leave)

    def _leave(self) -> None:
        """Leave the people to the successor, and end when the last stream has ended."""
        self._let_go()
        self._server.ending.leave()

    def _let_go(self) -> None:
        """Let the successor be."""
        assert self._child is not None
        self._cancel()
        self._stop_listening()
        self._child.let_go()

    def _succeeded(self) -> None:
        """The successor is the service from now on."""
        self.phase = Phase.OVER
        self._replaced()
        for _, port in self._further:
            port.close()

    def _give_up(self, reason: str) -> None:
        """Go on without a successor."""
        if self._child is None or self.phase is Phase.OVER:
            return
        self._cancel()
        self._stop_listening()
        if self._copy is not None:
            self._copy.stop()
        status = self._child.end()
        how = f" (exit status {status})" if status is not None else ""
        logger.error("the upgrade has failed, and this version goes on: %s%s", reason, how)
        if self._switch is not None:
            self._switch.undo()
        self._child = self._copy = self._switch = None
        self.phase = Phase.IDLE

    def close(self) -> str:
        """End a successor that has not taken over. If one has, and has failed, nobody serves: return a sentence then.

        One that has ended in peace has a successor of its own, or was stopped. Call it after the loop, when everything
        in the data folder is closed.
        """
        child, self._child = self._child, None
        if child is None:
            return ""
        if self.phase is not Phase.OVER:
            child.end()
            return ""
        child.let_go()
        status = child.status()
        return f"the new version has taken over, and has ended with status {status}" if status else ""

    def _expect(self, otherwise: str) -> None:
        """Give up with that reason unless something happens in time."""
        self._cancel()
        self._timer = self._server.reactor.call_later(PATIENCE, self._give_up, otherwise)

    def _stop_listening(self) -> None:
        if self._child is not None and self._child.line.fileno() >= 0:
            self._server.reactor.unregister(self._child.line.fileno())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class NoUpgrade:
    """The upgrades of a server with workers: there are none."""

    totals: Callable[[], Mapping[str, Any]] = dict

    def share(self, name: str, port: FurtherPort) -> None:
        """Do nothing."""

    def request(self) -> None:
        """Log why."""
        logger.warning("no upgrade: a server with --workers cannot be replaced while it runs; restart it")

    def close(self) -> str:
        """Return that nothing is wrong."""
        return ""


def upgrades_of(
    server: object, replaced: Callable[[], object] = lambda: None, ports: Mapping[str, str] | None = None
) -> Upgrade | NoUpgrade:
    """The upgrades of a server, or of the supervisor of several ones. See `Upgrade`."""
    return Upgrade(server, replaced=replaced, ports=ports) if isinstance(server, Server) else NoUpgrade()
