"""Which keys the file may hold, known without reading it: Bloom filters, a few bits for each key.

A key that no filter knows is new, so what is said with it goes on at once: the rule, as a client repeats only what was
not confirmed. A key that a filter knows is looked up in the file, which the reactor does not wait for. It is wrong for
fewer than one new key in a hundred, which then costs its speaker the time of one look into an index.

The filter of the file is made by the thread that owns it, in slices between other work. It is never changed after
that: what is said since is in a filter of the loop's own, and when that is full, the thread makes another of the file.
"""

import sqlite3
import time

from reactor.chat.store import next_keys, size

_PROBES = 3
_BYTES_PER_KEY = 2
_LEAST_KEYS = 2**16  # a filter of 128 KiB
_BYTES_PER_MESSAGE = 128  # about the least that a message with a key takes in the file
_SLICE = 200  # keys read at a time: the interpreter is taken from the reactor for a fraction of a millisecond


class Filter:
    """A set that holds what was added, and seems to hold little else until it has more than `capacity` keys.

    It depends on `hash`, which is another one in every process: nobody outside can choose keys that collide.
    """

    __slots__ = ("_bits", "_cells", "capacity", "count", "number")

    def __init__(self, capacity: int = _LEAST_KEYS, number: int = 0) -> None:
        self.capacity = max(capacity, _LEAST_KEYS)
        self.number = number
        self.count = 0
        self._cells = 8 * _BYTES_PER_KEY * self.capacity
        self._bits = bytearray(_BYTES_PER_KEY * self.capacity)

    def add(self, room: str, key: str) -> None:
        value = hash((key, room))
        step = value >> 31 | 1
        bits, cells = self._bits, self._cells
        for _ in range(_PROBES):
            cell = value % cells
            bits[cell >> 3] |= 1 << (cell & 7)
            value += step
        self.count += 1

    def may_hold(self, room: str, key: str) -> bool:
        value = hash((key, room))
        step = value >> 31 | 1
        bits, cells = self._bits, self._cells
        for _ in range(_PROBES):
            cell = value % cells
            if not bits[cell >> 3] & 1 << (cell & 7):
                return False
            value += step
        return True


class Keys:
    """The filters together, for the loop. `is_complete` is false while that of the file is being made."""

    def __init__(self) -> None:
        self.is_complete = False
        self._is_renewing = False
        self._of_file = Filter(0)
        self._said = [Filter(0)]  # what was said here, the last one growing

    def add(self, room: str, key: str) -> None:
        self._said[-1].add(room, key)

    def may_hold(self, room: str, key: str) -> bool:
        if not self.is_complete or self._of_file.may_hold(room, key):
            return True
        return any(said.may_hold(room, key) for said in self._said)

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
        self._said.append(Filter(self._of_file.count + newest.count, newest.number + 1))
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

    def __init__(self, file: sqlite3.Connection, number: int = 0) -> None:
        self.keys = Filter(size(file) // _BYTES_PER_MESSAGE, number)
        self._file = file
        self._after = ("", "", 0)
        self._begin = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._begin

    def go_on(self) -> bool:
        """Read a slice; returns whether it was the last one."""
        found = next_keys(self._file, self._after, _SLICE)
        for key, room, _ in found:
            self.keys.add(room, key)
        if found:
            self._after = found[-1]
        return len(found) < _SLICE
