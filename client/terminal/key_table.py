"""The keys of the window, for `/help keys` and the documentation. Pure.

`keyboard` binds them, with the tables that it imports, and `editor` binds the rest. A test checks that each one does
something, and that none of `keyboard` is missing here.
"""

from collections.abc import Iterator
from typing import NamedTuple


class KeyRow(NamedTuple):
    """A row of the table: the keys as people write them, what they do, and the names that `keyboard` has for them."""

    shown: str
    words: str
    names: tuple[str, ...]


def _row(shown: str, words: str, names: str) -> KeyRow:
    return KeyRow(shown, words, tuple(names.split()))


KEYS: dict[str, tuple[KeyRow, ...]] = {
    "line": (
        _row("C-a C-e, C-b C-f, M-b M-f", "move by line, character, word", "ctrl-a ctrl-e ctrl-b ctrl-f alt-b alt-f"),
        _row("C-k C-u, C-w M-d", "delete into the kill ring", "ctrl-k ctrl-u ctrl-w alt-d"),
        _row("C-y, M-y", "insert from the ring; an older entry", "ctrl-y alt-y"),
        _row("C-t, M-t", "swap two characters, two words", "ctrl-t alt-t"),
        _row("C-_, C-x C-u", "undo", "ctrl-_ ctrl-x+ctrl-u"),
        _row("M-u M-c", "change the case of a word", "alt-u alt-c"),
        _row("M-Enter, Shift-Enter, C-Enter", "begin a new row", "alt-enter shift-enter ctrl-enter"),
        _row("Up Down, C-p C-n", "move by row, then through your lines", "up down ctrl-p ctrl-n"),
        _row("C-r, C-s", "search your lines; newer ones", "ctrl-r ctrl-s"),
        _row("M-.", "insert the last line's last word", "alt-."),
        _row("C-x C-e", "edit the line in $VISUAL or $EDITOR", "ctrl-x+ctrl-e"),
        _row("C-v Tab, C-v Enter", "insert a tab, a new row", "ctrl-v ctrl-q"),
        _row("Tab, Shift-Tab", "complete; go through the candidates", "tab shift-tab"),
        _row("Enter", "send the line", "enter"),
    ),
    "buffers": (
        _row("M-1 … M-9, M-0", "show buffer 1 to 10", " ".join(f"alt-{number}" for number in range(10))),
        _row("M-j 1 2", "show buffer 12", "alt-j"),
        _row(
            "M-PgUp M-PgDn, M-Up M-Down, F5 F6",
            "show the previous or the next buffer",
            "alt-page-up alt-page-down alt-up alt-down f5 f6",
        ),
        _row("M-a", "show the buffer with urgent news", "alt-a"),
        _row("M-/", "show the buffer from before", "alt-/"),
    ),
    "messages": (
        _row("PgUp PgDn, the mouse wheel", "scroll by a page, by three rows", "page-up page-down"),
        _row("Shift-Up Shift-Down", "scroll by three rows", "shift-up shift-down"),
        _row("M-<, C-Home, M-Home", "go to the first message in memory", "alt-< ctrl-home alt-home"),
        _row("M->, C-End, M-End, Esc", "go to the end", "alt-> ctrl-end alt-end escape"),
        _row("M-p M-n", "go to the previous, the next mention", "alt-p alt-n"),
        _row("F7 F8, F11 F12", "scroll the list of people", "f7 f8 f11 f12"),
        _row("C-o", "unfold a long message, or fold it", "ctrl-o"),
        _row("M-l", "show plain text for copying", "alt-l"),
    ),
    "program": (
        _row("M-m", "take the mouse, or leave it", "alt-m"),
        _row("C-l", "repaint", "ctrl-l"),
        _row("C-z", "suspend the client", "ctrl-z"),
        _row("C-c", "clear the line; twice: leave", "ctrl-c"),
        _row("C-d on an empty line", "leave", "ctrl-d"),
    ),
}
"""The rows by group. C- stands for Ctrl, M- for Alt."""
FIRST_WORDS = {
    **dict.fromkeys(("top", "bottom"), "/help lists commands, C-r searches your lines, PgUp shows older messages"),
    "inline": "/help lists commands, C-r searches your lines",
    "plain": "/help lists commands",
}
"""By layout, what the first start says. In `inline` the terminal scrolls, and in `plain` it edits the lines."""
_LABEL, _SHOWN = 10, 27  # columns


def key_rows() -> Iterator[str]:
    """The rows of `/help keys`."""
    for label, rows in KEYS.items():
        for index, row in enumerate(rows):
            first = f"{label if index == 0 else '':<{_LABEL}}{row.shown:<{_SHOWN}}"
            if len(row.shown) > _SHOWN:  # it takes a row of its own
                yield first
                first = " " * (_LABEL + _SHOWN)
            yield f"{first} {row.words}"
