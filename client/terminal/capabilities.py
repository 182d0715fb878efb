"""The strings that control a terminal. This is the only module that imports blessed.

It takes strings from blessed and nothing else. blessed gets a stream that is no terminal, so that it sends no queries,
whose answers it would wait for. `NO_COLOR` is hidden from it, because it would remove cursor movements as well.
"""

import curses
import functools
import io
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pylingo.shared.value_class import value_class

NO_KINDS = frozenset({"", "dumb", "unknown", "dialup", "network", "switch"})
"""Values of `TERM` that promise no movable cursor."""
FALLBACK_KIND = "xterm-256color"
_LONGEST_LINK = 2_000
_MODERN = 256  # colours of a terminal that passes over sequences that it does not know; old ones print them
_MORE_KEYS = "\x1b[?1036;1039s\x1b[?1036;1039h\x1b[>4;1m\x1b[>5u"
"""Have xterm send ESC before a key with Alt, where by default it sends another letter: Alt-1 is `\xb1`. Then
modifyOtherKeys of xterm and tmux, and kitty's protocol, which names a key of any layout."""
_USUAL_KEYS = "\x1b[>4m\x1b[<u\x1b[?1036;1039r"
"""The end of that, and the mode of Alt that was saved."""
_PLAIN_KEYS = ("UP", "DOWN", "LEFT", "RIGHT", "HOME", "END", "DELETE", "INSERT", "BACKSPACE", "ENTER")
_KEYS = {
    **{name: name.lower() for name in (*_PLAIN_KEYS, *(f"F{number}" for number in range(1, 13)))},
    **{f"S{name}": f"shift-{name.lower()}" for name in ("UP", "DOWN", "LEFT", "RIGHT", "HOME", "END")},
    "PGUP": "page-up",
    "PGDOWN": "page-down",
    "SPREVIOUS": "shift-page-up",
    "SNEXT": "shift-page-down",
    "SDC": "shift-delete",
    "SIC": "shift-insert",
    "BTAB": "shift-tab",
}
"""The keys' names here by blessed's names."""


@value_class(kw_only=True)
class Capabilities:
    """The abilities of a terminal, under blessed's names. Rows and columns count from 0."""

    move: Callable[[int, int], str]
    left: Callable[[int], str]
    right: Callable[[int], str]
    region: Callable[[int, int], str]
    color: Callable[[int], str]
    on_color: Callable[[int], str]
    rgb: Callable[[int, int, int], str]
    """Sets any colour, on a terminal with `TRUE_COLOR` colours; `on_rgb` sets one behind the text."""
    on_rgb: Callable[[int, int, int], str]
    link: Callable[[str, str], str]
    """Turns an address and a text into a link; returns the text alone if the terminal might not understand links."""
    keyboard: tuple[str, str]
    """Has the terminal tell Shift-Enter from Enter, for example; and the end of that. Some terminals do neither."""
    number_of_colors: int
    enter_fullscreen: str
    exit_fullscreen: str
    clear: str
    clear_eol: str
    clear_eos: str
    save: str
    restore: str
    hide_cursor: str
    normal_cursor: str
    normal: str
    bold: str
    dim: str
    italic: str
    reverse: str
    underline: str
    keys: Mapping[str, str]  # the names of keys by the sequences that they send


def usable_kind(term: str) -> str | None:
    """The terminal description to use for a `TERM`, or None if the cursor cannot be moved.

    Many systems, such as a server reached with ssh, lack descriptions of new terminals (`xterm-kitty`, `foot`,
    `xterm-ghostty`). These understand what xterm does.
    """
    if term in NO_KINDS:
        return None
    for kind in (term, FALLBACK_KIND):
        try:
            curses.setupterm(kind, 1)
        except curses.error:  # no such description
            continue
        return kind if all(map(curses.tigetstr, ("cup", "el", "ed", "csr", "sc", "rc"))) else None
    return None


def read_capabilities(kind: str) -> Capabilities:
    """The capabilities of terminals of that `kind`."""
    hidden = {name: os.environ.pop(name) for name in ("NO_COLOR", "FORCE_COLOR") if name in os.environ}
    try:
        from blessed import Terminal
        from blessed.keyboard import get_keyboard_codes, get_keyboard_sequences

        terminal: Any = Terminal(kind=kind, stream=io.StringIO(), force_styling=True)
    finally:
        os.environ.update(hidden)

    def kept(sequence: str) -> str:
        # A terminal that takes it for something else moves the cursor or underlines.
        return f"{terminal.save}{sequence}{terminal.restore}"

    def link(address: str, text: str) -> str:
        # No terminal description mentions hyperlinks (OSC 8). Terminals that lack them ignore the sequence, except old
        # ones, which have fewer colours. Terminals accept addresses of 2,083 bytes, blessed shorter ones.
        if terminal.number_of_colors < _MODERN or len(address) >= _LONGEST_LINK:
            return text
        # The id marks the parts of one address, on two rows, as one link.
        return str(terminal.link(address, text, f"{zlib.crc32(address.encode()):x}"))

    # xterm itself calls itself `xterm`, with 8 colours, where nothing else is configured.
    has_more_keys = terminal.number_of_colors >= _MODERN or kind.startswith("xterm")
    codes = get_keyboard_codes()
    names = {seq: codes.get(code, "").removeprefix("KEY_") for seq, code in get_keyboard_sequences(terminal).items()}
    names_of_strings = [field.name for field in fields(Capabilities) if field.type is str]
    strings: dict[str, Any] = {name: str(getattr(terminal, name)) for name in names_of_strings}
    return Capabilities(
        move=lambda row, column: str(terminal.move_yx(row, column)),
        left=lambda count: str(terminal.cub(count)) if count > 1 else "\b" * count,
        right=lambda count: str(terminal.cuf(count)),
        region=lambda top, bottom: str(terminal.csr(top, bottom)),
        color=functools.cache(lambda number: str(terminal.color(number))),  # each theme has the same ones
        on_color=lambda number: str(terminal.on_color(number)),
        rgb=lambda red, green, blue: str(terminal.color_rgb(red, green, blue)),
        on_rgb=lambda red, green, blue: str(terminal.on_color_rgb(red, green, blue)),
        link=link,
        keyboard=(kept(_MORE_KEYS), kept(_USUAL_KEYS)) if has_more_keys else ("", ""),
        number_of_colors=terminal.number_of_colors,
        keys={sequence: _KEYS[name] for sequence, name in names.items() if name in _KEYS},
        **strings,
    )
