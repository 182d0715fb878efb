"""A log that no peer can forge."""

import io
import logging
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.log import CleanFormatter
from shared.text import printable
from tests.support import DEADLINE, ROOT

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
    return not {unicodedata.category(char) for char in line} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


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
    code = f"import logging, sys\nfrom reactor.log import log_to_stderr\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE, check=True, **options
    )


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_what_is_at_least_of_the_level_goes_to_stderr(level):
    names = ["debug", "info", "warning", "error", "critical"]
    done = run(
        f"log_to_stderr({level!r})\n"
        f"for name in {names}: getattr(logging.getLogger('reactor.engine'), name)('%s \\x1b', name)"
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
