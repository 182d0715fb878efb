"""What a process does whose memory is limited (`ulimit -v`, systemd's `LimitAS`) and has run out.

Any allocation can fail with `MemoryError` then, that of the selector's wait too, and to say goodbye takes memory as
well. So a part of what there is is held back, which costs nothing as nothing is written to it, and is released then.
"""

import mmap
import resource
from collections.abc import Callable

_LEAST, _MOST = 2**22, 2**24


def reserve_size(limit: int) -> int:
    """The bytes to be held back of so many: a quarter, from 4 MiB to 16 MiB."""
    return _LEAST if limit == resource.RLIM_INFINITY else min(max(limit // 4, _LEAST), _MOST)


class Memory:
    """The reserve. `told` is called after each `MemoryError`, and should see to it that less is begun."""

    def __init__(self) -> None:
        self.told: Callable[[], object] | None = None
        self._size = reserve_size(resource.getrlimit(resource.RLIMIT_AS)[0])
        self._held: mmap.mmap | None = None
        self.hold()

    def hold(self) -> None:
        """Have the reserve again, if it is gone and there is place for it."""
        if self._held is None:
            try:
                self._held = mmap.mmap(-1, self._size)
            except (OSError, MemoryError):
                pass

    def ran_out(self) -> bool:
        """There was a `MemoryError`; whether there was a reserve to get by with."""
        held, self._held = self._held, None
        if held is not None:
            held.close()
        if self.told is not None:
            self.told()
        return held is not None
