"""Rows: the records of the register one by one, as several servers share them.

A row has a table, a key in it, and a text: its place, a space, and the record as JSON. A place is the number of the
store that has written the row, a point, and a number among the rows of that store. Nothing else tells which of two bans
is the older one, since a table of rows keeps no order.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pylingo.reactor.people.app_passwords import AppPassword
from pylingo.reactor.people.invitations import Invitation
from pylingo.reactor.people.keys import PublicKey, is_fingerprint
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.records import fields_of, load, read_record
from pylingo.reactor.people.roster import Admitted
from pylingo.reactor.people.sanctions import Sanction
from pylingo.shared.names import fold

type Row = OwnedName | Admitted | Sanction | Invitation | AppPassword | bool
"""A record. That a key is an operator's is True."""


class RowKey(NamedTuple):
    """The place of a row. Its `key` is a compared name, a fingerprint, a digest, or that of a ban (`Sanction.row`)."""

    table: str
    key: str


_KINDS: dict[str, tuple[type[Row], Callable[[Any], str]]] = {
    "names": (OwnedName, lambda owned: fold(owned.name)),
    "admitted": (Admitted, lambda entry: PublicKey.parse(entry.key).fingerprint),
    "bans": (Sanction, lambda ban: str(ban.row)),
    "mutes": (Sanction, lambda mute: str(mute.row)),
    "invitations": (Invitation, lambda invitation: str(invitation.digest)),
    "app_passwords": (AppPassword, lambda password: str(password.key)),
}
_OPERATORS = "operators"
TABLES = ("names", "admitted", _OPERATORS, "bans", "mutes", "invitations", "app_passwords")
"""The names of the tables."""


def rows_of_state(state: Mapping[str, Any]) -> dict[RowKey, Row]:
    """Return all rows of a state as `Register.to_state` returns it."""
    found: dict[RowKey, Row] = {RowKey(_OPERATORS, identity): True for identity in state[_OPERATORS]}
    for table, (_, key_of) in _KINDS.items():
        found |= {RowKey(table, key_of(row)): row for row in state.get(table, ())}
    return found


def encode_row(row: Row) -> str:
    """Return a row as JSON, which is always the same for the same row."""
    fields = row if isinstance(row, bool) else fields_of(row)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def decode_row(key: RowKey, text: str) -> Row:
    """Return the row of a text. Raises `ValueError` with one sentence if it is none of this table and key."""
    where = f"the row {key.key!r} of {key.table}"
    value = load(body_of(text).encode(errors="replace"))
    if key.table == _OPERATORS:
        if value is not True or not is_fingerprint(key.key):
            raise ValueError(f"{where} must say true of a fingerprint")
        return True
    if key.table not in _KINDS:
        raise ValueError(f"{where} is of no known table")
    kind, key_of = _KINDS[key.table]
    row = read_record(kind, value, where)
    if key_of(row) != key.key:
        raise ValueError(f"{where} has the record of {key_of(row)!r}")
    return row


def show_row(order: int, index: int, body: str) -> str:
    """Return the text of a row."""
    return f"{order}.{index} {body}"


def body_of(text: str) -> str:
    """Return the JSON in the text of a row."""
    return text.partition(" ")[2]


def order_of(text: str) -> int:
    """Return the number of the store in the text of a row, 0 if there is none."""
    return place_of(text)[0]


def place_of(text: str) -> tuple[int, int]:
    """Return the place in the text of a row, by which rows are ordered."""
    order, _, index = text.partition(" ")[0].partition(".")
    return _number(order), _number(index)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
