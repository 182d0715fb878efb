"""The state of the window, the events that change it and the effects that it asks for. Pure data.

`update` holds the rules; `window` carries out the effects.
"""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pylingo.client.events import ClientEvent
from pylingo.client.people import Marks
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.completion import Offer
from pylingo.client.terminal.input_events import InputEvent
from pylingo.client.terminal.questions import Question
from pylingo.shared.commands import BY_NAME
from pylingo.shared.messages import CommandInfo, HistoryRequest
from pylingo.shared.names import fold
from pylingo.shared.value_class import value_class


@dataclass(slots=True)
class Model:
    """The state of the window. `columns` and `rows` are the terminal's size.

    `where` is the server by which settings know its rooms: the first one, if it has several addresses.
    """

    where: str
    preferences: Preferences
    columns: int = 80
    rows: int = 24
    buffers: list[Buffer] = field(default_factory=lambda: [Buffer()])
    active: int = 0  # the index of the buffer that is shown
    last_shown: Buffer | None = None  # the buffer that was shown before, which may be closed by now
    # the connection
    state: str = "connecting"
    server: str = ""  # the server as shown: the one of `state`
    online_at: str = ""  # the server where we were online last
    retry_at: float = 0.0
    was_online: bool = False
    is_told: bool = False  # whether a note has mentioned this loss of the connection
    is_leaving: bool = False
    round_trip: float | None = None  # seconds that the last ping took
    pinged_at: float = -math.inf  # when the last ping was sent
    is_awaiting_pong: bool = False
    heard_at: float = -math.inf  # when the server's latest frame came
    # the people
    name: str = ""
    wanted: str | None = None  # the name that somebody else has, and that we ask for again
    hidden: dict[str, str] = field(default_factory=dict)
    """Names that are hidden in this run only, while their owners are in sight: guests, and people who were renamed.
    Each maps to the name that was given to /ignore. All are compared forms."""
    own_names: set[str] = field(default_factory=set)  # all names that we have had, in their compared forms
    away: dict[str, str] = field(default_factory=dict)  # why people are away, by the compared form of their names
    asked_who_at: float = -math.inf  # when the server was last asked who is away
    is_settled: bool = False  # whether there was a session with the server
    # the rooms
    features: frozenset[str] | None = None  # of the server; None before it has said so
    moves: dict[str, Buffer] = field(default_factory=dict)
    """The buffers of rooms that the person has asked for, by compared form, until the server has replied."""
    rooms: list[str] = field(default_factory=list)
    is_encrypted: bool = False
    is_operator: bool = False
    marks: Marks = field(default_factory=Marks)  # whose name belongs to which key
    commands: dict[str, CommandInfo] = field(default_factory=lambda: dict(BY_NAME))
    """The server's commands that we know of, by name."""
    banned: list[str] = field(default_factory=list)  # names and addresses, as far as the server has said
    list_files: Callable[[str], Sequence[str]] = lambda begun: ()
    """Returns the paths that begin so. The window sets it, because looking them up is not pure."""
    queries: list[str] = field(default_factory=list)
    """The queries whose replies have not come to their end."""
    keeps_lines: bool = False  # whether the lines that the person enters are kept for the next run
    # of the moment
    is_bare: bool = False  # whether the messages are shown without the window, until the next key
    hint: str = ""  # a few words in the status row, until the next key
    offer: Offer | None = None  # the candidates for Tab, which stand in the status row until the next key
    number: str | None = None  # the first digits of the number of a buffer, while the person types it
    prefix: str = ""  # the first of two keys in a row, while the second one is awaited
    edited: Buffer | None = None  # whose draft is in the person's editor
    leaves_until: float = -math.inf  # until when another C-c leaves
    question: Question | None = None  # which waits for the person's answer
    has_mouse: bool = True
    """Whether we get the mouse wheel. If not, the mouse selects text in the terminal."""
    place: int = 0  # the column of the cursor, as the terminal last reported it
    places: int = 0  # how often the terminal has reported it
    has_focus: bool = True
    """Whether the terminal has the focus. It counts as having it until it says otherwise, which not every one does."""
    focused_at: float = -math.inf  # when the focus came
    missed: int = 0  # messages in the buffer that is shown, private or mentioning us, that came without the focus
    called_at: float = -math.inf  # when the bell last rang or a notification was shown
    kept_at: float = -math.inf  # when the rooms were last saved for the next run

    @property
    def buffer(self) -> Buffer:
        """The buffer that is shown."""
        return self.buffers[self.active]

    def has(self, feature: str) -> bool:
        """Whether the server is known to have a feature."""
        return self.features is not None and feature in self.features

    def hides(self, name: str) -> bool:
        """Whether the person has hidden `name`."""
        key = fold(name)
        return key in self.hidden or key in self.preferences.ignored

    def follow(self, old: str, new: str) -> None:
        """Somebody was renamed. A hidden person stays hidden."""
        if self.hides(old):
            origin = self.hidden.pop(fold(old), fold(old))
            if not self.hides(new):
                self.hidden[fold(new)] = origin

    def lose_sight(self, is_lost: Callable[[str], bool]) -> None:
        """Stop following renamed people who are out of sight. `is_lost` tells that of a compared form."""
        self.hidden = {key: origin for key, origin in self.hidden.items() if not is_lost(key)}


