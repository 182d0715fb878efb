"""One connection to a real Redis, and to a peer that behaves badly."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.reactor.bus.redis import link as module
from pylingo.reactor.bus.redis.link import Greeting, Link, LinkLost, RedisError
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import LinkLog, answered, settle, turn_until
from tests.redis_server import RedisProcess
from tests.support import DEADLINE

GREETED = b"%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"


@pytest.fixture
def errors() -> list[Exception]:
    """What callbacks have raised."""
    return []


@pytest.fixture
def reactor(errors: list[Exception]) -> Iterator[Reactor]:
    made = Reactor(on_error=lambda source, error: errors.append(error))
    yield made
    settle(made)
    made.close()


@pytest.fixture
def log() -> LinkLog:
    return LinkLog()


def connect(reactor: Reactor, redis: RedisProcess, log: LinkLog, **greeting: Any) -> Link:
    return Link(reactor, [(socket.AF_UNIX, redis.path)], None, Greeting(**greeting), log)


@pytest.fixture
def link(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> Iterator[Link]:
    made = connect(reactor, redis, log, name="me")
    turn_until(reactor, lambda: made.is_up)
    yield made
    made.close()


def test_replies_come_in_the_order_of_the_calls(reactor: Reactor, link: Link) -> None:
    replies: list[Any] = []
    link.call(replies.append, "SET", b"k", "\u00e9")
    link.call(None, "INCRBY", "n", 5)
    link.call(replies.append, "GET", "k")
    link.call(replies.append, "INCR", "n")
    link.call(replies.append, "GET", "none")
    link.call(replies.append, "HGETALL", "none")
    turn_until(reactor, lambda: len(replies) == 5)
    assert replies == [b"OK", "\u00e9".encode(), 6, None, {}]
    assert link.waiting == 0
    assert link.calls == 7  # HELLO is one of them
    assert link.sent_bytes > 100
    assert link.received_bytes > 100


def test_the_connection_has_a_name_and_its_database(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    link = connect(reactor, redis, log, name="somebody", db=3)
    turn_until(reactor, lambda: link.is_up)
    assert b" name=somebody " in answered(reactor, link, "CLIENT", "INFO")
    answered(reactor, link, "SET", "k", "v")
    assert redis.call("INFO", "keyspace").count(b"db3:keys=1") == 1


def test_an_error_is_an_answer_and_the_owner_hears_of_it(reactor: Reactor, link: Link, log: LinkLog) -> None:
    error = answered(reactor, link, "INCR")
    assert isinstance(error, RedisError)
    assert not isinstance(error, LinkLost)
    assert error.code == "ERR"
    assert log.errors == ["ERR"]
    assert link.is_up


def test_pushes(reactor: Reactor, redis: RedisProcess, link: Link, log: LinkLog) -> None:
    link.tell("SSUBSCRIBE", "a", "b")
    assert answered(reactor, link, "PING") == b"PONG"
    assert link.waiting == 0
    redis.call("SPUBLISH", "b", b"\xff\x00")
    turn_until(reactor, lambda: log.pushes)
    assert log.pushes == [(b"b", b"\xff\x00")]
    assert link.pushes == 1
    link.tell("SUNSUBSCRIBE", "b")
    assert answered(reactor, link, "SPUBLISH", "b", "2") == 0
    assert answered(reactor, link, "SPUBLISH", "a", "3") == 1
    turn_until(reactor, lambda: len(log.pushes) == 2)
    assert log.pushes[1:] == [(b"a", b"3")]


def test_a_subscription_that_is_refused_takes_no_reply_of_another(
    reactor: Reactor, link: Link, redis: RedisProcess, log: LinkLog
) -> None:
    redis.call("ACL", "SETUSER", "default", "resetchannels", "&allowed")
    replies: list[Any] = []
    link.call(replies.append, "ECHO", "1")
    link.tell("SSUBSCRIBE", "forbidden")
    link.call(replies.append, "ECHO", "2")
    link.tell("SSUBSCRIBE", "allowed")
    link.call(replies.append, "ECHO", "3")
    turn_until(reactor, lambda: len(replies) == 3)
    assert replies == [b"1", b"2", b"3"]
    assert log.errors == ["NOPERM"]
    assert link.waiting == 0


def test_large_values_in_both_directions(reactor: Reactor, link: Link) -> None:
    value = bytes(range(256)) * 20_000  # 5 MB
    answered(reactor, link, "SET", "k", value)
    assert answered(reactor, link, "GET", "k") == value


def test_an_answer_that_raises_is_reported_and_the_link_lives_on(
    reactor: Reactor, link: Link, errors: list[Exception]
) -> None:
    link.call(lambda reply: 1 // 0, "PING")
    assert answered(reactor, link, "PING") == b"PONG"
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_call_while_the_link_is_down_is_answered_at_once(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    link = connect(reactor, redis, log)
    replies: list[Any] = []
    link.call(replies.append, "PING")
    link.call(None, "PING")
    link.tell("SSUBSCRIBE", "a")
    assert [type(reply) for reply in replies] == [LinkLost]
    assert replies[0].code == "LOST"
    turn_until(reactor, lambda: link.is_up)
    assert answered(reactor, link, "PING") == b"PONG"
    assert link.calls == 2


def test_open_calls_are_answered_after_the_owner_knows_that_the_link_is_lost(
    reactor: Reactor, redis: RedisProcess, link: Link, log: LinkLog
) -> None:
    known: list[tuple[type, list[str], bool]] = []
    redis.pause()
    link.call(lambda reply: known.append((type(reply), list(log.downs), link.is_up)), "PING")
    link.tell("SSUBSCRIBE", "a")
    reactor.tick(0)
    redis.kill()
    turn_until(reactor, lambda: known)
    (entry,) = known
    assert entry == (LinkLost, log.downs, False)
    assert len(log.downs) == 1


def test_closing_sends_what_was_called(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    link = connect(reactor, redis, log)
    turn_until(reactor, lambda: link.is_up)
    replies: list[Any] = []
    link.call(replies.append, "SET", "last", "words")
    link.close()
    link.close()
    assert [type(reply) for reply in replies] == [LinkLost]
    turn_until(reactor, lambda: redis.call("GET", "last") == b"words")
    assert log.downs == []


@pytest.mark.parametrize(
    ("greeting", "words"),
    [({}, "demands a password"), ({"password": "wrong"}, "refuses the password"), ({"password": "right"}, "")],
)
def test_passwords(reactor: Reactor, redis: RedisProcess, log: LinkLog, greeting: dict[str, str], words: str) -> None:
    redis.call("CONFIG", "SET", "requirepass", "right")
    link = connect(reactor, redis, log, **greeting)
    turn_until(reactor, lambda: log.downs or link.is_up)
    assert link.is_up == (not words)
    assert [words in why for why in log.downs] == [True] * bool(words)
    link.close()


def test_a_user_of_redis(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    redis.call("ACL", "SETUSER", "chat", "on", ">secret", "+@all", "~*", "&*")
    link = connect(reactor, redis, log, user="chat", password="secret")
    turn_until(reactor, lambda: link.is_up)
    assert answered(reactor, link, "ACL", "WHOAMI") == b"chat"
    link.close()


def test_a_database_that_is_not_there(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    connect(reactor, redis, log, db=16)
    turn_until(reactor, lambda: log.downs)
    assert log.downs == ["Redis refuses the connection: ERR DB index is out of range"]


def test_nobody_listens(reactor: Reactor, redis: RedisProcess, log: LinkLog) -> None:
    redis.kill()
    connect(reactor, redis, log)
    turn_until(reactor, lambda: log.downs)
    assert log.downs == ["Connection refused"]
    assert log.ups == 0


# --- peers that are no Redis


class Peer:
    """The far end of a link, written by hand."""

    def __init__(self, reactor: Reactor, log: LinkLog) -> None:
        self.reactor = reactor
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.link = Link(reactor, [(socket.AF_INET, self.listener.getsockname())], None, Greeting(), log)
        self.listener.settimeout(DEADLINE)
        self.reactor.tick(0.01)
        self.sock, _ = self.listener.accept()

    def greet(self) -> None:
        self.sock.sendall(GREETED)
        turn_until(self.reactor, lambda: self.link.is_up)

    def close(self) -> None:
        self.link.close()
        self.sock.close()
        self.listener.close()


@pytest.fixture
def peer(reactor: Reactor, log: LinkLog) -> Iterator[Peer]:
    made = Peer(reactor, log)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "Redis sent what is no reply: "),
        (b"+PONG\r\n", "Redis sent a reply to no command"),
        (b"", "Redis closed the connection"),
    ],
)
def test_a_peer_that_breaks_the_protocol(peer: Peer, log: LinkLog, data: bytes, why: str) -> None:
    peer.greet()
    if data:
        peer.sock.sendall(data)
    else:
        peer.sock.shutdown(socket.SHUT_WR)
    turn_until(peer.reactor, lambda: log.downs)
    assert log.downs[0].startswith(why)
    assert not peer.link.is_up


def test_a_peer_that_does_not_answer_the_greeting(
    reactor: Reactor, log: LinkLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GREETING_TIMEOUT", 0.05)
    peer = Peer(reactor, log)
    turn_until(reactor, lambda: log.downs)
    assert log.downs == ["Redis does not answer"]
    peer.close()


def test_replies_cut_at_every_position(peer: Peer, log: LinkLog) -> None:
    peer.greet()
    replies: list[Any] = []
    for _ in range(2):
        peer.link.call(replies.append, "PING")
    peer.link.tell("SSUBSCRIBE", "a")
    push = b">3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\n1\r\n"
    stream = b"$2\r\n\r\n\r\n" + push + b"-OOM full\r\n>3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n"
    for index in range(len(stream)):
        peer.sock.sendall(stream[index : index + 1])
        peer.reactor.tick(0.01)
    turn_until(peer.reactor, lambda: peer.link.waiting == 0)
    assert replies[0] == b"\r\n"
    assert replies[1].code == "OOM"
    assert log.pushes == [(b"a", b"1")]


def test_nothing_is_called_after_the_link_was_closed_in_an_answer(peer: Peer, log: LinkLog) -> None:
    peer.greet()
    replies: list[Any] = []
    peer.link.call(lambda reply: peer.link.close(), "PING")
    peer.link.call(replies.append, "PING")
    peer.sock.sendall(b"+1\r\n+2\r\n>3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\n1\r\n")
    turn_until(peer.reactor, lambda: replies)
    assert [type(reply) for reply in replies] == [LinkLost]
    assert log.pushes == []


def test_the_reader_of_hiredis_gets_pieces_of_64_kib(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    peer.greet()
    sizes: list[int] = []
    replies: list[Any] = []
    feed_size = module.FEED_SIZE
    peer.link.call(replies.append, "GET", "k")
    whole = b"$%d\r\n" % (3 * feed_size) + b"x" * 3 * feed_size + b"\r\n"

    class Reader:
        """Stands before the link's reader and writes down what is fed."""

        def __init__(self, inner: Any) -> None:
            self.gets, self._inner = inner.gets, inner

        def feed(self, data: bytes, start: int, size: int) -> None:
            sizes.append(size)
            self._inner.feed(data, start, size)

    monkeypatch.setattr(peer.link, "_reader", Reader(peer.link.__dict__["_reader"]))
    peer.link.data_received(whole)
    assert max(sizes) == feed_size
    assert sum(sizes) == len(whole)
    assert replies == [b"x" * 3 * feed_size]
