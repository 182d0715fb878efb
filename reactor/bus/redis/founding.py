"""Agreeing with the servers of the cluster: the first thing that a server does once it has a connection."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.bus.redis.deployment import Deployment
from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.library import LAYOUT, function, load
from pylingo.reactor.bus.redis.link import Link, RedisError

MOST_NODE_BYTES = 1024
"""For `stream-node-max-bytes`: a stream with one entry then takes 1.4 KB instead of 4.4."""


@dataclass(frozen=True, slots=True)
class Charter:
    """The common ground of the servers of a cluster: the number of lanes, and the fingerprint of their certificate.

    The fingerprint is empty for servers without one of their own.
    """

    lanes: int = 1
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Founding:
    """The result. `refusal` says why this server cannot take part, or is empty; `warnings` are for the operator.

    `is_final` says whether it would be refused again.
    """

    charter: Charter
    refusal: str = ""
    warnings: tuple[str, ...] = ()
    is_final: bool = True


def found(deployment: Deployment, name: str, db: int, wanted: Charter, answer: Callable[[Founding], object]) -> None:
    """Load the library, and agree on the charter of the cluster called `name`.

    The first server decides; for the others, `lanes` of what is `wanted` does not count. The links must be up.
    """
    _Founder(deployment, Keys(name, db), wanted, answer).begin()


def look_at_settings(config: dict[str, str]) -> tuple[str, ...]:
    """Return warnings about the settings of a Redis. Those that make it unfit are found by the deployment.

    `config` may be empty: a hosted Redis may not tell.
    """
    warnings = []
    if config.get("appendonly") == "no":
        warnings.append("Redis forgets everything when it ends: set appendonly to yes")
    if int(config.get("stream-node-max-bytes", MOST_NODE_BYTES)) > MOST_NODE_BYTES:
        warnings.append(
            f"Redis takes more memory for each room than needed: set stream-node-max-bytes to {MOST_NODE_BYTES}"
        )
    return tuple(warnings)


class _Founder:
    def __init__(
        self, deployment: Deployment, keys: Keys, wanted: Charter, answer: Callable[[Founding], object]
    ) -> None:
        self._links: list[Link] = [node.ears for node in deployment.nodes()]
        self._link = deployment.ears(0)
        self._keys = keys
        self._wanted = wanted
        self._answer = answer
        self._warnings: tuple[str, ...] = ()

    def begin(self) -> None:
        self._link.call(self._configured, "CONFIG", "GET", "appendonly", "stream-node-max-bytes")

    def _refuse(self, why: str, is_final: bool = True) -> None:
        self._answer(Founding(self._wanted, why, self._warnings, is_final))

    def _configured(self, reply: Any) -> None:
        self._warnings = look_at_settings({} if isinstance(reply, RedisError) else _text(reply))
        load(self._links, self._loaded)

    def _loaded(self, error: RedisError | None) -> None:
        if error is not None:
            self._refuse(f"Redis does not take the functions of this server: {error}", is_final=False)
            return
        fields: list[str | int] = ["layout", LAYOUT, "lanes", self._wanted.lanes]
        if self._wanted.certificate:
            fields += ["certificate", self._wanted.certificate]
        self._link.call(self._agreed, "FCALL", function("agree"), 1, self._keys.key(0, "config"), *fields)

    def _agreed(self, reply: Any) -> None:
        if isinstance(reply, RedisError):
            self._refuse(f"Redis says: {reply}", is_final=False)
            return
        config = _text(reply)
        if config["layout"] != str(LAYOUT):
            self._refuse(
                f"the cluster has the layout {config['layout']} in Redis, and this server knows {LAYOUT}:"
                " use a PyLingo of the same version as its servers, or another --cluster-name"
            )
            return
        charter = Charter(int(config["lanes"]), config.get("certificate", ""))
        if self._wanted.certificate not in ("", charter.certificate):
            self._refuse(
                "the servers of the cluster have another certificate than this one, and clients would not trust it:"
                " copy cert.pem and key.pem from the folder of --data of one of them into that of this one"
            )
            return
        self._answer(Founding(charter, "", self._warnings))


def _text(reply: Any) -> dict[str, str]:
    """The pairs of a reply that is a map, or an array with keys and values in turn."""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {key.decode(): value.decode() for key, value in pairs}
