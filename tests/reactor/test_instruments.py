"""What is measured agrees with what clients count, on a whole server whose loop the test turns."""

import collections
import contextlib
import gc
import socket

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.instruments import Instruments
from pylingo.reactor.irc_start import Door, make_gateway
from pylingo.reactor.ops.catalogue import CATALOGUE, Kind
from pylingo.reactor.server import Server
from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Hello, Message, PongRequest, Private, Say, Skipped
from tests.fakes.bench import Wire
from tests.support import wait_until


class World:
    """A server that listens nowhere, its instruments, and peers that count what they send and get."""

    def __init__(self, **settings):
        self.reactor = Reactor()
        self.server = Server(ServerSettings(**{"rate": 0, **settings}), self.reactor)
        self.instruments = Instruments(self.server)
        self.peers = []
        self.descriptors = []

    def connect(self, name, room=None, buffer=2**20):
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.descriptors.append(ours.fileno())
        self.server.admission.admit(ours, ("127.0.0.1", 40_000))
        peer = Peer(self, theirs)
        self.peers.append(peer)
        peer.send(Hello(1, name))
        if room is not None:
            peer.send(Command("join", room))
        self.turn()
        return peer

    def turn(self, count=3):
        for _ in range(count):
            self.reactor.tick(0)

    def read(self):
        """Turn until all peers have everything; return the values."""
        for _ in range(3):
            self.turn()
            for peer in self.peers:
                peer.read()
        return self.instruments.read()

    def close(self):
        self.instruments.close()
        for peer in self.peers:
            peer.wire.hang_up()
        for connection in self.server.admission.connections():
            connection.abort()
        self.server.ending.drain()
        self.reactor.tick(0)
        self.server.close()


class Peer:
    """Counts bytes in both directions, and messages that it gets."""

    def __init__(self, world, sock):
        self.wire, self.world = Wire(sock), world
        self.sent = self.received = 0
        self.records = []

    def send(self, *records):
        data = b"".join(map(encode, records))
        self.sent += len(data)
        self.wire.raw(data)

    def read(self):
        wire, taken = self.wire, self.wire.take

        def take(*most):
            data = taken(*most)
            self.received += len(data)
            return data

        wire.take = take
        with contextlib.suppress(BlockingIOError):
            self.records += wire.got()
        wire.take = taken

    @property
    def messages(self):
        return [record for record in self.records if isinstance(record, Message | Private)]


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def sends(monkeypatch):
    """How often a socket was offered something, by its descriptor."""
    found = collections.Counter()
    for name in ("send", "sendmsg"):
        plain = getattr(socket.socket, name)

        def call(sock, *arguments, plain=plain):
            found[sock.fileno()] += 1
            return plain(sock, *arguments)

        monkeypatch.setattr(socket.socket, name, call)
    return found


def test_both_sides_count_the_same(world, sends):
    """People talk in rooms and privately, pipelined and alone, while others come, go and change rooms."""
    red = [world.connect(f"red-{index}", "red") for index in range(5)]
    blue = [world.connect(f"blue-{index}", "blue") for index in range(3)]
    alone = world.connect("alone", "empty")
    said = 0

    def say(peer, *records):
        nonlocal said
        peer.send(*records)
        said += sum(isinstance(record, Say) for record in records)

    for round_ in range(4):
        for peer in (*red, *blue):
            say(peer, *(Say(f"{round_} {index}", id=index) for index in range(round_)))
        say(alone, Say("nobody hears this"))
        say(blue[0], Command("join", "red"), Say("from blue"), Command("join", "blue"), Say("back"))
        say(red[1], Say("to you", to="blue-1"), Say("and to you", to="red-2"), PongRequest())
        world.turn()
    late = world.connect("late", "red")
    late.send(Command("open", "blue"))
    world.turn()
    say(red[0], Say("late"), Say("later"))
    say(blue[1], Say("late"), Say("later"))
    values = world.read()
    everybody = [*red, *blue, alone, late]
    assert values["messages"] == said
    assert values["deliveries"] == sum(len(peer.messages) for peer in everybody)
    assert values["received_bytes"] == sum(peer.sent for peer in everybody)
    assert values["sent_bytes"] == sum(peer.received for peer in everybody)
    assert values["connections"] == values["people"] == values["accepted_connections"] == len(everybody)
    assert values["rooms"] == 3
    assert values["skipped_messages"] == values["queued_bytes"] == values["unexpected_errors"] == 0
    counts, total = values["batch_frames"]
    assert sum(counts) > 0
    assert total >= said - 4
    assert sum(values["tick_seconds"][0]) == world.reactor.ticks
    assert values["sends"] == sum(sends[fd] for fd in world.descriptors)
    assert 0 < values["reads"] < values["sends"] < values["deliveries"]


