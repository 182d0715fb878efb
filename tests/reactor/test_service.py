"""The service that all connections share."""

from pylingo.reactor.service import Service
from tests.fakes.bench import Bench


def test_a_service_begins_without_a_limit_of_its_own_and_without_a_notice():
    desk = Bench()
    made = desk.server.service
    fresh = Service(made.reactor, made.hub, made.settings, made.is_exempt, made.queue)
    assert fresh.pace.emission_interval == 0
    assert len(fresh.address_pace) == 0
    assert (fresh.counts, fresh.notice) == ({}, "")
    assert fresh.counts is not made.counts
    desk.close()
