"""A disk that hangs, a file that goes away, a clock that is wrong: with servers as child processes.

The child's commits hang as long as a file is there, and its wall clock is as many seconds ahead as another one says.
The child says that a disk hangs after one second instead of two.
"""

import contextlib
import itertools
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.shared.messages import Command, Goodbye, HistoryPage, HistoryRequest, Message, Notice, Say, Sent
from tests.fakes.history_server import guest, kill, make_file, whole_log
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, wait_until

PROGRAM = """
import os, sys, time
sys.path.insert(0, {root!r})
real = time.time_ns
def ahead():
    with open({clock!r}) as file:
        return int(file.read()) * 10**9
time.time_ns = lambda: real() + ahead()
from pylingo.reactor.history import sqlite as disk, store, writer_queue
from pylingo.reactor.run import main
disk.CHECK_EVERY = writer_queue.CHECK_EVERY = 0.25
def wait():
    while os.path.exists({hang!r}):
        time.sleep(0.005)
def open_file(*args):
    wait()
    file = store_open(*args)
    file.set_trace_callback(lambda sql: wait() if sql.upper().startswith("COMMIT") else None)
    return file
def sweep(*args):
    more = store_sweep(*args)
    open({swept!r}, "a").close()
    return more
store_open, disk.open_file = disk.open_file, open_file
store_sweep, store.sweep = store.sweep, sweep
sys.exit(main())
"""
YEAR = 365 * 86_400


