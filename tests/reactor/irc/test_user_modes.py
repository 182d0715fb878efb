"""The letters of the modes of people."""

from pylingo.reactor.irc.user_modes import LETTERS, NONE, OPERATOR, UserMode
from tests.fakes.irc_client import Desk


def test_the_letters() -> None:
    assert LETTERS == "Biow"
    assert [mode.value for mode in UserMode] == ["B", "i", "w"]
    assert OPERATOR not in [*UserMode]


def test_clients_with_the_same_modes_share_one_set() -> None:
    desk = Desk()
    ada, bob = desk.client("ada"), desk.client("bob")
    assert ada.client.user_modes is bob.client.user_modes is NONE
    ada.sends("MODE ada +iw")
    bob.sends("MODE bob +w", "MODE bob +i")
    assert ada.client.user_modes is bob.client.user_modes
    assert ada.client.user_modes == {UserMode.INVISIBLE, UserMode.WALLOPS}
    bob.sends("MODE bob -iw")
    assert bob.client.user_modes is NONE
