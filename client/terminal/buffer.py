"""One room of the window, or one conversation: its lines, its input line, the people in it. Pure data."""

from dataclasses import dataclass, field

from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.editor import Editor
from pylingo.client.terminal.scrollback import Scrollback
from pylingo.shared.names import fold

MOST = 50_000  # the people of a room, and the rooms, that are remembered by name


@dataclass(slots=True, eq=False)
class Buffer:
    """See the module. `room` is the room that we are in, or None."""

    room: str | None = None
    editor: Editor = field(default_factory=Editor)
    completer: Completer = field(default_factory=Completer)
    scrollback: Scrollback = field(default_factory=Scrollback)
    day: tuple[int, int, int] | None = None  # the local date of the newest line
    people: dict[str, str] = field(default_factory=dict)
    """The people in the room, by the compared form; the latest speaker comes last."""
    expected: int | None = None  # how many people are in the room, until the list of them has come
    arriving: dict[str, str] = field(default_factory=dict)
    """The people in the pages of a list that has not come to its end."""

    def know(self, name: str) -> None:
        """`name` is in the room and was just active."""
        key = fold(name)
        self.people.pop(key, None)
        if len(self.people) < MOST:
            self.people[key] = name
