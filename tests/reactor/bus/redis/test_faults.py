"""What goes wrong with Redis while people talk: nothing is lost, doubled or out of order.

The modules are `feeds` and `recovery`. Each test has two servers that talk in one room, and a fault in between.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pylingo.reactor.bus.redis.blob import PLACEHOLDER
from pylingo.reactor.bus.redis.feed import FeedState
from pylingo.reactor.bus.redis.settings import ClusterSettings, parse_redis_address
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.deaf_proxy import DeafProxy
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, in_order, join, leave, says
from tests.redis_server import RedisProcess

type MakeServer = Callable[..., RoomLog]


def key(rest: str) -> str:
    return f"pylingo:{{0}}{rest}"


def here(redis: RedisProcess, server: int) -> list[bytes]:
    """The members that a server answers for."""
    members: list[bytes] = redis.call("SMEMBERS", key(f"here:{server}"))
    return members


class Talk:
    """Two servers that talk."""

    def __init__(self, servers: list[RoomLog], loop: Reactor) -> None:
        self.servers = servers
        self.loop = loop
        self.count = 0

    def go_on(self, ticks: int) -> None:
        """Each server says something in each tick."""
        for _ in range(ticks):
            for server in self.servers:
                server.say("lobby", f"{server.number}-{self.count}")
            self.count += 1
            self.loop.tick(0.002)

    def settle(self) -> None:
        """Wait until both have everything."""
        one, other = self.servers
        turn_until(self.loop, lambda: one.feeds.is_idle and other.feeds.is_idle and one.log == other.log, "one order")

    def check(self) -> None:
        """Both have the same, in order, and everything once; and so has Redis."""
        one, other = self.servers
        assert one.log == other.log
        entries = [entry for entry in one.log["lobby"] if isinstance(entry[1], str)]
        assert in_order(at for at, _ in entries)
        texts = [text for _, text in entries]
        said = [f"{server.number}-{index}" for index in range(self.count) for server in self.servers]
        assert sorted(texts) == sorted(said)
        for server in self.servers:
            own = [(at, text) for at, text in entries if text.startswith(f"{server.number}-")]
            assert server.ordered == own
            assert [text for _, text in own] == [f"{server.number}-{index}" for index in range(self.count)]
            assert (server.gaps, server.fences) == ([], 0)
            assert server.rooms["lobby"].state is FeedState.OPEN

    def check_stream(self, make_server: MakeServer) -> None:
        """A server that reads the room's stream from its beginning finds what these have."""
        third = make_server(3)
        third.open("lobby")
        turn_until(self.loop, lambda: third.rooms)
        feed = third.rooms["lobby"]
        assert feed.head == self.servers[0].rooms["lobby"].head
        feed.head = feed.received = 0
        third.deployment.ears(0).call(None, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
        turn_until(self.loop, lambda: third.log == self.servers[0].log, "the stream")


@pytest.fixture
def talk(servers: list[RoomLog], loop: Reactor) -> Talk:
    return Talk(servers, loop)


# --- connections


@pytest.mark.parametrize("kinds", [["normal"], ["pubsub"], ["normal", "pubsub"]], ids=" and ".join)
def test_connections_are_cut(talk: Talk, redis: RedisProcess, kinds: list[str], make_server: MakeServer) -> None:
    for _ in range(5):
        talk.go_on(20)
        for kind in kinds:
            redis.call("CLIENT", "KILL", "TYPE", kind)
        talk.go_on(20)
    talk.settle()
    talk.check()
    talk.check_stream(make_server)


def test_replies_are_lost(redis: RedisProcess, loop: Reactor, make_server: MakeServer, tmp_path: Path) -> None:
    """Redis has the batch, but the server's connections break before it hears of that."""
    with DeafProxy(str(tmp_path / "proxy"), redis.path) as proxy:
        settings = ClusterSettings(address=parse_redis_address(f"redis+unix://{proxy.path}"))
        talk = Talk([make_server(1, settings=settings), make_server(2)], loop)
        for server in talk.servers:
            server.open("lobby", "Lobby")
        turn_until(loop, lambda: all(server.rooms for server in talk.servers))
        for _ in range(5):
            talk.go_on(3)
            talk.settle()
            proxy.is_deaf = True
            talk.go_on(1)
            text = f"1-{talk.count - 1}"
            turn_until(loop, lambda text=text: text in talk.servers[1].texts("lobby"))
            assert text not in talk.servers[0].texts("lobby")
            talk.go_on(1)
            proxy.cut()
            talk.go_on(1)
        talk.settle()
        talk.check()


def test_the_reply_for_a_room_that_is_not_followed_is_lost(
    redis: RedisProcess, loop: Reactor, make_server: MakeServer, tmp_path: Path
) -> None:
    with DeafProxy(str(tmp_path / "proxy"), redis.path) as proxy:
        settings = ClusterSettings(address=parse_redis_address(f"redis+unix://{proxy.path}"))
        one, other = make_server(1, settings=settings), make_server(2)
        other.open("lobby")
        turn_until(loop, lambda: other.rooms)
        proxy.is_deaf = True
        one.say("lobby", "first")
        turn_until(loop, lambda: other.texts("lobby"))
        one.say("lobby", "second")
        proxy.cut()
        turn_until(loop, lambda: one.feeds.is_idle)
        turn_until(loop, lambda: len(other.texts("lobby")) == 2)
        assert one.ordered == other.log["lobby"]


# --- Redis hangs, or refuses


def test_redis_hangs(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    talk.go_on(10)
    redis.pause()
    talk.go_on(10)
    turn_until(loop, lambda: all(server.stills for server in talk.servers))
    assert [server.stills for server in talk.servers] == [[(True, "Redis does not answer")]] * 2
    redis.resume()
    talk.settle()
    turn_until(loop, lambda: all(len(server.stills) == 2 for server in talk.servers))
    assert [server.stills[1] for server in talk.servers] == [(False, "")] * 2
    talk.check()


def test_redis_is_full(talk: Talk, redis: RedisProcess, loop: Reactor, make_server: MakeServer) -> None:
    talk.go_on(10)
    talk.settle()
    redis.call("CONFIG", "SET", "maxmemory", "1")
    talk.go_on(10)
    turn_until(loop, lambda: all(server.stills for server in talk.servers))
    assert all(server.stills[0][1].startswith("Redis says: OOM") for server in talk.servers)
    assert max(len(server.log["lobby"]) for server in talk.servers) == 20
    redis.call("CONFIG", "SET", "maxmemory", "0")
    talk.settle()
    talk.check()
    talk.check_stream(make_server)


def test_redis_is_read_only_for_a_while(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    talk.go_on(5)
    talk.settle()
    redis.call("REPLICAOF", "127.0.0.1", 1)
    talk.go_on(5)
    for _ in range(20):
        loop.tick(0.01)
    redis.call("REPLICAOF", "NO", "ONE")
    talk.settle()
    talk.check()


def test_redis_has_lost_the_functions(talk: Talk, redis: RedisProcess) -> None:
    talk.go_on(5)
    redis.call("FUNCTION", "FLUSH")
    talk.go_on(5)
    talk.settle()
    talk.check()


def test_a_commit_that_failed_half_way(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    """A function is no transaction. A room that is broken does not keep the other rooms of the call from going on."""
    one, other = talk.servers
    redis.call("SET", key("r:broken"), "no stream")
    for server in talk.servers:
        server.say("broken", "never")
        server.say("lobby", f"{server.number}-0")
    talk.count = 1
    turn_until(loop, lambda: len(one.texts("lobby")) == 2 and len(other.texts("lobby")) == 2)
    assert not one.feeds.is_idle
    redis.call("DEL", key("r:broken"))
    talk.settle()
    assert [text for _, text in one.ordered] == ["1-0", "never"]


# --- Redis ends


@pytest.mark.parametrize("redis_options", [["appendonly yes", "appendfsync everysec"]])
def test_redis_is_killed(talk: Talk, redis: RedisProcess, make_server: MakeServer) -> None:
    talk.go_on(20)
    redis.kill()
    talk.go_on(10)
    redis.start()
    talk.go_on(10)
    talk.settle()
    talk.check()
    talk.check_stream(make_server)


def truncate_log(redis: RedisProcess, size: int) -> None:
    """Let the append-only file of Redis, which does not run, end at `size`."""
    [log] = (redis.folder / "appendonlydir").glob("*.incr.aof")
    assert log.stat().st_size > size
    os.truncate(log, size)


def log_size(redis: RedisProcess) -> int:
    [log] = (redis.folder / "appendonlydir").glob("*.incr.aof")
    return log.stat().st_size


@pytest.mark.parametrize("redis_options", [["appendonly yes", "appendfsync always"]])
def test_redis_returns_without_its_newest_data(
    talk: Talk, redis: RedisProcess, make_server: MakeServer, loop: Reactor
) -> None:
    one, other = talk.servers
    one.propose("lobby", join(1, "ann"))
    talk.go_on(20)
    talk.settle()
    size = log_size(redis)
    other.propose("lobby", join(2, "bob"))
    one.propose("lobby", leave(1))
    talk.go_on(20)
    talk.settle()
    redis.kill()
    truncate_log(redis, size)
    talk.go_on(5)
    redis.start()
    talk.go_on(5)
    talk.settle()
    entries = [entry for entry in one.ordered if isinstance(entry[1], str)]
    assert len(entries) == talk.count
    one.ordered = entries
    other.ordered = [entry for entry in other.ordered if isinstance(entry[1], str)]
    talk.check()
    assert (one.heals, other.heals) == (1, 1)
    turn_until(loop, lambda: here(redis, 1) == [] and here(redis, 2) == [b"2 lobby"])
    assert redis.call("HKEYS", key("m:lobby")) == [b"2"]
    assert redis.call("HGET", key("rooms"), "lobby") == b"\x92\xa5Lobby\x01"
    talk.check_stream(make_server)


def test_redis_returns_empty(talk: Talk, redis: RedisProcess, make_server: MakeServer, loop: Reactor) -> None:
    """It writes nothing to disk. The servers have everything of the last ten seconds, and all members."""
    one, other = talk.servers
    one.propose("lobby", join(1, "ann"))
    other.propose("lobby", join(2, "bob"))
    talk.go_on(20)
    talk.settle()
    redis.kill()
    redis.start()
    talk.go_on(5)
    talk.settle()
    for server in talk.servers:
        server.ordered = [entry for entry in server.ordered if isinstance(entry[1], str)]
    talk.check()
    assert sorted(redis.call("HKEYS", key("m:lobby"))) == [b"1", b"2"]
    turn_until(loop, lambda: here(redis, 1) == [b"1 lobby"] and here(redis, 2) == [b"2 lobby"])
    assert int(redis.call("GET", key("next-server"))) == 2
    talk.check_stream(make_server)


def test_redis_has_what_a_server_alone_has_seen(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    """The other server was cut off: it reads what it missed, also out of what was restored."""
    one, other = talk.servers
    talk.go_on(5)
    talk.settle()
    other.feeds.down("cut by the test")
    for _ in range(5):
        one.say("lobby", f"1-{talk.count}")
        other.say("lobby", f"2-{talk.count}")
        talk.count += 1
        loop.tick(0.002)
    turn_until(loop, lambda: one.feeds.is_idle)
    redis.kill()
    redis.start()
    talk.settle()
    talk.check()


# --- fences


def test_a_server_that_was_given_up(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    one, other = talk.servers
    talk.go_on(5)
    talk.settle()
    redis.call("SET", key("fence:1"), "reaped")
    one.say("lobby", "never")
    turn_until(loop, lambda: one.fences)
    one.say("lobby", "never")
    one.feeds.up()
    for _ in range(30):
        loop.tick(0.01)
    assert one.fences == 1
    assert "never" not in other.texts("lobby")
    assert len(one.ordered) == 5


def test_another_server_has_the_same_number(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    """Redis has lost that the number was given, and gave it again."""
    one, _ = talk.servers
    redis.call("SET", key("fence:1"), str(77 << 20))
    one.say("lobby", "never")
    turn_until(loop, lambda: one.fences)


def test_what_is_still_on_its_way_on_an_old_connection(talk: Talk, redis: RedisProcess) -> None:
    """Another server took a session of this one, which only seemed to be away: it reads that, and says it again."""
    talk.go_on(5)
    talk.settle()
    redis.call("SADD", key("taken:1"), 41, 42)
    redis.call("FCALL", "pylingo_1_bump", 1, key("fence:1"))
    talk.go_on(5)
    talk.settle()
    talk.check()
    assert sorted(talk.servers[0].taken_numbers) == [41, 42]
    assert redis.call("SCARD", key("taken:1")) == 0


def test_the_proposals_of_a_session_that_was_taken(talk: Talk, redis: RedisProcess, loop: Reactor) -> None:
    one, other = talk.servers
    talk.go_on(1)
    talk.settle()
    redis.call("SADD", key("taken:1"), 41)
    redis.call("FCALL", "pylingo_1_bump", 1, key("fence:1"))
    settled: list[bool] = []
    one.when_taken = lambda: one.feeds.withdraw(lambda proposal: says(proposal, b"of 41"))
    one.say("lobby", "of 41")  # refused as stale
    loop.tick(0)
    one.say("lobby", "of 41, later")
    one.say("lobby", f"1-{talk.count}")
    one.feeds.when_settled(lambda: settled.append(True))
    other.say("lobby", f"2-{talk.count}")
    talk.count += 1
    turn_until(loop, lambda: settled)
    talk.settle()
    talk.check()


def test_the_placeholder_is_above_every_stamp(servers: list[RoomLog], loop: Reactor) -> None:
    servers[0].say("lobby", "hello")
    turn_until(loop, lambda: servers[0].ordered)
    assert 0 < servers[0].ordered[0][0] < 1 << 53 < PLACEHOLDER
