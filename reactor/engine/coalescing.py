"""The pace of a busy loop: turns begin a few milliseconds apart, so that each has more to do.

A turn costs the same whether one message has come or ten: waits in the selector, wake-ups of this process and of its
peers, and a `send` to every member of each room that spoke. A network card spares its host the same way: it delays an
interrupt for a few microseconds if others are likely to follow (interrupt coalescing), and Linux stops interrupts
altogether while packets keep coming (NAPI: Salim, Olsson, Kuznetsov, "Beyond Softnet", 2001). Nagle's rule for TCP (RFC
896) is a relative, but it waits for the peer, which is why people turn it off. Here nobody waits for a peer, and the
bound is a time.

The loop rests only while it is *busy*, which means that it worked for more than a quarter of the last 50 ms. Then a
turn begins no earlier than `longest` seconds after the beginning of the one before. Therefore

- an idle server delays nothing, and the first message after a silence is handled at once, busy or not;
- nothing waits longer than `longest`, and a turn that took that long is followed by the next one at once: a saturated
  server has full batches anyway;
- a conversation of one peer, which asks again when it has its answer, ends the resting: a rest that gathers one event
  was of no use to anybody.

Some descriptors are *urgent* and end a rest: what comes back from a bus was delayed once already.
"""

import enum
import math
import select

WINDOW = 0.05
"""Seconds over which the share of work is measured."""
BUSY = 0.25
"""The share of time spent in turns above which the loop begins to rest."""
CALM = 0.08
"""The share below which it rests no more. Resting halves the share and more, so this is far below `BUSY`."""
FEWEST = 1.5
"""Events for each turn after a rest, below which resting is of no use."""
PATIENCE = 1.0
"""Seconds until resting is tried again after it was of no use."""


class Load(enum.Enum):
    """Whether the loop rests between turns."""

    CALM = enum.auto()
    BUSY = enum.auto()


class Coalescer:
    """Decides how long the loop rests before its next turn. `longest` is in seconds, 0 for never; it may be changed.

    All times are readings of one clock, in seconds.
    """

    def __init__(self, longest: float = 0.0) -> None:
        self.longest = longest
        self.load = Load.CALM
        self._begin = -math.inf  # of the last turn
        self._is_hurried = False
        self._has_rested = False  # before the turn that comes now
        self._window = -math.inf  # when the window began
        self._again = -math.inf  # when resting may be tried again
        self._worked = 0.0  # seconds in this window
        self._turns = self._events = 0  # those after a rest in this window

    def rest(self, now: float) -> float:
        """The seconds to rest before the next turn, which is about to begin. 0 for none."""
        if self.load is Load.CALM:
            return 0.0
        left = self._begin + self.longest - now if not self._is_hurried else 0.0
        self._is_hurried = False
        self._has_rested = left > 0
        return max(0.0, left)

    def hurry(self) -> None:
        """Do not rest before the next turn: a budget of this one is used up, and there is more to do."""
        self._is_hurried = True

    def turned(self, begin: float, end: float, events: int) -> None:
        """Note a turn that has ended, and the number of descriptors that were ready in it."""
        if self._has_rested:
            self._has_rested = False
            if begin - self._begin > self.longest / 2:  # otherwise an urgent descriptor has ended the rest
                self._turns += 1
                self._events += events
        self._begin = begin
        self._worked += end - begin
        if end - self._window >= WINDOW:
            self._judge(end)

    def _judge(self, now: float) -> None:
        """A window is over: decide about the next one."""
        share = self._worked / (now - self._window)
        if self._events < FEWEST * self._turns:
            self._again = now + PATIENCE
        is_busy = share > (BUSY if self.load is Load.CALM else CALM)
        self.load = Load.BUSY if is_busy and now >= self._again else Load.CALM
        self._window, self._worked, self._turns, self._events = now, 0.0, 0, 0


class UrgentDescriptors:
    """The descriptors that end a rest as soon as they are readable."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._all: set[int] = set()

    def add(self, fd: int) -> None:
        """Have `fd` end rests from now on."""
        self._all.add(fd)
        self._poll.register(fd, select.POLLIN)

    def discard(self, fd: int) -> None:
        """Have `fd` end no rest any more. Does nothing if it is not urgent."""
        if fd in self._all:
            self._all.discard(fd)
            self._poll.unregister(fd)

    def rest(self, seconds: float) -> None:
        """Wait for so long, or until one of them is readable. Less than a millisecond is no rest."""
        if (milliseconds := int(seconds * 1_000)) > 0:
            self._poll.poll(milliseconds)
