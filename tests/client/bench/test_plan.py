"""The plan of a run, and what its clients measured."""

import dataclasses

import pytest

from pylingo.client.bench.plan import Measured, Plan


def test_a_plan_does_not_change():
    plan = Plan(clients=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.clients = 2  # type: ignore[misc]
    assert dataclasses.replace(plan, rooms=1) == plan


def test_two_runs_share_no_list():
    first, second = Measured(), Measured()
    first.latencies.append(1)
    first.lateness.append(1.0)
    assert (second.latencies, second.lateness) == ([], [])
