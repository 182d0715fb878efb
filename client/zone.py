"""The local time of a stamp, in the zone that the system has now.

The C library reads the zone once, and a chat runs for weeks in which its laptop travels. Here the zone's file is looked
at once a second at most, whatever the number of messages, and read anew when it is another one.
"""

import os
import time
from collections.abc import Callable

CHECKED_EVERY = 1.0
"""Seconds between two looks at the zone's file, at least."""
_SYSTEM = "/etc/localtime"
_FILES = "/usr/share/zoneinfo"


class Zone:
    """The zone that `TZ` names, else the system's. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_look = -float("inf")
        self._seen: object = None

    def local(self, at: int) -> time.struct_time:
        """The local time of `at`, in microseconds since 1970."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + CHECKED_EVERY
            found = _identity()
            if found != self._seen:
                self._seen = found
                _read_anew()
        return time.localtime(at // 1_000_000)


def _identity() -> object:
    """What is another value when the zone may be another one."""
    name = os.environ.get("TZ")
    # An empty name is UTC; one that is no path is a file of the database, or a rule and has no file.
    path = _SYSTEM if name is None else os.path.join(os.environ.get("TZDIR", _FILES), name.removeprefix(":"))
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return name
    return name, path, status.st_dev, status.st_ino, status.st_mtime_ns


def _read_anew() -> None:
    """Have the C library read the zone: it does so only if `TZ` is another one than before."""
    name = os.environ.get("TZ")
    os.environ["TZ"] = "UTC0"
    time.tzset()
    if name is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = name
    time.tzset()


local_time = Zone().local
