"""Copying the logs of a history in memory to the successor, while the old server still serves.

A full memory takes most of a second to build up, for which nobody should have to wait. Each turn of the loop copies one
part, a millisecond of work, if the successor takes it. Changes of a log after it was copied come with the rest of the
state.
"""

from collections.abc import Callable, Iterator

from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Handler, Reactor
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.succession.handover import Log, encode, log_parts
from pylingo.reactor.succession.line import Line
from pylingo.reactor.succession.snapshot import rooms_with_logs


class LogCopy:
    """Copies the logs of `history` over `line`, and calls `done`.

    `owner` handles the events of the line, and is told if something fails. It calls `go_on` when it can be written.
    """

    def __init__(
        self, reactor: Reactor, line: Line, history: MemoryHistory, owner: Handler, done: Callable[[], object]
    ) -> None:
        self.copied: dict[str, int] = {}
        """The stamp of the newest message that was copied, by room."""
        self.parts = 0
        """How many parts were sent."""
        self._reactor = reactor
        self._line = line
        self._history = history
        self._owner = owner
        self._done = done
        self._is_over = False
        self._logs = self._all_logs()

    def go_on(self) -> None:
        """Copy the next part as soon as the one before is sent, and others have had their turn."""
        if self._is_over:
            return
        if not self._line.go_on():
            self._reactor.modify(self._line.fileno(), EVENT_READ | EVENT_WRITE, self._owner)
            return
        self._reactor.modify(self._line.fileno(), EVENT_READ, self._owner)
        log = next(self._logs, None)
        if log is None:
            self._is_over = True
            self._done()
            return
        self.parts += 1
        self._line.begin(encode(log))
        self._reactor.call_soon(self.go_on, owner=self._owner)

    def stop(self) -> None:
        """Copy no more."""
        self._is_over = True

    def _all_logs(self) -> Iterator[Log]:
        for room in rooms_with_logs(self._history):
            messages = self._history.messages(room)  # as they are when it is their turn
            if messages:
                self.copied[room] = messages[-1][0].at
                yield from log_parts(room, messages)
