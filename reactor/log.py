"""Logging to stderr that no peer can forge: a record is one line, and nothing in it acts on a terminal."""

import logging
import sys

from shared.text import printable


class CleanFormatter(logging.Formatter):
    """Makes control characters visible. The lines of a traceback are indented, so that none looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name is logging's
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join("    " + printable(line) for line in lines)


def log_to_stderr(level: str) -> None:
    """Log what is at least `level` to stderr. A closed stderr is no error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter("{asctime} {levelname:<7} {message}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False
