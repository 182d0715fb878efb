"""The people of a chaos run: clients that talk, come and go, and write down what they said, heard and were called.

They speak the protocol themselves, without `pylingo.Client`, which would drop what comes twice. After a lost connection
a member resumes at any server, reads by `history` what it missed, and says again what was not confirmed.
"""

import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from pylingo.client.connection import ClientConnection
from pylingo.reactor.engine.loop import Reactor
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    PingRequest,
    Private,
    Ready,
    Renamed,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record
from tests.chaos.verdict import Claim, Evidence, Hearing, Logged, Said, Stay

ROOMS = ("harbour", "mess", "galley", "bridge", "hold", "cabin")
MOST_ROOMS = 3
MOST_UNCONFIRMED = 20
PACE = 0.2, 1.0
"""Seconds between two deeds of a member."""
_PATIENCE = 4.0, 12.0  # seconds without a frame after which a member tries another server
_AGAIN = 0.05, 0.3  # seconds before another attempt
_NAME_AGAIN = 0.5
_HARMLESS = frozenset({"name-taken", "no-such-user"})


@dataclass(slots=True)
class Words:
    """Something said that is not confirmed. `connection` is the one on which it was said first."""

    key: str
    text: str
    room: str | None
    to: str | None
    said: float
    connection: int
    may_be_twice: bool = False


class Place:
    """A room that a member is in: what it has seen, and how much of that is without a hole."""

    def __init__(self, member: str, room: str) -> None:
        self.stay = Stay(member, room)
        self.whole = 0
        """Everything up to this stamp was seen."""
        self.knows_base = False
        self.gaps = 0
        """How many readings of the history are not at their end."""
        self.is_leaving = False
        self.hearing: Hearing | None = None

    def note(self, at: int, text: str) -> str:
        """Note a message. Return what is wrong with it, if something is."""
        before = self.stay.seen.setdefault(at, text)
        self.rise()
        return "" if before == text else f"two messages with the stamp {at}: {before!r} and {text!r}"

    def rise(self) -> None:
        """Nothing is missing up to the newest message, unless the history is being read."""
        if not self.gaps and self.knows_base and self.stay.seen:
            self.whole = max(self.whole, max(self.stay.seen))

    def take(self, page: HistoryPage) -> list[str]:
        """Note a page of a reading of the history, which is at its end with the last page. Return what is wrong."""
        wrong = [self.note(entry.at, entry.text) for entry in page.messages]
        if not page.more:
            self.gaps -= 1
            self.rise()
        return wrong


