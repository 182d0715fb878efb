"""Redis's lines in our log."""

import logging
import os

import pytest

from pylingo.reactor.workers.redis_log import RedisLog
from tests.support import wait_until


@pytest.fixture
def pipe(reactor, caplog):
    caplog.set_level(logging.INFO)
    ours, theirs = os.pipe()
    log = RedisLog(reactor, ours)
    yield theirs, lambda: reactor.tick(0)
    log.close()
    log.close()
    log.handle()


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


def test_lines_come_without_redis_s_own_head_in_any_pieces(pipe, caplog):
    theirs, turn = pipe
    text = b"71:M 27 Nov 2026 02:21:43.497 # Server initialized\n\n  a plain line\n9:signal-handler (17) Received\n"
    for index in range(len(text)):
        os.write(theirs, text[index : index + 1])
        turn()
    assert lines(caplog) == [
        "redis: Server initialized",
        "redis:   a plain line",
        "redis: 9:signal-handler (17) Received",
    ]
    os.close(theirs)


def test_the_rest_comes_at_the_end_and_the_descriptor_is_closed(pipe, caplog, reactor):
    theirs, turn = pipe
    before = len(os.listdir("/dev/fd"))
    os.write(theirs, b"last \xff words")
    turn()
    assert lines(caplog) == []
    os.close(theirs)
    wait_until(lambda: turn() or lines(caplog))
    assert lines(caplog) == ["redis: last � words"]
    assert len(os.listdir("/dev/fd")) == before - 2


def test_a_line_without_end_is_cut(pipe, caplog):
    theirs, turn = pipe
    os.write(theirs, b"x" * 10_000)
    turn()
    assert lines(caplog) == ["redis: " + "x" * 4_096]
    os.close(theirs)
