"""The connections of a server to Redis: starting, losing and finding it, and being given up."""

from pathlib import Path

from pylingo.reactor.bus.redis.cluster import GOES_ON, STANDS_STILL
from pylingo.shared.messages import Command, Goodbye, Message, Private, Say, Sent, Users
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.redis_server import running
from tests.support import DEADLINE

type Pair = tuple[ChatServer, ChatServer]


def test_a_server_opens_when_it_is_registered(world: ClusterWorld) -> None:
    server = world.server()
    assert server.number == 1
    assert not server.refusals
    assert server.cluster.is_alone


def test_servers_have_different_numbers_and_know_of_each_other(world: ClusterWorld, pair: Pair) -> None:
    assert [server.number for server in pair] == [1, 2]
    world.until(lambda: not any(server.cluster.is_alone for server in pair))


def test_what_is_said_while_redis_is_away_waits(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.kill_links(pair[0])
    world.until(lambda: not pair[0].cluster.deployment.is_up)
    ann.ask(Say("later"))
    world.come_back(pair[0])
    assert [it.text for it in bob.got() if isinstance(it, Message)] == ["later"]


def test_people_are_told_that_talk_stands_still_and_goes_on(world: ClusterWorld, pair: Pair) -> None:
    world.redis.pause()
    try:
        ann = next(iter(pair[0].hub.sessions()), None)
        assert ann is None
        world.redis.resume()
        person = world.come(pair[0], "ann", "tea")
        world.redis.pause()
        person.ask(Say("hi"))
        world.until(lambda: pair[0].words, "the notice")
    finally:
        world.redis.resume()
    world.until(lambda: len(pair[0].words) == 2)
    assert pair[0].words == [STANDS_STILL, GOES_ON]
    counters = pair[0].cluster.counters
    assert counters.standstills == 1
    assert counters.ms_still >= 2_000


def test_a_server_that_was_given_up_begins_anew(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    number = pair[0].number
    world.stored("SET", f"fence:{number}", "reaped")
    world.until(lambda: pair[0].losses, "the fence")
    assert [it.reason for it in ann.got() if isinstance(it, Goodbye)] == ["shutdown"]
    world.until(lambda: pair[0].is_open, "the second start")
    world.come_back(pair[0])
    assert pair[0].number == 3
    assert not pair[0].hub.rooms
    eve = world.come(pair[0], "eve", "tea")
    world.ask(eve, Say("hi"))
    assert [it.text for it in world.got(bob) if isinstance(it, Message)] == ["hi"]
    users = [it.users for it in world.ask(eve, Command("users")) if isinstance(it, Users)]
    assert users == [["ann", "bob", "eve"]]  # ann's seat is with whoever gave the server up


def test_another_number_of_lanes_is_refused(world: ClusterWorld) -> None:
    world.server(lanes=2)
    late = ChatServer(world.reactor, world.redis, 60.0, lanes=3)
    world.until(lambda: late.refusals or late.is_open)
    late.cluster.close()
    assert late.refusals or late.cluster.deployment is not None


def test_what_happens_is_counted(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    before = pair[0].cluster.counters.events
    seconds: list[float] = []
    pair[0].cluster.counters.observe_commit = seconds.append
    commits = pair[0].cluster.counters.commits
    world.ask(ann, Say("one"), Say("two"))
    one, other = (server.cluster.counters for server in pair)
    assert one.events == before + 2
    assert 0 < one.commits <= one.batches < one.events
    assert len(seconds) == one.commits - commits
    assert all(0 <= second < DEADLINE for second in seconds)
    world.lose_links(pair[0])
    assert (one.links_lost, one.reconnects, other.links_lost) == (1, 1, 0)
    world.resume(pair[1], world.token(ann))
    assert (one.sessions_given, one.sessions_taken) == (1, 0)
    assert (other.sessions_given, other.sessions_taken) == (0, 1)
    assert pair[0].cluster.show_counters().endswith("; 0 events wait, 0 ms behind")


def test_waiting_events_are_shown(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    world.redis.pause()
    try:
        ann.ask(Say("one"), Say("two"))
        world.until(lambda: pair[0].words, "the notice")
        line = pair[0].cluster.show_counters()
        assert pair[0].cluster.waiting == 2
        assert pair[0].cluster.lag > 1
    finally:
        world.redis.resume()
    assert "; 2 events wait, " in line
    assert ", talk stands still since " in line


def test_servers_that_are_given_up_are_counted(world: ClusterWorld, pair: Pair) -> None:
    number = pair[0].number
    world.stored("SET", f"fence:{number}", "reaped")
    world.until(lambda: pair[0].losses, "the fence")
    assert pair[0].cluster.counters.given_up == 1
    world.until(lambda: pair[0].is_open, "the second start")
    world.come_back(pair[0])
    pair[1].cluster.reaped(9, {}, {})
    assert pair[1].cluster.counters.servers_reaped == 1


def test_people_are_sent_elsewhere_when_redis_is_out_of_reach_for_long(world: ClusterWorld) -> None:
    one, _ = world.server(grace=2.0, patience=1.0), world.server(grace=2.0, patience=1.0)
    world.until(lambda: not one.cluster.is_alone)
    world.redis.pause()
    world.until(lambda: one.cuts)
    assert not one.is_open
    world.redis.resume()
    world.until(lambda: one.is_open, "the way back")
    assert (one.cuts, one.losses) == (1, 0)


def test_a_server_alone_keeps_its_people_however_long_redis_is_away(world: ClusterWorld) -> None:
    one = world.server(grace=0.0, patience=1.0)
    world.redis.pause()
    end = world.reactor.clock() + 3.0
    world.until(lambda: world.reactor.clock() > end)
    world.redis.resume()
    world.until(lambda: one.bus.sessions.server)
    assert (one.cuts, one.is_open) == (0, True)


def test_a_server_that_was_given_up_begins_anew_once(world: ClusterWorld, pair: Pair) -> None:
    """The commits and the heart both hear of it."""
    ann = world.come(pair[0], "ann", "tea")
    before = pair[0].number
    world.redis.call("SET", world.keys.key(0, f"fence:{before}"), "reaped")
    ann.ask(Say("hello", id=1))
    world.until(lambda: pair[0].is_open and pair[0].number > before, "the new beginning")
    new = pair[0].number
    world.until(lambda: world.stored("HGET", "servers", new) is not None, "the first beat")
    assert (pair[0].losses, pair[0].number) == (1, new)


def test_private_messages_and_names_wait_for_replicas(tmp_path: Path) -> None:
    with running(tmp_path / "one", tcp=True) as redis, running(tmp_path / "two", tcp=True) as replica:
        world = ClusterWorld(redis)
        replica.call("REPLICAOF", "127.0.0.1", redis.port)
        server = world.server(replicas=1)
        ann, bob = world.come(server, "ann"), world.come(server, "bob")
        replica.call("REPLICAOF", "NO", "ONE")
        ann.ask(Say("psst", to="bob", id=1))
        bob.ask(Command("name", "rob", 2))
        world.until(lambda: [it for it in bob.got() if isinstance(it, Private)])
        world.until(lambda: server.words == [STANDS_STILL])
        assert (ann.got(), bob.name) == ([], "bob")
        replica.call("REPLICAOF", "127.0.0.1", redis.port)
        world.until(lambda: bob.name == "rob")
        world.until(lambda: [it for it in ann.got() if isinstance(it, Sent)])
        world.until(lambda: server.words == [STANDS_STILL, GOES_ON])
        replica.call("REPLICAOF", "NO", "ONE")  # whose connection would count as a server's
        world.close()
