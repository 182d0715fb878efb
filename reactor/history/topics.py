"""The topics of rooms, in memory. A room that exists has its own topic; this remembers it when the room empties."""

from typing import NamedTuple

from pylingo.reactor.history.per_room import PerRoom


class StoredTopic(NamedTuple):
    """A topic, set `by` somebody at the time `at` (microseconds since 1970)."""

    text: str
    by: str
    at: int


Topics = PerRoom[StoredTopic]
