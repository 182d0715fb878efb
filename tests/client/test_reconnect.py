"""When a client tries again, and when it does not."""

import math
import random

import pytest

from pylingo.client.reconnect import FIRST_DELAY, LONGEST_DELAY, NEVER_AGAIN, Backoff, ReconnectPolicy


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)


def online(retry: float = 60.0, insist: bool = False) -> ReconnectPolicy:
    policy = ReconnectPolicy(retry, insist)
    policy.online()
    return policy


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 6.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 6.0, 6.0]
    assert backoff.attempts == 5
    backoff.attempts = 0
    assert backoff.next() == 1.0


def test_a_client_that_is_offline_for_hours_goes_on_trying() -> None:
    """2**1024 is no float: after as many attempts the delay could not be computed."""
    backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
    assert {backoff.next() for _ in range(3_000)} <= {FIRST_DELAY * 2**power for power in range(6)} | {LONGEST_DELAY}
    policy = ReconnectPolicy(math.inf, insist=True)
    assert [policy.delay(0.0, None) for _ in range(3_000)][-1] == LONGEST_DELAY


def test_delays_are_varied(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = []
    monkeypatch.setattr(random, "uniform", lambda low, high: bounds.append((low, high)) or 1.5)
    assert Backoff(1.0, 6.0).next() == 1.5
    assert bounds == [(0.5, 1.5)]


def test_the_very_first_failure_is_final_without_insisting() -> None:
    assert ReconnectPolicy(60.0, insist=False).delay(0.0, None) is None
    assert ReconnectPolicy(60.0, insist=True).delay(0.0, None) == FIRST_DELAY
    assert ReconnectPolicy(60.0, insist=False).delay(0.0, "full") == FIRST_DELAY, "there was a server"


def test_a_loss_is_followed_by_attempts_until_the_time_is_over() -> None:
    policy = online(retry=10.0)
    assert policy.delay(100.0, None) == FIRST_DELAY
    assert policy.delay(101.0, None) == 2 * FIRST_DELAY
    assert policy.delay(109.9, None) == 4 * FIRST_DELAY
    assert policy.delay(110.0, None) is None
    policy.online()
    assert policy.delay(200.0, None) == FIRST_DELAY, "the next loss begins anew"


@pytest.mark.parametrize("reason", sorted(NEVER_AGAIN))
def test_some_goodbyes_are_final(reason: str) -> None:
    assert online().delay(0.0, reason) is None
    assert online().delay(0.0, "shutdown") is not None


def test_other_addresses_are_tried_at_once_until_the_time_is_over() -> None:
    policy = online(retry=10.0)
    assert policy.goes_on(100.0)
    assert policy.goes_on(109.9)
    assert not policy.goes_on(110.0)
    assert policy.delay(110.0, None) is None
    assert not online(retry=0.0).goes_on(0.0)


def test_all_addresses_are_tried_for_the_first_connection_whatever_the_time() -> None:
    policy = ReconnectPolicy(0.0, insist=False)
    assert policy.goes_on(0.0)
    assert policy.goes_on(99.0)
    assert policy.delay(99.0, None) is None


def test_hurrying_makes_the_next_delays_short() -> None:
    policy = online()
    for _ in range(8):
        policy.delay(0.0, None)
    policy.hurry()
    assert policy.delay(0.0, None) == 2 * FIRST_DELAY


def test_restarting_forgets_everything() -> None:
    policy = online(retry=10.0)
    policy.delay(0.0, None)
    policy.restart()
    assert policy.delay(100.0, None) is None, "this is a first failure again"
