"""Files of the person that several windows change: one at a time, and always as a whole."""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 0.5
"""The most seconds to wait for another window's lock on a file. A window holds it for some milliseconds."""
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""The errors of a file system without locks. There, two windows that save at the same moment may lose a change."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Path]:
    """Lock a file, and create it and its folder first if necessary. Yields the path behind symbolic links.

    Raises `OSError`.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a plain file")
    target.parent.mkdir(0o700, parents=True, exist_ok=True)
    lock = _lock(target)
    try:
        yield target
    finally:
        os.close(lock)


def replace(path: Path, text: str) -> None:
    """Replace a file in one step. Its mode stays. Raises `OSError`, and leaves the file as it was."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, "wb") as file:
            file.write(text.encode())
        os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _lock(path: Path) -> int:
    """Lock the file, and create it first if necessary. Closing the descriptor unlocks it. Raises `OSError`."""
    end = time.monotonic() + PATIENCE
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):  # the latter: replaced or removed after it was opened
            pass
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            return descriptor
        os.close(descriptor)
        if time.monotonic() > end:
            raise OSError(f"{path} is locked by another program")
        time.sleep(0.005)
