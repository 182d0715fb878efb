"""The lines of the log, which no peer can forge, and what programs find in them."""

import io
import json
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.log_format import FORMATS, JournalFormat, JsonFormat, TextFormat, fields_of
from pylingo.shared.text import printable
from tests.support import is_live

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
    """A logger whose lines are text, and what it has written."""
    return logging_as(TextFormat())


def logging_as(form):
    """A logger whose lines are made by `form`, and what it has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.format = form.format
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
    assert any("test_log_format.py" in line for line in rest)
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
    record.fields = {"name": words}
    for form in (TextFormat(), JournalFormat(), JsonFormat()):
        line = form.format(record)
        assert is_inert(line)
    assert json.loads(line)["message"] == json.loads(line)["name"] == words


# --- for systemd's journal


def test_the_journal_gets_the_priority_in_front_and_no_time():
    logger, stream = logging_as(JournalFormat("worker 2"))
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("it is %s\n<1>forged", level)
    numbers = {7: "debug", 6: "info", 4: "warning", 3: "error", 2: "critical"}
    mark = printable("\n")
    assert lines(stream) == [f"<{number}>worker 2: it is {level}{mark}<1>forged" for number, level in numbers.items()]


def test_each_line_of_a_traceback_has_the_priority():
    logger, stream = logging_as(JournalFormat())
    try:
        raise ValueError("no\x1bgood\n<1>forged")
    except ValueError:
        logger.exception("a handler failed")
    first, *rest = lines(stream)
    assert first == "<3>a handler failed"
    assert rest[0] == "<3>    Traceback (most recent call last):"
    assert all(line.startswith("<3>    ") and is_inert(line) for line in rest)


# --- for programs


def test_a_program_gets_the_fields_as_they_are():
    logger, stream = logging_as(JsonFormat("worker 2"))
    logger.info("ended %s", "lost\x9b2J\u202e", extra={"fields": {"name": "日本\x7f", "bytes_in": 7, "duration": 0.25}})
    (line,) = lines(stream)
    assert line.isascii()
    assert is_inert(line)
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {
        "level": "info",
        "logger": "of its own",
        "message": "ended lost\x9b2J\u202e",
        "process": "worker 2",
        "name": "日本\x7f",
        "bytes_in": 7,
        "duration": 0.25,
    }


def test_the_time_is_in_utc_with_milliseconds():
    record = logging.makeLogRecord({"msg": "x", "created": 1_000_000_000.0079, "msecs": 7.9, "levelname": "INFO"})
    assert json.loads(JsonFormat().format(record))["time"] == "2001-09-09T01:46:40.007Z"


def test_a_traceback_is_a_field():
    logger, stream = logging_as(JsonFormat())
    try:
        raise ValueError("no good")
    except ValueError:
        logger.exception("a handler failed")
    (line,) = lines(stream)
    found = json.loads(line)
    assert (found["level"], found["message"]) == ("error", "a handler failed")
    assert found["traceback"].startswith("Traceback (most recent call last):\n")
    assert found["traceback"].endswith("ValueError: no good")


def test_what_is_no_record_has_its_line_in_each_form():
    assert list(FORMATS) == ["text", "json"]
    assert TextFormat("worker 1").plain("join it with: x") == "join it with: x"
    assert JournalFormat("worker 1").plain("join it") == "<6>worker 1: join it"
    found = json.loads(JsonFormat().plain("join it"))
    assert (found["level"], found["message"]) == ("info", "join it")
    assert fields_of(logging.makeLogRecord({})) == {}
