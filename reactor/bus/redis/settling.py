"""The proposals of this server that have not taken effect yet: since when, and who waits for them."""

from collections.abc import Callable

from pylingo.reactor.bus.redis.feed import Feed


class Settling:
    """Counts the proposals of all feeds. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._busy: dict[Feed, None] = {}
        self._waiters: list[tuple[dict[Feed, int], Callable[[], object]]] = []

    @property
    def is_idle(self) -> bool:
        """Whether every proposal has taken effect."""
        return not self._busy

    @property
    def busy(self) -> list[Feed]:
        """The feeds with proposals that have not taken effect."""
        return list(self._busy)

    @property
    def waiting(self) -> int:
        """How many events that were proposed have not taken effect."""
        return sum(feed.waiting for feed in self._busy)

    @property
    def lag(self) -> float:
        """The seconds since the oldest proposal that has not taken effect; 0 if there is none."""
        since = min((_oldest(feed) for feed in self._busy), default=None)
        return 0.0 if since is None else max(0.0, self._clock() - since)

    def proposed(self, feed: Feed) -> None:
        """Something was proposed."""
        feed.proposed += 1
        self._busy[feed] = None

    def settled(self, feed: Feed, count: int) -> None:
        """The oldest `count` proposals have taken effect, or were withdrawn."""
        feed.settled += count
        self.check(feed)

    def check(self, feed: Feed) -> None:
        """Call those that waited for the proposals of `feed` up to now."""
        if feed.settled >= feed.proposed:
            self._busy.pop(feed, None)
        if self._waiters:
            for targets, _ in self._waiters:
                if targets.get(feed, feed.settled + 1) <= feed.settled:
                    del targets[feed]
            done = [callback for targets, callback in self._waiters if not targets]
            self._waiters = [waiter for waiter in self._waiters if waiter[0]]
            for callback in done:
                callback()

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Call `callback` when everything proposed until now has taken effect; at once if it has."""
        targets = {feed: feed.proposed for feed in self._busy}
        if targets:
            self._waiters.append((targets, callback))
        else:
            callback()


def _oldest(feed: Feed) -> float:
    if feed.flight is not None and feed.flight.proposals:
        return feed.flight.proposals[0].since
    return feed.pending[0].since if feed.pending else float("inf")
