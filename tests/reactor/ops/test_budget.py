"""The share of scrapers."""

import pytest

from pylingo.reactor.ops.budget import CREDIT, LONGEST, SHARE, Budget


def test_some_answers_at_once_and_then_a_share_of_the_time():
    budget = Budget()
    now = 1_000.0
    at_once = 0
    while not budget.delay(now):
        budget.charge(0.01, now)
        at_once += 1
    assert at_once == pytest.approx(CREDIT * SHARE / 0.01, abs=1)
    answers = 0
    while now < 1_100:
        now += budget.delay(now) + 1e-9
        budget.charge(0.01, now)
        answers += 1
    assert answers * 0.01 / 100 == pytest.approx(SHARE, rel=0.02)


def test_no_request_waits_for_long_whatever_others_have_asked_for():
    budget = Budget()
    for _ in range(10_000):
        budget.charge(1.0, 50.0)
    assert budget.delay(50.0) == pytest.approx(LONGEST)


def test_a_request_costs_something_even_if_the_clock_has_not_moved():
    budget = Budget()
    for _ in range(1_000):
        budget.charge(0.0, 50.0)
    assert budget.delay(50.0) > 0
