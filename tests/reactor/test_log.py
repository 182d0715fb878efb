"""A log that no peer can forge."""

import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.log import CleanFormatter, LineWriter
from pylingo.shared.text import printable
from tests.support import DEADLINE, ROOT, is_live, wait_until

LEFT_OUT = "lines left out here because they could not be written in time"
FORGED = "2026-01-01 00:00:00,000 INFO    accepted root"

HOSTILE = {
    "clipboard": "\x1b]52;c;aGk=\x07",
    "unterminated title": "\x1b]0;title",
    "cursor report": "\x1b[6n",
    "reset": "\x1bc",
    "DCS": "\x1bP$qm\x1b\\",
    "C1 CSI": "\x9b2J",
    "C1 OSC": "\x9d0;title\x9c",
    "CR": f"name\r{FORGED}",
    "LF": f"name\n{FORGED}",
    "CRLF": f"name\r\n{FORGED}",
    "vertical tab and form feed": "a\x0bb\x0cc",
    "tab": "a\tb",
    "NUL, BEL, BS, DEL": "\0\a\b\x7f",
    "bidi override": "\u202egnp.exe",
    "bidi isolate": "\u2067abc\u2069",
    "line separator": f"a\u2028{FORGED}",
    "paragraph separator": f"a\u2029{FORGED}",
    "next line": f"a\x85{FORGED}",
    "zero width": "a\u200bb\ufeff",
    "tag characters": "\U000e0041\U000e007f",
    "lone surrogate": "a\udcffb",
}


@pytest.fixture
def log():
    """A logger with the clean format, and what it has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(CleanFormatter("{asctime} {levelname:<7} {message}", style="{"))
    logger = logging.Logger("of its own")
    logger.addHandler(handler)
    return logger, stream


def is_inert(line):
    """Nothing in it acts on a terminal; the joiners of an emoji are allowed."""
    return not any(is_live(char) for char in line if char not in "\u200c\u200d")


def lines(stream):
    text = stream.getvalue()
    assert text.endswith("\n")
    return text[:-1].split("\n")


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("how", ["in the message", "as an argument", "as the repr of an argument"])
def test_a_record_is_one_inert_line(log, words, how):
    logger, stream = log
    if how == "in the message":
        logger.warning(words)
    elif how == "as an argument":
        logger.warning("refused %s", words)
    else:
        logger.warning("refused %r", type("Peer", (), {"__repr__": lambda self: words})())
    (line,) = lines(stream)
    assert is_inert(line)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING ", line)
    assert line.endswith(printable(words)), "visible, not gone"


def test_plain_words_stay_as_they_are(log):
    logger, stream = log
    logger.info("Grüße an %s: %d bytes 👩‍🚀", "日本", 3)
    assert lines(stream)[0].endswith(" INFO    Grüße an 日本: 3 bytes 👩‍🚀")


def test_a_traceback_keeps_its_lines(log):
    logger, stream = log
    try:
        raise ValueError("no good")
    except ValueError:
        logger.exception("a handler failed")
    first, *rest = lines(stream)
    assert first.endswith("ERROR   a handler failed")
    assert rest[0].strip() == "Traceback (most recent call last):"
    assert rest[-1].strip() == "ValueError: no good"
    assert any("test_log.py" in line for line in rest)
    assert len(rest) >= 4


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_a_peer_s_words_in_a_traceback_are_inert(log, words):
    logger, stream = log
    try:
        raise ValueError(words)
    except ValueError:
        logger.exception("a handler failed")
    assert all(is_inert(line) for line in lines(stream))


@pytest.mark.parametrize("words", [words for words in HOSTILE.values() if FORGED in words])
def test_nothing_in_a_traceback_passes_for_a_record(log, words):
    logger, stream = log
    try:
        raise ValueError(words)
    except ValueError:
        logger.exception("a handler failed")
    assert [line for line in lines(stream)[1:] if re.match(r"\d{4}-", line)] == []


def test_a_stack_is_inert_and_passes_for_no_record(log):
    logger, stream = log
    logger.info("here", stack_info=True)
    first, *rest = lines(stream)
    assert first.endswith("here")
    assert rest
    assert all(is_inert(line) for line in rest)


@settings(deadline=None)
@given(st.text())
def test_any_message_is_one_line(words):
    record = logging.LogRecord("name", logging.INFO, "file", 1, "%s", (words,), None)
    line = CleanFormatter("{message}", style="{").format(record)
    assert is_inert(line)


# --- as the server sets it up -----------------------------------------------------------------------------------


def run(code, **options):
    """`code` in a process of its own, as the set-up is for the whole process."""
    code = f"import logging, sys\nfrom pylingo.reactor.log import log_to_stderr\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE, check=True, **options
    )


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_lines_of_at_least_the_level_go_to_stderr(level):
    names = ["debug", "info", "warning", "error", "critical"]
    done = run(
        f"log_to_stderr({level!r})\n"
        f"for name in {names}: getattr(logging.getLogger('pylingo.reactor.engine'), name)('%s \\x1b', name)"
    )
    assert done.stdout == ""
    found = re.findall(r"^\S+ \S+ (\S+) +(\w+) \ufffd$", done.stderr, re.MULTILINE)
    assert found == [(name.upper(), name) for name in names[names.index(level) :]]


def test_setting_up_again_replaces_what_was_set_up():
    done = run("log_to_stderr('error')\nlog_to_stderr('info')\nlogging.info('hello')")
    assert done.stderr.count("hello") == 1


def test_a_closed_stderr_is_no_error():
    done = run("log_to_stderr('info')\nsys.stderr.close()\nlogging.error('hello')\nprint('alive')")
    assert done.stdout == "alive\n"


# --- an output that takes nothing -------------------------------------------------------------------------------


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
        "import logging\nfrom pylingo.reactor.log import log_to_stderr\n"
        "log_to_stderr('debug')\nfor number in range(1_000): logging.debug('%s', 'x' * 100)\nprint('done')"
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
