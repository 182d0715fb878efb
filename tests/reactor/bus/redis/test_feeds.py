"""Rooms of two servers on a real Redis."""

from collections.abc import Callable

import pytest

from pylingo.reactor.bus.redis.feed import FeedState
from pylingo.reactor.bus.redis.feeds import Feeds
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, in_order, join, leave, message, says
from tests.redis_server import RedisProcess

type MakeServer = Callable[..., RoomLog]


def all_have(servers: list[RoomLog], count: int) -> bool:
    return all(len(server.log.get("lobby", [])) >= count for server in servers)


def test_all_servers_have_one_order(servers: list[RoomLog], loop: Reactor) -> None:
    for index in range(50):
        for server in servers:
            server.say("lobby", f"{server.number}-{index}")
        loop.tick(0.005)
    turn_until(loop, lambda: all_have(servers, 100))
    one, other = servers
    assert one.log == other.log
    assert len(one.log["lobby"]) == 100
    assert in_order(at for at, _ in one.log["lobby"])
    for server in servers:
        own = [(at, text) for at, text in one.log["lobby"] if text.startswith(f"{server.number}-")]
        assert server.ordered == own  # once each, with the stamp that everybody has
        assert [text for _, text in own] == [f"{server.number}-{index}" for index in range(50)]


