"""The terminal as a device: a real pty, with a program of the test at its other end."""

import os
import pty
import select
import termios
from collections.abc import Iterator

import pytest

from client.terminal.tty import Tty
from reactor.engine.loop import EVENT_READ, Reactor
from tests.support import wait_until


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


def test_what_was_typed_and_thrown_away_is_not_waited_for(bench):
    """As Ctrl+C does it, between the selector's word and the reading."""
    bench.tty.enter()
    os.write(bench.master, b"gone")
    termios.tcflush(bench.slave, termios.TCIFLUSH)
    bench.tty.handle(EVENT_READ)
    assert bench.typed == []
    os.write(bench.master, b"here")
    wait_until(lambda: bench.turn() and bench.typed == [b"here"])


def test_what_is_not_taken_waits_and_nothing_is_lost(bench):
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
    monkeypatch.setattr("client.terminal.tty.PATIENCE", 0.01)
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
