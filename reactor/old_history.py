"""The history file of a single server that is stopped, for the import into a cluster."""

import os
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import quote

from pylingo.reactor.history.charter import Charter
from pylingo.reactor.history.database import VERSION
from pylingo.reactor.history.store import newest, read_charters, read_topics, rooms
from pylingo.reactor.history.topics import StoredTopic
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Entry


class OldHistory:
    """The rooms of a file, which nobody writes meanwhile; none if there is no file.

    Raises `LaunchError` if the file cannot be read, or is of another version.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: sqlite3.Connection | None = None
        if not os.path.exists(path):
            return
        place = quote(os.path.abspath(path))
        try:  # not read-only: such a connection may leave files beside it
            self._file = sqlite3.connect(f"file:{place}?mode=rw", uri=True)
            version = self._file.execute("pragma user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise self._unreadable(error) from None
        if version != VERSION:
            self._file.close()
            words = f"the history {path} has the version {version}, and this program reads {VERSION}"
            raise LaunchError(f"{words}: start the single server once with this program, which upgrades it")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def read(self, most: int) -> Iterator[tuple[str, list[Entry], StoredTopic | None, Charter | None]]:
        """Yield each room, in its compared form, with its newest messages, ascending, its topic and its charter."""
        if self._file is None:
            return
        try:
            topics, charters = dict(read_topics(self._file)), dict(read_charters(self._file))
            for room in dict.fromkeys([*rooms(self._file), *topics]):
                yield room, newest(self._file, room, most), topics.get(room), charters.get(room)
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.Error) -> LaunchError:
        return LaunchError(f"cannot read the history {self._path}: {error}", 1)
