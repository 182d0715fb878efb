"""The input line: text, cursor, kill ring, undo, history and the search in it, with emacs's keys. Pure.

Written here, as blessed's editor loses U+200D and has neither word moves nor a search. The cursor stands between
graphemes only, also where a character that is typed or a deletion makes one of two; ASCII takes a short way. The text
is what was typed and pasted, and goes out as it is: making it safe to print is the view's part.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from pylingo.client.terminal.boundaries import after, before, snap
from pylingo.client.terminal.cells import clip, graphemes, width
from pylingo.client.terminal.history import LineHistory

LIMIT = 65_536
"""Characters that the line has room for, unless the constructor is told otherwise."""
UNDOS = 200
KILLS = 20


@dataclass(slots=True)
class _Change:
    """What takes a change back: put `removed` in the place of the `added` characters from `start`."""

    start: int
    removed: str
    added: int
    cursor: int


class Editor:
    """`text` and `cursor` are what to show; `search` is the query while the history is searched, else None."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.text = ""
        self.cursor = 0
        self.search: str | None = None
        self._limit = limit
        self._undo: deque[_Change] = deque(maxlen=UNDOS)
        self._kills: deque[str] = deque(maxlen=KILLS)
        self._yanked = (0, 0)
        self._previous = self._last = ""  # what kind of thing the two latest keys did: "insert", "kill", "yank", ""
        self._history = LineHistory()
        self.has_found = True
        """Whether some line has what is searched for; before anything is searched for, too."""
        self._found = 0  # the place of the line that the search shows
        self._before_search = ("", 0)

    # --- what the client calls

    def press(self, name: str) -> bool:
        """Does what the key is for; False if it is not the editor's."""
        command = _COMMANDS.get(name) or _COMMANDS.get(name.lower())  # alt-B is alt-b, as in readline
        if self.search is not None:
            if handled := self._press_searching(name):
                return handled
            if command or name in ("enter", "tab", "shift-tab"):
                self._accept()
        if command is None or (name == "ctrl-d" and not self.text):
            return False
        self._step()
        command(self)
        return True

    def insert(self, text: str) -> None:
        """Puts typed or pasted text at the cursor, as much as there is room for; into the query while searching."""
        if self.search is not None:
            self._look_for(self.search + _plain(text).replace("\n", " "), self._found)
            return
        self._step()
        text = _plain(text)[: self._limit - len(self.text)]
        if not text:
            return
        starts_word = not text[0].isspace() and self.text[self.cursor - 1 : self.cursor].isspace()
        run = self._previous == "insert" and not starts_word and "\n" not in text
        change = self._undo[-1] if run and self._undo else None
        start = self.cursor
        self._splice(start, start, text)
        if change and change.start + change.added == start:  # one undo step for the whole word
            self._undo.pop()
            change.added += len(text)
        self._last = "insert"

    def replace(self, start: int, end: int, text: str, cursor: int | None = None) -> None:
        """Puts `text` in the place of `start` to `end`, in one undo step, with the cursor behind it or at `cursor`."""
        self._step()
        room = self._limit - len(self.text) + end - start
        self._splice(start, end, _plain(text)[:room])
        if cursor is not None:
            self.cursor = snap(self.text, min(cursor, len(self.text)))

    def submit(self) -> str:
        """The text, which goes into the history. The line is empty then, or has the draft from before going there."""
        text, draft = self.text, self._history.draft
        self._history.add(text)
        self.set_draft(draft)
        return text

    def set_draft(self, text: str) -> None:
        """Begins anew with `text` in the line."""
        self.search = None
        self._step()
        self._history.leave()
        self._show(_plain(text)[: self._limit])

    # --- changes

    def _step(self) -> None:
        self._previous, self._last = self._last, ""

    def _splice(self, start: int, end: int, text: str) -> None:
        """The one way in which the text changes, but for other lines of the history."""
        removed = self.text[start:end]
        if not removed and not text:
            return
        self._undo.append(_Change(start, removed, len(text), self.cursor))
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = snap(self.text, start + len(text))

    def _take_back(self) -> None:
        if self._undo:
            change = self._undo.pop()
            self.text = self.text[: change.start] + change.removed + self.text[change.start + change.added :]
            self.cursor = change.cursor

    def _show(self, text: str) -> None:
        self.text = text
        self.cursor = len(text)
        self._undo.clear()

    # --- places

    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.cursor) + 1

    def _line_end(self) -> int:
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    def _left(self) -> int:
        return before(self.text, self.cursor)

    def _right(self) -> int:
        return after(self.text, self.cursor)

    def _word_left(self) -> int:
        back = graphemes(self.text[: self.cursor])[::-1]
        return self.cursor - _past(back, _in_word)

    def _word_right(self) -> int:
        return self.cursor + _past(graphemes(self.text[self.cursor :]), _in_word)

    def _blank_left(self) -> int:
        """The beginning of what stands between blanks, which is what C-w means by a word."""
        return self.cursor - _past(graphemes(self.text[: self.cursor])[::-1], lambda part: not part.isspace())

    def _kill_end(self) -> int:
        end = self._line_end()
        return end if end > self.cursor else min(end + 1, len(self.text))

    def _kill_start(self) -> int:
        start = self._line_start()
        return start if start < self.cursor else max(start - 1, 0)

    # --- keys

    def _kill(self, place: int) -> None:
        start, end = sorted((place, self.cursor))
        killed = self.text[start:end]
        if killed:
            if self._previous == "kill" and self._kills:
                latest = self._kills.pop()
                killed = latest + killed if place > self.cursor else killed + latest
            self._kills.append(killed)
            self._splice(start, end, "")
        self._last = "kill"

    def _yank(self) -> None:
        if self._kills:
            self._put_yanked(self.cursor, self.cursor)

    def _yank_older(self) -> None:
        if self._previous == "yank":
            self._kills.rotate(1)
            self._put_yanked(*self._yanked)

    def _put_yanked(self, start: int, end: int) -> None:
        text = self._kills[-1][: self._limit - len(self.text) + end - start]
        self._splice(start, end, text)
        self._yanked = (start, start + len(text))
        self._last = "yank"

    def _transpose(self) -> None:
        at_end = self.cursor == self._line_end()
        end = self.cursor if at_end else self._right()
        middle = before(self.text, end)
        start = before(self.text, middle)
        if start < middle < end and "\n" not in self.text[start:end]:
            self._splice(start, end, self.text[middle:end] + self.text[start:middle])

    def _change_case(self, change: Callable[[str], str]) -> None:
        end = self._word_right()
        part = self.text[self.cursor : end]
        blank = "".join(takewhile(lambda char: not _in_word(char), part))
        changed = blank + change(part[len(blank) :])
        if len(self.text) - len(part) + len(changed) <= self._limit:  # capitals of ß take more room
            self._splice(self.cursor, end, changed)

    def _up(self) -> None:
        start = self._line_start()
        if start:
            self._to_line(self.text.rfind("\n", 0, start - 1) + 1, start - 1, self.text[start : self.cursor])
        else:
            self._go(self._history.place - 1)

    def _down(self) -> None:
        end = self._line_end()
        if end < len(self.text):
            next_end = self.text.find("\n", end + 1)
            reach = self.text[self._line_start() : self.cursor]
            self._to_line(end + 1, len(self.text) if next_end < 0 else next_end, reach)
        else:
            self._go(self._history.place + 1)

    def _to_line(self, start: int, end: int, reach: str) -> None:
        """To the line from `start` to `end`, into the column that `reach` ends in."""
        row, reach = self.text[start:end].replace("\t", " "), reach.replace("\t", " ")  # as they are shown
        self.cursor = snap(self.text, start + len(clip(row, width(reach))))

    # --- history

    def _go(self, place: int) -> None:
        text = self._history.go(place, self.text)
        if text is not None:
            self._show(text)

    def _press_searching(self, name: str) -> bool:
        """What a key does to the search; False if it ends it or has nothing to do with it."""
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
        """Shows the latest line not after `newest` that has `query` in it; none: what was found stays."""
        self.search = query
        found = self._history.find(query, newest)
        self.has_found = found is not None or not query
        if found:
            self._found, self.text, at = found
            self.cursor = snap(self.text, at)

    def _accept(self) -> None:
        """Goes on with the line that was found."""
        text, cursor = self.text, self.cursor
        self.search = None
        self.text, self.cursor = self._before_search
        if self._found < len(self._history):
            self._go(self._found)
            self.text, self.cursor = text, cursor


