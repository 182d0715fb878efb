"""The messages that were sent while the history file could not be used, until they are written after all."""

import itertools
import sqlite3
from collections import deque
from collections.abc import Callable

from pylingo.reactor.history import store
from pylingo.reactor.history.store import Row

_ROWS_PER_COMMIT = 2_000
_ROW_SIZE = 300  # bytes of a row in memory besides its text, about


class Backlog:
    """Rows, oldest first, of about `most` bytes in all. Beyond that, the oldest are lost."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._rows: deque[Row] = deque()
        self._size = 0
        self.written = 0
        """Rows that are in the file by now."""
        self.lost = 0
        """Rows that did not fit, or whose stamps belong to other messages in the file."""

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: list[Row]) -> None:
        self._rows.extend(rows)
        self._size += sum(map(row_size, rows))
        while self._size > self.most:
            self._size -= row_size(self._rows.popleft())
            self.lost += 1

    def write(self, file: sqlite3.Connection, between: Callable[[], object]) -> None:
        """Write the rows in several commits. `between` is called after each, and may add rows."""
        while self._rows:
            rows = list(itertools.islice(self._rows, _ROWS_PER_COMMIT))
            written = store.insert(file, rows)
            if written < len(rows):
                written = sum(store.holds(file, row) for row in rows)
            self.written += written
            self.lost += len(rows) - written
            for row in rows:
                self._rows.popleft()
                self._size -= row_size(row)
            between()


def row_size(row: Row) -> int:
    """Estimate the bytes of a row in memory."""
    return _ROW_SIZE + 4 * len(row[3])
