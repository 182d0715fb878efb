"""The names of a cluster's keys and channels in Redis. Pure.

The rooms are dealt to a fixed number of lanes. All names of a lane share one hash tag, so a Redis Cluster keeps them on
one node, where one function can use them together.
"""

import zlib

NAME = "pylingo"
"""The name of a cluster, in front of all its names in Redis."""


class Keys:
    """The names that the cluster called `name` uses in the database with the number `db`, for `lanes` lanes.

    Channels carry the number of the database because Redis's publishing ignores databases.
    """

    __slots__ = ("db", "lanes", "name")

    def __init__(self, name: str = NAME, db: int = 0, lanes: int = 1) -> None:
        self.name = name
        self.db = db
        self.lanes = lanes

    def lane(self, room: str) -> int:
        """The lane of a room, given by its compared form."""
        return zlib.crc32(room.encode()) % self.lanes

    def key(self, lane: int, rest: str) -> str:
        """The name of a key in a lane."""
        return f"{self.name}:{{{lane}}}{rest}"

    def channel(self, lane: int, rest: str) -> str:
        """The name of a channel in a lane."""
        return f"{self.name}/{self.db}:{{{lane}}}{rest}"

    def of_room(self, kind: str, room: str) -> str:
        """The key of one kind for a room, in the room's lane: `r` for its stream, `h` for its head, and so on."""
        return self.key(self.lane(room), f"{kind}:{room}")
