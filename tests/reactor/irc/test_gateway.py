"""What the clients of one server share."""

from pylingo.reactor.irc.gateway import Gateway, Handler, room_key
from pylingo.shared.names import MAX_TYPED
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


def test_people_are_found_in_any_spelling():
    desk = Desk()
    desk.client("Ada")
    person = desk.gateway.person("aDA")
    assert person is not None
    assert person.name == "Ada"
    assert desk.gateway.person("bob") is None
    assert desk.gateway.person("x" * (MAX_TYPED + 1)) is None


def test_the_room_of_a_channel():
    assert room_key("#Tea") == "tea"
    assert room_key("tea") == room_key("") == room_key("#" + "x" * MAX_TYPED) == ""
