"""The table of keys: each one does something, and none is missing."""

from pylingo.client.settings import LAYOUTS
from pylingo.client.terminal.editor import Editor
from pylingo.client.terminal.key_table import FIRST_WORDS, KEYS, key_rows
from pylingo.client.terminal.keyboard import BOUND

NAMES = [name for rows in KEYS.values() for row in rows for name in row.names]


def is_key_of_the_editor(name: str) -> bool:
    editor = Editor()
    editor.set_draft("some text")
    return editor.press(name)


def is_prefix(name: str) -> bool:
    return any(other.startswith(f"{name}+") for other in NAMES)


def test_each_key_does_something() -> None:
    assert [name for name in NAMES if name not in BOUND and not is_key_of_the_editor(name)] == []
    assert not is_key_of_the_editor("ctrl-]")


def test_no_key_of_the_window_is_missing_or_named_twice() -> None:
    assert {name for name in BOUND - set(NAMES) if not is_prefix(name)} == set()
    assert len(NAMES) == len(set(NAMES))


def test_the_rows_fit_a_window_of_80_columns_beside_the_time() -> None:
    rows = list(key_rows())
    assert max(map(len, rows)) <= 80 - len("12:00 ")
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == list(KEYS)


def test_every_layout_has_first_words_that_fit() -> None:
    assert set(FIRST_WORDS) == set(LAYOUTS)
    assert all(len(words) <= 80 - len("12:00 * ") for words in FIRST_WORDS.values())
