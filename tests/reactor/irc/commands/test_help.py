"""HELP and HELPOP."""

import pytest

from pylingo.reactor.irc.commands.help import TEXTS
from pylingo.reactor.irc.commands.table import HANDLERS
from tests.fakes.irc_client import Desk, numbers


@pytest.mark.parametrize("command", ["HELP", "HELPOP"])
def test_help(command: str) -> None:
    ada = Desk().client("ada")
    lines = ada.asks(command)
    assert numbers(lines) == ["704", "705", "706"]
    assert all(name in lines[1] for name in TEXTS)
    assert ada.asks(f"{command} join") == [
        f":irc.test 704 ada JOIN :{TEXTS['JOIN']}",
        ":irc.test 706 ada JOIN :End of HELP",
    ]
    assert ada.asks(f"{command} x") == [":irc.test 524 ada X :There is no help on that"]


def test_the_text_of_each_command_begins_with_it_and_fits_a_line() -> None:
    for command, text in TEXTS.items():
        assert text.startswith((f"{command} ", f"{command}:"))
        assert command in HANDLERS
        assert len(text) < 400
