"""The file that `/log` writes the shown lines to: for its owner only if it is new, else in the mode that it has."""

import contextlib
import errno
import os
import stat
from typing import TextIO

from pylingo.shared.files import open_private


class Transcript:
    """A file, or none. `begin` and `write` return a sentence if they fail, which harms nothing else, and else None."""

    def __init__(self) -> None:
        self._file: TextIO | None = None
        self._path = ""
        self._is_failing = False

    def begin(self, path: str | None) -> str | None:
        """Append to the file at `path`; None ends that. If it cannot be opened, the previous file stays in use."""
        if path is None:
            self.end()
            return None
        try:
            file = open(os.path.expanduser(path), "a", encoding="utf-8", opener=_open_plain)  # noqa: SIM115
        except (OSError, ValueError) as error:
            before = f"; {self._path} stays in use" if self._file is not None else ""
            return f"cannot write to {path}: {getattr(error, 'strerror', None) or error}{before}"
        self.end()
        self._file, self._path, self._is_failing = file, path, False
        return None

    def write(self, text: str) -> str | None:
        """Write a line, if there is a file."""
        if self._file is None:
            return None
        try:
            print(text, file=self._file, flush=True)
        except OSError as error:  # a full disk may have room later, and then buffered lines are written
            was_failing, self._is_failing = self._is_failing, True
            return None if was_failing else f"cannot write to {self._path} at present: {error.strerror}"
        self._is_failing = False
        return None

    def end(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def _open_plain(path: str, flags: int) -> int:
    """Open a plain file. Raises `OSError` for anything else, because some other kinds would block forever."""
    descriptor = open_private(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file")
    return descriptor
