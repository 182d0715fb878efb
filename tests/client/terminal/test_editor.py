"""The input line key by key: each case starts from a text with | where the cursor is."""

import sys
from itertools import accumulate
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.terminal.cells import graphemes
from pylingo.client.terminal.editor import KILLS, Editor

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FAMILY = "👩\u200d👩\u200d👧"
ACCENTED = "e\u0301"


def editor(text: str = "|", history: tuple[str, ...] = (), limit: int = 65_536) -> Editor:
    made = Editor(limit)
    for line in history:
        made.set_draft(line)
        made.submit()
    before, _, behind = text.partition("|")
    made.set_draft(before + behind)
    made.cursor = len(before)
    return made


def press(line: Editor, *names: str) -> str:
    """What is shown after these keys, with the cursor in it."""
    for name in names:
        assert line.press(name), name
    text, cursor = line.shown
    return f"{text[:cursor]}|{text[cursor:]}"


KEYS = [
    ("one two|", "ctrl-a", "|one two"),
    ("a\nbc|d\ne", "ctrl-a", "a\n|bcd\ne"),
    ("a\nbc|d\ne", "home", "a\n|bcd\ne"),
    ("a\nb|cd\ne", "ctrl-e", "a\nbcd|\ne"),
    ("a|b", "end", "ab|"),
    ("a|b", "ctrl-b", "|ab"),
    ("|ab", "left", "|ab"),
    ("a|b", "right", "ab|"),
    ("ab|", "ctrl-f", "ab|"),
    (f"{FAMILY}|", "left", f"|{FAMILY}"),
    (f"|{ACCENTED}x", "right", f"{ACCENTED}|x"),
    ("one, two|", "alt-b", "one, |two"),
    ("one, |two", "ctrl-left", "|one, two"),
    ("|one, two", "alt-f", "one|, two"),
    ("one|, two", "alt-right", "one, two|"),
    (f"|caf{ACCENTED}s x", "alt-f", f"caf{ACCENTED}s| x"),
    ("one|, two", "alt-F", "one, two|"),
    ("a|b", "backspace", "|b"),
    ("|ab", "backspace", "|ab"),
    (f"a{FAMILY}|", "ctrl-h", "a|"),
    ("🇩x|🇪", "backspace", "🇩🇪|"),
    ("a|b", "delete", "a|"),
    (f"|{FAMILY}b", "ctrl-d", "|b"),
    ("ab|", "ctrl-d", "ab|"),
    ("a|b\nc", "ctrl-k", "a|\nc"),
    ("a|\nc", "ctrl-k", "a|c"),
    ("a\nb|c", "ctrl-u", "a\n|c"),
    ("a\n|c", "ctrl-u", "a|c"),
    ("a b-c d|", "ctrl-w", "a b-c |"),
    ("a b-c  |d", "ctrl-w", "a |d"),
    ("a b-c|", "alt-backspace", "a b-|"),
    ("a| b-c", "alt-d", "a|-c"),
    ("a|bc", "ctrl-t", "ba|c"),
    ("abc|", "ctrl-t", "acb|"),
    ("|abc", "ctrl-t", "|abc"),
    ("a\n|b", "ctrl-t", "a\n|b"),
    ("a|", "ctrl-t", "a|"),
    (f"a{ACCENTED}|", "ctrl-t", f"{ACCENTED}a|"),
    ("one| two", "alt-t", "two one|"),
    ("one, t|wo; x", "alt-t", "two, one|; x"),
    ("one two  |", "alt-t", "two one|  "),
    ("a one| ", "alt-t", "one a| "),
    ("|one", "alt-t", "|one"),
    ("  |", "alt-t", "  |"),
    ("one|", "alt-t", "one|"),
    ("a| bc d", "alt-u", "a BC| d"),
    ("a| -bCD e", "alt-c", "a -Bcd| e"),
    *(("a|b", f"{modifier}-enter", "a\n|b") for modifier in ("alt", "shift", "ctrl")),
    ("ab|", "up", "ab|"),
    ("a|b", "down", "a|b"),
]


@pytest.mark.parametrize(("before", "name", "after"), KEYS)
def test_keys(before: str, name: str, after: str) -> None:
    assert press(editor(before), name) == after


@pytest.mark.parametrize("name", ["enter", "tab", "shift-tab", "page-up", "f1", "ctrl-l", "ctrl-c", "escape", "alt-z"])
def test_keys_of_others(name: str) -> None:
    line = editor("a|b")
    assert not line.press(name)
    assert press(line) == "a|b"


