"""A client's side of the conversation, over as many connections as it takes. Pure: no sockets, no clock.

`Conversation` is told of connections, of frames from the server and of what the person does. Each method returns typed
events: frames to send, frames to show, refusals (see `events`). It owns the ids of all requests.

After a connection broke, the next one resumes the session if the server still knows it; otherwise it returns by name
and rooms. The history of each room then fills the gap, messages that were seen before are dropped, and requests without
a reply are sent again. The key of each `say` lets the server recognise a repetition. So a person, or a bot, sees every
message of every room once and in order.

Private messages are treated like those of one more room, the inbox. It belongs to the person's key. Without a key it
belongs to the session, and a new session begins with an empty one.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

from pylingo.client import events
from pylingo.client.credentials import Credentials
from pylingo.client.features import IDENTITY
from pylingo.client.histories import Histories
from pylingo.client.incoming import HELLO_ID, Incoming
from pylingo.client.membership import Membership
from pylingo.client.outgoing import Outgoing
from pylingo.client.people import Marks
from pylingo.client.unanswered import Unanswered, new_key
from pylingo.shared import PROTOCOL_VERSION, __version__, messages
from pylingo.shared.commands import message_of
from pylingo.shared.errors import RequestError
from pylingo.shared.schema import Record
from pylingo.shared.text import message_text


class Conversation:
    """See the module. `new_key` makes the keys of messages; by default they are random.

    `room` is the current room wanted, `rooms` are further ones. `seen` maps compared room names to the newest stamp
    that was seen in an earlier run. `credentials` are what the server is shown at each connection.
    """

    def __init__(
        self,
        name: str | None,
        room: str | None,
        new_key: Callable[[], str] = new_key,
        *,
        rooms: Sequence[str] = (),
        seen: Mapping[str, int] | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.is_introduced = False
        """Whether the hello has been sent on this connection."""
        self.unanswered = Unanswered()
        """The requests that wait to be sent, confirmed or answered."""
        self._new_key = new_key
        self._credentials = credentials or Credentials()
        ids = itertools.count(1)
        self._membership = Membership([*([room] if room else []), *rooms])
        self._histories = Histories(ids, seen or {}, lambda: self._membership.places)
        self._out = Outgoing(ids, self._membership, self._histories, self.unanswered)
        self._in = Incoming(
            name,
            self._membership,
            self._histories,
            self.unanswered,
            self._out,
            welcomed=self._welcomed,
            accepted=self._credentials.accepted,
        )

    @property
    def name(self) -> str | None:
        """Our name, as the server has said; before that, the name that we want."""
        return self._in.name

    @property
    def marks(self) -> Marks:
        """The keys of the names that the server has told us of."""
        return self._in.marks

    @property
    def features(self) -> frozenset[str]:
        """The features of the server, such as `rooms` and `private`."""
        return self._out.features

    @property
    def room(self) -> str | None:
        """Our current room, as the server has said."""
        return next(iter(self._membership.rooms), None)

    @property
    def rooms(self) -> list[str]:
        """All our rooms, as the server has said, the current one first."""
        return list(self._membership.rooms)

    @property
    def wanted(self) -> str | None:
        """The name that we asked for and that somebody else has."""
        return self._in.wish.name if self._in.wish.is_taken else None

    @property
    def is_settled(self) -> bool:
        """Whether all requests have been sent and confirmed."""
        return self._out.is_live and not self.unanswered

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is awaited any more, not even the history of a room."""
        return self.is_settled and not self._histories.is_reading

    # --- the connection

    def connected(self) -> list[events.ConversationEvent]:
        """There is a connection. A hello that proves who we are waits for the server's welcome."""
        if not self._credentials.needs_welcome:
            self._introduce(None)
        return self._out.taken()

    def _welcomed(self, welcome: messages.Welcome) -> None:
        if not self.is_introduced:
            self._introduce(welcome)

    def _introduce(self, welcome: messages.Welcome | None) -> None:
        self.is_introduced = True
        name, program, token = self._in.wish.name, f"PyLingo/{__version__}", self._in.token
        fields = self._credentials.hello(welcome)
        self._out.send(messages.Hello(PROTOCOL_VERSION, name, program, resume=token, id=HELLO_ID, **fields))

    def disconnected(self) -> None:
        self.is_introduced = False
        self._in.disconnected()
        self._out.disconnected()
        self._membership.disconnected()
        self._histories.disconnected()
        self.unanswered.disconnected()

    def received(self, record: Record) -> list[events.ConversationEvent]:
        """A frame came.

        Raises `ConnectionError` if the server does not answer a request for history, and `FinalError` if it does not
        let us in or we cannot prove who we are.
        """
        before = self.wanted
        self._in.received(record)
        if self.wanted != before:
            self._out.add(events.NameWanted(self.wanted))
        return self._out.taken()

    # --- requests of the person

    def say(
        self,
        text: str,
        key: str | None = None,
        room: str | None = None,
        to: str | None = None,
        action: bool = False,
    ) -> list[events.ConversationEvent]:
        """Say `text` in a room, by default the current one, or `to` a person, now or as soon as possible.

        An `action` is an emote. Raises `RequestError` if no server, or not this one, would accept it.
        """
        if room is not None and to is not None:
            raise RequestError("bad-argument", "a message is for a room or for a person, not for both")
        if to is not None and not to.strip():  # a server takes it as absent, and tells the whole room
            raise RequestError("bad-argument", "a private message needs a name: this one is empty")
        _check(text + (room or "") + (to or ""))
        message_text(text)
        return self._request(messages.Say(text, key or self._new_key(), room=room, to=to, action=action or None))

    def command(
        self, name: str, argument: str | None = None, room: str | None = None
    ) -> list[events.ConversationEvent]:
        """Send a command, now or as soon as possible. Raises `RequestError` if it cannot be sent.

        `/me` and `/msg` become messages with a key, so that they are said once.
        """
        _check(name + (argument or "") + (room or ""))
        command = messages.Command(name, argument, room=room)
        if (say := message_of(command)) is not None:
            return self.say(say.text, room=say.room, to=say.to, action=bool(say.action))
        if name == "users" and IDENTITY in self.features and self._out.is_live:
            self._out.query("who", None)  # its reply comes first and says who is verified
        return self._request(command)

    # --- requests of the program

    def claim(self) -> list[events.ConversationEvent]:
        """Ask again for the name that somebody else had."""
        self._in.claim()
        return self._out.taken()

    def query(self, name: str, room: str | None = None) -> list[events.ConversationEvent]:
        """Send a command of the program's own, which is lost with the connection. `QueryReply` events follow."""
        self._out.query(name, room)
        return self._out.taken()

    def page(self, request: messages.HistoryRequest) -> list[events.ConversationEvent]:
        """Request a page of a room's or a conversation's history. `PageReply` follows, unless the connection breaks.

        It has nothing to do with the pages that fill the gap after a reconnect, which come as `Received`.
        """
        self._out.page(request)
        return self._out.taken()

    def ping(self) -> list[events.ConversationEvent]:
        """Ping the server. `PongReceived` follows, unless the connection breaks or another ping is sent."""
        self._in.ping()
        return self._out.taken()

    def _request(self, request: messages.Say | messages.Command) -> list[events.ConversationEvent]:
        self._out.request(request)
        return self._out.taken()


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError("bad-text", "this was not sent: it has characters that are none in UTF-8") from None
