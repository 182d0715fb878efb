"""The work of a fixed load, counted in calls instead of seconds: the same on every machine.

Members are socket pairs in this process, which deliver at once, and the test calls each tick of the reactor. Therefore
bytes sent before a tick arrive in that tick, and nothing depends on time. Calls are counted on the classes of sockets
and selectors; members write and read with `os`, which is not counted.
"""

import collections
import os
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import pylingo.reactor.bus.local as local_module
import pylingo.reactor.chat.outbox as outbox_module
import pylingo.reactor.chat.presence as presence_module
import pylingo.reactor.chat.session as session_module
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.coalescing import Load
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import READ_SIZE
from pylingo.reactor.server import Server
from pylingo.shared.codec import encode, encode_message, encode_messages
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import (
    Command,
    Hello,
    Joined,
    Left,
    Message,
    PongRequest,
    Private,
    Say,
    Sent,
    Skipped,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.support import decode_event

MEMBERS = 100
SENDERS = 5
EACH = 200
MESSAGES = SENDERS * EACH


class CountingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        self.changes = 0

    def select(self, timeout: float | None = None) -> Any:
        self.waits += 1
        return super().select(timeout)

    def register(self, *arguments: Any) -> Any:
        self.changes += 1
        return super().register(*arguments)

    def unregister(self, *arguments: Any) -> Any:
        self.changes += 1
        return super().unregister(*arguments)

    def modify(self, *arguments: Any) -> Any:
        self.changes += 1
        return super().modify(*arguments)


class Member:
    def __init__(self, sock: socket.socket, server_fd: int) -> None:
        self.sock = sock
        self.server_fd = server_fd
        self._decoder = FrameDecoder()
        sock.setblocking(False)

    def write(self, *records: Record) -> None:
        data = b"".join(map(encode, records))
        assert os.write(self.sock.fileno(), data) == len(data)

    def read(self) -> list[Record]:
        records: list[Record] = []
        try:
            while data := os.read(self.sock.fileno(), 2**20):
                records += [decode_event(body) for body in self._decoder.feed(data)]
        except BlockingIOError:
            pass
        return records


class World:
    """A server, its members, and what it has done since `reset`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.sends: collections.Counter[int] = collections.Counter()
        """The number of sends on each of the server's descriptors."""
        self.reads: collections.Counter[int] = collections.Counter()
        self.encoded: collections.Counter[type] = collections.Counter()
        for name in ("send", "sendmsg", "sendall", "sendto"):
            self._count(monkeypatch, name, self.sends)
        for name in ("recv", "recv_into", "recvfrom", "recvmsg"):
            self._count(monkeypatch, name, self.reads)

        def counting(record: Record) -> bytes:
            self.encoded[type(record)] += 1
            return encode(record)

        def counting_message(head: bytes, text: str, at: int) -> bytes:
            self.encoded[Message] += 1
            return encode_message(head, text, at)

        def counting_messages(head: bytes, texts: list[bytes], first: int) -> bytes:
            self.encoded[Message] += len(texts)
            return encode_messages(head, texts, first)

        monkeypatch.setattr(local_module, "encode_message", counting_message)
        monkeypatch.setattr(local_module, "encode_messages", counting_messages)
        for module in (session_module, outbox_module, local_module, presence_module):
            monkeypatch.setattr(module, "encode", counting)
        self.selector = CountingSelector()
        self.reactor = Reactor(clock=lambda: 1_000.0, selector=self.selector)
        self.server = Server(ServerSettings(rate=0, **settings), self.reactor)
        self.members: list[Member] = []
        self.socks: list[socket.socket] = []

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str, counter: collections.Counter[int]) -> None:
        plain = getattr(socket.socket, name)

        def call(sock: socket.socket, *arguments: Any) -> Any:
            counter[sock.fileno()] += 1
            return plain(sock, *arguments)

        monkeypatch.setattr(socket.socket, name, call)

    def connect(self, count: int, buffer: int = 2**20) -> list[Member]:
        """Connect `count` members; their welcome is not sent yet."""
        came = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            self.server.admission.admit(ours, ("127.0.0.1", 40_000))  # what the listener calls
            came.append(Member(theirs, ours.fileno()))
            self.socks.append(theirs)
        self.members += came
        return came

    def gather(self, count: int, room: str = "r") -> list[Member]:
        """Put `count` members in the room, and have them read everything."""
        came = self.connect(count)
        for member in came:
            member.write(PongRequest(), Command("join", room))
        self.tick()
        self.tick()
        for member in self.members:
            member.read()
        self.reset()
        return came

    def tick(self) -> None:
        self.reactor.tick(0)

    def reset(self) -> None:
        self.sends.clear()
        self.reads.clear()
        self.encoded.clear()
        self.selector.waits = self.selector.changes = 0

    def close(self) -> None:
        for sock in self.socks:
            sock.close()
        for connection in self.server.admission.connections():
            connection.abort()
        self.server.ending.drain()
        self.tick()
        self.server.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with monkeypatch.context() as patch:
        made = World(patch)
        yield made
        made.close()


