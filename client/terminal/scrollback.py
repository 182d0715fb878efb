"""What the person can read: the lines of the chat in the order of the server, and which of them are on the screen.

A line is kept as text and wrapped only when it is looked at, so a flood costs no wrapping and a resize nothing at all.
Scrolled up, the view holds on to a line and not to a number of rows: what comes meanwhile moves nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pylingo.client.wording import clock_time

LINES = 5_000
"""Lines that are kept."""
CHARACTERS = 4_000_000
"""Characters that all lines together may have: 5,000 messages of the greatest length would take 80 MB."""
_SLACK = 256  # lines beyond the limit before some are dropped: dropping one by one would move all for each
PRINTED_AT_ONCE = 128
"""Lines of one frame, where nothing can be changed that was printed; a long line counts as several."""
_CHARACTERS_OF_A_LINE = 64
_NAMED = 3


@dataclass(slots=True)
class Presence:
    """Who came and who went, folded into one line; `first` and `last` are the times of the first and the last."""

    first: int
    last: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, verb: str, name: str, at: int) -> None:
        """Somebody `joined` or `left`."""
        self.last = at
        self.counts[verb] = self.counts.get(verb, 0) + 1
        names = self.names.setdefault(verb, [])
        if len(names) < _NAMED:
            names.append(name)

    def __str__(self) -> str:
        since, until = clock_time(self.first), clock_time(self.last)
        times = f" (until {until})" if until != since else ""
        return "* " + "; ".join(f"{self._who(verb)} {verb}" for verb in self.counts) + times

    def _who(self, verb: str) -> str:
        names = self.names[verb]
        if self.counts[verb] > len(names):
            return f"{self.counts[verb]} people"
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(slots=True, eq=False)
class Line:
    """A line of the chat, cleaned: nothing in it moves a cursor.

    `at` is its time in microseconds since 1970. `is_stamped` says that it is the server's, and orders the line.
    """

    kind: str
    """`message`, `own`, `note`, `error` or `day`."""
    text: str
    at: int = 0
    who: str = ""
    is_stamped: bool = False
    is_mention: bool = False
    begins: str = ""
    """The room (compared form) that begins here: no later message of it is put in among the lines before."""
    state: str = ""
    """Of an own message: `unsent` or `refused`."""
    presence: Presence | None = None
    is_open: bool = False
    """Whether all its rows are shown, however many these are."""
    is_printed: bool = False
    """Whether it stands on a terminal's own scrollback, where it cannot be changed any more."""
    number: int = 0
    """How many lines had come before it, whatever its place."""


type Wrapped = Callable[[Line], Sequence[object]]
"""What gives the rows of a line."""