def _plain(text: str) -> str:
    """`text` with one kind of line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _in_word(part: str) -> bool:
    return part[0].isalnum() or part[0] == "_"


def _past(parts: list[str], wanted: Callable[[str], bool]) -> int:
    """The characters of the first run of parts that are `wanted`, and of those before it."""
    length = 0
    inside = False
    for part in parts:
        if wanted(part):
            inside = True
        elif inside:
            break
        length += len(part)
    return length


_KILLS: dict[str, Callable[[Editor], int]] = {
    "ctrl-k": Editor._kill_end,
    "ctrl-u": Editor._kill_start,
    "ctrl-w": Editor._blank_left,
    "alt-d": Editor._word_right,
    "ctrl-delete": Editor._word_right,
    "alt-delete": Editor._word_right,
    "alt-backspace": Editor._word_left,
    "ctrl-backspace": Editor._word_left,
}
_MOVES: dict[str, Callable[[Editor], int]] = {
    **dict.fromkeys(("ctrl-a", "home"), Editor._line_start),
    **dict.fromkeys(("ctrl-e", "end"), Editor._line_end),
    **dict.fromkeys(("ctrl-b", "left"), Editor._left),
    **dict.fromkeys(("ctrl-f", "right"), Editor._right),
    **dict.fromkeys(("alt-b", "ctrl-left", "alt-left"), Editor._word_left),
    **dict.fromkeys(("alt-f", "ctrl-right", "alt-right"), Editor._word_right),
}


def _moving(place: Callable[[Editor], int]) -> Callable[[Editor], None]:
    def move(editor: Editor) -> None:
        editor.cursor = place(editor)

    return move


def _killing(place: Callable[[Editor], int]) -> Callable[[Editor], None]:
    return lambda editor: editor._kill(place(editor))


def _deleting(place: Callable[[Editor], int]) -> Callable[[Editor], None]:
    def delete(editor: Editor) -> None:
        start, end = sorted((place(editor), editor.cursor))
        editor._splice(start, end, "")

    return delete


_COMMANDS: dict[str, Callable[[Editor], None]] = {
    **{name: _moving(place) for name, place in _MOVES.items()},
    **{name: _killing(place) for name, place in _KILLS.items()},
    **dict.fromkeys(("backspace", "ctrl-h", "shift-backspace"), _deleting(Editor._left)),
    **dict.fromkeys(("delete", "ctrl-d"), _deleting(Editor._right)),
    **dict.fromkeys(("up", "ctrl-p"), Editor._up),
    **dict.fromkeys(("down", "ctrl-n"), Editor._down),
    "alt-enter": lambda editor: editor.insert("\n"),
    "ctrl-y": Editor._yank,
    "alt-y": Editor._yank_older,
    "ctrl-t": Editor._transpose,
    "alt-u": lambda editor: editor._change_case(str.upper),
    "alt-l": lambda editor: editor._change_case(str.lower),
    "alt-c": lambda editor: editor._change_case(str.capitalize),
    "ctrl-_": Editor._take_back,
    "ctrl-r": Editor._begin_search,
}
