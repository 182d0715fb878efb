"""The pace of an address, whatever its connections are."""

import pytest

from pylingo.reactor.pace import CONNECTIONS, AddressPace, Pace

RATE = 4 * CONNECTIONS


def pace_of(interval: float, burst: int) -> AddressPace:
    """The pace of addresses, if one connection has a request each `interval` seconds and `burst` at once."""
    pace = AddressPace()
    pace.set(1 / interval, burst)
    return pace


def handled(pace: AddressPace, key: str, count: int, now: float) -> int:
    """How many of so many requests need not wait; the others are given back."""
    delays = [pace.reserve(key, now) for _ in range(count)]
    for delay in delays:
        if delay:
            pace.give_back(key)
    return sum(not delay for delay in delays)


@pytest.mark.parametrize(("rate", "burst"), [(4.0, 1), (4.0, 10), (0.5, 3)])
def test_the_theoretical_arrival_time_tells_how_long_a_request_waits(rate, burst):
    """GCRA: a burst may come at once, then one request each emission interval; what is saved is never more."""
    pace = Pace()
    pace.set(rate, burst)
    assert (pace.emission_interval, pace.burst_tolerance) == (1 / rate, (burst - 1) / rate)
    arrival, now = 0.0, 1_000.0
    for _ in range(burst):
        assert pace.delay(arrival, now) == 0
        arrival = pace.next_arrival(arrival, now)
    assert pace.delay(arrival, now) == pytest.approx(1 / rate)
    assert pace.delay(arrival, now + 1 / rate) == 0
    assert pace.next_arrival(arrival, now + 500) == now + 500 + 1 / rate


def test_without_a_rate_nobody_waits_whatever_came_before():
    pace = Pace()
    pace.set(4.0, 1)
    arrival = pace.next_arrival(5_000.0, 1_000.0)
    pace.set(0.0, 1)
    assert pace.delay(arrival, 1_000.0) == 0


@pytest.mark.parametrize("burst", [1, 7, 10])
def test_a_burst_at_once_and_then_the_rate(burst):
    pace = pace_of(0.25, burst)
    most = burst * CONNECTIONS
    assert handled(pace, "a", 500, 1_000.0) == most
    for seconds in range(1, 20):
        assert handled(pace, "a", 500, 1_000.0 + seconds) == min(RATE, most)
    assert handled(pace, "a", 500, 9_000.0) == most


def test_those_who_wait_are_told_different_times():
    """Or all who wait would ask again at the same moment, for one to go on."""
    pace = pace_of(CONNECTIONS * 0.25, 1)
    handled(pace, "a", CONNECTIONS, 1_000.0)
    assert [pace.reserve("a", 1_000.0) for _ in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_an_address_does_not_pay_for_another():
    pace = pace_of(0.25, 3)
    handled(pace, "a", 500, 1_000.0)
    assert handled(pace, "b", 500, 1_000.0) == 3 * CONNECTIONS


def test_a_peer_that_hangs_up_while_waiting_does_not_delay_others():
    pace = pace_of(0.25, 1)
    handled(pace, "a", 10_000, 1_000.0)
    assert pace.reserve("a", 1_000.25) == 0
    pace.give_back("nobody")


def test_the_pace_can_change():
    pace = pace_of(0.25, 10)
    handled(pace, "a", 500, 1_000.0)
    pace.set(2.0, 1)
    assert handled(pace, "a", 500, 1_100.0) == CONNECTIONS
    assert handled(pace, "a", 500, 1_101.0) == CONNECTIONS
    assert handled(pace, "a", 500, 1_101.5) == CONNECTIONS


def test_only_addresses_that_asked_for_something_lately_are_remembered():
    pace = pace_of(0.16, 10)
    most = 0
    for number in range(100_000):
        pace.reserve(str(number), 1_000.0 + number / 1_000)
        most = max(most, len(pace))
    assert most <= 50
    for number in range(1_000):  # all at once: each takes its place, and then loses it to others
        pace.reserve(f"once {number}", 2_000.0)
    for number in range(1_000):
        pace.reserve(f"later {number}", 2_001.0)
    assert len(pace) <= 1_000


def test_addresses_that_keep_asking_do_not_have_the_quiet_ones_remembered():
    pace = pace_of(0.16, 10)
    for number in range(1_000):
        for key in ("a", "b", str(number)):
            pace.reserve(key, 1_000.0 + number)
    assert len(pace) <= 6


def test_a_waiting_peer_is_not_forgotten():
    pace = pace_of(0.25, 2)
    handled(pace, "a", 500, 1_000.0)
    for number in range(1_000):
        pace.reserve(str(number), 1_000.01)
    assert handled(pace, "a", 500, 1_000.01) == 0
