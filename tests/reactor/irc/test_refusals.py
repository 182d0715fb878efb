"""The numerics for errors of the chat."""

import pytest

from pylingo.reactor.irc.client import Asked
from pylingo.reactor.irc.refusals import refusal
from pylingo.shared.messages import Error
from tests.fakes.irc_client import Desk, numbers


@pytest.mark.parametrize(
    ("asked", "code", "expected"),
    [
        (Asked("NICK", "x"), "bad-name", ["432"]),
        (Asked("NICK", "x"), "name-taken", ["433"]),
        (Asked("NICK", "x"), "name-owned", ["433"]),
        (Asked("JOIN", "#x", "#x"), "bad-room", ["476"]),
        (Asked("JOIN", "#x", "#x"), "too-many-rooms", ["405"]),
        (Asked("WHOIS", "x"), "no-such-user", ["401", "318"]),
        (Asked("PRIVMSG", "x"), "no-such-user", ["401"]),
        (Asked("PRIVMSG", "#x", "#x"), "muted", ["404"]),
        (Asked("PRIVMSG", "#x", "#x"), "bad-text", ["412"]),
        (Asked("KICK", "x", "#x"), "not-allowed", ["482"]),
        (Asked("TOPIC", "#x", "#x"), "not-allowed", ["482"]),
        (Asked("TOPIC", "#x", "#x"), "not-in-room", ["403"]),
        (Asked("TOPIC", "#tea", "#tea"), "not-in-room", ["442"]),
        (Asked("PRIVMSG", "#tea", "#tea"), "not-in-room", ["404"]),
        (Asked("AWAY"), "muted", ["400"]),
    ],
)
def test_an_error_is_a_numeric(asked: Asked, code: str, expected: list[str]):
    desk = Desk()
    desk.client("bob", "#tea")
    ada = desk.client("ada").client
    ada.asked = asked
    lines = refusal(ada, Error(code, "words")).decode().split("\r\n")[:-1]
    assert numbers(lines) == expected
    assert ada.was_refused


def test_an_error_without_a_numeric_is_a_standard_reply_to_those_who_read_them():
    ada = Desk().client("ada", caps="standard-replies").client
    ada.asked = Asked("AWAY")
    assert refusal(ada, Error("muted", "you are muted")) == b":irc.test FAIL AWAY MUTED :you are muted\r\n"
