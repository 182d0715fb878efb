"""The gap in the frames of a room that a slow reader was not sent."""

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.dialect import Changes
from pylingo.shared.codec import encode
from pylingo.shared.messages import Skipped


class Gap:
    """Frames of a room that were left out: `count` messages with `after` < at <= `until`, and others."""

    __slots__ = ("after", "changes", "count", "until")

    def __init__(self, changes: Changes | None = None) -> None:
        self.count = self.after = self.until = 0
        self.changes = changes
        """Kept for other dialects, which cannot ask who is there."""

    def add(self, count: int, first: int, last: int) -> None:
        """Add `count` messages, stamped `first` to `last`; 0 if only joins, leaves and renames were left out."""
        if count:
            if not self.count:
                self.after = first - 1
            self.count += count
            self.until = last

    def note(self, batch: Batch, mark: int) -> None:
        """Note who comes and goes in the frames of `batch` from `mark` on, for another dialect."""
        if self.changes is not None:
            for record in batch.records(mark, len(batch.frames)):
                self.changes.note(record)

    def skipped(self, room: str, newest_stamp: int) -> bytes:
        """Return the frame `skipped` for a room, "" for private messages. Without messages, it names `newest_stamp`."""
        if not self.count:
            self.after = self.until = newest_stamp
        return encode(Skipped(room or None, self.count, self.after, self.until))
