"""One room of the window, or one conversation: its lines, its input line, the people in it. Pure data."""

import bisect
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylingo.client.terminal.cells import width
from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.editor import Editor
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.scrollback import Scrollback
from pylingo.client.terminal.viewport import Place
from pylingo.shared.messages import HistoryRequest
from pylingo.shared.names import fold

if TYPE_CHECKING:
    from pylingo.client.terminal.message_search import MessageSearch

MOST = 50_000  # the people of a room, and the rooms, that are remembered by name


@dataclass(slots=True)
class PageRequest:
    """A request for a page of the log that has no reply yet."""

    request: HistoryRequest
    cuts: tuple[int, int]
    """The `cuts` of the lines at that time. If they differ when the page comes, it does not fit any more."""
    is_printed: bool = False
    """Whether the page is to be printed below the other lines."""
    jump: int | None = None
    """The stamp of a message that is not near to those in memory: the page has it and those before it."""
    then: int | None = None
    """The stamp of the message that is to be shown when the reply comes. A `jump` to another one is dropped then."""
    center: tuple[int, Place] | None = None
    """The stamp of the message that is to come into the middle with this page, if the view is still at that place."""
    redacted: set[int] = field(default_factory=set)
    """The stamps of messages that were removed meanwhile."""

    @property
    def is_older(self) -> bool:
        """Whether the page has the messages before those in memory, not those after them."""
        return self.request.since is None


@dataclass(slots=True)
class Found:
    """How far a search has come in a layout that prints each line once."""

    words: str
    before: int | None = None
    """The stamp before which the search goes on; None if it has not begun."""
    is_complete: bool = False


