"""The register: who may come in, whose a name is, who is an operator, banned, muted or invited."""

import pytest

from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.records import dump, load
from pylingo.reactor.people.register import Register, wall_clock
from pylingo.reactor.people.sanctions import Sanction
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key

DAY = 86_400.0
ADA, EVE, BOB, OLD = (fingerprint(number) for number in range(1, 5))
HOST = "192.0.2.7"
MEMBERS = parse_members(f'operator,name="ada" {key(1).text}\nname="ada" {key(4).text}\n{key(3).text} bob\n')


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def register(clock: WallClock) -> Register:
    """An open server on which ada, with two keys, is an operator, bob a member and eve nobody."""
    register = Register(clock)
    register.members = MEMBERS
    return register


def stored(register: Register, clock: WallClock) -> Register:
    """The register after a restart of the server."""
    again = Register.from_state(load(dump(register.to_state())), clock)
    again.members, again.is_open = register.members, register.is_open
    return again


def invited(register: Register, by: str | None = None, operator: bool = False) -> str:
    """The code of a new invitation."""
    issued, change = register.invite(by, operator=operator)
    change.commit()
    return issued.code


def reason(error: "pytest.ExceptionInfo[RequestError]") -> str:
    return error.value.reason


# --- who may come in


def test_an_open_server_lets_everybody_in(register: Register) -> None:
    assert all(map(register.may_enter, (None, ADA, BOB, EVE)))


def test_a_closed_one_lets_in_who_is_listed(register: Register) -> None:
    register.is_open = False
    assert [register.may_enter(one) for one in (None, ADA, OLD, BOB, EVE)] == [False, True, True, True, False]


def test_a_rank_stays_on_an_open_server(register: Register) -> None:
    assert [register.is_operator(one) for one in (None, ADA, OLD, BOB, EVE)] == [False, True, True, False, False]


def test_a_file_that_lists_nobody_is_a_way_in_only_with_an_operators_invitation(
    register: Register, clock: WallClock
) -> None:
    register.members = parse_members("")
    assert register.has_way_in()
    register.is_open = False
    assert not register.has_way_in()
    invited(register)
    assert not register.has_way_in()
    code = invited(register, operator=True)
    assert register.has_way_in()
    change = register.redeem(code, key(2))
    assert change is not None
    assert not register.has_way_in()  # not before it is stored
    change.commit()
    clock.advance(30 * DAY)
    assert register.has_way_in()  # eve


# --- names


def test_nobody_gets_an_owned_name(register: Register, clock: WallClock) -> None:
    assert register.take_name("ape", EVE, HOST)
    for one in (register, stored(register, clock)):
        for wish in ("ape", "APE", "аре"):
            for identity in (None, BOB, ADA):
                with pytest.raises(RequestError) as error:
                    one.check_name(wish, identity)
                assert reason(error) == "name-owned"
                with pytest.raises(RequestError):
                    one.take_name(wish, identity, HOST)
        assert not one.take_name("ape", EVE, HOST)
        owner = one.owner_of("APE")
        assert owner is not None
        assert owner == ("ape", {EVE})


def test_a_guest_owns_nothing(register: Register) -> None:
    assert not register.take_name("ape", None, HOST)
    assert register.owner_of("ape") is None
    assert register.take_name("ape", EVE, HOST)


def test_a_listed_name_is_the_name_of_all_keys_of_the_person(register: Register) -> None:
    for identity in (ADA, OLD):
        assert not register.take_name("Ada", identity, HOST)
    with pytest.raises(RequestError):
        register.take_name("ada", BOB, HOST)
    assert register.owner_of("ada") == ("ada", {ADA, OLD})
    assert register.person_of(ADA) == register.person_of(OLD) != register.person_of(BOB)
    assert register.first_key(ADA) == register.first_key(OLD) != register.first_key(BOB)
    assert register.keys_of(OLD) == {ADA, OLD}


def test_a_name_that_one_key_took_is_the_name_of_the_persons_other_keys(register: Register) -> None:
    assert register.take_name("countess", ADA, HOST)
    assert not register.take_name("countess", OLD, HOST)


def test_a_name_is_kept_while_it_is_used(register: Register, clock: WallClock) -> None:
    register.name_keep = 10 * DAY
    assert register.name_keep == 10 * DAY
    register.take_name("ape", EVE, HOST)
    clock.advance(9 * DAY)
    register.refresh_name("ape", BOB)
    register.refresh_name("ape", None)
    register.refresh_name("nobody", EVE)
    clock.advance(2 * DAY)
    assert register.owner_of("ape") is None
    register.take_name("ape", EVE, HOST)
    clock.advance(9 * DAY)
    register.refresh_name("ape", EVE)
    clock.advance(9 * DAY)
    assert register.owner_of("ape") is not None


