"""A conversation on the wire to a model of the server, in any order of events."""

import itertools
from collections import Counter, deque
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylingo.client import history_reader
from pylingo.shared.messages import (
    Command,
    Entry,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Message,
    Ready,
    Say,
    Sent,
    Skipped,
)
from pylingo.shared.schema import Record
from tests.fakes.conversation import (
    make,
)

LOBBY = "lobby"


class Model:
    """A server with one room, and the wire to one client, on which frames wait until the test lets them come."""

    def __init__(self, keeps_log: bool) -> None:
        self.keeps_log = keeps_log
        self.log: list[Entry] = []
        self.at = 100
        self.everything: list[Entry] = []  # of all logs
        self.seat: str | None = None  # the token
        self.in_room = False
        self.is_connected = False
        self.is_seated = False  # whether the connection has said who it is
        self.up: deque[Record] = deque()
        self.down: deque[Record] = deque()
        self.on_disk: deque[Sent] = deque()
        self.gap: list[int] | None = None
        self.tokens = itertools.count(1)
        self.page_size = 3

    def stamp(self) -> int:
        self.at += 10
        return self.at

    def add(self, said: Entry) -> None:
        self.log.append(said)
        self.everything.append(said)

    def others_say(self) -> None:
        at = self.stamp()
        self.add(Entry("bob", f"bob {at}", at))
        if self.in_room and self.is_seated:
            if self.gap is not None:
                self.gap.append(at)
            else:
                self.down.append(Message(LOBBY, "bob", f"bob {at}", at))

    def skip(self) -> None:
        """The client reads too slowly from now on."""
        if self.is_seated and self.in_room and self.gap is None:
            self.gap = []

    def caught_up(self) -> None:
        gap, self.gap = self.gap, None
        if gap is not None and self.is_seated:
            first, last = (gap[0] - 1, gap[-1]) if gap else (self.at, self.at)
            self.down.append(Skipped(LOBBY, len(gap), first, last))

    def commit(self) -> None:
        """The disk has what was said: the confirmations go out."""
        while self.on_disk:
            sent = self.on_disk.popleft()
            if self.is_seated:
                self.down.append(sent)

    def restart(self) -> None:
        self.lose()
        self.seat = None
        self.in_room = False
        if not self.keeps_log:
            self.log = []

    def lose(self) -> None:
        self.is_connected = self.is_seated = False
        self.up.clear()
        self.down.clear()
        self.on_disk.clear()  # a confirmation is for the connection that asked for it
        self.gap = None

    def handle(self) -> None:
        """Handle one request."""
        request = self.up.popleft()
        match request:
            case Hello():
                resumed = request.resume is not None and request.resume == self.seat
                if not resumed:
                    self.seat = f"{next(self.tokens):032}"
                    self.in_room = False
                assert self.seat is not None
                self.is_seated = True
                self.down.append(Ready("ada", LOBBY if self.in_room else None, self.seat, resumed))
            case Command("join"):
                self.in_room = True
                self.down.append(Joined(LOBBY, "ada", 2))
            case Say():
                assert self.in_room
                found = next((said.at for said in self.log if said.key == request.key), None)
                if found is None:
                    found = self.stamp()
                    self.add(Entry("ada", request.text, found, request.key))
                self.on_disk.append(Sent(LOBBY, found, request.id, request.key))
            case HistoryRequest():
                self.down.append(self.page(request))
            case _:
                raise AssertionError(request)

    def page(self, request: HistoryRequest) -> HistoryPage:
        begin = request.since if request.since is not None else -1
        end = request.before if request.before is not None else 1 << 62
        found = [said for said in self.log if begin < said.at < end]
        size = min(request.limit, self.page_size)
        if request.since is not None:
            messages = found[:size]
        else:
            size = request.limit  # the first page is as large as asked for, so that all since the join is in it
            messages = found[-size:]
        oldest = self.log[0].at if self.log else None
        return HistoryPage(LOBBY, messages, len(found) > len(messages), oldest, request.id)


class Game:
    """A conversation on the wire to a model."""

    def __init__(self, keeps_log: bool) -> None:
        self.server = Model(keeps_log)
        self.talk = make()
        self.said: list[str] = []
        self.shown: list[Record] = []

    def follow(self, step: Any) -> None:
        self.server.up.extend(step.send)
        self.shown.extend(step.show)

    def connect(self) -> None:
        if not self.server.is_connected:
            self.server.is_connected = True
            self.follow(self.talk.connected())

    def lose(self) -> None:
        if self.server.is_connected:
            self.server.lose()
            self.talk.disconnected()

    def restart(self) -> None:
        was_connected = self.server.is_connected
        self.server.restart()
        if was_connected:
            self.talk.disconnected()

    def say(self) -> None:
        text = f"mine {len(self.said)}"
        self.said.append(text)
        step = self.talk.say(text)
        assert self.server.is_connected or not step.send
        self.follow(step)

    def handle(self) -> None:
        if self.server.up:
            self.server.handle()

    def hear(self) -> None:
        if self.server.down:
            self.follow(self.talk.received(self.server.down.popleft()))

    def settle(self) -> None:
        """All is well for a while: everything arrives."""
        self.connect()
        self.server.caught_up()
        for _ in range(10_000):
            self.server.commit()
            if not self.server.up and not self.server.down:
                return
            self.handle()
            self.hear()
        raise AssertionError("they never come to an end")

    def check(self) -> None:
        talked = [record for record in self.shown if isinstance(record, (Message, Sent))]
        others = [record.at for record in talked if isinstance(record, Message)]
        mine = [record.at for record in talked if isinstance(record, Sent)]
        said_by = {said.at: said for said in self.server.everything}
        assert others == sorted(set(others)), "others' messages come once each, in the order of all"
        assert len(mine) == len(set(mine)) == len(self.said), "each message of ours is confirmed once"
        assert all(said_by[at].from_ == "bob" for at in others)
        # A page of the log may bring a later one of ours before the confirmation of an earlier, which waits for a disk
        # (and then is said again behind it, if the log was lost).
        confirmed = [said_by[at].text for at in sorted(mine)]
        assert confirmed == self.said if self.server.keeps_log else Counter(confirmed) == Counter(self.said)
        kept = [said.at for said in self.server.log if said.from_ == "bob"]
        assert [at for at in kept if at not in set(others)] == [], "nothing was missed"
        assert self.talk.is_settled
        copies = Counter(said.text for said in self.server.log if said.from_ == "ada")
        assert all(count == 1 for count in copies.values())
        if self.server.keeps_log:
            assert copies.keys() == set(self.said)


MOVES = ["others_say", "say", "handle", "hear", "lose", "connect", "restart", "skip", "caught_up", "commit"]


WEIGHTED = [*MOVES, *["handle"] * 4, *["hear"] * 4, *["others_say"] * 2, "say", "connect", "connect"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.booleans(),
    st.integers(1, 5),
    st.sampled_from([1, 3, 2_000]),
    st.lists(st.sampled_from(WEIGHTED), max_size=120),
)
def test_whatever_happens_everything_is_shown_once_and_said_once(
    keeps_log: bool, size: int, alone: int, moves: list[str]
):
    with mock.patch.object(history_reader, "OWN_IN_A_ROW", alone):
        play(Game(keeps_log), size, moves)


def play(game: Game, size: int, moves: list[str]) -> None:
    game.server.page_size = size
    # Somebody has said something before: a room without any log is a case of its own above.
    game.server.others_say()
    game.settle()
    for move in moves:
        (getattr(game, move, None) or getattr(game.server, move))()
    game.settle()
    game.check()
