"""Rows: every record comes back, and nothing that is wrong is taken."""

import pytest

from pylingo.reactor.people.app_passwords import AppPassword
from pylingo.reactor.people.invitations import Invitation
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.passwords import PasswordHash
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Admitted
from pylingo.reactor.people.rows import (
    TABLES,
    Row,
    RowKey,
    body_of,
    decode_row,
    encode_row,
    order_of,
    place_of,
    rows_of_state,
    show_row,
)
from pylingo.reactor.people.sanctions import Sanction
from tests.fakes.people import fingerprint, key

ADA, EVE = fingerprint(1), fingerprint(2)
DIGEST = "0" * 64
HASH = PasswordHash(10, 8, 1, b"s" * 16, b"h" * 32).text
ROWS: list[tuple[RowKey, Row]] = [
    (RowKey("names", "ape"), OwnedName("Ape", ADA, 5)),
    (RowKey("admitted", ADA), Admitted(key(1).text, EVE, 5)),
    (RowKey("operators", ADA), True),
    (RowKey("bans", f"{ADA} {EVE}"), Sanction("eve", (ADA, EVE), "192.0.2.7", "ada", "höflich", 5)),
    (RowKey("mutes", "2001:db8::/64"), Sanction(None, (), "2001:db8::/64", "ada", None, None)),
    (RowKey("invitations", DIGEST), Invitation(DIGEST, 1, 5, True, None, (ADA,))),
    (RowKey("app_passwords", ADA), AppPassword(ADA, HASH)),
]


def test_there_is_a_row_of_each_table() -> None:
    assert [where.table for where, _ in ROWS] == [*TABLES]


@pytest.mark.parametrize(("where", "row"), ROWS)
def test_a_row_comes_back(where: RowKey, row: Row) -> None:
    text = show_row(17, 3, encode_row(row))
    assert decode_row(where, text) == row
    assert order_of(text) == 17
    assert place_of(text) == (17, 3)
    assert body_of(text) == encode_row(row)


@pytest.mark.parametrize(
    ("where", "text", "words"),
    [
        (RowKey("names", "ape"), "1 {", "line 1 is not JSON"),
        (RowKey("names", "ape"), "", "line 1 is not JSON"),
        (RowKey("names", "ape"), "1 {}", "the row 'ape' of names must have the fields key, name, used"),
        (
            RowKey("names", "bee"),
            show_row(1, 0, encode_row(ROWS[0][1])),
            "the row 'bee' of names has the record of 'ape'",
        ),
        (RowKey("names", "ape"), '1 {"name":"a b","key":"x","used":1}', "'a b' must be a user name"),
        (RowKey("operators", ADA), "1 1", "must say true"),
        (RowKey("operators", "ada"), "1 true", "must say true of a fingerprint"),
        (RowKey("cats", "ape"), "1 true", "is of no known table"),
    ],
)
def test_a_row_that_is_wrong_is_told_in_a_sentence(where: RowKey, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_row(where, text)


@pytest.mark.parametrize(
    ("text", "place"),
    [("", (0, 0)), ("x", (0, 0)), ("-1.0 a", (0, 0)), ("12.3 a", (12, 3)), ("7", (7, 0)), ("² 1.1", (0, 0))],
)
def test_the_place_of_a_text(text: str, place: tuple[int, int]) -> None:
    assert (place_of(text), order_of(text)) == (place, place[0])


def test_the_rows_of_a_state() -> None:
    register = Register(lambda: 1)
    register.take_over(dict(ROWS))
    assert rows_of_state(register.to_state()) == dict(ROWS)