def test_a_name_can_be_freed(register: Register) -> None:
    register.take_name("ape", EVE, HOST)
    register.release_name("Ape").undo()
    change = register.release_name("Ape")
    with pytest.raises(RequestError):  # until it is stored
        register.check_name("ape", None)
    change.commit()
    register.check_name("ape", None)
    with pytest.raises(RequestError, match="'nobody' belongs to nobody") as error:
        register.release_name("nobody")
    assert reason(error) == "no-such-user"
    with pytest.raises(RequestError, match="stands in the members file") as error:
        register.release_name("ada")
    assert reason(error) == "not-allowed"


# --- bans


def test_a_ban_of_a_person_is_of_the_key_and_all_other_keys(register: Register, clock: WallClock) -> None:
    register.members = parse_members(f'name="ada" {key(1).text}\nname="ada" {key(4).text}\n')
    ban = register.ban("ada", ADA, HOST, "bob", "flood", 3_600)
    assert (ban.name, set(ban.keys), ban.address, ban.by, ban.text) == ("ada", {ADA, OLD}, HOST, "bob", "flood")
    assert ban.until == clock.now + 3_600_000_000
    for one in (register, stored(register, clock)):
        assert one.key_ban(ADA) == one.key_ban(OLD) == ban
        assert one.key_ban(EVE) is None
        assert one.bans() == [ban]
    clock.advance(3_600)
    assert register.key_ban(ADA) is None
    assert register.bans() == []


def test_a_listed_key_can_be_banned_and_no_address_spares_it(register: Register) -> None:
    register.ban("bob", BOB, HOST, "ada", None, None)
    assert register.key_ban(BOB) is not None
    assert register.may_enter(BOB)  # that is another question


@pytest.mark.parametrize(("is_open", "is_covered"), [(True, True), (False, False)])
def test_the_ban_of_a_key_covers_its_address_on_an_open_server(
    register: Register, is_open: bool, is_covered: bool
) -> None:
    register.is_open = is_open
    register.ban("eve", EVE, HOST, "ada", None, None)
    assert (register.address_ban(HOST, None) is not None) == is_covered
    assert (register.address_ban(HOST, fingerprint(9)) is not None) == is_covered
    assert register.address_ban(HOST, BOB) is register.address_ban(HOST, ADA) is None
    assert register.address_ban("192.0.2.8", None) is None


def test_a_ban_of_a_guest_is_of_the_address_and_spares_listed_keys(register: Register) -> None:
    ban = register.ban("guest-7", None, "2001:db8::1", "ada", None, None)
    assert (ban.keys, ban.address) == ((), "2001:db8::/64")
    for is_open in (True, False):
        register.is_open = is_open
        assert register.address_ban("2001:db8::2", None) == register.address_ban("2001:db8::2", EVE) == ban
        assert register.address_ban("2001:db8::2", BOB) is None


def test_a_ban_of_an_address_spares_operators_without_a_listed_key(register: Register) -> None:
    register.op(EVE).commit()
    register.ban_address("0.0.0.0/0", "ada", None, None)
    assert register.address_ban(HOST, EVE) is None
    assert register.address_ban(HOST, None) is not None


def test_the_ban_of_a_key_does_not_cover_loopback(register: Register) -> None:
    assert register.ban("eve", EVE, "127.0.0.1", "ada", None, None).address is None
    assert register.ban("guest-7", None, "127.0.0.1", "ada", None, None).address == "127.0.0.1"


def test_an_address_can_be_banned_before_anybody_comes(register: Register) -> None:
    ban = register.ban_address(" 10.0.0.0/8", "ada", "spam", 60)
    assert (ban.name, ban.keys, ban.address, ban.text) == (None, (), "10.0.0.0/8", "spam")
    assert register.address_ban("10.1.2.3", None) == ban
    for wrong in ("10.1.2.3/8", "eve", ""):
        with pytest.raises(RequestError) as error:
            register.ban_address(wrong, "ada", None, None)
        assert reason(error) == "bad-argument"


@pytest.mark.parametrize("identity", [ADA, OLD])
def test_operators_are_neither_banned_nor_muted(register: Register, identity: str) -> None:
    with pytest.raises(RequestError, match="operators cannot be banned: /deop them first") as error:
        register.ban("ada", identity, HOST, "bob", None, None)
    assert reason(error) == "not-allowed"
    with pytest.raises(RequestError, match="operators cannot be muted: /deop them first"):
        register.mute("ada", identity, HOST, "bob", None, None)
    assert register.bans() == register.mutes() == []
    assert not register.is_anybody_muted