def test_ctrl_d_in_an_empty_line_is_not_the_editor_s() -> None:
    assert not editor("|").press("ctrl-d")


# --- typing


def test_typed_text_goes_to_the_cursor() -> None:
    line = editor("a|d")
    line.insert("bc")
    assert press(line) == "abc|d"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        *((same, same) for same in ("a\tb", "a\x1b[2J\x07", "\u202eabc\u2028", "\u200dabc", "e" + "\u0301" * 5)),
        *((same, same) for same in ("\U0001fae9", "so\u00adft", "\u200fא", "\ue0b0", ENGLAND, "\u200bx\ufeff")),
    ],
)
def test_characters_that_may_stand_in_the_line(typed: str, text: str) -> None:
    line = editor()
    line.insert(typed)
    assert line.text == text
    piecewise = editor()
    for char in typed.replace("\r\n", "\n"):
        piecewise.insert(char)
    assert piecewise.text == text
    assert piecewise.submit() == text
    piecewise.press("up")
    assert piecewise.text == text


def test_a_family_typed_piece_by_piece() -> None:
    line = editor("a|b")
    for at, char in enumerate(FAMILY):
        line.insert(char)
        assert line.cursor in (at + 2, len(line.text))
    assert press(line) == f"a{FAMILY}|b"
    assert press(line, "backspace") == "a|b"


def test_the_cursor_leaves_a_grapheme_that_typing_makes() -> None:
    line = editor("|🇪x")
    line.insert("🇩")
    assert press(line) == "🇩🇪|x"


def test_the_line_has_a_limit() -> None:
    line = editor("ab|", limit=5)
    line.insert("cdefg")
    line.insert("h")
    assert press(line, "alt-enter") == "abcde|"
    line.replace(0, 2, "uvwxyz")
    assert press(line) == "uv|cde"
    assert press(line, "ctrl-u", "ctrl-y", "ctrl-y") == "uv|cde"
    line.set_draft("123456")
    assert line.text == "12345"


def test_replace_sets_the_cursor_and_is_one_step() -> None:
    line = editor("/jo x|")
    line.replace(0, 3, "/join ")
    assert press(line) == "/join | x"
    line.replace(0, 5, "/part", cursor=2)
    assert press(line) == "/p|art  x"
    assert press(line, "ctrl-_", "ctrl-_") == "/jo x|"


# --- killing and yanking


def test_kills_in_a_row_are_one() -> None:
    assert press(editor("a b c| d"), "ctrl-w", "ctrl-w", "ctrl-k", "ctrl-y") == "a b c d|"
    assert press(editor("one two|"), "ctrl-w", "left", "ctrl-w", "ctrl-y") == "one| "


def test_yank_rotates() -> None:
    line = editor("a b|")
    press(line, "ctrl-w", "left", "ctrl-u", "end", "ctrl-y")
    assert press(line) == " a|"
    assert press(line, "alt-y") == " b|"
    assert press(line, "alt-y") == " a|"
    assert press(line, "left", "alt-y") == " |a"


def test_nothing_to_yank() -> None:
    assert press(editor("a|"), "ctrl-y", "alt-y") == "a|"


def test_kills_are_bounded() -> None:
    line = editor()
    for number in range(KILLS + 5):
        line.set_draft(str(number))
        press(line, "ctrl-u")
    press(line, "ctrl-y")
    yanked = [line.text for _ in range(2 * KILLS) if line.press("alt-y")]
    assert set(yanked) == {str(number) for number in range(5, KILLS + 5)}


# --- undo


def test_undo_goes_by_words() -> None:
    line = editor()
    for char in "one two":
        line.insert(char)
    assert [press(line, "ctrl-_") for _ in range(3)] == ["one |", "|", "|"]


def test_undo_of_each_kind_of_change() -> None:
    line = editor("one two|")
    press(line, "backspace", "ctrl-w", "ctrl-y", "alt-b", "alt-u", "ctrl-t", "alt-enter")
    steps = [press(line, "ctrl-_") for _ in range(6)]
    assert steps[-1] == "one two|"
    assert len(set(steps)) == 6


def test_typing_after_a_move_is_a_step_of_its_own() -> None:
    line = editor()
    line.insert("ab")
    press(line, "left")
    line.insert("c")
    assert press(line, "ctrl-_") == "a|b"


