"""Names that belong to keys.

A name that is first taken with an identity belongs to that key, in any spelling and with its look-alikes, until the key
has not used it for a long time. A name that the members file gives with `name=` belongs to its keys for as long as it
is listed there, and counts before a name that was taken. A name that is only the comment behind a key counts if it is
nobody's yet.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from pylingo.reactor.people.addresses import network_of, read_host
from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.look_alikes import look_alike_forms
from pylingo.reactor.people.records import check, nothing
from pylingo.reactor.people.roster import Change
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold, user_name
from pylingo.shared.networks import IpNetwork
from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

KEEP = 180 * 86_400.0
"""Seconds after which a name that its key has not used is free."""
MOST_NAMES = 20_000
"""Names that were taken and are kept. Further ones are refused: to forget one would give it to somebody else."""
NEW_A_DAY = 20
"""New names that one address may take within a day, loopback apart."""
DAY = 86_400 * 1_000_000
"""A day in microseconds."""


@value_class
class OwnedName:
    """A name that was taken with `key` (a fingerprint), and was last used at `used`, in microseconds since 1970."""

    name: str
    key: str
    used: int

    def __post_init__(self) -> None:
        check(self.name, is_user_name, "a user name")
        check(self.key, is_fingerprint, "the fingerprint of a key")
        check(self.used, lambda used: used >= 0, "a time")


class Owner(NamedTuple):
    """To whom a name belongs: `name` in the owner's spelling, and the fingerprints of the owner's keys."""

    name: str
    keys: frozenset[str]


class Conflict(NamedTuple):
    """A name in a comment that its `key` does not get, because it is the owner's, or looks like the owner's name."""

    name: str
    key: str
    owner: Owner


def is_user_name(name: str) -> bool:
    """Whether a name is as `user_name` returns it."""
    try:
        return user_name(name) == name
    except RequestError:
        return False


class OwnedNames:
    """The names, by their compared form. `keep` is in seconds, 0 for ever; `clock` gives microseconds since 1970."""

    def __init__(self, clock: Callable[[], int], names: Iterable[OwnedName] = (), keep: float = KEEP) -> None:
        """Raises `ValueError` if two of the names are one."""
        self.keep = keep
        self.note: Callable[[str], object] = nothing
        """Called with the compared form of each name whose owner changes."""
        self.note_use: Callable[[str], object] = nothing
        """Called with the compared form of each name that is used by its owner."""
        self._clock = clock
        self._taken: dict[str, OwnedName] = {}
        self._listed: dict[str, Owner] = {}
        self._forms: dict[str, set[str]] = {}  # look-alike form: the compared forms of names
        self._freed: list[tuple[str, str]] = []  # compared forms and keys: not theirs once the disk has that
        self._new: dict[IpNetwork, list[int]] = {}
        for owned in names:
            if fold(owned.name) in self._taken:
                raise ValueError(f"the name {quote(owned.name)} is there twice")
            self._add(owned)

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def addresses(self) -> int:
        """The number of addresses whose new names are counted."""
        return len(self._new)

    def all(self) -> list[OwnedName]:
        """The names that were taken, including those that are free again and were not taken anew."""
        return [*self._taken.values()]

    def stored(self) -> list[OwnedName]:
        """The names that are to be stored: without those that are free as soon as that is on disk."""
        return [owned for key, owned in self._taken.items() if (key, owned.key) not in self._freed]

    def rows(self, keys: Iterable[str]) -> dict[str, OwnedName]:
        """The names with these compared forms that are to be stored."""
        found = ((key, self._taken.get(key)) for key in keys)
        return {key: owned for key, owned in found if owned is not None and (key, owned.key) not in self._freed}

    def take_over(self, rows: Mapping[str, OwnedName | None]) -> None:
        """Take over names, by their compared forms, as another server has stored them; None for one that is gone."""
        for key, owned in rows.items():
            old = self._taken.get(key)
            if owned is not None and old is not None and old.name == owned.name:
                self._taken[key] = owned
                continue
            if old is not None:
                self._remove(key, old)
            if owned is not None:
                self._add(owned)

    def has_rival(self, key: str, keys: frozenset[str]) -> bool:
        """Whether the name with this compared form looks like a name of somebody who has none of `keys`."""
        owned = self._taken.get(key)
        return owned is not None and self._look_alike_owner(keys, look_alike_forms(owned.name)) is not None

    def taken(self) -> list[OwnedName]:
        """The names that were taken and still belong to their keys."""
        return [owned for owned in self._taken.values() if self._is_kept(owned)]

    def set_listed(self, listed: Iterable[Owner], noted: Iterable[tuple[str, str]] = ()) -> list[Conflict]:
        """Replace the names of the members file, and return those in comments that belong to somebody else.

        `noted` has the names in comments and the fingerprints of their keys.
        """
        for key, (name, _) in self._listed.items():
            self._unindex(key, name)
            if owned := self._taken.get(key):
                self._index(key, owned.name)
        self._listed = {}
        for owner in listed:
            self._list(owner, look_alike_forms(owner.name))
        conflicts = []
        for name, fingerprint in noted:
            keys, forms = frozenset((fingerprint,)), look_alike_forms(name)
            found = self._other_owner(fold(name), keys, forms)
            if found is None:
                self._list(Owner(name, keys), forms)
            else:
                conflicts.append(Conflict(name, fingerprint, found))
        return conflicts

    def owner(self, name: str) -> Owner | None:
        """To whom a name belongs."""
        return self._owner(fold(name))

    def check(self, name: str, keys: frozenset[str]) -> None:
        """Raises `RequestError` `name-owned` unless the owner of `keys` may use the name. Nobody has no keys."""
        if not self._forms:
            return
        owner = self._other_owner(fold(name), keys, look_alike_forms(name))
        if owner is None:
            return
        if fold(owner.name) == fold(name):
            raise RequestError("name-owned", "that name belongs to somebody's key: choose another one")
        words = f"that name looks like {quote(owner.name)}, which belongs to somebody's key"
        raise RequestError("name-owned", f"{words}: choose another one")

    def take(self, name: str, key: str, keys: frozenset[str], host: str) -> bool:
        """Use a name with `key`, and make it the key's if it is nobody's. Returns whether it is new.

        Raises `RequestError` `name-owned`, or `not-allowed` if the address has taken too many new names today.
        """
        self.check(name, keys)
        folded = fold(name)
        if self._owner(folded) is not None:
            self.refresh(name)
            return False
        self._count(host)
        if old := self._taken.get(folded):
            self._remove(folded, old)
        self._add(OwnedName(name, key, self._clock()))
        self.note(folded)
        return True

    def give_back(self, name: str, keys: frozenset[str]) -> None:
        """Make the name nobody's again, if it was taken with one of `keys`."""
        owned = self._taken.get(fold(name))
        if owned is not None and owned.key in keys:
            self._remove(fold(name), owned)
            self.note(fold(name))

    def refresh(self, name: str) -> None:
        """Note that the name is in use by its owner."""
        owned = self._taken.get(fold(name))
        if owned is not None and self._is_kept(owned):
            self._taken[fold(name)] = replace(owned, used=max(owned.used, self._clock()))
            self.note_use(fold(name))

    def release(self, name: str) -> Change | None:
        """Free a name that was taken, when the change is committed. None if it is nobody's.

        Raises `ValueError` if it is listed.
        """
        folded = fold(name)
        if folded in self._listed:
            raise ValueError(f"the name {quote(name)} stands in the members file: remove it there")
        owned = self._taken.get(folded)
        if owned is None:
            return None
        mark = folded, owned.key
        self._freed.append(mark)
        self.note(folded)

        def undo() -> None:
            self._freed.remove(mark)
            self.note(folded)

        def commit() -> None:
            self._freed.remove(mark)
            self.give_back(name, frozenset((owned.key,)))

        return Change(undo, commit)

    def _count(self, host: str) -> None:
        """Count a new name of an address. Raises `RequestError` `not-allowed`."""
        if len(self._taken) >= MOST_NAMES:
            for key, owned in [*self._taken.items()]:
                if not self._is_kept(owned):
                    self._remove(key, owned)
                    self.note(key)
            if len(self._taken) >= MOST_NAMES:
                raise RequestError("not-allowed", "this server keeps no more names: ask an operator to free some")
        if read_host(host).is_loopback:
            return
        since = self._clock() - DAY
        for address, times in [*self._new.items()]:
            if times[-1] <= since:
                del self._new[address]
        recent = [at for at in self._new.get(network_of(host), ()) if at > since]
        if len(recent) >= NEW_A_DAY:
            words = f"your address has taken {NEW_A_DAY} new names within a day: use one of them, or come back later"
            raise RequestError("not-allowed", words)
        self._new[network_of(host)] = [*recent, self._clock()]

    def _owner(self, key: str) -> Owner | None:
        listed = self._listed.get(key)
        if listed is not None:
            return listed
        owned = self._taken.get(key)
        return Owner(owned.name, frozenset((owned.key,))) if owned is not None and self._is_kept(owned) else None

    def _other_owner(self, key: str, keys: frozenset[str], forms: Iterable[str]) -> Owner | None:
        """The owner of a name, or of one that looks like it, if that is not the one with `keys`."""
        own = self._owner(key)
        if own is not None:
            return own if own.keys.isdisjoint(keys) else None
        return self._look_alike_owner(keys, forms)

    def _look_alike_owner(self, keys: frozenset[str], forms: Iterable[str]) -> Owner | None:
        """The owner of a name with one of these forms who has none of `keys`."""
        for form in forms:
            for key in self._forms.get(form, ()):
                owner = self._owner(key)
                if owner is not None and owner.keys.isdisjoint(keys):
                    return owner
        return None

    def _list(self, owner: Owner, forms: Iterable[str]) -> None:
        key = fold(owner.name)
        self._listed[key] = owner
        for form in forms:
            self._forms.setdefault(form, set()).add(key)

    def _is_kept(self, owned: OwnedName) -> bool:
        return not self.keep or owned.used + self.keep * 1_000_000 > self._clock()

    def _add(self, owned: OwnedName) -> None:
        key = fold(owned.name)
        self._taken[key] = owned
        self._index(key, owned.name)

    def _remove(self, key: str, owned: OwnedName) -> None:
        del self._taken[key]
        if key not in self._listed:
            self._unindex(key, owned.name)

    def _index(self, key: str, name: str) -> None:
        for form in look_alike_forms(name):
            self._forms.setdefault(form, set()).add(key)

    def _unindex(self, key: str, name: str) -> None:
        for form in look_alike_forms(name):
            if keys := self._forms.get(form):
                keys.discard(key)
                if not keys:
                    del self._forms[form]
