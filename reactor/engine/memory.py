"""A reserve of memory for a process whose limit (`ulimit -v`, systemd's `LimitAS`) is reached.

Any allocation can fail with `MemoryError` then, even in the selector's wait, and saying goodbye takes memory. So a part
of the memory is held back, and released at that moment. It costs nothing, since nothing is written to it.
"""

import mmap
import resource
from collections.abc import Callable

_LEAST, _MOST = 2**22, 2**24


def reserve_size(limit: int) -> int:
    """The bytes to hold back of a limit of `limit` bytes: a quarter, from 4 MiB to 16 MiB."""
    return _LEAST if limit == resource.RLIM_INFINITY else min(max(limit // 4, _LEAST), _MOST)


class Memory:
    """The reserve. `on_shortage` is called after each `MemoryError`, and should have the process take on less work."""

    def __init__(self) -> None:
        self.on_shortage: Callable[[], object] | None = None
        self._size = reserve_size(resource.getrlimit(resource.RLIMIT_AS)[0])
        self._held: mmap.mmap | None = None
        self.hold()

    def hold(self) -> None:
        """Take the reserve again, if it is gone and there is memory for it."""
        if self._held is None:
            try:
                self._held = mmap.mmap(-1, self._size)
            except (OSError, MemoryError):
                pass

    def ran_out(self) -> bool:
        """Release the reserve after a `MemoryError`; return whether there was one."""
        held, self._held = self._held, None
        if held is not None:
            held.close()
        if self.on_shortage is not None:
            self.on_shortage()
        return held is not None
