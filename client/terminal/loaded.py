"""The lines in memory: a part of the log of a room or a conversation, without a gap, and the newest lines. Pure.

The part grows by pages. When there are too many lines, those farthest from the view go, at the beginning of the part or
at its end. The newest lines of all stay in any case: in `end`, apart from the part until a page has closed the gap
between them, or until the view goes back to the end.

Lines of the client's own stand among the messages. They are in no log, so once they have gone, they do not come back.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from pylingo.client.terminal.line import Line, is_of_log
from pylingo.client.terminal.log_part import LogPart
from pylingo.client.terminal.viewport import Place, Viewport, Wrapped
from pylingo.client.wording import date_line, local_day

LINES = 10_000  # lines that are kept
CHARACTERS = 4_000_000
"""Characters in all lines together: 10,000 messages of the greatest length would take 160 MB."""
NEWEST = 200
"""The newest lines, which are kept wherever the view is."""
_SLACK = 256  # lines beyond the limit before some are dropped, because dropping moves all others


class Loaded:
    """See the module. Stamps are microseconds since 1970."""

    def __init__(self) -> None:
        self.part = LogPart()
        """The lines around the view."""
        self.end: list[Line] = self.part.lines
        """The newest lines: those of the part, if nothing is missing between both."""
        self.unsent: dict[str, Line] = {}
        """Own messages that are not confirmed, by key, in the order in which they were typed. They stand at the end."""
        self.viewport = Viewport(self._shown, lambda: self.has_end)
        self.floor = 0
        """The log is in `end` from this stamp on."""
        self.aside: LogPart | None = None
        """The part that was here before a look at another one, if the view is to come back to it."""
        self.paged = 0
        """The newest stamp in a page. A message up to this one may be here before it arrives by itself."""
        self.cuts = (0, 0)
        """How often lines have gone at the beginning and at the end: a page asked for before does not fit any more."""
        self.characters = 0
        """The characters of all lines but those aside."""
        self.unprinted = 0
        """Lines that have gone before they were printed."""
        self._date = Line("day", "")  # above the first line; always the same object, which a viewport may hold on to
        self._news_gone = (0, 0)  # new messages between the part and `end`: their number, and the stamp of the first

    @property
    def lines(self) -> list[Line]:
        """The lines around the view, oldest first."""
        return self.part.lines

    @property
    def has_end(self) -> bool:
        """Whether the lines around the view reach to the newest one."""
        return self.end is self.part.lines

    @property
    def count(self) -> int:
        """The number of all lines but those aside."""
        return len(self.lines) + (0 if self.has_end else len(self.end))

    @property
    def new_below(self) -> int:
        """How many lines below the view are new since scrolling up, without dates and own messages."""
        beyond = 0 if self.has_end else self._news_gone[0] + sum(map(self.viewport.is_new, self.end))
        return self.viewport.new_below + beyond

    def every(self) -> Iterator[Line]:
        """All lines."""
        parts = [self.lines, *([] if self.has_end else [self.end]), *([self.aside.lines] if self.aside else [])]
        return itertools.chain.from_iterable(parts)

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
        return self.lines if not self.has_end and (self.part.first or 0) <= at <= self.part.last else None

    def find(self, at: int) -> Line | None:
        """The message of the present room with this stamp, around the view or among the newest ones."""
        lines = itertools.chain(self.lines[self.part.start :], [] if self.has_end else self.end)
        return next((line for line in lines if line.at == at and is_of_log(line)), None)

    def insert(self, lines: list[Line], place: int, line: Line) -> None:
        """Insert a line in `lines` or in `end`."""
        first = self.part.first
        is_first = self.has_end and is_of_log(line) and (first is None or line.at < first)
        if is_first and place >= self.part.start:
            self.part.first = line.at
        lines.insert(place, line)
        self.characters += line.size
        self._bound()

    def rewrite(self, line: Line, text: str) -> None:
        """Give a line another text."""
        if self.aside is None or line not in self.aside.lines:
            self.characters += len(text) - len(line.text)
        line.text = text

    def delete(self, line: Line) -> None:
        """Take a line out, if it is there."""
        if self.aside is not None and line in self.aside.lines:
            self.aside.lines.remove(line)
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
        for row in self.part.edges.values():
            self.delete(row)
        self.aside = None
        self.part.entered = line
        self.part.first, self.floor, self.part.has_beginning = None, 0, False
        self._cut()

    def clear(self) -> None:
        """Let all lines go. The next older page begins with the last of them."""
        self.follow()
        if self.part.newest is not None:
            self.part.first = self.part.newest.at + 1
        self.part.has_beginning = False
        self.aside = None
        self.lines.clear()
        self.characters = self.unprinted = 0
        self._cut()

    # --- pages of the log

    def put_before(self, lines: Iterable[Line], first: int | None, is_beginning: bool) -> None:
        """Put older messages above the others; see `LogPart`."""
        new, date = self.part.put_before(lines, first, is_beginning)
        self._paged(new)
        if date is not None:
            self.delete(date)
        if self.has_end:
            self.floor = min(self.floor, self.part.first or 0)
        self._bound()

    def put_behind(self, lines: Iterable[Line], last: int) -> None:
        """Put later messages below those around the view; see `LogPart`."""
        self.tell("", at_end=True)
        new = self.part.put_behind((line for line in lines if line.at < self.floor), min(last, self.floor - 1))
        self._paged(new)
        for line in filter(is_of_log, new):
            count, first = self._news_gone
            if count and line.at >= first:
                line.news = self.viewport.news
                self._news_gone = (count - 1, first)
        self._join_if_near()
        self._bound()

    def _paged(self, new: Sequence[Line]) -> None:
        self.characters += sum(line.size for line in new)
        self.paged = max([self.paged, *(line.at for line in new)])

    def _join_if_near(self) -> None:
        """Join the lines around the view and the newest ones, if nothing is missing between them any more."""
        if self.has_end or self.part.last + 1 < self.floor:
            return
        new, gone = self.part.join(self.end)
        self.characters += sum(line.size for line in new) - sum(line.size for line in gone)
        self.end = self.part.lines
        self.floor = self.floor if self.part.first is None else self.part.first
        self._news_gone = (0, 0)

    def tell(self, words: str, at_end: bool = False) -> None:
        """Show a row with `words` at the beginning or the end of the part of the log; none if they are empty."""
        row = self.part.edges.pop(at_end, None)
        if row is not None:
            self.delete(row)
        if words:
            row = self.part.edges[at_end] = Line("edge", words)
            self.lines.insert(len(self.lines) if at_end else self.part.top()[0], row)
            self.characters += row.size

    def sides(self, height: int, wrapped: Wrapped[object]) -> tuple[int, int]:
        """The numbers of lines above and below the view, without those of other rooms."""
        in_view = self.viewport.lines_in_view(height, wrapped)
        above = self.lines.index(in_view[-1]) - self.part.top()[0] if in_view and in_view[-1] in self.lines else 0
        return max(0, above), self.viewport.below

    # --- another part of the log

    def newest_part(self) -> list[Line]:
        """The lines of the present room up to the newest one, as far back as nothing is missing."""
        return self.lines[self.part.start :] if self.has_end else self.end

    def replace_part(self, part: LogPart) -> LogPart | None:
        """Have other lines around the view.

        Returns those that were, without the newest ones, which stay. Returns None if all stay: then nothing is missing
        between the new lines and the newest ones.
        """
        before = self.part
        if self.has_end:
            self.floor = max(self.floor, before.first or 0)
            rest = before if part.last + 1 < self.floor else None
            if rest is not None:
                self.end = rest.split_off(NEWEST)
                self.floor = max(self.floor, rest.last + 1)
        else:
            rest = before
        self.part = part
        self.characters += sum(line.size for line in part.lines)
        self.characters -= sum(line.size for line in rest.lines) if rest is not None else 0
        self.paged = max([self.paged, *(line.at for line in filter(is_of_log, part.lines))])
        self._cut()
        self._join_if_near()
        self.viewport.reach_end()
        return rest

    def return_to(self, place: Place) -> bool:
        """Go back to a place where the view was before a look at other parts. Returns whether it is still there."""
        if self.aside is not None:
            part, self.aside = self.aside, None
            self.replace_part(part)
        line = place[0]
        if line is None or (line in self.end and not self.has_end):
            self.follow()
        is_there = self.viewport.return_to(place)
        self._bound()
        return is_there

    # --- limits

    def follow(self) -> None:
        """Go to the end of the chat and stay there."""
        if not self.has_end:
            self.characters -= sum(line.size for line in self.lines)
            self.part = LogPart(self.end, self.floor, entered=self.part.entered)
            self._cut()
        self.viewport.follow()

    def shorten(self, lines: int, characters: int) -> None:
        """Let lines go until at most so many are left.

        The first to go are those of other rooms, then those farthest from the view. The newest lines stay. If even
        the lines at the view are too many, the view goes to the end.
        """
        size, start = len(self.lines), min(self.part.start, len(self.lines) - 1)
        above = self._index_of_bottom()
        newest = NEWEST if self.has_end else 0
        below = size - 1 - max(above, self.part.top()[1]) - newest
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
            self.part.first, self.part.has_beginning = newest.at + 1, False
            self.cuts = (self.cuts[0] + 1, self.cuts[1])
            if self.has_end:
                self.floor = newest.at + 1

    def _let_end_go(self, begin: int, end: int) -> None:
        """Let the lines from `begin` to `end` go. Those behind them are kept as the newest ones."""
        gone = self.lines[begin:end]
        newest = self.lines[end:] if self.has_end else self.end
        was_whole, self.end = self.has_end, newest
        del self.lines[begin:]
        self.part.last = self.part.newest.at if self.part.newest is not None else 0
        if was_whole:
            self.floor = self.part.last + 1
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
