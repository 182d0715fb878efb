"""Local times in the system's current time zone.

The C library reads the zone once, but a chat may run for weeks on a laptop that travels. Here the zone's file is
checked at most once a second, and read again when it has changed.
"""

import os
import time
from collections.abc import Callable

CHECKED_EVERY = 1.0
"""Seconds between two checks of the zone's file, at least."""
_SYSTEM = "/etc/localtime"
_FILES = "/usr/share/zoneinfo"


class Zone:
    """The zone that `TZ` names, or the system's. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_check = -float("inf")
        self._seen: object = None

    def local(self, at: int) -> time.struct_time:
        """The local time of `at`, which is in microseconds since 1970."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECKED_EVERY
            found = _identity()
            if found != self._seen:
                self._seen = found
                _reload()
        return time.localtime(at // 1_000_000)


def _identity() -> object:
    """A value that changes whenever the zone may have changed."""
    name = os.environ.get("TZ")
    # An empty name is UTC. A relative name is a file of the database, or a rule without a file.
    path = _SYSTEM if name is None else os.path.join(os.environ.get("TZDIR", _FILES), name.removeprefix(":"))
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return name
    return name, path, status.st_dev, status.st_ino, status.st_mtime_ns


def _reload() -> None:
    """Make the C library read the zone again, which it does only after `TZ` has changed."""
    name = os.environ.get("TZ")
    for value in ("UTC0", name):
        if value is not None:
            os.environ["TZ"] = value
        else:
            del os.environ["TZ"]
        time.tzset()


local_time = Zone().local
