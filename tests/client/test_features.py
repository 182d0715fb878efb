"""The features that requests need."""

import pytest

from pylingo.client.features import MODERATION, PEOPLE, PRIVATE, ROOMS, SERVERS, UNSUPPORTED, check_supported
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Say

ALL = frozenset({ROOMS, PRIVATE, PEOPLE, MODERATION, SERVERS})
NEEDS = [
    (Say("a", room="ops"), ROOMS, "one room at a time, and you are in another one"),
    (Say("a", to="grace"), PRIVATE, "this server has no private messages"),
    (Say("a", action=True), PEOPLE, "this server has no /me: say it in other words"),
    (Command("open", "ops"), ROOMS, "one room at a time: /join moves you to another"),
    (Command("users", room="ops"), ROOMS, "you are in another one"),
    (Command("msg", "grace"), PRIVATE, "this server has no /msg: it is an older one"),
    (Command("bans"), MODERATION, "this server has no /bans: it is an older one"),
    (Command("servers"), SERVERS, "this server has no /servers: it is an older one"),
    *((Command(name), PEOPLE, f"this server has no /{name}:") for name in ("topic", "me", "who", "whois", "away")),
]
NEEDS_NOTHING = [
    Say("a"),
    Say("a", room="LOBBY"),
    Command("leave", room="lobby"),
    Command("users"),
    Command("name", "x"),
    Command("join", "ops"),
    Command("roll", "x"),
]


@pytest.mark.parametrize(("request_", "feature", "words"), NEEDS)
def test_a_request_needs_its_feature_and_no_other(request_: Say | Command, feature: str, words: str) -> None:
    check_supported(request_, {feature}, "lobby")
    with pytest.raises(RequestError, match=words) as caught:
        check_supported(request_, ALL - {feature}, "lobby")
    assert caught.value.reason == UNSUPPORTED


@pytest.mark.parametrize("request_", NEEDS_NOTHING)
def test_a_server_of_version_1_0_carries_out_what_it_always_did(request_: Say | Command) -> None:
    check_supported(request_, frozenset(), "lobby")


def test_outside_any_room_no_room_can_be_named() -> None:
    with pytest.raises(RequestError):
        check_supported(Say("a", room="lobby"), frozenset(), None)
