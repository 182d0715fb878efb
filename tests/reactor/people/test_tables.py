"""The stored state: everything comes back, and nothing that is wrong is taken."""

from typing import Any

import pytest

from pylingo.reactor.people.invitations import Invitation
from pylingo.reactor.people.owned_names import OwnedName
from pylingo.reactor.people.records import dump, load
from pylingo.reactor.people.roster import Admitted
from pylingo.reactor.people.rows import TABLES, RowKey
from pylingo.reactor.people.sanctions import Sanction
from pylingo.reactor.people.tables import VERSION, empty_tables, read_tables
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key

ADA, EVE = fingerprint(1), fingerprint(2)


def full(clock: WallClock) -> dict[str, Any]:
    """A state with an entry of each kind, as it is read from a file."""
    tables = empty_tables(clock)
    tables.names.take("ada", ADA, frozenset((ADA,)), "127.0.0.1")
    tables.roster.admit(key(1), None, clock.now).commit()
    tables.roster.promote(ADA).commit()
    tables.bans.add(Sanction("eve", (EVE,), "192.0.2.7", "ada", "flood", clock.now + 60_000_000))
    tables.mutes.add(Sanction("guest-7", (), "2001:db8::/64", "ada", None, None))
    _, invitation = tables.invitations.create(ADA, 3, 3_600, False)
    tables.invitations.use(invitation, EVE)
    tables.app_passwords.create(ADA, [ADA])
    state = load(dump(tables.to_state()))
    assert isinstance(state, dict)
    return state


def test_everything_comes_back() -> None:
    clock = WallClock()
    state = full(clock)
    assert state["version"] == VERSION == 1
    tables = read_tables(state, clock)
    assert load(dump(tables.to_state())) == state
    assert tables.names.taken() == [OwnedName("ada", ADA, clock.now)]
    assert tables.roster.is_listed(ADA)
    assert tables.roster.has_rank([ADA])
    assert tables.roster.admitted[ADA] == Admitted(key(1).text, None, clock.now)
    assert tables.bans.of_keys([EVE]) is not None
    assert tables.mutes.of_host("2001:db8::2", with_keys=False) is not None
    (invitation,) = tables.invitations.items()
    assert invitation == Invitation(invitation.digest, 2, clock.now + 3_600_000_000, False, ADA, (EVE,))
    assert tables.app_passwords.find([ADA]) is not None


def test_empty_tables_come_back() -> None:
    state = empty_tables(WallClock()).to_state()
    assert read_tables(state, WallClock()).to_state() == state


def test_sanctions_that_have_ended_are_not_stored() -> None:
    clock = WallClock()
    tables = read_tables(full(clock), clock)
    clock.advance(3_600)
    state = tables.to_state()
    assert (state["bans"], state["invitations"]) == ([], [])
    assert len(state["mutes"]) == 1


