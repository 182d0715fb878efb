"""Feeds and reapers on a Redis Cluster of two nodes: each call has the keys and channels of one lane only."""

from pathlib import Path

from pylingo.reactor.bus.redis.founding import Charter, Founding, found
from pylingo.reactor.bus.redis.hearts import ServerState
from pylingo.reactor.bus.redis.reaper import Reaper
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.redis_listeners import turn_until
from tests.fakes.room_log import RoomLog, join
from tests.redis_server import running_cluster

LANES = 16
STATE = ServerState(1, 0, 0, "1.0", "a").packed()


def test_rooms_of_all_lanes(tmp_path: Path, loop: Reactor) -> None:
    with running_cluster(tmp_path) as (first, _):
        servers = [RoomLog(loop, first, number, lanes=LANES) for number in (1, 2)]
        one, other = servers
        turn_until(loop, lambda: all(server.feeds.is_ready for server in servers))
        assert len(list(one.deployment.nodes())) == 2
        foundings: list[Founding] = []
        found(one.deployment, "pylingo", 0, Charter(LANES), foundings.append)
        turn_until(loop, lambda: foundings)
        assert (foundings[0].charter, foundings[0].refusal) == (Charter(LANES), "")

        rooms = [f"room-{index}" for index in range(40)]
        for server in servers:
            for room in rooms:
                server.open(room)
        turn_until(loop, lambda: all(len(server.rooms) == len(rooms) for server in servers))
        for server in servers:
            for room in rooms:
                server.propose(room, join(server.number, f"name-{server.number}"))
                server.say(room, "hello")
        turn_until(loop, lambda: all(len(server.log.get(room, [])) == 4 for server in servers for room in rooms))
        assert one.log == other.log

        for node in one.deployment.nodes():
            node.ears.call(None, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
        for room in rooms:
            one.say(room, "again")
        turn_until(loop, lambda: all(len(server.log[room]) == 5 for server in servers for room in rooms))
        assert one.log == other.log

        reaps: list[tuple[int, dict[int, list[str]]]] = []
        reaper = Reaper(loop, one.deployment, one.keys, 1, lambda server, _, those: reaps.append((server, those)))
        one.deployment.ears(0).call(None, "HSET", one.keys.key(0, "servers"), 2, STATE)
        reaper.reap(2, STATE)
        turn_until(loop, lambda: reaps)
        assert [
            (server, {number: sorted(those) for number, those in members.items()}) for server, members in reaps
        ] == [(2, {2: sorted(rooms)})]
        for server in servers:
            server.close()
