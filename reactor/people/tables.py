"""The tables of the register, and the state that is stored of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.people.app_passwords import AppPassword, AppPasswords
from pylingo.reactor.people.invitations import Invitation, Invitations
from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.owned_names import OwnedName, OwnedNames
from pylingo.reactor.people.records import read_list
from pylingo.reactor.people.roster import Admitted, Roster
from pylingo.reactor.people.rows import Row, RowKey
from pylingo.reactor.people.sanctions import Sanction, Sanctions

VERSION = 1
"""The version of the state."""
_FIELDS = ("version", "names", "admitted", "operators", "bans", "mutes", "invitations")
_LATER_FIELDS = ("app_passwords",)
"""Fields that may be missing. They are written only if there is something in them, for older servers."""


@dataclass(slots=True)
class Tables:
    """All tables of the register. Entries that have ended do not count."""

    names: OwnedNames
    roster: Roster
    bans: Sanctions
    mutes: Sanctions
    invitations: Invitations
    app_passwords: AppPasswords

    def to_state(self) -> dict[str, Any]:
        """Return everything that is to be stored: lists of records that nothing changes afterwards.

        A thread makes JSON of them with `records.dump`, since there may be thousands.
        """
        later = {"app_passwords": self.app_passwords.stored()}
        return {
            "version": VERSION,
            "names": self.names.stored(),
            "admitted": [*self.roster.admitted.values()],
            "operators": [*self.roster.operators],
            "bans": self.bans.stored(),
            "mutes": self.mutes.stored(),
            "invitations": self.invitations.items(),
            **{name: entries for name, entries in later.items() if entries},
        }

    def note_rows(self, note: Callable[[RowKey], object], note_use: Callable[[RowKey], object]) -> None:
        """Have `note` called with the key of each row that changes, and `note_use` with that of a name that is used."""
        roster = self.roster

        def noting(table: str) -> Callable[[str], object]:
            return lambda key: note(RowKey(table, key))

        self.names.note, self.names.note_use = noting("names"), lambda key: note_use(RowKey("names", key))
        roster.note_admitted, roster.note_operator = noting("admitted"), noting("operators")
        self.bans.note, self.mutes.note = noting("bans"), noting("mutes")
        self.invitations.note = noting("invitations")
        self.app_passwords.note = noting("app_passwords")

    def rows(self, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
        """Return the rows with these keys that are to be stored."""
        tables: dict[str, Callable[[Iterable[str]], Mapping[str, Row]]] = {
            "names": self.names.rows,
            "admitted": self.roster.admitted_rows,
            "operators": self.roster.operator_rows,
            "bans": self.bans.rows,
            "mutes": self.mutes.rows,
            "invitations": self.invitations.rows,
            "app_passwords": self.app_passwords.rows,
        }
        found: dict[RowKey, Row] = {}
        for table, names in _by_table(dict.fromkeys(keys)).items():
            found |= {RowKey(table, name): row for name, row in tables[table](names).items()}
        return found

    def take_over(self, rows: Mapping[RowKey, Row | None]) -> None:
        """Take over rows as another server has stored them; None for one that is gone."""
        tables: dict[str, Callable[[dict[str, Any]], object]] = {
            "names": self.names.take_over,
            "admitted": self.roster.take_over_admitted,
            "operators": self.roster.take_over_operators,
            "bans": self.bans.take_over,
            "mutes": self.mutes.take_over,
            "invitations": self.invitations.take_over,
            "app_passwords": self.app_passwords.take_over,
        }
        for table, changed in _by_table(rows).items():
            tables[table](changed)


def _by_table[V](rows: Mapping[RowKey, V]) -> dict[str, dict[str, V]]:
    found: dict[str, dict[str, V]] = {}
    for key, value in rows.items():
        found.setdefault(key.table, {})[key.key] = value
    return found


def empty_tables(clock: Callable[[], int]) -> Tables:
    """Tables without an entry. `clock` gives microseconds since 1970."""
    return Tables(OwnedNames(clock), Roster(), Sanctions(clock), Sanctions(clock), Invitations(clock), AppPasswords())


def read_tables(state: object, clock: Callable[[], int]) -> Tables:
    """Return the tables of a state. Raises `ValueError` with one sentence if anything in it is wrong."""
    if type(state) is not dict:
        raise ValueError("it must be an object")
    version = state.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(f"its version is {version}, and this server supports {VERSION}: use a newer server")
    if type(version) is not int or version != VERSION or set(state) - set(_LATER_FIELDS) != set(_FIELDS):
        raise ValueError(f"it must have the version {VERSION} and the fields {', '.join(_FIELDS)}")
    return Tables(
        OwnedNames(clock, read_list(OwnedName, state["names"], "names")),
        Roster(read_list(Admitted, state["admitted"], "admitted"), _fingerprints(state["operators"])),
        Sanctions(clock, read_list(Sanction, state["bans"], "bans")),
        Sanctions(clock, read_list(Sanction, state["mutes"], "mutes")),
        Invitations(clock, read_list(Invitation, state["invitations"], "invitations")),
        AppPasswords(read_list(AppPassword, state.get("app_passwords", []), "app_passwords")),
    )


def _fingerprints(value: object) -> list[str]:
    if type(value) is not list or not all(type(item) is str and is_fingerprint(item) for item in value):
        raise ValueError("operators must be a list of fingerprints")
    return value
