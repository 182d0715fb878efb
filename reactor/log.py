"""The output of the server, its log above all: writing never blocks the loop.

A terminal stopped with ^S, or a pipe that nobody reads, blocks the thread that writes to it. The loop therefore only
queues lines, as `logging.handlers.QueueHandler` does, and a thread writes them. `logging.handlers.QueueListener` is not
used because its `stop` waits for that thread without a limit.
"""

import collections
import errno
import itertools
import logging
import os
import select
import threading
import time
from collections.abc import Callable

from pylingo.reactor.log_format import LineFormat

logger = logging.getLogger(__name__)

_WAITING = 2**20  # bytes of queued lines at most
_GATHER = 0.02
"""Seconds for which lines are gathered before they are written together.

Without that, each of 2,000 lines a second wakes the thread, which takes four times the processor time of the line.
"""
PATIENCE = 1.0
"""Seconds that the end of the process waits for an output, and between two attempts at one that has failed."""
AT_ONCE = 65_536
"""Bytes of one write."""


class LineWriter:
    """Writes lines to a descriptor, in its own thread.

    Lines beyond `most` bytes are left out until the queued lines are written. Then a line tells their number. Lines
    that cannot be written, for instance to a full disk, are left out as well. `error` is the error of the last write,
    or None. One write has at most `at_once` bytes, or one line.

    `plain` makes the line that gives the number of the lines that were left out.

    `open_again` returns another descriptor of the same output, after `reopen`; may raise `OSError`. With it, the
    descriptors belong to the writer, which closes them.
    """

    def __init__(
        self,
        fd: int,
        most: int = _WAITING,
        at_once: int = AT_ONCE,
        plain: Callable[[str], str] = str,
        open_again: Callable[[], int] | None = None,
    ) -> None:
        self.error: OSError | None = None
        self._fd = fd
        self._most = most
        self._at_once = at_once
        self._plain = plain
        self._open_again = open_again
        self._is_outdated = False
        self._lines: collections.deque[bytes] = collections.deque()
        self._size = 0  # bytes of the queued lines and of those being written
        self._left_out = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._hurry = threading.Event()  # set while somebody waits for the lines
        threading.Thread(target=self._run, name=f"output {fd}", daemon=True).start()

    def write(self, line: str) -> None:
        """Queue `line`, from any thread. Never waits for the descriptor."""
        data = line.encode("utf-8", "replace") + b"\n"
        with self._changed:
            if self._left_out or self._size + len(data) > self._most:
                self._left_out += 1
            else:
                self._lines.append(data)
                self._size += len(data)
                self._changed.notify_all()

    def flush(self, timeout: float = PATIENCE) -> bool:
        """Wait for the queued lines, until an error or for `timeout` seconds. Return whether all are written."""
        self._hurry.set()
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle or self.error is not None, timeout)
            self._hurry.clear()
            return self._is_idle

    def reopen(self) -> None:
        """Have the thread open the output again, if that is possible. A line says what came of it."""
        with self._changed:
            self._is_outdated = self._open_again is not None
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread after the last line."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._hurry.set()

    @property
    def _is_idle(self) -> bool:
        return not self._size and not self._left_out

    def _run(self) -> None:
        while True:
            if self._is_outdated:
                self._replace()
            try:
                self._await()
                batch = self._take()
            except MemoryError:
                time.sleep(PATIENCE)
                continue
            if batch is None:
                if self._open_again is not None:
                    os.close(self._fd)
                return
            count, left_out, data = batch
            error: OSError | None = None
            try:
                self._write(data)
            except OSError as refused:
                error = refused
            except MemoryError:
                error = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            with self._changed:
                self._size -= len(data) if count else 0
                self._left_out += count if error else -left_out
                self.error = error
                self._changed.notify_all()
                if error:
                    self._changed.wait_for(lambda: self._is_closed or self._is_outdated, PATIENCE)

    def _replace(self) -> None:
        """Go on with another descriptor of the output, or with the present one if there is no other."""
        assert self._open_again is not None
        self._is_outdated = False
        try:
            fresh = self._open_again()
        except OSError as error:
            logger.error("the log goes on in the file as it was, since it cannot be opened again: %s", error.strerror)
            return
        outdated, self._fd = self._fd, fresh
        os.close(outdated)
        logger.info("the log file was opened again")

    def _await(self) -> None:
        """Wait until there is something to do, and then for more of the same."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_idle or self._is_closed or self._is_outdated)
            is_much = self._size >= self._at_once
        if not is_much:
            self._hurry.wait(_GATHER)

    def _take(self) -> tuple[int, int, bytes] | None:
        """Return the bytes to write, after the number of their lines and of the left-out lines that they report.

        There are none when the output is to be opened again. Returns None at the end.
        """
        with self._changed:
            if self._is_outdated:
                return 0, 0, b""
            if self._is_closed and (self._is_idle or self.error):
                return None
            if not self._lines:
                count = self._left_out
                words = f"lines left out here because they could not be written in time: {count}"
                return 0, count, self._plain(words).encode() + b"\n"
            sizes = itertools.accumulate(map(len, self._lines))
            count = max(1, sum(1 for _ in itertools.takewhile(self._at_once.__ge__, sizes)))
            data = b"".join(itertools.islice(self._lines, count))
            for _ in range(count):
                self._lines.popleft()
            return count, 0, data

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # another program on the terminal made it non-blocking
                select.select([], [self._fd], [])


class LineHandler(logging.Handler):
    """Queues each record in a `LineWriter`, as the line that `form` makes of it."""

    def __init__(self, writer: LineWriter, form: LineFormat) -> None:
        super().__init__()
        self._writer = writer
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self._form.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Wait a moment for the queued lines. `logging.shutdown` calls this at the end of the process."""
        super().close()
        self._writer.flush()
        self._writer.close()
