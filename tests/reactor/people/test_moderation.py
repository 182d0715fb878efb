"""Bans and mutes: whom they are about, whom they spare, and how they end."""

import pytest

from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.moderation import Moderation
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.sanctions import Sanction
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key
from tests.fakes.register import ADA, BOB, EVE, HOST, OLD, invited, reason, stored


@pytest.fixture
def moderation(register: Register) -> Moderation:
    return register.moderation


# --- bans


def test_a_ban_of_a_person_is_of_the_key_and_all_other_keys(
    register: Register, moderation: Moderation, clock: WallClock
) -> None:
    register.members = parse_members(f'name="ada" {key(1).text}\nname="ada" {key(4).text}\n')
    ban = moderation.ban("ada", ADA, HOST, "bob", "flood", 3_600)
    assert (ban.name, set(ban.keys), ban.address, ban.by, ban.text) == ("ada", {ADA, OLD}, HOST, "bob", "flood")
    assert ban.until == clock.now + 3_600_000_000
    for one in (register, stored(register, clock)):
        assert one.moderation.key_ban(ADA) == one.moderation.key_ban(OLD) == ban
        assert one.moderation.key_ban(EVE) is None
        assert one.moderation.bans() == [ban]
    clock.advance(3_600)
    assert moderation.key_ban(ADA) is None
    assert moderation.bans() == []


def test_a_listed_key_can_be_banned_and_no_address_spares_it(register: Register, moderation: Moderation) -> None:
    moderation.ban("bob", BOB, HOST, "ada", None, None)
    assert moderation.key_ban(BOB) is not None
    assert register.may_enter(BOB)  # that is another question


@pytest.mark.parametrize(("is_open", "is_covered"), [(True, True), (False, False)])
def test_the_ban_of_a_key_covers_its_address_on_an_open_server(
    register: Register, moderation: Moderation, is_open: bool, is_covered: bool
) -> None:
    register.is_open = is_open
    moderation.ban("eve", EVE, HOST, "ada", None, None)
    assert (moderation.address_ban(HOST, None) is not None) == is_covered
    assert (moderation.address_ban(HOST, fingerprint(9)) is not None) == is_covered
    assert moderation.address_ban(HOST, BOB) is moderation.address_ban(HOST, ADA) is None
    assert moderation.address_ban("192.0.2.8", None) is None


def test_a_ban_of_a_guest_is_of_the_address_and_spares_listed_keys(register: Register, moderation: Moderation) -> None:
    ban = moderation.ban("guest-7", None, "2001:db8::1", "ada", None, None)
    assert (ban.keys, ban.address) == ((), "2001:db8::/64")
    for is_open in (True, False):
        register.is_open = is_open
        assert moderation.address_ban("2001:db8::2", None) == moderation.address_ban("2001:db8::2", EVE) == ban
        assert moderation.address_ban("2001:db8::2", BOB) is None


def test_a_ban_of_an_address_spares_operators_without_a_listed_key(register: Register, moderation: Moderation) -> None:
    register.op(EVE).commit()
    moderation.ban_address("0.0.0.0/0", "ada", None, None)
    assert moderation.address_ban(HOST, EVE) is None
    assert moderation.address_ban(HOST, None) is not None


def test_the_ban_of_a_key_does_not_cover_loopback(moderation: Moderation) -> None:
    assert moderation.ban("eve", EVE, "127.0.0.1", "ada", None, None).address is None
    assert moderation.ban("guest-7", None, "127.0.0.1", "ada", None, None).address == "127.0.0.1"


def test_an_address_can_be_banned_before_anybody_comes(moderation: Moderation) -> None:
    ban = moderation.ban_address(" 10.0.0.0/8", "ada", "spam", 60)
    assert (ban.name, ban.keys, ban.address, ban.text) == (None, (), "10.0.0.0/8", "spam")
    assert moderation.address_ban("10.1.2.3", None) == ban
    for wrong in ("10.1.2.3/8", "eve", ""):
        with pytest.raises(RequestError) as error:
            moderation.ban_address(wrong, "ada", None, None)
        assert reason(error) == "bad-argument"


@pytest.mark.parametrize("identity", [ADA, OLD])
def test_operators_are_neither_banned_nor_muted(moderation: Moderation, identity: str) -> None:
    with pytest.raises(RequestError, match="operators cannot be banned: /deop them first") as error:
        moderation.ban("ada", identity, HOST, "bob", None, None)
    assert reason(error) == "not-allowed"
    with pytest.raises(RequestError, match="operators cannot be muted: /deop them first"):
        moderation.mute("ada", identity, HOST, "bob", None, None)
    assert moderation.bans() == moderation.mutes() == []
    assert not moderation.is_anybody_muted


