"""The painter of the layouts `top` and `bottom`: the few bytes that turn one screen into the next. Pure.

It scrolls what moved, rewrites what changed, and writes the row of the cursor last. A message of one row costs a scroll
of the region and that row. No column is computed from a measured width: rows are written from their first column, and
the terminal itself puts the cursor between the two parts of its row. A wrong guess at a width therefore does no harm
outside its own row.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pylingo.client.terminal.capabilities import Capabilities
from pylingo.client.terminal.input_rows import InputRows
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.people_list import EDGE, EDGE_COLUMNS
from pylingo.client.terminal.rows import Row
from pylingo.client.terminal.theme import render
from pylingo.client.terminal.view import Screen, screen

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized update: a terminal that supports it shows the frame at once. No terminal description has it."""
MODES_ON, MODES_OFF = "\x1b[?2004h\x1b[?1004h", "\x1b[?1004l\x1b[?2004l"
"""Bracketed paste and reports of the focus. blessed asks the terminal first and does nothing without an answer."""
MOUSE_ON, MOUSE_OFF = "\x1b[?1000h\x1b[?1006h", "\x1b[?1006l\x1b[?1000l"
"""Reports of buttons and wheel. Without them, the wheel sends arrow keys on the alternate screen."""
WRAP_OFF, WRAP_ON = "\x1b[?7l", "\x1b[?7h"
_OTHER_MOUSE_OFF = "\x1b[?1003l\x1b[?1002l"
"""Reports of motion, which only other programs want."""


def as_usual(terminal: Capabilities) -> str:
    """The output that brings a terminal to its usual state after a full-screen program that was killed."""
    # Where the other screen is not shown, leaving it would move the cursor to the place that was saved last.
    screen = terminal.save + terminal.exit_fullscreen
    modes = WRAP_ON + _OTHER_MOUSE_OFF + MOUSE_OFF + MODES_OFF + terminal.keyboard[1]
    return END + screen + modes + terminal.normal + terminal.normal_cursor


class _Painted(NamedTuple):
    """A row of the window, and what is beside it, behind the edge; None where there is no edge."""

    text: str
    side: str | None = None


_BLANK = _Painted("")


