"""Counters of a server of a cluster since its start, as plain numbers, for the log and for a collector."""

from collections.abc import Callable
from dataclasses import dataclass

from pylingo.reactor.bus.redis.stillness import PATIENCE
from pylingo.shared.text import counted


@dataclass(slots=True)
class Counters:
    """The counters. They only rise, even if the server is given up and begins anew; `Standstill` says how it is now."""

    commits: int = 0
    """Calls to Redis, each with the batches of one or more rooms."""
    batches: int = 0
    events: int = 0
    """Messages, joins, leaves and so on in the batches."""
    repairs: int = 0
    """How often a room has read what it had missed."""
    links_lost: int = 0
    """How often Redis was away, because a connection broke or Redis was not ready."""
    reconnects: int = 0
    standstills: int = 0
    """How often people were told that talk stands still."""
    ms_still: int = 0
    """Milliseconds for which it did so, without a standstill that lasts."""
    sessions_taken: int = 0
    """Sessions that came from other servers."""
    sessions_given: int = 0
    sessions_overruled: int = 0
    """Sessions that were given up here, as it turned out that another server had them."""
    foreign_leaves: int = 0
    """How often another server has put somebody out of a room who was here."""
    servers_reaped: int = 0
    """Servers that this one has given up."""
    given_up: int = 0
    """How often this server was given up by the others."""
    observe_commit: Callable[[float], object] | None = None
    """Called with the seconds that Redis took for a call."""

    def show(self) -> str:
        """The counters in one line."""
        work = f"{counted(self.events, 'event')} in {counted(self.batches, 'batch', 'batches')}"
        lost, back = counted(self.links_lost, "time"), counted(self.reconnects, "time")
        return (
            f"{work} in {counted(self.commits, 'commit')}; {counted(self.repairs, 'repair')},"
            f" {lost} without Redis, {back} back; talk stood still {counted(self.standstills, 'time')}"
            f" for {self.ms_still} ms; {counted(self.sessions_taken, 'session')} taken, {self.sessions_given} given,"
            f" {counted(self.servers_reaped, 'server')} given up, {counted(self.given_up, 'time')} given up"
            f"; {counted(self.sessions_overruled, 'session')} overruled, {self.foreign_leaves} put out by others"
        )


class Standstill:
    """Measures for how long talk stands still. `clock` gives seconds."""

    def __init__(self, counters: Counters, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._clock = clock
        self._since: float | None = None

    @property
    def ms(self) -> int:
        """Milliseconds of the standstill that lasts; 0 if there is none."""
        return 0 if self._since is None else round((self._clock() - self._since) * 1_000)

    def note(self, is_still: bool) -> None:
        """Talk stands still, as people are told after `PATIENCE`, or goes on."""
        self._counters.ms_still += self.ms
        if is_still and self._since is None:
            self._counters.standstills += 1
        self._since = self._clock() - PATIENCE if is_still else None
