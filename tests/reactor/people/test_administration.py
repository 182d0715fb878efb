"""What the command line asks of the register."""

import pytest

from pylingo.reactor.people.administration import NOT_STORED, administer, invite_request, release_request
from pylingo.reactor.people.register import Register
from tests.fakes.people import WallClock, fingerprint, key


@pytest.fixture
def register() -> Register:
    return Register(WallClock())


@pytest.mark.parametrize("operator", [False, True])
def test_an_invitation(register: Register, operator: bool) -> None:
    reply, change = administer(register, invite_request(operator, 2, 3_600.0))
    assert reply == {"code": reply["code"], "uses": 2, "until": WallClock().now + 3_600_000_000}
    assert change is not None
    change.commit()
    redeemed = register.redeem(reply["code"], key(1))
    assert redeemed is not None
    redeemed.commit()
    assert register.is_listed(fingerprint(1))
    assert register.is_operator(fingerprint(1)) == operator


def test_an_invitation_that_is_not_stored_is_void(register: Register) -> None:
    _, change = administer(register, invite_request(True))
    assert change is not None
    change.undo()
    assert not register.to_state()["invitations"]
    assert "error" in NOT_STORED


def test_a_name_is_freed(register: Register) -> None:
    register.take_name("ape", fingerprint(1), "127.0.0.1")
    reply, change = administer(register, release_request("Ape"))
    assert reply == {"released": "Ape"}
    assert change is not None
    change.commit()
    register.check_name("ape", None)
    reply, change = administer(register, release_request("ape"))
    assert reply == {"error": "the name 'ape' belongs to nobody: there is nothing to free"}
    assert change is None


@pytest.mark.parametrize(
    "request_",
    [
        *(None, [], "invite", {}, {"command": "shutdown"}, {"command": "invite"}, {"command": "release", "name": 1}),
        invite_request(False) | {"uses": "1"},
        invite_request(False) | {"operator": 1},
        invite_request(False) | {"seconds": None},
    ],
    ids=str,
)
def test_another_request_is_refused(register: Register, request_: object) -> None:
    reply, change = administer(register, request_)
    assert reply == {"error": "the server does not know this request: it is of another version"}
    assert change is None


def test_a_number_out_of_range_is_told(register: Register) -> None:
    reply, change = administer(register, invite_request(False, 0))
    assert reply["error"].startswith("an invitation must have 1 to 1000 uses")
    assert change is None
