"""The seats without a connection that a server keeps for others for the grace time. Pure.

They are those of servers that are gone, and those that were given to a server that may not take them any more.
"""

from collections.abc import Callable

from pylingo.reactor.bus.redis.sessions import SessionRecord


class Ghosts:
    """See the module. `bury(number, rooms)` is called at the end of the grace time of a seat."""

    def __init__(self, bury: Callable[[int, list[str]], object]) -> None:
        self._bury = bury
        self._kept: dict[int, list[str]] = {}
        self.records: dict[int, SessionRecord] = {}
        """The records of those that this server owns, by number."""

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, ghosts: dict[int, list[str]], records: dict[int, SessionRecord]) -> None:
        """Keep these seats, each in some rooms by compared form, until `bury`. Those with records are ours."""
        self._kept.update(ghosts)
        self.records.update(records)

    def give(self, number: int) -> bool:
        """Somebody takes this seat. Return whether it was kept."""
        self.records.pop(number, None)
        return self._kept.pop(number, None) is not None

    def bury(self, ghosts: dict[int, list[str]]) -> None:
        """The grace time of these is over: they leave their rooms, unless somebody took them."""
        for number, rooms in ghosts.items():
            if self._kept.get(number) is rooms:
                self.give(number)
                self._bury(number, rooms)
