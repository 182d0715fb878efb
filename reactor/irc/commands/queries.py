"""Questions about the server: MOTD, LUSERS, VERSION, TIME, INFO, ADMIN, LINKS."""

import time

from pylingo.reactor.irc.client import Client
from pylingo.reactor.irc.gateway import VERSION, Handler
from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.numerics import Numeric
from pylingo.reactor.irc.welcome import ISUPPORT, tell_motd, tell_numbers


def _is_here(client: Client, message: Message) -> bool:
    """Whether the question is for this server. Otherwise the client is told that there is no other."""
    if not message.params or message.params[0].lower() in (client.gateway.name.lower(), client.name.lower(), "*"):
        return True
    client.numeric(Numeric.ERR_NOSUCHSERVER, server=message.params[0])
    return False


def _motd(client: Client, message: Message) -> None:
    if _is_here(client, message):
        tell_motd(client)


def _lusers(client: Client, message: Message) -> None:
    tell_numbers(client)


def _version(client: Client, message: Message) -> None:
    if _is_here(client, message):
        client.numeric(Numeric.RPL_VERSION, version=VERSION, server=client.gateway.name, text="PyLingo")
        client.numeric(Numeric.RPL_ISUPPORT, tokens=" ".join(ISUPPORT[:12]))


def _time(client: Client, message: Message) -> None:
    if _is_here(client, message):
        now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(client.gateway.clock() / 1e6))
        client.numeric(Numeric.RPL_TIME, server=client.gateway.name, text=now)


def _info(client: Client, message: Message) -> None:
    if _is_here(client, message):
        client.numeric(Numeric.RPL_INFO, text=f"{VERSION}: rooms that native clients and IRC clients share")
        client.numeric(Numeric.RPL_INFO, text=f"This server was started {client.gateway.created}")
        client.numeric(Numeric.RPL_ENDOFINFO)


def _admin(client: Client, message: Message) -> None:
    if _is_here(client, message):
        client.numeric(Numeric.RPL_ADMINME, server=client.gateway.name)
        client.numeric(Numeric.RPL_ADMINLOC1, text="PyLingo")
        client.numeric(Numeric.RPL_ADMINLOC2, text="Operators are shown with an @ in rooms")
        client.numeric(Numeric.RPL_ADMINEMAIL, text="Ask one of them")


def _links(client: Client, message: Message) -> None:
    """The servers of a chat are for its operators to know: the native client lists them with /servers."""
    client.numeric(Numeric.RPL_ENDOFLINKS)


HANDLERS = {
    "MOTD": Handler(_motd),
    "LUSERS": Handler(_lusers),
    "VERSION": Handler(_version),
    "TIME": Handler(_time),
    "INFO": Handler(_info),
    "ADMIN": Handler(_admin),
    "LINKS": Handler(_links),
}
