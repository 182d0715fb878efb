"""The lines of the chat, in the order of the server. Pure.

The scrollback decides where a line stands, which lines are dropped, and which the terminal still has to print in a
layout that prints each line once. `Viewport` decides which rows are on the screen.
"""

from pylingo.client.terminal.line import Line, Presence
from pylingo.client.terminal.viewport import Viewport
from pylingo.client.wording import REMOVED, date_line, local_day

LINES = 5_000  # lines that are kept
CHARACTERS = 4_000_000
"""Characters in all lines together: 5,000 messages of the greatest length would take 80 MB."""
_SLACK = 256  # lines beyond the limit before some are dropped, because dropping moves all others
PRINTED_AT_ONCE = 128  # lines printed in one frame; a long line counts as several
_CHARACTERS_OF_A_LINE = 64


class Scrollback:
    """The lines, oldest first, followed by those that the server has not confirmed yet."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.unsent: dict[str, Line] = {}
        """Own messages by key, in the order in which they were typed."""
        self.viewport = Viewport(self._shown)
        self._date = Line("day", "")  # above the first line; always the same object, which a viewport may hold on to
        self._characters = 0
        self._arrived = 0  # lines that ever came
        self._unprinted = 0  # lines dropped before they were printed, since the last that were printed

    def _shown(self) -> list[Line]:
        """The lines in the order in which they are shown, with the date of the first one above it."""
        lines = [*self.lines, *self.unsent.values()]
        if not lines or lines[0].kind == "day" or not lines[0].at:
            return lines
        self._date.text = date_line(local_day(lines[0].at))
        return [self._date, *lines]

    # --- lines arrive

    def add(self, line: Line, room: str | None = None) -> None:
        """Add a line: a stamped one before those with a later stamp, every other one at the end.

        `room` is the compared form of the room that the line belongs to, if that was left meanwhile. A line that was
        printed keeps its place, and later ones stand behind it.
        """
        place = end = len(self.lines) if room is None else self._end_of(room)
        if line.is_stamped:
            for index in range(end - 1, -1, -1):
                other = self.lines[index]
                if other.begins or other.is_printed or (other.is_stamped and other.at < line.at):
                    break
                if other.is_stamped:
                    place = index
        self._arrived += 1
        line.number = self._arrived
        self.lines.insert(place, line)
        self._characters += _size(line)
        if len(self.lines) > LINES + _SLACK or self._characters > CHARACTERS:
            self.shorten(LINES, CHARACTERS)

    def fold(self, verb: str, name: str, at: int) -> Line:
        """Add a join or a leave, to the last line if that holds joins and leaves; return the line."""
        last = self.lines[-1] if self.lines else None
        if last is None or last.presence is None or last.is_printed:
            last = Line("note", "", at, presence=Presence(at))
            self.add(last)
        assert last.presence is not None
        last.presence.add(verb, name, at)
        self._characters -= len(last.text)
        last.text = str(last.presence)
        self._characters += len(last.text)
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
        for line in self.lines:
            if line.is_stamped and line.at == at and line.kind in ("message", "own"):
                self._characters -= len(line.text)
                line.text, line.is_mention, line.is_open = REMOVED, False, False
                self._characters += len(line.text)

    def remove(self, line: Line) -> None:
        """Remove a line, unless it was printed or dropped."""
        if not line.is_printed and line in self.lines:
            index = self.lines.index(line)
            following = self.lines[index + 1 : index + 2]
            self.viewport.removed([line], instead=following[0] if following else None)
            del self.lines[index]
            self._characters -= _size(line)

    def clear(self) -> None:
        """Remove all lines but those that wait to be sent."""
        self._unprinted = 0
        self.lines.clear()
        self._characters = 0
        self.viewport.follow()

    def shorten(self, lines: int, characters: int) -> None:
        """Drop the oldest lines until at most so many are left; always keep the newest line."""
        drop, end = 0, len(self.lines) - 1
        while drop < end and (len(self.lines) - drop > lines or self._characters > characters):
            line = self.lines[drop]
            self._characters -= _size(line)
            self._unprinted += not line.is_printed
            drop += 1
        if drop:
            self.viewport.removed(self.lines[:drop], instead=self.lines[drop])
            del self.lines[:drop]

    @property
    def characters(self) -> int:
        """The characters of all lines."""
        return self._characters

    def _end_of(self, room: str) -> int:
        """The index behind the last line of a room that was left."""
        end = len(self.lines)
        for index in range(end - 1, -1, -1):
            line = self.lines[index]
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
        return bool(self.lines) and not self.lines[-1].is_printed

    def unprinted(self) -> list[Line]:
        """The next lines to print, as many as fit one frame; from now on they count as printed.

        If lines were dropped before they could be printed, the first line says how many.
        """
        begin = len(self.lines)
        while begin and not self.lines[begin - 1].is_printed:
            begin -= 1
        # At least a quarter of the waiting lines, so that a flood does not outrun the frames and get dropped.
        left = max(PRINTED_AT_ONCE, (len(self.lines) - begin) // 4)
        new: list[Line] = []
        if self._unprinted and begin < len(self.lines):
            words = f"! {self._unprinted} lines were left out: they arrived faster than the terminal could show them"
            new.append(Line("error", words, self.lines[begin].at))
            self._unprinted = 0
        for line in self.lines[begin:]:
            line.is_printed = True
            new.append(line)
            left -= 1 + len(line.text) // _CHARACTERS_OF_A_LINE
            if left <= 0:
                break
        return new

    def print_last(self, count: int) -> None:
        """Leave only the last `count` lines to be printed."""
        self._unprinted = 0
        for line in self.lines[: max(0, len(self.lines) - count)]:
            line.is_printed = True


def _size(line: Line) -> int:
    return len(line.text) + len(line.who)
