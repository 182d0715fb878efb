"""The lines of the chat, in the order of the server. Pure.

The scrollback decides where a line stands, and which lines the terminal still has to print in a layout that prints each
line once. `Loaded` decides which lines are kept, and `Viewport` which rows are on the screen.
"""

from pylingo.client.terminal.line import Line, Presence, is_of_log
from pylingo.client.terminal.loaded import Loaded
from pylingo.client.terminal.viewport import Viewport
from pylingo.client.wording import REMOVED
from pylingo.shared.text import counted

PRINTED_AT_ONCE = 128  # lines printed in one frame; a long line counts as several
_CHARACTERS_OF_A_LINE = 64
_NO_NEWS = frozenset({"own", "day", "marker"})


class Scrollback:
    """The lines, oldest first, followed by those that the server has not confirmed yet."""

    def __init__(self) -> None:
        self.loaded = Loaded()
        self._room: str | None = None  # the room that was entered last

    @property
    def lines(self) -> list[Line]:
        """The lines around the view."""
        return self.loaded.lines

    @property
    def unsent(self) -> dict[str, Line]:
        """Own messages by key, in the order in which they were typed."""
        return self.loaded.unsent

    @property
    def viewport(self) -> Viewport:
        return self.loaded.viewport

    @property
    def newest(self) -> Line | None:
        """The newest line."""
        return self.loaded.end[-1] if self.loaded.end else None

    # --- lines arrive

    def add(self, line: Line, room: str | None = None) -> None:
        """Add a line: a stamped one before those with a later stamp, every other one at the end.

        `room` is the compared form of the room that the line belongs to, if that was left meanwhile. A line that was
        printed keeps its place, and later ones stand behind it. A message that is here already, or that belongs to a
        part of the log that is not here, is not added.
        """
        lines = self.loaded.home(line.at) if line.is_stamped and room is None else self.loaded.end
        if lines is None:
            return
        place = end = len(lines) if room is None else self._end_of(room)
        if line.is_stamped:
            for index in range(end - 1, -1, -1):
                other = lines[index]
                if other.at == line.at <= self.loaded.paged and is_of_log(other) and is_of_log(line):
                    return
                if other.begins or other.is_printed or (other.is_stamped and other.at < line.at):
                    break
                if other.is_stamped:
                    place = index
        line.news = 0 if line.kind in _NO_NEWS else self.viewport.news
        self.loaded.insert(lines, place, line)

    def begin(self, room: str) -> bool:
        """The newest line says that we are in a room (compared form). Returns whether it is not the same as before."""
        line = self.loaded.end[-1]
        line.begins = room
        is_other = room != self._room and (self._room is not None or self.loaded.part.first is None)
        self._room = room
        if is_other:
            self.loaded.enter(line)
        return is_other

    def fold(self, verb: str, name: str, at: int) -> Line:
        """Add a join or a leave, to the last line if that holds joins and leaves; return the line."""
        last = self.newest
        if last is None or last.presence is None or last.is_printed:
            last = Line("note", "", at, presence=Presence(at))
            self.add(last)
        assert last.presence is not None
        last.presence.add(verb, name, at)
        self.loaded.rewrite(last, str(last.presence))
        return last

    def confirm(self, key: str, at: int, room: str | None = None) -> Line | None:
        """Stamp the own message with that key and move it to its place; `room` as for `add`. Return its line."""
        line = self._take_unsent(key)
        if line is not None:
            line.at, line.is_stamped, line.state = at, True, ""
            self.add(line, room)
        return line

    def refuse(self, key: str) -> None:
        """Mark the own message with that key: it will never be sent."""
        line = self._take_unsent(key)
        if line is not None:
            line.state = "refused"
            self.add(line)

    def redact(self, at: int) -> None:
        """Take the text out of the message with this stamp, which an operator has removed."""
        for line in self.loaded.every():
            if line.at == at and is_of_log(line):
                self.loaded.rewrite(line, REMOVED)
                line.is_mention = line.is_open = False

    def remove(self, line: Line) -> None:
        """Remove a line, unless it was printed or dropped."""
        if not line.is_printed:
            self.loaded.delete(line)

    def follow(self) -> None:
        """Go to the end of the chat and stay there."""
        self.loaded.follow()

    def clear(self) -> None:
        """Remove all lines but those that wait to be sent."""
        self.loaded.clear()

    def _end_of(self, room: str) -> int:
        """The index behind the last line of a room that was left."""
        lines = self.loaded.end
        end = len(lines)
        for index in range(end - 1, -1, -1):
            line = lines[index]
            if line.is_printed or line.begins == room:
                break
            if line.begins:
                end = index
        return end

    def _take_unsent(self, key: str) -> Line | None:
        line = self.unsent.pop(key, None)
        if line is not None:
            self.viewport.removed([line])
        return line

    # --- printing, where a line that was printed cannot change any more

    @property
    def is_behind(self) -> bool:
        """Whether lines wait to be printed."""
        return self.newest is not None and not self.newest.is_printed

    def unprinted(self) -> list[Line]:
        """The next lines to print, as many as fit one frame; from now on they count as printed.

        If lines were dropped before they could be printed, the first line says how many.
        """
        lines = self.loaded.end
        begin = len(lines)
        while begin and not lines[begin - 1].is_printed:
            begin -= 1
        # At least a quarter of the waiting lines, so that a flood does not outrun the frames and get dropped.
        left = max(PRINTED_AT_ONCE, (len(lines) - begin) // 4)
        new: list[Line] = []
        if (dropped := self.loaded.unprinted) and begin < len(lines):
            left_out = counted(dropped, "line was", "lines were")
            words = f"! {left_out} left out: lines arrived faster than the terminal could show them"
            new.append(Line("error", words, lines[begin].at))
            self.loaded.unprinted = 0
        for line in lines[begin:]:
            line.is_printed = True
            new.append(line)
            left -= 1 + len(line.text) // _CHARACTERS_OF_A_LINE
            if left <= 0:
                break
        return new

    def print_last(self, count: int) -> None:
        """Go to the end, and leave only the last `count` lines to be printed."""
        self.loaded.follow()
        self.loaded.unprinted = 0
        for line in self.lines[: max(0, len(self.lines) - count)]:
            line.is_printed = True
