"""What can be asked for."""

import pytest

from pylingo.reactor.ops.catalogue import Source
from pylingo.reactor.ops.endpoints import Endpoints
from pylingo.reactor.ops.scraper import Request


class Subject:
    trouble = ""

    def ask(self, answer):
        answer([Source({"rooms": 3})])

    def ask_trouble(self, answer):
        answer(self.trouble)


def ask(path, method="GET", subject=None, **headers):
    found = []
    Endpoints(subject or Subject()).answer(Request(method, path, headers), found.append)
    [make] = found
    return make()


def test_the_metrics_in_the_format_that_is_asked_for():
    assert b"pylingo_rooms 3.0\n" in ask("/metrics").body
    assert ask("/metrics").content_type.startswith("text/plain; version=0.0.4")
    assert ask("/metrics", accept="application/openmetrics-text").body.endswith(b"# EOF\n")


def test_health_and_readiness():
    subject = Subject()
    assert (ask("/healthz").status, ask("/healthz").body) == (200, b"ok\n")
    assert (ask("/readyz", subject=subject).status, ask("/readyz", subject=subject).body) == (200, b"ok\n")
    subject.trouble = "the server is stopping"
    assert (ask("/readyz", subject=subject).status, ask("/readyz", subject=subject).body) == (
        503,
        b"the server is stopping\n",
    )
    assert ask("/healthz", subject=subject).status == 200


@pytest.mark.parametrize("path", ["", "/", "/metrics/", "/Metrics", "/metrics%00", "*"])
def test_anything_else_is_not_there(path):
    assert ask(path).status == 404
    assert b"/metrics" in ask(path).body


@pytest.mark.parametrize("method", ["POST", "DELETE", "get", "CONNECT", "G"])
def test_only_reading_is_possible(method):
    response = ask("/metrics", method)
    assert response.status == 405
    assert response.more == (("Allow", "GET, HEAD"),)
    assert ask("/metrics", "HEAD").status == 200
