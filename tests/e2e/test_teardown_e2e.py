"""How connections and the server end: farewells that arrive, resets in the middle of a broadcast, and nothing left."""

import contextlib
import itertools
import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import Command, Goodbye, Joined, Left, Message, Renamed, Say, Sent
from tests.support import DEADLINE, EVERYWHERE, Peer, ServerProcess, everywhere, in_turn, wait_until

pytestmark = pytest.mark.usefixtures("wire")

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def last_of(peer: Peer) -> object:
    """The last frame before the end of the stream. A reset in its place raises."""
    records = peer.rest()
    return records[-1] if records else None


def flood(server: ServerProcess, room: str) -> None:
    """Send so much to a room where nobody reads that neither the systems nor the server's queues take any more."""
    with server.peers(1, room=room) as (speaker,):
        for number in range(100):
            speaker.send(Say(f"{number}" + "x" * 4_000))
        speaker.fence()
        speaker.send(Command("close"))
        speaker.rest()


# --- the server ends


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_server_where_nobody_is(number: signal.Signals) -> None:
    with ServerProcess() as server:
        assert server.stop(number) == 0


@in_turn("number", SIGNALS)
def test_everybody_who_reads_gets_the_goodbye_as_the_last_frame(number: signal.Signals) -> None:
    with (
        ServerProcess("--rate", "0") as server,
        server.peers(150, room="busy") as readers,
        server.peers(20) as outside,
        server.peers(30, room="deaf", receive_buffer=2_048),
    ):
        flood(server, "deaf")
        readers[0].send(*(Say(f"{index}") for index in range(20)))
        start = time.monotonic()
        server.process.send_signal(number)
        for peer in [*readers, *outside]:
            assert last_of(peer) == Goodbye("shutdown", "the server is shutting down")
            peer.close()
        assert server.process.wait(DEADLINE) == 0
        # The server waits for those who do not read, but not for long.
        assert time.monotonic() - start < DEADLINE / 2
        assert ", 0 messages skipped" not in server.log().replace(";", ",")  # the deaf were really stuck


def test_no_left_is_told_when_the_server_ends() -> None:
    """Everybody is disconnected, and a `left` for each of a crowd to each of its members would be a flood."""
    with ServerProcess() as server, server.peers(20, room="tea") as peers:
        server.process.send_signal(signal.SIGINT)
        for peer in peers:
            assert [type(record) for record in peer.rest()] == [Goodbye]


def test_words_said_before_the_signal_arrive_before_the_goodbye() -> None:
    with ServerProcess("--rate", "0") as server, server.peers(2, room="tea") as (speaker, listener):
        speaker.send(*(Say(f"{number}", id=number) for number in range(200)))
        speaker.until(Sent, re=199)
        server.process.send_signal(signal.SIGINT)
        *messages, goodbye = listener.rest()
        assert [record.text for record in messages if isinstance(record, Message)] == [str(n) for n in range(200)]
        assert isinstance(goodbye, Goodbye)


@in_turn("rate, number", itertools.product(["0", "4"], SIGNALS))
def test_a_signal_while_input_is_in_flight(rate: str, number: signal.Signals) -> None:
    """A socket that is closed over unread input resets the connection, and the goodbye would be lost."""
    frames = b"".join(encode(Say("x" * 1_000)) for _ in range(150))
    with ServerProcess("--rate", rate) as server, server.peers(20) as peers:
        for index, peer in enumerate(peers):
            peer.join(f"room{index}")
        with server.stopped():
            for peer in peers:
                peer.raw(frames)
            server.process.send_signal(number)
        for peer in peers:
            goodbye = last_of(peer)
            assert isinstance(goodbye, Goodbye)
            assert goodbye.reason == "shutdown"
            peer.close()
        assert server.process.wait(DEADLINE) == 0


def test_a_peer_that_goes_on_sending_cannot_hold_the_server() -> None:
    with ServerProcess("--rate", "0") as server, Peer(server.port) as peer:
        peer.join("tea")
        server.process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # a reset, a broken pipe: which one is the system's choice
            while server.process.poll() is None:
                peer.send(Say("still here"))
        assert server.process.wait(DEADLINE) == 0


def test_nobody_is_accepted_while_the_server_drains() -> None:
    with ServerProcess() as server, Peer(server.port) as lingering:
        server.process.send_signal(signal.SIGINT)
        lingering.expect(Goodbye)  # and keep the connection, so that the server waits
        with pytest.raises(OSError):  # noqa: PT011 - refused, or reset where the system had accepted already
            Peer(server.port).close()


@in_turn("first, second", itertools.product(SIGNALS, SIGNALS))
def test_a_second_signal_ends_at_once(first: signal.Signals, second: signal.Signals) -> None:
    with ServerProcess() as server, Peer(server.port) as lingering:
        server.process.send_signal(first)
        lingering.expect(Goodbye)  # and keep the connection: now the server waits for our end of the stream
        assert lingering.recv() is None
        assert server.stop(second) == 0
        assert "stopping at once" in server.log()
        assert "1 connected" in server.log().splitlines()[-1]  # it has not waited


def test_the_port_is_free_again() -> None:
    with ServerProcess() as server:
        with server.peers(3) as peers:
            server.process.send_signal(signal.SIGINT)
            for peer in peers:
                peer.rest()
        assert server.process.wait(DEADLINE) == 0
        with ServerProcess("--port", str(server.port)) as again, Peer(again.port) as peer:
            assert peer.fence() == []


# --- connections end


def close(peer: Peer) -> None:
    peer.close()