def test_somebody_who_is_banned_is_no_operator(register: Register, moderation: Moderation) -> None:
    """A file that makes somebody an operator after the ban does not lift it."""
    moderation.ban("eve", EVE, HOST, "ada", None, None)
    register.members = parse_members(f"operator {key(2).text}")
    assert not register.is_operator(EVE)
    assert moderation.key_ban(EVE) is not None


def test_a_ban_revokes_the_invitations_of_the_banned(register: Register, moderation: Moderation) -> None:
    register.members_invite = True
    code = invited(register, BOB)
    other = invited(register, ADA)
    moderation.ban("bob", BOB, HOST, "ada", None, None)
    with pytest.raises(RequestError):
        register.redeem(code, key(2))
    moderation.unban("bob")[1].commit()
    with pytest.raises(RequestError):  # for good
        register.redeem(code, key(2))
    assert register.redeem(other, key(2)) is not None


@pytest.mark.parametrize("target", ["EVE", EVE, HOST])
def test_a_ban_ends(register: Register, moderation: Moderation, target: str) -> None:
    ban = moderation.ban("eve", EVE, HOST, "ada", None, None)
    ended, change = moderation.unban(target)
    assert ended == [ban]
    assert moderation.key_ban(EVE) == moderation.address_ban(HOST, None) == ban  # until it is stored
    assert register.to_state()["bans"] == []
    again = moderation.unban(target)[1]
    change.undo()  # it could not be stored
    assert register.to_state()["bans"] == []
    again.undo()
    assert register.to_state()["bans"] == moderation.bans() == [ban]
    moderation.unban(target)[1].commit()
    assert moderation.key_ban(EVE) is moderation.address_ban(HOST, None) is None
    with pytest.raises(RequestError, match="'nobody' is not banned") as error:
        moderation.unban("nobody")
    assert reason(error) == "bad-argument"


def test_a_ban_that_comes_while_one_like_it_ends_holds(register: Register, moderation: Moderation) -> None:
    moderation.ban("eve", EVE, HOST, "ada", None, None)
    _, change = moderation.unban("eve")
    ban = moderation.ban("eve", EVE, HOST, "ada", None, None)
    assert register.to_state()["bans"] == [ban]
    change.commit()
    assert moderation.key_ban(EVE) is ban


# --- mutes


def test_a_mute_is_of_the_key(register: Register, moderation: Moderation, clock: WallClock) -> None:
    mute = moderation.mute("eve", EVE, HOST, "ada", "shouts", 60)
    assert (mute.keys, mute.address) == ((EVE,), HOST)
    assert moderation.is_anybody_muted
    for one in (register, stored(register, clock)):
        assert one.moderation.mute_of("203.0.113.1", EVE) == mute
        assert one.moderation.mute_of(HOST, BOB) is one.moderation.mute_of("203.0.113.1", None) is None
        assert one.moderation.mutes() == [mute]
    clock.advance(60)
    assert moderation.mute_of(HOST, EVE) is moderation.mute_of(HOST, None) is None


@pytest.mark.parametrize("is_open", [True, False])
def test_on_an_open_server_the_mute_of_a_key_covers_its_address(
    register: Register, moderation: Moderation, is_open: bool
) -> None:
    """As a ban does: coming back without the key is no way out."""
    register.is_open = is_open
    mute = moderation.mute("eve", EVE, HOST, "ada", None, None)
    expected = mute if is_open else None
    assert moderation.mute_of(HOST, None) == moderation.mute_of(HOST, fingerprint(9)) == expected
    assert moderation.mute_of(HOST, BOB) is moderation.mute_of(HOST, ADA) is None  # they are listed
    assert moderation.address_ban(HOST, None) is None
    for loopback in ("127.0.0.1", "::1"):
        assert moderation.mute("eve", EVE, loopback, "ada", None, None).address is None
    assert moderation.mute("eve", EVE, None, "ada", None, None).address is None


