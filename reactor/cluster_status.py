"""The command `pylingo-server cluster status`: the servers of a cluster and the state of their Redis.

It only reads, so it can be asked as often as one likes, by a person or by a monitor.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from pylingo.reactor.bus.redis.fitness import parse_info
from pylingo.reactor.bus.redis.hearts import PERIOD, Hearts
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import Link, RedisError
from pylingo.reactor.bus.redis.redis_state import RedisState
from pylingo.reactor.bus.redis.settings import ClusterSettings
from pylingo.reactor.cluster_errand import PATIENCE, Errand
from pylingo.shared.launch import LaunchError
from pylingo.shared.text import counted, printable

WATCH = 3 * PERIOD
"""Seconds for which the hearts are watched, at most."""
_LOOK = 0.25  # seconds between two looks at the hearts
_LIBRARIES = "pylingo_*"
_HEADS = (
    ("server", "address", "version", "people", "lag", "heart"),
    ("redis", "version", "role", "memory", "limit", "at the limit", "replicas", "on disk", "libraries"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerRow:
    """A server. `lag` is in milliseconds; `is_fresh` says whether its heart has beaten while it was watched."""

    server: int
    address: str
    version: str
    people: int
    lag: int
    is_fresh: bool


@dataclasses.dataclass(frozen=True, slots=True)
class NodeRow:
    """A Redis that has lanes, with the libraries of functions of this program that it has loaded."""

    address: str
    state: RedisState
    libraries: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """A cluster. `rooms` are those with people, and `fullest` is how many of them the lane with the most has."""

    name: str
    address: str
    layout: str
    lanes: int
    rooms: int
    fullest: int
    sessions: int
    servers: tuple[ServerRow, ...]
    nodes: tuple[NodeRow, ...]

    @property
    def is_well(self) -> bool:
        """Whether people can talk: a server is alive. (A Redis that is not fit is not surveyed.)"""
        return any(server.is_fresh for server in self.servers)


def status(settings: ClusterSettings, as_json: bool) -> int:
    """Print the state of a cluster, and return the exit status: 1 if no server is alive. Raises `LaunchError`.

    A Redis that cannot be reached, is not fit or has no such cluster is such an error.
    """
    surveyor = _Surveyor(settings)
    try:
        survey = surveyor.survey()
    finally:
        surveyor.close()
    if as_json:
        print(json.dumps(dataclasses.asdict(survey) | {"is_well": survey.is_well}))
    else:
        print("\n".join(table(survey)))
    return 0 if survey.is_well else 1


def table(survey: Survey) -> list[str]:
    """The lines for a person."""
    sessions, rooms, lanes = (
        counted(count, word)
        for count, word in ((survey.sessions, "session"), (survey.rooms, "room"), (survey.lanes, "lane"))
    )
    fullest = f", at most {survey.fullest} in one lane" if survey.lanes > 1 else ""
    servers = [
        (f"{row.server}", row.address or "-", row.version, f"{row.people}", f"{row.lag} ms", _heart(row.is_fresh))
        for row in survey.servers
    ]
    return [
        f"cluster {survey.name} at {survey.address}: layout {survey.layout}, {lanes}",
        f"{sessions}, {rooms} with people{fullest}",
        "",
        *_columns([_HEADS[0], *servers]),
        *(["no server has ever been here, or all have stopped"] if not servers else []),
        "",
        *_columns([_HEADS[1], *map(_node, survey.nodes)]),
    ]


def _heart(is_fresh: bool) -> str:
    return "beats" if is_fresh else f"silent for {WATCH:.0f} s or longer"


def _node(row: NodeRow) -> tuple[str, ...]:
    state = row.state
    limit = _megabytes(state.limit) if state.limit is not None else "none"
    durable = "yes" if state.durable else "no"
    libraries = " ".join(row.libraries) or "none"
    numbers = (_megabytes(state.used), limit, state.policy, f"{state.replicas}", durable)
    return (row.address, state.version, state.role, *numbers, libraries)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


class _Surveyor:
    """Asks Redis, and runs the loop until it has answered. All methods raise `LaunchError` if it does not."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._errand = Errand(settings, self)
        self._deployment = self._errand.deployment

    def close(self) -> None:
        self._errand.close()

    def survey(self) -> Survey:
        settings = self._settings
        self._errand.wait(lambda: self._deployment.is_up)
        config = self._map(self._deployment.ears(0), "HGETALL", Keys(settings.name).key(0, "config"))
        if "layout" not in config:
            self._errand.lacks_cluster()
            self._errand.wait(lambda: False)
        keys = Keys(settings.name, settings.address.db, int(config["lanes"]))
        self._deployment.use_lanes(keys.lanes)
        self._errand.wait(lambda: self._deployment.is_up)
        rooms = self._ask_all(
            [(self._deployment.ears(lane), ("HLEN", keys.key(lane, "rooms"))) for lane in range(keys.lanes)]
        )
        return Survey(
            settings.name,
            str(settings.address),
            config["layout"],
            keys.lanes,
            sum(rooms),
            max(rooms),
            self._ask(self._deployment.ears(0), "HLEN", keys.key(0, "sessions")),
            self._servers(keys),
            tuple(self._node(node.address, node.ears) for node in self._deployment.nodes()),
        )

    def _servers(self, keys: Keys) -> tuple[ServerRow, ...]:
        """Watch the hearts until all have beaten, or for so long that one that has not is silent."""
        clock = self._errand.reactor.clock
        hearts, begin = Hearts(clock, PATIENCE), clock()
        first = self._states(keys)
        hearts.heard(first, 0)
        fresh: set[int] = set()
        while len(fresh) < len(hearts.states) and clock() < begin + WATCH:
            self._errand.rest(_LOOK)
            states = self._states(keys)
            hearts.heard(states, 0)
            fresh = {server for server, state in states.items() if first.get(server) != state}
        return tuple(
            ServerRow(server, state.address, state.version, state.people, state.lag, server in fresh)
            for server, state in sorted(hearts.states.items())
        )

    def _states(self, keys: Keys) -> dict[int, bytes]:
        reply = self._ask(self._deployment.ears(0), "HGETALL", keys.key(0, "servers"))
        return {int(server): state for server, state in reply.items()}

    def _node(self, address: str, link: Link) -> NodeRow:
        state = RedisState.of(parse_info(self._ask(link, "INFO")))
        libraries = self._ask(link, "FUNCTION", "LIST", "LIBRARYNAME", _LIBRARIES)
        return NodeRow(address, state, tuple(sorted(library[b"library_name"].decode() for library in libraries)))

    # --- asking and waiting

    def _map(self, link: Link, *command: str) -> dict[str, str]:
        return {key.decode(): value.decode() for key, value in self._ask(link, *command).items()}

    def _ask(self, link: Link, *command: str) -> Any:
        return self._ask_all([(link, command)])[0]

    def _ask_all(self, questions: Sequence[tuple[Link, Sequence[str]]]) -> list[Any]:
        replies: list[Any] = []
        for link, command in questions:
            link.call(replies.append, *command)
        self._errand.wait(lambda: len(replies) == len(questions))
        for reply in replies:
            if isinstance(reply, RedisError):
                raise LaunchError(f"the Redis at {self._settings.address} says: {reply}", 1)
        return replies

    # --- the listener of the errand

    def up(self) -> None: ...

    def down(self, why: str) -> None: ...

    def pushed(self, channel: bytes, data: bytes) -> None: ...
