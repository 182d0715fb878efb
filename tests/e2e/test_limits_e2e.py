"""Each limit is reached on real sockets: what happens is what the protocol says, and nobody else notices."""

import contextlib
import itertools
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Help,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Ping,
    PingRequest,
    Pong,
    PongRequest,
    Renamed,
    Say,
    Sent,
    Skipped,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record
from tests.support import EVERYWHERE, Peer, ServerProcess, everywhere, in_turn, plain_only, wait_until

pytestmark = pytest.mark.usefixtures("wire")

TINY = 2_048
"""A receive buffer with which the server soon notices that nobody reads."""


@pytest.fixture
def start() -> Iterator[Callable[..., ServerProcess]]:
    """Starts a server with options; it has ended when the test has."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(ServerProcess(*options, **more))


Start = Callable[..., ServerProcess]


def ended(peer: Peer, reason: str) -> list[Record]:
    """The records before the goodbye, which must have that reason and be the last record."""
    *records, goodbye = peer.rest()
    assert isinstance(goodbye, Goodbye), goodbye
    assert goodbye.reason == reason
    assert goodbye.text
    return records


# --- time without what is waited for


def test_silent(start: Start) -> None:
    server = start("--first-frame-timeout", "0.5")
    with server.peers(4) as peers:
        for peer, sent in zip(peers, [b"", b"\0", b"\0\0\0", b"\0\0\0\x0a\x81\xa4"], strict=True):
            peer.raw(sent)
        for peer in peers:
            assert ended(peer, "silent") == []


def test_one_frame_is_enough_not_to_be_silent(start: Start) -> None:
    server = start("--first-frame-timeout", "1.5")
    with Peer(server.port) as speaks, Peer(server.port) as silent:
        speaks.fence()
        ended(silent, "silent")
        assert speaks.fence() == []


def test_a_frame_begun_and_not_finished(start: Start) -> None:
    server = start("--frame-timeout", "0.5")
    with server.peers(2, room="tea") as (slow, other):
        slow.raw(b"\0\0")
        ended(slow, "frame-timeout")
        assert other.expect(Left).reason == "frame-timeout"
        assert other.fence() == []


def test_a_trickle_of_bytes_does_not_keep_a_frame_alive(start: Start) -> None:
    """Each byte is a sign of life, but the frame as a whole has its time."""
    server = start("--frame-timeout", "1")
    with server.peers(2, room="tea") as (slow, other):
        frame = encode(Say("x" * 4_000))
        sent = 0
        goodbye: Record | None = None
        while goodbye is None and sent < 200:
            slow.raw(frame[sent : sent + 1])
            sent += 1
            try:
                goodbye = slow.recv(timeout=0.1)
            except TimeoutError:
                continue
        assert isinstance(goodbye, Goodbye)
        assert goodbye.reason == "frame-timeout"
        assert 1 < sent < 200
        assert other.expect(Left).reason == "frame-timeout"


def test_idle_after_a_ping(start: Start) -> None:
    server = start("--ping-after", "0.3", "--ping-timeout", "1.5")
    with server.peers(2, room="tea") as (dead, alive):
        assert dead.expect(Ping) == Ping()
        while not isinstance(record := alive.recv(), Left):  # who answers the pings stays
            assert record == Ping()
            alive.send(PongRequest())
        assert record == Left("tea", dead.name, "idle")
        ended(dead, "idle")


def test_any_byte_answers_a_ping(start: Start) -> None:
    """As long as a ping is unanswered there is no other: the next one shows that the answer was taken as one."""
    server = start("--ping-after", "0.2")
    frame = iter(encode(PingRequest()))
    answers: list[Callable[[], bytes]] = [
        lambda: encode(PongRequest()),
        lambda: encode(PingRequest()),
        lambda: bytes([next(frame)]),
    ]
    with server.peers(len(answers)) as peers:
        for _ in range(3):
            for peer, answer in zip(peers, answers, strict=True):
                peer.until(Ping)
                peer.raw(answer())
        for peer in peers:
            peer.until(Ping)


def test_a_peer_that_talks_is_not_pinged(start: Start) -> None:
    server = start("--ping-after", "2", "--rate", "0")
    with Peer(server.port) as quiet, Peer(server.port) as talker:
        quiet.send(PongRequest())
        ping: Record | None = None
        while ping is None:  # the quiet one gets its ping while the other has talked all the time
            assert talker.fence() == []
            with contextlib.suppress(TimeoutError):
                ping = quiet.recv(timeout=0.1)
        assert ping == Ping()


# --- who does not read


def fill(speaker: Peer, listeners: list[Peer], count: int, size: int = 4_000) -> list[int]:
    """Say so many long messages, read by `listeners` as they come; returns their times."""
    stamps: list[int] = []
    for begin in range(0, count, 10):
        numbers = range(begin, min(begin + 10, count))
        speaker.send(*(Say(f"{number} ".ljust(size, "x"), id=number) for number in numbers))
        stamps += [speaker.until(Sent, re=number).at for number in numbers]
        for listener in listeners:
            for number in numbers:
                message = listener.until(Message)
                assert message.text.startswith(f"{number} ")
                assert message.at == stamps[number]
    return stamps


def test_stalled_by_taking_no_byte(start: Start) -> None:
    server = start("--rate", "0", "--stall-timeout", "0.5")
    with (
        server.peers(2, room="tea") as (speaker, listener),
        server.peers(1, room="tea", receive_buffer=TINY) as (deaf,),
    ):
        speaker.send(*(Say("x" * 4_000) for _ in range(100)))
        left = Left("tea", deaf.name, "stalled")
        assert listener.until(Left) == left
        # What it reads now are whole frames, and the goodbye as the last: it is not cut off in the middle.
        ended(deaf, "stalled")
        assert [record for record in speaker.fence() if isinstance(record, Left)] == [left]


def test_stalled_by_asking_and_not_reading(start: Start) -> None:
    server = start("--rate", "0", "--queue-soft", "16K", "--queue-hard", "32K", "--stall-timeout", "1")
    with (
        server.peers(1, room="tea") as (listener,),
        server.peers(1, room="tea", receive_buffer=TINY) as (greedy,),
    ):
        greedy.sock.setblocking(False)
        question = encode(Command("help")) * 50
        with contextlib.suppress(BlockingIOError):
            while True:  # until the systems' buffers are full, as the server reads no more either
                question = question[greedy.sock.send(question) :] or encode(Command("help")) * 50
        assert listener.until(Left) == Left("tea", greedy.name, "stalled")
        assert {type(record) for record in ended(greedy, "stalled")} == {Help}


@pytest.mark.parametrize("history", [False, True], ids=["in memory", "on disk"])
def test_large_answers_are_waited_for_and_nobody_who_reads_is_ended(
    start: Start, tmp_path: Path, history: bool
) -> None:
    server = start("--rate", "0", "--stall-timeout", "5", *["--history", str(tmp_path / "h.sqlite")] * history)
    with (
        server.peers(1, room="tea") as (speaker,),
        server.peers(1, room="tea", receive_buffer=TINY) as (reader,),
    ):
        fill(speaker, [reader], 100)
        reader.send(*[HistoryRequest(limit=100, id=number) for number in range(12)], PingRequest(12))
        answers = [reader.recv() for _ in range(13)]  # a pong need not wait for the disk
        pages = [record for record in answers if isinstance(record, HistoryPage)]
        assert [page.re for page in pages] == list(range(12))
        assert sum(len(page.messages) * 4_000 for page in pages) > 262_144  # more than --queue-hard
        assert Pong(re=12) in answers


def test_an_address_has_a_pace_however_often_it_connects(start: Start) -> None:
    """Otherwise each connection would begin with a burst of its own."""
    server = start("--exempt", "none", "--rate", "0.01", "--burst", "2")
    with contextlib.ExitStack() as stack:
        for _ in range(32):  # which spend what sixteen connections may
            peer = stack.enter_context(Peer(server.port))
            peer.fence()
            peer.reset()
        late = stack.enter_context(Peer(server.port))
        late.send(PingRequest(1))
        late.nothing(0.3)


def test_an_exempt_address_has_none(start: Start) -> None:
    server = start("--rate", "0.01", "--burst", "2")
    for _ in range(50):
        with Peer(server.port) as peer:
            peer.fence()
            peer.reset()


@in_turn("soft", ["1K", "64K"], EVERYWHERE)
def test_a_slow_reader_is_told_exactly_what_it_missed(start: Start, soft: str) -> None:
    server = start("--rate", "0", "--queue-soft", soft)
    with (
        server.peers(2, room="tea") as (speaker, listener),
        server.peers(1, room="tea", receive_buffer=TINY) as (slow,),
    ):
        speaker.fence()
        listener.fence()
        stamps = fill(speaker, [listener], 150)
        received: list[int] = []
        while isinstance(record := slow.recv(), Message):
            received.append(record.at)
        assert isinstance(record, Skipped)
        missed = stamps[len(received) :]
        assert missed
        assert received == stamps[: len(received)]
        assert record == Skipped("tea", len(missed), record.after, record.until)
        assert [at for at in stamps if record.after < at <= record.until] == missed
        # From then on it misses nothing.
        speaker.send(Say("awake?"))
        assert slow.expect(Message).text == "awake?"
        slow.send(Say("awake"))
        assert speaker.expect(Message).text == "awake"
        assert listener.fence()
        assert slow.fence() == []


@everywhere
def test_a_slow_reader_falls_behind_again_and_again(start: Start) -> None:
    server = start("--rate", "0", "--queue-soft", "1K")
    with (
        server.peers(1, room="tea") as (speaker,),
        server.peers(1, room="tea", receive_buffer=TINY) as (slow,),
    ):
        speaker.fence()
        for _ in range(3):
            stamps = fill(speaker, [], 120)
            received: list[int] = []
            while isinstance(record := slow.recv(), Message):
                received.append(record.at)
            assert isinstance(record, Skipped)
            assert received + [at for at in stamps if record.after < at <= record.until] == stamps
            assert record.count == len(stamps) - len(received)


DEAFENING = 1_500


def deafened(other: Peer, slow: Peer) -> None:
    """`slow` asks and does not read, until its queue is past the soft limit: room frames leave it out.

    The answers alone fill it, so that no message is left out yet.
    """
    slow.raw(encode(Command("help")) * DEAFENING)
    other.fence()


HARD = ("--queue-soft", "1K", "--queue-hard", "64M")


@everywhere
def test_a_reader_that_missed_only_a_join_is_told_too(start: Start) -> None:
    server = start("--rate", "0", *HARD)
    with (
        server.peers(1, room="tea") as (other,),
        server.peers(1, room="tea", receive_buffer=TINY) as (slow,),
    ):
        deafened(other, slow)
        with Peer(server.port) as visitor:
            visitor.join("tea")
            other.until(Joined, name=visitor.name)
            other.send(Command("name", "renamed"))
            other.until(Renamed)
            for _ in range(DEAFENING):
                slow.expect(Help)
            skipped = slow.expect(Skipped, room="tea", count=0)
            assert skipped.after == skipped.until
            slow.send(Command("users"))
            assert slow.expect(Users).users == sorted([visitor.name, "renamed", slow.name])


@in_turn(
    "request_, answer, at_once",
    [
        (request, answer, at_once)
        for request, answer in (
            (Command("leave", id=1), Left),
            (Command("join", "other", id=1), Joined),
            (Command("close", id=1), Goodbye),
        )
        # In a cluster, somebody who closes the connection does not wait for what others are saying: this order leaves
        # the last one to TLS.
        for at_once in ((True, False) if answer is Goodbye else (False, True))
    ],
    EVERYWHERE,
)
def test_skipped_comes_before_the_answer_that_leaves_the_room(
    start: Start, request_: Command, answer: type[Record], at_once: bool
) -> None:
    """Also where the last message and the leave are handled in one tick."""
    server = start("--rate", "0", *HARD)
    with (
        server.peers(1, room="tea") as (speaker,),
        server.peers(1, room="tea", receive_buffer=TINY) as (slow,),
    ):
        deafened(speaker, slow)
        says = [Say(str(number), id=number) for number in range(20)]
        if at_once:
            with server.stopped():
                speaker.send(*says)
                slow.send(request_)
            told = [speaker.recv() for _ in range(21)]
        else:
            speaker.send(*says)
            told = [*speaker.fence()]
            slow.send(request_)
            told.append(speaker.recv())
        missed = next(index for index, record in enumerate(told) if isinstance(record, Left))
        for _ in range(DEAFENING):
            slow.expect(Help)
        if missed:  # at once, either of the two may be handled first
            slow.expect(Skipped, room="tea", count=missed)
        else:
            assert at_once
        assert getattr(slow.expect(answer), "re", None) == 1


def test_a_sleeping_process_does_not_hold_up_the_room(start: Start) -> None:
    """And the direct answers it has asked for are kept, all of them and in order."""
    server = start("--rate", "0")
    with (
        server.peers(2, room="tea") as (speaker, listener),
        server.peers(5, room="tea", receive_buffer=TINY) as sleepers,
    ):
        speaker.fence()
        listener.fence()
        for peer in sleepers:
            peer.send(*(PingRequest(number) for number in range(100)))
        fill(speaker, [listener], 200)
        for peer in sleepers:
            pongs = []
            while len(pongs) < 100:
                record = peer.recv()
                if isinstance(record, Pong):
                    pongs.append(record.re)
            assert pongs == list(range(100))


# --- the number of connections


def admitted(server: ServerProcess) -> bool:
    """Whether one more gets in. Waits where accepting pauses."""
    with Peer(server.port, greet=False) as peer:
        return isinstance(peer.recv(), Welcome)


@plain_only("a peer that is refused is told so in plain, and here it is open which peers are")
def test_full_by_the_most_connections(start: Start) -> None:
    server = start("--max-connections", "3")
    with server.peers(3, room="tea") as (first, second, third):
        for _ in range(3):
            with Peer(server.port, greet=False, tls=False) as late:
                assert ended(late, "full") == []  # no welcome before it
        first.close()
        second.until(Left)
        wait_until(lambda: admitted(server), "the place that is free again")
        second.send(Say("still here"))
        third.until(Message, text="still here")


def test_bytes_of_refused_peers_do_not_count_and_their_goodbye_arrives(start: Start) -> None:
    """Many at once, who all speak before they are refused."""
    server = start("--max-connections", "1")
    with server.peers(1, room="tea") as (inside,):
        refused = []
        with server.stopped():
            for _ in range(16):
                refused.append(Peer(server.port, greet=False, tls=False))
                refused[-1].send(Command("join", "tea"), *[Say("x" * 1_000)] * 50)
        for peer in refused:
            with peer:
                assert ended(peer, "full") == []
        assert inside.fence() == []


def test_loopback_has_no_limit_for_one_address(start: Start) -> None:
    server = start("--max-per-address", "2")
    with server.peers(20, room="tea") as peers:
        peers[0].send(Command("users"))
        assert len(peers[0].expect(Users).users) == 20


def test_an_office_behind_one_address_has_64_places_and_more_where_its_network_is_exempt(start: Start) -> None:
    server = start("--exempt", "none")
    with contextlib.ExitStack() as stack:
        inside = [stack.enter_context(Peer(server.port)) for _ in range(64)]
        with Peer(server.port, greet=False, tls=False) as late:
            late.expect(Goodbye, reason="address-limit")
            assert late.recv() is None
        assert all(peer.fence() == [] for peer in inside)
    wider = start("--exempt", "none", "--exempt", "127.0.0.0/8", "--max-per-address", "2")
    with wider.peers(20, room="tea") as peers:
        assert all(peer.fence() == [] for peer in peers)


def limited(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@plain_only("a peer that is refused is told so in plain, and here it is open which peers are")
@pytest.mark.skipif(sys.platform != "linux", reason="how large a process is is read from /proc")
def test_without_memory_for_another_it_is_full_and_goes_on(start: Start) -> None:
    """An allocation can fail anywhere, in the selector too: that must neither end the server nor make it spin."""

    plain = {"MALLOC_ARENA_MAX": "1"}  # threads reserve address space otherwise, where there is enough

    def status(server: ServerProcess, name: str) -> int:
        return int(re.findall(rf"{name}:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())[0]) * 1_024

    size = (
        status(start(environment=plain), "VmSize") + 16 * 2**20
    )  # with a reserve that is larger by 12 MiB, and some to run out of
    server = start(
        "--first-frame-timeout",
        "600",
        environment=plain,
        preexec=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )
    places = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100
    with contextlib.ExitStack() as stack:
        inside = [stack.enter_context(Peer(server.port))]
        while len(inside) < places:
            late = stack.enter_context(Peer(server.port, greet=False))
            if isinstance(late.recv(), Goodbye):
                break
            inside.append(late)
        else:
            pytest.skip(f"{places} connections are not enough to run out of memory")
        wait_until(lambda: "memory has run out" in server.log(), "the word in the log")
        assert not [record for record in inside[0].fence() if not isinstance(record, Ping)]  # that took a while

    def admitted() -> bool:
        with Peer(server.port, greet=False) as peer:
            return isinstance(peer.recv(), Welcome)

    wait_until(admitted, "a place that is free again")
    assert server.stop(signal.SIGTERM) == 0


def test_the_server_raises_the_limit_of_descriptors_itself(start: Start) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 300:
        pytest.skip(f"a process may open {hard} descriptors only")
    server = start("--rate", "0", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))
    with server.peers(150, room="tea") as peers:
        peers[0].send(Say("all here?"))
        assert peers[-1].expect(Message).text == "all here?"


@plain_only("a peer that is refused is told so in plain, and here it is open which peers are")
def test_the_limit_of_descriptors_is_a_limit_of_connections(start: Start) -> None:
    server = start("--rate", "0", preexec=limited(80, 80))
    with server.peers(80 - 32, room="tea") as inside:
        for _ in range(5):
            with Peer(server.port, greet=False, tls=False) as late:
                assert ended(late, "full") == []
        inside[0].send(Say("we go on"))
        for peer in inside[1:]:
            peer.expect(Message, text="we go on")
        inside[0].send(Command("close"))
        inside[0].rest()
        inside[0].close()
        inside[1].expect(Left)
        wait_until(lambda: admitted(server), "the place that is free again")


@pytest.mark.parametrize("most", [20, 32, 33, 40])
@plain_only("a peer that is refused is told so in plain, and here it is open which peers are")
def test_a_very_low_limit_of_descriptors(start: Start, most: int) -> None:
    """However few places there are, somebody is served, and whoever finds no place is told so."""
    try:
        server = start("--max-connections", "1000", preexec=limited(most, most))
    except AssertionError as error:  # not to start, and to say why in one line, would be sound as well
        assert "Traceback" not in str(error)
        assert "descriptor" in str(error)
        return
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(server.port, greet=False)) for _ in range(10)]
        first = [peer.recv() for peer in peers]
        assert all(isinstance(record, Welcome) or getattr(record, "reason", "") == "full" for record in first)
        assert 1 <= sum(isinstance(record, Welcome) for record in first) <= max(1, most - 32)


@plain_only("a peer that is refused is told so in plain, and here it is open which peers are")
def test_no_descriptor_is_left(start: Start) -> None:
    """The limit is lowered under the running server, so that accepting really fails."""
    if not hasattr(resource, "prlimit"):
        pytest.skip("the system cannot lower the limit of another process")
    server = start("--rate", "0", "--log-level", "info")
    folder = f"/proc/{server.pid}/fd"
    if not os.path.isdir(folder):
        pytest.skip("the system has no /proc/PID/fd to count descriptors with")
    with server.peers(3, room="tea") as (one, two, three):
        used = {int(name) for name in os.listdir(folder)}
        free = next(number for number in itertools.count() if number not in used)
        hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (free, hard))
        with Peer(server.port, greet=False, tls=False) as late:
            assert ended(late, "full") == []
        wait_until(lambda: "accepting pauses" in server.log(), "the pause")
        # While nobody can be accepted but somebody waits, the loop does not spin, and those inside are served.
        with Peer(server.port, greet=False) as waiting:
            before = ticks(server)
            one.send(Say("we go on"))
            for peer in (two, three):
                peer.until(Message, text="we go on")
            assert ended(waiting, "full") == []  # after the pause the next one is told
            assert ticks(server) - before < 1_000
        one.send(Command("close"))
        one.rest()
        one.close()
        wait_until(lambda: admitted(server), "the place that is free again")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))
        with server.peers(10) as peers:
            for peer in peers:
                assert peer.fence() == []


def ticks(server: ServerProcess) -> int:
    """How many turns the server's loop has made, from its log."""
    lines = server.log().count(" ms of ")
    os.kill(server.pid, signal.SIGUSR1)
    wait_until(lambda: server.log().count(" ms of ") > lines, "the counters in the log")
    return int(server.log().rpartition(" ms of ")[2].split()[0])