@value_class
class _Empty:
    """An event without further data."""


@value_class
class Resized:
    """The terminal has another size."""

    columns: int
    rows: int


class SecondPassed(_Empty):
    """Another second has passed."""


class Pasting(_Empty):
    """A paste has begun and not ended yet."""


class SearchGoesOn(_Empty):
    """A search in memory has another step to take."""


class Interrupted(_Empty):
    """The person or the system wants the program to end."""


@value_class
class Report:
    """Something outside failed, or was done and nothing else shows it."""

    text: str
    is_error: bool = False


@value_class
class Edited:
    """The person's editor has ended with another text; or it has not, and `why` says why, if there is a reason.

    With both, the text is not to replace the line, but must not be lost. With `is_waiting` the editor was stopped, and
    can be continued.
    """

    text: str | None
    why: str = ""
    is_waiting: bool = False


type Event = InputEvent | ClientEvent | SearchGoesOn | Resized | SecondPassed | Pasting | Interrupted | Report | Edited


@value_class
class Speak:
    """Say `text` in a room, or `to` a person. `key` is that of the line in the scrollback."""

    text: str
    key: str
    room: str | None = None
    to: str | None = None
    is_action: bool = False


@value_class
class SendCommand:
    """Send a command to the server. It acts on `room`, by default the current one."""

    name: str
    argument: str | None
    room: str | None = None


@value_class
class Query:
    """Send a command of the program's own, if online. Its reply comes as `QueryReply`."""

    name: str
    room: str | None = None


@value_class
class AskPage:
    """Request a page of the server's log, if online. `PageReply` with the same request follows."""

    request: HistoryRequest


@value_class
class Transcribe:
    """Write every further line to a file; None ends that."""

    path: str | None


@value_class
class Shown:
    """A line was added to the buffer called `title`: write it to the transcript, if there is one."""

    text: str
    title: str = field(default="", compare=False)


@value_class
class AcceptCertificate:
    """The person accepts the certificate with this fingerprint: remember it, and connect."""

    fingerprint: str


@value_class
class Notify:
    """Show a notification on the desktop. It is `about` a buffer, by its title. The words are not cleaned."""

    title: str
    text: str
    about: str


@value_class
class Edit:
    """Have the person edit a text in an editor of their own, or continue one that was stopped. `Edited` follows."""

    text: str


@value_class
class KeepLine:
    """The person has entered a line: keep it for the next run, unless it is one that is not kept."""

    text: str


class Do(enum.Enum):
    """The effects without further data."""

    PING = enum.auto()  # ping the server, if online; `PongReceived` follows
    LEAVE = enum.auto()  # say goodbye to the server, then exit
    RECONNECT = enum.auto()  # connect again after the connection was over
    EXIT = enum.auto()  # end the program: nothing is left to be done
    BELL = enum.auto()
    REPAINT = enum.auto()  # paint everything again
    ASK_PASSWORD = enum.auto()  # ask for the server's password without echo, and connect
    SUSPEND = enum.auto()  # stop the process, so that the shell can continue it later
    REMEMBER = enum.auto()  # save the changed preferences
    SEARCH_ON = enum.auto()  # let `SearchGoesOn` happen, after what else there is to do
    KEEP_PLACES = enum.auto()  # save the rooms, and how far each was read, for the next run


type Effect = (
    Speak | SendCommand | Query | AskPage | Transcribe | Shown | AcceptCertificate | Notify | Edit | KeepLine | Do
)
