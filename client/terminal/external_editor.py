"""The person's own editor on the terminal, for a draft, while the reactor goes on.

The editor has the terminal and a process group of its own, as a job of a shell has. So C-c in it is no signal for us,
and we are in the background until it ends or is stopped. `SIGCHLD` tells of both. The draft is a file that nobody else
may read, in a folder that nobody else may open; an editor's swap and backup files are removed with it.
"""

import codecs
import contextlib
import os
import shlex
import shutil
import signal
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from pylingo.client.descriptor import give_foreground
from pylingo.client.terminal.editor import LIMIT
from pylingo.client.terminal.model import Edited
from pylingo.shared.files import open_private

DEFAULT = "vi"
PATIENCE = 1.0  # seconds that an editor may take to end, if the program ends before it
_FILE = "message.txt"
_LARGEST = 4 * LIMIT + 1  # bytes that are read
_NOT_FOUND = 127  # the status of a command that could not be run
_LOOK_EVERY = 0.01  # seconds
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class ExternalEditor:
    """See the module. `returned` gets what the editor has made of a draft, once the terminal is ours again.
    `killed` is called when a signal has ended the editor, which then has restored nothing.

    After `start`, call `look` for each `SIGCHLD`, and `close` at the end.
    """

    def __init__(self, fd: int, returned: Callable[[Edited], object], killed: Callable[[], object]) -> None:
        self._fd = fd
        self._returned = returned
        self._killed = killed
        self._pid: int | None = None
        self._folder: Path | None = None
        self._text = ""
        self._modes: list[int | list[bytes | int]] | None = None
        self.is_in_front = False
        """Whether the editor has the terminal."""

    def start(self, text: str) -> None:
        """Edit `text`, or go back to an editor that was stopped. Raises `OSError`, and `ValueError` for a bad command.

        The terminal must be ours, and have the modes that the shell has given it.
        """
        if self._pid is None:
            self._launch(text)
        self.resume()

    def resume(self) -> None:
        """Give the editor the terminal, and continue it if it was stopped."""
        assert self._pid is not None
        self.is_in_front = True
        give_foreground(self._fd, self._pid)
        # It may have been stopped because it touched the terminal before that was its own.
        self._send(signal.SIGCONT)

    def look(self) -> None:
        """See whether the editor has ended or was stopped."""
        if self._pid is None:
            return
        try:
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:  # whoever started us has SIGCHLD ignored
            pid, status = self._pid, 0
        if not pid:
            return
        if os.WIFSTOPPED(status):
            if os.WSTOPSIG(status) in (signal.SIGTTIN, signal.SIGTTOU) and self.is_in_front:
                self._send(signal.SIGCONT)
                return
            self._take_back()
            self._returned(Edited(None, "the editor is stopped; C-x C-e continues it", is_waiting=True))
            return
        self._pid = None
        self._take_back()
        if os.WIFSIGNALED(status):
            self._killed()
        edited = self._outcome(os.waitstatus_to_exitcode(status))
        self._remove()
        self._returned(edited)

    def close(self) -> None:
        """End the editor, and take the terminal back."""
        if self._pid is None:
            return
        for number in (signal.SIGHUP, signal.SIGCONT):
            self._send(number)
        end = time.monotonic() + PATIENCE
        status = 0
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() > end:
                    self._send(signal.SIGKILL)
                    _, status = os.waitpid(self._pid, 0)
                    break
                time.sleep(_LOOK_EVERY)
        self._pid = None
        if self.is_in_front:
            self._take_back()
            if os.WIFSIGNALED(status):
                self._killed()
        self._remove()

    def _launch(self, text: str) -> None:
        command = _command()
        self._folder = Path(tempfile.mkdtemp(prefix="pylingo-"))
        file = self._folder / _FILE
        try:
            with open(file, "xb", opener=open_private) as opened:
                opened.write(f"{text}\n".encode("utf-8", "replace"))
            with contextlib.suppress(termios.error):
                self._modes = termios.tcgetattr(self._fd)
            streams = [(os.POSIX_SPAWN_DUP2, self._fd, number) for number in (0, 1, 2) if self._fd]
            self._pid = os.posix_spawnp(
                command[0],
                [*command, str(file)],
                os.environ,
                file_actions=streams,
                setpgroup=0,
                setsigdef=_IGNORED_BY_PYTHON,
            )
        except OSError as error:
            self._remove()
            if isinstance(error, FileNotFoundError | PermissionError):
                raise OSError(_no_editor(command[0])) from None
            raise
        self._text = text

    def _outcome(self, status: int) -> Edited:
        if status == _NOT_FOUND:
            return Edited(None, _no_editor(_command()[0]))
        if status != 0:
            how = f"exit status {status}" if status > 0 else f"signal {-status}"
            return self._written("replace", f"the editor failed with {how}; the line is as it was")
        try:
            return self._written("strict")
        except UnicodeDecodeError:
            why = "the editor has written something else than UTF-8; the line is as it was"
            return self._written("replace", why)

    def _written(self, errors: str, why: str = "") -> Edited:
        """The text in the file, if it is another one. Raises `UnicodeDecodeError`, if `errors` says so."""
        assert self._folder is not None
        try:
            with open(self._folder / _FILE, "rb") as file:
                data = file.read(_LARGEST)
        except OSError as error:
            return Edited(None, why or f"the line is as it was: {error.strerror}")
        # A character may be cut off at the limit.
        text = codecs.getincrementaldecoder("utf-8")(errors).decode(data, final=len(data) < _LARGEST)
        text = text.replace("\r\n", "\n").rstrip("\n")
        return Edited(None if text == self._text.rstrip("\n") else text, why)

    def _take_back(self) -> None:
        """Make the terminal ours again, with the modes that it had."""
        self.is_in_front = False
        give_foreground(self._fd, os.getpgrp())
        if self._modes is not None:
            with contextlib.suppress(termios.error):  # it is gone
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._modes)

    def _send(self, number: int) -> None:
        assert self._pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def _remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _command() -> list[str]:
    """The editor that the environment names, with its arguments. Raises `ValueError`."""
    for name in ("VISUAL", "EDITOR"):
        try:
            if words := shlex.split(os.environ.get(name, "")):
                return words
        except ValueError as error:
            raise ValueError(f"{name} is not a command: {error}") from None
    return [DEFAULT]


def _no_editor(command: str) -> str:
    return f"the editor {command} cannot be run; set VISUAL or EDITOR"