# --- pacing


def test_the_default_pace_slows_one_and_loses_nothing(start: Start) -> None:
    server = start()
    with server.peers(3, room="tea") as (fast, listener, other):
        for peer in (fast, listener, other):
            peer.fence()
        fast.send(*(Say(str(number)) for number in range(24)))
        heard = [listener.expect(Message)]
        # Somebody else is not held up meanwhile.
        for number in range(5):
            other.send(Say(f"other {number}"))
        others = 0
        while len(heard) < 24:
            message = listener.expect(Message)
            if message.from_ == other.name:
                others += 1
                assert len(heard) < 24
            else:
                heard.append(message)
        assert others == 5
        assert [message.text for message in heard] == [str(number) for number in range(24)]
        # 24 at 4 a second after a burst of 10 (some of it used up by joining) take 3.5 s.
        assert heard[-1].at - heard[0].at > 2_500_000


@pytest.mark.parametrize("end", ["shutdown", "close"])
def test_frames_sent_before_fin_count_also_beyond_the_burst(start: Start, end: str) -> None:
    server = start("--rate", "50", "--burst", "5")
    with server.peers(2, room="tea") as (fast, listener):
        fast.send(*(Say(str(number)) for number in range(30)))
        if end == "shutdown":
            fast.sock.shutdown(socket.SHUT_WR)
        else:
            fast.close()
        for number in range(30):
            listener.expect(Message, text=str(number))
        listener.expect(Left, name=fast.name, reason="lost")


def test_no_deadline_runs_for_who_is_not_read(start: Start) -> None:
    """Paced for longer than every time that a peer has: the bytes are there, it is the server that does not look."""
    options = ["--rate", "2", "--burst", "1", "--frame-timeout", "0.3", "--ping-after", "0.3", "--ping-timeout", "0.1"]
    server = start(*options)
    with Peer(server.port) as peer:
        peer.send(*(PingRequest(number) for number in range(4)))
        for number in range(4):
            peer.until(Pong, re=number)
