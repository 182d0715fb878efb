"""The client's state file: the rooms of the last run, and how far each of them was read.

It is JSON in the platform's state folder, for each server by its address: the rooms, the current one first, and the
newest stamp that was seen in each and among the private messages. It never contains a text or a person's name. The
client works without it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from pylingo.client.histories import INBOX
from pylingo.client.locked_file import locked, replace
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold, room_name
from pylingo.shared.value_class import value_class

SERVERS_KEPT = 32
"""Servers whose rooms are remembered: those used last."""
ROOMS_KEPT = 20
"""Rooms that are remembered for each server: as many as one can be in."""
_LARGEST = 1 << 20  # bytes that are read; more than this module ever writes, so what is cut off is damaged
_LAST_STAMP = 2**63 - 1


@value_class
class SavedRooms:
    """The rooms at one server, the current one first. `seen` has stamps by the compared form of a room's name."""

    rooms: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


def default_path() -> Path | None:
    """Return the path of the file; None without a home folder."""
    from platformdirs import user_state_path

    try:
        path = user_state_path("pylingo", appauthor=False) / "state.json"
    except RuntimeError:  # older versions return a relative path
        return None
    return path if path.is_absolute() else None


def load(path: Path, server: str) -> SavedRooms:
    """Read the rooms at `server`. Raises `OSError` if the file cannot be read, and `ValueError` if it is damaged."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST)
    except FileNotFoundError:
        return SavedRooms()
    return _read(path, data).get(server, SavedRooms())


def save(path: Path, server: str, rooms: Sequence[str], seen: Mapping[str, int]) -> None:
    """Write the rooms at `server`, and keep those at the servers used last. Raises `OSError`.

    Another window may have read further in a room, so of two stamps the newer one stays. A damaged file is replaced.
    Names and stamps that no sound server has are left out.
    """
    with locked(path) as target:
        try:
            servers = _read(path, target.read_bytes()[:_LARGEST])
        except ValueError:
            servers = {}
        before = servers.pop(server, SavedRooms())
        kept = [room for room in rooms if _is_room(room)][:ROOMS_KEPT]
        newest = dict(before.seen)
        for place, at in seen.items():
            if 0 <= at <= _LAST_STAMP:
                newest[place] = max(at, newest.get(place, 0))
        places = {*map(fold, kept), INBOX}
        servers[server] = SavedRooms(kept, {place: at for place, at in newest.items() if place in places})
        latest = list(servers.items())[-SERVERS_KEPT:]
        content = {name: {"rooms": saved.rooms, "seen": saved.seen} for name, saved in latest}
        replace(target, json.dumps({"servers": content}, indent=1) + "\n")


def _read(path: Path, data: bytes) -> dict[str, SavedRooms]:
    """The rooms by server, the server used last comes last. Raises `ValueError`; an empty file is sound."""
    if not data:
        return {}
    try:
        servers = json.loads(data)["servers"]
        return {server: _saved_rooms(entry) for server, entry in servers.items()}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ValueError(f"the state file {path} is damaged: it is not used, and written anew") from None


def _saved_rooms(entry: Any) -> SavedRooms:
    """Check one server's entry: names that rooms can have, and stamps. Raises one of several exceptions."""
    rooms, seen = entry["rooms"], dict(entry["seen"].items())
    are_stamps = all(type(at) is int and 0 <= at <= _LAST_STAMP for at in seen.values())
    if type(rooms) is not list or len(rooms) > ROOMS_KEPT or not all(map(_is_room, rooms)) or not are_stamps:
        raise ValueError
    return SavedRooms(rooms, seen)


def _is_room(name: str) -> bool:
    try:
        return room_name(name) == name
    except RequestError:
        return False
