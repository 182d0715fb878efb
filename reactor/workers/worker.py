"""One worker, as the supervisor sees it: its process, its channel, its connections."""

import collections
import enum
import signal
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from pylingo.reactor.engine.listener import Address
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.ops.catalogue import Snapshot
from pylingo.reactor.workers.channel import Order, Report, make_channel, pass_socket, receive_report, send_order
from pylingo.reactor.workers.children import Children, describe_end

QUEUE = 64
"""Sockets that were passed to a worker and not taken over yet: so many at most, and a full worker gets none."""

type Pending = tuple[socket.socket, Address, str]
"""An accepted socket, the address of its peer, and the name of the port."""


class WorkerState(enum.Enum):
    """The states of a worker."""

    DOWN = enum.auto()
    """There is no process."""
    STARTING = enum.auto()
    SERVING = enum.auto()
    """It takes connections."""
    LEAVING = enum.auto()
    """It takes no more."""


class WorkerListener(Protocol):
    """Called with what has happened to a worker."""

    def ready(self, worker: "Worker") -> None:
        """It takes connections from now on."""

    def has_room(self, worker: "Worker") -> None:
        """It has taken sockets over."""

    def released(self, host: str, count: int) -> None:
        """So many connections from `host` have ended."""

    def returned(self, pending: Sequence[Pending]) -> None:
        """These sockets were passed and not taken over. They are still counted."""

    def ended(self, worker: "Worker", status: int) -> None:
        """Its process has ended."""


class Worker:
    """A worker with a number, of which `start` makes a process with the command.

    `passed` counts the connections it has ever got, `starts` its processes, for whoever collects figures.
    """

    def __init__(
        self,
        number: int,
        reactor: Reactor,
        children: Children,
        command: Callable[[int], Sequence[str]],
        listener: WorkerListener,
    ) -> None:
        self.number = number
        self.state = WorkerState.DOWN
        self.count = 0
        """Its connections, with those that are not taken over yet."""
        self.passed = 0
        self.starts = 0
        self.started_at = 0.0
        """When its process was started, on the reactor's clock."""
        self.first_code = ""
        """The invitation of the first operator that it has made."""
        self._reactor = reactor
        self._children = children
        self._command = command
        self._listener = listener
        self._process = 0
        self._channel: socket.socket | None = None
        self._pending: collections.deque[Pending] = collections.deque()
        self._hosts: Counter[str] = Counter()
        self._asked: Callable[[Snapshot], object] | None = None

    def __repr__(self) -> str:
        return f"<worker {self.number}>"

    @property
    def process(self) -> int:
        """The number of its process; 0 if there is none."""
        return self._process

    @property
    def has_room(self) -> bool:
        """Whether a socket can be passed to it."""
        return self.state is WorkerState.SERVING and len(self._pending) < QUEUE

    def start(self) -> None:
        """Start its process. Raises `OSError`."""
        ours, theirs = make_channel()
        with theirs:
            try:
                self._process = self._children.start(self._command(self.number), self._ended, stdin=theirs)
            except BaseException:
                ours.close()
                raise
        self._channel = ours
        self.state = WorkerState.STARTING
        self.starts += 1
        self.started_at = self._reactor.clock()
        self._reactor.register(ours.fileno(), EVENT_READ, self)

    def give(self, sock: socket.socket, address: Address, door: str = NATIVE) -> bool:
        """Pass a socket to it; return False if it cannot take it now. The socket is closed once it is taken over."""
        if self._channel is None or not self.has_room:
            return False
        try:
            pass_socket(self._channel, sock, address, door)
        except OSError:  # the system's own limit for a channel; or it has just ended
            return False
        self._pending.append((sock, address, door))
        self._hosts[address[0]] += 1
        self.count += 1
        self.passed += 1
        return True

    def order(self, order: Order) -> None:
        """Tell it to do something. If it does not listen, it learns of a stop by SIGTERM, and of nothing else."""
        if self._channel is not None:
            try:
                send_order(self._channel, order)
            except OSError:
                pass
            else:
                return
        if order in (Order.STOP, Order.LEAVE, Order.HURRY):
            self._children.kill(self._process, signal.SIGTERM)

    def measure(self, answer: Callable[[Snapshot], object]) -> None:
        """Ask for the values of its metrics. `answer` gets them, unless it ends before, or is asked again meanwhile.

        While it hangs, it is asked once.
        """
        is_asked = self._asked is not None
        self._asked = answer
        if not is_asked:
            self.order(Order.MEASURE)

    def kill(self) -> None:
        """End its process at once."""
        self._children.kill(self._process, signal.SIGKILL)

    # --- its channel

    def handle(self, mask: int) -> None:
        """Read its reports."""
        for _ in range(QUEUE):
            if not self._read():
                return

    def fail(self, error: Exception) -> None:
        """Kill it: its reports are wrong."""
        self.kill()

    def _read(self) -> bool:
        """Read a report; return whether there may be another one."""
        try:
            report = receive_report(self._channel) if self._channel is not None else None
        except BlockingIOError:
            return False
        if report is None:
            self._disconnect()
            return False
        self._note(report)
        return True

    def _note(self, report: Report) -> None:
        for _ in range(report.taken):
            self._pending.popleft()[0].close()
        for host, count in report.ended.items():
            self._release(host, count)
        if report.is_ready and self.state is WorkerState.STARTING:
            self.state = WorkerState.SERVING
            self.first_code = report.first_code
            self._listener.ready(self)
        if report.snapshot is not None and self._asked is not None:
            answer, self._asked = self._asked, None
            answer(report.snapshot)
        if report.is_closed:
            self._take_back()
        elif report.taken:
            self._listener.has_room(self)

    def _release(self, host: str, count: int) -> None:
        count = min(count, self._hosts[host])
        self.count -= count
        self._hosts[host] -= count
        if not self._hosts[host]:
            del self._hosts[host]
        if count:
            self._listener.released(host, count)

    def _take_back(self) -> None:
        """It gets no more, and what it has not taken over is for another one."""
        self.state = WorkerState.LEAVING
        pending, self._pending = list(self._pending), collections.deque()
        for _, address, _ in pending:
            self._hosts[address[0]] -= 1
        self.count -= len(pending)
        if pending:
            self._listener.returned(pending)

    def _disconnect(self) -> None:
        """Its channel has ended, and soon its process: nobody is connected to it any more."""
        if self._channel is not None:
            self._reactor.unregister(self._channel.fileno())
            self._channel.close()
            self._channel = None
        self._asked = None
        self._take_back()
        for host, count in list(self._hosts.items()):
            self._release(host, count)

    def _ended(self, status: int) -> None:
        try:
            while self._read():  # its last reports say which sockets it has taken over
                pass
        finally:
            self._disconnect()
            self.state = WorkerState.DOWN
            self._process = 0
            self._listener.ended(self, status)

    def describe_end(self, status: int) -> str:
        """Return one clause that says how it has ended."""
        return f"worker {self.number} {describe_end(status)}"
