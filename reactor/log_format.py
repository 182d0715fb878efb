"""The lines of the log: text for people, text for systemd's journal, JSON for programs.

A record is one line without characters that a terminal acts on, whatever names and addresses are in it, so no peer can
forge one. A record can have `fields`, a dictionary given as `extra={"fields": ...}`: programs get them as they are, and
the text has their contents in the message.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pylingo.shared.text import printable

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)
_DEBUG = 7
_PLAIN = logging.Formatter()


class LineFormat(Protocol):
    """Makes lines of records."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record. A traceback may follow it in further lines."""

    def plain(self, text: str) -> str:
        """The line of `text`, which is not about anything that happens."""


class TextFormat:
    """Lines with their local time and their level. Those of a traceback are indented, so that none looks like a record.

    `name` is that of a process among several ones.
    """

    def __init__(self, name: str = "") -> None:
        self._prefix = _prefix(name)
        self._times = _Times(time.localtime, "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, and those of its traceback."""
        when = f"{self._times.show(record.created)},{int(record.msecs):03}"
        line = f"{when} {record.levelname:<7} {self._prefix}{printable(record.getMessage())}"
        return "\n".join([line, *_details(record)])

    def plain(self, text: str) -> str:
        """The text alone."""
        return text


class JournalFormat:
    """Lines with the priority of sd-daemon(3) in front, and no time, which the journal has itself."""

    def __init__(self, name: str = "") -> None:
        self._prefix = _prefix(name)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, and those of its traceback with the same priority."""
        lines = [self._prefix + printable(record.getMessage()), *_details(record)]
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), _DEBUG)
        return "\n".join(f"<{priority}>{line}" for line in lines)

    def plain(self, text: str) -> str:
        """The text as an information."""
        return self.format(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))


class JsonFormat:
    """One JSON object a line, in ASCII: `time`, `level`, `logger`, `message`, and the record's own fields.

    `time` is that of RFC 3339 in UTC, with milliseconds. `process` is the `name` of a process among several ones, and
    `traceback` is there if something has been raised.
    """

    def __init__(self, name: str = "") -> None:
        self._common = {"process": name} if name else {}
        self._times = _Times(time.gmtime, "%Y-%m-%dT%H:%M:%S")
        self._encode = json.JSONEncoder(default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        found: dict[str, Any] = {
            "time": f"{self._times.show(record.created)}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._common,
            **fields_of(record),
        }
        if record.exc_info:
            found["traceback"] = _PLAIN.formatException(record.exc_info)
        return self._encode(found)

    def plain(self, text: str) -> str:
        """The text as an information."""
        return self.format(logging.makeLogRecord({"name": __package__, "msg": text, "levelname": "INFO"}))


FORMATS: Mapping[str, Callable[[str], LineFormat]] = {"text": TextFormat, "json": JsonFormat}
"""The values of `--log-format`."""


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return the fields that a record was given."""
    found: Mapping[str, Any] = getattr(record, "fields", {})
    return found


class _Times:
    """Times in words, each second once: a busy log has thousands of lines in it. Handlers call it one by one."""

    def __init__(self, split: Callable[[float], time.struct_time], form: str) -> None:
        self._split = split
        self._form = form
        self._second = 0
        self._shown = ""

    def show(self, when: float) -> str:
        """The time without its fraction."""
        if (second := int(when)) != self._second or not self._shown:
            self._second, self._shown = second, time.strftime(self._form, self._split(second))
        return self._shown


def _details(record: logging.LogRecord) -> list[str]:
    """The lines of the traceback and the stack of a record, if it has any."""
    found = [_PLAIN.formatException(record.exc_info)] if record.exc_info else []
    found += [record.stack_info] if record.stack_info else []
    return ["    " + printable(line) for text in found for line in text.split("\n")]


def _prefix(name: str) -> str:
    return f"{name}: " if name else ""
