"""The rows of a line: its styles, its links, where it wraps, and what is folded."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import Received
from pylingo.client.terminal import rows as module
from pylingo.client.terminal.capabilities import read_capabilities
from pylingo.client.terminal.cells import width, wrap
from pylingo.client.terminal.input_events import Text
from pylingo.client.terminal.line import Line, Presence
from pylingo.client.terminal.match_marks import marks
from pylingo.client.terminal.message_search import MessageSearch
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.painter import Painter
from pylingo.client.terminal.rows import (
    CACHED_LONG,
    FOLDED_ABOVE,
    FOLDED_TO,
    NAME_STYLES,
    Span,
    is_folded,
    name_style,
    wrapped,
)
from pylingo.client.terminal.theme import make_theme
from pylingo.client.terminal.update import update
from pylingo.client.themes import THEMES
from pylingo.shared.messages import (
    Error,
    Message,
    Notice,
)
from pylingo.shared.search import parse_search
from tests.fakes.window import NOON, TIME, make, opened, plain, said

WORDS = st.text(st.sampled_from("ab .://https漢e\u0301👩\u200d👧\n"), max_size=80)


def test_the_parts_of_a_line_have_their_styles() -> None:
    model = make(columns=60)
    (row,) = wrapped(model, said("hello"))
    assert row == (Span(f"{TIME} ", "time"), Span("bob:", name_style("bob")), Span(" hello", "message"))
    (row,) = wrapped(model, Line("error", "! no", NOON))
    assert row == (Span(f"{TIME} ", "time"), Span("! no", "error"))
    (row,) = wrapped(model, Line("day", "--- today ---", NOON))
    assert row == (Span("--- today ---", "date"),)
    model.preferences.times = False
    (row,) = wrapped(model, Line("note", "* so", NOON))
    assert row == (Span("* so", "note"),)


@pytest.mark.parametrize(("state", "mark"), [("unsent", "… "), ("refused", "× "), ("", "")])
def test_own_messages_are_marked_and_not_by_colour_alone(state: str, mark: str) -> None:
    row = wrapped(make(), Line("own", "hello", NOON, "ada", state=state))[0]
    assert plain(row) == f"{TIME} {mark}ada: hello"
    assert row[-1].style == (state or "own")
    assert row[1].style == "own-name"


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
    assert rows[2][:3] == (indent, Span(address[40:], "link", address), Span(" and", "message"))
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
        model.buffer.scrollback.clear()
        update(model, Received(record), 0.0, NOON)
        (line,) = model.buffer.scrollback.lines
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


# --- the column of names


def column(model: Model, line: Line) -> list[str]:
    """The rows of a line with names in a column, as if its speaker had just spoken."""
    model.preferences.names = "column"
    model.buffer.note_speaker(line.who)
    return [plain(row) for row in wrapped(model, line)]


EMOTE = replace(said("waves"), is_action=True)
CAME, WENT, BOTH = Presence(NOON), Presence(NOON), Presence(NOON)
CAME.add("joined", "cy", NOON)
WENT.add("lost the connection", "cy", NOON)
BOTH.add("joined", "cy", NOON)
BOTH.add("left", "cy", NOON)


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (said("hello"), "      bob │ hello"),
        (EMOTE, "        * │ bob waves"),
        (replace(said("hello ada"), is_mention=True), "     ▸bob │ hello ada"),
        (Line("own", "hello", NOON, "ada"), "      ada │ hello"),
        (Line("own", "hello", NOON, "ada", state="unsent"), "     …ada │ hello"),
        (Line("own", "hello", NOON, "ada", state="refused"), "     ×ada │ hello"),
        (Line("note", "* you are in lobby", NOON), "       -- │ you are in lobby"),
        (Line("note", "- a list", NOON), "       -- │ - a list"),
        (Line("error", "! no", NOON), "        ! │ no"),
        (Line("note", str(CAME), NOON, presence=CAME), "      --> │ cy joined"),
        (Line("note", str(WENT), NOON, presence=WENT), "      <-- │ cy lost the connection"),
        (Line("note", str(BOTH), NOON, presence=BOTH), "      <-> │ cy joined; cy left"),
    ],
)
def test_names_and_signs_stand_in_a_column(line: Line, row: str) -> None:
    assert column(make(columns=80), line) == [f"{TIME} {row}"]
    assert column(make(columns=80, times=False), line) == [row]
    assert (line.head or line.text) in column(make("plain", columns=80), line)[0]


@pytest.mark.parametrize("kind", ["day", "edge", "marker"])
def test_lines_that_divide_others_stand_across_the_column_without_a_time(kind: str) -> None:
    assert column(make(columns=80), Line(kind, "--- today ---", NOON)) == ["--- today ---"]
    assert [plain(row) for row in wrapped(make(columns=80), Line(kind, "--- x ---", NOON))] == ["--- x ---"]


def test_rows_after_the_first_stand_beside_the_column() -> None:
    margin = " " * len(f"{TIME} ")
    rows = column(make(columns=60), said(f"{'x' * 40} {'y' * 30}\nz"))
    assert rows == [f"{TIME}       bob │ {'x' * 40}", f"{margin}          │ {'y' * 30}", f"{margin}          │ z"]


def test_the_column_grows_with_the_names_up_to_its_bound_and_never_shrinks() -> None:
    model = make(columns=80)
    assert column(model, said("x", "漢字漢字漢")) == [f"{TIME}  漢字漢字漢 │ x"]
    assert column(model, said("x"))[0] == f"{TIME}         bob │ x"
    assert column(model, said("x", "n" * 16)) == [f"{TIME}  {'n' * 16} │ x"]
    assert column(model, said("x", "n" * 17)) == [f"{TIME}  {'n' * 15}+ │ {'n' * 17}: x"]
    assert column(model, said("x", "n" * 32)) == [f"{TIME}  {'n' * 15}+ │ {'n' * 32}: x"]
    assert column(model, said("x")) == [f"{TIME}               bob │ x"]


def test_two_long_names_that_begin_alike_are_told_apart() -> None:
    model = make(columns=100)
    real, fake = (column(model, said("hi", "administrator-of-" + end)) for end in ("all", "none"))
    assert real[0].split("│")[0] == fake[0].split("│")[0]
    assert real != fake
    assert real[0].endswith("│ administrator-of-all: hi")


def test_a_narrow_window_has_no_column() -> None:
    assert column(make(columns=59), said("x")) == [f"{TIME} bob: x"]
    assert column(make(columns=60), said("x")) == [f"{TIME}       bob │ x"]


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("text", [*FORGERIES, f"x\n{TIME}       eve │ hi", "x\n      eve │ hi", "│ " * 90])
@pytest.mark.parametrize("has_times", [True, False])
def test_only_a_name_is_ever_in_the_column(columns: int, text: str, has_times: bool) -> None:
    model = make(columns=columns, times=has_times, names="column")
    records = (Message("r", "bob", text, NOON), Message("r", "bob", text, NOON, True), Notice(text), Error("x", text))
    for record in records:
        model.buffer.scrollback.clear()
        update(model, Received(record), 0.0, NOON)
        line = model.buffer.scrollback.lines[-1]
        first, *others = ([*row] for row in wrapped(model, line))
        at = len(f"{TIME} ") * has_times
        assert plain(first)[at : at + 12].strip() in ("bob │", "* │", "-- │", "! │")
        assert all(plain(row)[: at + 12].rstrip() == " " * (at + 10) + "│" for row in others)


def test_a_link_beside_the_column_is_whole() -> None:
    address = "http://b.example/" + "y" * 120
    rows = wrapped(make(columns=80, names="column"), said(f"see {address} there"))
    parts = [span.text for row in rows for span in row if span.link == address]
    assert ("".join(parts), len(parts)) == (address, 3)


@given(WORDS, st.sampled_from(["", "bob", "漢字", "n" * 20]), st.integers(60, 100), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_texts_beside_the_column_put_together_are_the_text(
    text: str, who: str, columns: int, has_times: bool, is_action: bool
) -> None:
    model = make(columns=columns, times=has_times)
    line = replace(said(text, who), is_action=is_action and bool(who))
    rows = column(model, line)
    assert all(width(row) <= columns for row in rows)
    said_again = "".join(row.partition("│")[2] for row in rows).replace(" ", "")
    head = who if line.is_action else f"{who}:" if len(who) > 16 else ""
    assert said_again == (head + text).replace(" ", "").replace("\n", "")


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
def test_a_reply_that_the_person_asked_for_is_whole(kind: str) -> None:
    assert len(wrapped(make(), Line(kind, "\n" * 50, NOON))) == 51


def test_plain_has_no_key_and_folds_nothing() -> None:
    assert len(wrapped(make("plain"), said("\n" * 50))) == 51


def test_a_frame_wraps_and_renders_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    for number in range(30):
        model.buffer.scrollback.add(said(" ".join([f"http://a.b/{number}"] * 250)))
    terminal = read_capabilities("xterm-256color")
    calls: list[str] = []
    counted = replace(terminal, link=lambda address, text: calls.append("link") or terminal.link(address, text))
    monkeypatch.setattr(module, "wrap", lambda *given: calls.append("wrap") or wrap(*given))
    painter = Painter(counted, make_theme(counted, colors=True))
    painter.frame(model, 0.0)
    assert {"link", "wrap"} <= set(calls)
    calls.clear()
    for char in "hello":
        update(model, Text(char), 0.0, NOON)
        assert char in painter.frame(model, 0.0)
    assert calls == []


def test_the_rows_of_very_long_notices_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    lines = [Line("note", f"{number}" + "\n" * 2_000, NOON) for number in range(30)]
    for line in lines:
        wrapped(model, line)
    again: list[str] = []
    monkeypatch.setattr(module, "wrap", lambda text, *given: again.append(text) or wrap(text, *given))
    for line in reversed(lines):
        wrapped(model, line)
    assert len(again) == len(lines) - CACHED_LONG


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


# --- what a search has found


def searching(model: Model, words: str, current: int | None = None) -> Model:
    model.buffer.search = MessageSearch(words, parse_search(words), (None, 0), current=current)
    return model


def found(model: Model, line: Line, style: str = "match") -> list[str]:
    return [span.text for row in wrapped(model, line) for span in row if span.style == style]


def test_matches_are_marked_in_the_text_alone() -> None:
    model = searching(make(columns=60), "bob deploy")
    (row,) = wrapped(model, said("Bob: deploys, bob"))
    assert row[1:] == (
        Span("bob:", name_style("bob")),
        Span(" ", "message"),
        Span("Bob", "match"),
        Span(": ", "message"),
        Span("deploy", "match"),
        Span("s, ", "message"),
        Span("bob", "match"),
    )
    assert found(model, said("deploys")) == [], "a message without all the words is no match"
    assert found(model, Line("note", "bob deploys", NOON)) == [], "nor is what nobody says"
    model.buffer.search = None
    assert found(model, said("Bob: deploys")) == []


def test_the_match_that_is_looked_at_has_a_style_of_its_own() -> None:
    model = searching(make(columns=60), "deploy", current=NOON)
    assert found(model, said("deploy", at=NOON), "current-match") == ["deploy"]
    assert found(model, said("deploy", at=NOON + 1), "current-match") == []
    assert found(model, said("deploy", at=NOON + 1)) == ["deploy"]


def test_a_match_over_several_rows_is_marked_in_each() -> None:
    model = searching(make(columns=12, times=False), "abcdefghijklmnop")
    rows = wrapped(model, said("abcdefghijklmnopqrst"))
    assert "".join(found(model, said("abcdefghijklmnopqrst"))) == "abcdefghijklmnop"
    assert all(row[0].text == "  " and row[0].style != "match" for row in rows[2:]), "but not the margin"


def test_a_match_in_a_link_leaves_it_whole() -> None:
    model = searching(make(columns=60), "example")
    (row,) = wrapped(model, said("see https://example.org/x now"))
    parts = [(span.text, span.style) for span in row if span.link]
    assert parts == [("https://", "link"), ("example", "match"), (".org/x", "link")]
    assert {span.link for span in row if span.link} == {"https://example.org/x"}


@given(WORDS, st.sampled_from(["a", "b", "漢", "a b", "https", "e\u0301"]), st.integers(4, 40), st.booleans())
def test_marks_change_no_character(text: str, words: str, columns: int, has_column: bool) -> None:
    model = make(columns=columns)
    model.preferences.names = "column" if has_column else "plain"
    line = said(text)
    before = wrapped(model, line)
    after = wrapped(searching(model, words), line)
    assert [plain(row) for row in after] == [plain(row) for row in before]
    whole = "".join(found(model, line))
    assert bool(whole) == bool(marks(parse_search(words), text)) or columns < 8


@pytest.mark.parametrize("theme", THEMES)
def test_a_match_is_told_without_colours(theme: str) -> None:
    terminal = read_capabilities("xterm-256color")
    styles = make_theme(terminal, False, theme)
    assert styles["match"] == terminal.reverse
    assert styles["current-match"] not in ("", styles["match"])
