"""The results of a conversation with the server: typed events for the network, the window and bots.

`Conversation` returns them. `Client` sends the frames and passes all other events to its owner, with each `Status` of
its own.
"""

from dataclasses import field

from pylingo.shared.messages import Command, Error, Goodbye, HistoryRequest, Say
from pylingo.shared.schema import Record
from pylingo.shared.value_class import value_class


@value_class
class Send:
    """Send this frame to the server."""

    record: Record


@value_class
class Refused:
    """A request of the person that will never be carried out. The error was shown before."""

    request: Say | Command
    error: Error


@value_class
class Received:
    """A frame for the person."""

    record: Record
    is_news: bool = True
    """False for messages of the history from before the last time that we were there, which only give the context."""


@value_class
class FramesMissed:
    """The server left out frames because we read too slowly. Missed messages are fetched; joins and leaves are not."""

    room: str | None = None
    """The room of the frames; None for private messages."""


@value_class
class NewSince:
    """The messages of `room` that are shown from now on came after `at`, the newest stamp seen in an earlier run."""

    room: str
    at: int


@value_class
class NameWanted:
    """Somebody else has the name that the person asked for; None: no longer."""

    name: str | None


@value_class
class KeyChanged:
    """A name that we have talked to belongs to another key now. None stands for a guest, who has no key."""

    name: str
    before: str | None
    after: str | None


@value_class
class Remark:
    """A sentence of the client itself, such as that an invitation was not sent."""

    text: str


@value_class
class QueryReply:
    """A frame of the reply to a query: a command that the program sent for itself, not for the person."""

    query: str
    """The name of the command."""
    record: Record
    is_last: bool


@value_class
class PageReply:
    """The reply to `Client.page`: a `HistoryPage`, or an `Error`."""

    request: HistoryRequest
    """The request, as it was given."""
    record: Record


@value_class
class PongReceived:
    """The server answered the latest ping."""


@value_class
class Status:
    """The connection is `connecting`, `online`, `waiting` (for `delay` seconds before the next attempt) or `over`."""

    state: str
    error: Exception | None = None
    """Why the last connection failed; None if the server closed it."""
    delay: float = 0.0
    goodbye: Goodbye | None = None
    """The server's goodbye, if the last connection ended with one."""
    where: str = field(default="", compare=False)
    """The address of the server that this is about, as HOST:PORT."""


type _Shared = (
    Received | Refused | FramesMissed | NewSince | NameWanted | KeyChanged | QueryReply | PageReply | PongReceived
)
type ConversationEvent = Send | _Shared
type ClientEvent = _Shared | Remark | Status
