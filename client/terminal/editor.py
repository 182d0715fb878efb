"""The input line: text, cursor, undo, kill ring, history and search, with the keys of emacs. Pure.

It replaces blessed's editor, which loses U+200D and has neither word motions nor a search. The cursor stands between
graphemes only, even where typing or deleting joins two of them. The text is exactly what was typed or pasted, and is
sent like that; the view makes it safe to print.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from pylingo.client.terminal import motions
from pylingo.client.terminal.history import LineHistory
from pylingo.client.terminal.motions import Motion, after, before, snap

LIMIT = 65_536  # characters that the line holds, unless the constructor is told otherwise
UNDOS = 200
KILLS = 20  # killed texts that are kept


@dataclass(slots=True)
class _Change:
    """Undone by replacing the `added` characters at `start` with `removed`."""

    start: int
    removed: str
    added: int
    cursor: int


class Editor:
    """`text` and `cursor` are to be shown; `search` is the query while the history is searched, else None.

    `kills` is the kill ring, which several editors may share.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.text = ""
        self.cursor = 0
        self.search: str | None = None
        self.has_found = True  # whether some line matches the query; true for an empty query
        self._limit = limit
        self._changes: deque[_Change] = deque(maxlen=UNDOS)
        self.kills: deque[str] = deque(maxlen=KILLS)
        self._yanked = (0, 0)  # where the latest yank begins and ends
        self._previous: Literal["insert", "kill", "yank", ""] = ""  # the kinds of the latest two keys
        self._last: Literal["insert", "kill", "yank", ""] = ""
        self._history = LineHistory()
        self._found = 0  # the place of the line that the search shows
        self._before_search = ("", 0)

    # --- called by the client

    def press(self, name: str) -> bool:
        """Carry out a key; return False if it is not one of the editor's."""
        command = _COMMANDS.get(name) or _COMMANDS.get(name.lower())  # alt-B is alt-b, like in readline
        if self.search is not None:
            if self._press_searching(name):
                return True
            if command or name in ("enter", "tab", "shift-tab"):
                self._accept()
        if command is None or (name == "ctrl-d" and not self.text):
            return False
        self._step()
        command(self)
        return True

    def insert(self, text: str) -> None:
        """Insert typed or pasted text at the cursor, up to the limit; while searching, into the query."""
        if self.search is not None:
            self._look_for(self.search + _plain(text).replace("\n", " "), self._found)
            return
        self._step()
        text = _plain(text)[: self._limit - len(self.text)]
        if not text:
            return
        starts_word = not text[0].isspace() and self.text[self.cursor - 1 : self.cursor].isspace()
        run = self._previous == "insert" and not starts_word and "\n" not in text
        change = self._changes[-1] if run and self._changes else None
        start = self.cursor
        self._splice(start, start, text)
        if change and change.start + change.added == start:  # one undo step for the whole word
            self._changes.pop()
            change.added += len(text)
        self._last = "insert"

    def replace(self, start: int, end: int, text: str, cursor: int | None = None) -> None:
        """Replace `start` to `end` by `text` in one undo step; the cursor ends behind it or at `cursor`."""
        self._step()
        room = self._limit - len(self.text) + end - start
        self._splice(start, end, _plain(text)[:room])
        if cursor is not None:
            self.cursor = snap(self.text, min(cursor, len(self.text)))

    def move(self, place: int) -> None:
        """Put the cursor at `place`, as a key does."""
        self._step()
        self.cursor = snap(self.text, place)

    def submit(self) -> str:
        """Move the text to the history and return it. A draft from before browsing the history comes back."""
        text, draft = self.text, self._history.draft
        self._history.add(text)
        self.set_draft(draft)
        return text

    def set_draft(self, text: str) -> None:
        """Start over with `text` in the line."""
        self.search = None
        self._step()
        self._history.leave()
        self._show(_plain(text)[: self._limit])

    # --- changes

    def _step(self) -> None:
        self._previous, self._last = self._last, ""

    def _splice(self, start: int, end: int, text: str) -> None:
        """Change the text. Nothing else does, except undo and going to another line of the history."""
        removed = self.text[start:end]
        if not removed and not text:
            return
        self._changes.append(_Change(start, removed, len(text), self.cursor))
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = snap(self.text, start + len(text))

    def _undo(self) -> None:
        if self._changes:
            change = self._changes.pop()
            self.text = self.text[: change.start] + change.removed + self.text[change.start + change.added :]
            self.cursor = change.cursor

    def _show(self, text: str) -> None:
        self.text = text
        self.cursor = len(text)
        self._changes.clear()

    # --- keys

    def _delete(self, place: int) -> None:
        start, end = sorted((place, self.cursor))
        self._splice(start, end, "")

    def _kill(self, place: int) -> None:
        start, end = sorted((place, self.cursor))
        if killed := self.text[start:end]:
            if self._previous == "kill" and self.kills:  # consecutive kills are one
                latest = self.kills.pop()
                killed = latest + killed if place > self.cursor else killed + latest
            self.kills.append(killed)
            self._splice(start, end, "")
        self._last = "kill"

    def _yank(self) -> None:
        if self.kills:
            self._put_yanked(self.cursor, self.cursor)

    def _yank_older(self) -> None:
        if self._previous == "yank":
            self.kills.rotate(1)
            self._put_yanked(*self._yanked)

    def _put_yanked(self, start: int, end: int) -> None:
        text = self.kills[-1][: self._limit - len(self.text) + end - start]
        self._splice(start, end, text)
        self._yanked = (start, start + len(text))
        self._last = "yank"

    def _transpose(self) -> None:
        at_end = self.cursor == motions.line_end(self.text, self.cursor)
        end = self.cursor if at_end else after(self.text, self.cursor)
        middle = before(self.text, end)
        start = before(self.text, middle)
        if start < middle < end and "\n" not in self.text[start:end]:
            self._splice(start, end, self.text[middle:end] + self.text[start:middle])

    def _change_case(self, change: Callable[[str], str]) -> None:
        end = motions.word_right(self.text, self.cursor)
        part = self.text[self.cursor : end]
        blank = "".join(takewhile(lambda char: not motions.in_word(char), part))
        changed = blank + change(part[len(blank) :])
        if len(self.text) - len(part) + len(changed) <= self._limit:  # the capital of ß is longer
            self._splice(self.cursor, end, changed)

    # --- history

    def _go(self, place: int) -> None:
        text = self._history.go(place, self.text)
        if text is not None:
            self._show(text)

    def _press_searching(self, name: str) -> bool:
        """Carry out a key of the search; return False if it ends the search or has nothing to do with it."""
        query = self.search or ""
        match name:
            case "ctrl-r":
                self._look_for(query, self._found - 1)
            case "backspace" | "ctrl-h":
                self._look_for(query[: before(query, len(query))], len(self._history) - 1)
            case "ctrl-g" | "escape":
                self.search = None
                self.text, self.cursor = self._before_search
            case _:
                return False
        return True

    def _begin_search(self) -> None:
        self.search = ""
        self.has_found = True
        self._found = len(self._history)
        self._before_search = (self.text, self.cursor)

    def _look_for(self, query: str, newest: int) -> None:
        """Show the latest line, no later than `newest`, that contains `query`; if there is none, change nothing."""
        self.search = query
        found = self._history.find(query, newest)
        self.has_found = found is not None or not query
        if found:
            self._found, self.text, at = found
            self.cursor = snap(self.text, at)

    def _accept(self) -> None:
        """End the search and edit the line that it has found."""
        text, cursor = self.text, self.cursor
        self.search = None
        self.text, self.cursor = self._before_search
        if self._found < len(self._history):
            self._go(self._found)
            self.text, self.cursor = text, cursor


