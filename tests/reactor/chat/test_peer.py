"""The connection of a session: the real one, and the one of the tests, have what a session asks of it."""

import pytest

from pylingo.reactor.chat.peer import Peer
from pylingo.reactor.connection import Connection
from tests.fakes.chat import Person

ASKED = {name for name in vars(Peer) if not name.startswith("_")}


def test_a_session_asks_for_an_address_a_certificate_and_four_calls() -> None:
    assert ASKED == {"host", "certificate", "attach", "said_hello", "ended", "go_on"}


@pytest.mark.parametrize("calls", [Connection, Person])
def test_every_call_is_there(calls: type[object]) -> None:
    assert {"attach", "said_hello", "ended", "go_on"} <= set(dir(calls))