def test_somebody_who_is_banned_is_no_operator(register: Register) -> None:
    """A file that makes somebody an operator after the ban does not lift it."""
    register.ban("eve", EVE, HOST, "ada", None, None)
    register.members = parse_members(f"operator {key(2).text}")
    assert not register.is_operator(EVE)
    assert register.key_ban(EVE) is not None


def test_a_ban_revokes_the_invitations_of_the_banned(register: Register) -> None:
    register.members_invite = True
    code = invited(register, BOB)
    other = invited(register, ADA)
    register.ban("bob", BOB, HOST, "ada", None, None)
    with pytest.raises(RequestError):
        register.redeem(code, key(2))
    register.unban("bob")[1].commit()
    with pytest.raises(RequestError):  # for good
        register.redeem(code, key(2))
    assert register.redeem(other, key(2)) is not None


@pytest.mark.parametrize("target", ["EVE", EVE, HOST])
def test_a_ban_ends(register: Register, target: str) -> None:
    ban = register.ban("eve", EVE, HOST, "ada", None, None)
    ended, change = register.unban(target)
    assert ended == [ban]
    assert register.key_ban(EVE) == register.address_ban(HOST, None) == ban  # until it is stored
    assert register.to_state()["bans"] == []
    again = register.unban(target)[1]
    change.undo()  # it could not be stored
    assert register.to_state()["bans"] == []
    again.undo()
    assert register.to_state()["bans"] == register.bans() == [ban]
    register.unban(target)[1].commit()
    assert register.key_ban(EVE) is register.address_ban(HOST, None) is None
    with pytest.raises(RequestError, match="'nobody' is not banned") as error:
        register.unban("nobody")
    assert reason(error) == "bad-argument"


def test_a_ban_that_comes_while_one_like_it_ends_holds(register: Register) -> None:
    register.ban("eve", EVE, HOST, "ada", None, None)
    _, change = register.unban("eve")
    ban = register.ban("eve", EVE, HOST, "ada", None, None)
    assert register.to_state()["bans"] == [ban]
    change.commit()
    assert register.key_ban(EVE) is ban


# --- mutes


def test_a_mute_is_of_the_key(register: Register, clock: WallClock) -> None:
    mute = register.mute("eve", EVE, HOST, "ada", "shouts", 60)
    assert (mute.keys, mute.address) == ((EVE,), HOST)
    assert register.is_anybody_muted
    for one in (register, stored(register, clock)):
        assert one.mute_of("203.0.113.1", EVE) == mute
        assert one.mute_of(HOST, BOB) is one.mute_of("203.0.113.1", None) is None
        assert one.mutes() == [mute]
    clock.advance(60)
    assert register.mute_of(HOST, EVE) is register.mute_of(HOST, None) is None


@pytest.mark.parametrize("is_open", [True, False])
def test_on_an_open_server_the_mute_of_a_key_covers_its_address(register: Register, is_open: bool) -> None:
    """As a ban does: coming back without the key is no way out."""
    register.is_open = is_open
    mute = register.mute("eve", EVE, HOST, "ada", None, None)
    expected = mute if is_open else None
    assert register.mute_of(HOST, None) == register.mute_of(HOST, fingerprint(9)) == expected
    assert register.mute_of(HOST, BOB) is register.mute_of(HOST, ADA) is None  # they are listed
    assert register.address_ban(HOST, None) is None
    for loopback in ("127.0.0.1", "::1"):
        assert register.mute("eve", EVE, loopback, "ada", None, None).address is None
    assert register.mute("eve", EVE, None, "ada", None, None).address is None


def test_a_person_muted_because_of_an_address_is_heard_again_by_any_name(register: Register) -> None:
    other = fingerprint(9)
    for identity, name in ((None, "guest-9"), (other, "mallory")):
        mute = register.mute("eve", EVE, HOST, "ada", None, None)
        assert register.mute_of(HOST, identity) == mute
        ended, change = register.unmute(name, identity, HOST)
        assert ended == [mute]
        change.commit()
        assert register.mute_of(HOST, identity) is register.mute_of(HOST, EVE) is None
    own = register.mute("mallory", other, "203.0.113.1", "ada", None, None)
    mute = register.mute("eve", EVE, HOST, "ada", None, None)
    assert register.unmute("mallory", other, HOST)[0] == [own]  # and the other one next time


