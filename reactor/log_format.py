"""The lines of the log: text for people, text for systemd's journal, JSON for programs.

A record is one line without characters that a terminal acts on, whatever names and addresses are in it, so no peer can
forge one. A record can have `fields`, a dictionary given as `extra={"fields": ...}`: programs get them as they are, and
the text has their contents in the message.
"""

import datetime
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pylingo.shared.text import printable

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)
_DEBUG = 7


class LineFormat(Protocol):
    """What makes a line of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record. A traceback may follow it in further lines."""

    def plain(self, text: str) -> str:
        """The line of `text`, which is not about anything that happens."""


class TextFormat(logging.Formatter):
    """Lines with their time and their level. Those of a traceback are indented, so that none looks like a record."""

    def __init__(self, name: str = "") -> None:
        super().__init__(f"{{asctime}} {{levelname:<7}} {_prefix(name)}{{message}}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name is logging's
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join("    " + printable(line) for line in lines)

    def plain(self, text: str) -> str:
        """The text alone."""
        return text


class JournalFormat:
    """Lines with the priority of sd-daemon(3) in front, and no time, which the journal has itself."""

    def __init__(self, name: str = "") -> None:
        self._text = TextFormat()
        self._prefix = _prefix(name)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, and those of its traceback with the same priority."""
        lines = [self._prefix + printable(record.getMessage())]
        if record.exc_info:
            lines += self._text.formatException(record.exc_info).split("\n")
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
        self._encode = json.JSONEncoder(default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        found: dict[str, Any] = {
            "time": when.removesuffix("+00:00") + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._common,
            **fields_of(record),
        }
        if record.exc_info:
            found["traceback"] = logging.Formatter().formatException(record.exc_info)
        return self._encode(found)

    def plain(self, text: str) -> str:
        """The text as an information."""
        return self.format(logging.makeLogRecord({"name": __package__, "msg": text, "levelname": "INFO"}))


FORMATS: Mapping[str, Callable[[str], LineFormat]] = {"text": TextFormat, "json": JsonFormat}
"""What `--log-format` can be."""


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return the fields that a record was given."""
    found: Mapping[str, Any] = getattr(record, "fields", {})
    return found


def _prefix(name: str) -> str:
    return f"{name}: " if name else ""
