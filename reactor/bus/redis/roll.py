"""The sessions in a room, of all servers together. Pure.

A person may be in a room with several sessions, which share a name. Others are told only when the first of them comes
and when the last one goes.
"""

from collections.abc import Collection, ItemsView, Iterator, KeysView
from typing import NamedTuple

from pylingo.reactor.history.memory import folded


class Member(NamedTuple):
    """One session in a room. `fingerprint` is that of the person's key, `operator` whether the person is one."""

    name: str
    fingerprint: str | None = None
    operator: bool | None = None

    @property
    def key(self) -> str:
        """The compared form of the name."""
        return folded(self.name)


class Roll:
    """The members of a room by their session numbers. Its length is the number of people, not of sessions.

    Servers may report the same event twice, such as a departure. A report about a session that is not in the room
    changes nothing.
    """

    __slots__ = ("_members", "_numbers")

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}
        self._numbers: dict[str, dict[int, None]] = {}  # by the compared form of the name

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, number: int) -> bool:
        return number in self._members

    def sessions(self) -> ItemsView[int, Member]:
        """All sessions by their numbers, in the order in which they came."""
        return self._members.items()

    def get(self, number: int) -> Member | None:
        return self._members.get(number)

    def add(self, number: int, member: Member) -> bool:
        """Add a session. Return whether the person is new in the room.

        A session that is in the room already gets the new name and marks.
        """
        if number in self._members:
            change = self.rename(number, member)
            return change is not None and change[2]
        self._members[number] = member
        return self._take(number, member.key)

    def remove(self, number: int) -> tuple[Member, bool] | None:
        """Remove a session. Return it and whether it was the person's last one; None if it is not in the room."""
        member = self._members.pop(number, None)
        return None if member is None else (member, self._drop(number, member.key))

    def rename(self, number: int, member: Member) -> tuple[Member, bool, bool] | None:
        """Change the name and marks of a session. Return what it was, `leaves` and `comes`; None if it is not here.

        `leaves` is whether no other session has the old name, `comes` whether none had the new one. Both are false if
        the two names are the same when compared.
        """
        old = self._members.get(number)
        if old is None:
            return None
        self._members[number] = member
        if old.key == member.key:
            return old, False, False
        return old, self._drop(number, old.key), self._take(number, member.key)

    def numbers(self, key: str) -> Collection[int]:
        """The sessions of the person whose name has this compared form."""
        return self._numbers.get(key, {}).keys()

    def is_in(self, key: str) -> bool:
        """Whether a person whose name has this compared form is in the room."""
        return key in self._numbers

    def keys(self) -> KeysView[str]:
        """The compared names of the people."""
        return self._numbers.keys()

    def people(self) -> Iterator[Member]:
        """The people: the first session of each."""
        return (self._members[next(iter(numbers))] for numbers in self._numbers.values())

    def clear(self) -> None:
        self._members.clear()
        self._numbers.clear()

    def _take(self, number: int, key: str) -> bool:
        """Note that a session has this name. Return whether it is the first one."""
        numbers = self._numbers.setdefault(key, {})
        numbers[number] = None
        return len(numbers) == 1

    def _drop(self, number: int, key: str) -> bool:
        """Note that a session no longer has this name. Return whether it was the last one."""
        numbers = self._numbers[key]
        del numbers[number]
        if not numbers:
            del self._numbers[key]
        return not numbers