def test_bytes_of_clients_of_irc_are_those_of_their_lines(world):
    server = world.server
    gateway = make_gateway(server.hub, "irc.test", lambda: "", world.reactor.call_later, server.irc_passwords.check)
    ours, theirs = socket.socketpair()
    server.admission.admit(ours, ("127.0.0.1", 40_000), Door(gateway, is_encrypted=False))
    lines = b"NICK ada\r\nUSER ada 0 * :Ada\r\nJOIN #tea\r\nPRIVMSG #tea :hello\r\n"
    theirs.send(lines)
    talker = world.connect("talker", "tea")
    talker.send(Say("one"), Say("two"))
    values = world.read()
    got = theirs.recv(2**20)
    assert b":two\r\n" in got
    assert values["received_bytes"] == len(lines) + talker.sent
    assert values["sent_bytes"] == len(got) + talker.received
    assert values["messages"] == 3
    assert values["deliveries"] == 2
    theirs.close()


def test_somebody_whose_seat_is_kept_gets_no_delivery(world):
    talker, listener, gone = (world.connect(name, "tea") for name in ("talker", "listener", "gone"))
    world.read()
    gone.wire.hang_up()
    world.peers.remove(gone)
    wait_until(lambda: world.turn() or world.instruments.read()["seats"] == 1)
    before = world.read()["deliveries"]
    for _ in range(3):
        talker.send(Say("a"), Say("b"))
        world.turn()
    values = world.read()
    assert values["deliveries"] - before == len(listener.messages) == 6
    assert values["messages"] == 6
    assert (values["people"], values["connections"], values["goodbyes"]) == (3, 2, {"lost": 1})


def test_messages_that_are_left_out_are_no_deliveries():
    world = World(queue_soft=4_096, queue_hard=2**20)
    talker, reader = world.connect("talker", "tea"), world.connect("reader", "tea")
    slow = world.connect("slow", "tea", buffer=1)
    world.read()
    for _ in range(100):
        talker.send(Say("x" * 1_000))
        world.turn(1)
    during = world.instruments.read()
    assert during["queued_bytes"] > 4_096
    values = world.read()
    for _ in range(20):
        values = world.read()
    [skipped] = [record for record in slow.records if isinstance(record, Skipped)]
    assert values["skipped_messages"] == skipped.count > 0
    assert values["messages"] == 100
    assert values["deliveries"] == len(slow.messages) + len(reader.messages) == 200 - skipped.count
    assert values["queued_bytes"] == 0
    world.close()


def test_errors_and_goodbyes_by_their_reason(world):
    peer = world.connect("ada")
    peer.send(Say("no room"), Command("leave"), Say("x", to="nobody"), Command("close"))
    values = world.read()
    assert values["errors"] == {"no-room": 2, "no-such-user": 1}
    assert values["goodbyes"] == {"close": 1}
    assert values["refused_logins"] == {"banned": 0, "members-only": 0, "password": 0, "irc-password": 0}


def test_a_snapshot_has_names_of_the_catalogue_alone(world):
    rows = {row.name: row for row in CATALOGUE}
    values = world.instruments.read()
    assert values.keys() <= rows.keys()
    assert not any(name.startswith("bus") for name in values)
    assert "commit_seconds" not in values
    for name, value in values.items():
        assert isinstance(value, tuple) == (rows[name].kind is Kind.HISTOGRAM)
        assert isinstance(value, dict) == bool(rows[name].label)


def test_commits_to_the_file_are_timed(tmp_path):
    world = World(history=str(tmp_path / "history.db"))
    opened = world.server.admission.open
    world.server.hub.history.open(lambda newest: opened())
    wait_until(lambda: world.turn() or not world.server.trouble)
    talker = world.connect("talker", "tea")
    talker.send(Say("kept", id=1))
    wait_until(lambda: sum(world.read()["commit_seconds"][0]) > 0)
    wait_until(lambda: world.read()["uncommitted_messages"] == 0)
    world.close()


def test_nothing_is_measured_after_the_end(world):
    callbacks = len(gc.callbacks)
    Instruments(world.server).close()
    assert len(gc.callbacks) == callbacks
    assert world.instruments.read()["ready"] == 0  # nobody has opened the server
    world.server.admission.open()
    assert world.instruments.read()["ready"] == 1
    world.server.announce("the disk is full", "the disk is full")
    assert (world.server.trouble, world.instruments.read()["ready"]) == ("the disk is full", 0)
