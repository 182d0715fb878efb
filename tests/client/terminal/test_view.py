"""The model as rows: layouts, the status row, the input row, lines that wrap; and that nothing in a row is alive."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.settings import Preferences
from pylingo.client.terminal import view
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.cells import STAND_IN, width, wrap
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Connection, Failure, Model, Received
from pylingo.client.terminal.painter import Painter
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import (
    CACHED_LONG,
    FOLDED_ABOVE,
    FOLDED_TO,
    NAME_STYLES,
    Row,
    Screen,
    Span,
    body_height,
    connection,
    input_row,
    is_folded,
    name_style,
    question,
    screen,
    status_line,
    wrapped,
)
from pylingo.client.wording import clock_time
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
from tests.support import is_live

NOON = 1_700_000_000_000_000
TIME = clock_time(NOON)


def make(layout: str = "top", columns: int = 40, rows: int = 10, **likes: bool) -> Model:
    return Model("example:5000", Preferences(layout=layout, **likes), columns=columns, rows=rows)


def said(text: str, who: str = "bob", at: int = NOON) -> Line:
    return Line("message", text, at, who, is_stamped=True)


def opened(text: str) -> Line:
    line = said(text)
    line.is_open = True
    return line


def plain(row: Row | None) -> str:
    assert row is not None
    return "".join(span.text for span in row)


def draft(model: Model, text: str, cursor: int | None = None) -> Model:
    model.editor.set_draft(text)
    if cursor is not None:
        model.editor.cursor = cursor
    return model


# --- layouts


def test_top_has_the_status_the_input_and_the_messages_below_them() -> None:
    model = draft(make("top"), "draft", 2)
    model.scrollback.add(said("hello"))
    seen = screen(model, 0.0)
    assert (seen.status_row, seen.input_row, seen.body_top) == (0, 1, 2)
    assert (seen.before, seen.after) == ("> dr", "aft")
    assert [plain(row) for row in seen.body] == [f"{TIME} bob: hello", *[""] * 7]


def test_bottom_has_the_messages_the_status_and_the_input_last() -> None:
    model = draft(make("bottom"), "draft")
    model.scrollback.add(said("hello"))
    seen = screen(model, 0.0)
    assert (seen.body_top, seen.status_row, seen.input_row) == (0, 8, 9)
    assert (seen.before, seen.after) == ("> draft", "")
    assert [plain(row) for row in seen.body] == [*[""] * 7, f"{TIME} bob: hello"]


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
    used = [seen.input_row, *range(seen.body_top, seen.body_top + len(seen.body))]
    if seen.status is not None:
        used.append(seen.status_row)
        assert width(plain(seen.status)) == seen.columns
    assert sorted(used) == list(range(seen.rows))
    assert all(width(plain(row)) <= seen.columns for row in seen.body)
    assert width(seen.before) < seen.columns or seen.columns == 1
    assert width(seen.before + seen.after) <= max(1, seen.columns)


WORDS = st.text(st.sampled_from("ab .://https漢e\u0301👩\u200d👧\n"), max_size=80)


@given(
    layout=st.sampled_from(["top", "bottom"]),
    columns=st.integers(1, 200),
    rows=st.integers(1, 60),
    texts=st.lists(st.tuples(WORDS, st.sampled_from(["", "bob", "漢字", "x" * 32])), max_size=8),
    typed=WORDS,
    cursor=st.integers(0, 80),
    likes=st.booleans(),
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
    likes: bool,
    state: str,
) -> None:
    model = draft(make(layout, columns, rows, times=likes), typed)
    model.editor.cursor = min(cursor, len(model.editor.text))
    model.state, model.room, model.name = state, "漢字" * 5, "ada"
    for text, who in texts:
        model.scrollback.add(said(text, who))
    check(screen(model, 0.0))
    model.scrollback.viewport.scroll_up(3, body_height(model), lambda line: wrapped(model, line))
    check(screen(model, 0.0))


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 20, 21, 200])
@pytest.mark.parametrize("rows", [1, 2, 3, 60])
def test_a_question_a_hint_and_a_search_fit_every_window(columns: int, rows: int) -> None:
    model = make(columns=columns, rows=rows)
    model.hint = "漢" * 300
    check(screen(model, 0.0))
    model.question = Paste("x\n" * 9)
    check(screen(model, 0.0))
    model.editor.press("ctrl-r")
    model.editor.insert("漢x" * 40)
    check(screen(model, 0.0))


# --- lines


def test_the_parts_of_a_line_have_their_styles() -> None:
    model = make(columns=60)
    (row,) = wrapped(model, said("hello"))
    assert row == (Span(f"{TIME} ", "time"), Span("bob:", name_style("bob")), Span(" hello", ""))
    (row,) = wrapped(model, Line("error", "! no", NOON))
    assert row == (Span(f"{TIME} ", "time"), Span("! no", "error"))
    (row,) = wrapped(model, Line("day", "--- today ---", NOON))
    assert row == (Span("--- today ---", "day"),)
    model.preferences.times = False
    (row,) = wrapped(model, Line("note", "* so", NOON))
    assert row == (Span("* so", "note"),)


@pytest.mark.parametrize(("state", "mark"), [("unsent", "… "), ("refused", "× "), ("", "")])
def test_own_messages_are_marked_and_not_by_colour_alone(state: str, mark: str) -> None:
    row = wrapped(make(), Line("own", "hello", NOON, "ada", state=state))[0]
    assert plain(row) == f"{TIME} {mark}ada: hello"
    assert row[-1].style == state


def test_a_mention_is_marked_and_not_by_colour_alone() -> None:
    line = said("hello ada")
    line.is_mention = True
    row = wrapped(make(), line)[0]
    assert plain(row) == f"{TIME} ▸bob: hello ada"
    assert row[-1] == Span(" hello ada", "mention")


def test_links_have_a_style_without_what_follows_them() -> None:
    text = "see (https://a.example/x?y=1), http://b.example. no://c and https://"
    spans = wrapped(make(columns=100), said(text))[0]
    assert [span.text for span in spans if span.style == "link"] == ["https://a.example/x?y=1", "http://b.example"]
    assert [span.link for span in spans] == ["", "", "", "https://a.example/x?y=1", "", "http://b.example", ""]
    assert plain(spans).endswith(text)


def test_each_part_of_a_link_leads_to_the_whole_of_it() -> None:
    address = "https://a.example/" + "x" * 40
    rows = wrapped(make(columns=30), said(f"at {address} and http://b.example"))
    indent = Span(" " * len(f"{TIME} "))
    assert rows[0][-1] == Span(address[:16], "link", address)
    assert rows[1] == (indent, Span(address[16:40], "link", address))
    assert rows[2][:3] == (indent, Span(address[40:], "link", address), Span(" and", ""))
    assert rows[3] == (indent, Span("http://b.example", "link", "http://b.example"))
    assert len(rows) == 4


def test_a_link_cut_inside_its_first_letters_is_a_link_in_both_rows() -> None:
    rows = wrapped(make(columns=21, times=False), said("x" * 13 + " http://b.example/12345678901"))
    assert [[span.text for span in row if span.link] for row in rows] == [["ht"], ["tp://b.example/1234"], ["5678901"]]


def test_the_address_of_a_link_is_ascii() -> None:
    (*_, span) = wrapped(make(columns=60), said("http://\u00fc.example/\u6f22"))[0]
    assert span == Span("http://\u00fc.example/\u6f22", "link", "http://%C3%BC.example/%E6%BC%A2")


@given(
    st.lists(st.one_of(st.sampled_from(["a", "", "漢字", "x" * 30, "\n", "  "]), st.integers(0, 60)), max_size=12),
    st.integers(4, 50),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_the_parts_of_all_links_put_together_are_the_links(
    words: list[str | int], columns: int, has_times: bool
) -> None:
    links = [f"http://{index}.example/" + "y" * word for index, word in enumerate(words) if isinstance(word, int)]
    left = iter(links)
    text = " ".join(word if isinstance(word, str) else next(left) for word in words)
    rows = wrapped(make(columns=columns, times=has_times), opened(f"{text} end"))
    parts = [(span.link, span.text) for row in rows for span in row if span.style == "link"]
    assert [address for address, _ in itertools.groupby(address for address, _ in parts)] == links
    for address in links:
        assert "".join(part for of, part in parts if of == address) == address
    time_of_day = f"{TIME} " if has_times and columns > 20 else ""
    whole = f"{time_of_day}bob: {text} end"
    assert [plain(row) for row in rows] == wrap(whole, columns, min(len(time_of_day) or 2, columns // 4))


def test_rows_after_the_first_are_indented_below_the_time() -> None:
    rows = [plain(row) for row in wrapped(make(columns=24), said("one two three four\nfive"))]
    indent = " " * len(f"{TIME} ")
    assert rows == [f"{TIME} bob: one two three", f"{indent}four", f"{indent}five"]


def test_without_room_there_is_no_time() -> None:
    assert plain(wrapped(make(columns=20), said("hi"))[0]) == "bob: hi"
    assert plain(wrapped(make(columns=21), said("hi"))[0]) == f"{TIME} bob: hi"


FORGERIES = [
    f"x\n{TIME} eve: I am bob",
    "x\n* you are now root",
    "y" * 39 + " eve: hi",
    "\n\n\neve: hi",
    "x\r\neve: hi",
    "漢" * 50,
    "a\n" * 50,
]


@pytest.mark.parametrize("columns", [4, 5, 10, 20, 21, 40, 79, 200])
@pytest.mark.parametrize("text", FORGERIES)
@pytest.mark.parametrize("has_times", [True, False])
def test_only_the_first_row_of_a_line_begins_in_the_first_column(columns: int, text: str, has_times: bool) -> None:
    model = make(columns=columns, times=has_times)
    for record in (Message("r", "bob", text, NOON), Notice(text), Error("bad-text", text)):
        model.scrollback.clear()
        update(model, Received(record), 0.0, lambda: NOON)
        (line,) = model.scrollback.lines
        _, *others = (plain(row) for row in wrapped(model, line))
        assert all(row[:1] in (" ", "") for row in others)


@given(WORDS, st.sampled_from(["", "bob", "漢字"]), st.integers(4, 60), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_spans_of_a_line_put_together_are_its_text(
    text: str, who: str, columns: int, has_times: bool, is_mention: bool
) -> None:
    model = make(columns=columns, times=has_times)
    line = said(text, who)
    line.is_mention = is_mention
    rows = wrapped(model, line)
    time_of_day = f"{TIME} " if has_times and columns > 20 else ""
    whole = time_of_day + ("▸" if is_mention else "") + (f"{who}: " if who else "") + text
    assert [plain(row) for row in rows] == wrap(whole, columns, min(len(time_of_day) or 2, columns // 4))
    assert "".join(map(plain, rows)).replace(" ", "") == whole.replace(" ", "").replace("\n", "")
    assert all(span.text for row in rows for span in row)


def test_a_name_has_one_style_however_it_is_written() -> None:
    assert name_style("Alice") == name_style("alice") == name_style("ALICE")
    assert {name_style(f"user{number}") for number in range(500)} == {f"name{n}" for n in range(NAME_STYLES)}


# --- the input row


def test_the_input_row_windows_a_long_text_around_the_cursor() -> None:
    model = make(columns=20)
    text = "".join(chr(ord("a") + number % 26) for number in range(60))
    for cursor in range(len(text) + 1):
        before, after = input_row(draft(model, text, cursor), "> ")
        assert before.startswith("> ")
        inside = before[2:] + after
        assert len(before + after) <= 19
        assert text[:cursor].endswith(before[2:])
        assert text[cursor:].startswith(after)
        assert inside in text
        assert len(inside) >= 8, "half of the row is used at least"


def test_most_keys_change_the_input_row_at_its_end_only() -> None:
    model = make(columns=20)
    previous = ""
    moved = 0
    for length in range(200):
        before, _ = input_row(draft(model, "x" * length), "> ")
        moved += not before.startswith(previous)
        previous = before
    assert moved <= 200 // 8


@pytest.mark.parametrize(
    ("text", "cursor", "columns", "expected"),
    [
        ("a\nb\nc", 3, 40, ("> a↵b", "↵c")),
        ("漢字漢字漢字", 6, 9, ("> 字漢字", "")),
        ("漢字", 1, 9, ("> 漢", "字")),
        ("漢字", 0, 6, ("> ", "漢")),
        ("e\u0301e\u0301", 2, 40, ("> e\u0301", "e\u0301")),
        ("hello", 5, 1, ("", "")),
        ("hello", 0, 1, ("", "")),
        ("hello", 5, 2, (">", "")),
        ("漢", 1, 2, (">", "")),
        ("", 0, 40, ("> ", "")),
    ],
)
def test_the_input_row(text: str, cursor: int, columns: int, expected: tuple[str, str]) -> None:
    assert input_row(draft(make(columns=columns), text, cursor), "> ") == expected


def test_a_long_prompt_takes_half_of_the_row() -> None:
    before, after = input_row(draft(make(columns=20), "hello", 2), "p" * 50)
    assert (before, after) == ("p" * 10 + "he", "llo")


def test_a_search_shows_what_is_searched_and_what_was_found() -> None:
    model = draft(make(), "found it")
    model.editor.submit()
    model.editor.press("ctrl-r")
    model.editor.insert("und")
    assert input_row(model, "> ") == ("(search 'und') fo", "und it")


# --- the status row


def online(columns: int = 80) -> Model:
    model = make(columns=columns)
    model.state, model.room, model.name, model.round_trip = "online", "lobby", "ada", 0.0123
    model.know("ada")
    model.know("bob")
    return model


def status(model: Model, now: float = 0.0) -> str:
    return plain(status_line(model, now)).strip()


def test_the_status_row_says_where_one_is() -> None:
    model = online()
    assert status(model) == "online 12 ms · lobby · 2 here · ada"
    model.round_trip = None
    assert status(model) == "online · lobby · 2 here · ada"
    model.room = None
    assert status(model) == "online · no room: /join one · ada"
    model.name, model.wanted = "guest-3", "ada"
    assert status(model) == "online · no room: /join one · guest-3, wanted ada"


def test_how_many_are_here_is_known_before_their_names_are() -> None:
    model = make(columns=80)
    happen = lambda record: update(model, Received(record), 0.0, lambda: NOON)  # noqa: E731
    update(model, Connection("online"), 0.0, lambda: NOON)
    happen(Joined("lobby", "ada", 7))
    assert "lobby · 7 here" in status(model)
    happen(Joined("lobby", "bob"))
    assert "lobby · 8 here" in status(model)
    happen(Left("lobby", "bob", "leave"))
    happen(Users("lobby", ["ada", "cy"], True, re=model.last_id))
    assert "lobby · 7 here" in status(model)
    happen(Users("lobby", ["dan"], False, re=model.last_id))
    assert "lobby · 3 here" in status(model)


def test_a_search_without_a_match_looks_like_none() -> None:
    model = make(columns=80)
    model.editor.insert("an old line")
    model.editor.submit()
    model.editor.press("ctrl-r")
    assert input_row(model, "> ")[0].startswith("(search '')")
    model.editor.insert("old")
    assert "".join(input_row(model, "> ")) == "(search 'old') an old line"
    model.editor.insert("er")
    assert input_row(model, "> ")[0].startswith("(no line has 'older')")
    model.editor.press("backspace")
    model.editor.press("backspace")
    assert input_row(model, "> ")[0].startswith("(search 'old')")
    model.editor.press("ctrl-r")
    assert input_row(model, "> ")[0].startswith("(no line has 'old')"), "no other line has it"


def test_the_status_row_says_that_there_is_no_connection() -> None:
    model = online()
    model.state, model.retry_at = "waiting", 12.5
    assert status(model, 10.0) == "offline, next try in 2 s · ada"
    assert status(model, 99.0) == "offline, next try in 0 s · ada"
    model.scrollback.unsent["k"] = Line("own", "x", state="unsent")
    assert status(model, 10.0) == "offline, next try in 2 s · 1 unsent · ada"
    model.state = "connecting"
    assert status(model) == "connecting to example:5000 · 1 unsent · ada"
    model.state = "over"
    assert status(model) == "not connected · 1 unsent · ada"
    assert connection(model, 0.0) == "not connected"


def test_the_status_row_says_what_is_below() -> None:
    model = online()
    for number in range(30):
        model.scrollback.add(said(f"{number}\nmore"))
    rows = body_height(model)
    model.scrollback.viewport.scroll_up(1, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online")
    model.scrollback.viewport.scroll_up(6, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online"), "what is below has been there before"
    for number in range(2):
        model.scrollback.add(said(f"new {number}", at=NOON + 1 + number))
    model.scrollback.add(Line("own", "mine", NOON, "ada"))
    model.scrollback.add(Line("day", "--- 2026-01-01 ---", NOON))
    assert status(model).startswith("2 new below ↓ · online")
    model.scrollback.viewport.scroll_down(8, lambda line: wrapped(model, line))
    assert status(model).startswith("1 new below ↓ · online")
    model.scrollback.viewport.scroll_up(3, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("1 new below ↓ · online"), "the other was in view"
    model.scrollback.viewport.follow()
    model.scrollback.viewport.scroll_up(9, rows, lambda line: wrapped(model, line))
    assert status(model).startswith("more below ↓ · online")


def test_nothing_is_below_once_all_fits() -> None:
    model = online()
    for number in range(30):
        model.scrollback.add(said(str(number)))
    model.scrollback.viewport.scroll_up(5, body_height(model), lambda line: wrapped(model, line))
    model.rows = 60
    screen(model, 0.0)
    assert status(model).startswith("online")


def test_a_question_goes_before_a_hint_and_that_before_the_state() -> None:
    model = online()
    model.hint = "no such thing"
    assert status(model) == "no such thing"
    model.question = Paste("a\nb\nc\n")
    assert status(model) == question(model).strip() == "Paste 3 lines, 6 characters? Enter: yes, Esc: no"


def test_the_status_row_is_as_wide_as_the_window() -> None:
    for columns in range(1, 90):
        (span,) = status_line(online(columns), 0.0)
        assert (width(span.text), span.style) == (columns, "status")


# --- long messages


def test_a_long_message_is_folded() -> None:
    model = make(columns=60)
    rows = [plain(row) for row in wrapped(model, said("\n" * 4_000 + "end"))]
    assert len(rows) == FOLDED_TO + 1
    assert rows[-1].strip() == "… 3,991 more rows (C-o shows them)"
    assert is_folded(model, said("\n" * 4_000))
    assert len(wrapped(model, opened("\n" * 4_000))) == 4_001
    assert not is_folded(model, opened("\n" * 4_000))


def test_a_message_is_folded_only_where_that_saves_rows() -> None:
    model = make(columns=60)
    assert len(wrapped(model, said("\n" * (FOLDED_ABOVE - 1)))) == FOLDED_ABOVE
    assert len(wrapped(model, said("\n" * FOLDED_ABOVE))) == FOLDED_TO + 1


def test_nobody_can_write_what_folds() -> None:
    model = make(columns=60)
    assert not is_folded(model, said("… 3,991 more rows (C-o shows them)"))


@pytest.mark.parametrize("kind", ["note", "error", "day"])
def test_what_the_person_has_asked_for_is_whole(kind: str) -> None:
    assert len(wrapped(make(), Line(kind, "\n" * 50, NOON))) == 51


def test_plain_has_no_key_and_folds_nothing() -> None:
    assert len(wrapped(make("plain"), said("\n" * 50))) == 51


def test_a_frame_wraps_and_renders_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    for number in range(30):
        model.scrollback.add(said(" ".join([f"http://a.b/{number}"] * 250)))
    terminal = read_capabilities("xterm-256color")
    calls: list[str] = []
    counted = replace(terminal, link=lambda address, text: calls.append("link") or terminal.link(address, text))
    monkeypatch.setattr(view, "wrap", lambda *given: calls.append("wrap") or wrap(*given))
    painter = Painter(counted, make_theme(counted, colors=True))
    painter.frame(model, 0.0)
    assert {"link", "wrap"} <= set(calls)
    calls.clear()
    for char in "hello":
        update(model, Text(char), 0.0, lambda: NOON)
        assert char in painter.frame(model, 0.0)
    assert calls == []


def test_the_rows_of_very_long_notices_are_not_all_kept() -> None:
    model = make()
    for number in range(100):
        line = Line("note", f"{number}" + "\n" * 2_000, NOON)
        assert wrapped(model, line) is wrapped(model, line), "a few are"
    assert view._cached_long.cache_info().currsize <= CACHED_LONG


def test_the_rows_of_a_line_that_changes_change() -> None:
    model = make()
    line = Line("own", "hello", NOON, "ada", state="unsent")
    before = wrapped(model, line)
    line.state = ""
    assert wrapped(model, line) != before
    model.columns = 8
    assert len(wrapped(model, line)) > 1
    line.text = "hi"
    assert "hi" in plain(wrapped(model, line)[0])


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
        for line in (*model.scrollback.lines, *model.scrollback.unsent.values())
        for row in wrapped(model, line)
    ]
    return [*rows, *map(plain, seen.body), seen.before, seen.after, plain(seen.status) if seen.status else ""]


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
        update(model, Received(record), 0.0, lambda: NOON)
    update(model, Failure(words), 0.0, lambda: NOON)
    for state in ("online", "waiting", "connecting", "over"):
        update(model, Connection(state, 1.0, None, words), 0.0, lambda: NOON)
        assert all(map(inert, everything(model, 0.0)))
    update(model, Text("mine"), 0.0, lambda: NOON)
    update(model, Key("enter"), 0.0, lambda: NOON)
    assert all(map(inert, everything(model, 0.0)))
    update(model, Paste(words), 0.0, lambda: NOON)
    model.editor.press("ctrl-r")
    model.editor.insert(words)
    assert all(map(inert, everything(model, 0.0)))
    model.hint = words
    model.where = words
    model.state = "connecting"
    assert all(map(inert, everything(model, 0.0)))
    model.hint = ""
    assert all(map(inert, everything(model, 0.0)))


def test_a_tall_stack_of_marks_is_cut() -> None:
    model = make(columns=100)
    update(model, Received(Message("r", "bob", HOSTILE["marks"], NOON)), 0.0, lambda: NOON)
    (line,) = model.scrollback.lines
    assert plain(wrapped(model, line)[0]).count("\u0335") <= 4


def test_a_wide_character_in_a_single_column_is_stood_for() -> None:
    assert [plain(row) for row in wrapped(make(columns=1), said("漢", ""))] == [STAND_IN]


def test_a_word_of_ten_thousand_characters_is_whole() -> None:
    rows = [plain(row) for row in wrapped(make(columns=40), opened("x" * 10_000))]
    assert "".join(rows).count("x") == 10_000
