"""Which lines are in memory: pages at both ends, what goes when there are too many, and what stays."""

import pytest

from pylingo.client.terminal import loaded as module
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.loaded import Loaded
from pylingo.client.terminal.scrollback import Scrollback

DAY = 86_400_000_000
NOON = 1_700_000_000_000_000 // DAY * DAY + DAY // 2


def said(number: int, text: str = "") -> Line:
    """Message number `number`; they are a second apart."""
    return Line("message", text or str(number), NOON + number * 1_000_000, "bob", is_stamped=True)


def at(number: int) -> int:
    return said(number).at


def page(first: int, last: int) -> list[Line]:
    return [said(number) for number in range(first, last + 1)]


def rows_of(line: Line) -> list[str]:
    return [line.text]


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines if line.kind != "day"]


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 20 lines, of which the newest 3 stay."""
    for name, value in (("LINES", 20), ("NEWEST", 3), ("_SLACK", 2)):
        monkeypatch.setattr(module, name, value)


def filled(first: int, last: int) -> Scrollback:
    """A scrollback with these messages."""
    scrollback = Scrollback()
    for line in page(first, last):
        scrollback.add(line)
    return scrollback


def far_up(first: int = 50, last: int = 80) -> Scrollback:
    """A scrollback whose view is so far up that the messages before the newest ones have gone."""
    scrollback = filled(last - 9, last)
    scrollback.viewport.scroll_up(9, 2, rows_of)
    while int(scrollback.lines[1].text) > first:
        begin = int(texts(scrollback.lines)[0])
        scrollback.loaded.put_before(page(max(first, begin - 5), begin - 1), at(max(first, begin - 5)), False)
        scrollback.viewport.go_to_top(2, rows_of)
    assert not scrollback.loaded.has_end
    return scrollback


# --- older pages


def test_an_older_page_stands_above_the_messages_and_moves_none_that_is_in_view() -> None:
    scrollback = filled(10, 19)
    loaded = scrollback.loaded
    assert loaded.part.first == at(10)
    scrollback.viewport.scroll_up(9, 4, rows_of)
    before = scrollback.viewport.rows(4, rows_of)
    loaded.put_before(page(5, 9), at(3), is_beginning=False)  # others of that page are hidden
    assert texts(loaded.lines) == numbers(5, 19)
    assert (loaded.part.first, loaded.part.has_beginning) == (at(3), False)
    assert scrollback.viewport.rows(4, rows_of)[1:] == before[1:], "the first row was the date above the first line"
    loaded.put_before([], None, is_beginning=True)
    assert (loaded.part.first, loaded.part.has_beginning) == (at(3), True)


def test_an_older_page_stands_below_the_lines_with_which_the_room_was_entered() -> None:
    scrollback = Scrollback()
    scrollback.add(Line("note", "connected"))
    scrollback.add(Line("note", "in lobby"))
    assert scrollback.begin("lobby")
    assert not scrollback.begin("lobby")
    scrollback.loaded.put_before(page(8, 9), at(8), False)
    scrollback.add(said(10))
    scrollback.loaded.put_before(page(6, 7), at(6), False)
    assert texts(scrollback.lines) == ["connected", "in lobby", *numbers(6, 10)]


def test_another_room_in_the_same_buffer_has_a_log_of_its_own() -> None:
    scrollback = Scrollback()
    for room, numbers_ in (("lobby", (50, 51)), ("ops", (10, 11))):
        scrollback.add(Line("note", f"in {room}"))
        scrollback.begin(room)
        assert scrollback.loaded.part.first is None
        for number in numbers_:
            scrollback.add(said(number))
    assert scrollback.loaded.part.first == at(10)
    scrollback.loaded.tell("loading")
    scrollback.loaded.put_before(page(7, 9), at(7), True)
    scrollback.unsent["k"] = Line("own", "late", at(50))
    scrollback.confirm("k", at(51) + 1, "lobby")
    assert scrollback.loaded.part.first == at(7), "that was the other room's"
    assert texts(scrollback.lines) == ["in lobby", "50", "51", "late", "in ops", "loading", *numbers(7, 11)]


def test_messages_of_a_page_that_are_here_already_are_not_shown_again() -> None:
    scrollback = filled(10, 12)
    scrollback.loaded.put_before(page(8, 11), at(8), False)
    assert texts(scrollback.lines) == numbers(8, 12)
    scrollback.add(said(9))
    assert texts(scrollback.lines) == numbers(8, 12), "nor if they arrive later"


def test_days_are_told_where_pages_meet() -> None:
    def on(day: int, number: int) -> Line:
        line = said(number)
        line.at += day * DAY
        return line

    scrollback = Scrollback()
    scrollback.add(on(5, 1))
    for day, number in ((5, 0), (4, 1), (4, 0), (1, 0)):
        line = on(day, number)
        scrollback.loaded.put_before([line], line.at, False)
    kinds = ["day", "message", "day", "message", "message", "day", "message", "message"]
    assert [line.kind for line in scrollback.lines] == kinds
    assert len({line.text for line in scrollback.lines if line.kind == "day"}) == 3


@pytest.mark.usefixtures("small")
def test_an_own_message_finds_its_place_in_a_page_above_lines_that_have_gone() -> None:
    scrollback = filled(1, 60)
    first = int(texts(scrollback.lines)[0])
    scrollback.loaded.shorten(10, 1_000)
    scrollback.loaded.put_before(page(first - 3, first + 5), at(first - 3), False)
    scrollback.unsent["k"] = Line("own", "mine", 0, "ada")
    scrollback.confirm("k", at(first) + 1)
    place = texts(scrollback.lines).index("mine")
    assert texts(scrollback.lines)[place - 1 : place + 2] == [str(first), "mine", str(first + 1)]


# --- the rows at the ends


def test_a_row_says_what_is_above_the_messages() -> None:
    scrollback = filled(5, 9)
    loaded = scrollback.loaded
    before = loaded.characters
    loaded.tell("loading")
    assert texts(loaded.lines) == ["loading", *numbers(5, 9)]
    loaded.tell("failed")
    assert texts(loaded.lines) == ["failed", *numbers(5, 9)]
    loaded.put_before(page(3, 4), at(3), False)
    assert texts(loaded.lines) == ["failed", *numbers(3, 9)]
    loaded.tell("")
    loaded.tell("")
    assert texts(loaded.lines) == numbers(3, 9)
    assert loaded.characters == before + sum(line.size for line in loaded.lines[:3])


def test_a_view_of_one_row_survives_the_row_that_goes() -> None:
    scrollback = filled(5, 9)
    scrollback.loaded.tell("loading")
    scrollback.viewport.go_to_top(1, rows_of)
    assert scrollback.viewport.rows(1, rows_of) == ["loading"]
    scrollback.loaded.tell("")
    assert scrollback.viewport.rows(1, rows_of) == ["5"]


# --- what goes


@pytest.mark.usefixtures("small")
def test_at_the_end_the_oldest_lines_go() -> None:
    scrollback = filled(1, 100)
    loaded = scrollback.loaded
    assert 20 <= len(loaded.lines) <= 22
    first = 101 - len(loaded.lines)
    assert (loaded.part.first, loaded.has_end) == (at(first - 1) + 1, True)
    scrollback.add(said(first - 1, "late"))
    assert texts(loaded.lines) == numbers(first, 100), "it belongs to a part that is not here"


@pytest.mark.usefixtures("small")
def test_far_up_the_lines_between_the_view_and_the_newest_go() -> None:
    scrollback = far_up()
    loaded = scrollback.loaded
    assert texts(loaded.end) == numbers(78, 80)
    assert loaded.floor <= at(78)
    assert loaded.count <= 22
    last = int(texts(loaded.lines)[-1])
    assert loaded.part.last == at(last)
    assert texts(loaded.lines) == numbers(int(texts(loaded.lines)[0]), last), "what is left has no hole"


@pytest.mark.usefixtures("small")
def test_arrivals_far_up_are_counted_and_kept_at_the_end() -> None:
    scrollback = far_up()
    before = scrollback.viewport.rows(2, rows_of)
    for number in range(81, 121):
        scrollback.add(said(number))
    scrollback.add(Line("note", "a note"))
    scrollback.fold("joined", "ada", 1)
    scrollback.unsent["k"] = Line("own", "mine")
    loaded = scrollback.loaded
    assert scrollback.viewport.rows(2, rows_of) == before
    assert loaded.new_below == 42
    assert 3 <= len(loaded.end) <= 5
    assert loaded.characters == sum(line.size for line in (*loaded.lines, *loaded.end))
    scrollback.follow()
    assert texts(loaded.lines)[-3:] == ["120", "a note", "* ada joined"]
    assert scrollback.viewport.rows(2, rows_of) == ["* ada joined", "mine"]
    assert (loaded.has_end, loaded.new_below) == (True, 0)
    assert loaded.characters == sum(line.size for line in loaded.lines)
    assert loaded.part.first == loaded.floor


@pytest.mark.usefixtures("small")
def test_pages_close_the_gap_to_the_newest() -> None:
    scrollback = far_up(last=80)
    loaded = scrollback.loaded
    for number in range(81, 101):
        scrollback.add(said(number))
    assert loaded.new_below == 20
    while not loaded.has_end:
        last = int(texts(loaded.lines)[-1])
        loaded.put_behind(page(last + 1, last + 5), at(last + 5))
        here = [line.text for line in loaded.lines if is_of_log(line)]
        assert here == numbers(int(here[0]), int(here[-1]))
        assert loaded.count <= 22
        above = int(scrollback.viewport.lines_in_view(1, rows_of)[0].text)
        assert loaded.new_below == min(20, 100 - above)
        scrollback.viewport.scroll_down(4, rows_of)
    assert texts(loaded.lines)[-1] == "100"
    scrollback.add(said(101))
    assert texts(loaded.lines)[-1] == "101"


@pytest.mark.usefixtures("small")
def test_the_date_where_both_parts_meet_is_told() -> None:
    scrollback = far_up(last=80)
    loaded = scrollback.loaded
    for line in loaded.end:
        line.at += DAY
    loaded.floor += DAY
    loaded.put_behind([], loaded.floor - 1)
    assert loaded.has_end
    kinds = [line.kind for line in loaded.lines]
    assert kinds[-4:] == ["day", "message", "message", "message"]


@pytest.mark.usefixtures("small")
def test_an_own_message_that_is_confirmed_late_stands_in_its_place() -> None:
    scrollback = far_up()
    loaded = scrollback.loaded
    middle = int(texts(loaded.lines)[3])
    for key, number in (("inside", middle), ("between", 70), ("end", 90)):
        scrollback.unsent[key] = Line("own", key, 0, "ada")
        scrollback.confirm(key, at(number) + 1)
    assert texts(loaded.lines)[4] == "inside"
    assert texts(loaded.end)[-1] == "end"
    assert "between" not in texts([*loaded.lines, *loaded.end])


@pytest.mark.usefixtures("small")
def test_redacting_and_removing_reach_the_newest() -> None:
    scrollback = far_up()
    scrollback.redact(at(80))
    scrollback.redact(int(scrollback.lines[1].at))
    assert "80" not in texts(scrollback.loaded.end)
    marker = Line("marker", "--- new ---")
    scrollback.add(marker)
    assert scrollback.loaded.end[-1] is marker
    scrollback.remove(marker)
    assert marker not in scrollback.loaded.end
    loaded = scrollback.loaded
    assert loaded.characters == sum(line.size for line in (*loaded.lines, *loaded.end))


@pytest.mark.usefixtures("small")
def test_lines_of_other_rooms_go_first() -> None:
    scrollback = filled(50, 60)
    assert not scrollback.begin("lobby"), "its messages are here"
    scrollback.add(Line("note", "in ops"))
    assert scrollback.begin("ops")
    for number in range(1, 11):
        scrollback.add(said(number))
    scrollback.viewport.go_to_top(2, rows_of)
    scrollback.loaded.put_before([said(0)], at(0), False)
    assert texts(scrollback.lines)[-11:] == numbers(0, 10)
    assert "50" not in texts(scrollback.lines)


@pytest.mark.usefixtures("small")
def test_entering_another_room_goes_to_the_end() -> None:
    scrollback = far_up()
    scrollback.begin("lobby")
    scrollback.add(Line("note", "in ops"))
    cuts = scrollback.loaded.cuts
    assert scrollback.begin("ops")
    assert scrollback.loaded.has_end
    assert scrollback.loaded.part.first is None
    assert scrollback.loaded.cuts != cuts
    scrollback.add(said(1))
    assert texts(scrollback.lines)[-1] == "1"


def test_clearing_forgets_the_lines_and_knows_where_the_log_goes_on() -> None:
    scrollback = filled(5, 9)
    scrollback.clear()
    loaded = scrollback.loaded
    assert (loaded.lines, loaded.characters, loaded.part.first) == ([], 0, at(9) + 1)
    loaded.put_before(page(7, 9), at(7), False)
    scrollback.add(said(10))
    assert texts(loaded.lines) == numbers(7, 10)
    Scrollback().clear()


def test_a_view_of_lines_that_are_too_many_goes_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    scrollback = filled(1, 9)
    scrollback.viewport.scroll_up(5, 2, rows_of)
    monkeypatch.setattr(module, "CHARACTERS", 10)
    scrollback.add(said(10))
    assert scrollback.loaded.characters <= 10
    assert not scrollback.viewport.is_scrolled
    assert texts(scrollback.lines)[-1] == "10"


def test_the_newest_line_is_never_dropped() -> None:
    loaded = Loaded()
    loaded.shorten(0, 0)
    loaded.insert(loaded.end, 0, said(1))
    loaded.insert(loaded.end, 1, said(2))
    loaded.shorten(0, 0)
    assert texts(loaded.lines) == ["2"]
