"""How a program gets in at a server: from an address or a link to its `Security` and its `Credentials`."""

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pylingo.client import identity as keys
from pylingo.client import known_hosts
from pylingo.client.credentials import Credentials
from pylingo.client.identity import Identity, read_or_make, read_unlocked
from pylingo.client.options import ClientOptions
from pylingo.client.reconnect import FinalError
from pylingo.client.security import Security
from pylingo.client.trust import Trust, is_loopback, needs_tls
from pylingo.shared.link import Link, is_link, parse_link


@dataclass(frozen=True, slots=True)
class Access:
    """A server, and how to get in there."""

    server: Link
    security: Security
    credentials: Credentials


def for_person(options: ClientOptions, ask: Callable[[str], str]) -> Access:
    """Return the access that the options of the program ask for. `ask(prompt)` returns a passphrase.

    Raises `FinalError` if the key or the file of known hosts cannot be used.
    """
    server = options.server
    security = _security(server, options.is_unencrypted, options.accept_new)
    if options.identity is not None and not security.is_encrypted and not is_loopback(server.host):
        raise FinalError("--identity needs TLS, or a server on this computer: leave --plain out")
    credentials = Credentials(
        password=options.password,
        invite=server.invite,
        identity=read_unlocked(options.identity, ask) if options.identity is not None else None,
        own_key=functools.cache(lambda: read_or_make(keys.default_path())),
    )
    return Access(server, security, credentials)


def for_bot(
    host: str,
    port: int,
    tls: ssl.SSLContext | bool | None,
    server_hostname: str | None,
    identity: Identity | str | Path | None,
    password: str | None,
) -> Access:
    """Return the access of a `Client`, whose arguments these are. Raises `ValueError` for a wrong link."""
    server = parse_link(host) if is_link(host) else Link(host, port, is_link=False)
    if isinstance(identity, str | Path):
        identity = read_unlocked(Path(identity).expanduser(), _never_asked)
    if isinstance(tls, ssl.SSLContext):
        security = Security(server_hostname or server.host, context=tls)
    elif tls or server.is_link:
        security = _encrypted(server, False)
    else:
        security = _security(server, tls is False, False)
    return Access(server, security, Credentials(password=password, invite=server.invite, identity=identity))


def _security(server: Link, is_plain: bool, accept_new: bool) -> Security:
    """TLS, unless that is ruled out, or unless a server on loopback is not a known one."""
    path = known_hosts.default_path()
    if server.is_link or (not is_plain and needs_tls(server.host, server.port, path)):
        return _encrypted(server, accept_new)
    return Security(server.host)


def _encrypted(server: Link, accept_new: bool) -> Security:
    path = known_hosts.default_path()
    trust = Trust(server.host, server.port, pin=server.fingerprint, path=path, accept_new=accept_new)
    return Security(server.host, trust=trust)


def _never_asked(prompt: str) -> str:
    raise FinalError(
        f"{prompt.removesuffix(': ')} cannot be asked for: unlock the key, and give `identity` the Identity"
    )
