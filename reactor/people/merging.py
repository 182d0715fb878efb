"""Merging a row that two servers have changed at the same time.

There is the row as both knew it (`base`), as it is here (`mine`) and as it was stored meanwhile (`theirs`); None stands
for no row. Two names and two uses of an invitation can exclude each other. Bans, mutes and ranks cannot: the later one
holds.
"""

from collections.abc import Callable
from dataclasses import replace

from pylingo.reactor.people.invitations import Invitation
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.rows import Row
from pylingo.reactor.people.sanctions import Sanction


class ClashError(Exception):
    """A change made here is impossible after one that another server has stored meanwhile."""


def merge(base: Row | None, mine: Row | None, theirs: Row | None) -> Row | None:
    """Return the row that is to hold here. Raises `ClashError`."""
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    kind = type(next(row for row in (mine, theirs, base) if row is not None))
    rule = _RULES.get(kind)
    return rule(base, mine, theirs) if rule is not None else mine


def _merge_names(base: OwnedName | None, mine: OwnedName | None, theirs: OwnedName | None) -> OwnedName | None:
    is_claim = mine is not None and (base is None or mine.key != base.key)
    if theirs is None:
        return mine if is_claim else None
    if mine is None:  # it is being freed here
        return None if base is not None and theirs.key == base.key else theirs
    if theirs.key == mine.key:
        return replace(theirs, used=max(theirs.used, mine.used))
    if is_claim:
        raise ClashError
    return theirs


def _merge_invitations(
    base: Invitation | None, mine: Invitation | None, theirs: Invitation | None
) -> Invitation | None:
    if mine is None or base is None:
        return mine
    used = [key for key in mine.used_by if key not in base.used_by]
    if theirs is None:
        if used:
            raise ClashError
        return None
    given_back = [key for key in base.used_by if key not in mine.used_by and key in theirs.used_by]
    used = [key for key in used if key not in theirs.used_by]
    uses = theirs.uses + len(given_back) - len(used)
    if uses < 0:
        raise ClashError
    kept = [key for key in theirs.used_by if key not in given_back]
    return replace(theirs, uses=uses, used_by=(*kept, *used))


def _merge_sanctions(base: Sanction | None, mine: Sanction | None, theirs: Sanction | None) -> Sanction | None:
    return mine if mine is not None else theirs  # one that is ended here was given anew meanwhile


_RULES: dict[type[Row], Callable[..., Row | None]] = {
    OwnedName: _merge_names,
    Invitation: _merge_invitations,
    Sanction: _merge_sanctions,
}
