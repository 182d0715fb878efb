"""The functions that run inside Redis."""

import re
from typing import Any

import msgpack
import pytest

from pylingo.reactor.bus.redis.changes import pack_charter
from pylingo.reactor.bus.redis.library import LIBRARY, function, load, source
from pylingo.reactor.bus.redis.link import LinkLost, RedisError
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.history.charter import NONE
from tests.fakes.redis_listeners import LinkLog, turn_until
from tests.fakes.room_log import RoomLog
from tests.redis_server import RedisProcess


def test_the_names_in_the_library_carry_its_version() -> None:
    assert source().startswith(f"#!lua name={LIBRARY}\n")
    assert f"'{LIBRARY}_' .. name" in source()
    assert function("commit") == f"{LIBRARY}_commit"


def test_loading_it_twice(servers: list[RoomLog], loop: Reactor) -> None:
    loaded: list[RedisError | None] = []
    link = servers[0].deployment.ears(0)
    load([link, link], loaded.append)
    turn_until(loop, lambda: loaded)
    assert loaded == [None]


def test_an_older_and_a_newer_version_beside_it(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    other = source().replace("pylingo_1", "pylingo_2")
    assert redis.call("FUNCTION", "LOAD", other) == b"pylingo_2"
    servers[0].say("lobby", "hello")
    turn_until(loop, lambda: servers[1].texts("lobby") == ["hello"])


def test_without_a_connection(loop: Reactor, servers: list[RoomLog]) -> None:
    loaded: list[RedisError | None] = []
    link = servers[0].deployment.ears(0)
    link.close()
    load([link], loaded.append)
    assert isinstance(loaded[0], LinkLost)
    assert LinkLog().ups == 0


def test_all_functions_are_registered(servers: list[RoomLog], redis: RedisProcess) -> None:
    listed = redis.call("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY)[0]
    names = {dict(zip(entry[::2], entry[1::2], strict=True))[b"name"].decode() for entry in listed[5]}
    assert names == {function(name) for name in re.findall(r"^register\('(\w+)'", source(), re.MULTILINE)}
    assert len(names) > 10


# --- names and sessions


def key(rest: str) -> str:
    return f"pylingo:{{0}}{rest}"


def call(redis: RedisProcess, name: str, rests: list[str], *args: bytes | str | int) -> Any:
    return redis.call("FCALL", function(name), len(rests), *map(key, rests), *args)


def claim(redis: RedisProcess, name: str, number: int, fingerprint: str | None = None, *same: str) -> Any:
    server = number >> 32
    record = msgpack.packb({"s": server, "n": name, "f": fingerprint})
    keys = [f"fence:{server}", "sessions", f"of:{server}", "names", f"taken:{server}"]
    return call(redis, "claim", keys, name, number, record, *same)


ANN, BOB, CARL = (1 << 32) + 1, (2 << 32) + 1, (2 << 32) + 2


@pytest.fixture
def loaded(servers: list[RoomLog], redis: RedisProcess) -> RedisProcess:
    return redis


def test_a_name_has_one_person(loaded: RedisProcess) -> None:
    assert claim(loaded, "ann", ANN) == [1]
    zero, holder, record = claim(loaded, "ann", BOB)
    assert (zero, int(holder), msgpack.unpackb(record)["s"]) == (0, ANN, 1)
    assert claim(loaded, "ann", ANN) == [1]
    assert loaded.call("HGET", key("names"), "ann") == str(ANN).encode()
    assert loaded.call("HEXISTS", key("sessions"), BOB) == 0


def test_a_person_has_several_sessions(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN, "f1")
    assert claim(loaded, "ann", BOB, "f2", "f1", "f2") == [1, str(ANN).encode()]
    assert claim(loaded, "ann", CARL, "f3", "f3")[0] == 0
    assert claim(loaded, "ann", CARL, None)[0] == 0
    call(loaded, "release", ["names"], "ann", ANN)
    assert loaded.call("HGET", key("names"), "ann") == str(BOB).encode()
    call(loaded, "release", ["names"], "ann", BOB)
    assert loaded.call("HEXISTS", key("names"), "ann") == 0


def test_two_without_keys_are_never_one_person(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    assert claim(loaded, "ann", BOB, None, "")[0] == 0


def test_a_name_of_a_session_that_is_gone(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    loaded.call("HDEL", key("sessions"), ANN)
    assert claim(loaded, "ann", BOB) == [1]
    assert loaded.call("HGET", key("names"), "ann") == str(BOB).encode()


def test_a_server_that_was_given_up_gets_no_names_and_no_sessions(loaded: RedisProcess) -> None:
    loaded.call("SET", key("fence:1"), "reaped")
    assert "FENCED" in str(claim(loaded, "ann", ANN))
    reply = call(loaded, "put", ["fence:1", "sessions", "of:1", "tok", "taken:1"], ANN, msgpack.packb({"s": 1}), "", "")
    assert "FENCED" in str(reply)
    assert loaded.call("HLEN", key("sessions")) == 0


def test_a_session_changes_its_server_once(loaded: RedisProcess) -> None:
    record = {"s": 1, "n": "ann", "f": None, "c": 1_700_000_000_000_000, "r": ["Lobby"], "a": None}
    put = ["fence:1", "sessions", "of:1", "tok", "taken:1"]
    assert call(loaded, "put", put, ANN, msgpack.packb(record), "aa", "") == 1
    assert call(loaded, "put", put, ANN, msgpack.packb(record), "bb", "aa") == 1
    assert loaded.call("HGETALL", key("tok")) == [b"bb", str(ANN).encode()]
    take = ["fence:2", "sessions", "of:1", "of:2", "taken:1", "taken:2"]
    taken = msgpack.unpackb(call(loaded, "take", take, ANN, 1, 2))
    assert taken == {"s": 2, "m": 1, "n": "ann", "c": 1_700_000_000_000_000, "r": ["Lobby"]}
    assert call(loaded, "take", take, ANN, 1, 2) is None
    assert call(loaded, "put", put, ANN, msgpack.packb(record), "cc", "bb") == 0  # a late one changes nothing
    assert claim(loaded, "ann", ANN)[0] == 0
    assert msgpack.unpackb(loaded.call("HGET", key("sessions"), ANN))["s"] == 2
    assert loaded.call("SMEMBERS", key("taken:1")) == [str(ANN).encode()]
    assert (loaded.call("SCARD", key("of:1")), loaded.call("SCARD", key("of:2"))) == (0, 1)


def test_a_session_that_comes_back_is_taken_from_its_server_no_more(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    there = ["fence:2", "sessions", "of:1", "of:2", "taken:1", "taken:2"]
    back = ["fence:1", "sessions", "of:2", "of:1", "taken:2", "taken:1"]
    call(loaded, "take", there, ANN, 1, 2, 0)
    call(loaded, "take", back, ANN, 2, 1, 0)
    assert loaded.call("EXISTS", key("taken:1")) == 0
    assert loaded.call("SMEMBERS", key("taken:2")) == [str(ANN).encode()]


def test_a_server_that_gives_a_session_need_not_be_told(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    call(loaded, "take", ["fence:2", "sessions", "of:1", "of:2", "taken:1", "taken:2"], ANN, 1, 2, 1)
    assert loaded.call("EXISTS", key("taken:1")) == 0


def test_only_the_owner_ends_a_session(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    call(loaded, "put", ["fence:1", "sessions", "of:1", "tok", "taken:1"], ANN, msgpack.packb({"s": 1}), "aa", "")
    loaded.call("XADD", key("p:@1"), "*", "b", "message")
    assert call(loaded, "drop", ["sessions", "of:2", "tok", "names", "p:@1"], ANN, 2, "aa", "ann") == 0
    assert call(loaded, "drop", ["sessions", "of:1", "tok", "names", "p:@1"], ANN, 1, "aa", "ann") == 1
    assert [loaded.call("EXISTS", key(rest)) for rest in ("sessions", "of:1", "tok", "names", "p:@1")] == [0] * 5


# --- private messages


STREAMS = ["p:@a|b", "p:@a", "p:@b"]


def tell(redis: RedisProcess, top: int, message: bytes = b"message", numbers: tuple[Any, Any] = ("", "")) -> Any:
    keys = ["fence:1", "h:@", "names", "sessions", *STREAMS]
    people = "bob", numbers[0], "ann", numbers[1]
    return call(redis, "tell", keys, top, 100, "pylingo/0:{0}", *people, message, ANN, 1)


def test_a_private_message_goes_to_the_servers_of_both(
    loaded: RedisProcess, servers: list[RoomLog], loop: Reactor
) -> None:
    pushes: list[tuple[int, bytes, bytes]] = []
    for server in servers:
        server.strange = lambda channel, data, n=server.number: pushes.append((n, channel, data))
        server.deployment.ears(0).tell("SSUBSCRIBE", f"pylingo/0:{{0}}srv:{server.number}")
    turn_until(loop, lambda: all(server.deployment.ears(0).waiting == 0 for server in servers))
    claim(loaded, "ann", ANN)
    claim(loaded, "bob", BOB, "f")
    claim(loaded, "bob", CARL, "f", "f")
    assert tell(loaded, 50) == b"50"
    turn_until(loop, lambda: len(pushes) == 2)
    assert sorted(pushes) == [
        (1, b"pylingo/0:{0}srv:1", b"50 message"),
        (2, b"pylingo/0:{0}srv:2", b"50 message"),
    ]
    for stream in STREAMS:
        assert loaded.call("XRANGE", key(stream), "-", "+") == [[b"50-0", [b"b", b"message"]]]


def test_a_guest_is_found_by_the_session_whatever_the_name(
    loaded: RedisProcess, servers: list[RoomLog], loop: Reactor
) -> None:
    pushes: list[bytes] = []
    server = servers[1]
    server.strange = lambda channel, data: pushes.append(data)
    server.deployment.ears(0).tell("SSUBSCRIBE", f"pylingo/0:{{0}}srv:{server.number}")
    turn_until(loop, lambda: server.deployment.ears(0).waiting == 0)
    loaded.call("HSET", key("sessions"), CARL, msgpack.packb({"s": 2}))
    tell(loaded, 50, numbers=(CARL, ANN))
    turn_until(loop, lambda: pushes == [b"50 message"])


def test_a_private_message_whose_answer_was_lost_is_there_once(loaded: RedisProcess) -> None:
    assert [tell(loaded, 50, b"one"), tell(loaded, 40, b"two"), tell(loaded, 60, b"two")] == [b"50", b"51", b"60"]
    assert [tell(loaded, 50, b"one"), tell(loaded, 40, b"two")] == [b"50", b"51"]
    assert loaded.call("XLEN", key("p:@a")) == 3


def test_private_messages_that_were_lost_come_back_in_their_order(loaded: RedisProcess) -> None:
    for top, message in ((50, b"one"), (70, b"three")):
        tell(loaded, top, message)
    for top, message in ((80, b"four"), (60, b"two"), (50, b"one"), (60, b"two")):
        call(loaded, "retell", ["fence:1", "h:@", *STREAMS], top, 100, message)
    for stream in STREAMS:
        entries = loaded.call("XRANGE", key(stream), "-", "+")
        assert [(id_, fields[1]) for id_, fields in entries] == [
            (b"50-0", b"one"),
            (b"60-0", b"two"),
            (b"70-0", b"three"),
            (b"80-0", b"four"),
        ]
    assert loaded.call("GET", key("h:@")) == b"80"


def test_the_record_of_a_session_that_another_server_has_is_left_alone(loaded: RedisProcess) -> None:
    keys = ["fence:1", "sessions", "of:1", "tok", "taken:1"]
    theirs, ours = msgpack.packb({"s": 2}), msgpack.packb({"s": 1})
    loaded.call("HSET", key("sessions"), ANN, theirs)
    assert call(loaded, "put", keys, ANN, ours, "", "", "") == 0
    names = [*keys[:3], "names", "taken:1"]
    assert call(loaded, "claim", names, "ann", ANN, ours)[0] == 0
    assert loaded.call("HGET", key("sessions"), ANN) == theirs


def test_the_record_with_more_moves_counts(loaded: RedisProcess) -> None:
    """Redis has lost the move to server 1, and server 2 is told that it does not have the session."""
    keys = ["fence:1", "sessions", "of:1", "tok", "taken:1"]
    theirs, ours = msgpack.packb({"s": 2, "m": 1}), msgpack.packb({"s": 1, "m": 2})
    loaded.call("HSET", key("sessions"), ANN, theirs)
    loaded.call("SADD", key("of:2"), ANN)
    assert call(loaded, "put", keys, ANN, ours, "", "", "") == 1
    assert loaded.call("HGET", key("sessions"), ANN) == ours
    assert (loaded.call("SCARD", key("of:1")), loaded.call("SCARD", key("of:2"))) == (1, 0)
    assert loaded.call("SMEMBERS", key("taken:2")) == [str(ANN).encode()]
    there = ["fence:2", "sessions", "of:2", "tok", "taken:2"]
    loaded.call("DEL", key("taken:2"))
    assert call(loaded, "put", there, ANN, theirs, "", "", "") == 0
    older = msgpack.packb({"s": 1, "m": 0})
    assert call(loaded, "put", keys, ANN, older, "", "", "") == 0, "from before it has gone and come back"


def test_of_servers_that_stop_at_one_moment_one_is_the_last(loaded: RedisProcess) -> None:
    for server in (1, 2, 3):
        loaded.call("HSET", key("servers"), server, "state")
    keys = ["servers", "stopping"]
    assert call(loaded, "stop", keys, 1, 2) == 1
    assert call(loaded, "stop", keys, 1, 2) == 1, "it may ask twice"
    assert call(loaded, "stop", keys, 2, 1) == 0
    assert call(loaded, "stop", keys, 2, 1, 3) == 1
    assert call(loaded, "stop", keys, 2, 1, 4) == 0, "server 4 is gone"


def test_a_server_with_seats_that_nobody_has_taken_over_stays_in_the_list(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    for server in (1, 2):
        loaded.call("HSET", key("servers"), server, "state")
        loaded.call("SADD", key("stopping"), server)
        assert call(loaded, "retire", [f"fence:{server}", "servers", "stopping", f"of:{server}"], server) == 1
    assert loaded.call("HKEYS", key("servers")) == [b"1"]
    assert loaded.call("EXISTS", key("stopping")) == 0


def test_a_seat_whose_grace_time_is_over_is_not_taken(loaded: RedisProcess) -> None:
    claim(loaded, "ann", ANN)
    bury, take = ["fence:1", "sessions"], ["fence:2", "sessions", "of:1", "of:2", "taken:1", "taken:2"]
    assert call(loaded, "bury", bury, ANN, 2) is None, "it is not server 2's"
    assert msgpack.unpackb(call(loaded, "bury", bury, ANN, 1))["n"] == "ann"
    assert call(loaded, "take", take, ANN, 1, 2, 0) is None
    assert call(loaded, "bury", bury, BOB, 1) == b""


def test_the_stamps_of_private_messages_rise(loaded: RedisProcess) -> None:
    messages = enumerate((50, 50, 7, 90))
    assert [tell(loaded, top, b"%d" % n) for n, top in messages] == [b"50", b"51", b"52", b"90"]


def test_nobody_is_there(loaded: RedisProcess) -> None:
    assert tell(loaded, 50) == b"50"


def test_a_session_that_another_server_has_tells_nothing(loaded: RedisProcess) -> None:
    """What was called before it was taken, and waited for Redis."""
    claim(loaded, "ann", ANN)
    call(loaded, "take", ["fence:2", "sessions", "of:1", "of:2", "taken:1", "taken:2"], ANN, 1, 2, 0)
    assert tell(loaded, 50) == b"0"
    assert loaded.call("EXISTS", key("p:@a")) == 0


# --- restoring


def restore(redis: RedisProcess, mine: int, is_shared: bool, *batches: tuple[int, int]) -> Any:
    """Bring batches of one event back, each with its stamp and the one before it."""
    keys = ["fence:1", "rooms", *(f"{kind}:tea" for kind in ("r", "h", "m", "n", "t", "o", "dead"))]
    parts = [part for top, before in batches for part in (top, before, 1, f"batch {top}")]
    values = (
        redis.call("GET", key("fence:1")),
        100,
        "tea",
        "Tea",
        mine,
        "",
        int(is_shared),
        pack_charter(NONE),
        len(batches),
    )
    return call(redis, "restore", keys, *values, *parts)


def stream(redis: RedisProcess) -> list[int]:
    return [int(id_.partition(b"-")[0]) for id_, _ in redis.call("XRANGE", key("r:tea"), "-", "+")]


def test_a_server_leaves_to_the_others_what_it_lacks(loaded: RedisProcess) -> None:
    """One that came into the room after a batch knows its stamp, and does not have it."""
    restore(loaded, 10, False, (10, 0))
    assert restore(loaded, 20, True) == 0
    assert restore(loaded, 30, True, (30, 20)) == 0
    assert restore(loaded, 30, True, (20, 10), (30, 20)) == 2
    assert (stream(loaded), loaded.call("GET", key("h:tea"))) == ([10, 20, 30], b"30")


def test_what_nobody_else_has_brought_back_is_not_waited_for(loaded: RedisProcess) -> None:
    restore(loaded, 10, False, (10, 0))
    assert restore(loaded, 40, True, (20, 10), (40, 30)) == 1
    assert (stream(loaded), loaded.call("GET", key("h:tea"))) == ([10, 20], b"20")
    assert restore(loaded, 40, False, (20, 10), (40, 30)) == 1
    assert (stream(loaded), loaded.call("GET", key("h:tea"))) == ([10, 20, 40], b"40")
