"""Bans and mutes: who is kept out, or silent, by key and by address, and until when."""

from collections.abc import Callable, Iterable, Mapping

from pylingo.reactor.people.addresses import as_network, read_host
from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.records import check, nothing
from pylingo.reactor.people.roster import Change
from pylingo.shared.errors import RequestError
from pylingo.shared.names import fold
from pylingo.shared.networks import IpNetwork
from pylingo.shared.text import quote
from pylingo.shared.value_class import value_class

MOST = 10_000
"""Bans, and mutes, that are kept. An operator who wants more is told to end some."""


@value_class
class Sanction:
    """A ban or a mute.

    `keys` has fingerprints; `address` is a network. With both, the keys are meant, and the address for those who come
    from it without a listed key. `name` is what the person was called, `by` the name of the operator, `text` the
    reason. `until` is in microseconds since 1970, None for good.
    """

    name: str | None
    keys: tuple[str, ...]
    address: str | None
    by: str
    text: str | None
    until: int | None

    def __post_init__(self) -> None:
        check(self.keys, lambda keys: all(map(is_fingerprint, keys)), "fingerprints of keys")
        check(self.address, lambda address: as_network(address) is not None, "an address or a network")
        check(self.until, lambda until: until >= 0, "a time")
        if not self.keys and self.address is None:
            raise ValueError("a ban and a mute need keys or an address")

    @property
    def network(self) -> IpNetwork | None:
        """The address as a network."""
        return as_network(self.address) if self.address is not None else None

    @property
    def row(self) -> str:
        """The key of its row, unique among bans and among mutes: its `keys`, or its address if it has none."""
        return " ".join(self.keys) or str(self.address)

    def concerns(self, target: str) -> bool:
        """Whether `target` is its name in any spelling, one of its fingerprints, or its address."""
        network = as_network(target)
        if network is not None:
            return network == self.network
        return target in self.keys or (self.name is not None and fold(self.name) == fold(target))


class Sanctions:
    """A list of bans or of mutes. `clock` gives microseconds since 1970."""

    def __init__(self, clock: Callable[[], int], sanctions: Iterable[Sanction] = ()) -> None:
        self.note: Callable[[str], object] = nothing
        """Called with the `row` of each one that changes."""
        self.is_empty = True
        """Whether there are none at all."""
        self._clock = clock
        self._all: list[Sanction] = []
        self._ending: list[Sanction] = []  # in force until the disk has their end
        self._by_key: dict[str, Sanction] = {}
        self._by_network: dict[tuple[int, int], dict[int, list[Sanction]]] = {}
        self.replace(sanctions)

    def __len__(self) -> int:
        return len(self._all)

    def items(self) -> list[Sanction]:
        """The sanctions in force, oldest first."""
        return [sanction for sanction in self._all if self._holds(sanction)]

    def stored(self) -> list[Sanction]:
        """The sanctions to be stored: without those that `end` as soon as that is on disk."""
        return [sanction for sanction in self.items() if not _is_in(sanction, self._ending)]

    def rows(self, rows: Iterable[str]) -> dict[str, Sanction]:
        """The sanctions with these `row`s that are to be stored."""
        wanted = frozenset(rows)
        return {sanction.row: sanction for sanction in self.stored() if sanction.row in wanted}

    def take_over(self, rows: Mapping[str, Sanction | None]) -> None:
        """Take over sanctions, by their `row`, as another server has stored them; None for one that has ended."""
        others = [sanction for sanction in self._all if sanction.row not in rows]
        self.replace([*others, *(sanction for sanction in rows.values() if sanction is not None)])

    def replace(self, sanctions: Iterable[Sanction]) -> None:
        """Hold these sanctions instead of all others."""
        self._all = [*sanctions]
        self.is_empty = not self._all
        self._by_key = {key: sanction for sanction in self._all for key in sanction.keys}
        self._by_network = {}
        for sanction in self._all:
            if network := sanction.network:
                size = network.version, network.prefixlen
                found = self._by_network.setdefault(size, {})
                found.setdefault(int(network.network_address), []).append(sanction)

    def add(self, sanction: Sanction) -> None:
        """Add a sanction, in place of those of the same keys, or of the same address.

        Raises `RequestError` `not-allowed` if there are too many.
        """
        others = [other for other in self.items() if not _is_replaced(other, sanction)]
        if len(others) >= MOST:
            raise RequestError("not-allowed", f"there are {MOST} of them, which is all that are kept: end some first")
        self._note_those_without(others)
        self.replace([*others, sanction])
        self.note(sanction.row)

    def end(self, concerned: Callable[[Sanction], bool]) -> tuple[list[Sanction], Change]:
        """End the sanctions in force that are concerned, and return them. They hold until the change is committed."""
        ended = [sanction for sanction in self.items() if concerned(sanction)]
        self._ending += ended
        self._note_each(ended)

        def keep() -> None:
            for sanction in ended:  # once each: another change may end it as well
                del self._ending[next(i for i, other in enumerate(self._ending) if other is sanction)]

        def undo() -> None:
            keep()
            self._note_each(ended)

        def commit() -> None:
            keep()
            left = [sanction for sanction in self.items() if not _is_in(sanction, ended)]
            self._note_those_without(left)
            self.replace(left)

        return ended, Change(undo, commit)

    def of_keys(self, keys: Iterable[str]) -> Sanction | None:
        """The sanction in force for any of these keys."""
        for key in keys:
            sanction = self._by_key.get(key)
            if sanction is not None and self._holds(sanction):
                return sanction
        return None

    def of_host(self, host: str, with_keys: bool) -> Sanction | None:
        """The sanction in force for an address. `with_keys` includes the addresses of sanctions about keys."""
        if not self._by_network:
            return None
        address = read_host(host)
        for (version, prefix), networks in self._by_network.items():
            if version == address.version:
                bits = address.max_prefixlen - prefix
                for sanction in networks.get(int(address) >> bits << bits, ()):
                    if self._holds(sanction) and (with_keys or not sanction.keys):
                        return sanction
        return None

    def _note_those_without(self, left: list[Sanction]) -> None:
        """Note the sanctions that are not `left`."""
        ids = {id(sanction) for sanction in left}
        self._note_each(sanction for sanction in self._all if id(sanction) not in ids)

    def _note_each(self, sanctions: Iterable[Sanction]) -> None:
        for sanction in sanctions:
            self.note(sanction.row)

    def _holds(self, sanction: Sanction) -> bool:
        return sanction.until is None or sanction.until > self._clock()


def _is_in(sanction: Sanction, sanctions: Iterable[Sanction]) -> bool:
    """Whether the list has this very object: an equal one may have come later."""
    return any(other is sanction for other in sanctions)


def _is_replaced(old: Sanction, new: Sanction) -> bool:
    if new.keys or old.keys:
        return bool(old.keys) and set(old.keys) <= set(new.keys)
    return old.network == new.network


def nobody(target: str, what: str, command: str) -> RequestError:
    """The error for a target that no ban or mute concerns."""
    return RequestError("bad-argument", f"{quote(target)} is not {what}: {command}")