def test_undo_is_bounded() -> None:
    line = editor("|")
    for _ in range(1_000):
        press(line, "alt-enter")
    press(line, *["ctrl-_"] * 1_000)
    assert len(line.text) == 800


# --- history


def test_history_keeps_the_draft() -> None:
    line = editor("dra|ft", history=("one", "two"))
    assert [press(line, name) for name in ("up", "ctrl-p", "up", "down", "ctrl-n", "down")] == [
        *("two|", "one|", "one|", "two|", "draft|", "draft|"),
    ]


def test_submit_empties_the_line_and_remembers_it() -> None:
    line = editor("hel|lo")
    assert line.submit() == "hello"
    assert press(line) == "|"
    assert press(line, "ctrl-_") == "|"
    assert press(line, "up") == "hello|"
    line.insert("!")
    assert line.submit() == "hello!"
    assert press(line, "up", "up") == "hello|"


def test_a_draft_outlives_a_line_of_the_history_that_is_sent() -> None:
    line = editor("a long draft|", history=("one", "two"))
    assert press(line, "up") == "two|"
    assert line.submit() == "two"
    assert press(line) == "a long draft|"
    assert line.submit() == "a long draft"
    assert press(line) == "|"


def test_a_line_of_the_history_with_several_rows() -> None:
    line = editor("x|", history=("old", "a\nb"))
    assert press(line, "up") == "a\nb|"
    assert press(line, "up") == "old|"


def test_lines_of_earlier_runs_are_there_once() -> None:
    line = editor("dra|ft", history=("typed",))
    line.begin_with(("old",))
    line.begin_with(("old",))
    assert [press(line, "up"), press(line, "up"), press(line, "up")] == ["typed|", "old|", "old|"]
    line.begin_with(())
    assert press(line, "down", "down") == "draft|"
    assert line.past == ("old",)


def test_undo_survives_the_history() -> None:
    line = editor("dra|", history=("one",))
    line.insert("ft")
    press(line, "up", "ctrl-w")
    line.insert("two")
    press(line, "down")
    assert press(line, "ctrl-_") == "dra|"
    assert press(line, "up") == "two|"
    assert [press(line, "ctrl-_"), press(line, "ctrl-x+ctrl-u"), press(line, "ctrl-_")] == ["|", "one|", "one|"]
    line.insert("!")
    assert line.submit() == "one!"
    assert press(line) == "dra|", "the draft is back"
    line.submit()
    assert press(line, "up", "up") == "one!|"
    assert press(line, "ctrl-_") == "one!|", "what was sent has no changes"
    assert press(line, "up", "ctrl-_") == "one|"


def test_a_draft_that_comes_back_can_be_undone_further() -> None:
    line = editor("one |", history=("old",))
    line.insert("two")
    press(line, "up")
    line.submit()
    assert press(line, "ctrl-_") == "one |"


def test_a_line_that_is_discarded_goes_to_the_kill_ring_with_the_draft() -> None:
    line = editor("a draft|", history=("one", "two"))
    press(line, "up", "up")
    line.discard()
    assert press(line) == "|"
    assert press(line, "up") == "two|", "from the newest on"
    press(line, "down")
    assert press(line, "ctrl-y") == "one|"
    assert press(line, "alt-y") == "a draft|"
    line.set_draft("  ")
    line.discard()
    assert press(line, "ctrl-y") == "a draft|", "blanks are not kept"


def test_the_last_word_of_earlier_lines() -> None:
    line = editor("say |!", history=("one first", "two second", "three  third  "))
    assert press(line, "alt-.") == "say third|!"
    assert press(line, "alt-.") == "say second|!"
    assert press(line, "alt-.", "alt-.") == "say first|!"
    press(line, "left")
    assert press(line, "alt-.") == "say firsthird|t!"
    assert press(line, "ctrl-_", "ctrl-_", "ctrl-_", "ctrl-_") == "say |!"
    assert press(editor("a|"), "alt-.") == "a|"


# --- search

LINES = ("say hello", "bye", "Hello again", "last")


def test_a_line_that_a_search_has_found_is_shown_and_not_yet_the_line() -> None:
    line = editor("draft|", history=LINES)
    assert press(line, "ctrl-r") == "draft|"
    line.insert("hel")
    assert press(line) == "|Hello again"
    assert line.search is not None
    assert (line.search.query, line.text) == ("hel", "draft")


