"""The copying of logs while people talk: in pieces, at the pace of the successor."""

import time
from collections.abc import Iterator

import pytest

from pylingo.reactor.engine.loop import EVENT_WRITE, Reactor
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.succession.copying import LogCopy
from pylingo.reactor.succession.handover import Log, decode, messages_of
from pylingo.reactor.succession.line import Line, LineError, make_line
from pylingo.shared.messages import Entry


class Copying:
    """A copy of a history, which handles the events of its line itself, and the far end."""

    def __init__(self, rooms: int, messages: int, text: str = "hello") -> None:
        self.reactor = Reactor()
        self.line, sock = make_line()
        self.far = Line(sock)
        self.history = MemoryHistory()
        self.stamp = 0
        self.done: list[int] = []
        self.failures: list[Exception] = []
        for number in range(rooms):
            for _ in range(messages):
                self.say(f"room{number}", text)
        self.copy = LogCopy(self.reactor, self.line, self.history, self, lambda: self.done.append(1))
        self.reactor.register(self.line.fileno(), EVENT_WRITE, self)

    def say(self, room: str, text: str) -> None:
        self.stamp += 1
        self.history.add(room, Entry("ada", text, self.stamp), 0)

    def handle(self, mask: int) -> None:
        if mask & EVENT_WRITE:
            self.copy.go_on()

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    def turn(self, count: int) -> None:
        for _ in range(count):
            self.reactor.tick(0)

    def logs(self) -> list[Log]:
        found = [decode(body) for body in self.far.pending()]
        return [log for log in found if isinstance(log, Log)]

    def close(self) -> None:
        self.line.close()
        self.far.close()
        self.reactor.close()


@pytest.fixture
def copying() -> Iterator[Copying]:
    made = Copying(3, 2)
    yield made
    made.close()


def test_each_turn_copies_one_part(copying: Copying) -> None:
    copying.copy.go_on()
    assert [log.room for log in copying.logs()] == ["room0"]
    copying.say("room0", "too late for the copy")
    copying.say("room2", "in time")
    copying.turn(1)
    assert [log.room for log in copying.logs()] == ["room1"]
    copying.turn(3)
    (last,) = copying.logs()
    assert [entry.text for entry, _ in messages_of(last)] == ["hello", "hello", "in time"]
    assert copying.done == [1]
    assert copying.copy.copied == {"room0": 2, "room1": 4, "room2": 8}
    assert copying.copy.parts == 3
    copying.copy.go_on()
    assert copying.done == [1]


def test_a_successor_that_does_not_read_is_waited_for_and_nobody_else() -> None:
    copying = Copying(40, 20, "x" * 4_000)
    copying.copy.go_on()
    copying.turn(50)
    assert 0 < copying.copy.parts < 40
    waiting = copying.copy.parts
    copying.turn(5)
    assert copying.copy.parts == waiting
    found: list[Log] = []
    end = time.monotonic() + 20
    while not copying.done and time.monotonic() < end:
        found += copying.logs()
        copying.turn(1)
    found += copying.logs()
    assert [log.room for log in found] == [f"room{number}" for number in range(40)]
    assert copying.copy.parts == 40
    copying.close()


def test_nothing_to_copy_is_done_at_once() -> None:
    copying = Copying(0, 0)
    copying.copy.go_on()
    assert copying.done == [1]
    copying.close()


def test_a_copy_that_is_stopped_goes_on_no_more(copying: Copying) -> None:
    copying.copy.go_on()
    copying.copy.stop()
    copying.turn(5)
    assert copying.copy.parts == 1
    assert copying.done == []


def test_a_successor_that_ends_is_the_owners_business(copying: Copying) -> None:
    copying.copy.go_on()
    copying.far.close()
    copying.turn(2)
    assert [type(error) for error in copying.failures] == [LineError]
