"""The input line: text, cursor, undo, kill ring, history and search, with the keys of emacs. Pure.

It replaces blessed's editor, which loses U+200D and has neither word motions nor a search. The cursor stands between
graphemes only, even where typing or deleting joins two of them. The text is exactly what was typed or pasted, and is
sent like that; the view makes it safe to print.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Literal

from pylingo.client.terminal import motions
from pylingo.client.terminal.changes import Changes
from pylingo.client.terminal.history import LineHistory
from pylingo.client.terminal.line_search import LineSearch
from pylingo.client.terminal.motions import Motion, after, before, snap

LIMIT = 65_536  # characters that the line holds, unless the constructor is told otherwise
KILLS = 20  # killed texts that are kept

type _Kind = Literal["insert", "kill", "yank", "word", ""]


class Editor:
    """`text` and `cursor` are to be shown, unless `search` has others while the history is searched.

    `kills` is the kill ring, which several editors may share.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.text = ""
        self.cursor = 0
        self.search: LineSearch | None = None
        self._limit = limit
        self._changes = Changes()
        self.kills: deque[str] = deque(maxlen=KILLS)
        self._yanked = (0, 0)  # where the latest yank begins and ends
        self._previous: _Kind = ""  # the kinds of the latest two keys
        self._last: _Kind = ""
        self._history = LineHistory()
        self.past: Sequence[str] = ()
        """The lines with which the history began."""
        self._word_of = 0  # the place of the line whose last word was inserted
        self._last_query = ""

    # --- called by the client

    @property
    def shown(self) -> tuple[str, int]:
        """The text that is to be shown, and the cursor in it."""
        return (self.text, self.cursor) if self.search is None else (self.search.text, self.search.cursor)

    def press(self, name: str) -> bool:
        """Carry out a key; return False if it is not one of the editor's."""
        command = _COMMANDS.get(name) or _COMMANDS.get(name.lower())  # alt-B is alt-b, like in readline
        if self.search is not None:
            if self.search.press(name):
                return True
            if name in ("ctrl-g", "escape"):
                self._end_search()
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
            self.search.type(_plain(text).replace("\n", " "))
            return
        self._step()
        text = _plain(text)[: self._limit - len(self.text)]
        if not text:
            return
        starts_word = not text[0].isspace() and self.text[self.cursor - 1 : self.cursor].isspace()
        run = self._previous == "insert" and not starts_word and "\n" not in text
        self._splice(self.cursor, self.cursor, text, is_run=run)  # one undo step for the whole word
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

    def begin_with(self, lines: Sequence[str]) -> None:
        """Have the history begin with `lines` of earlier runs, unless it does so already."""
        if lines and not self.past:
            self.past = lines
            self._history.begin_with(lines)

    def submit(self) -> str:
        """Move the text to the history and return it. A draft from before browsing the history comes back."""
        text, draft = self.text, self._history.draft
        self._history.add(text)
        self.set_draft("")
        if draft is not None:
            self._show(*draft)
        return text

    def set_draft(self, text: str) -> None:
        """Start over with `text` in the line."""
        self.search = None
        self._step()
        self._history.leave()
        self._show(_plain(text)[: self._limit], Changes())

    def discard(self) -> None:
        """Empty the line. Its text goes to the kill ring, and a draft from before browsing the history before it."""
        draft = self._history.draft
        for text in (draft[0] if draft is not None else "", self.text):
            if text.strip():
                self.kills.append(text)
        self.set_draft("")

    # --- changes

    def _step(self) -> None:
        self._previous, self._last = self._last, ""

    def _splice(self, start: int, end: int, text: str, is_run: bool = False) -> None:
        """Change the text. Nothing else does, except undo and going to another line of the history.

        With `is_run`, what was added to the end of the last change belongs to it.
        """
        removed = self.text[start:end]
        if not removed and not text:
            return
        if not (is_run and self._changes.extend(start, len(text))):
            self._changes.add(start, removed, len(text), self.cursor)
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = snap(self.text, start + len(text))

    def _undo(self) -> None:
        if (undone := self._changes.undo(self.text)) is not None:
            self.text, self.cursor = undone

    def _show(self, text: str, changes: Changes) -> None:
        self.text = text
        self.cursor = len(text)
        self._changes = changes

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

    def _transpose_words(self) -> None:
        second = motions.word_left(self.text, motions.word_right(self.text, self.cursor))
        end = motions.word_right(self.text, second)
        first = motions.word_left(self.text, second)
        gap = motions.word_right(self.text, first)
        if first < gap <= second < end:
            parts = self.text[second:end], self.text[gap:second], self.text[first:gap]
            self._splice(first, end, "".join(parts))

    def _change_case(self, change: Callable[[str], str]) -> None:
        end = motions.word_right(self.text, self.cursor)
        part = self.text[self.cursor : end]
        blank = "".join(takewhile(lambda char: not motions.in_word(char), part))
        changed = blank + change(part[len(blank) :])
        if len(self.text) - len(part) + len(changed) <= self._limit:  # the capital of ß is longer
            self._splice(self.cursor, end, changed)

    # --- history

    def _go(self, place: int) -> None:
        found = self._history.go(place, (self.text, self._changes))
        if found is not None:
            self._show(*found)

    def _put_last_word(self) -> None:
        """Insert the last word of the latest line or, repeated, of the line before in its place."""
        again = self._previous == "word"
        place = (self._word_of if again else len(self._history)) - 1
        if place < 0 or not (words := self._history[place].split()):
            return
        start, end = self._yanked if again else (self.cursor, self.cursor)
        text = words[-1][: self._limit - len(self.text) + end - start]
        self._splice(start, end, text)
        self._yanked, self._word_of = (start, start + len(text)), place
        self._last = "word"

    def _begin_search(self, step: int) -> None:
        self.search = LineSearch(self._history, self.text, self.cursor, step, self._last_query)

    def _end_search(self) -> LineSearch:
        search = self.search
        assert search is not None
        self.search = None
        self._last_query = search.query or self._last_query
        return search

    def _accept(self) -> None:
        """End the search and edit the line that it has found."""
        search = self._end_search()
        if search.place != self._history.place:
            self._go(search.place)
        if self.text != search.text:  # it was edited before
            self._splice(0, len(self.text), search.text)
        self.cursor = search.cursor


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
    "alt-t": Editor._transpose_words,
    "alt-u": lambda editor: editor._change_case(str.upper),
    "alt-c": lambda editor: editor._change_case(str.capitalize),
    "alt-.": Editor._put_last_word,
    **dict.fromkeys(("ctrl-_", "ctrl-x+ctrl-u"), Editor._undo),
    "ctrl-r": lambda editor: editor._begin_search(-1),
    "ctrl-s": lambda editor: editor._begin_search(1),
}