def close_in_the_middle_of_a_frame(peer: Peer) -> None:
    peer.raw(encode(Say("never finished"))[:9])
    peer.close()


ENDS: dict[str, Callable[[Peer], None]] = {
    "reset": Peer.reset,
    "closed": close,
    "closed in the middle of a frame": close_in_the_middle_of_a_frame,
}


@in_turn("end, before", itertools.product(ENDS, [True, False]), EVERYWHERE)
def test_ends_in_the_middle_of_a_broadcast(end: str, before: bool) -> None:
    """All in one turn of the server's loop: the rest of the room gets everything."""
    with ServerProcess("--rate", "0") as server, server.peers(22, room="tea") as (speaker, *others):
        victims, survivors = others[::3], [peer for index, peer in enumerate(others) if index % 3]
        with server.stopped():
            if before:
                for victim in victims:
                    ENDS[end](victim)
            speaker.send(*(Say(f"{number}") for number in range(100)))
            if not before:
                for victim in victims:
                    ENDS[end](victim)
        names = {victim.name for victim in victims}
        for peer in survivors:
            records = [peer.recv() for _ in range(100 + len(victims))]
            texts = [record.text for record in records if isinstance(record, Message)]
            gone = [record for record in records if isinstance(record, Left)]
            assert texts == [str(number) for number in range(100)]
            assert {record.name for record in gone} == names
            assert {record.reason for record in gone} == {"lost"}
            assert peer.fence() == []


@everywhere
@pytest.mark.parametrize("end", ENDS)
def test_ends_while_the_room_never_stops_talking(end: str) -> None:
    with ServerProcess("--rate", "0") as server, server.peers(10, room="tea") as (speaker, *others):
        victims, survivors = others[:6], others[6:]
        heard: dict[str, list[int]] = {peer.name: [] for peer in survivors}
        sent = 0
        for victim in victims:
            speaker.send(*(Say(f"{number} " + "x" * 1_000) for number in range(sent, sent + 40)))
            sent += 40
            ENDS[end](victim)
            for peer in survivors:
                while len(heard[peer.name]) < sent:
                    record = peer.recv()
                    if isinstance(record, Message):
                        heard[peer.name].append(int(record.text.split()[0]))
        assert all(numbers == list(range(sent)) for numbers in heard.values())
        gone = [speaker.expect(Left, reason="lost").name for _ in victims]
        assert set(gone) == {victim.name for victim in victims}


def test_two_who_end_each_others_room_at_once() -> None:
    """Each of a pair is told of the other's end in the turn in which it ends itself."""
    with ServerProcess("--rate", "0") as server, server.peers(2, room="tea") as (one, two):
        with server.stopped():
            one.send(Command("close"))
            two.send(Command("close"))
        ends = [peer.rest() for peer in (one, two)]
        assert [type(records[-1]) for records in ends] == [Goodbye, Goodbye]
        assert sum(isinstance(record, Left) for records in ends for record in records) == 1
        with Peer(server.port) as next_one:
            assert next_one.join("tea").users == 1


def test_a_connection_that_is_reset_before_it_is_accepted() -> None:
    with ServerProcess() as server, Peer(server.port) as steady:
        with server.stopped():
            for _ in range(20):
                Peer(server.port, greet=False, tls=False).reset()
        assert steady.fence() == []
        with Peer(server.port) as newcomer:
            assert newcomer.fence() == []


def test_descriptors_do_not_leak() -> None:
    with ServerProcess("--rate", "0", "--max-connections", "40") as server:
        folder = f"/proc/{server.pid}/fd"
        if not os.path.isdir(folder):
            pytest.skip("the system has no /proc/PID/fd to count descriptors with")

        def count() -> int:
            return len(os.listdir(folder))

        with Peer(server.port) as first:
            first.fence()
            start = count() - 1
        source = random.Random(1)
        for _ in range(8):
            with server.peers(38, room="tea") as peers:
                refused = [Peer(server.port, greet=False, tls=False) for _ in range(6)]
                source.shuffle(peers)
                for index, peer in enumerate(peers):
                    match index % 6:
                        case 0:
                            peer.send(Command("close"))
                            peer.rest()
                        case 1:
                            peer.reset()
                        case 2:
                            peer.close()
                        case 3:
                            peer.raw(b"\0\0\0\x09unfinish")
                            peer.reset()
                        case 4:
                            peer.raw(b"\xff\xff\xff\xff")
                            peer.until(Goodbye)
                        case 5:
                            peer.send(Say("and gone"), Command("close"))
                for peer in refused:
                    peer.close()
        wait_until(lambda: count() == start, f"the return to {start} descriptors")
        with Peer(server.port) as last:
            assert last.fence() == []


FREEING = ENDS | {
    "close": lambda peer: peer.send(Command("close")),
    "bad frame": lambda peer: peer.raw(b"\xff" * 4),
}


@in_turn("end", FREEING, EVERYWHERE)
def test_a_name_and_a_room_are_free_afterwards(end: str) -> None:
    with ServerProcess() as server, Peer(server.port) as peer, Peer(server.port) as other:
        peer.send(Command("name", "somebody"), Command("join", "Tea"))
        peer.until(Joined)
        other.join("tea")
        peer.expect(Joined)
        FREEING[end](peer)
        other.expect(Left, room="Tea", name="somebody")
        other.settle()  # in a cluster, a name is free when the rooms know that its owner has left
        other.send(Command("name", "Somebody"), Command("leave"), Command("join", "TEA"))
        assert other.expect(Renamed).new == "Somebody"
        other.expect(Left)
        other.expect(Joined, room="TEA", users=1)
