"""Where the history file is: whether its name still leads to it, and whether a damaged one was replaced."""

import contextlib
import os
import sqlite3
import time

from pylingo.reactor.history.opening import DiskError

_ENDINGS = ("", "-wal", "-shm")
_LOOK = 1.0  # seconds between two looks


class FileGoneError(DiskError):
    """Under the file's name there is another one, or none."""


class Place:
    """The file's name, and what is found there now and then. SQLite's other two files beside it count as well."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._parts: tuple[object, ...] = ()
        self._damaged: object = None
        self.next_look = 0.0
        """When to `check` next, on the monotonic clock."""

    def note(self) -> None:
        """The file is open: this is it."""
        self._parts = self._look()
        self._damaged = None

    def check(self) -> None:
        """Raises `FileGoneError` if what is written to the open file would not be found under its name any more."""
        self.next_look = time.monotonic() + _LOOK
        for before, now in zip(self._parts, self._look(), strict=False):
            if before is not None and before != now:
                raise FileGoneError("it was deleted, renamed or replaced while the server had it open")

    def let_go(self, file: sqlite3.Connection) -> None:
        """Close a file that is gone. All of it goes into the file itself, wherever that is now.

        SQLite would leave its journal, which the next one to open a file under this name takes for that file's.
        """
        with contextlib.suppress(sqlite3.Error):
            file.execute("pragma wal_checkpoint(truncate)").fetchall()
        file.close()
        ours, now = self._parts, self._look()
        if ours[0] != now[0]:
            for ending, before, after in zip(_ENDINGS[1:], ours[1:], now[1:], strict=True):
                if before is not None and before == after:
                    with contextlib.suppress(OSError):
                        os.unlink(self.path + ending)

    def note_damage(self) -> None:
        """The file, which is closed now, is damaged."""
        self._damaged = self._state()

    def is_damaged(self) -> bool:
        """Whether it is still the file that was found damaged: it is of no use to try that again."""
        return self._damaged is not None and self._damaged == self._state()

    def _look(self) -> tuple[object, ...]:
        return tuple(_inode(self.path + ending) for ending in _ENDINGS)

    def _state(self) -> object:
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def _inode(path: str) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
