"""The frames of the server, and what they change: our name, our rooms, what is confirmed, what is shown. Pure.

`Outgoing` is the other direction. `Reading` handles the pages of histories.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from pylingo.client import events
from pylingo.client.features import IDENTITY, PRIVATE, ROOMS
from pylingo.client.histories import INBOX, Histories, place_of
from pylingo.client.membership import Membership
from pylingo.client.outgoing import Outgoing
from pylingo.client.people import Marks
from pylingo.client.reading import Reading
from pylingo.client.reconnect import HelloRefusedError
from pylingo.client.unanswered import Unanswered
from pylingo.client.wish import ABOUT_NAMES, KICKED, TAKEN, Wish
from pylingo.shared import messages
from pylingo.shared.names import fold
from pylingo.shared.schema import MAX_ID, Record

HELLO_ID = MAX_ID
"""The id of every hello. All others are small."""


class Incoming:
    """The other arguments belong to the conversation. `welcomed(welcome)` and `accepted()` tell it how a hello goes."""

    def __init__(
        self,
        name: str | None,
        membership: Membership,
        histories: Histories,
        unanswered: Unanswered,
        out: Outgoing,
        *,
        welcomed: Callable[[messages.Welcome], object],
        accepted: Callable[[], object],
    ) -> None:
        self.name = name
        """Our name, as the server has said; before that, the name that we want."""
        self.wish = Wish(name)
        self.marks = Marks()
        self.token = os.urandom(16).hex()
        """The token that resumes our session. Until the server gives one, it identifies a repeated hello."""
        self._membership = membership
        self._histories = histories
        self._unanswered = unanswered
        self._out = out
        self._welcomed = welcomed
        self._accepted = accepted
        self._reading = Reading(
            histories, out, unanswered, name=lambda: self.name, take=self._take, confirmed=self._confirm
        )
        self._had_session = False
        self._is_ready = False  # whether the server has answered the hello of this connection
        self._claim = 0  # the id of the request for the wished name, while it has no reply
        self._ping = 0  # the id of the latest ping, while it has no reply
        self._latest: messages.Away | None = None  # if it is the frame received last

    def disconnected(self) -> None:
        self._is_ready = False
        self._claim = self._ping = 0

    def claim(self) -> None:
        """Ask again for the name that somebody else had."""
        if self._out.is_live and self.wish.name is not None and self.wish.is_taken and not self._claim:
            self._claim = self._out.command(messages.Command("name", self.wish.name))

    def ping(self) -> None:
        """Ping the server. `PongReceived` follows, unless the connection breaks or another ping is sent."""
        self._ping = self._out.ping()

    def received(self, record: Record) -> None:
        """A frame came. One of a place whose history is being read is held back."""
        latest, self._latest = self._latest, record if isinstance(record, messages.Away) else None
        if latest is not None and record == latest:  # it comes once for each room that we share
            return
        if type(record) is not messages.Error:
            self._unanswered.command_answered(getattr(record, "re", None) or 0)
        reader = self._histories.reader_holding(record)
        if reader is not None:
            reader.hold(record)
        else:
            self._take(record)

    def _take(self, record: Record) -> None:
        if IDENTITY in self._out.features:
            for change in self.marks.note(record, self.name):
                self._out.add(change)
        if self._out.is_query_reply(record) or self._out.is_page_reply(record):
            return
        match record:
            case messages.Welcome():
                self._out.features = frozenset(record.features or ())
                self._out.show(record)
                self._welcomed(record)
            case messages.Ready():
                self._ready(record)
            case messages.Joined() if record.users is not None:
                self._joined(record)
            case messages.Left() if record.reason is None or self._is_kicked(record):
                self._left(record)
            case messages.Renamed() if record.room is None:
                self.name = record.new
                self.wish.chosen(record.new)
                self._claim = 0
                self._out.show(record)
            case messages.Message() | messages.Private():
                if self._histories[place_of(record) or ""].saw(record.at):
                    self._out.show(record)
            case messages.Skipped():
                self._reading.skipped(record)
            case messages.Sent():
                if record.key is None or self._unanswered.is_said(record.key):
                    self._confirm(record)
            case messages.HistoryPage():
                self._reading.page(record)
            case messages.Pong() if record.re == self._ping:
                self._ping = 0
                self._out.add(events.PongReceived())
            case messages.Error():
                self._error(record)
            case _:
                self._out.show(record)
        if self.wish.comes_free(record):
            self.claim()

    def _ready(self, ready: messages.Ready) -> None:
        has_inbox = ready.resumed or ready.identity is not None
        if ready.token != self.token:  # not our session, but one that began with a `ready` that was lost
            ready = replace(ready, resumed=False)
        self._out.show(ready)
        self._accepted()
        self.name, self.token = ready.name, ready.token
        self.wish.given(ready.name)
        if not ready.resumed:
            self._histories.new_inbox(ready.identity)
            for refused in self._unanswered.end_conversations() if self._had_session else []:
                self._out.refuse(refused)
        self._had_session = self._is_ready = True
        self._membership.ready(ready.rooms or ([ready.room] if ready.room is not None else []))
        for room in self._membership.rooms:
            self._reading.catch_up(fold(room))
        if has_inbox and PRIVATE in self._out.features:
            self._reading.catch_up(INBOX)
        for say in self._unanswered.again({*self._membership.places, INBOX}):
            self._out.send(say)
        if not self._out.enter_rooms():
            self._out.go_live()

    def _joined(self, joined: messages.Joined) -> None:
        self._out.show(joined)
        before = self._membership.places
        self._membership.joined(joined)
        self._histories.stop(before - self._membership.places)
        if fold(joined.room) not in before:
            self._reading.catch_up(fold(joined.room))
        self._go_live_if_entered()

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
            self._unanswered.confirm(sent.key)
        self._out.show(sent)
        place = INBOX if sent.room is None else fold(sent.room)
        if place in {*self._membership.places, INBOX}:
            self._reading.own_confirmed(place)

    def _error(self, error: messages.Error) -> None:
        number = error.re
        place = self._histories.answered(number)
        if place is not None:
            self._reading.refused(place, error)
        elif number == HELLO_ID and not self._is_ready:
            raise HelloRefusedError(error.code, error.text)
        elif number == HELLO_ID:
            self._out.show(error)
            if error.code in ABOUT_NAMES:
                self.wish.refused(error.code)
        elif number is not None and number == self._claim:
            if error.code != TAKEN:  # that it is still taken is no news
                self._out.show(error)
            self.wish.refused(error.code)
            self._claim = 0
        elif number is not None and (request := self._unanswered.answered(number)) is not None:
            self._out.refuse(events.Refused(request, error))
        else:
            self._out.show(error)
        if (room := self._membership.refused(number)) is not None:
            self._not_entered(room)

    def _not_entered(self, room: str) -> None:
        """We stay in our rooms. So do messages said after the refused join, unless they name the room."""
        if ROOMS not in self._out.features:
            self._unanswered.move(fold(room), fold(next(iter(self._membership.rooms), "")))
        self._go_live_if_entered()

    def _go_live_if_entered(self) -> None:
        if not self._out.is_live and not self._membership.is_entering:
            self._out.go_live()
