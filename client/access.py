"""How a program gets in at a server: from addresses or a link to the `Security` of each and its `Credentials`.

The modules of TLS and of keys take some 20 ms to import, so they are imported where a connection needs them.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pylingo.client.address_list import Endpoint
from pylingo.client.credentials import Credentials
from pylingo.client.data_folder import is_missing, key_path, known_hosts_path
from pylingo.client.options import ClientOptions
from pylingo.client.reconnect import FinalError
from pylingo.client.security import Security, Unencrypted
from pylingo.shared.address import Address, is_loopback
from pylingo.shared.link import Link, is_link, parse_link, parse_plain
from pylingo.shared.value_class import value_class

if TYPE_CHECKING:
    import ssl

    from pylingo.client.identity import Identity


@value_class
class Access:
    """A server or several that are one chat, and how to get in there."""

    server: Link
    endpoints: tuple[Endpoint, ...]
    credentials: Credentials


def for_person(options: ClientOptions, ask: Callable[[str], str]) -> Access:
    """Return the access that the options of the program ask for. `ask(prompt)` returns a passphrase.

    Raises `FinalError` if the key or the file of known hosts cannot be used.
    """
    server = options.server
    endpoints = _endpoints(
        server, lambda address: _security(server, address, options.is_unencrypted, options.accept_new)
    )
    if options.identity is not None and not all(map(_may_be_shown_a_key, endpoints)):
        raise FinalError("--identity needs TLS, or a server on this computer: leave --plain out")
    credentials = Credentials(
        password=options.password,
        invite=server.invite,
        identity=_read_key(options.identity, ask) if options.identity is not None else None,
        own_key=functools.cache(_own_key),
    )
    return Access(server, endpoints, credentials)


def for_bot(
    host: str,
    port: int,
    tls: "ssl.SSLContext | bool | None",
    server_hostname: str | None,
    identity: "Identity | str | Path | None",
    password: str | None,
) -> Access:
    """Return the access of a `Client`, whose arguments these are. Raises `ValueError` for a wrong link or list."""
    if is_link(host):
        server = parse_link(host)
    else:
        server = parse_plain(host, port) if "," in host else Link(host, port, is_link=False)
    if isinstance(identity, str | Path):
        identity = _read_key(Path(identity).expanduser(), _never_asked)

    def security(address: Address) -> Security:
        if tls is not None and not isinstance(tls, bool):
            from pylingo.client.encryption import Encryption

            return Encryption(server_hostname or address[0], tls)
        if tls:
            return _encrypted(server, address, False)
        return _security(server, address, tls is False, False)

    credentials = Credentials(password=password, invite=server.invite, identity=identity)
    return Access(server, _endpoints(server, security), credentials)


def _endpoints(server: Link, security: Callable[[Address], Security]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(*address, security(address)) for address in server.addresses)


def _may_be_shown_a_key(endpoint: Endpoint) -> bool:
    return endpoint.security.is_encrypted or is_loopback(endpoint.host)


def _security(server: Link, address: Address, is_plain: bool, accept_new: bool) -> Security:
    """TLS, unless that is ruled out, or unless a server on loopback is not a known one."""
    if server.is_link or not (is_plain or (is_loopback(address[0]) and not _is_known(address))):
        return _encrypted(server, address, accept_new)
    return Unencrypted()


def _encrypted(server: Link, address: Address, accept_new: bool) -> Security:
    from pylingo.client.encryption import Encryption
    from pylingo.client.trust import Trust

    path = known_hosts_path()
    trust = Trust(*address, pin=server.fingerprint, path=path, accept_new=accept_new)
    return Encryption(address[0], trust)


def _is_known(address: Address) -> bool:
    """Whether the file of known hosts has the server. Raises `TrustError` if the file cannot tell."""
    path = known_hosts_path()
    if path is None or is_missing(path):
        return False
    from pylingo.client.trust import is_known

    return is_known(path, *address)


def _own_key() -> "Identity":
    from pylingo.client.identity import read_or_make

    return read_or_make(key_path())


def _read_key(path: Path, ask: Callable[[str], str]) -> "Identity":
    from pylingo.client.identity import read_unlocked

    return read_unlocked(path, ask)


def _never_asked(prompt: str) -> str:
    raise FinalError(
        f"{prompt.removesuffix(': ')} cannot be asked for: unlock the key, and give `identity` the Identity"
    )