class World:
    """The disk and the clock of a server, which a test controls."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chat.db"
        self.hang = folder / "hang"
        self.swept = folder / "swept"
        self._clock = folder / "clock"
        self.set_clock(0)
        self._stack = contextlib.ExitStack()

    def set_clock(self, ahead: int) -> None:
        """In seconds."""
        part = self._clock.with_suffix(".new")
        part.write_text(str(ahead))
        part.rename(self._clock)

    def start(self, *options: str) -> ServerProcess:
        self.swept.unlink(missing_ok=True)
        names = {"clock": self._clock, "hang": self.hang, "swept": self.swept, "root": ROOT}
        code = PROGRAM.format(**{name: str(path) for name, path in names.items()})
        server = ServerProcess("--rate", "0", "--history", str(self.path), *options, program=("-c", code))
        return self._stack.enter_context(server)

    def close(self) -> None:
        self.hang.unlink(missing_ok=True)
        self._stack.close()

    def texts(self) -> list[str]:
        """The texts in the file, which no server may have open."""
        with contextlib.closing(sqlite3.connect(self.path)) as file:
            return [text for (text,) in file.execute("select text from message order by at")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with contextlib.closing(World(tmp_path)) as world:
        yield world


def say(peer: Peer, text: str) -> int:
    peer.send(Say(text, id=1))
    return peer.until(Sent).at


def now() -> int:
    return time.time_ns() // 1_000


# --- a disk that hangs


@pytest.mark.usefixtures("wire")
def test_a_hanging_disk_is_announced_and_everything_is_confirmed_when_it_answers(world: World) -> None:
    server = world.start()
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        say(alice, "before")
        world.hang.touch()
        alice.send(Say("meanwhile", id=2), HistoryRequest(id=3))
        assert "does not answer" in bob.until(Notice).text
        wait_until(lambda: "has not answered for 1 second" in server.log())
        page = alice.until(HistoryPage)  # from memory, and no `sent` before it
        assert [entry.text for entry in page.messages] == ["before", "meanwhile"]
        alice.send(Say("more", id=4))
        bob.until(Message, text="more")
        assert not [record for record in alice.fence() if isinstance(record, Sent)]
        with Peer(server.port) as late:
            assert "does not answer" in late.expect(Notice).text
        wait_until(lambda: server.log().count("has not answered") > 1, "another line in the log")
        world.hang.unlink()
        assert alice.until(Sent).re == 2
        assert alice.until(Sent).re == 4
        assert "answers again" in bob.until(Notice).text
        wait_until(lambda: "answers again" in server.log())
        with Peer(server.port) as later:
            assert later.fence() == []
        kill(server)
    assert world.texts() == ["before", "meanwhile", "more"]


def test_messages_waiting_for_a_hanging_disk_are_bounded_and_the_rest_is_not_confirmed(world: World) -> None:
    server = world.start("--history-memory", "64K")
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        world.hang.touch()
        alice.send(Say("first", id=0))
        bob.until(Notice)
        notices: list[Notice] = []  # on a slow machine, the one that is waited for comes before the last message
        for number in range(1, 301):
            alice.send(Say(f"{number} " + "x" * 1_000, id=number))
            while isinstance(record := bob.recv(), Notice):
                notices.append(record)
            assert isinstance(record, Message)
        wait_until(lambda: re.search(r"[1-9]\d* did not fit", server.log()), "a line that says what is lost")
        assert "in memory only" in (notices or [bob.until(Notice)])[0].text
        world.hang.unlink()
        assert "answers again" in bob.until(Notice).text
        confirmed = {"first"}
        alice.send(Say("last", id=400))
        while (record := alice.until(Sent)).re != 400:
            assert record.re is not None
            confirmed.add(f"{record.re} " + "x" * 1_000 if record.re else "first")
        assert server.stop(signal.SIGTERM) == 0
    assert set(world.texts()) == confirmed | {"last"}
    assert 10 < len(confirmed) < 100
    lost = re.search(r"answers again.*: (\d+) messages", server.log())
    assert lost is not None
    assert int(lost[1]) == 301 - len(confirmed)


def test_after_a_hang_in_which_much_was_lost_everybody_is_heard(world: World) -> None:
    """A message that will never be confirmed does not count as a pending reply."""
    server = world.start("--history-memory", "64K", "--queue-hard", "64K")
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        world.hang.touch()
        alice.send(Say("first", id=0))
        bob.until(Notice)
        for number in range(1, 1_001):
            alice.send(Say("x" * 300, id=number))
            bob.until(Message)
        alice.send(Command("close"))
        assert alice.rest()[-1] == Goodbye("close", "you closed the connection; see you")
        world.hang.unlink()


@pytest.mark.usefixtures("wire")
def test_the_end_waits_no_longer_than_the_drain_timeout_for_a_disk_that_hangs(world: World) -> None:
    server = world.start("--drain-timeout", "2")
    with guest(server, "alice") as alice:
        world.hang.touch()
        alice.send(Say("hi", id=1))
        alice.fence()
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert isinstance(alice.rest()[-1], Goodbye)
        assert server.process.wait(DEADLINE) == 0
        assert time.monotonic() - begin < 2 + 2.5  # a disk had 5 s of its own before
    assert "was not finished" in server.log()


def test_a_disk_that_hangs_at_the_start_is_told_in_the_log(world: World) -> None:
    world.hang.touch()
    server = world.start()
    wait_until(lambda: "nobody can connect yet" in server.log())
    world.hang.unlink()
    with guest(server) as peer:
        assert say(peer, "hi")
    assert "answers again" not in server.log()


# --- a file that went away


@pytest.mark.parametrize("endings", [("",), ("", "-wal", "-shm"), ("-wal",)], ids=["file", "all", "journal"])
@pytest.mark.parametrize("way", [Path.unlink, lambda part: part.rename(f"{part}.old")], ids=["deleted", "renamed"])
def test_a_file_that_goes_away_is_made_anew(world: World, endings: tuple[str, ...], way: object) -> None:
    server = world.start()
    with guest(server, "alice") as alice, guest(server, "bob", "coffee") as bob:
        stamps = [say(alice, f"{number}") for number in range(20)]
        say(bob, "elsewhere")
        for ending in endings:
            part = Path(f"{world.path}{ending}")
            if part.exists():
                way(part)  # type: ignore[operator]
        alice.send(Say("after", id=7))
        stamps.append(alice.until(Sent, re=7).at)
        assert "cannot write" in bob.until(Notice).text
        assert re.search("new history file|again", bob.until(Notice).text)
        wait_until(lambda: {"after", "elsewhere"} <= set(written(world.path)))
        assert [entry.at for entry in whole_log(alice)] == stamps
        wait_until(lambda: "deleted, renamed or replaced" in server.log() and " 0 are lost" in server.log())
        kill(server)
    assert sorted(world.texts()) == sorted([*map(str, range(20)), "elsewhere", "after"])
    with contextlib.suppress(FileNotFoundError):
        world.path.with_name("chat.db.old").rename(world.path)
        assert {*map(str, range(20)), "elsewhere"} <= set(world.texts())


def written(path: Path) -> list[str]:
    """The texts in the file, as far as another process can read them while a server has it open."""
    copy = path.with_name("copy")
    copy.mkdir(exist_ok=True)
    try:
        for ending in ("", "-wal"):
            (copy / f"chat.db{ending}").write_bytes(Path(f"{path}{ending}").read_bytes())
        with contextlib.closing(sqlite3.connect(copy / "chat.db")) as file:
            return [text for (text,) in file.execute("select text from message")]
    except (FileNotFoundError, sqlite3.Error):
        return []


def test_a_file_that_goes_away_while_nobody_speaks_is_noticed(world: World) -> None:
    server = world.start()
    with guest(server, "alice") as alice:
        say(alice, "hi")
        world.path.unlink()
        wait_until(lambda: "created again, with 1 message" in server.log())
        assert server.stop(signal.SIGTERM) == 0
    assert world.texts() == ["hi"]


# --- a clock that is wrong


def test_a_clock_far_ahead_deletes_nothing_and_there_is_a_way_back(world: World) -> None:
    texts = [f"{number}" for number in range(50)]
    make_file(
        world.path, ((now() - 3_600_000_000 + number, "tea", "alice", texts[number], None) for number in range(50))
    )
    world.set_clock(10 * YEAR)
    for generation in range(2):  # the second time, the newest message was stamped by the wrong clock
        server = world.start()
        with guest(server, "bob") as bob:
            wait_until(world.swept.exists, "a look for old messages")
            wait_until(lambda server=server: "no message is deleted by its age" in server.log())
            assert say(bob, f"of the future {generation}") > now() + 9 * YEAR * 10**6
            texts.append(f"of the future {generation}")
            assert [entry.text for entry in whole_log(bob)] == texts
            kill(server)
    world.set_clock(0)
    server = world.start()
    with guest(server, "bob") as bob:
        wait_until(lambda: "behind the newest message" in server.log())
        wait_until(world.swept.exists, "a look for old messages")
        assert "no message is deleted" not in server.log()
        stamps = [say(bob, "now") for _ in range(5)]
        assert all(1 <= later - before <= 1_000 for before, later in itertools.pairwise(stamps))
        assert stamps[0] > now() + 9 * YEAR * 10**6
    assert server.stop(signal.SIGTERM) == 0
    with contextlib.closing(sqlite3.connect(world.path)) as file:
        file.executescript(way_back())
    server = world.start()
    with guest(server, "bob") as bob:
        assert abs(say(bob, "right again") - now()) < DEADLINE * 10**6
        said = whole_log(bob)
        assert [entry.text for entry in said] == [*texts, *["now"] * 5, "right again"]
        assert all(before.at < later.at for before, later in itertools.pairwise(said))
    assert "behind" not in server.log()


def way_back() -> str:
    """The statements in docs/server.md."""
    found = re.search(r"sqlite3 chat\.db \"(.*?)\"\n", (ROOT / "docs" / "server.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_a_clock_that_jumps_is_told_and_followed_back_as_soon_as_order_allows(world: World) -> None:
    server = world.start()
    with guest(server, "alice") as alice:
        before = say(alice, "before")
        world.set_clock(3 * 86_400)
        wait_until(lambda: say(alice, "ahead") > before + 2 * 86_400 * 10**6, "a stamp of the new time")
        wait_until(lambda: "jumped 3 days ahead" in server.log())
        world.set_clock(0)
        ahead = say(alice, "back")
        assert say(alice, "back again") <= ahead + 1_000
        wait_until(lambda: "jumped 3 days back" in server.log())
        world.set_clock(3 * 86_400 + 600)
        wait_until(lambda: say(alice, "in order") > ahead + 500 * 10**6, "a stamp of the clock")


def test_a_stamp_that_others_have_seen_is_not_given_again_after_a_kill(world: World) -> None:
    server = world.start()
    with guest(server, "alice") as alice, guest(server, "bob") as bob:
        say(alice, "kept")
        bob.until(Message)
        world.hang.touch()
        alice.send(*(Say(f"{number}", id=number) for number in range(50)))
        seen = [bob.until(Message).at for _ in range(50)]
        kill(server)
    world.hang.unlink()
    world.set_clock(-3_600)
    server = world.start()
    with guest(server, "alice") as alice:
        assert say(alice, "new") > seen[-1]
        assert [entry.text for entry in whole_log(alice)] == ["kept", "new"]
    assert server.stop(signal.SIGTERM) == 0


def test_after_a_proper_end_no_stamp_is_ahead_of_the_clock(world: World) -> None:
    for _ in range(3):
        server = world.start()
        with guest(server, "alice") as alice:
            assert say(alice, "hi") <= now()
        assert server.stop(signal.SIGTERM) == 0
