"""The identity of the history file: whether its path still leads to it, and whether a damaged file was replaced."""

import contextlib
import os
import sqlite3
import time

from pylingo.reactor.history.database import HistoryFileError

_ENDINGS = ("", "-wal", "-shm")
_CHECK_EVERY = 1.0  # seconds


class FileGoneError(HistoryFileError):
    """The file's path leads to another file, or to none."""


class FileIdentity:
    """The files at `path` and beside it (SQLite has two more), as they were when the database was opened."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._files: tuple[object, ...] = ()
        self._damaged: object = None
        self.next_check = 0.0
        """When to `check` next, on the monotonic clock."""

    @property
    def is_known(self) -> bool:
        """Whether the file was open before."""
        return bool(self._files)

    def remember(self) -> None:
        """Note which files are there: the database is open."""
        self._files = self._look()
        self._damaged = None

    def check(self) -> None:
        """Raise `FileGoneError` if the open file can no longer be found at its path."""
        self.next_check = time.monotonic() + _CHECK_EVERY
        for before, now in zip(self._files, self._look(), strict=False):
            if before is not None and before != now:
                raise FileGoneError("it was deleted, renamed or replaced while the server had it open")

    def abandon(self, file: sqlite3.Connection) -> None:
        """Close a file that is gone, with everything in the file itself, wherever that is now.

        Remove the journal that SQLite would leave behind: the next file at this path would take it for its own.
        """
        with contextlib.suppress(sqlite3.Error):
            file.execute("pragma wal_checkpoint(truncate)").fetchall()
        file.close()
        before, now = self._files, self._look()
        if before[0] != now[0]:
            for ending, old, new in zip(_ENDINGS[1:], before[1:], now[1:], strict=True):
                if old is not None and old == new:
                    with contextlib.suppress(OSError):
                        os.unlink(self.path + ending)

    def mark_damaged(self) -> None:
        """Note that the file, which is closed now, is damaged."""
        self._damaged = _identify(self.path, "st_ino", "st_size", "st_mtime_ns")

    def is_damaged(self) -> bool:
        """Return whether the file is still the damaged one. Opening that again is of no use."""
        return self._damaged is not None and self._damaged == _identify(self.path, "st_ino", "st_size", "st_mtime_ns")

    def _look(self) -> tuple[object, ...]:
        return tuple(_identify(self.path + ending, "st_dev", "st_ino") for ending in _ENDINGS)


def _identify(path: str, *fields: str) -> object:
    """Return these fields of the file's status, or None if there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return tuple(getattr(status, field) for field in fields)
