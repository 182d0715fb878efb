"""The register: who may come in, to whom a name belongs, who is an operator, and who is invited."""

import pytest

from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.records import dump
from pylingo.reactor.people.register import Register, wall_clock
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key
from tests.fakes.register import ADA, BOB, DAY, EVE, HOST, MEMBERS, OLD, invited, reason, stored

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
