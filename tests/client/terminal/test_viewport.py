"""Which rows are in view, and that nothing that arrives moves them."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.line import Line
from pylingo.client.terminal.scrollback import Scrollback
from pylingo.client.terminal.viewport import Viewport


def said(at: int, text: str = "") -> Line:
    return Line("message", text or f"m{at}", at, "bob", is_stamped=True)


def note(text: str) -> Line:
    return Line("note", text)


def own(text: str) -> Line:
    return Line("own", text, 0, "ada", state="unsent")


def rows_of(line: Line) -> list[str]:
    """Each word is a row here."""
    return line.text.split(" ")


def filled(*words: str) -> Scrollback:
    made = Scrollback()
    for text in words:
        made.add(note(text))
    return made


def test_a_view_of_nothing_is_empty_and_follows() -> None:
    viewport = Viewport(list)
    viewport.scroll_up(1, 3, rows_of)
    assert (viewport.rows(3, rows_of), viewport.below, viewport.is_scrolled) == ([], 0, False)


def test_a_view_whose_lines_are_dropped_is_at_the_next_line_that_is_left() -> None:
    scrollback = filled(*(f"{number:02}" for number in range(10)))
    scrollback.viewport.scroll_up(9, 2, rows_of)
    assert scrollback.viewport.rows(2, rows_of) == ["00", "01"]
    gone = scrollback.lines[:6]
    scrollback.viewport.removed(gone, instead=scrollback.lines[6])
    del scrollback.lines[:6]
    assert scrollback.viewport.is_scrolled
    assert scrollback.viewport.rows(3, rows_of) == ["06", "07", "08"]


def test_a_view_of_lines_that_do_not_reach_the_end_follows_nothing() -> None:
    lines = [note(str(number)) for number in range(9)]
    has_end = False
    viewport = Viewport(lambda: lines, lambda: has_end)
    viewport.scroll_up(2, 3, rows_of)
    viewport.scroll_down(9, rows_of)
    assert viewport.is_scrolled
    lines += [note("9"), note("10")]
    assert viewport.rows(3, rows_of) == ["6", "7", "8"]
    has_end = True
    viewport.scroll_down(9, rows_of)
    assert not viewport.is_scrolled
    assert viewport.rows(3, rows_of) == ["8", "9", "10"]


def test_a_line_that_arrives_while_scrolled_up_is_new_until_it_was_in_view() -> None:
    viewport = Viewport(lambda: lines)
    lines = [note(str(number)) for number in range(9)]
    assert viewport.news == 0
    viewport.scroll_up(2, 3, rows_of)
    for text in "abc":
        line = note(text)
        line.news = viewport.news
        lines.append(line)
    assert (viewport.below, viewport.new_below) == (5, 3)
    viewport.scroll_down(3, rows_of)
    assert (viewport.below, viewport.new_below) == (2, 2)
    viewport.follow()
    viewport.scroll_up(3, 3, rows_of)
    assert (viewport.below, viewport.new_below) == (3, 0)


LONG = ("a1 a2 a3", "b1", "c1 c2", "d1 d2 d3 d4")
ALL = " ".join(LONG).split(" ")


def test_the_end_is_in_view_at_first() -> None:
    scrollback = filled(*LONG)
    assert scrollback.viewport.rows(3, rows_of) == ["d2", "d3", "d4"]
    assert scrollback.viewport.rows(100, rows_of) == ALL
    assert scrollback.viewport.rows(0, rows_of) == []
    assert (scrollback.viewport.below, scrollback.viewport.is_scrolled) == (0, False)


def test_up_row_by_row_to_the_first_and_down_again() -> None:
    scrollback = filled(*LONG)
    for top in [*range(6, -1, -1), 0, 0]:
        scrollback.viewport.scroll_up(1, 3, rows_of)
        assert scrollback.viewport.rows(3, rows_of) == ALL[top : top + 3]
        assert scrollback.viewport.is_scrolled
    for top in range(1, 7):
        scrollback.viewport.scroll_down(1, rows_of)
        assert scrollback.viewport.rows(3, rows_of) == ALL[top : top + 3]
        assert scrollback.viewport.is_scrolled
    for _ in range(3):
        scrollback.viewport.scroll_down(1, rows_of)
        assert scrollback.viewport.rows(3, rows_of) == ALL[-3:]
        assert not scrollback.viewport.is_scrolled


def test_lines_below_the_view_are_counted_whole() -> None:
    scrollback = filled(*LONG)
    counts = []
    for _ in range(7):
        scrollback.viewport.scroll_up(1, 3, rows_of)
        counts.append(scrollback.viewport.below)
    assert counts == [0, 0, 0, 1, 1, 2, 3]
    scrollback.add(note("e"))
    scrollback.unsent["k"] = own("mine")
    assert scrollback.viewport.below == 5
    scrollback.viewport.follow()
    assert scrollback.viewport.below == 0


def test_lines_that_fit_the_window_do_not_scroll() -> None:
    for words in ((), ("a",), ("a b", "c")):
        scrollback = filled(*words)
        scrollback.viewport.scroll_up(5, 3, rows_of)
        assert not scrollback.viewport.is_scrolled
        scrollback.viewport.scroll_down(5, rows_of)
        assert scrollback.viewport.rows(3, rows_of) == [row for text in words for row in text.split(" ")]


def test_nothing_that_comes_moves_a_view_that_is_scrolled_up() -> None:
    scrollback = Scrollback()
    for at in range(10, 100, 10):
        scrollback.add(said(at))
    scrollback.viewport.scroll_up(2, 3, rows_of)
    before = scrollback.viewport.rows(3, rows_of)
    assert before == ["m50", "m60", "m70"]
    scrollback.add(said(100))
    scrollback.add(said(75))
    scrollback.fold("joined", "ada", 1)
    scrollback.unsent["k"] = own("mine")
    scrollback.confirm("k", 85)
    assert scrollback.viewport.rows(3, rows_of) == before
    scrollback.viewport.scroll_down(1, rows_of)
    assert scrollback.viewport.rows(3, rows_of) == ["m60", "m70", "m75"]


def test_wider_rows_leave_no_empty_ones_below_the_first() -> None:
    scrollback = filled(*LONG)
    scrollback.viewport.scroll_up(99, 3, rows_of)
    assert scrollback.viewport.rows(3, lambda line: [line.text]) == list(LONG[:3])
    assert scrollback.viewport.rows(100, rows_of) == ALL, "so does a higher window"


@st.composite
def actions(draw: st.DrawFn) -> list[tuple[str, int]]:
    names = [
        "add",
        "older",
        "own",
        "confirm",
        "refuse",
        "fold",
        "up",
        "up",
        "down",
        "follow",
        "height",
        "clear",
        "room",
    ]
    return draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 9)), max_size=60))


@given(actions(), st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_the_view_is_a_window_of_all_rows_whatever_happens(actions: list[tuple[str, int]], height: int) -> None:
    scrollback = Scrollback()
    numbers = itertools.count(1)
    for action, number in actions:
        serial = next(numbers)
        text = " ".join(f"{serial}.{row}" for row in range(1 + number % 4))
        match action:
            case "add":
                scrollback.add(said(serial * 10, text))
            case "older":
                scrollback.add(said(max(1, serial * 10 - 31), text))
            case "own":
                scrollback.unsent.setdefault(str(number), own(text))
            case "confirm":
                scrollback.confirm(str(number), serial * 10 - number)
            case "refuse":
                scrollback.refuse(str(number))
            case "fold":
                scrollback.fold("joined", f"{serial}", serial)
            case "up":
                scrollback.viewport.scroll_up(number + 1, height, rows_of)
            case "down":
                scrollback.viewport.scroll_down(number + 1, rows_of)
            case "follow":
                scrollback.viewport.follow()
            case "height":
                height = number
            case "clear":
                scrollback.clear()
            case "room":
                line = note(text)
                line.begins = "lobby"
                scrollback.add(line)
        lines = (*scrollback.lines, *scrollback.unsent.values())
        has_date = bool(lines) and lines[0].at > 0
        every = ["---", "1970-01-01", "---"] * has_date + [row for line in lines for row in rows_of(line)]
        seen = scrollback.viewport.rows(height, rows_of)
        assert len(seen) == min(height, len(every))
        windows = [every[at : at + len(seen)] for at in range(len(every) - len(seen) + 1)]
        assert seen in windows
        if not scrollback.viewport.is_scrolled:
            assert seen == windows[-1]
        assert 0 <= scrollback.viewport.below < max(1, len(lines) + has_date)
