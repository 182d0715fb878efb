"""Files that a part of ours makes: whatever the umask, nobody but their owner can read them."""

import os

PRIVATE = 0o600
"""The mode of a file that is made here."""


def open_private(path: str, flags: int) -> int:
    """Open a file, as an `opener` of `open`. One that is there already keeps the mode that its owner gave it."""
    if flags & os.O_CREAT:
        try:
            descriptor = os.open(path, flags | os.O_EXCL, PRIVATE)
        except FileExistsError:  # so it is for a link to nowhere, through which a file is made all the same
            if flags & os.O_EXCL:
                raise
        else:
            os.fchmod(descriptor, PRIVATE)
            return descriptor
    return os.open(path, flags, PRIVATE)
