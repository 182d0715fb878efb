"""Bloom filters that tell which keys the history file may hold, without reading it.

A message whose key is in no filter is new, and is sent at once. That is the rule: clients repeat only messages that
were not confirmed, and the keys of other people do not count. A key that is in a filter is looked up in the file, and
its message waits for the answer. Fewer than one new key in a hundred is looked up in vain, more if the filters have
reached their bound.

The writer thread builds the filter of the file in slices, between other work, and never changes it afterwards. Newer
keys are in a filter of the loop. When that one is full, the thread builds the filter of the file again.
"""

import sqlite3
import time

from pylingo.reactor.history.memory import folded
from pylingo.reactor.history.store import next_keys, size, trace

FILTER_SHARE = 8
"""Each filter may take an eighth of the memory. There may be four."""
_PROBES = 4
_BYTES_PER_TRACE = 2
_LEAST_TRACES = 2**16  # a filter of 128 KiB
_BYTES_PER_MESSAGE = 128  # about the least that a message with a key takes in the file
_SLICE = 200  # messages read at a time: the loop waits for the interpreter for a fraction of a millisecond


class BloomFilter:
    """A set of traces (see `store.trace`) with few false positives until it holds more than `capacity`.

    It takes `size` bytes, at most `most`. If that is too little, it has more false positives.
    """

    def __init__(self, capacity: int = 0, number: int = 0, most: int = 2**62) -> None:
        self.capacity = max(capacity, _LEAST_TRACES)
        self.size = min(_BYTES_PER_TRACE * self.capacity, most)
        self.number = number
        self.count = 0
        self._cells = 8 * self.size
        self._bits = bytearray(self.size)

    def add(self, trace: int) -> None:
        step = trace >> 31 | 1
        bits, cells = self._bits, self._cells
        for _ in range(_PROBES):
            cell = trace % cells
            bits[cell >> 3] |= 1 << (cell & 7)
            trace += step
        self.count += 1

    def may_hold(self, trace: int) -> bool:
        step = trace >> 31 | 1
        bits, cells = self._bits, self._cells
        for _ in range(_PROBES):
            cell = trace % cells
            if not bits[cell >> 3] & 1 << (cell & 7):
                return False
            trace += step
        return True


class KeyFilters:
    """All filters, for the loop: two, or four while one is replaced. Each takes at most `most` bytes.

    `is_complete` is false until the filter of the file is built. Set it to false if the file may be another one.
    """

    def __init__(self, most: int = 2**62) -> None:
        self.is_complete = False
        self._most = most
        self._is_renewing = False
        self._of_file = BloomFilter(0, 0, most)
        self._newer = [BloomFilter(0, 0, most)]  # keys that the loop has added, to the last one

    @property
    def size(self) -> int:
        """Bytes of memory, including those of a filter that is being built."""
        sizes = [keys.size for keys in (self._of_file, *self._newer)]
        return sum(sizes) + (self._is_renewing and sizes[-1])

    def add(self, room: str, key: str, session: int, name: str) -> None:
        self._newer[-1].add(trace(room, key, session))
        self._newer[-1].add(trace(room, key, folded(name)))

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        if not self.is_complete:
            return True
        traces = trace(room, key, session), trace(room, key, folded(name))
        return any(keys.may_hold(one) for keys in (self._of_file, *self._newer) for one in traces)

    def is_full(self) -> bool:
        """Return whether it is time to `renew`: never while the filter of the file is being built."""
        newest = self._newer[-1]
        return self.is_complete and not self._is_renewing and newest.count >= newest.capacity

    def renew(self) -> int:
        """Begin a new filter and return its number. A filter of the file must be built that holds all older keys.

        The new filter holds as many keys as there are so far. The file is read again only when the number of keys has
        doubled, or when as many were deleted.
        """
        newest = self._newer[-1]
        self._is_renewing = True
        self._newer.append(BloomFilter(self._of_file.count + newest.count, newest.number + 1, self._most))
        return newest.number + 1

    def found(self, keys: BloomFilter) -> None:
        """Take the filter of the file. It holds the keys of all filters with a lower number."""
        self._of_file = keys
        self._newer = [newer for newer in self._newer if newer.number >= keys.number]
        self._is_renewing = False
        self.is_complete = True


class KeyScan:
    """Builds the filter of a file, slice by slice, for the thread. Raises `sqlite3.Error`."""

    def __init__(self, file: sqlite3.Connection, number: int = 0, most: int = 2**62) -> None:
        self.count = 0  # keys found so far
        self.keys = BloomFilter(2 * size(file) // _BYTES_PER_MESSAGE, number, most)
        self._file = file
        self._after = -1
        self.begin = time.monotonic()

    def step(self) -> bool:
        """Read a slice. Return whether it was the last one."""
        found = next_keys(self._file, self._after, _SLICE)
        for _, room, key, author, session in found:
            if key is not None:
                self.count += 1
                self.keys.add(trace(room, key, author))
                if session is not None:  # as `trace` made it, if it is of this process
                    self.keys.add(session)
        if found:
            self._after = found[-1][0]
        return len(found) < _SLICE
