"""Questions about the server."""

from pylingo.reactor.irc.commands.queries import HANDLERS
from tests.fakes.irc_client import Desk, numbers


def test_questions_are_answered():
    ada = Desk(motd="tea").client("ada")
    lines = ada.asks("MOTD", "LUSERS", "VERSION", "TIME", "INFO", "ADMIN")
    expected = "375 372 376 251 252 253 254 255 265 266 351 005 391 371 371 374 256 257 258 259"
    assert numbers(lines) == expected.split()


def test_there_is_one_server():
    ada = Desk().client("ada")
    for command in ("MOTD", "VERSION", "TIME", "INFO", "ADMIN"):
        assert numbers(ada.asks(f"{command} elsewhere.test")) == ["402"]
        assert "402" not in numbers(ada.asks(f"{command} IRC.test"))
    assert set(HANDLERS) >= {"LUSERS"}
