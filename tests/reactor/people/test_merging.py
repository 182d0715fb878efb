"""Rows that two servers have changed at once: what holds, and what excludes each other."""

from dataclasses import replace

import pytest

from pylingo.reactor.people.invitations import Invitation
from pylingo.reactor.people.merging import ClashError, merge
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.roster import Admitted
from pylingo.reactor.people.rows import Row
from pylingo.reactor.people.sanctions import Sanction
from tests.fakes.people import fingerprint, key

ADA, BOB, EVE = fingerprint(1), fingerprint(2), fingerprint(3)
ADAS, BOBS = OwnedName("ape", ADA, 10), OwnedName("ape", BOB, 20)
OPEN = Invitation("0" * 64, 2, 99, False, None)
BAN = Sanction("eve", (EVE,), None, "ada", None, None)


def used(invitation: Invitation, *keys: str) -> Invitation:
    return replace(invitation, uses=invitation.uses - len(keys), used_by=(*invitation.used_by, *keys))


CLASH = "clash"


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        # only one has changed it, or both in the same way
        (None, ADAS, None, ADAS),
        (None, None, ADAS, ADAS),
        (ADAS, None, ADAS, None),
        (ADAS, ADAS, None, None),
        (None, ADAS, ADAS, ADAS),
        (None, True, True, True),
        # names
        (None, ADAS, BOBS, CLASH),
        (None, BOBS, ADAS, CLASH),
        (None, ADAS, replace(ADAS, used=50), replace(ADAS, used=50)),
        (None, replace(ADAS, used=50), replace(ADAS, name="Ape"), replace(ADAS, name="Ape", used=50)),
        (ADAS, replace(ADAS, used=50), BOBS, BOBS),  # it was used here, freed there, and taken by another
        (ADAS, replace(ADAS, used=50), None, None),
        (ADAS, BOBS, None, BOBS),  # it was free after a long time
        (ADAS, BOBS, replace(ADAS, used=50), CLASH),
        (ADAS, None, replace(ADAS, used=50), None),  # it is freed here
        (ADAS, None, BOBS, BOBS),
        # invitations
        (OPEN, used(OPEN, ADA), used(OPEN, BOB), used(OPEN, BOB, ADA)),
        (OPEN, used(OPEN, ADA), used(OPEN, ADA, BOB), used(OPEN, ADA, BOB)),
        (OPEN, used(OPEN, ADA), used(OPEN, BOB, EVE), CLASH),
        (OPEN, used(OPEN, ADA), None, CLASH),
        (used(OPEN, ADA), OPEN, used(OPEN, ADA, BOB), used(OPEN, BOB)),  # given back
        (used(OPEN, ADA), OPEN, None, None),
        (OPEN, None, used(OPEN, ADA), None),  # revoked here
        # the later one holds
        (BAN, replace(BAN, text="mine"), replace(BAN, text="theirs"), replace(BAN, text="mine")),
        (BAN, None, replace(BAN, text="theirs"), replace(BAN, text="theirs")),
        (None, Admitted(key(1).text, None, 1), Admitted(key(1).text, BOB, 2), Admitted(key(1).text, None, 1)),
    ],
)
def test_merging(base: Row | None, mine: Row | None, theirs: Row | None, merged: object) -> None:
    if merged == CLASH:
        with pytest.raises(ClashError):
            merge(base, mine, theirs)
    else:
        assert merge(base, mine, theirs) == merged
