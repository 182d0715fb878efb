"""The process of a successor: its command, its environment, its signals, and its end."""

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from pylingo.reactor.succession.child import Child, ignore_upgrades, own_command, take_signals
from pylingo.reactor.succession.line import VARIABLE, LineError
from tests.support import ROOT

ANSWER = f"""
import os, signal, socket, sys
line = socket.socket(fileno=int(os.environ["{VARIABLE}"]))
def say(text): line.sendall(len(text).to_bytes(4) + text.encode())
"""


def soon() -> float:
    return time.monotonic() + 20


def script(code: str) -> list[str]:
    return [sys.executable, "-c", ANSWER + code]


@pytest.fixture
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR2)
    yield
    signal.signal(signal.SIGUSR2, before)
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_the_command_starts_this_program_again() -> None:
    assert own_command() == [sys.executable, *sys.orig_argv[1:]]


def test_a_child_has_the_environment_and_no_old_watchdog() -> None:
    child = Child(
        script("say(' '.join(sorted(k for k in os.environ if k.startswith(('W', 'N')))))\nsignal.pause()"),
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "5"},
    )
    assert child.line.receive(soon()) == b"NOTIFY_SOCKET WATCHDOG_USEC"
    child.end()


def test_signals_wait_until_the_child_handles_them(signals: None) -> None:
    code = """
say("up")
line.recv(4)
signal.signal(signal.SIGUSR1, lambda *_: say("counters"))
sys.path.insert(0, sys.argv[1])
from pylingo.reactor.succession.child import ignore_upgrades, take_signals
ignore_upgrades()
take_signals()
say("served")
line.recv(1)
"""
    child = Child([*script(code), str(ROOT)], os.environ)
    assert child.line.receive(soon()) == b"up"
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(child.number, number)  # without handlers, each would end it
    child.line.send(b"", soon())
    assert child.line.receive(soon()) == b"counters"
    assert child.line.receive(soon()) == b"served"
    child.end()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_child_that_has_ended_tells_its_status() -> None:
    child = Child(script("sys.exit(7)"), os.environ)
    with pytest.raises(LineError):
        child.line.receive(soon())
    os.waitid(os.P_PID, child.number, os.WEXITED | os.WNOWAIT)
    assert child.end() == 7


def test_a_child_that_hangs_is_killed_and_reaped() -> None:
    child = Child(script("say('up')\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()"), os.environ)
    child.line.receive(soon())
    assert child.end() is None
    with pytest.raises(ProcessLookupError):
        os.kill(child.number, 0)


def test_a_program_that_is_not_there() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        Child(["/nowhere/at/all"], os.environ)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_child_outlives_the_line() -> None:
    child = Child(script("say('up')\nline.recv(1)\nsignal.pause()"), os.environ)
    child.line.receive(soon())
    child.let_go()
    assert child.status() is None
    os.kill(child.number, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child.number, 0)[1]) == -signal.SIGKILL


def test_a_child_that_was_let_go_and_has_ended() -> None:
    child = Child(script("sys.exit(7)"), os.environ)
    child.let_go()
    os.waitid(os.P_PID, child.number, os.WEXITED | os.WNOWAIT)
    assert child.status() == 7


def test_upgrades_are_ignored(signals: None) -> None:
    ignore_upgrades()
    os.kill(os.getpid(), signal.SIGUSR2)
    take_signals()
