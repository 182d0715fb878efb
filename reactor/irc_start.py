"""The way in for clients of IRC. A server without one does not import this module."""

import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pylingo.reactor.admission import Admission
from pylingo.reactor.chat.hub import Hub
from pylingo.reactor.chat.seats import Timer
from pylingo.reactor.chat.session import Session
from pylingo.reactor.config import ServerSettings
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
    """A way in for clients of IRC, encrypted or not. The doors of one server share its gateway."""

    def __init__(self, gateway: Gateway, is_encrypted: bool) -> None:
        self.is_encrypted = is_encrypted
        self.name = "irc-tls" if is_encrypted else "irc"
        self._gateway = gateway

    def face(self) -> Client:
        """The face of a new connection."""
        return Client(self._gateway)

    def goodbye(self, record: Goodbye) -> bytes:
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
    """Prepare to accept clients of IRC; return where they connect. Raises `LaunchError`.

    It is `HOST:PORT`, and ` with TLS` behind an encrypted one. `sockets` are those that are inherited, by name.
    """
    found = []
    for target, is_encrypted in ((settings.irc_port, False), (settings.irc_tls_port, True)):
        if target is None:
            continue
        door = Door(gateway, is_encrypted)
        try:
            address = admission.add_door(door, *target, (sockets or {}).get(door.name, ()))
        except OSError as error:
            option = "--irc-tls-port" if is_encrypted else "--irc-port"
            where, why = show_address(*target), error.strerror or error
            raise LaunchError(f"cannot listen for IRC on {where}: {why}: choose another {option}") from None
        found.append(f"{address} with TLS" if is_encrypted else address)
    return found
