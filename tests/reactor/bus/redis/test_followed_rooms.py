"""The rooms that somebody on a server is in, on a real Redis."""

from pylingo.reactor.bus.redis.followed_rooms import FollowedRooms
from pylingo.shared.messages import Command
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def followed(server: ChatServer) -> FollowedRooms:
    return server.bus.followed


def test_a_person_is_spelled_as_the_first_session_in_the_room(world: ClusterWorld, pair: Pair) -> None:
    world.come(pair[0], "Ann", "tea"), world.come(pair[1], "bob", "tea")
    for server in pair:
        assert followed(server).spelling("tea", "ann") == "Ann"
        assert followed(server).first_session("tea", "ann") >> 32 == pair[0].number


def test_the_voice_of_somebody_is_known_at_all_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.come(pair[1], "cid", "tea")
    ann.ask(Command("mode", "voice bob"))
    world.settle()
    for server in pair:
        assert [followed(server).has_voice("tea", name) for name in ("ann", "bob", "cid")] == [False, True, False]
        room = server.hub.rooms["tea"]
        assert server.bus.has_voice(next(iter(room.members.values())), room, "bob")
    bob.session.end("close", "bye")
    world.settle()
    assert not followed(pair[0]).has_voice("tea", "bob")


def test_nothing_is_kept_of_rooms_that_nobody_is_in(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(server, name, "tea", "rum") for server, name in zip(pair, ("ann", "bob"), strict=True)]
    for person in people:
        person.session.end("close", "bye")
    world.settle()
    for server in pair:
        assert not server.hub.rooms
    assert world.stored("EXISTS", "m:tea") == world.stored("EXISTS", "n:tea") == 0
    assert world.stored("HLEN", "rooms") == 0
    assert world.stored("TTL", "r:tea") > 0
