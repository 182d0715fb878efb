"""What systemd is told, and when: a socket stands in for it."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.ops.notify import Notifier
from tests.support import DEADLINE, ServerProcess, wait_until

READY = f"READY=1\nMAINPID={os.getpid()}"


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


class Systemd:
    """The other end of `NOTIFY_SOCKET`."""

    def __init__(self, address: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.sock.settimeout(DEADLINE)

    def next(self) -> str:
        return self.sock.recv(4_096).decode()

    def next_but(self, ignored: str) -> str:
        return next(text for text in iter(self.next, None) if text != ignored)

    def has_more(self) -> bool:
        self.sock.settimeout(0)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        finally:
            self.sock.settimeout(DEADLINE)
        return True


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify"))
    yield made
    made.sock.close()


@pytest.fixture
def variables(systemd: Systemd) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.sock.getsockname()}


def test_without_the_variable_nothing_is_opened_sent_or_timed(reactor: Reactor) -> None:
    notifier = Notifier(reactor, {"WATCHDOG_USEC": "1000"})
    notifier.ready("serving")
    notifier.reloading()
    notifier.status("fine")
    notifier.stopping()
    notifier.close()
    assert not notifier.is_active
    assert reactor.pending_timers == 0


def test_the_states_of_a_server(reactor: Reactor, systemd: Systemd, variables: dict[str, str]) -> None:
    notifier = Notifier(reactor, variables)
    assert notifier.is_active
    notifier.ready("serving\nREADY=0")
    assert systemd.next() == f"{READY}\nSTATUS=serving READY=0"
    notifier.reloading()
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[1-9]\d+", systemd.next())
    notifier.ready()
    assert systemd.next() == READY
    notifier.status("fine")
    assert systemd.next() == "STATUS=fine"
    notifier.stopping("saying goodbye")
    assert systemd.next() == "STOPPING=1\nSTATUS=saying goodbye"
    notifier.ready()
    notifier.reloading()
    assert not systemd.has_more()
    notifier.close()
    assert reactor.pending_timers == 0


def test_an_abstract_address(reactor: Reactor) -> None:
    systemd = Systemd(f"\0pylingo-test-{os.getpid()}")
    with systemd.sock:
        notifier = Notifier(reactor, {"NOTIFY_SOCKET": f"@pylingo-test-{os.getpid()}"})
        notifier.ready()
        assert systemd.next() == READY
        notifier.close()


def test_a_turning_loop_feeds_the_watchdog(reactor: Reactor, systemd: Systemd, variables: dict[str, str]) -> None:
    notifier = Notifier(reactor, variables | {"WATCHDOG_USEC": "10000", "WATCHDOG_PID": str(os.getpid())})
    reactor.tick(0)
    assert not systemd.has_more()
    notifier.ready()
    assert (systemd.next(), systemd.next()) == (READY, "WATCHDOG=1")
    for _ in range(2):
        assert not systemd.has_more()  # a loop that stands still feeds nobody
        wait_until(lambda: reactor.tick(0.001) or systemd.has_more())
        assert systemd.next() == "WATCHDOG=1"
    notifier.ready()
    assert systemd.next() == READY
    assert reactor.pending_timers == 1
    notifier.close()


def test_the_watchdog_is_fed_twice_in_its_time(systemd: Systemd, variables: dict[str, str]) -> None:
    now = 0.0
    reactor = Reactor(clock=lambda: now)
    notifier = Notifier(reactor, variables | {"WATCHDOG_USEC": "1000000"})
    notifier.ready()
    assert (systemd.next(), systemd.next()) == (READY, "WATCHDOG=1")
    for moment, is_fed in ((0.49, False), (0.5, True), (0.99, False), (1.0, True)):
        now = moment
        reactor.tick(0)
        assert systemd.has_more() == is_fed
        if is_fed:
            assert systemd.next() == "WATCHDOG=1"
    reactor.close()
    notifier.close()


@pytest.mark.parametrize(
    "watchdog", [{"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "-1"}]
)
def test_a_watchdog_that_is_not_for_us(reactor: Reactor, systemd: Systemd, variables: dict[str, str], watchdog) -> None:
    notifier = Notifier(reactor, variables | watchdog)
    notifier.ready()
    assert systemd.next() == READY
    assert not systemd.has_more()
    assert reactor.pending_timers == 0
    notifier.close()


def test_what_systemd_does_not_read_yet_is_sent_later(
    reactor: Reactor, systemd: Systemd, variables: dict[str, str]
) -> None:
    notifier = Notifier(reactor, variables)
    count = 0
    while not reactor.pending_timers:
        notifier.status(str(count))
        count += 1
    notifier.ready()
    notifier.status("last")
    read = [systemd.next() for _ in range(count - 1)]
    wait_until(lambda: reactor.tick(0.01) or not reactor.pending_timers)
    read += [systemd.next() for _ in range(3)]
    assert read == [*(f"STATUS={number}" for number in range(count)), READY, "STATUS=last"]
    notifier.close()


def test_trouble_is_one_line_in_the_log(
    reactor: Reactor, systemd: Systemd, variables: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(reactor, variables)
    os.unlink(variables["NOTIFY_SOCKET"])
    notifier.ready()
    notifier.stopping()
    assert caplog.messages == ["cannot notify systemd at NOTIFY_SOCKET: No such file or directory"]
    notifier.close()
    assert not Notifier(reactor, {"NOTIFY_SOCKET": "vsock:2:1"}).is_active
    assert caplog.messages[1:] == ["NOTIFY_SOCKET is ignored: it must begin with / or @, not be 'vsock:2:1'"]


def test_a_server_tells_its_whole_life(systemd: Systemd, variables: dict[str, str], tmp_path: Path) -> None:
    with ServerProcess("--data", str(tmp_path / "data"), environment=variables | {"WATCHDOG_USEC": "200000"}) as server:
        ready = f"READY=1\nMAINPID={server.pid}\nSTATUS=listening on 127.0.0.1:{server.port}"
        assert systemd.next() == ready
        assert systemd.next() == "WATCHDOG=1"
        server.process.send_signal(signal.SIGHUP)
        reloading = systemd.next_but("WATCHDOG=1")
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reading the configuration", reloading)
        assert systemd.next_but("WATCHDOG=1") == ready
        assert server.stop(signal.SIGTERM) == 0
        assert systemd.next_but("WATCHDOG=1") == "STOPPING=1\nSTATUS=saying goodbye"