def says(sender: int, ids: bool = False) -> list[Record]:
    return [Say(f"{sender} {serial}", id=serial if ids else None) for serial in range(EACH)]


def texts(records: list[Record]) -> list[str]:
    return [record.text for record in records if type(record) is Message]


@pytest.mark.parametrize("ids", [False, True], ids=["plain", "with receipts"])
def test_pipelined_messages_are_encoded_once_and_sent_once(world: World, ids: bool):
    """One tick takes it all in, so each member is offered one piece, and each message exists once in bytes.

    Bounds: one wait, as all is there when it begins; one read for each sender, as 200 requests are less than
    `READ_SIZE`; one encoding for each message, not for each of its 100 receivers; one send for each member, whether
    1,000 messages are for it or, as with a sender, its receipts lie between them. 100,000 deliveries for 100 sends.
    Nothing is registered, as nobody's socket is full.
    """
    members = world.gather(MEMBERS)
    for number, member in enumerate(members[:SENDERS]):
        assert len(b"".join(map(encode, says(number, ids)))) < READ_SIZE
        member.write(*says(number, ids))
    world.tick()
    assert world.selector.waits == 1
    assert world.selector.changes == 0
    assert sum(world.reads.values()) == SENDERS
    assert world.encoded[Message] == MESSAGES
    assert world.encoded.total() == MESSAGES * (1 + ids)
    assert world.sends == {member.server_fd: 1 for member in members}

    everything = texts(members[-1].read())
    assert sorted(everything) == sorted(f"{sender} {serial}" for sender in range(SENDERS) for serial in range(EACH))
    for number, member in enumerate(members[:-1]):
        records = member.read()
        assert texts(records) == [text for text in everything if not text.startswith(f"{number} ") or number >= SENDERS]
        assert sum(type(record) is Sent for record in records) == (EACH if ids and number < SENDERS else 0)
    world.reset()
    world.tick()  # nothing was left for later
    assert (world.sends.total(), world.encoded.total()) == (0, 0)


def test_a_message_in_each_of_many_ticks(world: World):
    """Nothing to batch: one wait, one read, one encoding and a send for each but the sender, in each tick."""
    members = world.gather(MEMBERS)
    for serial in range(20):
        members[0].write(Say(str(serial)))
        world.tick()
    assert world.selector.waits == 20
    assert world.selector.changes == 0
    assert world.encoded == {Message: 20}
    assert world.sends == {member.server_fd: 20 for member in members[1:]}
    assert texts(members[-1].read()) == [str(serial) for serial in range(20)]


def test_a_busy_loop_rests_once_for_a_tick_and_has_no_timer_for_a_message(world: World, monkeypatch):
    members = world.gather(MEMBERS)
    rests: list[float] = []
    monkeypatch.setattr(world.reactor.urgent, "rest", rests.append)
    world.reactor.coalescer.load = Load.BUSY
    timers = world.reactor.pending_timers
    for serial in range(20):
        for member in members[:SENDERS]:
            member.write(Say(str(serial)))
        world.reactor.tick()
    assert rests == [pytest.approx(world.server.settings.coalesce)] * 20
    assert world.selector.waits == 20
    assert world.reactor.pending_timers == timers
    assert world.encoded == {Message: 20 * SENDERS}
    assert world.sends == {member.server_fd: 20 for member in members}


def test_many_rooms_cost_what_their_members_get(world: World):
    """Ten rooms of ten speak in one tick: a send for each member, an encoding for each message, one wait."""
    rooms = [world.gather(10, f"room{index}") for index in range(10)]
    for room in rooms:
        room[0].write(*says(0))
    world.tick()
    assert world.selector.waits == 1
    assert world.encoded == {Message: 10 * EACH}
    assert world.sends == {member.server_fd: 1 for room in rooms for member in room[1:]}


def test_a_member_of_several_rooms_that_spoke_in_one_tick_gets_one_send(world: World):
    """Three rooms and an inbox speak: one send for each of ten who are in all three, one encoding for each message."""
    everywhere = world.gather(10, "room0")
    talkers = [world.gather(1, f"room{index}")[0] for index in range(3)]
    for member in everywhere:
        member.write(Command("open", "room1"), Command("open", "room2"))
    everywhere[0].write(Hello(1, "ada"))
    world.tick()
    world.tick()
    for member in world.members:
        member.read()
    world.reset()
    for talker in talkers:
        talker.write(*says(0), Say("hi", to="ada"))
    world.tick()
    assert world.selector.waits == 1
    assert world.selector.changes == 0
    assert world.encoded == {Message: 3 * EACH, Private: 3}
    assert world.sends == {member.server_fd: 1 for member in everywhere}
    for member in everywhere:
        records = member.read()
        for index in range(3):
            assert [record.text for record in records if getattr(record, "room", "") == f"room{index}"] == [
                record.text for record in says(0) if isinstance(record, Say)
            ]
        assert sum(type(record) is Private for record in records) == (3 if member is everywhere[0] else 0)


