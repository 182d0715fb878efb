"""An open server on which ada, with two keys, is an operator, bob a member and eve nobody: its register, for tests."""

import pytest

from pylingo.reactor.people.members import parse_members
from pylingo.reactor.people.records import dump, load
from pylingo.reactor.people.register import Register
from pylingo.shared.errors import RequestError
from tests.fakes.people import WallClock, fingerprint, key

DAY = 86_400.0
ADA, EVE, BOB, OLD = (fingerprint(number) for number in range(1, 5))
HOST = "192.0.2.7"
MEMBERS = parse_members(f'operator,name="ada" {key(1).text}\nname="ada" {key(4).text}\n{key(3).text} bob\n')


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
