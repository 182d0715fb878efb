"""Which keys the file may hold, known without reading it: Bloom filters, a few bits for each key.

A key that no filter knows from its speaker is new, so what is said with it goes on at once: the rule, as a client
repeats only what was not confirmed, and as others with the same key do not count. One that a filter knows is looked
up in the file, which the reactor does not wait for. A filter is wrong for fewer than one new key in a hundred, more
where it has no more memory; that costs the speaker the time of one look into an index.

The filter of the file is made by the thread that owns it, in slices between other work. It is never changed after
that: what is said since is in a filter of the loop's own, and when that is full, the thread makes another of the file.
"""

import sqlite3
import time

from pylingo.reactor.history.memory import folded
from pylingo.reactor.history.store import next_keys, size, trace

_PROBES = 4
_BYTES_PER_TRACE = 2
_LEAST_TRACES = 2**16  # a filter of 128 KiB
_BYTES_PER_MESSAGE = 128  # about the least that a message with a key takes in the file
_SLICE = 200  # messages read at a time: the interpreter is taken from the reactor for a fraction of a millisecond


class Filter:
    """A set of traces (see `store.trace`), which seems to hold little else until there are more than `capacity`.

    It takes at most `most` bytes: where that is too little, it seems to hold more.
    """

    __slots__ = ("_bits", "_cells", "capacity", "count", "number")

    def __init__(self, capacity: int = 0, number: int = 0, most: int = 2**62) -> None:
        self.capacity = max(capacity, _LEAST_TRACES)
        size = min(_BYTES_PER_TRACE * self.capacity, most)
        self.number = number
        self.count = 0
        self._cells = 8 * size
        self._bits = bytearray(size)

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return len(self._bits)

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


class Keys:
    """The filters together, for the loop, each of at most `most` bytes; there are four for a moment, else two.

    `is_complete` is false while that of the file is being made. Sessions have numbers, and people names.
    """

    def __init__(self, most: int = 2**62) -> None:
        self.is_complete = False
        self._most = most
        self._is_renewing = False
        self._of_file = Filter(0, 0, most)
        self._said = [Filter(0, 0, most)]  # what was said here, the last one growing

    @property
    def size(self) -> int:
        """Bytes of memory, with those of a filter that is being made."""
        sizes = [keys.size for keys in (self._of_file, *self._said)]
        return sum(sizes) + (self._is_renewing and sizes[-1])

    def add(self, room: str, key: str, session: int, name: str) -> None:
        self._said[-1].add(trace(room, key, session))
        self._said[-1].add(trace(room, key, folded(name)))

    def may_hold(self, room: str, key: str, session: int, name: str) -> bool:
        if not self.is_complete:
            return True
        traces = trace(room, key, session), trace(room, key, folded(name))
        return any(keys.may_hold(one) for keys in (self._of_file, *self._said) for one in traces)

    def is_full(self) -> bool:
        """Whether it is time to `renew`; false while the filter of the file is being made."""
        newest = self._said[-1]
        return self.is_complete and not self._is_renewing and newest.count >= newest.capacity

    def renew(self) -> int:
        """Begin a new filter; returns its number: one of the file is to be made that holds all said before.

        It is for as many keys as there are so far, so the file is read again only when they are twice as many, or as
        many were deleted.
        """
        newest = self._said[-1]
        self._is_renewing = True
        self._said.append(Filter(self._of_file.count + newest.count, newest.number + 1, self._most))
        return newest.number + 1

    def forget(self) -> None:
        """The file may be another one: nothing is known of it before `found`."""
        self.is_complete = False

    def found(self, keys: Filter) -> None:
        """The filter of the file is made; its number says from which of ours on it may lack keys."""
        self._of_file = keys
        self._said = [said for said in self._said if said.number >= keys.number]
        self._is_renewing = False
        self.is_complete = True


class Scan:
    """The making of the filter of a file, slice by slice, for the thread. Raises `sqlite3.Error`."""

    def __init__(self, file: sqlite3.Connection, number: int = 0, most: int = 2**62) -> None:
        self.count = 0
        """Keys that were found."""
        self.keys = Filter(2 * size(file) // _BYTES_PER_MESSAGE, number, most)
        self._file = file
        self._after = -1
        self._begin = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._begin

    def go_on(self) -> bool:
        """Read a slice; returns whether it was the last one."""
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