class Painter:
    """Paints on the alternate screen."""

    is_behind = False  # no lines are left for the next frame, because only those in view are painted

    def __init__(self, terminal: Capabilities, theme: dict[str, str]) -> None:
        self._terminal = terminal
        self._theme = theme
        self._shown: Screen | None = None
        self._rows: list[_Painted] = []  # what the terminal shows
        self._has_mouse = False
        self._rendered: dict[Row, str] = {}

    def enter(self) -> str:
        """The output before the first frame."""
        self._has_mouse = False
        return self._terminal.enter_fullscreen + self._terminal.keyboard[0] + MODES_ON

    def leave(self) -> str:
        """The output that restores the terminal."""
        terminal = self._terminal
        reset = terminal.region(0, self._shown.rows - 1) if self._shown is not None else ""
        modes = WRAP_ON + MOUSE_OFF + MODES_OFF + terminal.keyboard[1]  # kitty keeps a stack for each of two screens
        return END + reset + modes + terminal.normal_cursor + terminal.clear + terminal.exit_fullscreen

    def forget(self, theme: dict[str, str]) -> None:
        """Paint the whole screen with the next frame, because it may show anything by now."""
        self._theme = theme
        self._shown = None
        self._rendered.clear()

    def frame(self, model: Model, now: float) -> str:
        """The output that shows `model`; empty if the terminal shows it already."""
        return self._mouse(model) + self.show(screen(model, now))

    def _mouse(self, model: Model) -> str:
        """The output that takes the mouse, or gives it to the terminal."""
        has_mouse = model.has_mouse and model.preferences.mouse
        if has_mouse == self._has_mouse:
            return ""
        self._has_mouse = has_mouse
        return MOUSE_ON if has_mouse else MOUSE_OFF

    def show(self, screen: Screen) -> str:
        """The output that shows `screen`."""
        terminal = self._terminal
        rows = (*screen.body, *screen.side)
        self._rendered = {row: self._rendered.get(row) or render(row, self._theme, terminal) for row in rows}
        before, old, new = self._shown, self._rows, self._render(screen)
        self._shown, self._rows = screen, new
        begin, line = "", None
        if before is None or (before.columns, before.rows) != (screen.columns, screen.rows):
            begin = terminal.normal + terminal.region(0, screen.rows - 1) + WRAP_OFF + terminal.clear
            old = [_BLANK] * screen.rows
        else:
            begin, old = self._scroll(screen, old, new)
            if before.cursor_row == screen.cursor_row:
                line = self._changed_input(before.input, screen.input)
        changes = begin + self._changed_rows(old, new, screen)
        if line is None:
            line = self._whole_input(screen)
        elif changes:  # the input row is changed from where the cursor stands
            changes = terminal.save + changes + terminal.restore
        if not changes and not line:
            return ""
        return f"{BEGIN}{terminal.hide_cursor}{changes}{line}{terminal.normal_cursor}{END}"

    def _render(self, screen: Screen) -> list[_Painted]:
        """All rows of the screen as strings for the terminal."""
        rows = [_BLANK] * screen.rows
        sides: Sequence[str | None] = [self._rendered[row] for row in screen.side] or [None] * len(screen.body)
        for index, (row, side) in enumerate(zip(screen.body, sides, strict=True), screen.body_top):
            rows[index] = _Painted(self._rendered[row], side)
        for index, text in enumerate(screen.input.all, screen.input_top):
            rows[index] = _Painted(text)
        if screen.status is not None:
            rows[screen.status_row] = _Painted(render(screen.status, self._theme, self._terminal))
        return rows

    def _scroll(self, screen: Screen, old: list[_Painted], new: list[_Painted]) -> tuple[str, list[_Painted]]:
        """Scroll the messages, where most of them have moved up. Returns the output, and the rows afterwards.

        What is beside the messages is scrolled with them. Only a few terminals can scroll a part of a row.
        """
        top, end = screen.body_top, screen.body_top + len(screen.body)
        count = _scrolled([row.text for row in old[top:end]], [row.text for row in new[top:end]])
        if not count:
            return "", old
        begin = self._terminal.region(top, end - 1) + self._terminal.move(end - 1, 0) + "\n" * count
        begin += self._terminal.region(0, screen.rows - 1)
        return begin, [*old[:top], *old[top + count : end], *[_BLANK] * count, *old[end:]]

    def _changed_rows(self, old: list[_Painted], new: list[_Painted], screen: Screen) -> str:
        """The rows that have changed, apart from the cursor's."""
        return "".join(
            self._changed_row(index, was, row, screen.side_column)
            for index, (was, row) in enumerate(zip(old, new, strict=True))
            if was != row and index != screen.cursor_row
        )

    def _changed_row(self, index: int, was: _Painted, row: _Painted, column: int) -> str:
        """A row, or what is beside it, which begins in a column of its own, whatever the row's width is."""
        terminal = self._terminal
        if was.text == row.text and was.side is not None and row.side is not None:
            return terminal.move(index, column + EDGE_COLUMNS) + terminal.clear_eol + row.side
        begin = ""
        if was.text != row.text or row.side is None:
            begin = terminal.move(index, 0) + (terminal.clear_eol if was != _BLANK else "") + row.text
        if row.side is None:
            return begin
        edge = terminal.clear_eol + render(EDGE, self._theme, terminal)  # the row may be wider than we think
        return begin + terminal.move(index, column) + edge + row.side

    # --- the row of the cursor

    def _whole_input(self, screen: Screen) -> str:
        terminal = self._terminal
        begin = terminal.move(screen.cursor_row, 0) + terminal.clear_eol + screen.input.before
        return begin + self._after(screen.input.after) if screen.input.after else begin

    def _changed_input(self, old: InputRows, new: InputRows) -> str | None:
        """Changes to the row from where the cursor stands; None if the width of what goes left of it is uncertain."""
        if (old.before, old.after) == (new.before, new.after):
            return ""
        pairs = enumerate(zip(old.before, new.before, strict=False))
        same = next((at for at, (was, char) in pairs if was != char), min(len(old.before), len(new.before)))
        gone, added = old.before[same:], new.before[same:]
        if not (gone.isascii() and gone.isprintable()) or not _stands_alone(added[:1]):
            return None
        line = self._terminal.left(len(gone)) if gone else ""
        if added and old.after.startswith(added) and not gone and added.isascii() and added.isprintable():
            line += self._terminal.right(len(added))
        else:
            line += added
        moved = old.before[same:] + old.after
        if moved != added + new.after:
            line += self._after(new.after) if new.after else self._terminal.clear_eol
        return line

    def _after(self, text: str) -> str:
        terminal = self._terminal
        return f"{terminal.save}{text}{terminal.clear_eol}{terminal.restore}"


def _scrolled(old: list[str], new: list[str]) -> int:
    """By how many rows to scroll up: the fewest that put most of the old rows in their new places."""
    best, most = 0, sum(map(str.__eq__, old, new))
    for count in range(1, len(new)):
        if most >= len(new) - count:
            break
        right = sum(1 for was, text in zip(old[count:], new, strict=False) if was == text and text)
        if right > most + 1:
            best, most = count, right
    return best


def _stands_alone(char: str) -> bool:
    """Whether `char` certainly begins a new cell: Latin, kana, ideographs, Hangul syllables."""
    return char <= "\u02ff" or "\u309b" <= char <= "\ua4cf" or "\uac00" <= char <= "\ud7a3"
