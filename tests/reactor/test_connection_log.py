"""The lines of the log about connections."""

import logging

import pytest

from pylingo.reactor.connection_log import log_connected, log_ended
from pylingo.reactor.engine.tcp_bytes import TcpBytes
from pylingo.reactor.log_format import fields_of


def test_a_connection_is_two_lines_with_their_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_connected("192.0.2.7:4711", "guest-1")
    log_ended("lost", "192.0.2.7:4711", "ada", 2.34567)
    log_ended("stalled", "192.0.2.7:4711", "ada", 60.0, TcpBytes(7, 2**40), 512)
    assert caplog.messages == [
        "connected: 192.0.2.7:4711, guest-1",
        "ended lost: 192.0.2.7:4711, ada, 2.3 s",
        f"ended stalled: 192.0.2.7:4711, ada, 60.0 s, 7 bytes in, {2**40} bytes out, 512 bytes queued",
    ]
    common = {"address": "192.0.2.7:4711", "name": "ada"}
    assert [fields_of(record) for record in caplog.records] == [
        {"event": "connected", "address": "192.0.2.7:4711", "name": "guest-1"},
        {"event": "ended", "reason": "lost", **common, "duration": 2.346},
        {
            "event": "ended",
            "reason": "stalled",
            **common,
            "duration": 60.0,
            "bytes_in": 7,
            "bytes_out": 2**40,
            "bytes_queued": 512,
        },
    ]


def test_nothing_is_made_of_what_the_level_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    log_connected("a", "b")
    log_ended("lost", "a", "b", 1.0)
    assert caplog.records == []
