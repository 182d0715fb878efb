"""The settings of a server that inherits listening sockets: their addresses replace those of the options."""

import dataclasses
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from pylingo.reactor.combinations import PORT_NEEDS, check_needs
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.dial import Target

NATIVE = "pylingo"
"""The name of the sockets for native clients."""
METRICS = "metrics"
"""The name of the sockets for scrapers."""
IRC, IRC_TLS = "irc", "irc-tls"
"""The names of the sockets for IRC clients, without TLS and with it."""
_SETTINGS = {IRC: "irc_port", IRC_TLS: "irc_tls_port", METRICS: "metrics"}
NAMES = (NATIVE, *_SETTINGS)
"""The names that inherited sockets can have."""


def with_sockets(settings: ServerSettings, sockets: Mapping[str, Sequence[socket.socket]]) -> ServerSettings:
    """Return the settings with the addresses of inherited sockets in place of those that are given.

    Raises `LaunchError` for a setting that has no effect, because there is no port for it.
    """
    found: dict[str, Any] = {}
    for name, (sock, *_) in sockets.items():
        host, port = sock.getsockname()[:2]
        found |= {"host": host, "port": port} if name == NATIVE else {_SETTINGS[name]: (host, port)}
    complete = dataclasses.replace(settings, **found)
    check_needs(complete, PORT_NEEDS)
    return complete


def targets_of(socks: Sequence[socket.socket]) -> list[Target]:
    """Return the addresses of sockets, as `resolve` returns those of a host."""
    return [(sock.family, sock.getsockname()) for sock in socks]
