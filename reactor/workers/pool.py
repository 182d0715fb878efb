"""The workers: which of them gets a connection, and when one that has ended is started again."""

import logging
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from pylingo.reactor.engine.listener import Address
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.inherited import NATIVE
from pylingo.reactor.workers.backoff import Backoff
from pylingo.reactor.workers.channel import Order
from pylingo.reactor.workers.children import Children
from pylingo.reactor.workers.worker import Pending, Worker, WorkerState

logger = logging.getLogger(__name__)


class PoolListener(Protocol):
    """Called with what has happened to the workers."""

    def serving(self) -> None:
        """All workers serve for the first time."""

    def has_room(self) -> None:
        """A worker takes connections, perhaps for the first time."""

    def released(self, host: str, count: int) -> None:
        """So many connections from `host` have ended."""

    def returned(self, pending: Sequence[Pending]) -> None:
        """A worker has not taken over these sockets, and never will. They are still counted."""

    def failed(self, status: int) -> None:
        """The first worker has ended before it served, with this exit status. It was said why."""

    def gone(self) -> None:
        """After `stop`, all processes have ended."""


class Pool:
    """`count` workers, each started with the command that `command` returns for its number, from 1 on.

    The first one is started alone: if it cannot serve, neither can the others, and the reason is said once.
    """

    def __init__(
        self,
        reactor: Reactor,
        children: Children,
        count: int,
        command: Callable[[int], Sequence[str]],
        listener: PoolListener,
    ) -> None:
        self.workers = [Worker(number, reactor, children, command, self) for number in range(1, count + 1)]
        self._reactor = reactor
        self._listener = listener
        self._backoffs = {worker: Backoff() for worker in self.workers}
        self._turn = 0  # the worker that was chosen last
        self._is_proven = False  # one has served
        self._is_complete = False  # all have served
        self._is_stopping = False

    @property
    def serving_count(self) -> int:
        """The number of workers that take connections."""
        return sum(worker.state is WorkerState.SERVING for worker in self.workers)

    def start(self) -> None:
        """Start the first worker, and the others once it serves."""
        if not self._is_stopping:
            self._start(self.workers[0])

    def give(self, sock: socket.socket, address: Address, door: str = NATIVE) -> bool:
        """Pass a socket to the worker with the fewest connections, in turn if several have equally few.

        Returns False if all are full.
        """
        for worker in sorted(self.workers, key=self._preference):
            if worker.give(sock, address, door):
                self._turn = worker.number
                return True
        return False

    def order(self, order: Order) -> None:
        """Tell all workers to do something."""
        for worker in self.workers:
            if worker.process:
                worker.order(order)

    def stop(self, order: Order = Order.STOP) -> None:
        """Stop all workers with this order, and start none any more."""
        self._is_stopping = True
        self.order(order)
        self._tell_if_gone()

    def kill(self) -> None:
        """End all processes at once."""
        for worker in self.workers:
            worker.kill()

    # --- what the workers tell

    def ready(self, worker: Worker) -> None:
        """Start the others, if this is the first one."""
        if not self._is_proven and not self._is_stopping:
            self._is_proven = True
            for other in self.workers:
                if other is not worker:
                    self._start(other)
        if not self._is_complete and self.serving_count == len(self.workers):
            self._is_complete = True
            self._listener.serving()
        self._listener.has_room()

    def has_room(self, worker: Worker) -> None:
        """Pass it on."""
        self._listener.has_room()

    def released(self, host: str, count: int) -> None:
        """Pass it on."""
        self._listener.released(host, count)

    def returned(self, pending: Sequence[Pending]) -> None:
        """Pass it on."""
        self._listener.returned(pending)

    def ended(self, worker: Worker, status: int) -> None:
        """Start it again, unless it has ended because of `stop`."""
        if self._is_stopping:
            if status:
                logger.error("%s", worker.describe_end(status))
            self._tell_if_gone()
        elif not self._is_proven:
            if status <= 0:
                logger.error("%s before it served", worker.describe_end(status))
            self._fail(status if status > 0 else 1)
        else:
            self._start_later(worker, worker.describe_end(status))

    # --- starting

    def _preference(self, worker: Worker) -> tuple[int, int]:
        return worker.count, (worker.number - self._turn - 1) % len(self.workers)

    def _start(self, worker: Worker) -> None:
        if self._is_stopping:
            return
        try:
            worker.start()
        except OSError as error:
            why = f"worker {worker.number} cannot be started: {error.strerror or error}"
            if self._is_proven:
                self._start_later(worker, why)
            else:
                logger.error("%s", why)
                self._fail(1)

    def _start_later(self, worker: Worker, why: str) -> None:
        delay = self._backoffs[worker].delay(self._reactor.clock() - worker.started_at)
        logger.error("%s: starting it again%s", why, f" in {delay:g} s" if delay else "")
        self._reactor.call_later(delay, self._start, worker)

    def _fail(self, status: int) -> None:
        self._is_stopping = True
        self._listener.failed(status)
        self._tell_if_gone()

    def _tell_if_gone(self) -> None:
        if not any(worker.process for worker in self.workers):
            self._listener.gone()
