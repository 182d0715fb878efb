"""The file into which `/log` has all written that is shown. What fails is said in a sentence, and harms nothing.

A new file is for its owner alone; one that is there already keeps the mode that it has.
"""

import contextlib
import errno
import os
import stat
from typing import TextIO

from pylingo.shared.files import open_private


class Transcript:
    """A file, or none. `begin` and `write` return what went wrong, if something did."""

    def __init__(self) -> None:
        self._file: TextIO | None = None
        self._path = ""
        self._is_failing = False

    def begin(self, path: str | None) -> str | None:
        """Write behind what is in the file at `path` from now on; None: no more.

        Where that file cannot be opened, the one before goes on.
        """
        if path is None:
            self.end()
            return None
        try:
            file = open(os.path.expanduser(path), "a", encoding="utf-8", opener=_open_plain)  # noqa: SIM115
        except (OSError, ValueError) as error:
            before = f"; {self._path} is written on" if self._file is not None else ""
            return f"nothing is written to {path}: {getattr(error, 'strerror', None) or error}{before}"
        self.end()
        self._file, self._path, self._is_failing = file, path, False
        return None

    def write(self, text: str) -> str | None:
        """Write a line, if there is a file."""
        if self._file is None:
            return None
        try:
            print(text, file=self._file, flush=True)
        except OSError as error:  # a disk that is full has room again some time, and what waits is written then
            was_failing, self._is_failing = self._is_failing, True
            return None if was_failing else f"{self._path} cannot be written to at present: {error.strerror}"
        self._is_failing = False
        return None

    def end(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def _open_plain(path: str, flags: int) -> int:
    """Open a plain file. Raises `OSError` for anything else, of which some would have us wait for ever."""
    descriptor = open_private(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a plain file")
    return descriptor
