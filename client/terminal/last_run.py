"""The rooms of the last run at the same server, which the window enters again, and what keeps them for the next run."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pylingo.client.options import ClientOptions
from pylingo.client.state import SavedRooms, load, save
from pylingo.shared.address import show_address
from pylingo.shared.names import fold


class LastRun:
    """`path` is the state file, or None. `trouble` says why it cannot be read; then the window goes on without it."""

    def __init__(self, options: ClientOptions, path: Path | None) -> None:
        self.trouble: str | None = None
        self._server = show_address(options.host, options.port)
        self._path = path
        saved = self._load()
        self.is_first = path is not None and self.trouble is None and not os.path.exists(path)
        """Whether there was no run yet, as far as the state file tells."""
        is_added = options.room is not None and (options.is_room_given or not saved.rooms)
        first = [options.room] if is_added and options.room is not None else []
        self.rooms = first + [room for room in saved.rooms if fold(room) not in map(fold, first)]
        """The rooms to enter. The one that is shown comes first."""
        self.seen = saved.seen
        """The newest stamp that was seen in each room, by compared form."""

    def keep(self, rooms: Sequence[str], seen: Mapping[str, int]) -> None:
        """Save the rooms for the next run. Raises `OSError`."""
        if self._path is not None:
            save(self._path, self._server, rooms, seen)

    def _load(self) -> SavedRooms:
        if self._path is None:
            return SavedRooms()
        try:
            return load(self._path, self._server)
        except OSError as error:
            self.trouble = f"the state file {self._path} is not used: {error.strerror}"
        except ValueError as error:
            self.trouble = str(error)
        return SavedRooms()
