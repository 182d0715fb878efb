"""Rooms whose members are on two servers of a cluster, on a real Redis."""

from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.shared.messages import Joined, Message, Say, Sent
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def rooms_of(server: ChatServer) -> Rooms:
    return server.bus.rooms


def test_a_person_is_spelled_as_the_first_session_in_the_room(world: ClusterWorld, pair: Pair) -> None:
    world.come(pair[0], "Ann", "tea"), world.come(pair[1], "bob", "tea")
    for server in pair:
        assert rooms_of(server).spelling("tea", "ann") == "Ann"
        assert rooms_of(server).first_session("tea", "ann") >> 32 == pair[0].number


def test_words_reach_the_members_on_both_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    assert [type(it) for it in ann.got()] == [Joined]
    sent, *_ = world.ask(ann, Say("hi", id=3))
    assert isinstance(sent, Sent)
    assert world.got(bob) == [Message("tea", "ann", "hi", sent.at)]
