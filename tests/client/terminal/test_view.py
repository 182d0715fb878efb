"""The screen made from the model: layouts, the status row, the input row; and that nothing in a row is alive."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import Received, Status
from pylingo.client.terminal.cells import STAND_IN, width
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.model import Model, Report
from pylingo.client.terminal.people_list import EDGE
from pylingo.client.terminal.rows import wrapped
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import Screen, body_height, screen
from pylingo.shared.messages import (
    CommandInfo,
    Error,
    Goodbye,
    Help,
    Joined,
    Left,
    Message,
    Notice,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Users,
)
from pylingo.shared.schema import Record
from tests.fakes.window import DATE, NOON, TIME, make, opened, plain, said
from tests.support import is_live


def draft(model: Model, text: str, cursor: int | None = None) -> Model:
    model.buffer.editor.set_draft(text)
    if cursor is not None:
        model.buffer.editor.cursor = cursor
    return model


# --- layouts


def test_top_has_the_status_the_input_and_the_messages_below_them() -> None:
    model = draft(make("top"), "draft", 2)
    model.buffer.scrollback.add(said("hello"))
    seen = screen(model, 0.0)
    assert (seen.status_row, seen.cursor_row, seen.body_top) == (0, 1, 2)
    assert (seen.input.before, seen.input.after) == ("> dr", "aft")
    assert [plain(row) for row in seen.body] == [DATE, f"{TIME} bob: hello", *[""] * 6]


def test_bottom_has_the_messages_the_status_and_the_input_last() -> None:
    model = draft(make("bottom"), "draft")
    model.buffer.scrollback.add(said("hello"))
    seen = screen(model, 0.0)
    assert (seen.body_top, seen.status_row, seen.cursor_row) == (0, 8, 9)
    assert (seen.input.before, seen.input.after) == ("> draft", "")
    assert [plain(row) for row in seen.body] == [*[""] * 6, DATE, f"{TIME} bob: hello"]


@pytest.mark.parametrize(
    ("layout", "places"),
    [("top", {"status": 0, "input": 1, "body": 4}), ("bottom", {"status": 6, "input": 7, "body": 0})],
)
def test_a_draft_of_several_rows_takes_them_from_the_messages(layout: str, places: dict[str, int]) -> None:
    model = draft(make(layout), "one\ntwo\nthree", 5)
    for number in range(20):
        model.buffer.scrollback.add(said(str(number), at=NOON + number))
    seen = screen(model, 0.0)
    assert {"status": seen.status_row, "input": seen.input_top, "body": seen.body_top} == places
    assert seen.cursor_row == seen.input_top + 1
    assert seen.input.all == ("> one", "  two", "  three")
    assert len(seen.body) == body_height(model) == 6
    assert plain(seen.body[-1]).endswith("19")


@pytest.mark.parametrize("layout", ["top", "bottom"])
@pytest.mark.parametrize(("rows", "body", "has_status"), [(1, 0, False), (2, 1, False), (3, 1, True), (60, 58, True)])
def test_a_low_window_does_without_the_status(layout: str, rows: int, body: int, has_status: bool) -> None:
    model = make(layout, rows=rows)
    seen = screen(model, 0.0)
    assert (len(seen.body), seen.status is not None) == (body, has_status)
    assert body_height(model) == body


def test_inline_has_all_rows_for_messages() -> None:
    assert body_height(make("inline", rows=7)) == 7


def check(seen: Screen) -> None:
    """Each row of the window is used once, and nothing is wider than it."""
    used = [
        *range(seen.input_top, seen.input_top + seen.input.height),
        *range(seen.body_top, seen.body_top + len(seen.body)),
    ]
    if seen.status is not None:
        used.append(seen.status_row)
        assert width(plain(seen.status)) == seen.columns
    assert sorted(used) == list(range(seen.rows))
    assert all(width(plain(row)) <= seen.side_column for row in seen.body)
    assert len(seen.side) in (0, len(seen.body))
    assert all(width(plain(EDGE) + plain(row)) <= seen.columns - seen.side_column for row in seen.side)
    assert bool(seen.side) == (seen.side_column < seen.columns and bool(seen.body))
    assert all(width(row) < seen.columns for row in seen.input.all)
    assert seen.input.height <= max(1, seen.rows // 3)


WORDS = st.text(st.sampled_from("ab .://https漢e\u0301👩\u200d👧\n"), max_size=80)


@given(
    layout=st.sampled_from(["top", "bottom"]),
    columns=st.integers(1, 200),
    rows=st.integers(1, 60),
    texts=st.lists(st.tuples(WORDS, st.sampled_from(["", "bob", "漢字", "x" * 32])), max_size=8),
    typed=WORDS,
    cursor=st.integers(0, 80),
    likes=st.fixed_dictionaries(
        {"times": st.booleans(), "people": st.booleans(), "names": st.sampled_from(["column", "plain"])}
    ),
    people=st.lists(st.sampled_from(["bob", "漢字", "x" * 32, "ada"]), unique=True),
    state=st.sampled_from(["online", "waiting", "connecting", "over"]),
)
@settings(max_examples=300, deadline=None)
def test_every_window_is_filled_and_nothing_is_too_wide(
    layout: str,
    columns: int,
    rows: int,
    texts: list[tuple[str, str]],
    typed: str,
    cursor: int,
    likes: dict[str, Any],
    people: list[str],
    state: str,
) -> None:
    model = draft(make(layout, columns, rows, **likes), typed)
    model.buffer.editor.cursor = min(cursor, len(model.buffer.editor.text))
    model.state, model.buffer.room, model.name = state, "漢字" * 5, "ada"
    for text, who in texts:
        model.buffer.note_speaker(who)
        model.buffer.scrollback.add(said(text, who))
    for name in people:
        model.buffer.know(name)
    check(screen(model, 0.0))
    model.buffer.scrollback.viewport.scroll_up(3, body_height(model), lambda line: wrapped(model, line))
    check(screen(model, 0.0))


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 20, 21, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 60])
def test_a_question_a_hint_and_a_search_fit_every_window(columns: int, rows: int) -> None:
    model = make(columns=columns, rows=rows)
    model.hint = "漢" * 300
    check(screen(model, 0.0))
    model.question = Paste("x\n" * 9)
    check(screen(model, 0.0))
    model.buffer.editor.press("ctrl-r")
    model.buffer.editor.insert("漢x" * 40)
    check(screen(model, 0.0))


# --- hostile words

HOSTILE = {
    "clipboard": "\x1b]52;c;aGk=\x07",
    "open title": "\x1b]0;pwned",
    "query": "\x1b[6n",
    "reset": "\x1bc",
    "mouse": "\x1b[?1003h",
    "DCS": "\x1bP$qm\x1b\\",
    "C1": "\x9b31m\x9d0;x\x9c",
    "CR": "good\rbad",
    "LF": "good\neve: bad",
    "BS, BEL, NUL, DEL": "a\b\x07\0\x7f",
    "tab": "a\tb",
    "VT, FF": "a\x0b\x0cb",
    "bidi": "\u202eevil\u202c \u2067x\u2069 \u200e\u200f",
    "zero width": "a\u200bb\ufeffc\u2060d",
    "joiners": "\u200d\u200dx\u200d",
    "tags": "a\U000e0041\U000e007f",
    "line separators": "a\u2028b\u2029c\x85d",
    "marks": "Z" + "\u0335" * 50,
    "filler": "\u3164",
    "private": "\ue000\U0010fffd",
    "unassigned": "\U0005fffe\uffff",
    "surrogate": "\ud800",
}


def inert(text: str) -> bool:
    return not any(is_live(char) for char in text if char not in "\u200c\u200d")


def everything(model: Model, now: float) -> list[str]:
    seen = screen(model, now)
    rows = [
        plain(row)
        for line in (*model.buffer.scrollback.lines, *model.buffer.scrollback.unsent.values())
        for row in wrapped(model, line)
    ]
    return [*rows, *map(plain, seen.body), *seen.input.all, plain(seen.status) if seen.status else ""]


@pytest.mark.parametrize("columns", [1, 2, 7, 40, 200])
@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_whatever_others_say_is_inert(words: str, columns: int) -> None:
    model = make(columns=columns, rows=20)
    info = CommandInfo(words, words, words)
    records: list[Record] = [
        Ready(words, words, "0" * 32, True),
        Joined(words, words, 3),
        Joined(words, words),
        Message(words, words, words, NOON),
        Renamed("a" + words, words, words),
        Renamed(words, words),
        Users(words, [words, words + "x"], False),
        Rooms([RoomInfo(words, 1)], False),
        Left(words, words, words),
        Left(words, words, "leave"),
        Help([info]),
        Notice(words),
        Error(words, words),
        Goodbye(words, words),
        Left(words, words),
        Joined(words, words, 1),
    ]
    for record in records:
        update(model, Received(record), 0.0, NOON)
    update(model, Report(words, is_error=True), 0.0, NOON)
    for state in ("online", "waiting", "connecting", "over"):
        update(
            model,
            Status(state, OSError(words), 1.0, Goodbye("shutdown", words) if state == "over" else None),
            0.0,
            NOON,
        )
        assert all(map(inert, everything(model, 0.0)))
    update(model, Text("mine"), 0.0, NOON)
    update(model, Key("enter"), 0.0, NOON)
    assert all(map(inert, everything(model, 0.0)))
    update(model, Paste(words), 0.0, NOON)
    model.buffer.editor.press("ctrl-r")
    model.buffer.editor.insert(words)
    assert all(map(inert, everything(model, 0.0)))
    model.hint = words
    model.where = words
    model.state = "connecting"
    assert all(map(inert, everything(model, 0.0)))
    model.hint = ""
    assert all(map(inert, everything(model, 0.0)))


def test_a_tall_stack_of_marks_is_cut() -> None:
    model = make(columns=100)
    update(model, Received(Message("r", "bob", HOSTILE["marks"], NOON)), 0.0, NOON)
    (line,) = model.buffer.scrollback.lines
    assert plain(wrapped(model, line)[0]).count("\u0335") <= 4


def test_a_wide_character_in_a_single_column_is_stood_for() -> None:
    assert [plain(row) for row in wrapped(make(columns=1), said("漢", ""))] == [STAND_IN]


def test_a_word_of_ten_thousand_characters_is_whole() -> None:
    rows = [plain(row) for row in wrapped(make(columns=40), opened("x" * 10_000))]
    assert "".join(rows).count("x") == 10_000
