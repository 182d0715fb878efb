"""The lines in memory: a part of the log of a room or a conversation, without a gap, and the newest lines. Pure.

The part grows by the pages of `put_before` and `put_behind`. When there are too many lines, those farthest from the
view go, at the beginning of the part or at its end. The newest lines of all stay in any case: in `end`, apart from
`lines` until a page has closed the gap between them, or until the view goes back to the end.

Lines of the client's own stand among the messages. They are in no log, so once they have gone, they do not come back.
"""

from collections.abc import Iterable, Sequence

from pylingo.client.terminal.days import dated
from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.viewport import Viewport, Wrapped
from pylingo.client.wording import date_line, local_day

LINES = 10_000  # lines that are kept
CHARACTERS = 4_000_000
"""Characters in all lines together: 10,000 messages of the greatest length would take 160 MB."""
NEWEST = 200
"""The newest lines, which are kept wherever the view is."""
_BEFORE_MESSAGES = frozenset({"day", "marker"})  # the kinds of lines that belong to the message behind them
_SLACK = 256  # lines beyond the limit before some are dropped, because dropping moves all others


class Loaded:
    """See the module. Stamps are microseconds since 1970."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        """The lines around the view, oldest first."""
        self.end: list[Line] = self.lines
        """The newest lines. The same list, if nothing is missing between both."""
        self.unsent: dict[str, Line] = {}
        """Own messages that are not confirmed, by key, in the order in which they were typed. They stand at the end."""
        self.viewport = Viewport(self._shown, lambda: self.has_end)
        self.first: int | None = None
        """The log is in `lines` from this stamp on; None if nothing of it is."""
        self.last = 0
        """The log is in `lines` up to this stamp, if `has_end` is false."""
        self.floor = 0
        """The log is in `end` from this stamp on."""
        self.paged = 0
        """The newest stamp in a page. A message up to this one may be here before it arrives by itself."""
        self.has_beginning = False
        """Whether the log has nothing before `first`."""
        self.cuts = (0, 0)
        """How often lines have gone at the beginning and at the end: a page asked for before does not fit any more."""
        self.characters = 0
        """The characters of all lines."""
        self.unprinted = 0
        """Lines that have gone before they were printed."""
        self._date = Line("day", "")  # above the first line; always the same object, which a viewport may hold on to
        self._entered: Line | None = None  # the line with which the room begins; before it stand other rooms
        self._edges: dict[bool, Line] = {}  # the rows of `tell`
        self._news_gone = (0, 0)  # new messages between `lines` and `end`: their number, and the stamp of the first

    @property
    def has_end(self) -> bool:
        """Whether the lines around the view reach to the newest one."""
        return self.end is self.lines

    @property
    def count(self) -> int:
        """The number of all lines."""
        return len(self.lines) + (0 if self.has_end else len(self.end))

    @property
    def new_below(self) -> int:
        """How many lines below the view are new since scrolling up, without dates and own messages."""
        beyond = 0 if self.has_end else self._news_gone[0] + sum(map(self.viewport.is_new, self.end))
        return self.viewport.new_below + beyond

    def _shown(self) -> list[Line]:
        """The lines that can come into view, with the date of the first one above it."""
        lines = [*self.lines, *self.unsent.values()] if self.has_end else self.lines
        if not lines or lines[0].kind == "day" or not lines[0].at:
            return lines
        self._date.text = date_line(local_day(lines[0].at))
        return [self._date, *lines]

    # --- single lines

    def home(self, at: int) -> list[Line] | None:
        """The list in which a message with this stamp belongs; None if that part of the log is not here."""
        if at >= self.floor:
            return self.end
        return self.lines if not self.has_end and (self.first or 0) <= at <= self.last else None

    def insert(self, lines: list[Line], place: int, line: Line) -> None:
        """Insert a line in `lines` or in `end`."""
        is_first = self.has_end and is_of_log(line) and (self.first is None or line.at < self.first)
        if is_first and place >= self._start():
            self.first = line.at
        lines.insert(place, line)
        self.characters += line.size
        self._bound()

    def delete(self, line: Line) -> None:
        """Take a line out, if it is there."""
        for lines in (self.lines, self.end):
            if line in lines:
                index = lines.index(line)
                near = [*lines[index + 1 : index + 2], *(() if self.has_end else lines[max(0, index - 1) : index])]
                self.viewport.removed([line], instead=next(iter(near), None))
                del lines[index]
                self.characters -= line.size

    def enter(self, line: Line) -> None:
        """The log of another room begins, below `line`, the newest one."""
        self.follow()
        for row in self._edges.values():
            self.delete(row)
        self._entered = line
        self.first, self.floor, self.has_beginning = None, 0, False
        self._cut()

    def clear(self) -> None:
        """Let all lines go. The next older page begins with the last of them."""
        newest = next(filter(is_of_log, reversed(self.end)), None)
        if newest is not None:
            self.first = newest.at + 1
        self.has_beginning = False
        self.lines = self.end
        self.lines.clear()
        self.characters = self.unprinted = 0
        self._cut()
        self.viewport.follow()

    # --- pages of the log

    def put_before(self, lines: Iterable[Line], first: int | None, is_beginning: bool) -> None:
        """Put older messages above the others. From then on, the log is here from the stamp `first` on.

        `first` is None if there were none. `is_beginning` tells whether the log has nothing before them.
        """
        new = dated((line for line in lines if self.first is None or line.at < self.first), None)
        place, index = self._top()
        after = self.lines[index] if new and index < len(self.lines) else None
        date = next((line for line in self.lines[place:index] if line.kind == "day"), None)
        if after is not None and date is None and local_day(after.at) != local_day(new[-1].at):
            new += dated([after], None)[:-1]
        elif after is not None and date is not None and local_day(after.at) == local_day(new[-1].at):
            self.delete(date)
        self.lines[place:place] = new
        self.characters += sum(line.size for line in new)
        self.paged = max([self.paged, *(line.at for line in new)])
        if first is not None:
            self.first = min(first, first if self.first is None else self.first)
        if self.has_end:
            self.floor = min(self.floor, self.first or 0)
        self.has_beginning = is_beginning
        self._bound()

    def put_behind(self, lines: Iterable[Line], last: int) -> None:
        """Put later messages below those around the view. From then on, the log is here up to the stamp `last`."""
        self.tell("", at_end=True)
        before = next(filter(is_of_log, reversed(self.lines)), None)
        new = dated((line for line in lines if line.at < self.floor), local_day(before.at) if before else None)
        for line in filter(is_of_log, new):
            count, first = self._news_gone
            if count and line.at >= first:
                line.news = self.viewport.news
                self._news_gone = (count - 1, first)
        self.lines += new
        self.characters += sum(line.size for line in new)
        self.paged = max([self.paged, *(line.at for line in new)])
        self.last = max(last, self.last)
        if self.last + 1 >= self.floor:
            self._join()
        self._bound()

    def _join(self) -> None:
        """Nothing is missing any more between the lines around the view and the newest ones."""
        before = next(filter(is_of_log, reversed(self.lines)), None)
        index = next((index for index, line in enumerate(self.end) if is_of_log(line)), None)
        if before is not None and index is not None and all(line.kind != "day" for line in self.end[:index]):
            new = dated([self.end[index]], local_day(before.at))[:-1]
            self.end[index:index] = new
            self.characters += sum(line.size for line in new)
        self.lines += self.end
        self.end = self.lines
        self.floor = self.floor if self.first is None else self.first
        self._news_gone = (0, 0)

    def _top(self) -> tuple[int, int]:
        """The place for older messages, and the index of the first message; that of the end if there is none."""
        start, size, row = self._start(), len(self.lines), self._edges.get(False)
        index = next((index for index in range(start, size) if is_of_log(self.lines[index])), size)
        if row is not None and row in self.lines:
            return self.lines.index(row) + 1, index
        place = start if index == size else index
        while place > start and self.lines[place - 1].kind in _BEFORE_MESSAGES:
            place -= 1
        return place, index

    def _start(self) -> int:
        """The index of the first line of the room that we are in."""
        return self.lines.index(self._entered) + 1 if self._entered in self.lines else 0

    # --- for whoever asks for pages

    def tell(self, words: str, at_end: bool = False) -> None:
        """Show a row with `words` at the beginning or the end of the part of the log; none if they are empty."""
        row = self._edges.pop(at_end, None)
        if row is not None:
            self.delete(row)
        if words:
            row = self._edges[at_end] = Line("edge", words)
            self.lines.insert(len(self.lines) if at_end else self._top()[0], row)
            self.characters += row.size

    def sides(self, height: int, wrapped: Wrapped[object]) -> tuple[int, int]:
        """The numbers of lines above and below the view, without those of other rooms."""
        in_view = self.viewport.lines_in_view(height, wrapped)
        above = self.lines.index(in_view[-1]) - self._top()[0] if in_view and in_view[-1] in self.lines else 0
        return max(0, above), self.viewport.below

    # --- limits

    def follow(self) -> None:
        """Go to the end of the chat and stay there."""
        if not self.has_end:
            self.characters -= sum(line.size for line in self.lines)
            self.lines = self.end
            self.first, self.has_beginning = self.floor, False
            self._cut()
        self.viewport.follow()

    def shorten(self, lines: int, characters: int) -> None:
        """Let lines go until at most so many are left.

        The first to go are those of other rooms, then those farthest from the view. The newest lines stay. If even
        the lines at the view are too many, the view goes to the end.
        """
        size, start = len(self.lines), min(self._start(), len(self.lines) - 1)
        above = self._index_of_bottom()
        newest = NEWEST if self.has_end else 0
        below = size - 1 - max(above, self._top()[1]) - newest
        top = bottom = 0
        while self._is_over(lines + top + bottom, characters):
            if top < start or above - top > max(0, below - bottom - 1):
                line = self.lines[top]
                top += 1
                self.unprinted += not line.is_printed
            elif below > bottom:
                bottom += 1
                line = self.lines[size - newest - bottom]
            else:
                break
            self.characters -= line.size
        if bottom:
            self._let_end_go(size - newest - bottom, size - newest)
        if top:
            self._let_beginning_go(top, start)
        if self._is_over(lines, characters) and self.viewport.is_scrolled:
            self.follow()
            self.shorten(lines, characters)

    def _index_of_bottom(self) -> int:
        """The index of the lowest line in view."""
        bottom = self.viewport.bottom
        if bottom is self._date:
            return 0
        return self.lines.index(bottom) if bottom in self.lines else len(self.lines) - 1

    def _is_over(self, lines: int, characters: int) -> bool:
        return self.count > lines or self.characters > characters

    def _bound(self) -> None:
        if not self.has_end and len(self.end) > NEWEST + _SLACK:
            gone = self.end[:-NEWEST]
            del self.end[:-NEWEST]
            self.characters -= sum(line.size for line in gone)
            self._lose(gone)
        if self._is_over(LINES + _SLACK, CHARACTERS):
            self.shorten(LINES, CHARACTERS)

    def _let_beginning_go(self, count: int, start: int) -> None:
        """Let the first `count` lines go. Those of the room that we are in begin at `start`."""
        newest = next(filter(is_of_log, reversed(self.lines[start:count])), None)
        self.viewport.removed(self.lines[:count], instead=self.lines[count])
        del self.lines[:count]
        if newest is not None:
            self.first, self.has_beginning = newest.at + 1, False
            self.cuts = (self.cuts[0] + 1, self.cuts[1])
            if self.has_end:
                self.floor = self.first

    def _let_end_go(self, begin: int, end: int) -> None:
        """Let the lines from `begin` to `end` go. Those behind them are kept as the newest ones."""
        gone = self.lines[begin:end]
        self.last = next(line.at for line in reversed(self.lines[:begin]) if is_of_log(line))
        if self.has_end:
            self.end = self.lines[end:]
            self.floor = self.last + 1
        del self.lines[begin:]
        self.cuts = (self.cuts[0], self.cuts[1] + 1)
        self._lose(gone)

    def _lose(self, gone: Sequence[Line]) -> None:
        """Lines between those around the view and the newest ones have gone."""
        messages = [line for line in gone if is_of_log(line)]
        if messages:
            self.floor = max(self.floor, messages[-1].at + 1)
        if news := [line.at for line in messages if self.viewport.is_new(line)]:
            count, first = self._news_gone
            self._news_gone = (count + len(news), min(news[0], first) if count else news[0])

    def _cut(self) -> None:
        """The lines are those of another part of the log."""
        self.cuts = (self.cuts[0] + 1, self.cuts[1] + 1)
        self._news_gone = (0, 0)
