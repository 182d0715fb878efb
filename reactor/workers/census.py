"""The metrics of several workers: all are asked at once, and one that hangs is left out."""

from collections.abc import Callable, Iterable
from functools import partial

from pylingo.reactor.ops.catalogue import Snapshot, Source
from pylingo.reactor.workers.supervisor import Supervisor
from pylingo.reactor.workers.worker import Worker, WorkerState

PATIENCE = 1.0
"""Seconds for the workers to answer."""
SUPERVISOR = "supervisor"
"""The label of the supervisor's own process, among the numbers of the workers."""


class Census:
    """The workers of `supervisor`, as scrapers see them. Scrapers that ask meanwhile get the same answer."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._waiting: list[Callable[[], object]] = []
        self._missing: set[int] = set()
        self._found: dict[int, Snapshot] = {}

    def ask(self, answer: Callable[[Iterable[Source]], None]) -> None:
        """See `Subject`."""
        self._count(lambda: answer([self._own(), *map(self._source, self._supervisor.pool.workers)]))

    def ask_trouble(self, answer: Callable[[str], None]) -> None:
        """See `Subject`."""
        self._count(lambda: answer(self._trouble()))

    # --- the question

    def _count(self, then: Callable[[], object]) -> None:
        """Ask all workers, and call `then` when they have answered, or have had the time for it."""
        self._waiting.append(then)
        if len(self._waiting) > 1:
            return
        serving = [worker for worker in self._supervisor.pool.workers if worker.state is WorkerState.SERVING]
        self._missing = {worker.number for worker in serving}
        self._found = {}
        reactor = self._supervisor.reactor
        self._timer = reactor.call_later(PATIENCE if serving else 0.0, self._finish)
        for worker in serving:
            worker.measure(partial(self._measured, worker.number))

    def _measured(self, number: int, snapshot: Snapshot) -> None:
        self._found[number] = snapshot
        self._missing.discard(number)
        if not self._missing:
            self._finish()

    def _finish(self) -> None:
        self._timer.cancel()
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            self._supervisor.reactor.run_safely(then)

    # --- the answer

    def _trouble(self) -> str:
        if self._supervisor.is_stopping:
            return "the server is stopping"
        if not any(snapshot.get("ready") for snapshot in self._found.values()):
            return "no worker lets people in"
        return ""

    def _own(self) -> Source:
        snapshot: Snapshot = {"ready": int(not self._trouble()), "goodbyes": {**self._supervisor.counts}}
        return Source(snapshot, worker=SUPERVISOR)

    def _source(self, worker: Worker) -> Source:
        found = self._found.get(worker.number, {})
        own: Snapshot = {
            "worker_up": int(bool(found)),
            "worker_starts": worker.starts,
            "worker_connections": worker.count,
        }
        return Source({**found, **own}, worker.process, str(worker.number))
