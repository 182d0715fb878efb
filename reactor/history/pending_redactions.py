"""The redactions that the file may not have: texts that are out of memory, and perhaps still on disk."""

import sqlite3
from collections.abc import Callable

from pylingo.reactor.history.store import redact
from pylingo.reactor.history.writer_queue import Redaction


class PendingRedactions:
    """See the module. If the file cannot be used when a redaction comes, `again` makes it once more."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: dict[tuple[str, int], None] = {}  # rooms and stamps

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, room: str, at: int, done: Callable[[bool], object]) -> Redaction:
        """Return the task that takes a text out of the file.

        `done(is_there)` is called once, in the loop: when the text is out of the file, or when the file has failed.
        `is_there` says whether the file had such a message, and is true if it has failed.
        """
        self._pending[room, at] = None
        is_told = False

        def tell(is_there: bool) -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                done(is_there)

        def ask(file: sqlite3.Connection) -> Callable[[], object]:
            is_there = redact(file, room, at)

            def committed() -> None:
                self._pending.pop((room, at), None)
                tell(is_there)

            return committed

        return Redaction(ask, lambda: tell(True), room=room, at=at)

    def again(self) -> list[Redaction]:
        """Return a task for each text that may still be in the file."""
        return [self.begin(room, at, lambda is_there: None) for room, at in [*self._pending]]
