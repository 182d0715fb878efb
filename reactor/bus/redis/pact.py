"""The pact of the servers of a cluster, besides its charter: whether they use TLS, and the first invitation."""

from collections.abc import Callable
from typing import Any, Protocol

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.link import RedisError

_CERTIFICATE = "certificate"  # the fingerprint of the shared certificate, as in the charter
_TLS = "tls"  # there if a server of the cluster is encrypted
_FOUNDED = "founded"  # there if a server has made the first invitation, or people were imported

_NOT_ENCRYPTED = (
    "the servers of this cluster are encrypted, and this one is not: copy cert.pem and key.pem from the folder of"
    " --data of another server into the folder of --data of this one; on loopback, --no-tls does without"
)


class Caller(Protocol):
    """A link to Redis."""

    def call(self, answer: Callable[[Any], object] | None, *args: bytes | str | int) -> None: ...


class Pact:
    """See the module. It stands in the `config` of the cluster, in lane 0."""

    def __init__(self, link: Caller, keys: Keys) -> None:
        self._link = link
        self._config = keys.key(0, "config")

    def join(self, is_encrypted: bool, is_excused: bool, answer: Callable[[str], object]) -> None:
        """Join as a server with or without TLS. `answer` gets an empty string, or a sentence that says why not.

        A server without TLS cannot be among encrypted ones, unless it `is_excused`.
        """

        def got(reply: Any) -> None:
            is_refused = not is_encrypted and reply is not None and not is_excused
            answer(_failure(reply) or (_NOT_ENCRYPTED if is_refused else ""))

        if is_encrypted:
            self._set(_TLS, got)
        else:
            self._get(_TLS, got)

    def found(self, answer: Callable[[bool], object]) -> None:
        """Say whether this is the first server that asks, or the first import. Only that one may invite an operator."""
        self._set(_FOUNDED, lambda reply: answer(reply == 1))

    def certificate(self, answer: Callable[[str | None], object]) -> None:
        """Give the fingerprint of the certificate that the servers share; None if they share none."""
        self._get(_CERTIFICATE, lambda reply: answer(reply.decode() if isinstance(reply, bytes) else None))

    def _set(self, field: str, answer: Callable[[Any], object]) -> None:
        self._link.call(answer, "HSETNX", self._config, field, "1")

    def _get(self, field: str, answer: Callable[[Any], object]) -> None:
        self._link.call(answer, "HGET", self._config, field)


def _failure(reply: Any) -> str:
    return (
        f"Redis does not say what the servers of this cluster share: {reply}" if isinstance(reply, RedisError) else ""
    )
