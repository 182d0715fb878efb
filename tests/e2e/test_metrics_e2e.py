"""Metrics and health of a server that is a process of its own, while people talk and hostile scrapers are there."""

import re
import signal
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from pylingo.shared.messages import Message, Say
from tests.support import DEADLINE, Peer, ServerProcess, wait_until

pytestmark = pytest.mark.usefixtures("wire")


def get(url):
    """The status and the text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics(url):
    """The values by name, for those without labels, and by name and label."""
    _, text = get(url)
    return {(sample.name, *sample.labels.values()): sample.value for family in parse(text) for sample in family.samples}


def test_people_talk_while_scrapers_come_and_the_numbers_agree(tmp_path):
    options = ("--metrics", "0", "--rate", "0", "--history", str(tmp_path / "history.db"))
    with ServerProcess(*options) as server:
        url = re.search(r"http://127\.0\.0\.1:\d+/metrics", server.process.stdout.readline())[0]
        place = url.removesuffix("/metrics")
        assert get(f"{place}/healthz") == (200, "ok\n")
        wait_until(lambda: get(f"{place}/readyz") == (200, "ok\n"), "the opened history")
        hostile = [socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) for _ in range(30)]
        for index, sock in enumerate(hostile):
            sock.send(
                (b"", b"\x16\x03\x01garbage\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost:", b"x" * 20_000)[index % 4]
            )
        with server.peers(4, "tea") as peers:
            for index, peer in enumerate(peers):
                peer.send(*(Say(f"{index} {serial}", id=serial) for serial in range(50)))
            heard = [sum(peer.until(Message) is not None for _ in range(150)) for peer in peers]
            for peer in peers:
                peer.fence()
            found = metrics(url)
            assert found["pylingo_messages_total",] == 200
            assert found["pylingo_deliveries_total",] == sum(heard) == 600
            assert found["pylingo_connections",] == found["pylingo_people",] == 4
            assert found["pylingo_rooms",] == 1
            assert found["pylingo_commit_seconds_count",] > 0
            assert found["pylingo_unexpected_errors_total",] == 0
            assert found["pylingo_tls_handshakes_total", "finished"] == (4 if server.is_encrypted else 0)
            assert found["process_resident_memory_bytes",] > 2**20
        wait_until(lambda: metrics(url)["pylingo_connections",] == 0, "the end of the connections")
        assert metrics(url)["pylingo_goodbyes_total", "lost"] == 4
        for sock in hostile:
            sock.close()
        _is_not_ready_while_it_stops(server, place)


def _is_not_ready_while_it_stops(server, place):
    with Peer(server.port):  # does not read its goodbye to the end, so the server waits for a while
        server.process.send_signal(signal.SIGINT)
        status, words = wait_until(lambda: (answer := get(f"{place}/readyz"))[0] == 503 and answer, "the drain")
        assert (status, words) == (503, "the server is stopping\n")
        assert get(f"{place}/healthz") == (200, "ok\n")
    assert server.process.wait(DEADLINE) == 0
