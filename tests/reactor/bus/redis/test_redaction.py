"""Taking texts out of streams in a real Redis."""

from collections.abc import Iterator

import pytest

from pylingo.reactor.bus.redis.keys import Keys
from pylingo.reactor.bus.redis.log_reader import log_of, read_page
from pylingo.reactor.bus.redis.redaction import redact
from pylingo.shared.messages import HistoryRequest
from tests.fakes.redis_logs import JOIN, RedisLogs, logs_in, message
from tests.redis_server import RedisProcess

TEA = log_of(Keys(), "tea")
BASE = 1_700_000_000_000_000


@pytest.fixture
def logs(redis: RedisProcess) -> Iterator[RedisLogs]:
    with logs_in(redis) as logs:
        yield logs


def test_a_message_loses_its_text_and_keeps_its_place(logs: RedisLogs, redis: RedisProcess):
    entries = logs.add("tea", BASE + 3, [message("first"), message("secret", key="k"), JOIN])
    for n in range(300):
        entries += logs.add("tea", BASE + 4 + n, [message(f"m{n}")])
    before = logs.call("XRANGE", TEA.stream, "-", "+")
    assert logs.answer(redact(TEA, BASE + 2))
    after = logs.call("XRANGE", TEA.stream, "-", "+")
    assert [name for name, _ in after] == [name for name, _ in before]
    assert after[1:] == before[1:]
    assert after[0][1][0::2] == before[0][1][0::2]
    assert b"secret" not in after[0][1][1]
    page = logs.answer(read_page(TEA, HistoryRequest(limit=2, since=0)))
    assert [(it.text, it.key, it.redacted) for it in page.messages] == [("first", None, None), ("", "k", True)]
    assert logs.call("SMEMBERS", TEA.dead or "") == [b"%d" % (BASE + 2)]
    assert logs.call("PTTL", TEA.stream) == -1
    logs.add("tea", BASE + 400, [message()])  # above its last entry, the stream goes on


@pytest.mark.parametrize("at", [0, BASE, BASE + 2, BASE + 4, BASE + 5, 2**63 - 1])
def test_there_is_no_message_with_that_stamp(logs: RedisLogs, at: int):
    assert not logs.answer(redact(TEA, at))
    logs.add("tea", BASE + 4, [message(), JOIN, message(), JOIN])
    before = logs.call("XRANGE", TEA.stream, "-", "+")
    assert not logs.answer(redact(TEA, at))
    assert logs.call("XRANGE", TEA.stream, "-", "+") == before
    assert logs.call("EXISTS", TEA.dead or "") == 0


def test_a_message_is_redacted_twice(logs: RedisLogs):
    logs.add("tea", BASE, [message("secret")])
    assert logs.answer(redact(TEA, BASE))
    assert logs.answer(redact(TEA, BASE))


def test_a_room_that_expires_does_so_all_the_same(logs: RedisLogs):
    logs.add("tea", BASE, [message("secret")])
    logs.call("PEXPIRE", TEA.stream, 1_000_000)
    assert logs.answer(redact(TEA, BASE))
    assert 900_000 < logs.call("PTTL", TEA.stream) <= 1_000_000
    assert 900_000 < logs.call("PTTL", TEA.dead or "") <= 1_000_000


def test_two_who_redact_messages_of_one_batch_both_succeed(logs: RedisLogs):
    logs.add("tea", BASE + 1, [message("one"), message("two")])
    first, second = redact(TEA, BASE), redact(TEA, BASE + 1)
    entry = [logs.call(*command) for command in next(first)]
    assert entry == [logs.call(*command) for command in next(second)]
    rewrites = [first.send(entry), second.send(entry)]
    replies = [logs.call(*command) for commands in rewrites for command in commands]
    assert replies == [1, 0]
    with pytest.raises(StopIteration):
        first.send(replies[:1])
    (again,) = second.send(replies[1:])
    (rewrite,) = second.send([logs.call(*again)])
    assert logs.call(*rewrite) == 1
    page = logs.answer(read_page(TEA, HistoryRequest()))
    assert [(it.text, it.redacted) for it in page.messages] == [("", True)] * 2


def test_what_is_noted_of_messages_older_than_the_stream_goes(logs: RedisLogs):
    logs.call("SADD", TEA.dead or "", BASE - 70_000, BASE - 60_000)
    logs.add("tea", BASE, [message("secret")])
    assert logs.answer(redact(TEA, BASE))
    assert logs.call("SMEMBERS", TEA.dead or "") in (
        [b"%d" % (BASE - 60_000), b"%d" % BASE],
        [b"%d" % BASE, b"%d" % (BASE - 60_000)],
    )
