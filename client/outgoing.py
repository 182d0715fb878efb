"""The requests of a conversation on their way to the server, among the other events that it makes. Pure.

A request gets its id and its room here. Those of the person wait while there is no session, and are then sent in the
order in which they were made. A request that the server has no feature for is refused instead.
"""

from collections.abc import Iterator
from dataclasses import replace

from pylingo.client import events
from pylingo.client.features import ROOMS, check_supported
from pylingo.client.histories import INBOX, Histories
from pylingo.client.membership import MOST_ROOMS, Membership, bare
from pylingo.client.unanswered import Unanswered
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Error, HistoryRequest, PingRequest, Say
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_WORDS, quote


class Outgoing:
    """`ids` gives the ids of requests. The other arguments belong to the conversation."""

    def __init__(
        self, ids: Iterator[int], membership: Membership, histories: Histories, unanswered: Unanswered
    ) -> None:
        self.features: frozenset[str] = frozenset()
        """The features of the server."""
        self.is_live = False
        """Whether the requests of the person are sent at once."""
        self._ids = ids
        self._membership = membership
        self._histories = histories
        self._unanswered = unanswered
        self._queries: dict[int, str] = {}  # names of queries without a last reply, by id
        self._pages: dict[int, HistoryRequest] = {}  # requests of the program for pages, by id
        self._events: list[events.ConversationEvent] = []  # of the step that is under way

    # --- events

    def send(self, record: Record) -> None:
        self._events.append(events.Send(record))

    def show(self, record: Record, is_news: bool = True) -> None:
        self._events.append(events.Received(record, is_news))

    def add(self, event: events.ConversationEvent) -> None:
        self._events.append(event)

    def refuse(self, refused: events.Refused) -> None:
        self.show(refused.error)
        self._events.append(refused)

    def taken(self) -> list[events.ConversationEvent]:
        """The events of this step."""
        made, self._events = self._events, []
        return made

    # --- requests of the person

    def request(self, request: Say | Command) -> None:
        """Send a request now or as soon as possible. Raises `RequestError` if the server lacks a feature for it."""
        if self.is_live:
            self._send_request(request)
        else:
            self._unanswered.waiting.append(request)

    def go_live(self) -> None:
        """Repeat unconfirmed messages and unanswered commands, then send the requests that waited."""
        self.is_live = True
        leaving = self._membership.restored()
        for say in self._unanswered.again(self._membership.places):
            self.send(say)
        anew, unknown = self._unanswered.after_return()
        for refused in unknown:
            self.refuse(refused)
        for request in (*leaving, *anew):
            try:
                self._send_request(request)
            except RequestError as error:
                self.refuse(events.Refused(request, Error(error.reason, error.text)))

    def _send_request(self, request: Say | Command) -> None:
        request = replace(self._addressed(request), id=next(self._ids))
        match request:
            case Say(to=str()):
                self._unanswered.said(request, INBOX, self._histories.newest(INBOX))
            case Say():
                place = fold(request.room or self._membership.wanted_current or "")
                self._unanswered.said(request, place, self._histories.newest(place))
            case Command():
                self._unanswered.commanded(request)
                self._membership.sent(request)
        self.send(request)

    def _addressed[Request: Say | Command](self, request: Request) -> Request:
        """Add the room to a message, or take it away from a request to a server that has no several rooms.

        Raises `RequestError` if the server lacks a feature for the request.
        """
        current = self._membership.wanted_current
        check_supported(request, self.features, current)
        missing = self._membership.missing
        names_none = isinstance(request, Say) and request.room is None and request.to is None
        if names_none and missing is not None and current is not None:
            words = f"{quote(missing)} could not be entered, so this was not sent: name a room, or enter one"
            raise RequestError("no-room", words)
        if ROOMS not in self.features:
            return replace(request, room=None)
        if isinstance(request, Say) and request.to is None:
            return replace(request, room=bare(request.room) or current)
        return request

    # --- requests of the program

    def command(self, command: Command) -> int:
        """Send a command that is not the person's. Returns its id."""
        number = next(self._ids)
        self.send(replace(command, id=number))
        return number

    def ping(self) -> int:
        """Send a ping. Returns its id."""
        number = next(self._ids)
        self.send(PingRequest(number))
        return number

    def enter_rooms(self) -> bool:
        """Enter the rooms that a new connection has to enter again. Returns whether there are any."""
        if ROOMS in self.features and (surplus := self._membership.drop_surplus()):
            words = f"you can be in {MOST_ROOMS} rooms at a time; not entered: {', '.join(surplus)}"
            self.show(Error("too-many-rooms", words[:MAX_WORDS]))
        entering = self._membership.restoration(self.features)
        for command in entering:
            self._membership.entered(replace(command, id=self.command(command)))
        return bool(entering)

    def query(self, name: str, room: str | None) -> None:
        """Send a command whose replies become `QueryReply` events, unless the connection breaks."""
        try:
            self._queries[self.command(self._addressed(Command(name, room=room)))] = name
        except RequestError as error:
            self.add(events.QueryReply(name, Error(error.reason, error.text), True))

    def is_query_reply(self, record: Record) -> bool:
        """Make the event for a reply to a query; False for any other frame."""
        number = getattr(record, "re", None)
        if number not in self._queries:
            return False
        is_last = not getattr(record, "more", False)
        name = self._queries.pop(number) if is_last else self._queries[number]
        self.add(events.QueryReply(name, record, is_last))
        return True

    def page(self, request: HistoryRequest) -> None:
        """Request a page for the program. Its reply becomes a `PageReply` event, unless the connection breaks."""
        number = next(self._ids)
        self._pages[number] = request
        room = request.room if ROOMS in self.features else None
        self.send(replace(request, id=number, room=room))

    def is_page_reply(self, record: Record) -> bool:
        """Make the event for a reply to `page`; False for any other frame."""
        request = self._pages.pop(getattr(record, "re", None) or 0, None)
        if request is not None:
            self.add(events.PageReply(request, record))
        return request is not None

    def ask(self, place: str, request: HistoryRequest) -> None:
        """Request a page of a place's history."""
        if place == INBOX:
            request = replace(request, inbox=True)
        elif ROOMS in self.features:
            room = next((room for room in self._membership.rooms if fold(room) == place), place)
            request = replace(request, room=room)
        self._histories.asked(place, request)
        self.send(request)

    def disconnected(self) -> None:
        self.is_live = False
        self._queries.clear()
        self._pages.clear()