def test_a_private_message_costs_one_send_and_one_encoding(world: World):
    members = world.gather(MEMBERS)
    members[0].write(Hello(1, "ada"))
    world.tick()
    for member in members:
        member.read()
    world.reset()
    for member in members[1:11]:
        member.write(Say("hi", to="ada"), Say("again", to="ada"))
    world.tick()
    assert world.encoded == {Private: 20}
    assert world.sends == {members[0].server_fd: 1}


def test_joins_of_many_in_one_tick_force_no_flush(world: World):
    """100 join a room of 100 in one tick.

    Each of the 200 is offered one piece, whatever it holds: its `ready`, its own `joined` and the later ones, or all
    100 `joined`. A flush for each join, so that a newcomer misses what was said before, would be 15,000 sends. Encoded
    are `ready` and `joined` for each newcomer, and one `joined` for all others: 3 for each, not one for each pair.
    """
    old = world.gather(MEMBERS)
    new = world.connect(MEMBERS)
    world.tick()
    assert world.sends == {member.server_fd: 1 for member in new}
    assert world.encoded == {Welcome: MEMBERS}
    world.reset()
    for number, member in enumerate(new):
        member.write(Hello(1, f"new-{number}"), Command("join", "r"))
    world.tick()
    assert world.selector.waits == 1
    assert world.selector.changes == 0
    assert world.sends == {member.server_fd: 1 for member in (*old, *new)}
    assert world.encoded[Joined] == 2 * MEMBERS
    assert world.encoded.total() == 3 * MEMBERS
    order = [record.name for record in old[0].read() if type(record) is Joined]
    assert sorted(order) == sorted(f"new-{number}" for number in range(MEMBERS))
    for number, member in enumerate(new):
        seen = [record.name for record in member.read() if type(record) is Joined]
        assert seen == order[order.index(f"new-{number}") :]  # its own is the first


def test_leaving_of_many_in_one_tick(world: World):
    """50 of 100 hang up in one tick: one encoding for each `left`, and one send for each who stays."""
    members = world.gather(MEMBERS)
    gone, stay = members[:50], members[50:]
    for member in gone:
        member.sock.close()
    world.tick()
    assert world.encoded == {Left: 50}
    assert all(world.sends[member.server_fd] == 1 for member in stay)
    assert sum(type(record) is Left for record in stay[0].read()) == 50


def test_all_at_once(world: World):
    """Joins, words, leavings and answers in one tick: still at most one send for each."""
    members = world.gather(MEMBERS)
    new = world.connect(20)
    world.tick()
    world.reset()
    for number, member in enumerate(members):
        match number % 4:
            case 0:
                member.write(Say("a", id=1), Command("users"), Say("b"))
            case 1:
                member.write(Command("leave"), Command("join", "r"), Say("c"))
            case 2:
                member.write(Command("name", f"other-{number}"))
    for member in new:
        member.write(Command("join", "r"), Say("d"))
    world.tick()
    assert world.selector.waits == 1
    assert max(world.sends.values()) == 1
    assert world.encoded[Message] == 25 * 2 + 25 + 20


def test_a_full_socket_is_left_alone_until_it_can_take_more(monkeypatch: pytest.MonkeyPatch):
    """A member that does not read costs one partial send, and then only a count for each tick.

    Bounds: of 200 ticks with a message of 1,000 bytes, the socket (at least 2,304 bytes, and far below 200,000) takes
    some whole and one in part; from then on the selector knows, and none is tried. One change in the selector for the
    beginning of the wait; when the member reads, a second one, and not one for each message.
    """
    with monkeypatch.context() as patch:
        world = World(patch, queue_soft=4_096, queue_hard=2**20)
        try:
            slow = world.connect(1, buffer=1)[0]
            slow.write(PongRequest(), Command("join", "r"))
            world.tick()
            slow.read()
            talker, reader = world.gather(2)
            while not world.selector.changes:
                talker.write(Say("x" * 1_000))
                world.tick()
                assert world.selector.waits < 150, "the socket takes everything"
            tries = world.sends[slow.server_fd]
            ticks = world.selector.waits
            for _ in range(50):
                talker.write(Say("x" * 1_000))
                world.tick()
            assert world.sends[slow.server_fd] == tries == ticks
            assert world.selector.changes == 1
            assert world.sends[reader.server_fd] == world.encoded[Message] == ticks + 50
            records = []
            for _ in range(10):
                records += slow.read()
                world.tick()
            records += slow.read()
            assert world.selector.changes == 2
            skipped = [record for record in records if type(record) is Skipped]
            assert len(skipped) == 1
            assert skipped[0].count + len(texts(records)) == ticks + 50
        finally:
            world.close()


def test_the_silent_cost_nothing(world: World):
    """A tick in which one of 100 pings reads one socket and sends on one."""
    members = world.gather(MEMBERS)
    members[7].write(PongRequest(), Command("help"))
    world.tick()
    assert world.reads == {members[7].server_fd: 1}
    assert world.sends == {members[7].server_fd: 1}
    assert world.encoded.total() == 1
