"""What the program knows, what can happen to it, and what it can want done. Pure data; `update` holds the rules."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pylingo.client.settings import Preferences
from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.editor import Editor
from pylingo.client.terminal.input_events import CursorReport, Focus, Key, Paste, Text
from pylingo.client.terminal.scrollback import Scrollback
from pylingo.shared.commands import BY_NAME
from pylingo.shared.messages import Goodbye
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

MOST = 50_000
"""People of a room, and rooms, that are known by name."""


@dataclass(slots=True)
class Model:
    """The state of the window. `where` is the server as shown, `columns` and `rows` the terminal's size."""

    where: str
    preferences: Preferences
    columns: int = 80
    rows: int = 24
    editor: Editor = field(default_factory=Editor)
    completer: Completer = field(default_factory=Completer)
    scrollback: Scrollback = field(default_factory=Scrollback)
    # the connection
    state: str = "connecting"
    retry_at: float = 0.0
    was_online: bool = False
    is_told: bool = False
    """Whether this loss of the connection was mentioned."""
    is_leaving: bool = False
    round_trip: float | None = None
    """Seconds that the last ping took."""
    # the people
    name: str = ""
    wanted: str | None = None
    """The name that somebody else has, and that is asked for again."""
    room: str | None = None
    hidden: dict[str, str] = field(default_factory=dict)
    """Names that are hidden in this run alone, as long as their people are seen: guests', and what somebody is called
    now. With each, the name that /ignore was given. All are compared forms."""
    people: dict[str, str] = field(default_factory=dict)
    """Who is in the room, by the compared form; who spoke last comes last."""
    expected: int | None = None
    """How many are in the room, as the server has said, while the list of them is awaited."""
    arriving: dict[str, str] = field(default_factory=dict)
    """The pages so far of an answer that says who is there."""
    rooms: list[str] = field(default_factory=list)
    commands: set[str] = field(default_factory=lambda: set(BY_NAME))
    """The names of the server's commands, as far as we know."""
    # what was asked without the person's doing
    last_id: int = 1 << 40
    """Above all ids that the conversation uses."""
    pings: dict[int, float] = field(default_factory=dict)
    """Pings that have no answer, and when they were sent."""
    pinged_at: float = -1e9
    heard_at: float = -1e9
    """When the server's latest frame came."""
    quiet: set[int] = field(default_factory=set)
    """Ids of requests whose answers are not shown."""
    # passing things
    hint: str = ""
    """A word in the status row, until the next key."""
    question: Paste | None = None
    """A paste that waits for a yes."""
    has_mouse: bool = True
    """Whether the mouse is ours, for the wheel; if not, it selects text as the terminal has it."""
    place: int = 0
    """The column of the cursor, as the terminal has said when it was asked last."""
    places: int = 0
    """How often it has said so."""
    rung_at: float = -1e9
    day: tuple[int, int, int] | None = None
    """The local date of the newest line: another one is announced."""

    def hides(self, name: str) -> bool:
        """Whether the person wants to hear nothing of `name`."""
        key = fold(name)
        return key in self.hidden or key in self.preferences.ignored

    def follow(self, old: str, new: str) -> None:
        """Somebody has another name: a person who was hidden stays so."""
        if self.hides(old):
            origin = self.hidden.pop(fold(old), fold(old))
            if not self.hides(new):
                self.hidden[fold(new)] = origin

    def lose_sight(self, is_lost: Callable[[str], bool]) -> None:
        """People of whom we see no more are followed no further; `is_lost` says so of a compared form."""
        self.hidden = {key: origin for key, origin in self.hidden.items() if not is_lost(key)}

    def know(self, name: str) -> None:
        """`name` is in the room, and did something just now."""
        key = fold(name)
        self.people.pop(key, None)
        if len(self.people) < MOST:
            self.people[key] = name


# --- what happens


@dataclass(frozen=True, slots=True)
class Received:
    """A frame for the person."""

    record: Record


@dataclass(frozen=True, slots=True)
class Refused:
    """The own message with that key will never be sent."""

    key: str


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection changed: it is `connecting`, `online`, `waiting` for `delay` seconds, or `over`."""

    state: str
    delay: float = 0.0
    goodbye: Goodbye | None = None
    why: str = ""
    """Why there is none, in a sentence."""


@dataclass(frozen=True, slots=True)
class Resized:
    """The terminal has another size."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by."""


@dataclass(frozen=True, slots=True)
class Pasting:
    """A paste has begun, and its end has not come yet."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The person, or the system, wants the program to end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The name that one asked for is somebody else's; or, if None, it is not any more."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """We read too slowly, and were left out for a while. The messages are fetched."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something outside failed, and the person should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Something outside is as the person wanted it, and nothing else shows that."""

    text: str


type Event = (
    Text
    | Key
    | Paste
    | Pasting
    | CursorReport
    | Focus
    | Received
    | Refused
    | Connection
    | Resized
    | Tick
    | Interrupted
    | Gap
    | Wanted
    | Failure
    | Done
)


# --- what is wanted


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `text`; `key` is the line's in the scrollback."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class SendCommand:
    """Give a command to the server."""

    name: str
    argument: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request of the program's own, if there is a connection."""

    record: Record


@dataclass(frozen=True, slots=True)
class Leave:
    """Say goodbye and end."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Connect again, after the connection was given up."""


@dataclass(frozen=True, slots=True)
class Bell:
    """Ring."""


@dataclass(frozen=True, slots=True)
class Repaint:
    """Paint everything anew."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Stop, as the shell's job control has it."""


@dataclass(frozen=True, slots=True)
class Remember:
    """The preferences have changed: keep them."""


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Write what is shown from now on to a file; None: no more."""

    path: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A line was added: it goes to the transcript."""

    text: str


type Effect = Speak | SendCommand | Ask | Leave | Reconnect | Bell | Repaint | Suspend | Remember | Transcribe | Shown
