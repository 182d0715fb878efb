"""The destination and the format of the log, which are set up once, at the start of a process."""

import logging
import os
import select
from collections.abc import Mapping
from functools import partial

from pylingo.reactor.log import AT_ONCE, LineHandler, LineWriter
from pylingo.reactor.log_format import FORMATS, JournalFormat, LineFormat
from pylingo.shared.launch import LaunchError

_STDERR = 2
_MODE = 0o600  # the log names people and their addresses


class ServerLog:
    """The log of this process."""

    def __init__(self, writer: LineWriter, form: LineFormat) -> None:
        self._writer = writer
        self._form = form

    def say(self, text: str) -> None:
        """Write a line at any level of the log."""
        self._writer.write(self._form.plain(text))

    def flush(self) -> None:
        """Wait a moment for the lines so far."""
        self._writer.flush()

    def reopen(self) -> None:
        """Open the file of the log again, if there is one: it may have been renamed."""
        self._writer.reopen()


def start_log(
    level: str, form: str = "text", path: str = "", name: str = "", environment: Mapping[str, str] | None = None
) -> ServerLog:
    """Log records of at least `level` as lines of `form` to the file at `path`, or to stderr without one.

    A process that shares the output with others gives its `name`, which its records then carry. A closed stderr is not
    an error. Raises `LaunchError` if the file cannot be written.
    """
    made: LineFormat = FORMATS[form](name)
    if path:
        open_again = partial(_open, path)
        try:
            writer = LineWriter(open_again(), plain=made.plain, open_again=open_again)
        except OSError as error:
            raise LaunchError(f"cannot write the log file {path}: {error.strerror} (--log-file names it)") from None
    else:
        if form == "text" and is_journal(environment or {}):
            made = JournalFormat(name)
        # A pipe takes that much in one piece, between the lines of others.
        at_once = select.PIPE_BUF if name else AT_ONCE
        writer = LineWriter(_STDERR, at_once=at_once, plain=made.plain)
    handler = LineHandler(writer, made)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False
    # No line has these, and without them a record is made in less time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    return ServerLog(writer, made)


def is_journal(environment: Mapping[str, str]) -> bool:
    """Whether stderr is the socket of systemd's journal that `JOURNAL_STREAM` names, and not something put over it."""
    try:
        status = os.fstat(_STDERR)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # or a pipe without a reader blocks
    return os.open(path, flags, _MODE)
