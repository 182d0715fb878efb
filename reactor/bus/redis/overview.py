"""The servers of a cluster and the state of its Redis, for `/servers`."""

from collections.abc import Callable
from typing import Any, Protocol

from pylingo.reactor.bus.redis.fitness import parse_info
from pylingo.reactor.bus.redis.hearts import ServerState
from pylingo.reactor.bus.redis.redis_state import RedisState
from pylingo.reactor.chat.session import Session
from pylingo.reactor.chat.waiting import wait_for
from pylingo.shared.messages import RedisInfo, ServerInfo

PATIENCE = 1.0
"""Seconds for Redis to answer."""
_AWAY = "away"


class Watched(Protocol):
    """Knows the servers of the cluster. `Health` does."""

    @property
    def server(self) -> int:
        """The number of this server."""

    @property
    def servers(self) -> dict[int, ServerState]:
        """All servers, as of the last second in which Redis answered."""


class Overview:
    """See the module. `ask` has Redis answer INFO, and `address` is where Redis is.

    `lag` returns the seconds for which the oldest proposal of this server has waited.
    """

    def __init__(
        self,
        watched: Watched,
        ask: Callable[[Callable[[Any], object]], object],
        address: str,
        lag: Callable[[], float],
        call_later: Callable[..., object],
    ) -> None:
        self._watched = watched
        self._ask = ask
        self._address = address
        self._lag = lag
        self._call_later = call_later
        self._state = RedisState.of({})

    def list_servers(self, session: Session, then: Callable[[list[ServerInfo], RedisInfo | None], object]) -> None:
        """See `Bus.list_servers`. A Redis that does not answer at once is away, with what it said before."""
        wait_for(session, self._look, lambda redis: then(self._servers(session), redis))

    def _servers(self, session: Session) -> list[ServerInfo]:
        own = self._watched.server
        rows = {
            server: ServerInfo(server, state.address, state.version, state.people, state.lag, own=False)
            for server, state in self._watched.servers.items()
        }
        if (row := rows.get(own)) is not None:
            lag = round(self._lag() * 1_000)
            rows[own] = ServerInfo(own, row.address, row.version, len(session.hub), lag, own=True)
        return [rows[server] for server in sorted(rows)]

    def _look(self, answer: Callable[[RedisInfo], None]) -> None:
        is_answered = False

        def replied(reply: Any) -> None:
            nonlocal is_answered
            is_here = isinstance(reply, bytes)
            if is_here:
                self._state = RedisState.of(parse_info(reply))
            if not is_answered:
                is_answered = True
                answer(self._info(self._state.role if is_here else _AWAY))

        self._ask(replied)
        if not is_answered:
            self._call_later(PATIENCE, replied, None)

    def _info(self, role: str) -> RedisInfo:
        state = self._state
        numbers = (state.used, state.limit, state.replicas)
        return RedisInfo(self._address, state.version, role, *numbers, durable=state.durable)
