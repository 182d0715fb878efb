"""Whether a Redis server can carry a chat, by what its INFO says. Pure."""

import enum
import re
from dataclasses import dataclass

LEAST_VERSION = (7, 0)


class Fitness(enum.Enum):
    """The verdict on a server."""

    FIT = enum.auto()
    LATER = enum.auto()  # ask again: it is on its way
    UNFIT = enum.auto()  # an operator must do something
    CLUSTER = enum.auto()  # it is one node of a Redis Cluster, whose other nodes must be found


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fitness, and a sentence about it unless the server is fit."""

    fitness: Fitness
    why: str = ""


def parse_info(reply: bytes) -> dict[str, str]:
    """Return the fields of a reply to INFO."""
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon and not name.startswith("#")}


def examine(info: dict[str, str], is_found: bool, db: int = 0) -> Verdict:
    """Judge a server for the database `db`.

    `is_found` says that sentinels or a Redis Cluster have named it as a primary, not the operator: they will name
    another one if it is a replica.
    """
    version = info.get("redis_version", "")
    if "valkey_version" not in info and _numbers(version) < LEAST_VERSION:
        return Verdict(Fitness.UNFIT, f"this Redis has the version {version or 'unknown'}: install 7.0 or newer")
    is_node = info.get("cluster_enabled") == "1"
    if is_node and db:
        return Verdict(Fitness.UNFIT, "a Redis Cluster has only the database 0: leave out the number in the address")
    if is_node and not is_found:
        return Verdict(Fitness.CLUSTER)
    if "1" in (info.get("loading"), info.get("async_loading")):
        return Verdict(Fitness.LATER, "Redis is loading its data")
    if info.get("role") == "slave":
        primary = f"{info.get('master_host', 'unknown')}:{info.get('master_port', '')}"
        if is_found:
            return Verdict(Fitness.LATER, f"this Redis is a replica of {primary} now")
        sentence = f"this Redis is a replica, which takes no writes: give the address of its primary, {primary}"
        return Verdict(Fitness.UNFIT, sentence)
    return Verdict(Fitness.UNFIT, why) if (why := why_evicts(info)) else Verdict(Fitness.FIT)


def why_evicts(info: dict[str, str]) -> str:
    """A sentence if the server deletes data when its memory is full; empty if it does not."""
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return ""
    return (
        f"this Redis deletes data when its memory is full, since its maxmemory-policy is {policy}: set it to noeviction"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))
