"""A line of the chat, as the scrollback keeps it. Pure data."""

from dataclasses import dataclass, field

from pylingo.client.wording import clock_time

MESSAGES = frozenset({"message", "own"})
"""The kinds of lines that somebody has said."""
_NAMED = 3


@dataclass(slots=True)
class Presence:
    """Joins and leaves folded into one line, between the times `first` and `last`."""

    first: int
    last: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, verb: str, name: str, at: int) -> None:
        """Add somebody who `joined` or `left`."""
        self.last = at
        self.counts[verb] = self.counts.get(verb, 0) + 1
        names = self.names.setdefault(verb, [])
        if len(names) < _NAMED:
            names.append(name)

    @property
    def arrow(self) -> str:
        """A sign for people who came, who went, or both."""
        has_come, has_gone = "joined" in self.counts, any(verb != "joined" for verb in self.counts)
        return "<->" if has_come and has_gone else "-->" if has_come else "<--"

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
    """A line of the chat, cleaned: nothing in it moves a cursor."""

    kind: str  # `message`, `own`, `note`, `error`, `marker`, `day`, or `edge` where a part of the log begins or ends
    text: str
    at: int = 0  # microseconds since 1970
    who: str = ""
    is_stamped: bool = False  # whether `at` is the server's stamp, which orders the line
    is_mention: bool = False
    is_own: bool = False  # whether we have said it, perhaps elsewhere
    is_action: bool = False  # whether the text says what `who` does
    begins: str = ""
    """The room (compared form) that begins here: its later messages are never inserted before this line."""
    state: str = ""  # of an own message: `unsent` or `refused`
    presence: Presence | None = None
    is_open: bool = False  # whether all its rows are shown, however many there are
    is_printed: bool = False
    """Whether it is in the terminal's own scrollback, where it cannot change any more."""
    news: int = 0  # which scrolling up it has arrived after, if it was not in view since

    @property
    def is_across(self) -> bool:
        """Whether it divides others: it has no time, and stands across the window."""
        return self.kind in ("day", "edge", "marker")

    @property
    def head(self) -> str:
        """The name in front of the text, with its sign."""
        return f"* {self.who}" if self.is_action else f"{self.who}:" if self.who else ""

    @property
    def whole(self) -> str:
        """The text with the name in front of it."""
        return f"{self.head} {self.text}" if self.who else self.text

    @property
    def size(self) -> int:
        """The characters of the name and the text."""
        return len(self.text) + len(self.who)


def is_of_log(line: Line) -> bool:
    """Whether a line is a message that the server has stored."""
    return line.is_stamped and line.kind in MESSAGES
