"""Records that are for one client alone, as lines."""

from pylingo.reactor.irc.client import Asked
from pylingo.reactor.irc.replies import names_lines, reply_to
from pylingo.shared.messages import Ban, Bans, Goodbye, Moderated, Pong
from tests.fakes.irc_client import Desk, numbers


def test_names_fill_lines_and_lose_nobody():
    ada = Desk().client("ada").client
    names = [f"{'n' * (index % 30)}{index}" for index in range(500)]
    lines = names_lines(ada, "#tea", names).decode().split("\r\n")[:-1]
    assert " ".join([line.partition(" #tea ")[2].removeprefix(":") for line in lines]).split(" ") == names
    assert max(len(line) for line in lines) <= 510
    assert len(lines) < 30
    assert names_lines(ada, "#tea", []) == b""


def test_a_goodbye_is_an_error_with_the_numeric_that_clients_know():
    ada = Desk().client("ada").client
    assert reply_to(ada, Goodbye("idle", "bye")) == b"ERROR :Closing link: (idle) bye\r\n"
    assert numbers(reply_to(ada, Goodbye("password", "no")).decode().split("\r\n")[:-1]) == ["464", "ERROR"]
    assert numbers(reply_to(ada, Goodbye("banned", "no")).decode().split("\r\n")[:-1]) == ["465", "ERROR"]


def test_what_irc_does_not_know_is_not_told():
    ada = Desk().client("ada").client
    assert reply_to(ada, Pong()) == b""


def test_bans_are_a_list():
    ada = Desk().client("ada").client
    ada.asked = Asked("MODE", "#tea", "#tea")
    lines = reply_to(ada, Bans([Ban("bob", "eve"), Ban("bob", None, "192.0.2.7")], False)).decode().split("\r\n")
    assert lines[0] == ":irc.test 367 ada #tea eve!*@* bob 0"
    assert lines[1] == ":irc.test 367 ada #tea *!*@192.0.2.7 bob 0"
    assert numbers(lines[2:-1]) == ["368"]


def test_an_operator_is_told_what_was_done():
    ada = Desk().client("ada").client
    assert reply_to(ada, Moderated("mute", "ada", "eve")) == b":irc.test NOTICE * :mute of eve by ada\r\n"
