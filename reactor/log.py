"""Output that never holds up the loop, and a log that no peer can forge.

A terminal under ^S, or a pipe that nobody reads, takes no more, and a thread that writes to it stands still until it
does. So the loop only hands lines over (as with `logging.handlers.QueueHandler`), and a thread writes them. The
library's `QueueListener` is no help here: its `stop` waits for that thread for ever. A record is one line, and nothing
in it acts on a terminal.
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

WAITING = 2**20
"""Bytes of lines that wait for an output that takes none."""
PATIENCE = 1.0
"""Seconds that the end waits for an output, and between two tries of one that has failed."""
_AT_ONCE = 65_536  # bytes handed to the system in one call


class LineWriter:
    """Writes lines to a descriptor, in a thread of its own.

    Lines beyond `most` bytes are left out until those that wait are written; then a line says how many there were.
    Lines that the system refuses (a full disk) are left out as well. `error` is what it said last; None if all is well.
    """

    def __init__(self, fd: int, most: int = WAITING) -> None:
        self.error: OSError | None = None
        self._fd = fd
        self._most = most
        self._lines: collections.deque[bytes] = collections.deque()
        self._size = 0  # bytes of the lines, and of those that are being written
        self._left_out = 0
        self._is_closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name=f"output {fd}", daemon=True).start()

    def write(self, line: str) -> None:
        """Have `line` written when its turn comes. From any thread; never waits for the descriptor."""
        data = line.encode("utf-8", "replace") + b"\n"
        with self._changed:
            if self._left_out or self._size + len(data) > self._most:
                self._left_out += 1
            else:
                self._lines.append(data)
                self._size += len(data)
                self._changed.notify_all()

    def flush(self, timeout: float = PATIENCE) -> bool:
        """Wait until everything is written, at most `timeout` seconds and not after an error; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_idle or self.error is not None, timeout) and self._is_idle

    def close(self) -> None:
        """Have the thread end as soon as everything is written."""
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
        """How many lines are to be written now, or how many that were left out are to be told, and the bytes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_idle or self._is_closed)
            if self._is_closed and (self._is_idle or self.error):
                return None
            if not self._lines:
                count = self._left_out
                return 0, count, b"lines left out here, as they could not be written in time: %d\n" % count
            sizes = itertools.accumulate(map(len, self._lines))
            count = max(1, sum(1 for _ in itertools.takewhile(_AT_ONCE.__ge__, sizes)))
            data = b"".join(itertools.islice(self._lines, count))
            for _ in range(count):
                self._lines.popleft()
            return count, 0, data

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # somebody who shares the terminal has made it non-blocking
                select.select([], [self._fd], [])


class LineHandler(logging.Handler):
    """Hands each record to a `LineWriter` as one line, a traceback as lines behind it."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Wait a moment for what is not written yet. The end of the process comes here by `logging.shutdown`."""
        super().close()
        self._writer.flush()
        self._writer.close()


class CleanFormatter(logging.Formatter):
    """Makes control characters visible. The lines of a traceback are indented, so that none looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name is logging's
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join("    " + printable(line) for line in lines)


def log_to_stderr(level: str) -> LineWriter:
    """Log what is at least `level` to stderr; returns what writes there. A closed stderr is no error."""
    writer = LineWriter(2)
    handler = LineHandler(writer)
    handler.setFormatter(CleanFormatter("{asctime} {levelname:<7} {message}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False
    return writer
