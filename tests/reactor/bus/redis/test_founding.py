"""What the servers of a cluster have agreed on."""

from pylingo.reactor.bus.redis.founding import Charter, Founding, found, look_at_settings
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess


def test_warnings() -> None:
    assert look_at_settings({}) == ()
    assert look_at_settings({"appendonly": "yes", "stream-node-max-bytes": "1024"}) == ()
    warnings = look_at_settings({"appendonly": "no", "stream-node-max-bytes": "4096"})
    assert [word in warning for word, warning in zip(("appendonly", "1024"), warnings, strict=True)] == [True, True]


def ask(loop: Reactor, server: RoomLog, wanted: Charter, name: str = "pylingo") -> Founding:
    replies: list[Founding] = []
    found(server.deployment, name, 0, wanted, replies.append)
    turn_until(loop, lambda: replies)
    return replies[0]


def test_the_first_server_decides(servers: list[RoomLog], loop: Reactor) -> None:
    server = servers[0]
    first = ask(loop, server, Charter(64, "aa"))
    assert (first.charter, first.refusal) == (Charter(64, "aa"), "")
    assert ask(loop, server, Charter(1, "aa")).charter == Charter(64, "aa")
    assert ask(loop, server, Charter(1)).charter == Charter(64, "aa")
    assert "another certificate" in ask(loop, server, Charter(1, "bb")).refusal
    assert ask(loop, server, Charter(1, "bb"), "other").charter == Charter(1, "bb")


def test_the_first_certificate_may_come_later(servers: list[RoomLog], loop: Reactor) -> None:
    assert ask(loop, servers[0], Charter()).charter == Charter()
    assert ask(loop, servers[0], Charter(1, "aa")).charter == Charter(1, "aa")


def test_an_incompatible_layout(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    redis.call("HSET", "pylingo:{0}config", "layout", "9")
    assert "layout 9" in ask(loop, servers[0], Charter()).refusal


def test_the_settings_of_a_real_redis(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "appendonly", "yes", "stream-node-max-bytes", "1024")
    assert ask(loop, servers[0], Charter()).warnings == ()
    redis.call("CONFIG", "SET", "stream-node-max-bytes", "4096")
    assert len(ask(loop, servers[0], Charter()).warnings) == 1


def test_without_a_connection(servers: list[RoomLog], loop: Reactor) -> None:
    servers[0].deployment.ears(0).close()
    replies: list[Founding] = []
    found(servers[0].deployment, "pylingo", 0, Charter(), replies.append)
    assert not replies[0].is_final
