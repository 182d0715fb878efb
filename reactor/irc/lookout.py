"""The lookout for people on other servers of the cluster whose names somebody here watches.

A server knows at once who comes to it and who goes. Of the other servers it asks every few seconds, and for the names
that are watched alone. A server that is alone asks nobody.
"""

from collections.abc import Callable, Collection

PERIOD = 2.0
"""Seconds between two questions."""

type Present = Callable[[Collection[str], Callable[[dict[str, str]], object]], object]
"""See `Bus.present`."""


class Lookout:
    """See the module. `watched` returns the watched names. `note(name)` is called for each that came or went.

    Names are given by their compared form. `call_later(seconds, callback)` is the reactor's.
    """

    def __init__(
        self,
        present: Present,
        watched: Callable[[], Collection[str]],
        note: Callable[[str], object],
        call_later: Callable[..., object],
    ) -> None:
        self._present = present
        self._watched = watched
        self._note = note
        self._call_later = call_later
        self._found: dict[str, str] = {}
        self._is_looking = False

    def spelling(self, key: str) -> str | None:
        """How somebody spells the name, as far as is known; None if nobody has it."""
        return self._found.get(key)

    def watch(self, found: dict[str, str]) -> None:
        """Names are watched from now on. `found` has those that somebody has at the moment."""
        self._found |= found
        if not self._is_looking:
            self._is_looking = True
            self._call_later(PERIOD, self._look)

    def _look(self) -> None:
        keys = [*self._watched()]
        if keys:
            self._present(keys, self._compare)
        else:
            self._is_looking = False
            self._found = {}

    def _compare(self, found: dict[str, str]) -> None:
        before, self._found = self._found, found
        for key in before.keys() ^ found.keys():
            self._note(key)
        self._call_later(PERIOD, self._look)
