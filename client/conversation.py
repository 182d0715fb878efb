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
import os
from collections.abc import Callable, Mapping, Sequence

from pylingo.client import events
from pylingo.client.credentials import Credentials
from pylingo.client.features import IDENTITY, PRIVATE, ROOMS
from pylingo.client.histories import INBOX, Histories, place_of
from pylingo.client.membership import Membership
from pylingo.client.outgoing import Outgoing
from pylingo.client.people import Marks
from pylingo.client.reconnect import HelloRefusedError
from pylingo.client.unanswered import Unanswered, new_key
from pylingo.client.wish import ABOUT_NAMES, KICKED, TAKEN, Wish
from pylingo.shared import PROTOCOL_VERSION, __version__, messages
from pylingo.shared.commands import message_of
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.schema import MAX_ID, Record
from pylingo.shared.text import message_text

_LAST_STAMP = 2**63 - 1
_HELLO = MAX_ID  # the id of every hello; all others are small


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
        self.name = name
        """Our name, as the server has said; before that, the name that we want."""
        self.is_introduced = False
        """Whether the hello has been sent on this connection."""
        self._ids = itertools.count(1)
        self._wish = Wish(name)
        self._claim = 0  # the id of the request for the wished name, while it has no reply
        self._ping = 0  # the id of the latest ping, while it has no reply
        self._new_key = new_key
        self._token = os.urandom(16).hex()  # until the server gives one; it identifies a repeated hello
        self._credentials = credentials or Credentials()
        self._had_session = False
        self._is_ready = False  # whether the server has answered the hello of this connection
        self._latest: Record | None = None  # the frame received last
        self.unanswered = Unanswered()
        """The requests that wait to be sent, confirmed or answered."""
        self._membership = Membership([*([room] if room else []), *rooms])
        self.marks = Marks()
        """Whose name belongs to which key."""
        self._histories = Histories(self._ids, seen or {}, lambda: self._membership.places)
        self._out = Outgoing(self._ids, self._membership, self._histories, self.unanswered)

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
        return self._wish.name if self._wish.is_taken else None

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

    def _introduce(self, welcome: messages.Welcome | None) -> None:
        self.is_introduced = True
        fields = self._credentials.hello(welcome)
        program = f"PyLingo/{__version__}"
        self._out.send(
            messages.Hello(PROTOCOL_VERSION, self._wish.name, program, resume=self._token, id=_HELLO, **fields)
        )

    def disconnected(self) -> None:
        self.is_introduced = self._is_ready = False
        self._claim = self._ping = 0
        self._out.disconnected()
        self._membership.disconnected()
        self._histories.disconnected()
        self.unanswered.disconnected()

    def received(self, record: Record) -> list[events.ConversationEvent]:
        """A frame came.

        Raises `ConnectionError` if the server does not answer a request for history, and `FinalError` if it does not
        let us in or we cannot prove who we are.
        """
        before, latest, self._latest = self.wanted, self._latest, record
        if type(record) is messages.Away and record == latest:  # it comes once for each room that we share
            return []
        if type(record) is not messages.Error:
            self.unanswered.command_answered(getattr(record, "re", None) or 0)
        reader = self._histories.reader_holding(record)
        if reader is not None:
            reader.hold(record)
        else:
            self._take(record)
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
        self._send_claim()
        return self._out.taken()

    def query(self, name: str, room: str | None = None) -> list[events.ConversationEvent]:
        """Send a command of the program's own, which is lost with the connection. `QueryReply` events follow."""
        self._out.query(name, room)
        return self._out.taken()

    def ping(self) -> list[events.ConversationEvent]:
        """Ping the server. `PongReceived` follows, unless the connection breaks or another ping is sent."""
        self._ping = next(self._ids)
        self._out.send(messages.PingRequest(self._ping))
        return self._out.taken()

    # --- sending

    def _request(self, request: messages.Say | messages.Command) -> list[events.ConversationEvent]:
        self._out.request(request)
        return self._out.taken()

    def _send_claim(self) -> None:
        if self._out.is_live and self.wanted is not None and not self._claim:
            self._claim = self._out.command(messages.Command("name", self.wanted))

    # --- receiving

    def _take(self, record: Record) -> None:
        if IDENTITY in self.features:
            for change in self.marks.note(record, self.name):
                self._out.add(change)
        if self._out.is_query_reply(record):
            return
        number = getattr(record, "re", None)
        match record:
            case messages.Welcome():
                self._out.features = frozenset(record.features or ())
                self._out.show(record)
                if not self.is_introduced:
                    self._introduce(record)
            case messages.Ready():
                self._ready(record)
            case messages.Joined() if record.users is not None:
                self._joined(record)
            case messages.Left() if record.reason is None or self._is_kicked(record):
                self._left(record)
            case messages.Renamed() if record.room is None:
                self.name = record.new
                self._wish.chosen(record.new)
                self._claim = 0
                self._out.show(record)
            case messages.Message() | messages.Private():
                if self._histories[place_of(record) or ""].saw(record.at):
                    self._out.show(record)
            case messages.Skipped():
                self._skipped(record)
            case messages.Sent():
                if record.key is None or self.unanswered.is_said(record.key):
                    self._confirm(record)
            case messages.HistoryPage():
                place = self._histories.answered(number)
                if place is not None and self._histories[place].is_awaited(number):
                    self._page(place, record)
            case messages.Pong() if number == self._ping:
                self._ping = 0
                self._out.add(events.PongReceived())
            case messages.Error():
                self._error(record)
            case _:
                self._out.show(record)
        if self._wish.comes_free(record):
            self._send_claim()

    def _ready(self, ready: messages.Ready) -> None:
        self._out.show(ready)
        self._credentials.accepted()
        self.name, self._token = ready.name, ready.token
        self._wish.given(ready.name)
        if not ready.resumed:
            self._histories.new_inbox(ready.identity)
            for refused in self.unanswered.end_conversations() if self._had_session else []:
                self._out.refuse(refused)
        self._had_session = self._is_ready = True
        self._membership.ready(ready.rooms or ([ready.room] if ready.room is not None else []))
        for room in self.rooms:
            self._catch_up(fold(room))
        if (ready.resumed or ready.identity is not None) and PRIVATE in self.features:
            self._catch_up(INBOX)
        for say in self.unanswered.again({*self._membership.places, INBOX}):
            self._out.send(say)
        if not self._out.enter_rooms():
            self._out.go_live()

    def _joined(self, joined: messages.Joined) -> None:
        self._out.show(joined)
        before = self._membership.places
        self._membership.joined(joined)
        self._histories.stop(before - self._membership.places)
        if fold(joined.room) not in before:
            self._catch_up(fold(joined.room))
        if not self._out.is_live and not self._membership.is_entering:
            self._out.go_live()

    def _left(self, left: messages.Left) -> None:
        self._out.show(left)
        self._histories.stop({fold(left.room)})
        if left.reason is None:
            self._membership.left(left.room, left.current, left.re)
        else:
            self._membership.removed(left.room, left.current)

    def _is_kicked(self, left: messages.Left) -> bool:
        return left.reason == KICKED and self.name is not None and fold(left.name) == fold(self.name)

    def _confirm(self, sent: messages.Sent) -> None:
        if sent.key is not None:
            self.unanswered.confirm(sent.key)
        self._out.show(sent)
        place = INBOX if sent.room is None else fold(sent.room)
        if place in {*self._membership.places, INBOX}:
            request = self._histories[place].confirmed_own()
            if request is not None:
                self._out.ask(place, request)

    def _error(self, error: messages.Error) -> None:
        number = error.re
        place = self._histories.answered(number)
        if place is not None:
            if self._histories[place].is_awaited(number):  # there is no history: go on with the live frames
                self._out.show(error)
                self._release(place)
        elif number == _HELLO and not self._is_ready:
            raise HelloRefusedError(error.code, error.text)
        elif number == _HELLO:
            self._out.show(error)
            if error.code in ABOUT_NAMES:
                self._wish.refused(error.code)
        elif number is not None and number == self._claim:
            if error.code != TAKEN:  # that it is still taken is no news
                self._out.show(error)
            self._wish.refused(error.code)
            self._claim = 0
        elif number is not None and (request := self.unanswered.answered(number)) is not None:
            self._out.refuse(events.Refused(request, error))
        else:
            self._out.show(error)
        if (room := self._membership.refused(number)) is not None:
            self._not_entered(room)

    def _not_entered(self, room: str) -> None:
        """We stay in our rooms. So do messages said after the refused join, unless they name the room."""
        if ROOMS not in self.features:
            self.unanswered.move(fold(room), fold(self.room or ""))
        if not self._out.is_live and not self._membership.is_entering:
            self._out.go_live()

    # --- reading history

    def _catch_up(self, place: str) -> None:
        """Fetch the messages of a place that were not seen; of a new room, the newest messages."""
        self._out.ask(place, self._histories[place].catch_up(self.unanswered.seen_before(place)))

    def _skipped(self, skipped: messages.Skipped) -> None:
        place = place_of(skipped) or INBOX
        self._out.add(events.FramesMissed(skipped.room))
        self._out.ask(place, self._histories[place].start(skipped.after, min(skipped.until + 1, _LAST_STAMP)))

    def _page(self, place: str, page: messages.HistoryPage) -> None:
        reader = self._histories[place]
        if (request := reader.request_since_join(page)) is not None:
            self._out.ask(place, request)
            return
        is_news = reader.is_catching_up
        for entry, is_new in reader.entries(page):
            if entry.key is not None and self.unanswered.is_said(entry.key):
                self._confirm(messages.Sent(page.room, entry.at, key=entry.key, to=entry.to))
            elif is_new and not self.unanswered.is_mine(entry.key):
                self._out.show(self._as_live(page, entry), is_news)
        if (seen := reader.context_shown()) is not None:
            self._out.add(events.NewSince(page.room or place, seen))
            request = reader.start(seen)
        else:
            request = reader.request_next(page)
        if request is not None:
            self._out.ask(place, request)
        else:
            self._release(place)

    def _as_live(self, page: messages.HistoryPage, entry: messages.Entry) -> Record:
        """The frame that an entry of the history would have been if it had come live."""
        if page.room is None:
            to = entry.to or self.name or ""
            who = entry.fingerprint, entry.operator
            return messages.Private(entry.from_, to, entry.text, entry.at, entry.action, *who)
        return messages.Message(page.room, entry.from_, entry.text, entry.at, entry.action)

    def _release(self, place: str) -> None:
        """The history is read: handle the frames that were held back."""
        reader = self._histories[place]
        for record in reader.stop():
            if reader.is_reading:  # one before it was a gap, so it waits for the messages that fill that
                reader.hold(record)
            else:
                self._take(record)


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError("bad-text", "this was not sent: it has characters that are none in UTF-8") from None
