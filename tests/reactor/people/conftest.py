"""The register that several of these tests begin with (see `tests.fakes.register`)."""

import pytest

from pylingo.reactor.people.register import Register
from tests.fakes.people import WallClock
from tests.fakes.register import MEMBERS


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def register(clock: WallClock) -> Register:
    register = Register(clock)
    register.members = MEMBERS
    return register
