"""The letters of the modes of people."""

from pylingo.reactor.irc.user_modes import LETTERS, OPERATOR, UserMode


def test_the_letters() -> None:
    assert LETTERS == "Biow"
    assert [mode.value for mode in UserMode] == ["B", "i", "w"]
    assert OPERATOR not in [*UserMode]
