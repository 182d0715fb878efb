"""Private files: whatever the umask is, only their owner can read the files that PyLingo creates."""

import os

PRIVATE = 0o600
"""The mode of a file that is created here."""


def open_private(path: str, flags: int) -> int:
    """Open a file; usable as the `opener` of `open`. A file that exists keeps its mode."""
    if flags & os.O_CREAT:
        try:
            descriptor = os.open(path, flags | os.O_EXCL, PRIVATE)
        except FileExistsError:  # a dangling link raises it as well; opening that creates its target
            if flags & os.O_EXCL:
                raise
        else:
            os.fchmod(descriptor, PRIVATE)
            return descriptor
    return os.open(path, flags, PRIVATE)


def sync_folder(path: str) -> None:
    """Have the disk take the name of a file that was made, or put in the place of another one. Raises `OSError`."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
