"""The name that somebody wants, and when it may be free."""

import pytest

from pylingo.client.wish import Wish
from pylingo.shared.messages import Joined, Left, Message, Renamed
from pylingo.shared.schema import Record

FREES: list[Record] = [
    Left("lobby", "ada", "lost"),
    Left("lobby", "ADA", "close"),
    Left("lobby", "ada", "shutdown"),
    Left("lobby", "ada", "idle"),
    Renamed("ada", "eve", "lobby"),
]
STAYS: list[Record] = [
    Left("lobby", "ada", "leave"),
    Left("lobby", "ada", "moved"),
    Left("lobby", "ada", "kicked"),
    Left("lobby", "ada"),
    Left("lobby", "adam", "lost"),
    Renamed("ada", "ADA", "lobby"),
    Renamed("eve", "ada", "lobby"),
    Renamed("ada", "eve"),
    Joined("lobby", "ada"),
    Message("lobby", "ada", "bye", 1),
]


def refused(name: str | None = "Ada") -> Wish:
    wish = Wish(name)
    wish.refused("name-taken")
    return wish


@pytest.mark.parametrize("record", FREES, ids=str)
def test_a_name_may_come_free_in_sight(record: Record) -> None:
    wish = refused()
    assert wish.is_taken
    assert wish.comes_free(record)
    assert not Wish("Ada").comes_free(record), "nobody has refused it"


@pytest.mark.parametrize("record", STAYS, ids=str)
def test_somebody_who_only_leaves_the_room_keeps_the_name(record: Record) -> None:
    assert not refused().comes_free(record)


def test_frames_that_end_the_waiting() -> None:
    wish = refused()
    wish.given("guest-3")
    assert wish.is_taken
    wish.given("ADA")
    assert not wish.is_taken
    wish = refused()
    wish.chosen("bob")
    assert (wish.name, wish.is_taken) == ("bob", False)
    wish = refused()
    wish.refused("bad-name")
    assert not wish.is_taken, "it will never be free"
    assert not Wish(None).comes_free(Left("lobby", "ada", "lost"))
