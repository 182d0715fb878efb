"""An output that takes nothing, refuses lines, or is opened again: the loop never waits for it."""

import contextlib
import os
import subprocess
import sys
import threading

import pytest

from pylingo.reactor.log import LineWriter
from tests.support import DEADLINE, ROOT, wait_until

LEFT_OUT = "lines left out here because they could not be written in time"


@pytest.fixture
def pipe():
    """A pipe, and its ends wrapped for the tests; the writer's is full, as nobody reads it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 65_536)
    os.set_blocking(writer, True)
    with open(reader, "rb") as end:
        yield end, writer
        with contextlib.suppress(OSError):
            os.close(writer)


def read_all(end, last):
    """The lines up to the one that ends with `last`, without the dots that filled the pipe."""
    found = [end.readline().lstrip(b".")]
    while not found[-1].rstrip().endswith(last):
        found.append(end.readline())
    return [line.decode().rstrip() for line in found]


@pytest.mark.parametrize("blocking", [True, False])
def test_lines_wait_for_their_reader_in_order_and_those_beyond_the_bound_are_counted_in_their_place(pipe, blocking):
    end, fd = pipe
    os.set_blocking(fd, blocking)
    writer = LineWriter(fd, most=50)
    for number in range(20):
        writer.write(f"line {number:3}")  # nine bytes with its end
    assert not writer.flush(0)
    before = read_all(end, b": 15")
    assert before == [*(f"line {number:3}" for number in range(5)), f"{LEFT_OUT}: 15"]
    assert writer.flush(DEADLINE)
    writer.write("the reader is back")
    assert end.readline() == b"the reader is back\n"
    writer.close()


def test_no_line_comes_before_the_word_about_those_left_out(pipe):
    end, fd = pipe
    writer = LineWriter(fd, most=10)
    writer.write("a")
    writer.write("far too long to wait")
    writer.write("b")  # would fit
    assert read_all(end, b": 2") == ["a", f"{LEFT_OUT}: 2"]
    writer.close()


def test_lines_that_the_system_refuses_are_counted_and_told_once_it_takes_lines_again(monkeypatch):
    monkeypatch.setattr("pylingo.reactor.log.PATIENCE", 0.01)
    refusals, written = [], []

    def write(fd, data):
        if len(refusals) < 3:
            refusals.append(data)
            raise OSError(28, "No space left on device")
        written.append(data)
        return len(data)

    monkeypatch.setattr("pylingo.reactor.log.os.write", write)
    writer = LineWriter(99)
    writer.write("lost")
    wait_until(lambda: written)
    assert writer.flush(DEADLINE)
    assert refusals[0] == b"lost\n"
    assert written == [f"{LEFT_OUT}: 1\n".encode()]
    assert writer.error is None
    writer.close()


def test_a_flush_does_not_wait_for_an_output_that_has_failed():
    writer = LineWriter(-1)
    writer.write("nowhere")
    assert not writer.flush(DEADLINE)
    assert writer.error.errno == 9  # EBADF
    writer.close()


def test_the_process_ends_though_nobody_reads_its_log(pipe):
    _end, fd = pipe
    code = (
        "import logging\nfrom pylingo.reactor.log_start import start_log\n"
        "start_log('debug')\nfor number in range(1_000): logging.debug('%s', 'x' * 100)\nprint('done')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=fd, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.wait(DEADLINE) == 0
            assert process.stdout.read() == "done\n"
        finally:
            process.kill()


def test_the_thread_ends_after_the_last_line(pipe):
    end, fd = pipe
    before = {thread.ident for thread in threading.enumerate()}
    writer = LineWriter(fd)
    writer.write("last")
    writer.close()
    read_all(end, b"last")
    wait_until(lambda: {thread.ident for thread in threading.enumerate()} <= before)


def test_the_line_about_left_out_lines_has_the_form_of_the_log(pipe):
    end, fd = pipe
    writer = LineWriter(fd, most=10, plain=str.upper)
    writer.write("a")
    writer.write("far too long to wait")
    assert read_all(end, b": 1") == ["a", f"{LEFT_OUT}: 1".upper()]
    writer.close()


# --- an output that is opened again -----------------------------------------------------------------------------


@pytest.fixture
def log_file(tmp_path):
    """A writer of a file that can be opened again, and the path."""
    path = tmp_path / "log"

    def open_it():
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    writer = LineWriter(open_it(), open_again=open_it)
    yield writer, path
    writer.close()


def test_a_file_that_was_renamed_is_made_again(log_file, caplog):
    caplog.set_level("INFO")
    writer, path = log_file
    writer.write("before")
    assert writer.flush(DEADLINE)
    path.rename(f"{path}.1")
    writer.reopen()
    wait_until(path.exists)  # though nothing is to be written
    writer.write("after")
    assert writer.flush(DEADLINE)
    assert path.read_text() == "after\n"
    assert (path.parent / "log.1").read_text() == "before\n"
    wait_until(lambda: caplog.messages == ["the log file was opened again"])


def test_a_file_that_cannot_be_opened_again_is_used_on(log_file, caplog):
    writer, path = log_file
    path.rename(f"{path}.1")
    path.mkdir()
    writer.reopen()
    wait_until(lambda: caplog.messages)
    assert caplog.messages == ["the log goes on in the file as it was, since it cannot be opened again: Is a directory"]
    writer.write("after")
    assert writer.flush(DEADLINE)
    assert (path.parent / "log.1").read_text() == "after\n"


def test_an_output_that_nobody_can_open_again_stays_as_it_is(pipe):
    end, fd = pipe
    writer = LineWriter(fd)
    writer.reopen()
    writer.write("on and on")
    assert read_all(end, b"on and on") == ["on and on"]
    writer.close()


def test_the_file_is_closed_at_the_end(log_file):
    writer, path = log_file
    count = len(os.listdir("/dev/fd"))
    writer.close()
    wait_until(lambda: len(os.listdir("/dev/fd")) < count)
    assert path.read_text() == ""
