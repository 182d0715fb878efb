"""The lines that the person typed in earlier runs: a file of its own in the platform's state folder.

Each line of the file is a JSON string, so a message of several rows is one line. Windows append to it, one at a time.
The file has the newest lines only, and none that is likely to be a secret. The client works without it.
"""

import json
import os
import re
import stat
from pathlib import Path

from pylingo.client.locked_file import locked, replace
from pylingo.client.state import default_path as state_path
from pylingo.shared.files import open_private
from pylingo.shared.text import MAX_TEXT

KEPT = 1_000  # lines
LARGEST = 1 << 20  # bytes of the file that are read
SHORTEN_EVERY = 100  # lines of one window after which the file is shortened to these bounds
_SECRET = re.compile(r"[?&]invite=|^/\S*passw", re.IGNORECASE)


def default_path() -> Path | None:
    """Return the path of the file; None without a home folder."""
    state = state_path()
    return None if state is None else state.with_name("input-history")


def is_kept(line: str) -> bool:
    """Whether a line is kept: it does not begin with a blank, has no invitation and is about no password."""
    return bool(line.strip()) and not line[0].isspace() and _SECRET.search(line) is None and len(line) <= MAX_TEXT


class InputHistory:
    """The file at `path`. `lines` are those of earlier runs, the oldest first.

    `trouble` says what of the file cannot be read; then it is used without that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._added = 0
        self.lines: list[str] = []
        self.trouble: str | None = None
        try:
            self.lines, damaged = _lines(_tail(path))
        except FileNotFoundError:
            return
        except OSError as error:
            self.trouble = f"the input history {path} is not used: {error.strerror or error}"
            return
        if damaged:
            what = "a line" if damaged == 1 else f"{damaged:,} lines"
            self.trouble = f"the input history {path} is damaged: {what} cannot be read"

    def add(self, line: str) -> None:
        """Append a line, if it is one that is kept, and now and then drop the oldest ones. Raises `OSError`."""
        if not is_kept(line):
            return
        with locked(self._path) as target:
            with open(target, "r+b", opener=open_private) as file:
                os.fchmod(file.fileno(), 0o600)  # it may be there with another mode
                size = file.seek(0, os.SEEK_END)
                is_cut_off = size and os.pread(file.fileno(), 1, size - 1) != b"\n"  # the disk was full
                file.write((b"\n" if is_cut_off else b"") + _encoded(line))
            if self._added % SHORTEN_EVERY == 0:
                _shorten(target)
        self._added += 1


def _encoded(line: str) -> bytes:
    return f"{json.dumps(line, ensure_ascii=False)}\n".encode("utf-8", "replace")


def _tail(path: Path) -> bytes:
    """The last bytes of the file, from the start of a line on. Raises `OSError`."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a plain file")
        start = max(0, found.st_size - LARGEST)
        file.seek(start)
        data = file.read(LARGEST)
    return data.partition(b"\n")[2] if start else data


def _lines(data: bytes) -> tuple[list[str], int]:
    """The newest lines, the oldest of them first, and how many could not be read."""
    lines: list[str] = []
    damaged = 0
    for row in filter(None, data.split(b"\n")):
        try:
            line = json.loads(row)
            line.encode()
        except (ValueError, RecursionError, AttributeError):
            damaged += 1
            continue
        lines.append(line)
    return lines[-KEPT:], damaged


def _shorten(path: Path) -> None:
    """Drop what is beyond the bounds, and what cannot be read. The file is locked."""
    data = _tail(path)
    lines, damaged = _lines(data)
    if damaged or data.count(b"\n") > KEPT or path.stat().st_size > LARGEST:
        replace(path, b"".join(map(_encoded, lines)).decode())