def test_a_guests_mute_follows_the_address(register: Register) -> None:
    mute = register.mute("guest-7", None, HOST, "ada", None, None)
    assert register.mute_of(HOST, None) == mute
    assert register.mute_of(HOST, EVE) == mute  # a key made in a moment is no way out
    assert register.mute_of(HOST, BOB) is None
    assert register.mute_of("192.0.2.8", None) is None


def test_an_operator_is_not_muted(register: Register) -> None:
    register.mute("eve", EVE, HOST, "ada", None, None)
    register.mute("guest-7", None, HOST, "ada", None, None)
    register.op(EVE).commit()
    assert register.mute_of(HOST, EVE) is None


def test_a_mute_ends_by_the_name_of_then_or_for_whoever_has_the_name_now(register: Register) -> None:
    mute = register.mute("eve", EVE, HOST, "ada", None, None)
    ended, change = register.unmute("Eve")
    assert ended == [mute]
    change.undo()
    assert register.mute_of(HOST, EVE) == mute
    ended, change = register.unmute("mallory", EVE, HOST)
    assert ended == [mute]
    assert register.mute_of(HOST, EVE) == mute  # until it is stored
    change.commit()
    assert register.mute_of(HOST, EVE) is None
    guest = register.mute("guest-7", None, HOST, "ada", None, None)
    ended, change = register.unmute("guest-9", None, HOST)
    assert ended == [guest]
    change.commit()
    assert register.mute_of(HOST, None) is None
    register.mute("guest-7", None, HOST, "ada", None, None)
    with pytest.raises(RequestError, match="'bob' is not muted"):
        register.unmute("bob", BOB, HOST)  # the mute is about guests


def test_an_end_of_one_mute_leaves_the_others(register: Register) -> None:
    kept = [register.mute("bob", BOB, HOST, "ada", None, None), register.mute("guest-7", None, HOST, "ada", None, None)]
    mute = register.mute("eve", EVE, HOST, "ada", None, None)
    ended, change = register.unmute("eve", EVE, HOST)
    assert ended == [mute]
    change.commit()
    assert register.mutes() == kept


# --- operators


def test_an_operator_is_made_and_unmade(register: Register, clock: WallClock) -> None:
    change = register.op(EVE)
    assert not register.is_operator(EVE)
    change.commit()
    assert register.is_operator(EVE)
    assert stored(register, clock).is_operator(EVE)
    register.deop(EVE)
    assert not register.is_operator(EVE)
    assert not stored(register, clock).is_operator(EVE)
    with pytest.raises(RequestError, match="the members file makes them an operator") as error:
        register.deop(ADA)
    assert reason(error) == "not-allowed"


# --- invitations


def test_an_invitation_lists_the_key_once(register: Register, clock: WallClock) -> None:
    register.is_open = False
    issued, change = register.invite(ADA)
    assert (issued.uses, issued.until) == (1, clock.now + 7 * 86_400_000_000)
    change.commit()
    register = stored(register, clock)
    redeemed = register.redeem(issued.code, key(2))
    assert redeemed is not None
    assert not register.may_enter(EVE)  # a full disk never opens a door
    redeemed.commit()
    for one in (register, stored(register, clock)):
        assert one.is_listed(EVE)
        assert one.may_enter(EVE)
        assert not one.is_operator(EVE)
        assert one.redeem(issued.code, key(2)) is None  # the reply was lost, and it is asked again
        with pytest.raises(RequestError, match="the invitation is not valid") as error:
            one.redeem(issued.code, key(9))
        assert reason(error) == "bad-invite"


def test_one_that_cannot_be_stored_is_neither_made_nor_used(register: Register) -> None:
    issued, change = register.invite(ADA)
    change.undo()
    with pytest.raises(RequestError):
        register.redeem(issued.code, key(2))
    code = invited(register, ADA, operator=False)
    redeemed = register.redeem(code, key(2))
    assert redeemed is not None
    redeemed.undo()
    assert not register.is_listed(EVE)
    assert EVE not in dump(register.to_state()).decode()
    assert register.redeem(code, key(9)) is not None


def test_an_operators_invitation_makes_an_operator(register: Register) -> None:
    for number, is_listed in ((2, False), (3, True)):
        code = invited(register, operator=True)
        identity = fingerprint(number)
        assert register.is_listed(identity) == is_listed
        redeemed = register.redeem(code, key(number))
        assert redeemed is not None
        assert not register.is_operator(identity)
        redeemed.commit()
        assert register.is_operator(identity)
        assert register.is_listed(identity)


