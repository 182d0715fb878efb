"""The roster: who is listed, who is an operator, and which keys are one person's.

There are two sources. The members file belongs to the administrator, and the server only reads it. The server itself
keeps the keys that came by invitation, and the operators that it was told of.
"""

from collections.abc import Callable, Iterable, Mapping

from pylingo.reactor.people.keys import PublicKey, is_fingerprint
from pylingo.reactor.people.members import NOBODY, Members
from pylingo.reactor.people.records import check, nothing
from pylingo.shared.value_class import value_class


def _nothing() -> None: ...


@value_class
class Change:
    """A change that opens a door. It is in the state: store that, then call `commit`; or `undo` if that failed."""

    undo: Callable[[], object] = _nothing
    commit: Callable[[], object] = _nothing


@value_class
class Admitted:
    """A key that an invitation has listed. `by` is the key that made the invitation, `since` when it was used."""

    key: str
    by: str | None
    since: int

    def __post_init__(self) -> None:
        PublicKey.parse(self.key)
        check(self.by, is_fingerprint, "the fingerprint of a key")
        check(self.since, lambda since: since >= 0, "a time")


class Roster:
    """See the module. Keys are called by their fingerprints."""

    def __init__(self, admitted: Iterable[Admitted] = (), operators: Iterable[str] = ()) -> None:
        self.admitted = {PublicKey.parse(entry.key).fingerprint: entry for entry in admitted}
        """By fingerprint. An entry counts only once it is stored: ask `is_listed`."""
        self.operators = dict.fromkeys(operators)
        """The fingerprints of those who were made operators, in this order. Ask `has_rank` as well."""
        self.note_admitted: Callable[[str], object] = nothing
        """Called with the fingerprint of each change of `admitted`."""
        self.note_operator: Callable[[str], object] = nothing
        """Called with the fingerprint of each change of `operators`."""
        self._members: Members = NOBODY
        self._people: dict[str, frozenset[str]] = {}
        self._first: dict[str, str] = {}
        self._unwritten: set[tuple[int, str]] = set()  # entries of the tables above that do not count yet

    @property
    def members(self) -> Members:
        """The members file, as it was last read."""
        return self._members

    @members.setter
    def members(self, members: Members) -> None:
        people: dict[str, list[str]] = {}
        for fingerprint, member in members.items():
            if member.person is not None:
                people.setdefault(member.person, []).append(fingerprint)
        self._members = members
        self._people = {person: frozenset(keys) for person, keys in people.items()}
        self._first = {person: keys[0] for person, keys in people.items()}

    def names(self) -> list[tuple[str, frozenset[str]]]:
        """The names that the members file gives with `name=`, each with its keys."""
        found: dict[str, tuple[str, frozenset[str]]] = {}
        for fingerprint, member in self._members.items():
            if member.name is not None and member.person is not None:
                found.setdefault(member.person, (member.name, self.keys_of(fingerprint)))
        return [*found.values()]

    def noted_names(self) -> list[tuple[str, str]]:
        """The names in comments of the members file, each with its key."""
        return [
            (member.name, fingerprint)
            for fingerprint, member in self._members.items()
            if member.name is not None and member.person is None
        ]

    def keys_of(self, identity: str | None) -> frozenset[str]:
        """The key, and those listed under the same `name=`. A guest has none."""
        if identity is None:
            return frozenset()
        member = self._members.get(identity)
        if member is None or member.person is None:
            return frozenset((identity,))
        return self._people[member.person]

    def person_of(self, identity: str) -> str:
        """A text that is the same for all keys of a person, and another one for everybody else."""
        member = self._members.get(identity)
        return identity if member is None or member.person is None else f"name:{member.person}"

    def first_key(self, identity: str) -> str:
        """The key of the person that is listed first, or the key itself.

        Messages belong to it, and not to the name, which the file may give to somebody else.
        """
        member = self._members.get(identity)
        return identity if member is None or member.person is None else self._first[member.person]

    def is_listed(self, identity: str | None) -> bool:
        """Whether the key is in the members file, or came by invitation."""
        return identity in self._members or self._counts(self.admitted, identity)

    def is_anybody_listed(self) -> bool:
        """Whether any key is."""
        return bool(self._members) or any(map(self.is_listed, self.admitted))

    def has_rank(self, keys: Iterable[str]) -> bool:
        """Whether one of these keys is an operator's."""
        return any(self._is_listed_operator(key) or self._counts(self.operators, key) for key in keys)

    def admit(self, key: PublicKey, by: str | None, since: int) -> Change:
        """List a key, by an invitation of the key `by`."""
        return self._add(self.admitted, key.fingerprint, Admitted(key.text, by, since), self.note_admitted)

    def promote(self, identity: str) -> Change:
        """Make a key an operator's."""
        return self._add(self.operators, identity, None, self.note_operator)

    def demote(self, identity: str) -> None:
        """Make the owner of a key an operator no more. Raises `ValueError` if the members file says they are."""
        keys = self.keys_of(identity)
        if any(map(self._is_listed_operator, keys)):
            raise ValueError("the members file makes them an operator: remove the option operator there")
        for key in keys & self.operators.keys():
            del self.operators[key]
            self.note_operator(key)

    def admitted_rows(self, fingerprints: Iterable[str]) -> dict[str, Admitted]:
        """The entries of these keys, if they are admitted."""
        return {key: self.admitted[key] for key in fingerprints if key in self.admitted}

    def operator_rows(self, fingerprints: Iterable[str]) -> dict[str, bool]:
        """Which of these keys were made an operator's."""
        return {key: True for key in fingerprints if key in self.operators}

    def take_over_admitted(self, rows: Mapping[str, Admitted | None]) -> None:
        """Take over admitted keys, by fingerprint, as another server has stored them; None for one that is gone."""
        for key, entry in rows.items():
            self._unwritten.discard((id(self.admitted), key))
            if entry is not None:
                self.admitted[key] = entry
            else:
                self.admitted.pop(key, None)

    def take_over_operators(self, rows: Mapping[str, bool | None]) -> None:
        """Take over the keys of operators as another server has stored them; None for one that is no operator's now."""
        for key, is_operator in rows.items():
            self._unwritten.discard((id(self.operators), key))
            if is_operator:
                self.operators[key] = None
            else:
                self.operators.pop(key, None)

    def _is_listed_operator(self, key: str) -> bool:
        member = self._members.get(key)
        return member is not None and member.operator

    def _add[V](self, table: dict[str, V], key: str, value: V, note: Callable[[str], object]) -> Change:
        mark = id(table), key
        if key in table and mark not in self._unwritten:
            return Change()
        self._unwritten.add(mark)
        table[key] = value
        note(key)  # a change that is made twice as well: it waits for the first one's storing

        def undo() -> None:
            if mark in self._unwritten:  # not if another change that says the same was stored meanwhile
                self._unwritten.discard(mark)
                table.pop(key, None)
                note(key)

        return Change(undo, lambda: self._unwritten.discard(mark))

    def _counts[V](self, table: dict[str, V], key: str | None) -> bool:
        return key in table and (id(table), key) not in self._unwritten
