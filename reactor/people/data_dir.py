"""The folder of `--data`: everything that a server keeps, in one place that nobody else can read.

One server at a time uses it: `lock` keeps the others off. The people file is the first file that a server makes in a
new folder, besides the lock, so a folder with other files and without it has lost it. `traces` says which they are.
"""

import enum
import errno
import fcntl
import os
import stat
from dataclasses import field

from pylingo.reactor.people.files import check_unchangeable, read_regular
from pylingo.shared.files import open_private
from pylingo.shared.value_class import value_class

FOLDER_MODE = 0o700
"""The mode of the folder."""


class Stage(enum.IntEnum):
    """How far the first start has come. The lock has a line for each stage that is reached."""

    NEW = 0
    BEGUN = 1
    """There is a people file."""
    OVER = 2
    """The operator was shown the first link."""


_MOST = 4_096  # bytes of the lock
_LINES = (b"begun\n", b"over\n")


@value_class
class DataDir:
    """The paths in the folder."""

    path: str
    _lock: list[int] = field(default_factory=list, repr=False, compare=False)

    @property
    def history(self) -> str:
        """The history of rooms and conversations."""
        return os.path.join(self.path, "history.db")

    @property
    def certificate(self) -> str:
        """The certificate for TLS."""
        return os.path.join(self.path, "cert.pem")

    @property
    def key(self) -> str:
        """The private key of the certificate."""
        return os.path.join(self.path, "key.pem")

    @property
    def people(self) -> str:
        """The register of people."""
        return os.path.join(self.path, "people.json")

    @property
    def members(self) -> str:
        """The members file, which the administrator writes."""
        return os.path.join(self.path, "members")

    @property
    def link(self) -> str:
        """The link to the server as it was last started, without an invitation."""
        return os.path.join(self.path, "link")

    @property
    def control(self) -> str:
        """The socket of the running server, for commands such as `pylingo-server invite`."""
        return os.path.join(self.path, "control")

    @property
    def redis(self) -> str:
        """The folder of the Redis that `--workers` starts."""
        return os.path.join(self.path, "redis")

    @property
    def redis_socket(self) -> str:
        """The socket of that Redis."""
        return os.path.join(self.redis, "redis.sock")

    @property
    def lock_file(self) -> str:
        """The file that a running server has locked."""
        return os.path.join(self.path, "lock")

    @property
    def stage(self) -> Stage:
        """How far the first start has come. Raises `ValueError` with one sentence if the lock cannot be read."""
        try:
            data, status = read_regular(self.lock_file, "the lock", _MOST)
        except FileNotFoundError:
            return Stage.NEW
        check_unchangeable(self.lock_file, "the lock", status)
        return Stage(min(data.count(b"\n"), Stage.OVER))

    def traces(self) -> list[str]:
        """The files that show that there was a people file. Ask before `lock`, which makes one of them."""
        made = [self.certificate, self.key]
        if self.stage is not Stage.NEW:
            made = [self.lock_file, *made]
        elif not os.path.lexists(self.lock_file):  # an earlier server without TLS had a lock and no people file
            made += [self.history, self.link]
        return [path for path in made if os.path.lexists(path)]

    @property
    def small_files(self) -> tuple[str, ...]:
        """The files that are only ever replaced as a whole, and belong to a copy of the folder."""
        return self.people, self.members, self.certificate, self.key, self.link

    def lock(self) -> bool:
        """Keep others off the folder until this process ends; return False if another one is there.

        Raises `ValueError` with one sentence if there can be no lock.
        """
        path = self.lock_file
        try:
            descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except OSError as error:
            raise ValueError(f"cannot lock the data folder with {path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        self._lock.append(descriptor)
        return True

    @property
    def locks(self) -> list[int]:
        """The descriptors of the lock: none if others may use the folder."""
        return [*self._lock]

    def take_lock(self, descriptor: int) -> None:
        """Keep others off the folder by a lock of another process, which has passed its descriptor."""
        self._lock.append(descriptor)

    def reach(self, stage: Stage) -> None:
        """Note the stage in the lock, which must be ours. Raises `OSError`."""
        text = b"".join(_LINES[:stage])
        for descriptor in self._lock:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)
            os.fsync(descriptor)

    def unlock(self) -> None:
        """Let others use the folder."""
        while self._lock:
            os.close(self._lock.pop())


def open_data_dir(path: str, create: bool = True) -> DataDir:
    """Return the folder, made if it is not there and `create`. Raises `ValueError` with one sentence."""
    try:
        if create:
            try:
                os.mkdir(path, FOLDER_MODE)
            except FileExistsError:
                pass
            else:
                os.chmod(path, FOLDER_MODE)  # the umask took something away, or a default ACL added something
        status = os.stat(path)
    except FileNotFoundError:
        folder = os.path.dirname(os.path.abspath(path))
        missing = path if not create else folder
        raise ValueError(f"cannot use the data folder {path}: there is no folder {missing}") from None
    except OSError as error:
        raise ValueError(f"cannot use the data folder {path}: {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"cannot use the data folder {path}: it is not a folder")
    if status.st_uid != os.geteuid():
        words = f"change that with  chown -R {os.geteuid()} {path}"
        raise ValueError(f"the data folder {path} belongs to another user: {words}")
    if status.st_mode & 0o077:
        raise ValueError(f"others can enter the data folder {path}: change that with  chmod 700 {path}")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ValueError(f"the data folder {path} cannot be written: change that with  chmod 700 {path}")
    return DataDir(path)
