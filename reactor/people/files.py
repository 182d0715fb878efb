"""Reading files that decide who comes in, and replacing them as a whole."""

import contextlib
import os
import stat

from pylingo.shared.files import open_private, sync_folder

_NEW = ".new"
_GROUP = stat.S_IWGRP, stat.S_IXGRP
_OTHERS = stat.S_IWOTH, stat.S_IXOTH


def read_regular(path: str, what: str, most: int) -> tuple[bytes, os.stat_result]:
    """Return the contents and the status of a regular file of at most `most` bytes.

    Raises `FileNotFoundError`, and `ValueError` with one sentence that calls the file `what`. Never waits for the
    writer of a pipe.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{what} {path} must be a regular file")
            data = file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"cannot read {what} {path}: {error.strerror}") from None
    if len(data) > most:
        raise ValueError(f"{what} {path} must have at most {most} bytes")
    return data, status


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def check_unchangeable(path: str, what: str, status: os.stat_result) -> None:
    """Raise `ValueError` with one sentence if the file is not ours, or others can write it."""
    _check_owner(path, what, status)
    if status.st_mode & 0o022:
        raise ValueError(f"others can write {what} {path}: change that with  chmod go-w {path}")


def check_writers(path: str, what: str, status: os.stat_result) -> None:
    """Raise `ValueError` with one sentence if others than us and root can write a file that the administrator writes.

    A folder that is closed to them protects it as well. Raises `OSError`.
    """
    if status.st_uid not in (os.geteuid(), 0):
        raise ValueError(f"{what} {path} belongs to another user: change that with chown")
    folder = os.stat(os.path.dirname(os.path.abspath(path))).st_mode
    for may_write, may_enter in (_GROUP, _OTHERS):
        if status.st_mode & may_write and folder & may_enter:
            raise ValueError(f"others can write {what} {path}: change that with chmod go-w {path}")


def check_private(path: str, what: str, status: os.stat_result) -> None:
    """Raise `ValueError` with one sentence if the file is not ours, or others can read or write it."""
    _check_owner(path, what, status)
    if status.st_mode & 0o077:
        raise ValueError(f"others can use {what} {path}: change that with  chmod 600 {path}")


def _check_owner(path: str, what: str, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise ValueError(f"{what} {path} belongs to another user: change that with  chown {os.geteuid()} {path}")


def replace_file(path: str, data: bytes) -> None:
    """Replace a file by one that is ours alone. Raises `OSError`; then the old one is there, or the new one is whole.

    The new file is on the disk before it takes the place of the old one, and the folder afterwards.
    """
    new = path + _NEW
    with contextlib.suppress(FileNotFoundError):  # what a killed process has left
        os.unlink(new)
    try:
        with open(new, "xb", opener=open_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    sync_folder(path)
