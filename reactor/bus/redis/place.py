"""The address of one Redis server, and what is dialled for it."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from pylingo.reactor.bus.redis.settings import Kind, RedisAddress
from pylingo.reactor.engine.dial import Resolver, Target
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.tls import ClientTls, harden
from pylingo.shared.address import show_address
from pylingo.shared.launch import LaunchError


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port, encrypted if there is a `tls`; or the path of a socket."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: ClientTls | None = None

    def __str__(self) -> str:
        return self.path or show_address(self.host, self.port)

    def where(self, reactor: Reactor) -> Sequence[Target] | Resolver:
        """The target to dial."""
        return [(socket.AF_UNIX, self.path)] if self.path else Resolver(reactor, self.host, self.port)


class Places:
    """Makes places that share one context of TLS, or none."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context

    def at(self, host: str, port: int) -> Place:
        """The place of a host and a port."""
        return Place(host, port, tls=None if self._context is None else ClientTls(self._context, host))

    def of(self, address: RedisAddress) -> list[Place]:
        """The places that an address names."""
        if address.kind is Kind.UNIX:
            return [Place(path=address.path)]
        return [self.at(host, port) for host, port in address.hosts]


def places_for(address: RedisAddress, ca: str) -> Places:
    """Return what makes the places of a Redis whose certificate those in the file `ca` have signed.

    Without a file, the system's certificates count. Raises `LaunchError` if the file cannot be used.
    """
    if not address.is_encrypted:
        if ca:
            raise LaunchError("--cluster-ca needs an encrypted Redis: give its address as rediss://HOST:PORT")
        return Places()
    context = ssl.create_default_context() if not ca else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    harden(context)
    try:
        if ca:
            context.load_verify_locations(ca)
    except (OSError, ValueError) as error:
        reason = "it has no certificate" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", error)
        raise LaunchError(f"cannot use the file of --cluster-ca, {ca}: {reason}") from None
    return Places(context)
