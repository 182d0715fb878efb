"""What was said while the history file could not be used, until it is written after all."""

import itertools
import sqlite3
from collections import deque
from collections.abc import Callable

from pylingo.reactor.history import store
from pylingo.reactor.history.store import Row

_AT_ONCE = 2_000  # rows in one commit
_ROW_SIZE = 300  # about the bytes that a row takes in memory besides its text


class Backlog:
    """Rows, oldest first, of about `most` bytes in all: where there are more, the oldest are lost."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: deque[Row] = deque()
        self._size = 0
        self.written = 0
        """Rows that are in the file by now."""
        self.lost = 0
        """Rows for which there was no place, or whose stamps other messages in the file have."""

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: list[Row]) -> None:
        self._rows.extend(rows)
        self._size += sum(map(row_size, rows))
        while self._size > self._most:
            self._size -= row_size(self._rows.popleft())
            self.lost += 1

    def write(self, file: sqlite3.Connection, between: Callable[[], object]) -> None:
        """Write the rows in pieces. `between` is called after each, and may add to them."""
        while self._rows:
            rows = list(itertools.islice(self._rows, _AT_ONCE))
            there = store.insert(file, rows)
            if there < len(rows):
                there = sum(store.holds(file, row) for row in rows)
            self.written += there
            self.lost += len(rows) - there
            for row in rows:
                self._rows.popleft()
                self._size -= row_size(row)
            between()


def row_size(row: Row) -> int:
    """About the bytes that a row takes in memory."""
    return _ROW_SIZE + 4 * len(row[3])
