"""The modes of rooms as IRC writes them."""

import pytest

from pylingo.reactor.chat.room_modes import KINDS, read_changes
from pylingo.reactor.history.charter import INVITED, Charter
from pylingo.reactor.irc.room_modes import LETTERS, TOKENS, lines_of, shown_modes


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ("moderated on, invite-only on", ["+mi"]),
        ("moderated on, key a, limit off, secret off", ["+mk-ls a"]),
        ("key off, key b", ["-k+k * b"]),
        ("outside on", ["-n"]),
        ("outside off, topic-lock on", ["+nt"]),
        ("voice bob, ban off eve!*@*", ["+v-b bob eve!*@*"]),
        ("ban a, ban b, secret on, ban c, ban d, moderated on, pass e", ["+bbsbbm a b c d", "+I e"]),
        ("invited bob", []),
    ],
)
def test_changes_as_parameters_of_mode(changes: str, lines: list[str]) -> None:
    assert list(lines_of(read_changes(changes))) == lines


def test_the_modes_that_are_set() -> None:
    charter = Charter({"moderated": "1", "key": "a", "limit": "5", "ban x!*@*": "1 ada", "voice 1": "bob"})
    assert shown_modes(charter, True) == "+mnkl a 5"
    assert shown_modes(charter, False) == "+mnkl * 5"
    assert shown_modes(Charter({"outside": "1"}), True) == "+"


def test_every_mode_has_a_letter() -> None:
    assert {*LETTERS.values(), INVITED} == set(KINDS)
    assert len({*LETTERS.values()}) == len(LETTERS)
    assert "CHANMODES=beI,k,l,imnst" in TOKENS
