"""The monitor lists of all clients: the names that each of them watches.

https://ircv3.net/specs/extensions/monitor describes it. A client gets one line when somebody with a watched name comes,
and one when they have gone. The changes of one tick, such as a new name that is the old one in another spelling, are
looked at as a whole.
"""

from collections.abc import Callable, Collection, Iterable

MOST = 100
"""The most names that one client may watch."""


class Monitors[C]:
    """See the module. Names are given by their compared form. `spelling` returns how somebody here spells a name.

    `tell(client, name, is_here)` is called for each change, with the name as the person spells it, or did at last.
    `schedule(callback)` must run `callback` soon, once everything that happens now has happened.
    """

    def __init__(
        self,
        spelling: Callable[[str], str | None],
        tell: Callable[[C, str, bool], object],
        schedule: Callable[[Callable[[], object]], object],
    ) -> None:
        self._spelling = spelling
        self._tell = tell
        self._schedule = schedule
        self._watchers: dict[str, dict[C, str]] = {}  # by name: the clients, and how they have spelled it
        self._watched: dict[C, dict[str, str]] = {}  # by client: the names, and how it has spelled them
        self._known: dict[str, str | None] = {}  # the spelling of a name that somebody has
        self._changed: dict[str, None] = {}  # names to look at soon

    def __len__(self) -> int:
        """The number of names that are watched."""
        return len(self._watchers)

    def keys(self) -> Collection[str]:
        """The names that are watched."""
        return self._watchers.keys()

    def watch(self, client: C, key: str, name: str) -> bool:
        """Have `client` watch a name. Return False if it may not watch any more."""
        names = self._watched.setdefault(client, {})
        if key not in names and len(names) >= MOST:
            return False
        names[key] = name
        self._watchers.setdefault(key, {})[client] = name
        self._known.setdefault(key, self._spelling(key))
        return True

    def unwatch(self, client: C, keys: Iterable[str]) -> None:
        """Have `client` watch these names no more."""
        names = self._watched.get(client, {})
        for key in [*keys]:
            if names.pop(key, None) is not None:
                del self._watchers[key][client]
                if not self._watchers[key]:
                    del self._watchers[key], self._known[key]
        if not names:
            self._watched.pop(client, None)

    def forget(self, client: C) -> None:
        """The client has gone, or watches nobody any more."""
        self.unwatch(client, self._watched.get(client, {}))

    def watchers(self, key: str) -> tuple[C, ...]:
        """The clients that watch a name."""
        return tuple(self._watchers.get(key, ()))

    def names(self, client: C) -> dict[str, str]:
        """The names that a client watches, as it has spelled them, by their compared form."""
        return dict(self._watched.get(client, {}))

    def note(self, key: str) -> None:
        """Somebody has come or gone under this name."""
        if key in self._watchers:
            if not self._changed:
                self._schedule(self._look)
            self._changed[key] = None

    def _look(self) -> None:
        changed, self._changed = self._changed, {}
        for key in changed:
            if key not in self._watchers:
                continue
            before, now = self._known[key], self._spelling(key)
            self._known[key] = now
            if (before is None) == (now is None):
                continue
            for client in self._watchers[key]:
                self._tell(client, now or before or key, now is not None)
