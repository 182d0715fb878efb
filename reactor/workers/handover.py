"""The intake of a worker: it takes over the sockets that the supervisor has accepted, and obeys its orders.

A socket is acknowledged before anything is sent to its peer. So the supervisor may pass each one that a dead worker has
not acknowledged to another worker, and no peer is welcomed twice.
"""

import itertools
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.dial import Target
from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.intake import Accepted, Refused
from pylingo.reactor.ops.catalogue import Snapshot
from pylingo.reactor.workers.channel import MOST_ENDED, Order, Passed, Report, receive, send_report

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Sockets taken over in one tick: as many descriptors must be free for them."""


class Branch:
    """The `Intake` of a further port, which is a part of the handover: that one obeys, counts and holds for all."""

    reads_headers = True
    sockets: Sequence[socket.socket] = ()

    def __init__(self, doors: dict[str, Accepted], name: str) -> None:
        self._doors = doors
        self._name = name

    def bind(self, settings: ServerSettings, targets: Sequence[Target]) -> str:
        """Return an empty address: the supervisor has the port."""
        return ""

    def further(self, name: str, address: tuple[str, int], inherited: Sequence[socket.socket]) -> "Branch":
        """Return the same for another port."""
        return Branch(self._doors, name)

    def open(self, accepted: Accepted, refused: Refused) -> None:
        """Have `accepted` take the sockets of this port."""
        self._doors[self._name] = accepted

    def configure(self, settings: ServerSettings) -> None: ...
    def ended(self, host: str) -> None: ...
    def hold(self) -> None: ...
    def turn_away(self) -> None: ...
    def go_on(self) -> None: ...
    def close(self) -> None: ...


class Handover:
    """The worker's end of the channel, as an `Intake`."""

    reads_headers = True
    """The supervisor does, since it counts the connections of each address."""

    def __init__(self, reactor: Reactor, channel: socket.socket) -> None:
        self.obey: Callable[[Order], object] = lambda order: None
        """Called in the loop with each order. When the supervisor has ended, that is `Order.STOP`."""
        self.first_code: Callable[[], str] = lambda: ""
        """Returns the invitation of the first operator, if the server has made one before `open`."""
        self.snapshot: Callable[[], Snapshot] = dict
        """Returns the values of the metrics."""
        self._reactor = reactor
        self._channel = channel
        self._accepted: Accepted | None = None
        self._doors: dict[str, Accepted] = {}  # what takes the sockets of each port
        self._at_once = AT_ONCE
        self._unacknowledged: list[Passed] = []
        self._taken: list[Passed] = []  # acknowledged, and to be let in
        self._order: Order | None = None
        self._ended: Counter[str] = Counter()
        self._is_scheduled = False
        self._is_held = False
        self._is_blocked = False  # the supervisor is slow to read
        self._is_ready_said = False
        self._is_closed = False
        self._is_closed_said = False
        self._is_measured = False  # the supervisor has asked for the metrics
        reactor.register(channel.fileno(), EVENT_READ, self)

    # --- the intake

    def bind(self, settings: ServerSettings, targets: Sequence[Target]) -> str:
        """Return an empty address: the supervisor has the port."""
        return ""

    def further(self, name: str, address: tuple[str, int], inherited: Sequence[socket.socket]) -> "Branch":
        """Return the source of the connections that the supervisor accepts at a further port."""
        return Branch(self._doors, name)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """None: the supervisor has the port."""
        return ()

    def open(self, accepted: Accepted, refused: Refused) -> None:
        """Ask the supervisor for connections."""
        if not self._is_closed:
            self._accepted = self._doors[NATIVE] = accepted
            self._report_soon()

    def configure(self, settings: ServerSettings) -> None:
        """Apply the settings. Those of the sockets themselves are the supervisor's business."""
        self._at_once = min(settings.accepts, AT_ONCE)

    def ended(self, host: str) -> None:
        """Report that a connection from `host` counts no longer."""
        self._ended[host] += 1
        self._report_soon()

    def hold(self) -> None:
        """Let nobody in until `go_on`, and acknowledge no socket: the supervisor soon passes no more."""
        self._is_held = True

    def turn_away(self) -> None:
        """As `hold`: the other workers let people in."""
        self.hold()

    def go_on(self) -> None:
        """Let people in again after `hold`."""
        self._is_held = False
        if not self._is_blocked:
            self._send()
            self._let_all_in()

    def close(self) -> None:
        """Give back all sockets that are not taken over yet. Orders are still obeyed."""
        if self._is_closed:
            return
        self._is_closed = True
        self._give_back()
        self._report_soon()

    # --- the channel

    def handle(self, mask: int) -> None:
        """Take over sockets, acknowledge them, and let them in. Then obey the order that came after them."""
        if self._is_blocked:
            self._is_blocked = False
            self._reactor.modify(self._channel.fileno(), EVENT_READ, self)
        if mask & EVENT_READ:
            self._read()
        self._send()
        self._let_all_in()
        if not self._is_blocked and self._order is not None:
            order, self._order = self._order, None
            self.obey(order)

    def fail(self, error: Exception) -> None:
        """Do nothing: the error is logged, and the next message may fare better."""

    def disconnect(self) -> None:
        """Close the channel. Call it after the loop, or when the supervisor has ended."""
        if self._channel.fileno() >= 0:
            self._reactor.unregister(self._channel.fileno())
            self._channel.close()

    def _read(self) -> None:
        """Read sockets, up to the next order."""
        for _ in range(self._at_once):
            try:
                message = receive(self._channel)
            except BlockingIOError:
                return
            if message is None:
                logger.error("the supervisor has ended: stopping")
                self.disconnect()
                message = Order.STOP
            if isinstance(message, Order):
                self._order = message
                return
            self._unacknowledged.append(message)
            if self._is_closed:
                self._give_back()
        self._reactor.coalescer.hurry()  # others may wait

    def _let_all_in(self) -> None:
        taken, self._taken = self._taken, []
        for passed in taken:
            self._let_in(passed)

    def _let_in(self, passed: Passed) -> None:
        if passed.sock is None:
            logger.error("a connection was lost: there is no descriptor left")
            self.ended(passed.address[0])
        else:
            accepted = self._doors[passed.door]  # sockets come after `open`
            self._reactor.run_safely(accepted, passed.sock, passed.address)

    def _give_back(self) -> None:
        """Close our copies of the sockets that are not acknowledged. The supervisor has its own."""
        for passed in self._unacknowledged:
            if passed.sock is not None:
                passed.sock.close()
        self._unacknowledged = []

    # --- reports

    def report_metrics(self) -> None:
        """Report the values of the metrics at the end of the tick."""
        self._is_measured = True
        self._report_soon()

    def _report_soon(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._reactor.call_before_flush(self._report_now)

    def _report_now(self) -> None:
        self._is_scheduled = False
        if not self._is_blocked:
            self._send()

    def _send(self) -> None:
        """Report everything. While the supervisor does not read, wait for it, and read nothing ourselves."""
        while self._channel.fileno() >= 0 and (report := self._next_report()) is not None:
            try:
                send_report(self._channel, report)
            except BlockingIOError:
                self._is_blocked = True
                self._reactor.modify(self._channel.fileno(), EVENT_WRITE, self)
                return
            except OSError:  # the supervisor has ended, as the next reading tells
                return
            self._ended -= report.ended
            self._is_ready_said = self._is_ready_said or report.is_ready
            self._is_closed_said = self._is_closed_said or report.is_closed
            self._is_measured = self._is_measured and report.snapshot is None
            self._taken += self._unacknowledged[: report.taken]
            del self._unacknowledged[: report.taken]

    def _next_report(self) -> Report | None:
        """The next report; None if there is nothing to tell."""
        is_ready = self._accepted is not None and not self._is_ready_said
        is_closed = self._is_closed and not self._is_closed_said
        taken = 0 if self._is_held else len(self._unacknowledged)
        if not (taken or self._ended or is_ready or is_closed or self._is_measured):
            return None
        ended = Counter(dict(itertools.islice(self._ended.items(), MOST_ENDED)))
        snapshot = self.snapshot() if self._is_measured else None
        return Report(taken, ended, is_ready, is_closed, self.first_code() if is_ready else "", snapshot)
