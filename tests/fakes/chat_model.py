"""A model of the chat: what the server does with each request, in dicts and lists.

The model has no ticks, no buffers and no slow readers: it says who is to get which frame, in `Device.dues`. Where a
request has two mistakes, it refuses the same one as the server.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from pylingo.shared.errors import RequestError
from pylingo.shared.messages import (
    Away,
    Command,
    Entry,
    Error,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    People,
    PersonDetails,
    PersonInfo,
    PingRequest,
    Pong,
    Private,
    Ready,
    Renamed,
    RoomInfo,
    Rooms,
    Say,
    Sent,
    Topic,
    Users,
    Welcome,
)
from pylingo.shared.names import fold, room_name, user_name
from pylingo.shared.schema import Record
from pylingo.shared.search import parse_search
from pylingo.shared.text import MAX_LINE, message_text, without_controls
from tests.fakes.chat import NOON
from tests.fakes.dues import Source
from tests.fakes.somebody import Device, ModelRoom, Somebody

OLD = "old"
"""The disk is asked for keys that begin so. It knows none of them."""
KEEP_SEAT = ("lost", "idle", "stalled", "frame-timeout")


type Log = str | Somebody | frozenset[Somebody]
"""The key of a history: of a room, an inbox or a conversation."""


class Model:
    """Everybody, the rooms, and what was said. `most_rooms` is the bound for one session."""

    def __init__(self, most_rooms: int, grace: float) -> None:
        self.now = NOON
        self.seconds = 0.0
        self.newest = 0
        self.people: list[Somebody] = []
        self.rooms: dict[str, ModelRoom] = {}
        self.topics: dict[str, tuple[str, str, int]] = {}
        self.operators: dict[str, set[Somebody]] = {}
        """Those of each room, by its key: who came when it was empty and had no log."""
        self.logs: dict[Log, list[Entry]] = defaultdict(list)
        self.said: dict[tuple[Log, str, Somebody | str], int] = {}
        """The stamps of messages with a key, by session and by name."""
        self.claims: dict[Any, Somebody] = {}
        self.seats: dict[Somebody, float] = {}
        """The seats that are kept, and until when."""
        self.questions: list[tuple[Somebody, ModelRoom | Somebody, Callable[[int | None], None]]] = []
        """The messages whose key is looked up on disk. The requests behind them wait."""
        self._most_rooms = most_rooms
        self._grace = grace
        self._devices = itertools.count(1)

    @property
    def devices(self) -> list[Device]:
        """Those that somebody uses."""
        return [one.device for one in self.people if one.device is not None]

    # --- connections

    def connect(self) -> Device:
        number = next(self._devices)
        one = Somebody(f"guest-{number}", self.now)
        one.device = Device(number, one)
        self.people.append(one)
        one.device.dues.answer(Welcome(0, "", one.name, None))
        return one.device

    def ask(self, device: Device, request: Any, resume: Any = None) -> None:
        """Handle a request. `resume` is the token in a `hello`, or the session that it was issued to."""
        one = device.somebody
        if one is None:
            return
        if one.is_busy:
            device.held.append((request, resume))
            return
        try:
            match request:
                case Hello():
                    self._hello(one, device, request, resume)
                case Command():
                    self._command(one, device, request)
                case Say():
                    self._say(one, device, request)
                case HistoryRequest():
                    self._history(one, device, request)
                case PingRequest():
                    device.dues.answer(Pong(request.id))
        except RequestError as error:
            device.dues.answer(Error(error.reason, "", request.id))

    def end(self, device: Device, reason: str, re: int | None = None) -> None:
        """The connection ends. Only `lost` has no goodbye."""
        one = device.somebody
        if one is None:
            return
        leaves = one.sources
        if one.is_ready and reason in KEEP_SEAT:
            leaves = frozenset()
            self.seats[one] = self.seconds + self._grace
        else:
            self._end_session(one, reason)
        if reason != "lost":
            device.dues.answer(Goodbye(reason, "", re), leaves)
        device.somebody = one.device = None

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        for one in [one for one, until in self.seats.items() if until <= self.seconds]:
            del self.seats[one]
            self._end_session(one, "lost")

    def shut_down(self) -> None:
        """The server stops. Rooms get no `left`."""
        for device in self.devices:
            device.dues.answer(Goodbye("shutdown", ""))
            device.somebody = None
        self.people = []

    def _end_session(self, one: Somebody, reason: str) -> None:
        while one.rooms:
            self._leave(one, one.rooms[0], reason)
        self.people.remove(one)
        self.claims = {token: other for token, other in self.claims.items() if other is not one}
        one.is_over = True

    # --- hello

    def _hello(self, one: Somebody, device: Device, hello: Hello, token: Any) -> None:
        if one.is_ready:
            raise RequestError("already-ready", "")
        name = refused = None
        try:
            name = user_name(hello.name) if hello.name is not None else None
        except RequestError as error:
            refused = error.reason
        seat = self._seat(token, name)
        if seat is not None:
            self._resume(one, device, seat, hello.id)
            return
        one.is_ready = True
        if isinstance(token, Somebody) or (token is not None and len(token) == 32):
            self.claims.setdefault(token, one)
        if name is not None:
            try:
                self._rename(one, name)
            except RequestError as error:
                refused = error.reason
        self._answer_ready(one, device, False, hello.id)
        if refused is not None:
            device.dues.answer(Error(refused, "", hello.id))

    def _seat(self, token: Any, name: str | None) -> Somebody | None:
        if isinstance(token, Somebody) and not token.is_over:
            return token
        claimed = self.claims.get(token)
        if claimed is not None and claimed.device is None and name is not None and fold(name) == fold(claimed.name):
            return claimed
        return None

    def _resume(self, one: Somebody, device: Device, seat: Somebody, re: int | None) -> None:
        leaves = one.sources
        self._end_session(one, "moved")
        if seat.device is not None:
            seat.device.dues.answer(Goodbye("replaced", ""))
            seat.device.somebody = None
        self.seats.pop(seat, None)
        device.somebody, seat.device = seat, device
        self._answer_ready(seat, device, True, re, leaves)

    def _answer_ready(
        self, one: Somebody, device: Device, resumed: bool, re: int | None, leaves: frozenset[Source] = frozenset()
    ) -> None:
        rooms = [room.name for room in one.rooms]
        device.dues.answer(Ready(one.name, one.current, "", resumed, re, rooms, None, False), leaves)

    # --- rooms

    def _tell(self, room: ModelRoom, record: Record, but: Somebody) -> None:
        for other in room.members:
            if other is not but and other.device is not None:
                other.device.dues.hear(room, record)

    def _leave(self, one: Somebody, room: ModelRoom, reason: str) -> None:
        self._tell(room, Left(room.name, one.name, reason), one)
        one.rooms.remove(room)
        room.members.remove(one)
        if not room.members:
            del self.rooms[room.key]

    def _enter(
        self, one: Somebody, device: Device, name: str, re: int | None, leaves: frozenset[Source] = frozenset()
    ) -> None:
        if fold(name) not in self.rooms and not self.logs.get(fold(name)):
            self.operators[fold(name)] = {one}
        room = self.rooms.setdefault(fold(name), ModelRoom(name))
        is_operator = one in self.operators.get(room.key, ()) or None
        if room in one.rooms:
            one.rooms.remove(room)
        else:
            room.members.append(one)
            self._tell(room, Joined(room.name, one.name, room_operator=is_operator), one)
        one.rooms.insert(0, room)
        device.dues.answer(Joined(room.name, one.name, len(room.members), re, room_operator=is_operator), leaves)
        if room.key in self.topics:
            device.dues.answer(Topic(room.name, *self.topics[room.key]))

    def _topic(self, one: Somebody, room: ModelRoom, text: str, re: int | None) -> Topic:
        if not text:
            return Topic(room.name, *self.topics.get(room.key, (None, None, None)), re)
        new = None if text == "-" else _one_line(text)
        at = self._stamp()
        if new is None:
            self.topics.pop(room.key, None)
        else:
            self.topics[room.key] = new, one.name, at
        self._tell(room, Topic(room.name, new, one.name, at), one)
        return Topic(room.name, new, one.name, at, re)

    # --- people

    def _rename(self, one: Somebody, new: str) -> None:
        if any(fold(other.name) == fold(new) for other in self.people if other is not one):
            raise RequestError("name-taken", "")
        if new != one.name:
            for room in one.rooms:
                self._tell(room, Renamed(one.name, new, room.name), one)
            one.name = new

    def _be_away(self, one: Somebody, text: str | None) -> None:
        if text != one.away:
            one.away = text
            for room in one.rooms:
                self._tell(room, Away(one.name, text), one)

    def _find(self, name: str) -> Somebody:
        for other in self.people:
            if fold(other.name) == fold(name.strip()):
                return other
        raise RequestError("no-such-user", "")

    def _partner(self, one: Somebody, name: str) -> Somebody:
        other = self._find(name)
        if other is one:
            raise RequestError("bad-argument", "")
        return other

    # --- what was said

    def _stamp(self) -> int:
        self.newest = max(self.now, self.newest + 1)
        return self.newest

    def _say(self, one: Somebody, device: Device, say: Say) -> None:
        text = message_text(say.text)
        if say.to is None:
            place: ModelRoom | Somebody = one.need_room(say.room)
        elif say.room is not None:
            raise RequestError("bad-argument", "")
        else:
            place = self._partner(one, say.to)
        log: Log = place.key if isinstance(place, ModelRoom) else frozenset((one, place))
        at = None
        if say.key is not None:
            by_name = self.said.get((log, say.key, fold(one.name)))
            at = self.said.get((log, say.key, one), by_name)
        speak = partial(self._speak, one, device, place, log, say, text)
        if say.key is not None and say.key.startswith(OLD) and at is None:
            one.is_busy = True
            self.questions.append((one, place, speak))
        else:
            speak(at)

    def answer_question(self) -> None:
        """The disk knows nothing of the key that was asked for first."""
        one, _, speak = self.questions.pop(0)
        if one.is_over:
            return
        one.is_busy = False
        speak(None)
        if one.device is not None:
            held, one.device.held = one.device.held, []
            for request, resume in held:
                self.ask(one.device, request, resume)

    def _speak(
        self,
        one: Somebody,
        device: Device,
        place: ModelRoom | Somebody,
        log: Log,
        say: Say,
        text: str,
        at: int | None,
    ) -> None:
        """Say `text`, unless it was said at `at`. The answer is for `device`, if somebody still uses it."""
        room, to = (place.name, None) if isinstance(place, ModelRoom) else (None, place.name)
        if isinstance(place, Somebody) and place.is_over:
            device.answer_late(one, Error("no-such-user", "", say.id))
            return
        if at is None:
            at = self._stamp()
            action = say.action or None
            entry = Entry(one.name, text, at, say.key, to, action)
            self.logs[log].append(entry)
            if isinstance(place, ModelRoom):
                self._tell(place, Message(place.name, one.name, text, at, action), one)
            else:
                self.logs[one].append(entry)
                self.logs[place].append(entry)
                if place.device is not None:
                    place.device.dues.hear(place.inbox, Private(one.name, place.name, text, at, action))
            if say.key is not None:
                self.said[log, say.key, one] = self.said[log, say.key, fold(one.name)] = at
        if say.id is not None or say.key is not None:
            device.answer_late(one, Sent(room, at, say.id, say.key, to))

    def _history(self, one: Somebody, device: Device, request: HistoryRequest) -> None:
        room = name = search = None
        if request.search is not None:
            if request.since is not None:
                raise RequestError("bad-argument", "")
            search = parse_search(request.search)
        if request.inbox:
            log: Log = one
        elif request.with_ is not None:
            other = self._partner(one, request.with_)
            log, name = frozenset((one, other)), other.name
        else:
            place = one.need_room(request.room)
            log, room = place.key, place.name
        entries = self.logs[log]
        oldest = entries[0].at if entries else None
        following = None
        if search is not None:
            matches = [entry for entry in entries if search.matches(entry.text)]
            page, more = matches[-request.limit :], len(matches) > request.limit
            following = page[0].at if more else None
        elif request.since is None:
            page, more = entries[-request.limit :], len(entries) > request.limit
        else:
            later = [entry for entry in entries if entry.at > request.since]
            page, more = later[: request.limit], len(later) > request.limit
        device.dues.answer(HistoryPage(room, page, more, oldest, request.id, name, following))

    # --- commands

    def _command(self, one: Somebody, device: Device, command: Command) -> None:
        argument = (command.argument or "").strip()
        re = command.id
        room = one.find_room(command.room)
        answer = device.dues.answer
        match command.name:
            case "name":
                old, new = one.name, user_name(argument)
                self._rename(one, new)
                answer(Renamed(old, new, re=re))
            case "join":
                name = room_name(argument)
                leaves = frozenset[Source]()
                if room is not None and room.key != fold(name):
                    leaves = frozenset({room})
                    self._leave(one, room, "moved")
                self._enter(one, device, name, re, leaves)
            case "open":
                name = room_name(argument)
                if len(one.rooms) >= self._most_rooms and fold(name) not in [room.key for room in one.rooms]:
                    raise RequestError("too-many-rooms", "")
                self._enter(one, device, name, re)
            case "leave":
                room = one.need_room(command.room)
                self._leave(one, room, "leave")
                answer(Left(room.name, one.name, None, re, one.current), frozenset({room}))
            case "users":
                room = one.need_room(command.room)
                members = sorted(room.members, key=lambda member: fold(member.name))
                operators = [member.name for member in members if member in self.operators.get(room.key, ())]
                answer(Users(room.name, [member.name for member in members], False, re, operators or None))
            case "topic":
                answer(self._topic(one, one.need_room(command.room), argument, re))
            case "me":
                self._say(one, device, Say(argument, id=re, room=command.room, action=True))
            case "msg":
                to, text = argument.split(maxsplit=1)
                self._say(one, device, Say(text, id=re, to=to))
            case "list":
                rooms = [RoomInfo(room.name, len(room.members)) for _, room in sorted(self.rooms.items())]
                answer(Rooms(rooms, False, re))
            case "who":
                people = sorted(self.people, key=lambda other: fold(other.name))
                listed = [PersonInfo(other.name, len(other.rooms), other.away) for other in people]
                answer(People(listed, False, re))
            case "whois":
                other = self._find(argument)
                shared = sorted((room for room in other.rooms if room in one.rooms), key=lambda room: room.key)
                names = [room.name for room in shared]
                answer(PersonDetails(other.name, names, False, other.since, other.away, re=re))
            case "away":
                text = _one_line(argument) if argument else None
                self._be_away(one, text)
                answer(Away(one.name, text, re))
            case "close":
                self.end(device, "close", re)


def _one_line(text: str) -> str:
    if len(text) > MAX_LINE:
        raise RequestError("text-too-long", "")
    return without_controls(text).replace("\n", " ").replace("\t", " ")
