"""A part of the log without a gap, with the lines of the client's own among its messages. Pure data.

Its methods change the lines; `Loaded` counts them and tells the viewport.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pylingo.client.terminal.days import dated
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.wording import local_day

_BEFORE_MESSAGES = frozenset({"day", "marker"})  # the kinds of lines that belong to the message behind them


@dataclass(slots=True)
class LogPart:
    """See the module. Stamps are microseconds since 1970."""

    lines: list[Line] = field(default_factory=list)
    """Oldest first."""
    first: int | None = None
    """The log is here from this stamp on; None if nothing of it is."""
    last: int = 0
    """The log is here up to this stamp, if these lines are not the newest ones."""
    has_beginning: bool = False
    """Whether the log has nothing before `first`."""
    entered: Line | None = None
    """The line with which the present room begins. Lines of other rooms stand before it."""
    edges: dict[bool, Line] = field(default_factory=dict)
    """The rows at the beginning (False) and at the end (True) that say what is missing there."""

    @property
    def start(self) -> int:
        """The index of the first line of the present room."""
        return self.lines.index(self.entered) + 1 if self.entered in self.lines else 0

    @property
    def newest(self) -> Line | None:
        """The newest message."""
        return next(filter(is_of_log, reversed(self.lines)), None)

    def top(self) -> tuple[int, int]:
        """The place for older messages, and the index of the first message; that of the end if there is none."""
        start, size = self.start, len(self.lines)
        index = next((index for index in range(start, size) if is_of_log(self.lines[index])), size)
        place = start if index == size else index
        while place > start and self.lines[place - 1].kind in _BEFORE_MESSAGES:
            place -= 1
        return place, index

    def put_before(
        self, lines: Iterable[Line], first: int | None, is_beginning: bool
    ) -> tuple[list[Line], Line | None]:
        """Put older messages above the others. From then on, the log is here from the stamp `first` on.

        `first` is None if there were none. `is_beginning` tells whether the log has nothing before them. Returns the
        lines that are new, and the line with a date that is to be deleted, if there is one.
        """
        new = dated((line for line in lines if self.first is None or line.at < self.first), None)
        place, index = self.top()
        after = self.lines[index] if new and index < len(self.lines) else None
        date = next((line for line in self.lines[place:index] if line.kind == "day"), None)
        is_same_day = after is not None and local_day(after.at) == local_day(new[-1].at)
        if after is not None and date is None and not is_same_day:
            new += dated([after], None)[:-1]
        self.lines[place:place] = new
        if first is not None:
            self.first = first if self.first is None else min(first, self.first)
        self.has_beginning = is_beginning
        return new, date if is_same_day else None

    def put_behind(self, lines: Iterable[Line], last: int) -> list[Line]:
        """Put later messages, up to the stamp `last`, below the others. Returns the lines that are new."""
        new = dated(lines, local_day(self.newest.at) if self.newest is not None else None)
        self.lines += new
        self.last = max(last, self.last)
        return new

    def split_off(self, count: int) -> list[Line]:
        """End before the newest lines: about `count` of them, and none of another room. Returns them."""
        start = self.start
        begin = max(start, len(self.lines) - count)
        while begin > start and self.lines[begin - 1].kind in _BEFORE_MESSAGES:
            begin -= 1
        newest = self.lines[begin:]
        del self.lines[begin:]
        last = next(filter(is_of_log, reversed(self.lines[start:])), None)
        self.last = last.at if last is not None else (self.first or 0) - 1
        return newest

    def join(self, newest: list[Line]) -> tuple[list[Line], list[Line]]:
        """Put the newest lines of all below the others, without messages that are here already.

        Returns the line with a date that is missing between, if there is one, and the lines that are left out.
        """
        size = len(newest)
        later = next((index for index, line in enumerate(newest) if is_of_log(line) and line.at > self.last), size)
        gone: list[Line] = []
        if any(map(is_of_log, newest[:later])):
            gone = [line for line in newest[:later] if is_of_log(line) or line.kind == "day"]
            newest = [line for line in newest if line not in gone]
        index = next((index for index, line in enumerate(newest) if is_of_log(line)), None)
        missing: list[Line] = []
        if self.newest is not None and index is not None and all(line.kind != "day" for line in newest[:index]):
            missing = dated([newest[index]], local_day(self.newest.at))[:-1]
        self.lines += [*newest[:index], *missing, *newest[index:]] if index is not None else newest
        return missing, gone

    def keep(self, center: Line | None, count: int) -> None:
        """Let all lines go but the `count` above and below a line, by default the last one."""
        index = self.lines.index(center) if center in self.lines else len(self.lines)
        begin, end = max(0, index - count), index + count
        above = next(filter(is_of_log, reversed(self.lines[:begin])), None)
        below = next(filter(is_of_log, self.lines[end:]), None)
        if above is not None:
            self.first, self.has_beginning = above.at + 1, False
        if below is not None:
            self.last = below.at - 1
        self.lines = self.lines[begin:end]