def test_a_state_does_not_change_afterwards() -> None:
    clock = WallClock()
    tables = read_tables(full(clock), clock)
    state = tables.to_state()
    before = dump(state)
    clock.advance(1)
    tables.names.refresh("ada")
    tables.roster.promote(EVE)
    tables.roster.admit(key(2), None, 1)
    tables.bans.replace([])
    assert dump(state) == before


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_state_is_an_object(value: object) -> None:
    with pytest.raises(ValueError, match="it must be an object"):
        read_tables(value, WallClock())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": 2}, "its version is 2, and this server supports 1: use a newer server"),
        ({"version": 0}, "it must have the version 1 and the fields version, names"),
        ({"version": True}, "it must have the version 1"),
        ({"version": "1"}, "it must have the version 1"),
        ({"more": []}, "it must have the version 1 and the fields"),
        ({"names": None}, "names must be a list"),
        ({"names": [{"name": "ada"}]}, r"names\[0\] must have the fields"),
        ({"names": [{"name": "a b", "key": ADA, "used": 1}]}, r"names\[0\]: 'a b' must be a user name"),
        ({"names": [{"name": "ada", "key": ADA, "used": 1}] * 2}, "the name 'ada' is there twice"),
        ({"operators": ["ada"]}, "operators must be a list of fingerprints"),
        ({"operators": {}}, "operators must be a list of fingerprints"),
        ({"operators": [1]}, "operators must be a list of fingerprints"),
        ({"admitted": [{"key": "ssh-rsa A", "by": None, "since": 1}]}, r"admitted\[0\]: a public key must be"),
        ({"bans": [{}]}, r"bans\[0\] must have the fields"),
        ({"mutes": 1}, "mutes must be a list"),
        ({"invitations": [[]]}, r"invitations\[0\] must be an object"),
        ({"app_passwords": [{"key": ADA, "hash": "x"}]}, r"app_passwords\[0\]: 'x' must be a scrypt hash"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(changes: dict[str, object], sentence: str) -> None:
    clock = WallClock()
    clock.now = 0  # so that no name has ended
    with pytest.raises(ValueError, match=sentence):
        read_tables(full(WallClock()) | changes, clock)


@pytest.mark.parametrize("field", ["version", "names", "admitted", "operators", "bans", "mutes", "invitations"])
def test_no_field_may_be_missing(field: str) -> None:
    state = full(WallClock())
    del state[field]
    with pytest.raises(ValueError, match="it must have the version 1 and the fields"):
        read_tables(state, WallClock())


def test_a_state_without_passwords_for_irc_is_that_of_an_older_server() -> None:
    state = full(WallClock())
    del state["app_passwords"]
    tables = read_tables(state, WallClock())
    assert tables.app_passwords.stored() == []
    assert "app_passwords" not in tables.to_state()


# --- rows


def test_each_change_is_noted_and_is_in_the_rows() -> None:
    clock = WallClock()
    tables = empty_tables(clock)
    noted: list[RowKey] = []
    used: list[RowKey] = []
    tables.note_rows(noted.append, used.append)

    def changed(*keys: RowKey) -> None:
        """The rows were noted, and none besides."""
        assert {*noted} == {*keys}
        noted.clear()

    tables.names.take("Ape", ADA, frozenset((ADA,)), "127.0.0.1")
    changed(ape := RowKey("names", "ape"))
    tables.names.refresh("ape")
    assert (noted, used) == ([], [ape])
    freed = tables.names.release("ape")
    assert freed is not None
    changed(ape)
    assert tables.rows([ape]) == {}
    freed.undo()
    changed(ape)
    admitted = tables.roster.admit(key(1), None, clock.now)
    changed(RowKey("admitted", ADA))
    admitted.undo()
    changed(RowKey("admitted", ADA))
    tables.roster.promote(ADA).commit()
    changed(RowKey("operators", ADA))
    tables.bans.add(Sanction("eve", (EVE,), "192.0.2.7", "ada", "flood", clock.now + 60_000_000))
    changed(RowKey("bans", EVE))
    tables.mutes.add(Sanction("guest-7", (), "192.0.2.8", "ada", None, clock.now + 60_000_000))
    changed(mute := RowKey("mutes", "192.0.2.8"))
    code, invitation = tables.invitations.create(ADA, 3, 60, False)
    changed(invited := RowKey("invitations", invitation.digest))
    tables.invitations.use(invitation, EVE)
    changed(invited)
    tables.invitations.give_back(invitation.digest, EVE)
    changed(invited)
    tables.app_passwords.create(ADA, [ADA])
    changed(password := RowKey("app_passwords", ADA))
    everything = [ape, RowKey("admitted", ADA), RowKey("operators", ADA), RowKey("bans", EVE), mute, invited, password]
    assert [*tables.rows(everything)] == [row for row in everything if row.table != "admitted"]
    assert {row.table for row in everything} == {*TABLES}
    ended, end = tables.bans.end(lambda ban: True)
    changed(RowKey("bans", EVE))
    assert tables.rows([RowKey("bans", EVE)]) == {}
    end.undo()
    changed(RowKey("bans", EVE))
    assert tables.rows([RowKey("bans", EVE)]) == {RowKey("bans", EVE): ended[0]}
    clock.advance(61)
    tables.mutes.add(Sanction("guest-9", (), "192.0.2.9", "ada", None, None))
    changed(mute, RowKey("mutes", "192.0.2.9"))  # what has ended is dropped
    _, later = tables.invitations.create(ADA, 1, 60, False)
    changed(invited, RowKey("invitations", later.digest))
    tables.roster.demote(ADA)
    changed(RowKey("operators", ADA))
    assert tables.invitations.revoke([ADA]) == 1
    changed(RowKey("invitations", later.digest))
    assert tables.invitations.find(code, ADA) is None


def test_rows_of_others_are_taken_over_without_being_noted() -> None:
    clock = WallClock()
    tables, other = read_tables(full(clock), clock), empty_tables(clock)
    noted: list[RowKey] = []
    other.note_rows(noted.append, noted.append)
    invitation = tables.invitations.items()[0].digest
    keys = [RowKey("names", "ada"), RowKey("admitted", ADA), RowKey("operators", ADA)]
    keys += [RowKey("bans", EVE), RowKey("mutes", "2001:db8::/64"), RowKey("invitations", invitation)]
    keys.append(RowKey("app_passwords", ADA))
    other.take_over(tables.rows(keys))
    assert other.to_state() == tables.to_state()
    other.take_over(dict.fromkeys(keys))
    assert other.to_state() == empty_tables(clock).to_state()
    assert noted == []


def test_a_change_that_is_pending_counts_once_another_server_has_stored_it() -> None:
    tables = empty_tables(WallClock())
    admitted, promoted = tables.roster.admit(key(1), None, 1), tables.roster.promote(ADA)
    assert not tables.roster.is_listed(ADA)
    tables.take_over(tables.rows([RowKey("admitted", ADA), RowKey("operators", ADA)]))
    assert tables.roster.is_listed(ADA)
    admitted.undo()
    promoted.undo()
    assert tables.roster.is_listed(ADA)
    assert tables.roster.has_rank([ADA])


def test_a_name_in_another_spelling_is_found_by_its_look_alikes() -> None:
    names = empty_tables(WallClock()).names
    ape = OwnedName("ape", ADA, WallClock().now)
    names.take_over({"ape": ape})
    names.take_over({"ape": OwnedName("APE", ADA, ape.used)})
    assert names.stored() == [OwnedName("APE", ADA, ape.used)]
    with pytest.raises(RequestError):
        names.check("аре", frozenset((EVE,)))
    names.take_over({"ape": None})
    names.check("аре", frozenset((EVE,)))
