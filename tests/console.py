"""The real client on a terminal: a pty, what pyte makes of what it writes, and keys that are typed."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte

from tests.fakes.emulator import Emulator
from tests.support import DEADLINE, ROOT

_BEGIN, _END = b"\x1b[?2026h", b"\x1b[?2026l"
"""Around what is to be shown at once."""
QUIET = 0.05
"""Seconds without output after which a program is taken to have painted all it has."""


def _no_first_run() -> tempfile.TemporaryDirectory[str]:
    """A folder in which no run knows the settings, rooms or key of another one. It is not that of a first run."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # a shell's client may outlive it, and save
    path = Path(folder.name) / "pylingo" / "state.json"
    path.parent.mkdir(0o700)
    path.touch(0o600)
    return folder


class Console:
    """`./client/chat.py` with a terminal of `columns` x `rows`. Everything it writes is kept in `written`.

    A frame is shown at once, when all of it has come: a busy machine may stop the program in the middle of one. Of what
    a program may ask a terminal, it answers where the cursor is.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        environment: dict[str, str | None] | None = None,
        program: tuple[str, ...] = (str(ROOT / "client" / "chat.py"),),
        is_shown: bool = True,
    ) -> None:
        """Without `is_shown` what is written is kept only, and costs the test no time."""
        self._is_shown = is_shown
        self.screen = Emulator(columns, rows)
        self.screen.write_process_input = lambda answer: os.write(self._master, answer.encode())
        self._stream = pyte.ByteStream(self.screen)
        self._held = b""  # the beginning of a frame
        self.written = b""
        self._master, self.terminal = pty.openpty()
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.terminal)
        self._home = _no_first_run()
        own = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"), self._home.name)
        env = {**os.environ, "TERM": "xterm-256color", **own, **(environment or {})}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            env={name: value for name, value in env.items() if value is not None},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    # --- what the person does

    def press(self, keys: str | bytes) -> None:
        """Press keys, or paste. Reads meanwhile, as a terminal does."""
        data = keys if isinstance(keys, bytes) else keys.encode()
        while data:
            readable, writable, _ = select.select([self._master], [self._master], [], DEADLINE)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self._master, data[:512]) :]

    def resize(self, columns: int, rows: int) -> None:
        """Make the window larger or smaller."""
        self.screen.resize(rows, columns)
        self.screen.cursor.x = min(self.screen.cursor.x, columns - 1)  # it cuts rows off, as xterm does
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._master)
        self._master = -1

    # --- what there is to see

    @property
    def rows(self) -> list[str]:
        """The rows of the screen."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self) -> str:
        """All rows."""
        return "\n".join(self.rows)

    def wait(self, what: str | Callable[[], Any], deadline: float = DEADLINE) -> Any:
        """Wait until some text is on the screen, or a condition holds."""
        end = time.monotonic() + deadline
        while not (value := what in self.text if isinstance(what, str) else what()):
            assert time.monotonic() < end, f"{what!r} did not come within {deadline} s:\n{self.text}"
            self.pump(0.02)
        return value

    def pump(self, seconds: float = QUIET) -> None:
        """Take what is written, until nothing was for `seconds`."""
        while select.select([self._master], [], [], seconds)[0]:
            if not self._read():
                break

    def end(self, deadline: float = DEADLINE) -> int:
        """Wait until the program has ended; its exit status."""
        end = time.monotonic() + deadline
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end within {deadline} s:\n{self.text}"
            if self._master >= 0:
                self.pump(0.02)
            else:
                time.sleep(0.01)
        if self._master >= 0:
            self.pump(0)
        return self.process.returncode

    @property
    def is_restored(self) -> bool:
        """Whether the terminal has the modes that it had before."""
        return termios.tcgetattr(self.terminal) == self.modes

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return False
        self.written += data
        if self._is_shown:
            self._show(data)
        return bool(data)

    def _show(self, data: bytes) -> None:
        """Show what is written, up to a frame of which the end is missing."""
        data = self._held + data
        begin = data.rfind(_BEGIN)
        if begin <= data.rfind(_END):
            begin = data.rfind(b"\x1b")
            if begin < 0 or not _BEGIN.startswith(data[begin:]):  # the sequence itself may have come in two pieces
                begin = len(data)
        self._held = data[begin:]
        self._stream.feed(data[:begin])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(DEADLINE)
        for descriptor in (self._master, self.terminal):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._home.cleanup()
