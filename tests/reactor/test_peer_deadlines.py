"""The deadlines of one peer, against a clock in the test's hand."""

from dataclasses import dataclass, field

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.peer_deadlines import byte_came, check, frames_came, next_check, resumed

SETTINGS = ServerSettings(first_frame_timeout=10, frame_timeout=5, ping_after=20, ping_timeout=15, stall_timeout=30)
START = 1_000.0


@dataclass
class Outgoing:
    waiting_since: float = 0.0
    is_blocked: bool = False


@dataclass
class Peer:
    """A connection, as its deadlines see it."""

    is_attached: bool = True
    is_paused: bool = False
    settings: ServerSettings = SETTINGS
    transport: Outgoing = field(default_factory=Outgoing)
    endings: list[str] = field(default_factory=list)
    pings: int = 0
    heard: float = START
    silent_since: float = START
    frame_since: float = 0.0
    pinged: float = 0.0

    def expire(self, reason: str, text: str) -> None:
        self.endings.append(reason)

    def ping(self) -> None:
        self.pings += 1


@pytest.fixture
def peer() -> Peer:
    return Peer()


def run(peer: Peer, until: float) -> float:
    """Check as often as asked for; return the time at which the checks end."""
    now = START
    while (delay := check(peer, now)) is not None and now + delay <= until:
        now += max(delay, 0.01)
    return now


def test_silence_from_the_start(peer):
    assert run(peer, START + 60) == pytest.approx(START + 10, abs=0.1)
    assert peer.endings == ["silent"]


def test_after_the_first_frame_there_is_a_ping_and_then_an_end(peer):
    frames_came(peer, True, False, START)
    assert run(peer, START + 60) == pytest.approx(START + 35, abs=0.1)
    assert (peer.pings, peer.endings) == (1, ["idle"])


def test_any_byte_answers_a_ping(peer):
    frames_came(peer, True, False, START)
    check(peer, START + 20)
    assert peer.pings == 1
    byte_came(peer, START + 30)
    assert check(peer, START + 40) == pytest.approx(5)  # a frame could begin now
    assert peer.endings == []


def test_a_frame_must_be_whole_in_time_from_its_first_byte(peer):
    frames_came(peer, True, True, START + 1)
    frames_came(peer, False, True, START + 4)
    assert check(peer, START + 5.9) is not None
    check(peer, START + 6)
    assert peer.endings == ["frame-timeout"]


def test_a_whole_frame_ends_its_time(peer):
    frames_came(peer, True, True, START + 1)
    frames_came(peer, True, False, START + 4)
    check(peer, START + 7)
    assert peer.endings == []


def test_a_peer_that_takes_nothing_is_stalled_even_if_it_is_paused(peer):
    peer.transport = Outgoing(START + 2, True)
    peer.is_paused = True
    assert check(peer, START + 31) == pytest.approx(1)
    check(peer, START + 32)
    assert peer.endings == ["stalled"]


def test_bytes_that_the_socket_may_take_now_are_not_stalled(peer):
    peer.transport = Outgoing(START, False)
    peer.is_paused = True
    check(peer, START + 60)
    assert peer.endings == []


def test_while_a_peer_is_not_read_only_the_stall_counts(peer):
    peer.is_paused = True
    frames_came(peer, False, True, START)
    check(peer, START + 500)
    assert (peer.pings, peer.endings) == (0, [])
    peer.is_paused = False
    frames_came(peer, True, False, START + 500)
    resumed(peer, START + 500)
    check(peer, START + 501)
    assert (peer.pings, peer.endings) == (0, [])


def test_the_next_check_is_no_later_than_any_deadline_that_runs(peer):
    frames_came(peer, True, False, START)
    assert next_check(peer, START + 1) == 5  # a frame could begin now
    frames_came(peer, False, True, START + 2)
    assert next_check(peer, START + 3) == pytest.approx(4)
    frames_came(peer, True, False, START + 4)
    assert check(peer, START + 20) is not None
    assert next_check(peer, START + 20) == 5
    assert next_check(peer, START + 31.5) == pytest.approx(3.5)
    assert next_check(peer, START + 36) == 0


def test_no_deadline_holds_for_a_peer_that_is_not_attached(peer):
    peer.is_attached = False
    assert check(peer, START + 500) is None
    assert peer.endings == []
