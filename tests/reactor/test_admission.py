"""Admission: the rest of its tests is in `test_server`, through a server."""

import pytest

from pylingo.reactor.admission import MOST_GOODBYES
from tests.fakes.bench import benches


@pytest.fixture
def bench():
    with benches() as make:
        yield make


def test_a_connection_is_counted_until_its_socket_is_closed(bench):
    desk = bench()
    wires = [desk.connect() for _ in range(3)]
    assert desk.server.admission.count == len(desk.server.admission.connections()) == 3
    wires[0].hang_up()
    desk.turn()
    assert desk.server.admission.count == len(desk.server.admission.connections()) == 2


def test_a_limited_number_of_refused_peers_is_read_to_the_end(bench):
    desk = bench(max_connections=1)
    desk.connect()
    for _ in range(MOST_GOODBYES + 4):
        desk.connect()
    assert desk.server.admission.goodbyes == MOST_GOODBYES
