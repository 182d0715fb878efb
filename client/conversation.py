"""A client's side of the conversation, over as many connections as it takes. Pure: no sockets, no clock.

`Conversation` is told of connections, of frames from the server and of what the person does. Each method returns typed
events: frames to send, frames to show, refusals (see `events`). It owns the ids of all requests.

After a connection broke, the next one resumes the session if the server still knows it; otherwise it returns by name
and room. The room's history then fills the gap, messages that were seen before are dropped, and requests without a
reply are sent again. The key of each `say` lets the server recognise a repetition. So a person, or a bot, sees every
message of its room once and in order.
"""

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pylingo.client import events
from pylingo.client.history_reader import HistoryReader
from pylingo.client.unanswered import Unanswered
from pylingo.client.wish import TAKEN, Wish
from pylingo.shared import PROTOCOL_VERSION, __version__, messages
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.schema import MAX_ID, Record
from pylingo.shared.text import message_text

_LAST_STAMP = 2**63 - 1
_HELLO = MAX_ID  # the id of every hello; all others are small
_ROOM_FRAMES = (messages.Message, messages.Joined, messages.Left, messages.Renamed, messages.Skipped)


class Conversation:
    """See the module. `new_key` makes the keys of messages; by default they are random.

    `room` is the current room wanted, `rooms` are further ones. `seen` maps compared room names to the newest stamp
    that was seen in an earlier run.
    """

    def __init__(
        self,
        name: str | None,
        room: str | None,
        new_key: Callable[[], str] = lambda: secrets.token_hex(8),
        *,
        rooms: Sequence[str] = (),
        seen: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        """Our name, as the server has said; before that, the name that we want."""
        self.room: str | None = None
        """Our current room, as the server has said."""
        self.rooms: list[str] = []
        """All our rooms, the current one first."""
        self.features: frozenset[str] = frozenset()
        """The features of the server, such as `rooms` and `private`."""
        self._events: list[events.ConversationEvent] = []  # of the call that is under way
        self._ids = itertools.count(1)
        self._wish = Wish(name)
        self._claim = 0  # the id of the request for the wished name, while it has no reply
        self._goal = room  # the room asked for last, whether the server has replied or not
        self._joining = 0  # the id of the join, while it has no reply
        self._ping = 0  # the id of the latest ping, while it has no reply
        self._queries: dict[int, str] = {}  # names of queries without a last reply, by id
        self._new_key = new_key
        self._token = secrets.token_hex(16)  # until the server gives one; it identifies a repeated hello
        self._live = False  # whether requests can be sent at once
        self.unanswered = Unanswered()
        """The requests that wait to be sent, confirmed or answered."""
        self._reader = HistoryReader(self._ids)

    @property
    def wanted(self) -> str | None:
        """The name that we asked for and that somebody else has."""
        return self._wish.name if self._wish.is_taken else None

    @property
    def is_settled(self) -> bool:
        """Whether all requests have been sent and confirmed."""
        return self._live and not self.unanswered

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is awaited any more, not even the room's history."""
        return self.is_settled and not self._reader.is_reading

    # --- the connection

    def connected(self) -> list[events.ConversationEvent]:
        program = f"PyLingo/{__version__}"
        self._send(messages.Hello(PROTOCOL_VERSION, self._wish.name, program, resume=self._token, id=_HELLO))
        return self._result()

    def disconnected(self) -> None:
        self._live = False
        self._claim = self._ping = 0
        self._queries.clear()
        self._reader.disconnected()

    def received(self, record: Record) -> list[events.ConversationEvent]:
        """A frame came. Raises `ConnectionError` if the server does not answer a request for history."""
        before = self.wanted
        if type(record) is not messages.Error:
            self.unanswered.command_answered(getattr(record, "re", None) or 0)
        if self._reader.is_reading and isinstance(record, _ROOM_FRAMES) and not _is_own(record):
            self._reader.hold(record)
        else:
            self._take(record)
        if self.wanted != before:
            self._events.append(events.NameWanted(self.wanted))
        return self._result()

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
        _check(text)
        message_text(text)
        return self._request(messages.Say(text, key or self._new_key(), room=room, to=to, action=action or None))

    def command(
        self, name: str, argument: str | None = None, room: str | None = None
    ) -> list[events.ConversationEvent]:
        """Send a command, now or as soon as possible. Raises `RequestError` if it cannot be sent."""
        _check(name + (argument or ""))
        return self._request(messages.Command(name, argument, room=room))

    # --- requests of the program

    def claim(self) -> list[events.ConversationEvent]:
        """Ask again for the name that somebody else had."""
        self._send_claim()
        return self._result()

    def query(self, name: str, room: str | None = None) -> list[events.ConversationEvent]:
        """Send a command of the program's own, which is lost with the connection. `QueryReply` events follow."""
        number = next(self._ids)
        self._queries[number] = name
        self._send(messages.Command(name, id=number, room=room))
        return self._result()

    def ping(self) -> list[events.ConversationEvent]:
        """Ping the server. `PongReceived` follows, unless the connection breaks or another ping is sent."""
        self._ping = next(self._ids)
        self._send(messages.PingRequest(self._ping))
        return self._result()

    # --- events

    def _send(self, record: Record) -> None:
        self._events.append(events.Send(record))

    def _show(self, record: Record) -> None:
        self._events.append(events.Received(record))

    def _refuse(self, refused: events.Refused) -> None:
        self._show(refused.error)
        self._events.append(refused)

    def _result(self) -> list[events.ConversationEvent]:
        made, self._events = self._events, []
        return made

    # --- sending

    def _request(self, request: messages.Say | messages.Command) -> list[events.ConversationEvent]:
        if self._live:
            self._send_request(request)
        else:
            self.unanswered.waiting.append(request)
        return self._result()

    def _send_request(self, request: messages.Say | messages.Command) -> None:
        number = next(self._ids)
        request = replace(request, id=number)
        room = fold(self._goal or "")
        self.unanswered.sent(request, room, self._reader.newest(room) or 0)
        self._send(request)
        match request:
            case messages.Command("join", str(room)):
                self._set_goal(room, number)
            case messages.Command("leave", None | ""):  # with an argument it is refused
                self._goal = None

    def _send_claim(self) -> None:
        if self._live and self.wanted is not None and not self._claim:
            self._claim = next(self._ids)
            self._send(messages.Command("name", self.wanted, self._claim))

    def _set_goal(self, room: str, number: int) -> None:
        self._goal = room.strip().removeprefix("#")
        self._joining = number

    # --- receiving

    def _take(self, record: Record) -> None:
        number = getattr(record, "re", None)
        if number in self._queries:
            is_last = not getattr(record, "more", False)
            name = self._queries.pop(number) if is_last else self._queries[number]
            self._events.append(events.QueryReply(name, record, is_last))
            return
        match record:
            case messages.Welcome():
                self.features = frozenset(record.features or ())
                self._show(record)
            case messages.Ready():
                self._ready(record)
            case messages.Joined() if record.users is not None:
                self._joined(record)
            case messages.Left() if record.reason is None:
                self.room, self.rooms = None, []
                self._reader.stop()
                self._show(record)
            case messages.Renamed() if record.room is None:
                self.name = record.new
                self._wish.chosen(record.new)
                self._claim = 0
                self._show(record)
            case messages.Message():
                if self._reader.saw(fold(record.room), record.at):
                    self._show(record)
            case messages.Skipped():
                self._events.append(events.FramesMissed())
                self._send(self._reader.start(record.after, min(record.until + 1, _LAST_STAMP)))
            case messages.Sent():
                if record.key is None or self.unanswered.is_said(record.key):
                    self._confirm(record)
            case messages.HistoryPage():
                if self._reader.is_awaited(number):
                    self._page(record)
            case messages.Pong() if number == self._ping:
                self._ping = 0
                self._events.append(events.PongReceived())
            case messages.Error():
                self._error(record)
            case _:
                self._show(record)
        if self._wish.comes_free(record):
            self._send_claim()

    def _ready(self, ready: messages.Ready) -> None:
        self._show(ready)
        self.name, self.room, self._token = ready.name, ready.room, ready.token
        self.rooms = ready.rooms or [ready.room] if ready.room is not None else []
        self._wish.given(ready.name)
        goal = self._goal
        if goal and (self.room is None or fold(self.room) != fold(goal)):
            self._set_goal(goal, next(self._ids))
            self._send(messages.Command("join", goal, self._joining))
            return
        if self.room is not None:
            self._catch_up(self.room)
            if self._goal is None:  # a leave was lost with the connection
                self.unanswered.waiting.insert(0, messages.Command("leave"))
        self._go_live()

    def _joined(self, joined: messages.Joined) -> None:
        self._show(joined)
        self.room, self.rooms = joined.room, [joined.room]
        if joined.re is None or joined.re == self._joining:
            self._joining = 0
            self._goal = joined.room
        self._reader.stop()
        self._catch_up(joined.room)
        if not self._live and not self._joining:
            self._go_live()

    def _go_live(self) -> None:
        """Repeat unconfirmed messages and unanswered commands, then send the requests that waited."""
        self._live = True
        again, anew, unknown = self.unanswered.after_return(fold(self.room or ""))
        for say in again:
            self._send(say)
        for refused in unknown:
            self._refuse(refused)
        for request in anew:
            self._send_request(request)

    def _confirm(self, sent: messages.Sent) -> None:
        if sent.key is not None:
            self.unanswered.confirm(sent.key)
        self._show(sent)
        if self.room is not None and (request := self._reader.confirmed_own(fold(self.room))) is not None:
            self._send(request)

    def _error(self, error: messages.Error) -> None:
        number = error.re
        if number in (_HELLO, self._claim):
            if number == _HELLO or error.code != TAKEN:  # that it is still taken is no news
                self._show(error)
            self._wish.refused(error.code)
            self._claim = 0
        elif number is not None and (request := self.unanswered.answered(number)) is not None:
            self._refuse(events.Refused(request, error))
        else:
            self._show(error)
        if self._reader.is_awaited(number):  # there is no history: go on with the live frames
            self._release()
        elif number == self._joining:
            self._refused_room()

    def _refused_room(self) -> None:
        """We stay in our room; so do messages said after the refused join."""
        wrong, here = fold(self._goal or ""), fold(self.room or "")
        self._joining = 0
        self._goal = self.room
        self.unanswered.move(wrong, here)
        if not self._live:
            if self.room is not None:
                self._catch_up(self.room)
            self._go_live()

    # --- reading history

    def _catch_up(self, room: str) -> None:
        """Fetch the messages of a room that were not seen; of a new room, the newest messages."""
        since = self._reader.newest(fold(room))
        if since is not None:  # include own messages that may have arrived
            since = min([since, *self.unanswered.seen_before(fold(room))])
        self._send(self._reader.start(since))

    def _page(self, page: messages.HistoryPage) -> None:
        if (request := self._reader.request_since_join(page)) is not None:
            self._send(request)
            return
        for entry, is_new in self._reader.entries(page):
            if entry.key is not None and self.unanswered.is_said(entry.key):
                self._confirm(messages.Sent(page.room, entry.at, key=entry.key))
            elif is_new and not self.unanswered.is_mine(entry.key):
                self._show(messages.Message(page.room or "", entry.from_, entry.text, entry.at))
        if (request := self._reader.request_next(page)) is not None:
            self._send(request)
        else:
            self._release()

    def _release(self) -> None:
        """The history is read: handle the frames that were held back."""
        for record in self._reader.stop():
            if self._reader.is_reading:  # one before it was a gap, so it waits for the messages that fill that
                self._reader.hold(record)
            else:
                self._take(record)


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError("bad-text", "this was not sent: it has characters that are none in UTF-8") from None


def _is_own(record: Record) -> bool:
    """Whether a frame about a room is the reply to a request of ours."""
    match record:
        case messages.Joined(users=int()) | messages.Left(reason=None) | messages.Renamed(room=None):
            return True
    return False
