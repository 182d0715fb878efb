"""The history outlives the server, and a seat outlives its connection: with servers that are stopped and killed."""

import contextlib
import itertools
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pylingo.shared.codec import encode
from pylingo.shared.messages import (
    MAX_PAGE,
    Command,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Left,
    Message,
    Notice,
    PingRequest,
    Pong,
    Ready,
    Say,
    Sent,
    Users,
    Welcome,
)
from tests.fakes.history_server import guest, kill, make_file, whole_log
from tests.support import (
    DEADLINE,
    ROOT,
    Peer,
    ServerProcess,
    everywhere,
    in_turn,
    is_clustered,
    plain_only,
    ready,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("wire")
about_the_file = plain_only("this is about the file, whatever the connections are")

PROMPT = 10.0
"""Seconds within which a disk has taken a message: far more than any takes, also one that is shared."""

Start = Callable[..., ServerProcess]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Starts a server that keeps its history in the file, or in Redis; it has ended when the test has."""
    file = () if is_clustered() else ("--history", str(path))
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(ServerProcess("--rate", "0", *file, *options, **more))


def now() -> int:
    return time.time_ns() // 1_000


# --- restarts


@in_turn("number", [signal.SIGTERM, signal.SIGINT])
def test_a_restart_loses_nothing(start: Start, number: int) -> None:
    server = start()
    with guest(server, "alice") as alice, guest(server, "bob", "Straße") as bob:
        bob.send(Say("grüß Gott", "k-1"))
        alice.send(*(Say(f"{count}", f"k-{count}") for count in range(200)))
        alice.send(Say("the last words"))
        alice.fence()
    assert server.stop(number) == 0
    server = start()
    with guest(server, "carol") as carol, guest(server, "dave", "strasse") as dave:
        said = whole_log(carol)
        assert [entry.text for entry in said] == [*map(str, range(200)), "the last words"]
        assert [entry.key for entry in said] == [*(f"k-{count}" for count in range(200)), None]
        assert {entry.from_ for entry in said} == {"alice"}
        assert [(entry.from_, entry.text) for entry in whole_log(dave)] == [("bob", "grüß Gott")]
    assert "failed" not in server.log()


def test_a_message_confirmed_before_the_goodbye_is_stored(start: Start) -> None:
    """Those who speak while the server stops: whatever was confirmed is there, and what is there was said once."""
    server = start()
    with guest(server, "alice") as alice:
        alice.send(*(Say(f"{count}", id=count) for count in range(300)))
        alice.until(Sent)
        server.process.send_signal(signal.SIGTERM)
        records = alice.rest()
        assert isinstance(records[-1], Goodbye)
        assert records[-1].reason == "shutdown"
        confirmed = [0, *(record.re for record in records if isinstance(record, Sent))]
        assert server.process.wait(DEADLINE) == 0
    server = start()
    with guest(server) as peer:
        texts = [entry.text for entry in whole_log(peer)]
        assert texts == [str(count) for count in range(len(texts))]
        assert set(map(str, confirmed)) <= set(texts)


@in_turn("after", [1, 2, 30, 150, 400])
def test_a_kill_loses_nothing_that_was_confirmed(start: Start, after: int) -> None:
    server = start()
    confirmed: dict[int, int] = {}
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        for count in range(0, 1_000, 10):  # pipelined, and some of it under way when the end comes
            alice.send(*(Say(f"{number}", f"k-{number}", number) for number in range(count, count + 10)))
        while len(confirmed) < after:
            record = alice.recv()
            if isinstance(record, Sent):
                assert record.re is not None
                confirmed[record.re] = record.at
        kill(server)
        with contextlib.suppress(ConnectionError):
            while (record := alice.recv()) is not None:
                if isinstance(record, Sent):
                    confirmed[record.re] = record.at  # type: ignore[index]
        del bob
    server = start()
    with guest(server, "alice") as alice:
        said = whole_log(alice)
        assert [entry.text for entry in said] == [str(number) for number in range(len(said))]
        found = {int(entry.text): entry.at for entry in said}
        assert confirmed.items() <= found.items()
        # Saying all of it again with its keys adds what is missing and nothing else.
        alice.send(*(Say(f"{number}", f"k-{number}", number) for number in range(1_000)))
        again = [alice.until(Sent, re=number).at for number in range(1_000)]
        assert again[: len(said)] == [entry.at for entry in said]
        assert all(before < later for before, later in itertools.pairwise(again))
        assert [entry.text for entry in whole_log(alice)] == [str(number) for number in range(1_000)]


@about_the_file
def test_repeated_kills_lose_nothing_that_was_confirmed(start: Start) -> None:
    confirmed: list[str] = []
    for generation in range(4):
        server = start()
        with guest(server, "alice") as alice:
            texts = [f"{generation}-{number}" for number in range(50)]
            alice.send(*(Say(text, id=number) for number, text in enumerate(texts)))
            for number in range(10 * generation + 1):
                alice.until(Sent, re=number)
            confirmed += texts[: 10 * generation + 1]
            kill(server)
    server = start()
    with guest(server) as peer:
        said = whole_log(peer)
        assert set(confirmed) <= {entry.text for entry in said}
        assert all(before.at < later.at for before, later in itertools.pairwise(said))
        assert len({entry.text for entry in said}) == len(said)
    assert "failed" not in server.log()


@about_the_file
def test_times_increase_strictly_across_restarts(start: Start) -> None:
    stamps: list[int] = []
    for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        server = start()
        with guest(server) as peer:
            for _ in range(20):
                peer.send(Say("hi", id=1))
                stamps.append(peer.until(Sent).at)
        server.stop(ending)
    assert all(before < later for before, later in itertools.pairwise(stamps))


@about_the_file
def test_times_increase_strictly_after_a_message_of_the_future(start: Start, path: Path) -> None:
    future = now() + 3_600 * 10**6
    make_file(path, iter([(future, "elsewhere", "alice", "from tomorrow", None)]))
    stamps = []
    for _ in range(2):
        server = start()
        with guest(server) as peer:
            for _ in range(5):
                peer.send(Say("hi", id=1))
                stamps.append(peer.until(Sent).at)
        server.stop(signal.SIGTERM)
    assert stamps == list(range(future + 1, future + 11))


def test_a_key_is_known_across_a_restart_and_to_the_name_alone(start: Start) -> None:
    server = start()
    with guest(server, "Alice") as alice:
        alice.send(Say("once", "k", 1))
        at = alice.until(Sent).at
        kill(server)
    server = start()
    with guest(server, "bob") as bob, guest(server, "ALICE") as alice:
        alice.send(Say("once", "k", 1))
        assert alice.expect(Sent).at == at
        alice.fence()
        bob.send(Say("mine", "k", 1))
        assert bob.until(Sent).at > at
        assert [entry.text for entry in whole_log(alice)] == ["once", "mine"]


def test_a_token_is_no_longer_known_after_a_restart_and_the_rest_of_hello_counts(start: Start) -> None:
    server = start()
    with Peer(server.port) as alice:
        token = alice.hello("alice").token
    server.stop(signal.SIGTERM)
    server = start()
    with Peer(server.port) as alice:
        alice.send(Hello(1, "alice", resume=token))
        ready = alice.expect(Ready, name="alice", room=None, resumed=False)
        assert ready.token != token


# --- while it runs


def test_sent_follows_the_commit_promptly_and_the_room_does_not_wait_for_it(start: Start) -> None:
    server = start()
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        alice.fence()
        for number in range(20):
            begin = time.monotonic()
            alice.send(Say("hi", id=number))
            bob.expect(Message)
            alice.expect(Sent, re=number)
            assert time.monotonic() - begin < PROMPT


@about_the_file
def test_confirmed_messages_are_in_the_file(start: Start, path: Path, tmp_path: Path) -> None:
    """A copy of the file and its journal, taken while the server runs, is what a dead machine would leave."""
    server = start()
    with guest(server, "alice") as alice:
        alice.send(Say("hi", id=1))
        at = alice.until(Sent).at
        copy = tmp_path / "copy"
        copy.mkdir()
        for part in path.parent.glob("chat.db*"):
            (copy / part.name).write_bytes(part.read_bytes())
    with contextlib.closing(sqlite3.connect(copy / path.name)) as file:
        assert file.execute("select at, room, name, text from message").fetchall() == [(at, "tea", "alice", "hi")]


def test_a_page_has_what_was_said_in_the_same_breath(start: Start) -> None:
    server = start()
    with guest(server, "alice") as alice:
        alice.send(*(record for number in range(50) for record in (Say(f"{number}"), HistoryRequest(id=number))))
        for number in range(50):
            page = alice.until(HistoryPage, re=number)
            assert page.messages[-1].text == f"{number}"


@about_the_file
def test_a_large_file_delays_neither_the_start_nor_a_page(start: Start, path: Path) -> None:
    count = 200_000
    begin = now() - count * 1_000
    make_file(path, ((begin + n * 1_000, f"room-{n % 5}", "alice", f"{n} " + "x" * 80, None) for n in range(count)))
    started = time.monotonic()
    server = start()
    assert time.monotonic() - started < DEADLINE / 2
    with guest(server, room="room-3") as peer:
        assert time.monotonic() - started < DEADLINE / 2
        asked = time.monotonic()
        peer.send(
            HistoryRequest(id=1),
            HistoryRequest(since=0, limit=MAX_PAGE, id=2),
            HistoryRequest(before=begin + 10**8, id=3),
        )
        newest, oldest, middle = (peer.until(HistoryPage, re=number) for number in (1, 2, 3))
        assert time.monotonic() - asked < PROMPT
        assert newest.messages[-1].text.startswith("199998 ")
        assert oldest.messages[0].text.startswith("3 ")
        assert middle.messages[-1].text.startswith("99998 ")
        assert {page.oldest for page in (newest, oldest, middle)} == {begin + 3_000}
        assert all(page.more for page in (newest, oldest, middle))
        walked = []
        for number in range(4, 24):
            peer.send(HistoryRequest(since=walked[-1].at if walked else 0, limit=MAX_PAGE, id=number))
            walked += peer.until(HistoryPage, re=number).messages
        assert [int(entry.text.split()[0]) for entry in walked] == [5 * n + 3 for n in range(2_000)]
    assert server.stop(signal.SIGTERM) == 0


def test_others_chat_on_while_one_reads_everything(start: Start, path: Path) -> None:
    begin = now() - 10**9
    make_file(path, ((begin + n, "tea", "alice", "x" * 300, None) for n in range(20_000)))
    server = start()
    with guest(server) as reader, guest(server, room="coffee") as alice, guest(server, room="coffee") as bob:
        alice.fence()
        for first in range(0, 50, 5):  # so many pages that they are within the limit of the queue
            pages = range(first, first + 5)
            reader.send(*(HistoryRequest(since=begin + 100 * n, limit=MAX_PAGE, id=n) for n in pages))
            asked = time.monotonic()
            alice.send(Say(f"{first}"))
            bob.expect(Message, text=f"{first}")
            assert time.monotonic() - asked < PROMPT
            for number in pages:
                assert reader.until(HistoryPage, re=number).messages[0].at == begin + 100 * number + 1


@about_the_file
def test_many_names_with_one_key_hold_nobody_up_and_the_last_message_is_in_the_file(start: Start, path: Path) -> None:
    """Each of the many asks the file for a key that thousands have; what is read for that is counted elsewhere."""
    count, rows = 30, 20_000
    make_file(path, ((at, "tea", f"user-{at}", "hi", "k") for at in range(1, rows + 1)))
    server = start("--rate", "0", "--history-keep", "0")
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(guest(server, f"user-{1 + number}")) for number in range(count)]
        alice = stack.enter_context(guest(server, "alice", "coffee"))
        for turn in range(20):
            for number, peer in enumerate(many):
                peer.send(*(Say("hi", "k", each) for each in range(20)))
                peer.send(Say("new", f"{turn}-{number}"))
            alice.send(Say(f"{turn}", id=turn))
            at = alice.until(Sent, re=turn).at
        assert many[0].until(Sent, re=19).at == 1
        alice.send(Say("last words", id=100))
        last = alice.until(Sent, re=100).at
        assert last > at
        assert server.stop(signal.SIGTERM) == 0
    assert "not finished" not in server.log()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("select text from message where at = ?", (last,)).fetchone() == ("last words",)
        assert file.execute("select count(*) from message where key = 'k'").fetchone() == (rows,)


@about_the_file
def test_without_a_file_history_ends_with_the_server(path: Path) -> None:
    with ServerProcess() as server, guest(server, "alice") as alice:
        alice.send(Say("hi", id=1))
        alice.until(Sent)
        assert len(whole_log(alice)) == 1
    with ServerProcess() as server, guest(server, "alice") as alice:
        assert whole_log(alice) == []
    assert not path.exists()


# --- a file that cannot be used


IMPATIENT = """
import sys
sys.path.insert(0, {root!r})
from pylingo.reactor.history import database
from pylingo.reactor.run import main
database.BUSY = 0.5
sys.exit(main())
"""
"""A server that waits half a second for the lock of its file, instead of five."""


@about_the_file
def test_a_second_server_on_the_same_file_says_so_and_chats_on(start: Start) -> None:
    first = start()
    with guest(first, "alice") as alice:
        alice.send(Say("mine", id=1))
        alice.until(Sent)
        second = start(program=("-c", IMPATIENT.format(root=str(ROOT))))
        with guest(second, "bob", is_warned=True) as bob:  # it waits for the lock, then lets everybody in
            bob.send(Say("hi", "k", 1))
            bob.until(Sent)
            assert [entry.text for entry in whole_log(bob)] == ["hi"]
        wait_until(lambda: "another server has it open" in second.log(), "the line of the log")
        assert second.log().count("the history in") == 1
        assert second.stop(signal.SIGTERM) == 0
        alice.send(Say("still mine", id=2))
        alice.until(Sent, re=2)
    assert first.stop(signal.SIGTERM) == 0
    third = start()
    with guest(third) as peer:
        assert [entry.text for entry in whole_log(peer)] == ["mine", "still mine"]


@about_the_file
def test_a_file_of_another_kind_is_an_error_of_one_line_and_is_left_alone(path: Path) -> None:
    path.write_text("shopping list\n" * 1_000)
    command = [sys.executable, str(ROOT / "reactor" / "run.py"), "--port", "0", "--history", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    words = "file is not a database (--history chooses another file)"
    assert done.stderr == f"pylingo-server: cannot keep the history in {path}: {words}\n"
    assert path.read_text() == "shopping list\n" * 1_000


@about_the_file
def test_a_damaged_file_does_not_keep_anybody_out(start: Start, path: Path) -> None:
    make_file(path, ((n, "tea", "alice", "x" * 1_000, None) for n in range(1, 500)))
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (path.stat().st_size - 4_096))
    server = start()
    with guest(server, "alice", is_warned=True) as alice:
        alice.send(Say("hi", id=1))
        alice.until(Sent)
    assert server.stop(signal.SIGTERM) == 0


@about_the_file
def test_a_file_larger_than_the_memory_does_not_keep_anybody_out(start: Start, path: Path) -> None:
    make_file(path, ((n, f"room-{n % 7}", "alice", "x" * 1_000, None) for n in range(1, 500)))
    server = start("--history-memory", "64K", "--history-keep", "0")
    with guest(server, "alice", "room-1") as alice:
        assert len(whole_log(alice)) == 72
    assert server.stop(signal.SIGTERM) == 0


def limit_files() -> None:
    """No file may become larger than this, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@about_the_file
def test_a_full_disk(start: Start, path: Path) -> None:
    server = start(preexec=limit_files)
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        confirmed = 0
        notices = []
        while not notices:
            alice.send(Say(f"{confirmed} " + "x" * 2_000, id=confirmed))
            while True:
                record = alice.recv()
                if isinstance(record, Notice):
                    notices.append(record)
                if isinstance(record, Sent):
                    break
            confirmed += 1
            assert confirmed < 1_000
            if not notices:
                alice.send(PingRequest(5))
                while (record := alice.recv()) != Pong(5):
                    notices.append(record)
        assert all(isinstance(record, Notice) for record in notices)
        bob.until(Notice)
        for number in range(20):
            alice.send(Say(f"after {number}", id=number))
            alice.until(Sent, re=number)
            assert bob.until(Message, text=f"after {number}")
        alice.send(HistoryRequest(id=1))
        assert [entry.text for entry in alice.until(HistoryPage).messages[-20:]] == [f"after {n}" for n in range(20)]
        wait_until(lambda: "the history in" in server.log(), "the line of the log")
        assert server.log().count("the history in") == 1
        begin = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begin < DEADLINE / 4
    lost = re.search(r"(\d+) messages? (?:is|are) lost", server.log())  # in the end there may be place again, or not
    server = start()
    with guest(server) as peer:
        texts = [entry.text.partition(" x")[0] for entry in whole_log(peer)]
    said = [*map(str, range(confirmed)), *(f"after {number}" for number in range(20))]
    assert texts == said[: len(said) - (int(lost[1]) if lost is not None else 0)]
    assert len(texts) >= confirmed - 2


# --- seats


@everywhere
def test_a_seat_is_there_again_after_a_reset(start: Start) -> None:
    server = start()
    with guest(server, "bob") as bob:
        alice = Peer(server.port)
        token = alice.hello("alice").token
        alice.join("tea")
        bob.until(Joined, name="alice")
        alice.send(Say("before", id=1))
        at = alice.until(Sent).at
        alice.reset()
        bob.expect(Message, text="before")
        bob.send(Say("are you there?", id=2))
        bob.until(Sent)
        with Peer(server.port) as back:
            back.send(Hello(1, "somebody", resume=token, id=7))
            assert back.expect(Ready, re=7) == ready("alice", "tea", token, True, 7)
            back.send(HistoryRequest(since=at, id=8))
            assert [entry.text for entry in back.expect(HistoryPage).messages] == ["are you there?"]
            back.send(Say("yes", id=9))
            assert bob.expect(Message).from_ == "alice"
            back.until(Sent)
            bob.send(Command("users"))
            assert bob.expect(Users).users == ["alice", "bob"]


@everywhere
def test_a_say_that_was_cut_off_is_said_again_with_its_key_and_heard_once(start: Start) -> None:
    """As a client does whose connection breaks before the answer: nothing is lost, nothing comes twice."""
    server = start()
    with guest(server, "bob") as bob:
        peer = Peer(server.port)
        token = peer.hello("alice").token
        peer.join("tea")
        for number in range(20):
            peer.send(Say(f"{number}", f"k-{number}"))
            peer.sock.shutdown(1) if number % 2 else peer.reset()
            back = Peer(server.port)
            back.send(Hello(1, resume=token), Say(f"{number}", f"k-{number}", 5))
            assert back.until(Ready).resumed
            back.until(Sent, re=5, key=f"k-{number}")
            peer.close()
            peer = back
        peer.close()
        heard = [record.text for record in bob.fence() if isinstance(record, Message)]
        assert heard == [str(number) for number in range(20)]
        assert [entry.text for entry in whole_log(bob)] == heard


@everywhere
def test_a_live_connection_is_replaced(start: Start) -> None:
    server = start()
    with guest(server, "bob") as bob, Peer(server.port) as alice, Peer(server.port) as back:
        token = alice.hello("alice").token
        alice.join("tea")
        bob.until(Joined)
        back.send(Hello(1, resume=token))
        assert back.expect(Ready) == ready("alice", "tea", token, True)
        records = alice.rest()
        assert [(type(record), getattr(record, "reason", "")) for record in records] == [(Goodbye, "replaced")]
        bob.send(Say("hi"))
        back.expect(Message, text="hi")
        assert bob.fence() == []


@everywhere
def test_after_the_grace_the_seat_is_gone(start: Start) -> None:
    server = start("--resume-grace", "0.5")
    with guest(server, "bob") as bob:
        alice = Peer(server.port)
        token = alice.hello("alice").token
        alice.join("tea")
        bob.until(Joined)
        alice.reset()
        lost = time.monotonic()
        bob.expect(Left, name="alice", reason="lost")
        assert 0.3 < time.monotonic() - lost < DEADLINE / 2
        bob.settle()  # in a cluster, a name is free when the rooms know that its owner has left
        with Peer(server.port) as back:
            back.send(Hello(1, "alice", resume=token))
            ready = back.expect(Ready, name="alice", room=None, resumed=False)
            assert ready.token != token


@everywhere
def test_without_a_grace_the_room_sees_it_at_once(start: Start) -> None:
    server = start("--resume-grace", "0")
    with guest(server, "bob") as bob:
        alice = Peer(server.port)
        alice.hello("alice")
        alice.join("tea")
        bob.until(Joined)
        alice.reset()
        bob.expect(Left, name="alice", reason="lost")


@everywhere
def test_a_guest_without_hello_has_no_seat(start: Start) -> None:
    server = start()
    with guest(server, "bob") as bob:
        alice = Peer(server.port)
        name = alice.join("tea").name
        bob.until(Joined)
        alice.reset()
        bob.expect(Left, name=name, reason="lost")


def test_a_server_with_seats_that_wait_stops_at_once(start: Start) -> None:
    server = start("--resume-grace", "1000")
    for number in range(10):
        peer = Peer(server.port)
        peer.hello(f"name-{number}")
        peer.reset()
    begin = time.monotonic()
    assert server.stop(signal.SIGTERM) == 0
    assert time.monotonic() - begin < DEADLINE / 4


def test_a_crowd_comes_back_at_once(start: Start) -> None:
    """As after a break of a link that all had in common."""
    server = start()
    tokens = {}
    with guest(server, "bob") as bob, contextlib.ExitStack() as stack:
        for number in range(50):
            peer = Peer(server.port)
            tokens[f"name-{number}"] = peer.hello(f"name-{number}").token
            peer.join("tea")
            peer.reset()
        back = {name: stack.enter_context(Peer(server.port, greet=False)) for name in tokens}
        for name, peer in back.items():
            peer.raw(encode(Hello(1, resume=tokens[name])))
        for name, peer in back.items():
            peer.expect(Welcome)
            assert peer.until(Ready) == ready(name, "tea", tokens[name], True)
        assert {type(record) for record in bob.fence()} == {Joined}
        bob.send(Say("welcome back"))
        for peer in back.values():
            peer.until(Message, text="welcome back")
        os.kill(server.pid, signal.SIGUSR1)
        wait_until(lambda: "51 connected" in server.log(), "the counters in the log")


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff\xff", b"\0\0\0\x01\xc1", b"\0\0\0\x01\x80"], ids=["size", "body", "type"]
)
def test_requests_after_a_close_are_not_handled_while_the_disk_is_waited_for(tmp_path: Path, garbage: bytes):
    with ServerProcess("--history", str(tmp_path / "history")) as server, Peer(server.port) as peer:
        peer.join("tea")
        peer.raw(encode(Say("hi", id=1)) + encode(Command("close", id=2)) + garbage)
        assert peer.expect(Sent).re == 1
        assert peer.expect(Goodbye).reason == "close"
        assert peer.recv() is None
