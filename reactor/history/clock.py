"""The wall clock, which may be wrong: jumps are noticed, and nothing is deleted by a clock that is in doubt.

Messages are stamped by it and grow too old by it. A machine without a battery starts in 1970; a slip of the hand, or
of a time server, sets the clock years ahead. Nobody here can know which time is right. But time that has passed can be
measured, and the newest message says when the clock was last believed.
"""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

DAY = 86_400.0
"""Seconds by which the clock may differ from what was expected before it is doubted; and as long it is doubted."""
_BEHIND = 60.0  # seconds behind the newest message that are worth a line
_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def wall_clock() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000


def running() -> float:
    """Seconds on a clock that nobody sets. It goes on while the machine sleeps, where the system has such a clock."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


def show_stamp(at: int) -> str:
    """A stamp for the log, in UTC."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at // 1_000_000))
    except (OverflowError, OSError, ValueError):
        return str(at)


def show_span(seconds: float) -> str:
    """A length of time for the log."""
    for size, unit in ((DAY, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if abs(seconds) >= 2 * size:
            return f"{abs(seconds) / size:.0f} {unit}"
    return f"{abs(seconds):.0f} seconds"


class Jumps:
    """Notices when the wall clock is set."""

    __slots__ = ("_running", "_then", "_wall", "now", "passed")

    def __init__(self, wall: Callable[[], int] = wall_clock, running: Callable[[], float] = running) -> None:
        self._wall = wall
        self._running = running
        self._then = running()
        self.now = wall()
        """The clock at the last look."""
        self.passed = 0.0
        """Seconds between the last two looks."""

    def look(self) -> float:
        """Seconds by which the clock has gone further than time has passed, since the last look."""
        before, then = self.now, self._then
        self.now, self._then = self._wall(), self._running()
        self.passed = self._then - then
        return (self.now - before) / 1e6 - self.passed


class Clock:
    """The wall clock for a hub. A jump of more than a day is a line in the log."""

    __slots__ = ("_jumps",)

    def __init__(self, jumps: Jumps | None = None) -> None:
        self._jumps = jumps or Jumps()

    def __call__(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        jumps = self._jumps
        jump = jumps.look()
        if not -DAY <= jump <= DAY:
            logger.warning(
                "the clock has jumped %s %s, to %s: is it right?",
                show_span(jump),
                "ahead" if jump > 0 else "back",
                show_stamp(jumps.now),
            )
        return jumps.now


class Trust:
    """Whether the clock may decide which messages of a file are too old.

    It may if it is within a day of the newest message that was stamped while it was believed, or when the server has
    run for a day without a jump. `newest` is the newest message's stamp, 0 for none. Messages are kept for `keep`
    seconds, 0 for ever. `sound` is the stamp of the newest message from before a doubt that the server did not live to
    see the end of, and `ran` the seconds that it had run by then.
    """

    def __init__(
        self, newest: int, keep: float, sound: int | None = None, ran: float = 0.0, jumps: Jumps | None = None
    ) -> None:
        self._jumps = jumps or Jumps()
        self._keep = keep
        self._newest = newest
        self._sound = newest if sound is None else sound
        self._doubt = 0.0  # seconds until it is believed all the same
        self._begin(ran)

    @property
    def doubted(self) -> tuple[int, int] | None:
        """What to remember across a restart: `sound` and `ran`; None while the clock is believed."""
        return (self._sound, int(DAY - self._doubt)) if self._doubt else None

    def oldest(self) -> int:
        """The stamp before which messages are too old; 0 for none, and while the clock is in doubt."""
        jump = self._jumps.look()
        if not -DAY <= jump <= DAY:
            self._doubt = 0.0
            if not self._is_near():
                self._doubt = DAY
                self._tell_doubt()
        elif self._doubt:
            self._doubt = max(0.0, self._doubt - self._jumps.passed)
            if not self._doubt:
                logger.warning("the clock has gone on for a day: messages are deleted by their age again")
        if self._doubt:
            return 0
        self._sound = self._jumps.now
        return max(0, self._jumps.now - int(self._keep * 1e6)) if self._keep else 0

    def _begin(self, ran: float) -> None:
        now = self._jumps.now
        if now < self._newest - _BEHIND * 1e6:
            logger.warning(
                "the clock says %s, which is %s behind the newest message, of %s: new ones are stamped just behind that"
                " one until the clock has passed it; if that stamp is wrong, docs/server.md says how to repair it",
                show_stamp(now),
                show_span((self._newest - now) / 1e6),
                show_stamp(self._newest),
            )
        if self._sound and not self._is_near():
            self._doubt = max(1.0, DAY - ran)
            self._tell_doubt()

    def _is_near(self) -> bool:
        return abs(self._jumps.now - self._sound) <= DAY * 1e6

    def _tell_doubt(self) -> None:
        ahead = (self._jumps.now - self._sound) / 1e6
        until = f": no message is deleted by its age until the server has run for another {show_span(self._doubt)}"
        logger.warning(
            "the clock says %s, which is %s %s the newest message that it was believed for, of %s%s",
            show_stamp(self._jumps.now),
            show_span(ahead),
            "ahead of" if ahead > 0 else "behind",
            show_stamp(self._sound),
            until if self._keep else "",
        )
