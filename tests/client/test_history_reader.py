"""Reading a room's history: which messages were seen, which pages are requested, and which frames are held back."""

import itertools

import pytest

from pylingo.client import history_reader
from pylingo.client.history_reader import ROOMS_KEPT, SHOWN_ON_JOINING, HistoryReader
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest, Message, Skipped


@pytest.fixture
def reader() -> HistoryReader:
    return HistoryReader(itertools.count(1))


def message(at: int) -> Message:
    return Message("lobby", "bob", "x", at)


def page(*ats: int, more: bool = False) -> HistoryPage:
    return HistoryPage("lobby", [Entry("bob", "x", at) for at in ats], more, None)


def test_a_new_room_is_asked_for_its_newest_messages(reader: HistoryReader) -> None:
    assert reader.newest("lobby") is None
    assert reader.start(None) == HistoryRequest(None, None, SHOWN_ON_JOINING, 1)
    assert reader.is_reading
    assert reader.is_awaited(1)
    assert not reader.is_awaited(2)
    assert not reader.is_awaited(None)


def test_pages_follow_each_other_up_to_the_end(reader: HistoryReader) -> None:
    reader.start(1, 9)
    assert [is_new for _, is_new in reader.entries(page(2, 3, more=True))] == [True, True]
    assert reader.request_next(page(2, 3, more=True)) == HistoryRequest(3, 9, MAX_PAGE, 2)
    assert [is_new for _, is_new in reader.entries(page(3, 4))] == [False, True]
    assert reader.request_next(page(3, 4)) is None
    assert reader.newest("lobby") == 4


@pytest.mark.parametrize("first", [message(3), Skipped("lobby", 2, 2, 4)], ids=["message", "gap"])
def test_the_first_page_of_a_room_must_reach_the_first_frame_held_back(
    reader: HistoryReader, first: Message | Skipped
) -> None:
    reader.start(None)
    reader.hold(first)
    assert reader.request_since_join(page(3, 4)) is None
    assert reader.request_since_join(page(5, 6)) == HistoryRequest(2, None, MAX_PAGE, 2)


def test_stopping_gives_back_what_was_held(reader: HistoryReader) -> None:
    assert reader.stop() == []
    reader.start(1)
    reader.hold(message(2))
    reader.hold(message(3))
    assert reader.stop() == [message(2), message(3)]
    assert not reader.is_reading
    reader.start(2)
    reader.hold(message(3))
    assert reader.stop() == [message(3)]


def test_after_a_disconnection_a_new_room_is_read_from_the_first_frame_held_back_on(reader: HistoryReader) -> None:
    reader.start(None)
    reader.hold(message(7))
    reader.hold(message(8))
    reader.disconnected()
    assert not reader.is_reading
    assert reader.newest("lobby") == 6, "the message itself was not seen"


def test_a_gap_held_back_is_read_from_its_beginning_after_a_disconnection(reader: HistoryReader) -> None:
    reader.start(None)
    reader.hold(Skipped("lobby", 0, 5, 9))
    reader.disconnected()
    assert reader.newest("lobby") == 5


def test_a_message_is_new_once_and_cancels_the_page_that_nothing_is_held_for(
    reader: HistoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_reader, "OWN_IN_A_ROW", 2)
    assert reader.saw("lobby", 5)
    assert not reader.saw("lobby", 5)
    assert reader.confirmed_own("lobby") is None
    request = reader.confirmed_own("lobby")
    assert request is not None
    assert (request.since, reader.is_reading, reader.is_awaited(request.id)) == (5, False, True)
    assert reader.confirmed_own("lobby") is None
    assert reader.saw("lobby", 6)
    assert not reader.is_awaited(request.id)


def test_a_message_of_others_restarts_the_count_of_own_ones(
    reader: HistoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_reader, "OWN_IN_A_ROW", 2)
    assert reader.confirmed_own("lobby") is None
    assert reader.saw("lobby", 5)
    assert reader.confirmed_own("lobby") is None


def test_frames_are_not_held_back_without_end(reader: HistoryReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_reader, "MOST_HELD", 2)
    reader.start(None)
    reader.hold(message(1))
    reader.hold(message(2))
    with pytest.raises(ConnectionError, match="does not answer"):
        reader.hold(message(3))


def test_rooms_are_not_remembered_without_end(reader: HistoryReader) -> None:
    for number in range(5 * ROOMS_KEPT):
        assert reader.saw(f"room-{number}", number + 1)
    known = [number for number in range(5 * ROOMS_KEPT) if reader.newest(f"room-{number}") is not None]
    assert 0 < len(known) <= ROOMS_KEPT
