"""What the terminal understands, as strings: the only place that imports blessed.

blessed is asked for strings alone. Given a stream that is no terminal it sends no queries, for which it would wait as
long as the terminal is mute; and `NO_COLOR`, which would take cursor moves away too, is hidden from it meanwhile.
"""

import curses
import io
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_KEYS = {
    "PGUP": "page-up",
    "PGDOWN": "page-down",
    "SPREVIOUS": "shift-page-up",
    "SNEXT": "shift-page-down",
    "SUP": "shift-up",
    "SDOWN": "shift-down",
    "SLEFT": "shift-left",
    "SRIGHT": "shift-right",
    "SHOME": "shift-home",
    "SEND": "shift-end",
    "SDC": "shift-delete",
    "SIC": "shift-insert",
    "BTAB": "shift-tab",
}
"""blessed's names of keys that are called differently here; others are theirs in lower case."""
NO_KINDS = frozenset({"", "dumb", "unknown", "dialup", "network", "switch"})
"""What `TERM` is where nobody knows, or claims, that the cursor can be moved."""
USUAL = "xterm-256color"
_LONGEST_LINK = 2_000
_SAME = frozenset(["UP", "DOWN", "LEFT", "RIGHT", "HOME", "END", "DELETE", "INSERT", "BACKSPACE", "ENTER"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Rows and columns count from 0."""

    move: Callable[[int, int], str]
    left: Callable[[int], str]
    right: Callable[[int], str]
    region: Callable[[int, int], str]
    color: Callable[[int], str]
    link: Callable[[str, str], str]
    """An address and a text that leads there when it is clicked: the text alone, where that might not be understood."""
    number_of_colors: int
    enter: str
    exit: str
    clear: str
    clear_eol: str
    clear_eos: str
    save: str
    restore: str
    hide: str
    show: str
    normal: str
    bold: str
    dim: str
    reverse: str
    underline: str
    keys: Mapping[str, str]


def usable_kind(term: str) -> str | None:
    """The description to be used for a `TERM`, or None where no cursor can be moved.

    New terminals (`xterm-kitty`, `foot`, `xterm-ghostty`) are not described everywhere, as on a server that one comes
    to with ssh. They understand what xterm does.
    """
    if term in NO_KINDS:
        return None
    for kind in (term, USUAL):
        try:
            curses.setupterm(kind, 1)
        except curses.error:  # not described here
            continue
        return kind if all(map(curses.tigetstr, ("cup", "el", "ed", "csr", "sc", "rc"))) else None
    return None


def read_capabilities(kind: str) -> Capabilities:
    """What a terminal of that `kind` understands."""
    hidden = {name: os.environ.pop(name) for name in ("NO_COLOR", "FORCE_COLOR") if name in os.environ}
    try:
        from blessed import Terminal
        from blessed.keyboard import get_keyboard_codes, get_keyboard_sequences

        terminal: Any = Terminal(kind=kind, stream=io.StringIO(), force_styling=True)
    finally:
        os.environ.update(hidden)

    def link(address: str, text: str) -> str:
        # No terminal description says who knows hyperlinks (OSC 8). Who does not passes over them, but for old ones,
        # which have fewer colours; terminals take 2,083 bytes, blessed less.
        if terminal.number_of_colors < 256 or len(address) >= _LONGEST_LINK:
            return text
        # The parts of one address, on two rows, are marked together.
        return str(terminal.link(address, text, f"{zlib.crc32(address.encode()):x}"))

    codes = get_keyboard_codes()
    keys = {}
    for sequence, code in get_keyboard_sequences(terminal).items():
        name = codes.get(code, "").removeprefix("KEY_")
        if name in _SAME or name in _KEYS or (name[:1] == "F" and name[1:].isdigit() and int(name[1:]) <= 12):
            keys[sequence] = _KEYS.get(name, name.lower())
    return Capabilities(
        move=lambda row, column: str(terminal.move_yx(row, column)),
        left=lambda count: str(terminal.cub(count)) if count > 1 else "\b" * count,
        right=lambda count: str(terminal.cuf(count)),
        region=lambda top, bottom: str(terminal.csr(top, bottom)),
        color=lambda number: str(terminal.color(number)),
        link=link,
        number_of_colors=terminal.number_of_colors,
        enter=str(terminal.enter_fullscreen),
        exit=str(terminal.exit_fullscreen),
        clear=str(terminal.clear),
        clear_eol=str(terminal.clear_eol),
        clear_eos=str(terminal.clear_eos),
        save=str(terminal.save),
        restore=str(terminal.restore),
        hide=str(terminal.hide_cursor),
        show=str(terminal.normal_cursor),
        normal=str(terminal.normal),
        bold=str(terminal.bold),
        dim=str(terminal.dim),
        reverse=str(terminal.reverse),
        underline=str(terminal.underline),
        keys=keys,
    )