class Member:
    """One person. `now()` gives the seconds of the run, `ports` are those of the servers."""

    def __init__(
        self,
        number: int,
        reactor: Reactor,
        ports: list[int],
        crew: "list[Member]",
        evidence: Evidence,
        now: Callable[[], float],
        seed: int,
    ) -> None:
        self.label = f"m{number:02}"
        self.name = f"sailor{number:02}"
        self.is_acting = False
        self.places: dict[str, Place] = {}
        self.unconfirmed: dict[str, Words] = {}
        self._stamps: dict[str, int] = {}  # of what is confirmed, by key
        self.resumed = self.returned = 0
        """How many times a session was resumed, and how many times it was lost and the member came by name."""
        self._reactor = reactor
        self._ports = ports
        self._crew = crew
        self._evidence = evidence
        self._now = now
        self._chance = random.Random(f"{seed} {number}")
        self._token = secrets.token_hex(16)
        self._has_token = False
        self._count = 0
        self._ids = 0
        self._asked: dict[int, Callable[[Record], object]] = {}
        self._connection: ClientConnection | None = None
        self._connections = 0
        self._heard = 0.0
        self._patience = 0.0
        self._is_ready = False
        self._is_renaming = False
        self._entering: str | None = None
        self._is_back = True
        """Whether it has entered its rooms, if its session is a new one."""
        self._claim: Claim | None = None
        self._inbox = self._new_inbox()
        self._is_over = False
        self._connect()
        self._watch()
        self._reactor.call_later(self._chance.uniform(*PACE), self._act)

    @property
    def is_settled(self) -> bool:
        """Whether it is where it wants to be, and everything is confirmed and read."""
        return (
            self._is_ready
            and not self.unconfirmed
            and not self._asked
            and all(place.knows_base and not place.gaps for place in (self._inbox, *self.places.values()))
        )

    @property
    def state(self) -> str:
        """For a report: what it waits for."""
        places = {room: (place.knows_base, place.gaps) for room, place in self.places.items()}
        return (
            f"{self.label} is {self.name}: ready {self._is_ready}, {len(self.unconfirmed)} unconfirmed,"
            f" {len(self._asked)} asked, {places}"
        )

    def stop(self) -> None:
        """End the connection for good."""
        self._is_over = True
        if self._connection is not None:
            self._connection.close()

    # --- connections

    def _connect(self) -> None:
        if self._is_over:
            return
        self._connections += 1
        number = self._connections
        self._heard = self._now()
        self._patience = self._chance.uniform(*_PATIENCE)
        self._is_ready = self._is_renaming = False
        self._asked.clear()
        for place in (self._inbox, *self.places.values()):
            place.gaps = 0
            place.hearing = None
        where = [(socket.AF_INET, ("127.0.0.1", self._chance.choice(self._ports)))]
        self._connection = ClientConnection(
            self._reactor,
            where,
            self._connected,
            lambda record: self._received(record) if number == self._connections else None,
            lambda: None,
            lambda error: self._ended() if number == self._connections else None,
        )

    def _connected(self) -> None:
        self._send(Hello(1, self.name, "chaos/1", resume=self._token))

    def _ended(self) -> None:
        self._is_ready = False
        self._connections += 1  # nothing of the old one counts any more
        self._reactor.call_later(self._chance.uniform(*_AGAIN), self._connect)

    def _watch(self) -> None:
        """Give a silent server up, and keep one from being silent."""
        if self._is_over:
            return
        self._reactor.call_later(1.0, self._watch)
        if self._connection is not None and self._connection.is_open:
            if self._now() - self._heard > self._patience:
                self._break()
            else:
                self._send(PingRequest())

    def _break(self) -> None:
        assert self._connection is not None
        self._connection.abort(ConnectionAbortedError("given up"))

    def _send(self, record: Record) -> None:
        if self._connection is not None and self._connection.is_open:
            self._connection.send(record)

    def _ask(self, make: Callable[[int], Record], answer: Callable[[Record], object]) -> None:
        self._ids += 1
        self._asked[self._ids] = answer
        self._send(make(self._ids))

    # --- what comes

    def _received(self, record: Record) -> None:
        self._heard = self._now()
        answer = self._asked.pop(re, None) if (re := getattr(record, "re", None)) is not None else None
        match record:
            case Ready():
                self._ready(record)
            case Message(room, _, text, at):
                self._live(room, at, text)
            case Private(_, _, text, at):
                self._whispered(at, text)
            case Sent():
                self._confirmed(record)
            case Skipped(room, _, after, until):
                place = self._inbox if room is None else self.places.get(room)
                if place is not None:
                    self._fill(place, after, until + 1)
            case Error(code, text) if code not in _HARMLESS:
                self._evidence.refusals.append(f"refused at {self._now():.2f}: {self.state}: {code}: {text}")
            case Goodbye():
                pass
        if answer is not None:
            answer(record)

    def _ready(self, ready: Ready) -> None:
        is_same = ready.resumed and self._has_token and ready.token == self._token
        self._is_ready = True
        self._has_token, self._token = True, ready.token
        if is_same and self._is_back:
            self.resumed += 1
            self._has_name(ready.name)
            self._begin(self._inbox)
            self._settle_in(list(ready.rooms or ()))
            return
        self.returned += 1
        self._is_back = False
        self._claim = None
        self._inbox = self._new_inbox()
        self._begin(self._inbox)
        for key in [key for key, words in self.unconfirmed.items() if words.room is None]:
            del self.unconfirmed[key]  # their recipients belong to the old session
        for room in [room for room, place in self.places.items() if place.is_leaving]:
            self._close(room)
        if fold(ready.name) == fold(self.name):
            self._has_name(ready.name)
            self._enter_all()
        else:
            self._is_renaming = True
            self._claim_name(self._connections)

    def _claim_name(self, connection: int) -> None:
        """Come back under the old name: keys count for the name."""
        if connection != self._connections:
            return

        def answered(record: Record) -> None:
            if isinstance(record, Renamed):
                self._is_renaming = False
                self._has_name(record.new)
                self._enter_all()
            else:
                self._reactor.call_later(_NAME_AGAIN, self._claim_name, connection)

        self._ask(lambda number: Command("name", self.name, number), answered)

    def _has_name(self, name: str) -> None:
        """The server has confirmed our name."""
        self.name = name
        if self._claim is None or self._claim.name != fold(name):
            self._claim = Claim(self.label, fold(name), self._now(), self._now())
            self._evidence.claims.append(self._claim)
        self._claim.until = self._now()

    def _settle_in(self, rooms: list[str]) -> None:
        """The session was resumed in some rooms: read what was missed there, and say again what was not confirmed."""
        for room in [room for room in self.places if room not in rooms]:
            if not self.places[room].is_leaving and self._is_back:
                self._evidence.refusals.append(
                    f"out of a room: at {self._now():.2f} {self.label} was resumed in {rooms} without {room}"
                )
            self._close(room)
        for room in [room for room in rooms if room != self._entering]:
            place = self.places.setdefault(room, Place(self.label, room))
            place.is_leaving = False
            self._begin(place)
        self._repeat()

    def _enter_all(self) -> None:
        """The session is a new one: enter the rooms again, then go on as after resuming."""
        waiting = set(self.places)
        if not waiting:
            self._repeat()
        for room in list(waiting):

            def entered(record: Record, room: str = room) -> None:
                if isinstance(record, Joined):
                    self._begin(self.places[room])
                    waiting.discard(room)
                    if not waiting:
                        self._repeat()

            self._ask(lambda number, room=room: Command("open", room, number), entered)

    def _repeat(self) -> None:
        self._is_back = True
        for words in self.unconfirmed.values():
            self._say(words)
        if self._entering is not None:
            self.enter(self._entering)

    # --- rooms

    def _begin(self, place: Place) -> None:
        """We are in a room on this connection."""
        place.hearing = Hearing(self.label, place.stay.room, self._now())
        self._evidence.hearings.append(place.hearing)
        if place.knows_base:
            self._fill(place, place.whole, None)
            return

        def based(record: Record) -> None:
            assert isinstance(record, HistoryPage)
            place.stay.base = record.messages[-1].at if record.messages else 0
            place.knows_base = True
            place.whole = place.stay.base
            place.rise()

        self._ask(lambda number: HistoryRequest(limit=1, id=number, room=place.stay.room), based)

    def _fill(self, place: Place, since: int, before: int | None) -> None:
        """Read everything above a stamp, and below another one."""
        place.gaps += 1
        self._read(place, since, before)

    def _read(self, place: Place, since: int, before: int | None) -> None:
        def read(record: Record) -> None:
            if not isinstance(record, HistoryPage):
                place.gaps -= 1
                return
            for wrong in place.take(record):
                self._complain(wrong)
            if record.more:
                self._read(place, record.messages[-1].at, before)

        if place is self._inbox:
            self._ask(lambda number: HistoryRequest(since, before, 100, number, inbox=True), read)
        else:
            self._ask(lambda number: HistoryRequest(since, before, 100, number, place.stay.room), read)

    def _close(self, room: str) -> None:
        """We are not in a room any more."""
        place = self.places.pop(room)
        if place.knows_base:
            place.stay.until = place.whole
            self._evidence.stays.append(place.stay)

    def end_stays(self) -> None:
        """The run is over: the stays go up to the end of the log."""
        self._evidence.stays += [place.stay for place in self.places.values()]

    def _live(self, room: str, at: int, text: str) -> None:
        place = self.places.get(room)
        if room == self._entering:
            return  # we are in it on a new connection, and ask for it again
        if place is None or place.hearing is None:
            self._complain(f"a message of {room}, which we are not in")
            return
        place.hearing.stamps.append(at)
        if text.startswith(f"{self.label} "):
            self._complain(f"our own message {text!r} came as that of another")
        self._complain(place.note(at, text))

    def _whispered(self, at: int, text: str) -> None:
        if self._inbox.hearing is not None:
            self._inbox.hearing.stamps.append(at)
        self._complain(self._inbox.note(at, text))

    def _new_inbox(self) -> Place:
        """The inbox of a new session: it is empty."""
        place = Place(self.label, f"the inbox of {self.label}")
        place.knows_base = True
        return place

    def read_inbox(self) -> None:
        """Read everything private of this session, to compare it with what was seen."""
        log: list[Logged] = []
        self._evidence.inboxes.append((self._inbox.stay, log))

        def read(record: Record) -> None:
            if isinstance(record, HistoryPage):
                log.extend(Logged(entry.at, entry.text, entry.key) for entry in record.messages)
                if record.more:
                    ask()

        def ask() -> None:
            since = log[-1].at if log else 0
            self._ask(lambda number: HistoryRequest(since, None, 100, number, inbox=True), read)

        ask()

    def _complain(self, wrong: str) -> None:
        if wrong:
            self._evidence.refusals.append(f"at {self._now():.2f} {self.label}: {wrong}")

    # --- deeds

    def _act(self) -> None:
        if self._is_over:
            return
        self._reactor.call_later(self._chance.uniform(*PACE), self._act)
        if self.is_acting and self._is_ready and not self._is_renaming:
            self._chance.choices((self.speak, self._whisper, self._move, self._rename, self._break), _WEIGHTS)[0]()

    def speak(self, room: str | None = None) -> None:
        """Say something in a room, by default in any one of ours."""
        rooms = [room for room, place in self.places.items() if place.hearing is not None and not place.is_leaving]
        if rooms and (room is not None or len(self.unconfirmed) < MOST_UNCONFIRMED):
            self._utter(room or self._chance.choice(rooms), None)

    def _whisper(self) -> None:
        other = self._chance.choice(self._crew)
        if other is not self:
            self._utter(None, other.name)

    def _utter(self, room: str | None, to: str | None) -> None:
        self._count += 1
        key = f"{self.label}-{self._count}"
        text = f"{self.label} {self._count}"
        words = Words(key, text, room, to, self._now(), self._connections)
        self.unconfirmed[key] = words
        self._say(words)

    def _say(self, words: Words) -> None:
        def answered(record: Record) -> None:
            if isinstance(record, Error):
                self.unconfirmed.pop(words.key, None)

        self._ask(lambda number: Say(words.text, words.key, number, words.room, words.to), answered)

    def _confirmed(self, sent: Sent) -> None:
        words = self.unconfirmed.pop(sent.key or "", None)
        if words is None:
            before = self._stamps.get(sent.key or "")
            self._complain("" if before == sent.at else f"{sent} came, and it was confirmed with {before}")
            return
        self._stamps[words.key] = sent.at
        if self._claim is not None and words.connection == self._connections and not self._is_renaming:
            self._claim.until = self._now()
        room, now = words.room, self._now()
        said = Said(self.label, room, words.key, words.text, sent.at, words.said, now, words.may_be_twice)
        self._evidence.said.append(said)
        if (place := self._inbox if room is None else self.places.get(room)) is not None:
            self._complain(place.note(sent.at, words.text))

    def _move(self) -> None:
        """Leave a room where nothing of ours is open, or enter one."""
        quiet = [
            room
            for room, place in self.places.items()
            if place.knows_base
            and not place.gaps
            and not place.is_leaving
            and all(words.room != room for words in self.unconfirmed.values())
        ]
        others = [room for room in ROOMS if room not in self.places]
        if quiet and len(self.places) >= self._chance.randint(1, MOST_ROOMS):
            self._leave(self._chance.choice(quiet))
        elif others and len(self.places) < MOST_ROOMS and self._entering is None:
            self.enter(self._chance.choice(others))

    def _leave(self, room: str) -> None:
        self.places[room].is_leaving = True

        def left(record: Record) -> None:
            if isinstance(record, Left):
                self._close(room)

        self._ask(lambda number: Command("leave", None, number, room), left)

    def enter(self, room: str) -> None:
        """Enter a room."""
        self._entering = room

        def entered(record: Record) -> None:
            self._entering = None
            if isinstance(record, Joined) and room not in self.places:
                place = self.places[room] = Place(self.label, room)
                self._begin(place)

        self._ask(lambda number: Command("open", room, number), entered)

    def _rename(self) -> None:
        """Take one of the names that several want. Nothing of ours is open meanwhile: keys count for a name."""
        if self.unconfirmed or self._asked:
            return
        self._is_renaming = True
        wanted = f"{self._chance.choice(('captain', 'cook', 'mate', 'pilot'))}{self._chance.randrange(len(self._crew))}"

        def renamed(record: Record) -> None:
            self._is_renaming = False
            if isinstance(record, Renamed):
                self._has_name(record.new)

        self._ask(lambda number: Command("name", wanted, number), renamed)


_WEIGHTS = (70, 8, 8, 3, 2)