def test_a_key_of_the_members_file_stays_a_matter_of_the_file(register: Register) -> None:
    """Whoever is removed from the file is listed no more, though they have opened an invitation."""
    redeemed = register.redeem(invited(register, operator=True), key(3))
    assert redeemed is not None
    redeemed.commit()
    register.members = parse_members("")
    assert not register.is_listed(BOB)


def test_only_the_command_line_invites_operators(register: Register) -> None:
    code = invited(register, ADA, operator=True)
    redeemed = register.redeem(code, key(2))
    assert redeemed is not None
    redeemed.commit()
    assert not register.is_operator(EVE)


def test_a_listed_key_uses_none_up(register: Register) -> None:
    code = invited(register)
    assert register.redeem(code, key(3)) is None
    assert register.redeem(code, key(2)) is not None


def test_people_who_may_invite(register: Register) -> None:
    for identity in (BOB, EVE):
        with pytest.raises(RequestError, match="only operators may invite") as error:
            register.invite(identity)
        assert reason(error) == "not-allowed"
    register.members_invite = True
    register.invite(BOB)
    with pytest.raises(RequestError, match="only operators may invite"):
        register.invite(EVE)
    with pytest.raises(RequestError, match="is for one use"):
        register.invite(BOB, uses=2)
    assert register.invite(ADA, uses=50)[0].uses == 50


def test_a_member_has_at_most_ten_open_invitations(register: Register) -> None:
    register.members_invite = True
    codes = [invited(register, BOB) for _ in range(10)]
    with pytest.raises(RequestError, match="you have 10 open invitations") as error:
        register.invite(BOB)
    assert reason(error) == "not-allowed"
    redeemed = register.redeem(codes[0], key(2))
    assert redeemed is not None
    redeemed.commit()
    invited(register, BOB)


def test_the_invitation_of_somebody_who_is_listed_no_more_is_void(register: Register) -> None:
    register.members_invite = True
    code = invited(register, BOB)
    of_operator = invited(register, ADA)
    register.members = parse_members(f"{key(4).text}\n")
    for one in (code, of_operator):
        with pytest.raises(RequestError) as error:
            register.redeem(one, key(2))
        assert reason(error) == "bad-invite"
    register.members = MEMBERS
    register.members_invite = False
    with pytest.raises(RequestError):
        register.redeem(code, key(2))
    assert register.redeem(of_operator, key(2)) is not None


def test_an_operator_who_is_listed_no_more_does_not_come_back_by_an_own_invitation(register: Register) -> None:
    register.is_open = False
    register.op(BOB).commit()
    code = invited(register, BOB)
    register.members = parse_members(f"{key(4).text}\n")
    assert not register.may_enter(BOB)
    for number in (3, 2):
        with pytest.raises(RequestError) as error:
            register.redeem(code, key(number))
        assert reason(error) == "bad-invite"


def test_the_clock_of_the_server_counts_microseconds() -> None:
    assert 1.5e15 < wall_clock() < 1e16
    assert wall_clock() <= wall_clock()


# --- bans of the administrator


def test_the_administrator_s_bans_hold_beside_those_of_operators_who_cannot_end_them():
    register = Register()
    listed = [
        Sanction("key 1", (fingerprint(1),), None, "root", None, None),
        Sanction(None, (), "192.0.2.0/24", "root", "spam", None),
    ]
    register.listed_bans = listed
    register.ban_address("10.0.0.0/8", "ada", None, None)
    assert register.listed_bans == listed
    assert [ban.by for ban in register.bans()] == ["root", "root", "ada"]
    assert register.key_ban(fingerprint(1)) == listed[0]
    assert register.key_ban(fingerprint(2)) is None
    assert register.address_ban("192.0.2.9", None) == listed[1]
    assert register.address_ban("10.1.2.3", None).by == "ada"
    for target in (fingerprint(1), "192.0.2.0/24"):
        with pytest.raises(RequestError, match="the administrator has banned"):
            register.unban(target)
    assert [ban.by for ban in register.to_state()["bans"]] == ["ada"]
    register.listed_bans = []
    assert register.key_ban(fingerprint(1)) is None
    assert register.address_ban("192.0.2.9", None) is None


def test_an_operator_whom_the_administrator_has_banned_is_none():
    register = Register()
    register.op(fingerprint(1)).commit()
    assert register.is_operator(fingerprint(1))
    register.listed_bans = [Sanction("ada", (fingerprint(1),), None, "root", None, None)]
    assert not register.is_operator(fingerprint(1))