class Scrollback:
    """The lines, oldest first, then those not yet confirmed by the server."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.unsent: dict[str, Line] = {}
        """Own messages by key, in the order in which they were typed."""
        self._characters = 0
        self._unprinted = 0  # lines that were dropped before they were printed, since the last ones that were
        self._bottom: Line | None = None  # the lowest line in view while scrolled up
        self._hidden = 0  # rows of it that are below the view
        self._arrived = 0  # lines that ever came
        self._seen = 0  # of these, how many had come when the person scrolled up, or were passed since

    @property
    def is_scrolled(self) -> bool:
        """Whether there is more below the view."""
        return self._bottom is not None

    @property
    def below(self) -> int:
        """How many lines are wholly below the view."""
        if self._bottom is None:
            return 0
        return len(self.lines) + len(self.unsent) - 1 - self._index(self._bottom)

    @property
    def new_below(self) -> int:
        """How many lines below the view have come since the person scrolled up, without days and own messages."""
        if self._bottom is None:
            return 0
        below = self._all()[self._index(self._bottom) + 1 :]
        return sum(line.number > self._seen and line.kind not in ("own", "day") for line in below)

    # --- what comes

    def add(self, line: Line, room: str | None = None) -> None:
        """A new line: a stamped one goes before those with a later stamp, every other one to the end.

        `room` is the compared form of a room that was left meanwhile, if it was said there. What was printed has its
        place for good: whatever comes now stands behind it.
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
        self._characters += len(line.text) + len(line.who)
        if len(self.lines) > LINES + _SLACK or self._characters > CHARACTERS:
            self._trim()

    def fold(self, verb: str, name: str, at: int) -> Line:
        """Somebody came or went: into the last line if that tells of the like; returns the line."""
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

    def _end_of(self, room: str) -> int:
        """Where the lines of a room end that was left."""
        end = len(self.lines)
        for index in range(end - 1, -1, -1):
            line = self.lines[index]
            if line.is_printed or line.begins == room:
                break
            if line.begins:
                end = index
        return end

    def confirm(self, key: str, at: int, room: str | None = None) -> Line | None:
        """The message with that key is in the log of its room, named if that was left; returns its line."""
        line = self._let_go(key)
        if line is None:
            return None
        line.at, line.is_stamped, line.state = at, True, ""
        self.add(line, room)
        return line

    def refuse(self, key: str) -> None:
        """The message with that key will not be sent."""
        line = self._let_go(key)
        if line is not None:
            line.state = "refused"
            self.add(line)

    def clear(self) -> None:
        """Forget all lines but those that wait to be sent."""
        self._unprinted = 0
        self.lines.clear()
        self._characters = 0
        self.follow()

    @property
    def is_behind(self) -> bool:
        """Whether lines wait to be printed on the terminal's own scrollback."""
        return bool(self.lines) and not self.lines[-1].is_printed

    def unprinted(self) -> list[Line]:
        """The next lines to print there, as many as one frame should have; from now on they are printed.

        If so much came at once that lines were dropped, the first one says how many.
        """
        begin = len(self.lines)
        while begin and not self.lines[begin - 1].is_printed:
            begin -= 1
        # At least a quarter of what waits, so that a flood does not outrun the frames and is dropped.
        left = max(PRINTED_AT_ONCE, (len(self.lines) - begin) // 4)
        new: list[Line] = []
        if self._unprinted and begin < len(self.lines):
            words = f"! {self._unprinted} lines are left out: they came faster than the terminal showed them"
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
        """Of what was not printed so far, only the last `count` lines are to be."""
        self._unprinted = 0
        for line in self.lines[: max(0, len(self.lines) - count)]:
            line.is_printed = True

    # --- what is in view

    def view[Row](self, height: int, wrapped: Callable[[Line], Sequence[Row]]) -> list[Row]:
        """The rows in view, at most `height` of them."""
        rows: list[Row] = []
        hidden = self._hidden
        for line in self._upwards():
            of_line = list(wrapped(line))
            rows.extend(reversed(of_line[: max(0, len(of_line) - hidden)]))
            hidden = 0
            if len(rows) >= height:
                return rows[:height][::-1]
        if self._bottom is None:
            return rows[::-1]
        # Lines were dropped above, or all has fewer rows in a larger window: there is room for some from below.
        return self._first_rows(height, wrapped)

    def in_view(self, height: int, wrapped: Wrapped) -> list[Line]:
        """The lines in view, the lowest one first."""
        lines: list[Line] = []
        have = -self._hidden
        for line in self._upwards():
            lines.append(line)
            have += len(wrapped(line))
            if have >= height:
                break
        return lines

    def go_to(self, line: Line, height: int, wrapped: Wrapped) -> None:
        """Show a line from its first row on."""
        self._stay_at(line, max(0, len(wrapped(line)) - height))
        if not self._hidden and self.below == 0:
            self.follow()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._bottom, self._hidden = None, 0

    def scroll_up(self, count: int, height: int, wrapped: Wrapped) -> None:
        """Go up by `count` rows, but not beyond the first row."""
        below = self._hidden + count
        lines = list(self._upwards())
        for index, line in enumerate(lines):
            size = len(wrapped(line))
            if below < size:
                self._stay_at(line, below)
                if self._has_rows(lines[index:], height, wrapped):
                    return
                break
            below -= size
        self._go_to_top(height, wrapped)

    def scroll_down(self, count: int, wrapped: Wrapped) -> None:
        """Go down by `count` rows, at the end follow what comes."""
        if self._bottom is None:
            return
        lines = self._all()
        above = count - self._hidden
        for line in lines[self._index(self._bottom) + 1 :]:
            if above <= 0:
                break
            above -= len(wrapped(line))
            self._bottom = line
            self._seen = max(self._seen, line.number)
        if above > 0 or (above == 0 and self._bottom is lines[-1]):
            self.follow()
        else:
            self._hidden = -above

    def _first_rows[Row](self, height: int, wrapped: Callable[[Line], Sequence[Row]]) -> list[Row]:
        rows: list[Row] = []
        for line in self._all():
            rows.extend(wrapped(line))
            if len(rows) > height:
                return rows[:height]
        self.follow()  # all is in view
        return rows

    def _has_rows(self, lines: list[Line], height: int, wrapped: Wrapped) -> bool:
        have = -self._hidden
        for line in lines:
            have += len(wrapped(line))
            if have >= height:
                return True
        return False

    def _go_to_top(self, height: int, wrapped: Wrapped) -> None:
        have = 0
        for line in self._all():
            have += len(wrapped(line))
            if have >= height:
                self._stay_at(line, have - height)
                break
        else:
            self.follow()
            return
        if not self._hidden and self.below == 0:
            self.follow()

    def _stay_at(self, line: Line, hidden: int) -> None:
        """Hold on to a line, of which so many rows are below the view."""
        if self._bottom is None:
            self._seen = self._arrived
        self._bottom, self._hidden = line, hidden

    def _upwards(self) -> Iterator[Line]:
        lines = self._all()
        last = len(lines) - 1 if self._bottom is None else self._index(self._bottom)
        return (lines[index] for index in range(last, -1, -1))

    def _all(self) -> list[Line]:
        return [*self.lines, *self.unsent.values()]

    def _index(self, line: Line) -> int:
        return self._all().index(line)

    def _let_go(self, key: str) -> Line | None:
        line = self.unsent.pop(key, None)
        if line is not None and line is self._bottom:  # the view does not go with it
            self.follow()
        return line

    def _trim(self) -> None:
        drop, end = 0, len(self.lines) - 1
        while drop < end and (len(self.lines) - drop > LINES or self._characters > CHARACTERS):
            line = self.lines[drop]
            self._characters -= len(line.text) + len(line.who)
            self._unprinted += not line.is_printed
            drop += 1
        if self._bottom in self.lines[:drop]:
            self._bottom, self._hidden = self.lines[drop], 0
        del self.lines[:drop]
