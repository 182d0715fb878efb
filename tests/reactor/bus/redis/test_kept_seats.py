"""The seats of servers that are gone: kept, registered again, and ended."""

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.kept_seats import KeptSeats
from pylingo.shared.messages import Command, Error, Joined, Left, Users
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld


def kept(server: ChatServer) -> KeptSeats:
    return server.bus.seats.kept


def left(records: list) -> list[Left]:
    return [it for it in records if isinstance(it, Left)]


def gone(world: ClusterWorld, server: ChatServer, *rest: ChatServer) -> ChatServer:
    """A server ends, and another one keeps its seats: return that."""
    world.cut(server)
    rest[0].bus.signals.send_all("stopping", server.number)
    return world.until(lambda: next((it for it in rest if it.cluster.counters.servers_reaped), None), "the reaper")


def test_a_stray_of_a_server_that_is_gone_is_put_out(world: ClusterWorld) -> None:
    one, *rest = world.server(), world.server(grace=0.3), world.server(grace=0.3)
    ann, bob = world.come(one, "ann", "tea"), world.come(rest[0], "bob", "rum", "tea")
    number, token = ann.session.number, world.token(ann)
    one.bus.rooms.propose("rum", Event(op=["join", number, "ann", None, None]))
    world.until(lambda: [it for it in bob.got() if isinstance(it, Joined) and it.room == "rum"])
    back, ready = world.resume(rest[1], token)
    assert ready.rooms == ["tea"]
    gone(world, one, *rest)
    assert [it.room for it in world.until(lambda: left(bob.got()), "the end of the stray")] == ["rum"]
    assert [it.users for it in world.ask(back, Command("users")) if isinstance(it, Users)] == [["ann", "bob"]]


def test_the_seats_that_a_server_keeps_are_registered_again(world: ClusterWorld) -> None:
    one, *rest = world.server(), world.server(), world.server()
    ann = world.come(one, "ann", "tea")
    token = world.token(ann)
    reaper = gone(world, one, *rest)
    for place in ("sessions", "names", "tok"):
        world.stored("DEL", place)
    reaper.bus.healed()
    world.settle()
    other = Person(reaper.hub)
    assert [it.code for it in world.ask(other, Command("name", "ann", 1)) if isinstance(it, Error)] == ["name-taken"]
    back, ready = world.resume(rest[0], token)
    assert (ready.resumed, back.name, ready.rooms) == (True, "ann", ["tea"])


def test_a_seat_whose_time_is_over_is_not_given_on(world: ClusterWorld) -> None:
    one, *rest = world.server(), world.server(grace=0.3), world.server(grace=0.3)
    ann, bob = world.come(one, "ann", "tea"), world.come(rest[0], "bob", "tea")
    number, token = ann.session.number, world.token(ann)
    keeper = gone(world, one, *rest)
    world.until(lambda: kept(keeper).is_over(number), "the end of the grace time")
    _, ready = world.resume(rest[0], token)
    assert not ready.resumed
    assert [it.name for it in left(world.got(bob))] == ["ann"]
    world.until(lambda: not kept(keeper).is_over(number), "the end of the session")
    assert world.stored("HGET", "names", "ann") is None
