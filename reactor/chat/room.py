"""A room, its members, and the batch of what it says in one tick.

This is what makes the server fast. A frame for a room is encoded once and appended once, whatever the number of
members. At the end of the tick the batch is joined once, and every member gets that same buffer: for each member
and tick one `send`, for each message nothing. The busier the server, the larger the batches.

Only a member who did something in this tick gets a view of its own: pieces of the batch, as slices that share its
memory, with its own answers between them. See `view`.
"""

import itertools
from typing import TYPE_CHECKING

from reactor.chat.listing import Directory

if TYPE_CHECKING:
    from reactor.chat.session import Session


_NOTHING = memoryview(b"")


class Batch:
    """The frames of one room in one tick, in their order. `stamps` has for each the `at` of a message, else 0."""

    __slots__ = ("_data", "_starts", "count", "first", "frames", "last", "stamps")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.stamps: list[int] = []
        self._data = _NOTHING
        self._starts: list[int] | None = None
        self.count = self.first = self.last = 0

    def add(self, frame: bytes, at: int = 0) -> None:
        """Append a frame; `at` if it is a message."""
        self.frames.append(frame)
        self.stamps.append(at)

    def seal(self) -> memoryview:
        """Join the frames: no more are added. A memory view, which tells a queue's room frames from direct answers."""
        self._data = memoryview(b"".join(self.frames))
        self.count, self.first, self.last = self.missed(0, len(self.frames))
        return self._data

    def cut(self, begin: int, end: int) -> memoryview:
        """The bytes of the frames `begin` to `end`, not copied."""
        if self._starts is None:
            self._starts = [0, *itertools.accumulate(map(len, self.frames))]
        return self._data[self._starts[begin] : self._starts[end]]

    def missed(self, begin: int, end: int) -> tuple[int, int, int]:
        """How many messages are among the frames `begin` to `end`, and the first and last of their stamps."""
        stamps = [at for at in self.stamps[begin:end] if at]
        return (len(stamps), stamps[0], stamps[-1]) if stamps else (0, 0, 0)


class Room:
    """Who is in it, and what it has said in this tick. A session is in at most one room.

    `name` is how its first member typed it, `key` the form by which it is compared.
    """

    __slots__ = ("batch", "directory", "key", "members", "name")

    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.key = key
        self.members: dict[Session, None] = {}
        self.directory = Directory()
        """The keys of the members."""
        self.batch = Batch()

    def add(self, member: "Session") -> None:
        """`member` comes in."""
        self.members[member] = None
        self.directory.add(member.key)

    def remove(self, member: "Session") -> None:
        """`member` goes out."""
        del self.members[member]
        self.directory.remove(member.key)

    def flush(self, soft: int) -> int:
        """Give the batch to every member who has no view of its own; returns how many messages members missed.

        A member with more than `soft` bytes queued is left out: it reads too slowly, and nobody waits for it.
        """
        batch = self.batch
        data = batch.seal()
        missed = 0
        for member in self.members:
            if member.view is None:
                out = member.out
                if member.gap is None and out.queued <= soft:
                    out.send(data)
                else:
                    member.miss(batch)
                    missed += batch.count
        return missed

    def end_tick(self) -> None:
        """Everybody has the batch: begin a new one."""
        self.batch = Batch()
