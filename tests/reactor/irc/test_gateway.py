"""What the clients of one server share."""

from pylingo.reactor.irc.gateway import Gateway, Handler
from tests.fakes.chat import NOON
from tests.fakes.irc_client import NAME, Desk


def test_a_gateway_pings_under_its_name():
    gateway = Desk().gateway
    assert isinstance(gateway, Gateway)
    assert gateway.ping == f":{NAME} PING {NAME}\r\n".encode()


def test_it_knows_when_it_began():
    desk = Desk()
    gateway = Gateway(
        desk.chat.hub,
        NAME,
        str,
        desk.chat.hub.pager.begin,
        {},
        lambda client, record: b"",
        desk.passwords.check,
        lambda client, name, is_here: None,
        lambda: NOON,
    )
    assert gateway.created == "2026-01-01 12:00:00 UTC"
    assert Handler(print).least == 0