def _plain(text: str) -> str:
    """`text` with newlines as its only line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _with(act: Callable[[Editor, int], None], keys: dict[str, Motion]) -> dict[str, Callable[[Editor], None]]:
    """Commands that call `act` with the position that each key's motion leads to."""

    def command(motion: Motion) -> Callable[[Editor], None]:
        return lambda editor: act(editor, motion(editor.text, editor.cursor))

    return {name: command(motion) for name, motion in keys.items()}


_MOVES: dict[str, Motion] = {
    **dict.fromkeys(("ctrl-a", "home"), motions.line_start),
    **dict.fromkeys(("ctrl-e", "end"), motions.line_end),
    **dict.fromkeys(("ctrl-b", "left"), before),
    **dict.fromkeys(("ctrl-f", "right"), after),
    **dict.fromkeys(("alt-b", "ctrl-left", "alt-left"), motions.word_left),
    **dict.fromkeys(("alt-f", "ctrl-right", "alt-right"), motions.word_right),
}
_KILLS: dict[str, Motion] = {
    "ctrl-k": motions.rest_of_line,
    "ctrl-u": motions.beginning_of_line,
    "ctrl-w": motions.blank_left,
    **dict.fromkeys(("alt-d", "ctrl-delete", "alt-delete"), motions.word_right),
    **dict.fromkeys(("alt-backspace", "ctrl-backspace"), motions.word_left),
}
_DELETIONS: dict[str, Motion] = {
    **dict.fromkeys(("backspace", "ctrl-h", "shift-backspace"), before),
    **dict.fromkeys(("delete", "ctrl-d"), after),
}
_COMMANDS: dict[str, Callable[[Editor], None]] = {
    **_with(Editor.move, _MOVES),
    **_with(Editor._kill, _KILLS),
    **_with(Editor._delete, _DELETIONS),
    **dict.fromkeys(("up", "ctrl-p"), lambda editor: editor._go(editor._history.place - 1)),
    **dict.fromkeys(("down", "ctrl-n"), lambda editor: editor._go(editor._history.place + 1)),
    **dict.fromkeys(("alt-enter", "shift-enter", "ctrl-enter"), lambda editor: editor.insert("\n")),
    "ctrl-y": Editor._yank,
    "alt-y": Editor._yank_older,
    "ctrl-t": Editor._transpose,
    "alt-u": lambda editor: editor._change_case(str.upper),
    "alt-l": lambda editor: editor._change_case(str.lower),
    "alt-c": lambda editor: editor._change_case(str.capitalize),
    "ctrl-_": Editor._undo,
    "ctrl-r": Editor._begin_search,
}
