"""The newest batches of all rooms of this server, with which Redis is restored if it loses them.

A Redis that writes its log to the disk each second loses the last second or two in a crash. One that fails over to a
replica loses what the replica did not have. Each server that was told of a batch can bring it back.
"""

from collections import deque
from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import redacted
from pylingo.reactor.bus.redis.feed import Arrival

MOST_SECONDS = 10.0
MOST_BYTES = 16 << 20


class Ring:
    """Keeps the batches of the last `seconds` seconds, at most `size` bytes of them."""

    def __init__(self, clock: Callable[[], float], seconds: float = MOST_SECONDS, size: int = MOST_BYTES) -> None:
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._rooms: dict[str, deque[Arrival]] = {}
        self._order: deque[tuple[float, str, int]] = deque()  # the time, the room and the size of each batch
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, room: str, arrival: Arrival) -> None:
        """Keep a batch of a room."""
        now = self._clock()
        size = len(arrival.data) - arrival.offset
        self._rooms.setdefault(room, deque()).append(arrival)
        self._order.append((now, room, size))
        self.bytes += size
        while self._order and (self._order[0][0] < now - self._seconds or self.bytes > self._size):
            self._drop_oldest()

    def above(self, room: str, stamp: int) -> list[Arrival]:
        """The batches of a room above a stamp, in their order."""
        return [arrival for arrival in self._rooms.get(room, ()) if arrival.top > stamp]

    def redact(self, room: str, at: int) -> None:
        """Take the text of a message out of its batch: restoring must not bring it back."""
        batches = self._rooms.get(room, deque())
        for index, arrival in enumerate(batches):
            if arrival.top >= at:
                data = redacted(arrival.data[arrival.offset :], arrival.top, at)
                if data is not None:
                    batches[index] = Arrival(arrival.before, arrival.top, data)
                return

    def _drop_oldest(self) -> None:
        _, room, size = self._order.popleft()
        self.bytes -= size
        batches = self._rooms[room]
        batches.popleft()
        if not batches:
            del self._rooms[room]