@pytest.mark.parametrize("name", ["ctrl-g", "escape"])
def test_a_search_given_up(name: str) -> None:
    line = editor("dra|ft", history=LINES)
    press(line, "ctrl-r")
    line.insert("bye")
    assert press(line, name) == "dra|ft"
    assert line.search is None


def test_enter_ends_the_search_and_leaves_the_line_to_be_sent() -> None:
    line = editor("draft|", history=LINES)
    press(line, "ctrl-r")
    line.insert("bye")
    assert not line.press("enter")
    assert (line.search, line.submit()) == (None, "bye")
    assert press(line) == "draft|"


def test_another_key_goes_on_with_the_line_found() -> None:
    line = editor("draft|", history=LINES)
    press(line, "ctrl-r")
    line.insert("bye")
    assert press(line, "ctrl-e") == "bye|"
    assert line.search is None
    assert [press(line, "up"), press(line, "down", "down")] == ["say hello|", "Hello again|"]
    assert press(line, "down", "down") == "draft|"


def test_a_search_that_found_nothing_leaves_the_draft() -> None:
    line = editor("dra|ft", history=LINES)
    press(line, "ctrl-r")
    line.insert("zzz")
    assert not line.press("page-up")
    assert line.search is not None
    assert press(line, "right") == "draf|t"


def test_the_last_search_is_repeated() -> None:
    line = editor("draft|", history=LINES)
    press(line, "ctrl-r")
    line.insert("hello")
    press(line, "ctrl-g")
    assert press(line, "ctrl-r", "ctrl-r") == "|Hello again"
    assert press(line, "ctrl-r") == "say |hello"
    assert press(line, "ctrl-e", "ctrl-s", "ctrl-s") == "say |hello", "from the line shown on"
    assert press(line, "ctrl-s") == "|Hello again"


def test_a_search_finds_the_line_as_it_was_sent_and_that_can_be_undone() -> None:
    line = editor("draft|", history=LINES)
    press(line, "up", "ctrl-u")
    line.insert("edited")
    press(line, "down", "ctrl-r")
    line.insert("last")
    assert press(line, "end") == "last|"
    assert press(line, "ctrl-_") == "edited|"


# --- any keys

NAMES = sorted(
    {name for _, name, _ in KEYS}
    | {"ctrl-y", "alt-y", "ctrl-_", "ctrl-r", "ctrl-s", "ctrl-g", "escape", "enter", "tab", "alt-.", "up", "down"}
)
PIECES = ["a", "b ", " ", "\n", "\u0301", "\u200d", "👩", "🇩", "🏽", "ß", "漢", "\u0600", "क\u094d", "\x1b", "word"]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(NAMES).map(lambda name: (name, "")) | st.tuples(st.just(""), st.sampled_from(PIECES))))
def test_the_cursor_is_never_inside_a_grapheme(steps: list[tuple[str, str]]) -> None:
    line = editor("|", history=("one two", f"{FAMILY}\n{ACCENTED}"), limit=30)
    for name, piece in steps:
        if name:
            line.press(name)
        else:
            line.insert(piece)
        for text, cursor in ((line.text, line.cursor), line.shown):
            assert cursor in {0, *accumulate(map(len, graphemes(text)))}
            assert len(text) <= 30


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *NAMES])))
def test_undo_leads_back_to_the_beginning_of_every_line(steps: list[str]) -> None:
    line = editor("one |two", history=("oldest", "older\nline", "old"))
    for step in steps:
        if step in PIECES:
            line.insert(step)
        else:
            line.press(step)
    line.press("ctrl-g")
    line.press("end")
    lines = []
    for key in ("down", "down", "down", "ctrl-_", "up", "up", "up"):
        line.press(key)
        for _ in steps if key == "up" or key == "ctrl-_" else ():
            line.press("ctrl-_")
        lines.append(line.text)
    assert lines[3:] == ["one two", "old", "older\nline", "oldest"]


@pytest.mark.parametrize("key", ["a", "left", "right", "backspace"])
def test_a_key_costs_the_same_in_a_long_line(key: str) -> None:
    def work(length: int) -> int:
        line = editor("a" * length + "|" + "b" * length)
        calls = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            for _ in range(20):
                line.insert(key) if len(key) == 1 else line.press(key)
        finally:
            sys.setprofile(before)
        return calls

    assert work(10_000) <= work(100) + 10