def test_a_person_muted_because_of_an_address_is_heard_again_by_any_name(moderation: Moderation) -> None:
    other = fingerprint(9)
    for identity, name in ((None, "guest-9"), (other, "mallory")):
        mute = moderation.mute("eve", EVE, HOST, "ada", None, None)
        assert moderation.mute_of(HOST, identity) == mute
        ended, change = moderation.unmute(name, identity, HOST)
        assert ended == [mute]
        change.commit()
        assert moderation.mute_of(HOST, identity) is moderation.mute_of(HOST, EVE) is None
    own = moderation.mute("mallory", other, "203.0.113.1", "ada", None, None)
    mute = moderation.mute("eve", EVE, HOST, "ada", None, None)
    assert moderation.unmute("mallory", other, HOST)[0] == [own]  # and the other one next time


def test_a_guests_mute_follows_the_address(moderation: Moderation) -> None:
    mute = moderation.mute("guest-7", None, HOST, "ada", None, None)
    assert moderation.mute_of(HOST, None) == mute
    assert moderation.mute_of(HOST, EVE) == mute  # a key made in a moment is no way out
    assert moderation.mute_of(HOST, BOB) is None
    assert moderation.mute_of("192.0.2.8", None) is None


def test_an_operator_is_not_muted(register: Register, moderation: Moderation) -> None:
    moderation.mute("eve", EVE, HOST, "ada", None, None)
    moderation.mute("guest-7", None, HOST, "ada", None, None)
    register.op(EVE).commit()
    assert moderation.mute_of(HOST, EVE) is None


def test_a_mute_ends_by_the_name_of_then_or_for_whoever_has_the_name_now(moderation: Moderation) -> None:
    mute = moderation.mute("eve", EVE, HOST, "ada", None, None)
    ended, change = moderation.unmute("Eve")
    assert ended == [mute]
    change.undo()
    assert moderation.mute_of(HOST, EVE) == mute
    ended, change = moderation.unmute("mallory", EVE, HOST)
    assert ended == [mute]
    assert moderation.mute_of(HOST, EVE) == mute  # until it is stored
    change.commit()
    assert moderation.mute_of(HOST, EVE) is None
    guest = moderation.mute("guest-7", None, HOST, "ada", None, None)
    ended, change = moderation.unmute("guest-9", None, HOST)
    assert ended == [guest]
    change.commit()
    assert moderation.mute_of(HOST, None) is None
    moderation.mute("guest-7", None, HOST, "ada", None, None)
    with pytest.raises(RequestError, match="'bob' is not muted"):
        moderation.unmute("bob", BOB, HOST)  # the mute is about guests


def test_an_end_of_one_mute_leaves_the_others(moderation: Moderation) -> None:
    kept = [
        moderation.mute("bob", BOB, HOST, "ada", None, None),
        moderation.mute("guest-7", None, HOST, "ada", None, None),
    ]
    mute = moderation.mute("eve", EVE, HOST, "ada", None, None)
    ended, change = moderation.unmute("eve", EVE, HOST)
    assert ended == [mute]
    change.commit()
    assert moderation.mutes() == kept


# --- bans of the administrator


def test_the_administrator_s_bans_hold_beside_those_of_operators_who_cannot_end_them():
    register = Register()
    listed = [
        Sanction("key 1", (fingerprint(1),), None, "root", None, None),
        Sanction(None, (), "192.0.2.0/24", "root", "spam", None),
    ]
    register.moderation.listed_bans = listed
    register.moderation.ban_address("10.0.0.0/8", "ada", None, None)
    assert register.moderation.listed_bans == listed
    assert [ban.by for ban in register.moderation.bans()] == ["root", "root", "ada"]
    assert register.moderation.key_ban(fingerprint(1)) == listed[0]
    assert register.moderation.key_ban(fingerprint(2)) is None
    assert register.moderation.address_ban("192.0.2.9", None) == listed[1]
    assert register.moderation.address_ban("10.1.2.3", None).by == "ada"
    for target in (fingerprint(1), "192.0.2.0/24"):
        with pytest.raises(RequestError, match="the administrator has banned"):
            register.moderation.unban(target)
    assert [ban.by for ban in register.to_state()["bans"]] == ["ada"]
    register.moderation.listed_bans = []
    assert register.moderation.key_ban(fingerprint(1)) is None
    assert register.moderation.address_ban("192.0.2.9", None) is None


def test_an_operator_whom_the_administrator_has_banned_is_none():
    register = Register()
    register.op(fingerprint(1)).commit()
    assert register.is_operator(fingerprint(1))
    register.moderation.listed_bans = [Sanction("ada", (fingerprint(1),), None, "root", None, None)]
    assert not register.is_operator(fingerprint(1))
