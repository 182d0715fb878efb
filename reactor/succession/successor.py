"""A server that takes over from one that runs: the successor's side of an upgrade. `upgrade` is the other side.

Until it has everything, it is a program that can fail: the old server goes on then. It takes over in these steps:

1. It gets the listening sockets and the locks, reads its settings and opens what can be opened twice: `Ready`.
2. The old server sends the logs. Then it stops reading, and sends the rest. The hub is filled with it: `Restored`.
3. The old server closes the history and lets go of its people: `Go`. From now on, this one accepts.
"""

import contextlib
import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from pylingo.reactor.bus.local import LocalBus
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.inherited import NAMES
from pylingo.reactor.ops.listen_fds import adopt
from pylingo.reactor.registry import Registry
from pylingo.reactor.server import Server
from pylingo.reactor.succession.child import ignore_upgrades, take_signals
from pylingo.reactor.succession.handover import Failed, Go, Offer, Ready, Restored, Step, decode, encode
from pylingo.reactor.succession.line import Line, LineError, inherited_line
from pylingo.reactor.succession.offer import check_settings, read_offer
from pylingo.reactor.succession.ports import kept_ports, tell_changed
from pylingo.reactor.succession.snapshot import Restoring
from pylingo.shared.launch import LaunchError
from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

PROMPT = 10.0
"""Seconds within which the old server does what it does without waiting for others. For its files it takes less."""
_PATIENT = 60.0
"""Seconds within which the old server sends something, or ends."""


class Predecessor:
    """The old server, as its successor knows it. Raises `LaunchError` if its offer cannot be taken.

    `sockets` are its listening sockets, by name.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        ignore_upgrades()
        try:
            self._line = line = inherited_line(environment)
        except LineError as error:
            raise _cannot(error) from None
        try:
            self._offer = read_offer(line.receive(time.monotonic() + PROMPT))
        except LineError as error:
            line.close()
            raise _cannot(error) from None
        except LaunchError as error:
            self.refuse(str(error))
            line.close()
            raise
        given, line.descriptors = line.descriptors, []  # the system leaves out those that are beyond our limit
        count = len(self._offer.sockets)
        if len(given) != count + self._offer.locks:
            self._locks = given
            why = "the sockets of the old server have not all come: raise the limit of open files"
            self.refuse(why)
            self.close()
            raise LaunchError(why)
        self._locks = given[count:]
        self.take_totals: Callable[[Mapping[str, Any]], object] = lambda totals: None
        """Called with the totals of the old server's metrics. In a cluster it has none for us."""
        self.sockets: dict[str, list[socket.socket]] = {}
        for descriptor, name in zip(given[:count], self._offer.sockets, strict=True):
            if name in NAMES:
                self.sockets.setdefault(name, []).append(adopt(descriptor, name))
            else:  # of a port that this version does not have
                os.close(descriptor)

    def check(self, settings: ServerSettings) -> None:
        """Check that an upgrade to these settings is possible. Raises `LaunchError`."""
        check_settings(self._offer.fixed, settings)

    def keep_ports(self, settings: ServerSettings) -> dict[str, str]:
        """Log which ports cannot be as the settings say; return the options for the next offer (see `ports`)."""
        tell_changed(self._offer.ports, settings, self.sockets)
        return kept_ports(self._offer.ports, settings, self.sockets)

    def take_over(
        self, server: Server, registry: Registry, targets: Sequence[Target], obey_signals: Callable[[], object]
    ) -> str:
        """Become the server; return `HOST:PORT`. Raises `LaunchError`, and then the old one goes on.

        Calls `obey_signals` when this process is a server. A cluster has the state itself, and both may serve at once:
        the old one stops when this one has joined.
        """
        registry.first_code = None  # the first operator was invited long ago
        while self._locks and registry.data is not None:
            registry.data.take_lock(self._locks.pop())
        address = server.listen(targets)
        if server.cluster is None:
            restoring = self._take_state(server)
            self.take_totals(restoring.totals)
            server.when_open(lambda: server.reactor.call_soon(self._serves, restoring))
            server.people_changed()  # the files of this process may list others
            registry.attach(server.reactor)
            server.hub.access.store()  # the disk of the old server may not have taken the last changes
        else:
            _End(self._line, server.reactor, lambda: registry.attach(server.reactor))
            server.when_open(lambda: server.reactor.call_soon(self._joined))
        obey_signals()
        take_signals()
        server.open()
        return address

    def _serves(self, restoring: Restoring) -> None:
        """Tell the old server that it may end: people are let in, and systemd knows this process."""
        pause = (time.monotonic() - restoring.stopped) * 1e3
        self._line.close()
        logger.info(
            "took over %s and %s: nobody was read or let in for %.0f ms",
            counted(restoring.seats, "session"),
            counted(restoring.messages, "message"),
            pause,
        )

    def _joined(self) -> None:
        with contextlib.suppress(LaunchError):  # the old server has ended meanwhile: nobody needs the word
            self._send(Ready())

    def refuse(self, reason: str) -> None:
        """Tell the old server, which has the log that people read, why this process ends."""
        with contextlib.suppress(LineError):  # it has ended, or goes on without a reason
            self._line.send(encode(Failed(reason)), time.monotonic() + PROMPT)

    def close(self) -> None:
        """Close the line and the locks that nobody has taken."""
        self._line.close()
        while self._locks:
            os.close(self._locks.pop())

    def _take_state(self, server: Server) -> Restoring:
        assert isinstance(server.hub.bus, LocalBus)
        restoring = Restoring(server.hub, server.hub.bus)
        gc.disable()  # the collector would look at all that is made here, again and again
        try:
            self._send(Ready())
            while not restoring.is_complete:
                part = decode(self._line.receive(time.monotonic() + _PATIENT))
                if isinstance(part, Offer | Ready | Failed | Restored | Go):
                    raise ValueError("the old server says something unexpected")
                restoring.take(part)
            gc.freeze()  # or the first collection would take long, now or later
            self._send(Restored())
            if decode(self._line.receive(time.monotonic() + PROMPT)) != Go():
                raise ValueError("the old server has not said that it is over")
        except (LineError, ValueError) as error:
            raise _cannot(error) from None
        finally:
            gc.enable()
        return restoring

    def _send(self, step: Step) -> None:
        try:
            self._line.send(encode(step), time.monotonic() + PROMPT)
        except LineError as error:
            raise _cannot(error) from None


def _cannot(error: Exception) -> LaunchError:
    return LaunchError(f"cannot take over from the running server: {error}")


class _End:
    """Calls `ended` in the loop when the process at the other end of a line has ended."""

    def __init__(self, line: Line, reactor: Reactor, ended: Callable[[], object]) -> None:
        self._line = line
        self._reactor = reactor
        self._ended = ended
        reactor.register(line.fileno(), EVENT_READ, self)

    def handle(self, mask: int) -> None:
        try:
            for _ in self._line.pending():
                pass
        except LineError:
            self._reactor.unregister(self._line.fileno())
            self._line.close()
            self._ended()

    def fail(self, error: Exception) -> None:
        """Do nothing: the error is logged."""
