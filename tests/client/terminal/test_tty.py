"""The terminal as a device: a real pty, with a program of the test at its other end."""

import errno
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from pylingo.client.terminal.tty import Tty
from pylingo.reactor.engine.loop import EVENT_READ, Reactor
from tests.support import DEADLINE, ROOT, wait_until


class Bench:
    """A `Tty` on one end of a pty, the test at the other."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.reactor = Reactor()
        self.typed: list[bytes] = []
        self.writable = 0
        self.tty = Tty(self.reactor, self.typed.append, self.count, self.slave)

    def count(self) -> None:
        self.writable += 1

    def turn(self) -> bool:
        self.reactor.tick(0.01)
        return True

    def read(self, size: int = 65_536) -> bytes:
        return os.read(self.master, size) if select.select([self.master], [], [], 0)[0] else b""


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.tty.leave("")
    bench.reactor.close()
    for descriptor in (bench.master, bench.slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_keys_come_one_by_one_and_none_is_the_terminals(bench):
    bench.tty.enter()
    os.write(bench.master, b"a\x13\x11\x16\r\n\x03"[:6])
    wait_until(lambda: bench.turn() and b"".join(bench.typed) == b"a\x13\x11\x16\r\n")
    assert bench.read() == b""  # no echo


def test_interrupts_are_keys(bench):
    bench.tty.enter()
    assert not termios.tcgetattr(bench.slave)[3] & termios.ISIG


def test_by_line_the_modes_are_the_shells(bench):
    bench.tty.enter(by_key=False)
    assert termios.tcgetattr(bench.slave) == bench.before


def test_the_modes_are_brought_back(bench):
    bench.tty.enter()
    assert termios.tcgetattr(bench.slave) != bench.before
    bench.tty.leave("bye")
    assert termios.tcgetattr(bench.slave) == bench.before
    assert bench.read() == b"bye"
    bench.tty.leave("again")
    assert bench.read() == b""
    bench.tty.enter()
    bench.tty.write("back")
    assert bench.read() == b"back"


def test_the_descriptor_of_the_input_stays_blocking(bench):
    bench.tty.enter()
    assert os.get_blocking(bench.slave)


def test_keys_that_were_thrown_away_are_not_waited_for(bench):
    """As Ctrl+C does it, between the selector's word and the reading."""
    bench.tty.enter()
    os.write(bench.master, b"gone")
    termios.tcflush(bench.slave, termios.TCIFLUSH)
    bench.tty.handle(EVENT_READ)
    assert bench.typed == []
    os.write(bench.master, b"here")
    wait_until(lambda: bench.turn() and bench.typed == [b"here"])


def test_output_that_is_not_taken_waits_and_nothing_is_lost(bench):
    bench.tty.enter()
    text = "x" * 100_000
    bench.tty.write(text)
    assert bench.tty.is_busy
    got = b""
    while len(got) < len(text):
        got += bench.read()
        bench.turn()
    wait_until(lambda: bench.turn() and bench.writable == 1)
    assert got == text.encode()
    assert not bench.tty.is_busy


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_end(bench, monkeypatch):
    monkeypatch.setattr("pylingo.client.terminal.tty.PATIENCE", 0.01)
    bench.tty.enter()
    bench.tty.write("x" * 100_000)
    bench.tty.leave("bye")
    assert termios.tcgetattr(bench.slave) == bench.before


def test_the_end_of_the_terminal_is_told_once(bench):
    bench.tty.enter()
    os.close(bench.master)
    wait_until(lambda: bench.turn() and bench.typed)
    for _ in range(5):
        bench.turn()
    assert bench.typed == [b""]


def test_sizes(bench):
    termios.tcsetwinsize(bench.slave, (7, 33))
    assert bench.tty.size() == (33, 7)
    termios.tcsetwinsize(bench.slave, (0, 0))
    assert bench.tty.size() == (80, 24)


