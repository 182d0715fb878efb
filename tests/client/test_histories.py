"""The histories of all places: which frame is about which, and which reader holds what."""

import itertools

import pytest

from pylingo.client import histories as module
from pylingo.client.histories import INBOX, Histories, place_of
from pylingo.client.history_reader import CONTEXT
from pylingo.shared.messages import (
    Away,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Notice,
    Private,
    Renamed,
    Sent,
    Skipped,
    Topic,
)
from pylingo.shared.schema import Record

ABOUT_TEA = [
    Message("Tea", "bob", "x", 1),
    Skipped("Tea", 1, 1, 2),
    Joined("Tea", "bob"),
    Left("Tea", "bob", "lost"),
    Renamed("bob", "eve", "Tea"),
    Topic("Tea", "pots", "bob", 1),
]
ABOUT_ALL_PRIVATE = [Private("bob", "ada", "x", 1), Skipped(None, 1, 1, 2)]
ABOUT_NONE = [
    Joined("tea", "ada", 2),
    Left("tea", "ada"),
    Renamed("bob", "eve"),
    Topic("tea", None, None, None, 7),
    Sent("tea", 1),
    Notice("x"),
    Away("bob", None),
]


def histories(here: frozenset[str] = frozenset(), **seen: int) -> Histories:
    return Histories(itertools.count(1), seen, lambda: here)


@pytest.mark.parametrize("record", ABOUT_TEA, ids=lambda record: type(record).__name__)
def test_a_frame_about_a_room(record: Record) -> None:
    assert place_of(record) == "tea"


@pytest.mark.parametrize("record", ABOUT_ALL_PRIVATE, ids=lambda record: type(record).__name__)
def test_a_frame_about_the_inbox(record: Record) -> None:
    assert place_of(record) == INBOX


@pytest.mark.parametrize("record", ABOUT_NONE, ids=lambda record: type(record).__name__)
def test_a_frame_about_no_place(record: Record) -> None:
    assert place_of(record) is None


def test_only_the_place_that_is_being_read_holds_frames_back() -> None:
    places = histories()
    assert not places.is_reading
    places["tea"].start(1)
    assert places.is_reading
    for record in ABOUT_TEA:
        assert places.reader_holding(record) is places["tea"]
    for record in (*ABOUT_ALL_PRIVATE, *ABOUT_NONE, Message("pool", "bob", "x", 1)):
        assert places.reader_holding(record) is None
    places[INBOX].start(1)
    assert places.reader_holding(ABOUT_ALL_PRIVATE[0]) is places[INBOX]
    places.stop(["tea", "never seen"])
    assert places.reader_holding(ABOUT_TEA[0]) is None
    assert places.is_reading


def test_a_reply_finds_its_place_once() -> None:
    places = histories()
    places.asked("tea", HistoryRequest(id=4))
    places.asked("pool", HistoryRequest(id=5))
    assert places.answered(None) is places.answered(6) is None
    assert places.answered(5) == "pool"
    assert places.answered(5) is None
    places.disconnected()
    assert places.answered(4) is None


def test_a_loss_ends_all_reading() -> None:
    places = histories()
    places["tea"].start(None)
    places["tea"].hold(Message("tea", "bob", "x", 7))
    places.disconnected()
    assert not places.is_reading
    assert places.newest("tea") == 6


def test_the_stamp_of_an_earlier_run_is_for_one_room() -> None:
    places = histories(tea=50)
    assert places["pool"].catch_up().before is None
    assert places["tea"].catch_up() == HistoryRequest(None, 51, CONTEXT, 2)
    assert places.newest("tea") == 0


def test_an_inbox_belongs_to_one_session() -> None:
    places = histories()
    assert places[INBOX].saw(5)
    assert places.newest(INBOX) == 5
    places.new_inbox()
    assert places.newest(INBOX) == 0
    assert places[INBOX].catch_up().since == 0


def test_places_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES_KEPT", 4)
    places = histories(frozenset({"room-1"}))
    places[INBOX].saw(1)
    for number in range(10):
        places[f"room-{number}"].saw(number + 2)
    known = [number for number in range(10) if places.newest(f"room-{number}")]
    assert known == [1, 8, 9]
    assert places.newest(INBOX) == 1


def test_the_places_that_we_are_in_are_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES_KEPT", 2)
    rooms = [f"room-{number}" for number in range(5)]
    places = histories(frozenset(rooms))
    for room in rooms:
        places[room].saw(1)
    assert [places.newest(room) for room in rooms] == [1] * 5
