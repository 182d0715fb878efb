"""The way in for IRC clients. A server without one does not import this module."""

import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pylingo.reactor.admission import Admission
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.seats import Timer
from pylingo.reactor.chat.session import Session
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.inherited import IRC, IRC_TLS
from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.commands.monitor import tell_away, tell_change
from pylingo.reactor.irc.commands.table import HANDLERS
from pylingo.reactor.irc.gateway import CheckPassword, Gateway
from pylingo.reactor.irc.message import format_message
from pylingo.reactor.irc.replies import reply_to
from pylingo.shared.address import show_address
from pylingo.shared.launch import LaunchError
from pylingo.shared.messages import Goodbye


class Door:
    """A way in for IRC clients, encrypted or not. The doors of one server share its gateway."""

    def __init__(self, gateway: Gateway, is_encrypted: bool) -> None:
        self.is_encrypted = is_encrypted
        self.name = IRC_TLS if is_encrypted else IRC
        self._gateway = gateway

    def face(self) -> Client:
        """The face of a new connection."""
        return Client(self._gateway)

    def goodbye(self, record: Goodbye) -> bytes:
        """The line that tells a peer that it is refused, before it is a connection."""
        return goodbye(record)


def goodbye(record: Goodbye) -> bytes:
    """The line that tells a peer that it is refused, before it is a connection."""
    return format_message("ERROR", [f"Closing link: ({record.reason}) {record.text}"])


def make_gateway(
    hub: Hub[Session],
    name: str,
    motd: Callable[[], str],
    call_later: Callable[..., Timer],
    check_password: CheckPassword,
) -> Gateway:
    """The gateway of a server, with all commands. See `Gateway`."""
    gateway = Gateway(hub, name, motd, call_later, HANDLERS, reply_to, check_password, tell_change)
    hub.note_away = partial(tell_away, gateway)
    return gateway


def listen_for_irc(
    admission: Admission,
    settings: ServerSettings,
    gateway: Gateway,
    sockets: Mapping[str, Sequence[socket.socket]] | None = None,
) -> list[str]:
    """Prepare to accept IRC clients; return where they connect. Raises `LaunchError`.

    It is `HOST:PORT`, and ` with TLS` behind an encrypted one. `sockets` are those that are inherited, by name.
    """

    def listen(name: str, target: tuple[str, int]) -> str:
        return admission.add_door(Door(gateway, name == IRC_TLS), *target, (sockets or {}).get(name, ()))

    return bind_ports(settings, listen)


def bind_ports(settings: ServerSettings, bind: Callable[[str, tuple[str, int]], str]) -> list[str]:
    """Bind the ports of the settings. `bind` gets the name and the target of each, and returns its address.

    Returns the addresses for people. Raises `LaunchError` if one cannot be bound.
    """
    found = []
    for name, target in ((IRC, settings.irc_port), (IRC_TLS, settings.irc_tls_port)):
        if target is None:
            continue
        try:
            address = bind(name, target)
        except OSError as error:
            where, why = show_address(*target), error.strerror or error
            option = "--irc-tls-port" if name == IRC_TLS else "--irc-port"
            raise LaunchError(f"cannot listen for IRC on {where}: {why}: choose another {option}") from None
        found.append(f"{address} with TLS" if name == IRC_TLS else address)
    return found
