"""Applying the batches that have come, one by one, in the one order."""

from collections.abc import Callable

from pylingo.reactor.bus.redis.blob import Batch, read_batch
from pylingo.reactor.bus.redis.feed import Arrival, Feed, FeedListener, Flight, Gap, Reading
from pylingo.reactor.bus.redis.holdings import Holdings
from pylingo.reactor.bus.redis.ring import Ring
from pylingo.reactor.engine.loop import Reactor


class Effects:
    """Hands what has come to the listener of the server with the number `server`, and keeps it in the ring.

    `seen(stamp)` is called with the stamp of each batch before it takes effect, `landed(flight)` after an own one has.
    """

    def __init__(
        self,
        reactor: Reactor,
        server: int,
        ring: Ring,
        holdings: Holdings,
        listener: FeedListener,
        seen: Callable[[int], object],
        landed: Callable[[Flight], object],
    ) -> None:
        self._run_safely = reactor.run_safely
        self._holdings = holdings
        self._server = server
        self._ring = ring
        self._listener = listener
        self._seen = seen
        self._landed = landed

    def drain(self, feed: Feed) -> None:
        """Let everything take effect that may."""
        while feed.ready:
            item = feed.ready[0]
            if isinstance(item, Arrival):
                if not self._apply(feed, item):
                    return
            else:
                feed.ready.popleft()
                self._tell_gap(feed, item)

    def _apply(self, feed: Feed, arrival: Arrival) -> bool:
        """Let a batch take effect. Return whether it did: an own one may have to wait for replicas."""
        batch = read_batch(arrival.data, arrival.offset)
        flight = feed.flight
        if flight is not None and (batch.origin != self._server or batch.sequence != flight.sequence):
            flight = None
        if flight is not None and not flight.is_confirmed:
            return False
        feed.ready.popleft()
        feed.head = arrival.top
        self._seen(arrival.top)
        self._ring.add(feed.key, arrival)
        if batch.has_ops:
            self._note_ops(feed, batch)
        own = flight.proposals if flight is not None else None
        self._run_safely(self._listener.applied, feed, arrival.top, batch, own)
        if flight is not None:
            self._landed(flight)
        return True

    def _note_ops(self, feed: Feed, batch: Batch) -> None:
        if batch.origin == self._server:
            feed.note_own(batch.ops)
        for op in batch.ops:
            if op[0] == "redact":
                self._ring.redact(feed.key, op[1])
            elif op[0] == "leave" and op[1] in feed.own:  # another server has put out a session of this one
                feed.own.discard(op[1])
                self._holdings.drop(feed, op[1])

    def _tell_gap(self, feed: Feed, item: Gap | Reading) -> None:
        if isinstance(item, Gap):
            self._run_safely(self._listener.missed, feed, item.after, item.until)
        else:
            feed.read_anew(item)
            self._run_safely(self._listener.reread, feed)
