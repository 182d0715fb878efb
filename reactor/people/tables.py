"""The tables of the register, and the state that is stored of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pylingo.reactor.people.invitations import Invitation, Invitations
from pylingo.reactor.people.keys import is_fingerprint
from pylingo.reactor.people.owned_names import OwnedName, OwnedNames
from pylingo.reactor.people.records import read_list
from pylingo.reactor.people.roster import Admitted, Roster
from pylingo.reactor.people.sanctions import Sanction, Sanctions

VERSION = 1
"""The version of the state."""
_FIELDS = ("version", "names", "admitted", "operators", "bans", "mutes", "invitations")


@dataclass(slots=True)
class Tables:
    """What the server keeps about people. Entries that have ended do not count."""

    names: OwnedNames
    roster: Roster
    bans: Sanctions
    mutes: Sanctions
    invitations: Invitations

    def to_state(self) -> dict[str, Any]:
        """Return everything that is to be stored: lists of records that nothing changes afterwards.

        A thread makes JSON of them with `records.dump`, since there may be thousands.
        """
        return {
            "version": VERSION,
            "names": self.names.stored(),
            "admitted": [*self.roster.admitted.values()],
            "operators": [*self.roster.operators],
            "bans": self.bans.stored(),
            "mutes": self.mutes.stored(),
            "invitations": self.invitations.items(),
        }


def empty_tables(clock: Callable[[], int]) -> Tables:
    """Tables without an entry. `clock` gives microseconds since 1970."""
    return Tables(OwnedNames(clock), Roster(), Sanctions(clock), Sanctions(clock), Invitations(clock))


def read_tables(state: object, clock: Callable[[], int]) -> Tables:
    """Return the tables of a state. Raises `ValueError` with one sentence if anything in it is wrong."""
    if type(state) is not dict:
        raise ValueError("it must be an object")
    version = state.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(f"its version is {version}, and this server supports {VERSION}: use a newer server")
    if type(version) is not int or version != VERSION or set(state) != set(_FIELDS):
        raise ValueError(f"it must have the version {VERSION} and the fields {', '.join(_FIELDS)}")
    return Tables(
        OwnedNames(clock, read_list(OwnedName, state["names"], "names")),
        Roster(read_list(Admitted, state["admitted"], "admitted"), _fingerprints(state["operators"])),
        Sanctions(clock, read_list(Sanction, state["bans"], "bans")),
        Sanctions(clock, read_list(Sanction, state["mutes"], "mutes")),
        Invitations(clock, read_list(Invitation, state["invitations"], "invitations")),
    )


def _fingerprints(value: object) -> list[str]:
    if type(value) is not list or not all(type(item) is str and is_fingerprint(item) for item in value):
        raise ValueError("operators must be a list of fingerprints")
    return value
