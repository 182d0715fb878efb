"""The successor as a child process: started with one end of a line, and ended if it is of no use."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from pylingo.reactor.succession.line import VARIABLE, Line, make_line

_SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""The signals that would end a process that does not handle them yet. They wait until it does."""
_ENDING = 0.05  # seconds that a process that has closed its end has to end by itself
_KILLED = 1.0  # seconds that the system has to end a process


def own_command() -> list[str]:
    """Return the command that has started this process. The program is read from the disk again."""
    return [sys.executable, *sys.orig_argv[1:]]


class Child:
    """A successor and this process's end of the line. Raises `OSError` if it cannot be started."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.line: Line
        self.line, theirs = make_line()
        try:
            with theirs, _waiting_signals():
                # The watchdog watches the successor from now on, whose number is not known yet.
                inherited = {name: value for name, value in environment.items() if name != "WATCHDOG_PID"}
                self._process = subprocess.Popen(
                    command,
                    env={**inherited, VARIABLE: str(theirs.fileno())},
                    pass_fds=[theirs.fileno()],
                )
        except BaseException:
            self.line.close()
            raise

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    def end(self) -> int | None:
        """Kill the process, unless it has ended by itself; return its exit status then, otherwise None."""
        self.line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_ENDING)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED)
        return None

    def let_go(self) -> None:
        """Close the line, and leave the process alone."""
        self.line.close()

    def status(self) -> int | None:
        """Return the exit status of the process, or None while it runs. Call it last."""
        status = self._process.poll()
        self._process.returncode = self._process.returncode or 0  # it outlives us, and `subprocess` would complain
        return status


@contextlib.contextmanager
def _waiting_signals() -> Iterator[None]:
    """Have signals wait. A child that is started meanwhile inherits that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_upgrades() -> None:
    """Forget the SIGUSR2 that has come while this process started, and those that come."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def take_signals() -> None:
    """Take the signals that have waited. Call it once they are handled."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
