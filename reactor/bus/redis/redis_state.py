"""The state of a Redis server, by what its INFO says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_ROLES = {"master": "primary", "slave": "replica"}


@dataclass(frozen=True, slots=True)
class RedisState:
    """`used` and `limit` are bytes of memory; without a limit, that is None. `policy` is what happens at the limit.

    `durable` says whether Redis writes what it stores to its append-only file, without an error.
    """

    version: str
    role: str
    used: int
    limit: int | None
    policy: str
    replicas: int
    durable: bool

    @classmethod
    def of(cls, info: Mapping[str, str]) -> Self:
        """Return the state that the fields of INFO tell. A hosted Redis may leave out some."""
        role = info.get("role", "")
        return cls(
            info.get("valkey_version") or info.get("redis_version", ""),
            _ROLES.get(role, role),
            _number(info, "used_memory"),
            _number(info, "maxmemory") or None,
            info.get("maxmemory_policy", "noeviction"),
            _number(info, "connected_slaves"),
            info.get("aof_enabled") == "1" and info.get("aof_last_write_status", "ok") == "ok",
        )


def _number(info: Mapping[str, str], name: str) -> int:
    value = info.get(name, "")
    return int(value) if value.isdecimal() else 0
