"""Stamps of messages in IRC: the tag `time`, and message ids.

A stamp is a whole number of microseconds since 1970. The tag has milliseconds. They are cut and never rounded, so a
message that a client asks for by its time is not before that time.
"""

import functools
import re
from datetime import UTC, datetime, timedelta

MILLISECOND = 1_000
"""In stamps."""
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799  # the end of the year 9999, which is the last one that `datetime` knows
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\Z", re.ASCII)
_ID = re.compile(r"\d{1,20}\Z", re.ASCII)
_MAX_STAMP = 2**64 - 1


def server_time(stamp: int) -> str:
    """Return a stamp as the tag `time`: `2026-03-01T12:00:00.123Z`. A stamp after the year 9999 is cut to its end."""
    seconds, rest = divmod(stamp, _SECOND)
    if seconds > _LATEST:
        seconds, rest = _LATEST, _SECOND - 1
    return f"{_second(seconds)}.{rest // MILLISECOND:03d}Z"


@functools.lru_cache(1_024)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def parse_time(text: str) -> int | None:
    """Return the stamp of a tag `time`, or None if it is none or before 1970."""
    if not _TIME.match(text):
        return None
    try:
        stamp = (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        return None
    return stamp if stamp >= 0 else None


def message_id(stamp: int) -> str:
    """Return the tag `msgid` of a message."""
    return str(stamp)


def parse_message_id(text: str) -> int | None:
    """Return the stamp of a `msgid`, or None if it is none of ours."""
    stamp = int(text) if _ID.match(text) else None
    return stamp if stamp is None or stamp <= _MAX_STAMP else None
