"""The wall clock, which may be wrong: jumps are noticed, and a doubtful clock deletes no messages.

Messages are stamped by the wall clock, and their age is measured by it. A machine without a battery starts in 1970; a
typing error, or a broken time server, sets the clock years ahead. The server cannot know which time is right. But it
can measure the time that has passed, and the newest message says which time was trusted last.
"""

import logging
import time
from collections.abc import Callable

from pylingo.shared.text import counted

logger = logging.getLogger(__name__)

DAY = 86_400.0
"""Seconds by which the clock may be off before it is doubted, and for which it is doubted then."""
_BEHIND = 60.0  # seconds behind the newest message that are worth a log line
_STEP = 1_000_000  # microseconds by which the wall clock goes on before it is compared with the other one
_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def wall_clock() -> int:
    """Return the microseconds since 1970-01-01 UTC."""
    return int(time.time_ns() / 1_000)  # by `//`, each would keep 16 bytes for a digit that it lacks


def running() -> float:
    """Return the seconds of a clock that cannot be set. It counts suspended time if the system has such a clock."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


def show_stamp(at: int) -> str:
    """Format a stamp for the log, in UTC."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at // 1_000_000))
    except (OverflowError, OSError, ValueError):
        return str(at)


def show_span(seconds: float) -> str:
    """Format a length of time for the log."""
    for size, unit in ((DAY, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if abs(seconds) >= 2 * size:
            return f"{abs(seconds) / size:.0f} {unit}"
    return counted(round(abs(seconds)), "second")


class JumpDetector:
    """Measures by how much the wall clock was set.

    `now` is the wall clock at the last check, `passed` the seconds between the last two checks.
    """

    def __init__(self, wall: Callable[[], int] = wall_clock, running: Callable[[], float] = running) -> None:
        self.wall = wall
        self._running = running
        self._then = running()
        self.now = wall()
        self.passed = 0.0

    def check(self) -> float:
        """Return the seconds by which the clock went further than time has passed since the last check."""
        before, then = self.now, self._then
        self.now, self._then = self.wall(), self._running()
        self.passed = self._then - then
        return (self.now - before) / 1e6 - self.passed


class Clock:
    """The wall clock for a hub. It logs a jump of more than a day."""

    def __init__(self, jumps: JumpDetector | None = None) -> None:
        self._jumps = jumps or JumpDetector()

    def __call__(self) -> int:
        """Return the microseconds since 1970-01-01 UTC."""
        jumps = self._jumps
        now = jumps.wall()
        if 0 <= now - jumps.now < _STEP:  # asked for each message, which a second reading of a clock would slow down
            return now
        jump = jumps.check()
        if abs(jump) > DAY:
            logger.warning(
                "the clock has jumped %s %s, to %s: is it right?",
                show_span(jump),
                "ahead" if jump > 0 else "back",
                show_stamp(jumps.now),
            )
        return jumps.now


class ClockTrust:
    """Decides whether the clock may tell which messages of a file are too old.

    It may if it is within a day of the newest message that was stamped while the clock was trusted, or if the server
    has run for a day without a jump. `newest` is the stamp of the newest message, 0 for none. Messages are kept for
    `keep` seconds, 0 for forever. If the last server ended while it doubted the clock, `sound` is the stamp of the
    newest message from before, and `ran` is how many seconds it had doubted the clock by then.
    """

    def __init__(
        self, newest: int, keep: float, sound: int | None = None, ran: float = 0.0, jumps: JumpDetector | None = None
    ) -> None:
        self._jumps = jumps or JumpDetector()
        self._keep = keep
        self._sound = newest if sound is None else sound
        self._doubt = 0.0  # seconds until the clock is trusted all the same
        now = self._jumps.now
        if now < newest - _BEHIND * 1e6:
            logger.warning(
                "the clock says %s, which is %s behind the newest message, of %s: new messages are stamped just after"
                " that one until the clock has passed it; if that stamp is wrong, docs/server.md says how to repair it",
                show_stamp(now),
                show_span((newest - now) / 1e6),
                show_stamp(newest),
            )
        if self._sound and not self._is_near():
            self._begin_doubt(max(1.0, DAY - ran))

    @property
    def doubted(self) -> tuple[int, int] | None:
        """`sound` and `ran`, to be stored for the next server; None while the clock is trusted."""
        return (self._sound, int(DAY - self._doubt)) if self._doubt else None

    def oldest(self) -> int:
        """Return the stamp before which messages are too old: 0 if none are, or if the clock is in doubt."""
        jump = self._jumps.check()
        if abs(jump) > DAY:
            self._doubt = 0.0
            if not self._is_near():
                self._begin_doubt(DAY)
        elif self._doubt:
            self._doubt = max(0.0, self._doubt - self._jumps.passed)
            if not self._doubt:
                logger.warning("the clock has not jumped for a day: messages are deleted by their age again")
        if self._doubt:
            return 0
        self._sound = self._jumps.now
        return max(0, self._jumps.now - int(self._keep * 1e6)) if self._keep else 0

    def _is_near(self) -> bool:
        return abs(self._jumps.now - self._sound) <= DAY * 1e6

    def _begin_doubt(self, seconds: float) -> None:
        self._doubt = seconds
        ahead = (self._jumps.now - self._sound) / 1e6
        until = f": no message is deleted by its age until the server has run for another {show_span(self._doubt)}"
        logger.warning(
            "the clock says %s, which is %s %s the newest message from when it was trusted, of %s%s",
            show_stamp(self._jumps.now),
            show_span(ahead),
            "ahead of" if ahead > 0 else "behind",
            show_stamp(self._sound),
            until if self._keep else "",
        )
