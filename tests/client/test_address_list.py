"""The order in which a client tries the addresses of its servers."""

import itertools
import random
import socket

import pytest

from pylingo.client.address_list import MOST_TARGETS, AddressList, Endpoint
from pylingo.client.security import Unencrypted
from pylingo.reactor.engine.dial import Target

SECURITY = Unencrypted()
A, B, C = (Endpoint(host, 7, SECURITY) for host in "abc")
ONE, TWO, THREE = ((socket.AF_INET, (f"192.0.2.{number}", 7)) for number in (1, 2, 3))
SIX: Target = (socket.AF_INET6, ("2001:db8::1", 7, 0, 0))


def in_order(*endpoints: Endpoint) -> AddressList:
    """A list that is tried in the given order."""
    return AddressList(endpoints, itertools.count().__next__)


def test_an_endpoint_is_named_as_an_address() -> None:
    assert (A.where, Endpoint("::1", 5, SECURITY).where) == ("a:7", "[::1]:5")


def test_a_round_has_every_server_once() -> None:
    servers = in_order(A, B, C)
    assert servers.endpoints == (A, B, C)
    for _ in range(3):
        assert servers.current is A
        assert servers.ended(None)
        assert servers.current is B
        assert servers.ended(ONE)
        assert servers.current is C
        assert not servers.ended(None), "then there is a pause"


def test_others_are_left_until_the_last_one_of_a_round() -> None:
    servers = in_order(A, B)
    assert servers.has_others
    servers.ended(None)
    assert not servers.has_others
    servers.ended(None)
    assert servers.has_others
    assert not in_order(A).has_others


def test_a_single_server_always_pauses() -> None:
    servers = in_order(A)
    servers.arrange(A, [ONE])
    for answered in (ONE, None, ONE):
        assert not servers.ended(answered)
        assert servers.current is A


def test_a_new_round_begins_with_the_current_server() -> None:
    servers = in_order(A, B)
    servers.ended(None)
    servers.refresh()
    assert servers.current is B
    assert servers.ended(None)
    assert servers.current is A


def test_the_first_server_and_the_next_one_are_left_to_chance() -> None:
    pairs = set()
    for _ in range(400):
        servers = AddressList([A, B, C])
        first = servers.current.host
        servers.ended(None)
        pairs.add(first + servers.current.host)
    assert pairs == {"ab", "ac", "ba", "bc", "ca", "cb"}


def test_the_addresses_of_a_name_are_servers() -> None:
    servers = in_order(A)
    found = servers.arrange(A, [ONE, TWO, THREE])
    assert sorted(found) == [ONE, TWO, THREE]
    assert servers.arrange(A, [THREE, TWO, ONE]) == found, "a handshake that is repeated meets the same server"
    assert servers.ended(found[0])
    assert servers.arrange(A, [ONE, TWO, THREE]) == [*found[1:], found[0]]
    assert servers.ended(found[1])
    assert servers.arrange(A, [ONE, TWO, THREE]) == [found[2], *found[:2]]
    assert not servers.ended(found[2])
    assert servers.arrange(A, [ONE, TWO, THREE]) == found


def test_the_servers_take_turns_before_the_addresses_of_a_name() -> None:
    servers = in_order(A, B)
    servers.arrange(A, [ONE, TWO])
    assert servers.ended(ONE)
    assert servers.current is B
    servers.arrange(B, [THREE])
    assert servers.ended(THREE)
    assert servers.current is A
    assert not servers.ended(TWO)


def test_a_round_ends_when_only_an_address_that_was_tried_answers() -> None:
    servers = in_order(A)
    servers.arrange(A, [ONE, TWO])
    assert servers.ended(ONE)
    assert not servers.ended(ONE), "the other one is dead"


def test_a_name_with_new_addresses_each_time_does_not_go_on_for_ever() -> None:
    servers = in_order(A)
    for number in range(MOST_TARGETS):
        answered: Target = (socket.AF_INET, (f"198.51.100.{number}", 7))
        servers.arrange(A, [answered, ONE])
        assert servers.ended(answered)
    servers.arrange(A, [TWO, ONE])
    assert not servers.ended(TWO)


def test_without_a_look_up_an_address_is_tried_once() -> None:
    assert not in_order(A).ended(ONE)


def test_the_family_that_the_system_prefers_comes_first() -> None:
    for chance in (random.Random(number).random for number in range(50)):
        servers = AddressList([A], chance)
        assert servers.arrange(A, [SIX, ONE, TWO])[0] == SIX
        assert servers.arrange(A, [ONE, TWO, SIX])[1] == SIX


@pytest.mark.parametrize("count", [2, 3])
def test_clients_spread_over_the_addresses_of_a_name(count: int) -> None:
    found = [ONE, TWO, THREE][:count]
    assert {AddressList([A]).arrange(A, found)[0] for _ in range(200)} == set(found)
