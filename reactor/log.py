"""The log and the output of the server: writing never blocks the loop, and no peer can forge a log record.

A terminal stopped with ^S, or a pipe that nobody reads, blocks the thread that writes to it. The loop therefore only
queues lines, as `logging.handlers.QueueHandler` does, and a thread writes them. `logging.handlers.QueueListener` is not
used because its `stop` waits for that thread without a limit. A record is one line, without characters that a terminal
acts on.
"""

import collections
import errno
import itertools
import logging
import os
import select
import threading
import time

from pylingo.shared.text import printable

_WAITING = 2**20  # bytes of queued lines at most
PATIENCE = 1.0
"""Seconds that the end of the process waits for an output, and between two attempts at one that has failed."""
_AT_ONCE = 65_536  # bytes of one write


class LineWriter:
    """Writes lines to a descriptor, in its own thread.

    Lines beyond `most` bytes are left out until the queued lines are written. Then a line tells their number. Lines
    that cannot be written, for instance to a full disk, are left out as well. `error` is the error of the last write,
    or None. One write has at most `at_once` bytes, or one line.
    """

    def __init__(self, fd: int, most: int = _WAITING, at_once: int = _AT_ONCE) -> None:
        self.error: OSError | None = None
        self._fd = fd
        self._most = most
        self._at_once = at_once
        self._lines: collections.deque[bytes] = collections.deque()
        self._size = 0  # bytes of the queued lines and of those being written
        self._left_out = 0
        self._is_closed = False
        self._changed = threading.Condition()
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
        with self._changed:
            return self._changed.wait_for(lambda: self._is_idle or self.error is not None, timeout) and self._is_idle

    def close(self) -> None:
        """End the thread after the last line."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def _is_idle(self) -> bool:
        return not self._size and not self._left_out

    def _run(self) -> None:
        while True:
            try:
                batch = self._take()
            except MemoryError:
                time.sleep(PATIENCE)
                continue
            if batch is None:
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
                    self._changed.wait_for(lambda: self._is_closed, PATIENCE)

    def _take(self) -> tuple[int, int, bytes] | None:
        """Return the bytes to write, after the number of their lines and of the left-out lines that they report."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_idle or self._is_closed)
            if self._is_closed and (self._is_idle or self.error):
                return None
            if not self._lines:
                count = self._left_out
                return 0, count, b"lines left out here because they could not be written in time: %d\n" % count
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
    """Queues each record in a `LineWriter`: one line, and the lines of a traceback after it."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Wait a moment for the queued lines. `logging.shutdown` calls this at the end of the process."""
        super().close()
        self._writer.flush()
        self._writer.close()


class CleanFormatter(logging.Formatter):
    """Makes control characters visible. Indents the lines of a traceback, so that none looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name is logging's
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join("    " + printable(line) for line in lines)


def log_to_stderr(level: str, name: str = "") -> LineWriter:
    """Log records of at least `level` to stderr, and return its writer. A closed stderr is not an error.

    A process that shares stderr with others gives its `name`, which its records then carry.
    """
    writer = LineWriter(2, at_once=select.PIPE_BUF) if name else LineWriter(2)  # a pipe takes that much in one piece
    handler = LineHandler(writer)
    handler.setFormatter(CleanFormatter(f"{{asctime}} {{levelname:<7}} {name and name + ': '}{{message}}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False
    return writer
