"""The child processes of the supervisor: started, and reaped when they end.

As process 1 of a container, the supervisor inherits the orphans of others, and reaps them as well.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from pylingo.reactor.engine.loop import Reactor

_INIT = 1


class Children:
    """All child processes. From the main thread only. Start programs through this and nothing else."""

    def __init__(self, reactor: Reactor) -> None:
        self._children: dict[int, tuple[subprocess.Popen[bytes], Callable[[int], object]]] = {}
        reactor.on_signal(signal.SIGCHLD, self.reap)
        reactor.call_soon(self.reap)  # as process 1, those that ended before the signal was watched

    def __len__(self) -> int:
        return len(self._children)

    def start(self, command: Sequence[str], ended: Callable[[int], object], **options: Any) -> int:
        """Start a program, with options of `subprocess.Popen`; return its process's number.

        `ended` is called in the loop with its exit status, or with the negative number of the signal that ended it.
        Raises `OSError`.
        """
        child = subprocess.Popen(command, **options)
        self._children[child.pid] = child, ended
        return child.pid

    def kill(self, number: int, signal_number: int) -> None:
        """Send a signal to a child. Does nothing if it has ended."""
        if number in self._children:  # and not reaped, so the number is still its own
            os.kill(number, signal_number)

    def reap(self) -> None:
        """Take note of the children that have ended."""
        others = [-1] if os.getpid() == _INIT else []
        for number in [*self._children, *others]:
            while number == -1 or number in self._children:
                try:
                    ended, status = os.waitpid(number, os.WNOHANG)
                except ChildProcessError:
                    break
                if not ended:
                    break
                self._has_ended(ended, status)

    def end(self) -> None:
        """Kill all children that are left, and wait for them. Call it after the loop."""
        for number in self._children:
            os.kill(number, signal.SIGKILL)
        for number in list(self._children):
            self._has_ended(*os.waitpid(number, 0))

    def _has_ended(self, number: int, status: int) -> None:
        child, ended = self._children.pop(number, (None, None))
        if child is not None and ended is not None:
            child.returncode = os.waitstatus_to_exitcode(status)  # or `subprocess` would wait for it again
            ended(child.returncode)


def describe_end(status: int) -> str:
    """Return how a process has ended, in words that follow its name."""
    if status >= 0:
        return f"has ended with status {status}" if status else "has ended"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
