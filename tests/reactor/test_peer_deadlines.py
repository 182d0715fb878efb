"""The deadlines of one peer, against a clock in the test's hand."""

from dataclasses import dataclass, field

import pytest

from pylingo.reactor.config import ServerSettings
from pylingo.reactor.peer_deadlines import PeerDeadlines

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
    aborted: bool = False

    def expire(self, reason: str, text: str) -> None:
        self.endings.append(reason)

    def ping(self) -> None:
        self.pings += 1

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def deadlines(peer: Peer) -> PeerDeadlines[Peer]:
    return PeerDeadlines(peer, START)


def run(deadlines, until: float) -> float:
    """Check as often as asked for; return the time at which the checks end."""
    now = START
    while (delay := deadlines.check(now)) is not None and now + delay <= until:
        now += max(delay, 0.01)
    return now


def test_silence_from_the_start(peer, deadlines):
    assert run(deadlines, START + 60) == pytest.approx(START + 10, abs=0.1)
    assert peer.endings == ["silent"]


def test_after_the_first_frame_there_is_a_ping_and_then_an_end(peer, deadlines):
    deadlines.frames_came(True, False, START)
    assert run(deadlines, START + 60) == pytest.approx(START + 35, abs=0.1)
    assert (peer.pings, peer.endings) == (1, ["idle"])


def test_any_byte_answers_a_ping(peer, deadlines):
    deadlines.frames_came(True, False, START)
    deadlines.check(START + 20)
    assert peer.pings == 1
    deadlines.byte_came(START + 30)
    assert deadlines.check(START + 40) == pytest.approx(5)  # a frame could begin now
    assert peer.endings == []


def test_a_frame_must_be_whole_in_time_from_its_first_byte(peer, deadlines):
    deadlines.frames_came(True, True, START + 1)
    deadlines.frames_came(False, True, START + 4)
    assert deadlines.check(START + 5.9) is not None
    deadlines.check(START + 6)
    assert peer.endings == ["frame-timeout"]


def test_a_whole_frame_ends_its_time(peer, deadlines):
    deadlines.frames_came(True, True, START + 1)
    deadlines.frames_came(True, False, START + 4)
    deadlines.check(START + 7)
    assert peer.endings == []


def test_a_peer_that_takes_nothing_is_stalled_even_if_it_is_paused(peer, deadlines):
    peer.transport = Outgoing(START + 2, True)
    peer.is_paused = True
    assert deadlines.check(START + 31) == pytest.approx(1)
    deadlines.check(START + 32)
    assert peer.endings == ["stalled"]


def test_bytes_that_the_socket_may_take_now_are_not_stalled(peer, deadlines):
    peer.transport = Outgoing(START, False)
    peer.is_paused = True
    deadlines.check(START + 60)
    assert peer.endings == []


def test_while_a_peer_is_not_read_only_the_stall_counts(peer, deadlines):
    peer.is_paused = True
    deadlines.frames_came(False, True, START)
    deadlines.check(START + 500)
    assert (peer.pings, peer.endings) == (0, [])
    peer.is_paused = False
    deadlines.frames_came(True, False, START + 500)
    deadlines.resumed(START + 500)
    deadlines.check(START + 501)
    assert (peer.pings, peer.endings) == (0, [])


def test_the_next_check_is_no_later_than_any_deadline_that_runs(peer, deadlines):
    deadlines.frames_came(True, False, START)
    assert deadlines.next_check(START + 1) == 5  # a frame could begin now
    deadlines.frames_came(False, True, START + 2)
    assert deadlines.next_check(START + 3) == pytest.approx(4)
    deadlines.frames_came(True, False, START + 4)
    assert deadlines.check(START + 20) is not None
    assert deadlines.next_check(START + 20) == 5
    assert deadlines.next_check(START + 31.5) == pytest.approx(3.5)
    assert deadlines.next_check(START + 36) == 0


def test_no_deadline_holds_for_a_peer_that_is_not_attached(peer, deadlines):
    peer.is_attached = False
    assert deadlines.check(START + 500) is None
    assert peer.endings == []


def test_a_check_that_fails_cuts_the_connection(peer, deadlines):
    deadlines.fail(RuntimeError("a bug"))
    assert peer.aborted