@dataclass(slots=True, eq=False)
class Buffer:
    """See the module. It belongs to a `room`, to the conversation with a `person`, or to neither."""

    room: str | None = None
    person: str | None = None
    is_outside: bool = False
    """Whether we are not in the room at present: the server has not let us in yet, or not again."""
    heading: str | None = None  # the room that was asked for in place of `room`, until the server has replied
    is_leaving: bool = False  # whether the person has asked to leave the room, and the server has not replied
    editor: Editor = field(default_factory=Editor)
    completer: Completer = field(default_factory=Completer)
    scrollback: Scrollback = field(default_factory=Scrollback)
    day: tuple[int, int, int] | None = None  # the local date of the newest line
    topic: str | None = None
    told_topic: str | None = None  # the topic that a note has told last
    widest_name: int = 0  # the columns of the longest name that has spoken
    # the past
    page: PageRequest | None = None
    is_seeking: bool = False  # whether the person waits for older messages of which none has appeared
    printed: int | None = None  # in a layout that prints each line once, the log was printed from this stamp on
    search: "MessageSearch | None" = None
    found: Found | None = None
    # the people
    people: dict[str, str] = field(default_factory=dict)
    """The people in the room, by the compared form; the latest speaker comes last. Change them by the methods alone."""
    operators: set[str] = field(default_factory=set)
    """The compared names of those in the room who are its operators, as far as the server has said."""
    expected: int | None = None  # how many people are in the room, until the list of them has come
    arriving: dict[str, str] = field(default_factory=dict)
    """The people in the pages of a list that has not come to its end."""
    is_listing: bool = False  # whether the list of the people was asked for and has not come to its end
    is_stale: bool = False  # whether people may have come and gone unseen since the last list
    keys: list[str] | None = None  # the compared names of the people, sorted; None if that is still to be done
    first_person: int = 0  # how many people are above the view in the list of people
    described_at: float = -math.inf  # when the server was last asked who of the people is away, and who an operator
    # what is new
    new: int = 0  # messages that came while another buffer was shown
    urgent: int = 0  # those of them that are private or mention us
    seen: int | None = None  # the newest stamp that was shown, in this run or an earlier one
    is_marking: bool = False  # whether the next message is the first that came since an earlier run
    is_in_log: bool = False  # whether the newest message was there before we came
    marker: Line | None = None  # the line above the first message that is new to the person
    spoken: bool = False  # whether we have said something in this conversation
    is_ended: bool = False
    """Whether the session of the `person` is over: the next private message from that name begins another one."""
    has_key: bool = False
    """Whether the name of the `person` belongs to a key: then the conversation does not end with a session."""
    is_warned: bool = True
    """Whether we know that somebody else may have the name now. If not, the next line is sent only if repeated."""
    former: str | None = None  # the compared name that the `person` had before the last change
    last_at: int = 0  # the stamp of the newest message

    @property
    def title(self) -> str:
        """The name of the buffer, which is not cleaned for display."""
        return self.room or (f"@{self.person}" if self.person is not None else "")

    @property
    def current_room(self) -> str | None:
        """The room that we are in."""
        return None if self.is_outside else self.room

    @property
    def is_vacant(self) -> bool:
        """Whether the buffer belongs to nothing, as after leaving the only room."""
        return self.room is None and self.person is None

    @property
    def count(self) -> int | None:
        """How many people are in the room; None if it is not known."""
        return len(self.people) if self.expected is None and not self.is_stale else self.expected

    def lose_track(self) -> None:
        """Frames of the room were missed. The people are still those to be completed, but not known to be there."""
        self.arriving.clear()
        self.expected, self.is_listing, self.is_stale = None, False, True
        self.topic = None

    def know(self, name: str) -> None:
        """`name` is in the room and was just active."""
        key = fold(name)
        if self.people.pop(key, None) is None and self.keys is not None and len(self.people) < MOST:
            bisect.insort(self.keys, key)
        if len(self.people) < MOST:
            self.people[key] = name

    def forget(self, name: str) -> bool:
        """`name` is not in the room any more. Return whether it was known to be."""
        key = fold(name)
        if self.people.pop(key, None) is None:
            return False
        if self.keys is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]
        return True

    def rank(self, name: str, is_operator: bool | None) -> None:
        """Note whether somebody in the room is its operator."""
        if is_operator and len(self.operators) < MOST:
            self.operators.add(fold(name))
        elif not is_operator:
            self.operators.discard(fold(name))

    def set_people(self, people: dict[str, str]) -> None:
        """The people in the room are these, by the compared form."""
        self.people, self.keys = people, None

    @property
    def sorted_people(self) -> list[str]:
        """The compared names of the people, sorted as the server sorts them."""
        if self.keys is None:
            self.keys = sorted(self.people)
        return self.keys

    def forget_people(self) -> None:
        """We are not in the room any more, or enter it anew."""
        self.lose_track()
        self.set_people({})
        self.operators.clear()
        self.is_stale = False

    def note_speaker(self, name: str) -> None:
        """`name`, cleaned, has a line in the buffer."""
        self.widest_name = max(self.widest_name, width(name))

    def enter(self, room: str) -> None:
        """The newest line says that we are in `room`."""
        if self.scrollback.begin(fold(room)):
            self.page, self.is_seeking, self.printed, self.search, self.found = None, False, None, None, None

    def mark(self, at: int) -> None:
        """Mark that the messages which come from now on are new, unless a mark stands already.

        One that stands above messages which were there before we came is not theirs: it moves below them.
        """
        if self.is_in_log:
            self.unmark()
        if self.marker is None:
            self.marker = Line("marker", "--- new ---", at)
            self.scrollback.add(self.marker)
        self.is_marking = self.is_in_log = False

    def unmark(self) -> None:
        """Nothing is new any more."""
        if self.marker is not None:
            self.scrollback.remove(self.marker)
            self.marker = None

    def look(self) -> None:
        """The buffer is shown: nothing in it is new any more. The marker stays until `look_away`."""
        self.new = self.urgent = 0
        if self.last_at:
            self.seen = max(self.seen or 0, self.last_at)

    def look_away(self) -> None:
        """Another buffer is shown: what comes from now on is new."""
        self.unmark()