def test_no_terminal(bench):
    with open(os.devnull) as null, pytest.raises(OSError, match="ioctl"):
        Tty(bench.reactor, bench.typed.append, bench.count, null.fileno()).enter()


# --- job control


def give_to(monkeypatch, group):
    monkeypatch.setattr(os, "tcgetpgrp", lambda fd: group)


def test_in_the_background_nothing_is_touched(bench, monkeypatch):
    bench.tty.enter()
    bench.read()
    ours = termios.tcgetattr(bench.slave)
    give_to(monkeypatch, os.getpgrp() + 1)
    os.write(bench.master, b"for the shell")
    bench.tty.write("not to be seen")
    assert not bench.tty.is_held
    assert bench.read() == b""
    for _ in range(3):
        bench.turn()
    assert bench.typed == []
    bench.tty.leave("bye")
    assert termios.tcgetattr(bench.slave) == ours
    assert bench.read() == b""
    give_to(monkeypatch, os.getpgrp())
    bench.tty.enter()
    assert bench.tty.is_held
    wait_until(lambda: bench.turn() and bench.typed == [b"for the shell"])
    bench.tty.leave("")
    assert termios.tcgetattr(bench.slave) == bench.before, "as it was at first, not as we left it in the background"


def test_keys_typed_in_the_background_are_not_read(bench, monkeypatch):
    bench.tty.enter()
    give_to(monkeypatch, os.getpgrp() + 1)
    os.write(bench.master, b"for the shell")
    wait_until(lambda: bench.turn() and not bench.tty.is_held)
    assert bench.typed == []


def test_waiting_output_is_not_written_in_the_background(bench, monkeypatch):
    bench.tty.enter()
    bench.tty.write("x" * 100_000)
    assert bench.tty.is_busy
    give_to(monkeypatch, os.getpgrp() + 1)
    wait_until(lambda: [bench.read(), bench.turn()] and not bench.tty.is_held)
    assert not bench.tty.is_busy


@pytest.mark.parametrize("name", ["tcgetattr", "tcsetattr"])
def test_a_signal_in_the_midst_of_a_call_is_no_end(bench, monkeypatch, name):
    """As `fg` has it, after the system has stopped us for a call from the background."""
    real, calls = getattr(termios, name), []

    def interrupted(*arguments):
        calls.append(name)
        if len(calls) % 2:
            raise termios.error(errno.EINTR, "Interrupted system call")
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(termios, name, interrupted)
        bench.tty.enter()
        bench.tty.leave("")
    assert len(calls) >= 2
    assert termios.tcgetattr(bench.slave) == bench.before


def test_a_terminal_that_cannot_be_opened_is_lent(bench, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        bench.tty.enter()
    assert not os.get_blocking(bench.slave)
    bench.tty.write("seen")
    assert bench.read() == b"seen"
    os.write(bench.master, b"k")
    wait_until(lambda: bench.turn() and bench.typed == [b"k"])
    bench.tty.leave("")
    assert os.get_blocking(bench.slave)


def test_stopping_is_not_for_those_whom_nobody_watches(tmp_path):
    """A group of its own whose parent is in another session: the system passes over the signal."""
    program = (
        "import os, signal, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from pylingo.client.terminal.tty import stop_group\n"
        "handler = lambda number, frame: None\n"
        "signal.signal(signal.SIGTSTP, handler)\n"
        "before = signal.getsignal(signal.SIGCONT)\n"
        "assert stop_group() is False\n"
        "assert signal.getsignal(signal.SIGTSTP) is handler\n"
        "assert signal.getsignal(signal.SIGCONT) == before\n"
        "signal.signal(signal.SIGTSTP, signal.SIG_IGN)\n"
        "assert stop_group() is False\n"
    )
    command = [sys.executable, "-c", program, str(ROOT)]
    assert subprocess.run(command, start_new_session=True, timeout=DEADLINE, check=False).returncode == 0
