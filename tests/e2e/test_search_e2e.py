"""Searching the history of a real server: over restarts and crashes, while the index is built, and in a copy."""

import contextlib
import itertools
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pylingo.reactor.backup import copy
from pylingo.reactor.history.chapters import read_chapters
from pylingo.shared.messages import MAX_PAGE, HistoryPage, HistoryRequest, Message, Say, Sent, Welcome
from tests.fakes.history_server import guest, kill, make_file
from tests.fakes.search import all_pages
from tests.support import Peer, ServerProcess, everywhere, is_clustered, wait_until

Start = Callable[..., ServerProcess]
COUNT = 30_000
RARE = {n: f"message {n} zyzzyva" for n in range(7, COUNT, 10_000)}
"""The messages with a rare word, one in each room."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Starts a server that keeps its history in the file; it has ended when the test has."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(
            ServerProcess("--rate", "0", "--history-keep", "0", "--history", str(path), *options)
        )


@pytest.fixture
def old_file(path: Path) -> int:
    """A file of version 1, without an index. Returns the stamp before its first message."""
    begin = time.time_ns() // 1_000 - 10**9
    texts = (RARE.get(n, f"message {n}") for n in range(COUNT))
    make_file(path, ((begin + n, f"room-{n % 3}", "alice", text, None) for n, text in enumerate(texts)))
    return begin


def found(peer: Peer, words: str, **where: str) -> list[str]:
    """The texts of all messages that a search finds."""
    numbers = itertools.count(1)

    def ask(request: HistoryRequest) -> HistoryPage:
        request.id = next(numbers)
        for name, value in where.items():
            setattr(request, name, value)
        peer.send(request)
        return peer.until(HistoryPage, re=request.id)

    pages = all_pages(ask, words, MAX_PAGE)  # type: ignore[arg-type]
    return [entry.text for page in reversed(pages) for entry in page.messages]


def words_in(path: Path) -> int:
    """The words in the index that has been committed."""
    with contextlib.closing(sqlite3.connect(path)) as file, contextlib.suppress(sqlite3.OperationalError):
        return sum(chapter.words for chapter in read_chapters(file))
    return 0  # the file is being upgraded


def rare_in(number: int) -> list[str]:
    """The messages with the rare word in a room."""
    return [text for n, text in RARE.items() if n % 3 == number]


@everywhere
@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("options", [(), ("--history",)], ids=["in memory", "on disk"])
def test_a_search_in_a_room_and_in_a_conversation(path: Path, options: tuple[str, ...]) -> None:
    if is_clustered() and options:
        pytest.skip("a cluster keeps its history in Redis")
    with (
        ServerProcess("--rate", "0", *(option for name in options for option in (name, str(path)))) as server,
        guest(server, "alice") as alice,
        guest(server, "bob") as bob,
    ):
        with Peer(server.port, greet=False) as peer:
            assert "search" in (peer.expect(Welcome).features or [])
        alice.send(
            Say("Grüße aus 東京", id=1),
            Say("nothing", id=2),
            Say("grüß mir 京都", id=3),
            Say("GRÜSSE!", to="bob", id=4),
        )
        alice.until(Sent, re=4)
        assert found(alice, "grüss") == ["Grüße aus 東京", "grüß mir 京都"]
        assert found(bob, "京都") == ["grüß mir 京都"]
        assert found(bob, "gruss") == []
        assert found(bob, "grüss", with_="alice") == ["GRÜSSE!"]


def test_an_old_file_is_searched_while_its_index_is_built_and_after_a_crash(
    start: Start, path: Path, old_file: int
) -> None:
    server = start()
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(guest(server, room=f"room-{number}")) for number in range(3)]
        assert [found(peer, "zyzzyva") for peer in peers] == [rare_in(number) for number in range(3)]
        assert all(len(rare_in(number)) == 1 for number in range(3))
    wait_until(lambda: words_in(path) > 0, "the beginning of the index")
    kill(server)
    assert words_in(path) < 2 * COUNT
    server = start()
    with guest(server, room="room-2") as peer:
        assert found(peer, "zyzzyva") == rare_in(2)
        peer.send(Say("zyzzyva now", id=1))
        peer.until(Sent, re=1)
        assert found(peer, "zyzzyva") == [*rare_in(2), "zyzzyva now"]
        wait_until(lambda: words_in(path) == 2 * COUNT + len(RARE), "the whole index")
        assert found(peer, "zyzzyva") == [*rare_in(2), "zyzzyva now"]
    assert server.stop(signal.SIGTERM) == 0


def test_others_chat_on_while_one_searches_everything(start: Start, old_file: int) -> None:
    server = start()
    with guest(server, room="room-1") as reader, guest(server) as alice, guest(server) as bob:
        for number in range(20):
            reader.send(*(HistoryRequest(search="zyzzyva", id=number) for _ in range(5)))
            alice.send(Say(f"{number}", id=1))
            alice.until(Sent, re=1)
            bob.expect(Message, text=f"{number}")
        for number in range(20):
            for _ in range(5):
                reader.until(HistoryPage, re=number)


def test_a_peer_that_hangs_up_leaves_its_searches_behind(start: Start, old_file: int) -> None:
    server = start()
    for _ in range(20):
        with guest(server, room="room-1") as peer:
            peer.send(*(HistoryRequest(search="zyzzyva absent", id=number) for number in range(8)))
    with guest(server, room="room-1") as peer:
        assert found(peer, "zyzzyva") == rare_in(1)
    assert server.stop(signal.SIGTERM) == 0
    assert "Traceback" not in server.log()


def test_a_copy_of_a_running_server_has_the_index(start: Start, path: Path, old_file: int) -> None:
    server = start()
    wait_until(lambda: words_in(path) > 10_000, "a part of the index")
    copied = path.with_name("copy.db")
    copy(str(path), str(copied))
    assert server.stop(signal.SIGTERM) == 0
    path.unlink()
    copied.rename(path)
    assert words_in(path) > 10_000
    server = start()
    with guest(server, room="room-1") as peer:
        assert found(peer, "zyzzyva") == rare_in(1)
        assert found(peer, "message 599") == [
            f"message {n}" for n in range(COUNT) if str(n)[:3] == "599" and n % 3 == 1
        ]
