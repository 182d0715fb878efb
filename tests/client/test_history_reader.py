"""Reading the history of one place: which messages were seen, which pages are requested, which frames are held back."""

import itertools

import pytest

from pylingo.client import history_reader
from pylingo.client.history_reader import CONTEXT, SHOWN_ON_JOINING, HistoryReader
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest, Message, Skipped


@pytest.fixture
def reader() -> HistoryReader:
    return HistoryReader(itertools.count(1))


def message(at: int) -> Message:
    return Message("lobby", "bob", "x", at)


def page(*ats: int, more: bool = False) -> HistoryPage:
    return HistoryPage("lobby", [Entry("bob", "x", at) for at in ats], more, None)


def test_a_new_room_is_asked_for_its_newest_messages(reader: HistoryReader) -> None:
    assert reader.newest is None
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
    assert reader.newest == 4


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
    assert reader.newest == 6, "the message itself was not seen"


def test_a_gap_held_back_is_read_from_its_beginning_after_a_disconnection(reader: HistoryReader) -> None:
    reader.start(None)
    reader.hold(Skipped("lobby", 0, 5, 9))
    reader.disconnected()
    assert reader.newest == 5


def test_a_message_is_new_once_and_cancels_the_page_that_nothing_is_held_for(
    reader: HistoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_reader, "OWN_IN_A_ROW", 2)
    assert reader.saw(5)
    assert not reader.saw(5)
    assert reader.confirmed_own() is None
    request = reader.confirmed_own()
    assert request is not None
    assert (request.since, reader.is_reading, reader.is_awaited(request.id)) == (5, False, True)
    assert reader.confirmed_own() is None
    assert reader.saw(6)
    assert not reader.is_awaited(request.id)


def test_a_message_of_others_restarts_the_count_of_own_ones(
    reader: HistoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_reader, "OWN_IN_A_ROW", 2)
    assert reader.confirmed_own() is None
    assert reader.saw(5)
    assert reader.confirmed_own() is None


def test_frames_are_not_held_back_without_end(reader: HistoryReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_reader, "MOST_HELD", 2)
    reader.start(None)
    reader.hold(message(1))
    reader.hold(message(2))
    with pytest.raises(ConnectionError, match="does not answer"):
        reader.hold(message(3))


def test_everything_that_was_not_seen_is_caught_up(reader: HistoryReader) -> None:
    reader.saw(7)
    assert reader.catch_up() == HistoryRequest(7, None, MAX_PAGE, 1)
    assert reader.catch_up([9, 5, 6]) == HistoryRequest(5, None, MAX_PAGE, 2), "an own message may have arrived"
    assert HistoryReader(itertools.count(1), newest=0).catch_up() == HistoryRequest(0, None, MAX_PAGE, 1)


def test_a_new_room_is_read_from_its_end_whatever_was_said_in_it(reader: HistoryReader) -> None:
    assert reader.catch_up([5]) == HistoryRequest(None, None, SHOWN_ON_JOINING, 1)
    assert reader.context_shown() is None


def test_a_room_of_an_earlier_run_begins_with_what_was_seen_then() -> None:
    reader = HistoryReader(itertools.count(1), seen=50)
    assert reader.newest is None
    assert reader.catch_up() == HistoryRequest(None, 51, CONTEXT, 1)
    reader.hold(message(70))
    assert reader.request_since_join(page(48, 50)) is None, "the first page is not for the frames held back"
    assert [is_new for _, is_new in reader.entries(page(40, 50, more=True))] == [True, True]
    assert reader.request_next(page(40, 50, more=True)) is None, "older messages are not asked for"
    assert reader.context_shown() == 50
    assert reader.context_shown() is None
    assert reader.newest == 50


def test_without_context_everything_after_an_earlier_run_is_new() -> None:
    reader = HistoryReader(itertools.count(1), seen=50)
    reader.catch_up()
    assert list(reader.entries(page(more=False))) == []
    assert reader.context_shown() == 50
    assert not reader.saw(50)
    assert reader.saw(51)


def test_a_context_that_never_came_is_asked_for_again() -> None:
    reader = HistoryReader(itertools.count(1), seen=50)
    reader.catch_up()
    reader.hold(message(70))
    reader.disconnected()
    assert reader.newest is None
    assert reader.catch_up() == HistoryRequest(None, 51, CONTEXT, 2)


def test_a_live_message_makes_an_earlier_run_old() -> None:
    reader = HistoryReader(itertools.count(1), seen=50)
    reader.catch_up()
    reader.stop()
    assert reader.saw(60)
    assert reader.catch_up() == HistoryRequest(60, None, MAX_PAGE, 2)
    assert reader.context_shown() is None