def test_what_is_said_in_one_tick_is_one_batch(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    for index in range(10):
        one.say("lobby", str(index))
    turn_until(loop, lambda: all_have(servers, 10))
    assert one.own_batches == 1


def test_rooms_that_speak_in_one_tick_are_committed_together(make_server: MakeServer, loop: Reactor) -> None:
    server = make_server()
    rooms = [f"room-{index}" for index in range(20)]
    for room in rooms:
        server.open(room)
    turn_until(loop, lambda: len(server.rooms) == 20)
    for room in rooms:
        server.say(room, "hello")
    turn_until(loop, lambda: len(server.ordered) == 20)
    counters = server.feeds.counters
    assert (counters.commits, counters.batches) == (1, 20)
    assert in_order(at for at, _ in server.ordered)  # stamps rise over all rooms of a server


def test_what_is_said_while_a_batch_is_in_flight_is_the_next_one(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    one.say("lobby", "first")
    loop.tick(0)
    one.say("lobby", "second")
    one.say("lobby", "third")
    turn_until(loop, lambda: all_have(servers, 3))
    assert (one.own_batches, one.texts("lobby")) == (2, ["first", "second", "third"])


def test_a_large_batch_is_cut(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    for index in range(1_200):
        one.say("lobby", str(index))
    turn_until(loop, lambda: all_have(servers, 1_200))
    assert one.own_batches == 2
    assert one.texts("lobby") == [str(index) for index in range(1_200)]


def test_a_stamp_is_never_below_the_head(servers: list[RoomLog], loop: Reactor, make_server: MakeServer) -> None:
    """Even if the clock of a server is far behind; clocks are corrected by Redis's anyway."""
    one, other = servers
    one.say("lobby", "now")
    turn_until(loop, lambda: all_have(servers, 1))
    for server in (other, one, other):
        server.say("lobby", "next")
    turn_until(loop, lambda: all_have(servers, 4))
    assert in_order(at for at, _ in one.log["lobby"])
    assert one.log == other.log


def test_a_server_with_a_wrong_clock(make_server: MakeServer, loop: Reactor, redis: RedisProcess) -> None:
    server = make_server(1, clock=lambda: 5)
    for room in ("lobby", "tea", "lobby"):
        server.open(room)
        server.say(room, "hello")
    turn_until(loop, lambda: len(server.ordered) == 3)
    server.say("tea", "again")
    turn_until(loop, lambda: len(server.ordered) == 4)
    seconds = int(redis.call("TIME")[0])
    assert abs(server.ordered[0][0] / 1e6 - seconds) < 3600
    assert in_order(at for at, _ in sorted(server.ordered[:3])), "the stamps of a clock that stands still rise"
    assert server.ordered[3][0] > max(at for at, _ in server.ordered[:3])


def test_members_of_all_servers(servers: list[RoomLog], loop: Reactor, make_server: MakeServer) -> None:
    one, other = servers
    one.propose("lobby", join(1, "ann"))
    other.propose("lobby", join(2, "bob"))
    other.propose("lobby", join(3, "carl"))
    turn_until(loop, lambda: all_have(servers, 3))
    other.propose("lobby", leave(3))
    one.propose("lobby", message("here"))
    turn_until(loop, lambda: all_have(servers, 5))
    third = make_server(3)
    third.open("lobby", "LOBBY")
    turn_until(loop, lambda: third.rooms)
    feed = third.rooms["lobby"]
    assert (feed.name, feed.head) == ("Lobby", one.rooms["lobby"].head)
    for server in (one, other, third):
        assert server.members("lobby") == {1: "ann", 2: "bob"}


def test_two_spellings_of_a_new_room_at_once(make_server: MakeServer, loop: Reactor) -> None:
    servers = [make_server(1), make_server(2)]
    for server, name in zip(servers, ("Lobby", "LOBBY"), strict=True):
        server.open("lobby", name)
        server.propose("lobby", join(server.number, "ann"))
    turn_until(loop, lambda: all_have(servers, 2))
    assert len({server.rooms["lobby"].name for server in servers}) == 1


def test_a_room_without_anybody_here(servers: list[RoomLog], loop: Reactor, make_server: MakeServer) -> None:
    """The last session of a server leaves, and the server no longer follows the room."""
    one, other = servers
    third = make_server(3)
    third.propose("lobby", join(7, "ann"))
    turn_until(loop, lambda: all_have(servers, 1) and third.ordered)
    assert third.ordered == one.log["lobby"] == other.log["lobby"]
    assert third.feeds.is_idle
    assert "lobby" not in third.log


def test_closing_waits_for_what_was_proposed(servers: list[RoomLog], loop: Reactor, redis: RedisProcess) -> None:
    one, other = servers
    one.propose("lobby", leave(1))
    one.feeds.close("lobby")
    turn_until(loop, lambda: one.ordered)
    assert one.texts("lobby") == [["leave", 1, "leave", None, None]]
    other.say("lobby", "alone")
    turn_until(loop, lambda: other.ordered)
    assert len(one.texts("lobby")) == 1
    assert redis.call("PUBSUB", "SHARDNUMSUB", "pylingo/0:{0}r:lobby") == [b"pylingo/0:{0}r:lobby", 1]


def test_opening_a_room_again(servers: list[RoomLog], loop: Reactor) -> None:
    one, other = servers
    one.feeds.close("lobby")
    other.say("lobby", "missed")
    turn_until(loop, lambda: other.ordered)
    one.rooms.clear()
    one.open("lobby")
    turn_until(loop, lambda: one.rooms)
    assert one.rooms["lobby"].head == other.rooms["lobby"].head
    other.say("lobby", "heard")
    turn_until(loop, lambda: one.texts("lobby") == ["heard"])


def test_a_room_that_has_ended_is_spelled_anew(make_server: MakeServer, loop: Reactor) -> None:
    """Even at once, in the moment in which the last one has left."""
    one, other = make_server(1), make_server(2)
    one.open("lobby", "Lobby")
    one.propose("lobby", join(1, "ann"))
    turn_until(loop, lambda: one.ordered)
    one.rooms.clear()

    def open_again(at: int) -> None:
        one.feeds.close("lobby")
        one.open("lobby", "LOBBY")

    one.feeds.propose("lobby", leave(1), open_again)
    turn_until(loop, lambda: one.rooms)
    other.open("lobby", "lobby")
    turn_until(loop, lambda: other.rooms)
    assert [server.rooms["lobby"].name for server in (one, other)] == ["LOBBY", "LOBBY"]
    other.say("lobby", "heard")
    turn_until(loop, lambda: one.texts("lobby")[-1:] == ["heard"])


def test_a_proposal_of_a_room_that_is_opened_meanwhile(make_server: MakeServer, loop: Reactor) -> None:
    """The commit is on its way, or done, when the feed begins: the proposal is settled once in each case."""
    server = make_server()
    for index in range(20):
        room = f"room-{index}"
        server.say(room, room)
        for _ in range(index % 4):
            loop.tick(0)
        server.open(room, room.title())
        turn_until(loop, lambda room=room: room in server.rooms and server.feeds.is_idle)
        assert server.rooms[room].name == room.title()
    assert [text for _, text in server.ordered] == [f"room-{index}" for index in range(20)]


def test_when_settled(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    called: list[str] = []
    one.feeds.when_settled(lambda: called.append("at once"))
    one.say("lobby", "hello")
    one.feeds.when_settled(lambda: called.append("later"))
    assert called == ["at once"]
    assert not one.feeds.is_idle
    turn_until(loop, lambda: len(called) == 2)
    assert one.texts("lobby") == ["hello"]
    assert one.feeds.is_idle


def test_withdrawing(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    settled: list[bool] = []
    for text in ("first", "second", "third"):
        one.say("lobby", text)
    one.feeds.when_settled(lambda: settled.append(True))
    assert len(one.feeds.withdraw(lambda proposal: says(proposal, b"second"))) == 1
    turn_until(loop, lambda: settled)
    assert one.texts("lobby") == ["first", "third"]
    assert one.feeds.is_idle


def test_a_gap_is_read_from_the_stream(servers: list[RoomLog], loop: Reactor) -> None:
    one, other = servers
    one.deployment.ears(0).tell("SUNSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    for text in ("a", "b", "c"):
        other.say("lobby", text)
        turn_until(loop, lambda text=text: text in other.texts("lobby"))
    assert one.texts("lobby") == []
    one.deployment.ears(0).tell("SSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    turn_until(loop, lambda: one.deployment.ears(0).waiting == 0)
    other.say("lobby", "d")
    turn_until(loop, lambda: len(one.texts("lobby")) == 4)
    assert one.log == other.log
    assert (one.gaps, one.feeds.counters.repairs) == ([], 1)


def test_a_subscription_that_broke_is_made_again(servers: list[RoomLog], loop: Reactor) -> None:
    one, _ = servers
    one.deployment.ears(0).tell("SUNSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    one.say("lobby", "hello")
    turn_until(loop, lambda: one.ordered)
    repairs = one.feeds.counters.repairs
    one.say("lobby", "again")
    turn_until(loop, lambda: len(one.ordered) == 2)
    assert (repairs, one.feeds.counters.repairs) == (1, 1)


def test_a_gap_beyond_what_redis_keeps(make_server: MakeServer, loop: Reactor, redis: RedisProcess) -> None:
    redis.call("CONFIG", "SET", "stream-node-max-entries", 5)
    servers = [make_server(1, keep=10), make_server(2, keep=10)]
    one, other = servers
    for server in servers:
        server.open("lobby")
    turn_until(loop, lambda: one.rooms and other.rooms)
    one.propose("lobby", join(1, "ann"))
    turn_until(loop, lambda: all_have(servers, 1))
    before = one.rooms["lobby"].head
    one.deployment.ears(0).tell("SUNSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    other.propose("lobby", leave(1))
    other.propose("lobby", join(2, "bob"))
    for index in range(60):
        other.say("lobby", str(index))
        turn_until(loop, lambda index=index: str(index) in other.texts("lobby"))
    one.deployment.ears(0).tell("SSUBSCRIBE", one.keys.channel(0, "r:lobby"))
    turn_until(loop, lambda: one.deployment.ears(0).waiting == 0)
    other.say("lobby", "the end")
    turn_until(loop, lambda: "the end" in one.texts("lobby"))
    assert len(one.gaps) == 1
    room, after, until = one.gaps[0]
    assert (room, after) == ("lobby", before)
    kept = [entry for entry in other.log["lobby"] if entry[0] > until]
    assert one.log["lobby"][1:] == kept
    assert 10 <= len(kept) < 60
    assert one.rereads == ["lobby"]
    assert one.members("lobby") == {2: "bob"}
    assert one.rooms["lobby"].state is FeedState.OPEN


@pytest.mark.parametrize("lanes", [1, 16])
def test_many_rooms(make_server: MakeServer, loop: Reactor, lanes: int) -> None:
    servers = [make_server(1, lanes=lanes), make_server(2, lanes=lanes)]
    rooms = [f"room-{index}" for index in range(300)]
    for room in rooms:
        for server in servers:
            server.open(room)
    turn_until(loop, lambda: all(len(server.rooms) == len(rooms) for server in servers))
    for room in rooms:
        for server in servers:
            server.say(room, f"{server.number}")
    turn_until(loop, lambda: all(len(server.log.get(room, [])) == 2 for server in servers for room in rooms))
    assert servers[0].log == servers[1].log


def test_a_room_keeps_a_thousand_batches_unless_told_otherwise() -> None:
    assert Feeds.__init__.__defaults__ is not None
    assert Feeds.__init__.__defaults__[0] == 1000


def test_what_is_read_after_the_end_does_not_take_effect(servers: list[RoomLog], loop: Reactor) -> None:
    """As when this server was given up, and begins anew under another number while a room is being repaired."""
    one, other = servers
    one.feeds.down("a test")
    other.say("lobby", "missed")
    turn_until(loop, lambda: other.texts("lobby") == ["missed"])
    one.feeds.when_ready(one.feeds.stop)  # the room is being read by then
    one.feeds.up()
    turn_until(loop, lambda: one.deployment.ears(0).waiting == 0 and not one.feeds.is_ready)
    other.say("lobby", "later")
    turn_until(loop, lambda: other.texts("lobby") == ["missed", "later"])
    for _ in range(5):
        loop.tick(0.01)
    assert one.texts("lobby") == []
