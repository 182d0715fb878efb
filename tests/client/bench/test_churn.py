"""Everybody joining at once, and short lives: what a sound server does passes, what a faulty one does is found."""

import collections
import contextlib
import gc
from collections.abc import Callable, Iterator

import pytest

from pylingo.client.bench import load as module
from pylingo.client.bench.churn import churn, join_storm
from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.load import Load
from pylingo.client.bench.plan import Plan
from pylingo.client.bench.stream import StreamError
from pylingo.shared.codec import encode
from pylingo.shared.framing import HEADER_SIZE
from pylingo.shared.messages import Joined, Left, Message
from pylingo.shared.schema import Record
from tests.fakes.loads import wait_until_empty
from tests.fakes.proxy import Proxy, Tamper
from tests.support import ServerProcess


@pytest.fixture(autouse=True)
def alone(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody of the tests before is here, and who waits for what a faulty server keeps back does not wait long."""
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    wait_until_empty(server)
    yield
    gc.collect()  # a socket that a failed run has left open is this test's, and not a later one's


@contextlib.contextmanager
def loads(port: int, clients: int) -> Iterator[Load]:
    load = Load(Plan(clients=clients), PyLingo(), port)
    try:
        yield load
    finally:
        load.close()


def run_storm(port: int, clients: int = 20) -> tuple[float, int]:
    with loads(port, clients) as load:
        load.connect(enter=False)
        return join_storm(load)


def run_churn(port: int, lives: int = 20) -> int:
    with loads(port, 1) as load:
        load.connect()
        return churn(load, 5, lives)


@pytest.mark.parametrize("clients", [1, 2, 50])
def test_a_storm(server: ServerProcess, clients: int):
    seconds, frames = run_storm(server.port, clients)
    assert seconds > 0
    assert frames == clients + clients * (clients - 1) // 2  # the observer sees all, each the ones after it


@pytest.mark.parametrize("lives", [1, 4, 40])
def test_churn(server: ServerProcess, lives: int):
    assert run_churn(server.port, lives) == 3 * lives  # each joins, speaks and leaves


def test_the_proxy_alone_changes_nothing(server: ServerProcess):
    with Proxy(server.port, lambda name, frame, record: [frame]) as proxy:
        assert run_storm(proxy.port)[1] == 20 + 190
    with Proxy(server.port, lambda name, frame, record: [frame]) as proxy:
        wait_until_empty(server)
        assert run_churn(proxy.port) == 60


class AtJoin:
    """Does `change` to the third `joined` about another that `victim` gets."""

    def __init__(self, victim: str, change: Callable[[bytes], list[bytes] | None]) -> None:
        self.victim = victim
        self.change = change
        self.seen: collections.Counter[str] = collections.Counter()

    def __call__(self, name: str, frame: bytes, record: Record) -> list[bytes] | None:
        if type(record) is Joined and record.users is None:
            self.seen[name] += 1
            if name == self.victim and self.seen[name] == 3:
                return self.change(frame)
        return [frame]


def garbage(frame: bytes) -> list[bytes]:
    return [frame[:HEADER_SIZE] + b"\xc1" * (len(frame) - HEADER_SIZE)]


def altered(frame: bytes) -> list[bytes]:
    return [frame.replace(b"..", b".,", 1)]


def another(frame: bytes) -> list[bytes]:
    return [encode(Joined("room0", "c999"))]


IN_STORM = {
    "lose": lambda frame: [],
    "double": lambda frame: [frame, frame],
    "garbage": garbage,
    "another": another,
    "end": lambda frame: None,
}


@pytest.mark.parametrize("victim", ["c0", "c1"])  # the observer, and who joins first
@pytest.mark.parametrize("kind", IN_STORM)
def test_a_joiner_that_missed_a_frame_or_got_another_is_noticed(
    server: ServerProcess, victim: str, kind: str, caplog: pytest.LogCaptureFixture
):
    for _ in range(8):  # the system decides who joins when: a victim that joined late sees too few to be cheated
        fault = AtJoin(victim, IN_STORM[kind])
        try:
            with Proxy(server.port, fault) as proxy:
                run_storm(proxy.port)
        except StreamError:
            break
    else:
        pytest.fail("what was tampered with was not noticed")
    assert caplog.records == []  # what is found is said once, and not logged as a bug of ours


@pytest.mark.parametrize("victim", ["c0", "c1"])
def test_a_connection_that_ends_in_the_storm_is_noticed_at_once(server: ServerProcess, victim: str):
    with (
        Proxy(server.port, AtJoin(victim, IN_STORM["end"])) as proxy,
        pytest.raises(StreamError, match="connection was lost"),
    ):
        run_storm(proxy.port)


@pytest.mark.parametrize("number", [0, 1, 20])
def test_a_join_told_once_more_at_the_very_end_is_noticed(
    server: ServerProcess, number: int, monkeypatch: pytest.MonkeyPatch
):
    listen_on = Load.listen_on

    def with_one_join_again(load: Load) -> None:
        load.reactor.call_later(0.01, load.clients[number].data_received, encode(Joined("room0", "c1")))
        listen_on(load)

    monkeypatch.setattr(Load, "listen_on", with_one_join_again)
    with pytest.raises(StreamError, match=r"more arrived than was sent|where 1 was due"):
        run_storm(server.port)


class InLife:
    """Does `change` once, to the first frame of the type `what` that `victim` gets."""

    def __init__(self, victim: str, what: type[Record], change: Callable[[bytes], list[bytes] | None]) -> None:
        self.victim = victim
        self.what = what
        self.change = change
        self.done = False

    def __call__(self, name: str, frame: bytes, record: Record) -> list[bytes] | None:
        own = type(record) is Joined and record.users is not None
        if name == self.victim and type(record) is self.what and not self.done and own == (name != "c0"):
            self.done = True
            return self.change(frame)
        return [frame]


IN_CHURN: dict[str, tuple[Tamper, str]] = {
    "the observer misses a message": (InLife("c0", Message, lambda frame: []), "halt|was due"),
    "the observer gets a message twice": (InLife("c0", Message, lambda frame: [frame, frame]), "halt|was due"),
    "the observer gets another text": (InLife("c0", Message, altered), "was sent"),
    "the observer misses a leaving": (InLife("c0", Left, lambda frame: []), "halt|was due"),
    "the observer gets garbage": (InLife("c0", Message, garbage), "."),
    "the observer's connection ends": (InLife("c0", Joined, lambda frame: None), "connection was lost"),
    "a life is cut": (InLife("life7", Joined, lambda frame: None), "a short-lived client ended with"),
    "a life gets garbage": (InLife("life7", Joined, garbage), "."),
}


@pytest.mark.parametrize("kind", IN_CHURN)
def test_a_fault_in_the_churn_is_found(server: ServerProcess, kind: str, caplog: pytest.LogCaptureFixture):
    fault, words = IN_CHURN[kind]
    assert isinstance(fault, InLife)
    fault.done = False
    with Proxy(server.port, fault) as proxy, pytest.raises(StreamError, match=words):
        run_churn(proxy.port)
    assert fault.done
    assert caplog.records == []


class OneForAnother:
    """Keeps the first message back from the observer, and gives it another one twice, or the same one late."""

    def __init__(self, is_late: bool) -> None:
        self.is_late = is_late
        self.messages: list[bytes] = []

    def __call__(self, name: str, frame: bytes, record: Record) -> list[bytes] | None:
        if name != "c0" or type(record) is not Message:
            return [frame]
        self.messages.append(frame)
        if len(self.messages) == 2:
            return [frame, self.messages[0] if self.is_late else frame]
        return [frame] if len(self.messages) > 2 else []


@pytest.mark.parametrize("is_late", [True, False])
def test_as_many_messages_as_lives_are_not_enough(server: ServerProcess, is_late: bool):
    """One behind the leaving of who said it, or of one life none and of another two."""
    with Proxy(server.port, OneForAnother(is_late)) as proxy, pytest.raises(StreamError, match="was due"):
        run_churn(proxy.port)
