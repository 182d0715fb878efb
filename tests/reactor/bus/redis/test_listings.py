"""`/list` and `/who` over two servers."""

import pytest

from pylingo.reactor.bus.redis.listings import FRESH
from pylingo.shared.messages import Command, People, PersonInfo, Rooms
from pylingo.shared.schema import Record
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def rooms(got: list[Record]) -> list[tuple[str, int]]:
    return [(row.room, row.users) for page in got if isinstance(page, Rooms) for row in page.rooms]


def people(got: list[Record]) -> list[PersonInfo]:
    return [row for page in got if isinstance(page, People) for row in page.people]


def forget_lists(world: ClusterWorld) -> None:
    """Have the lists read anew, as when they have expired."""
    for what in ("rooms", "sessions"):
        world.stored("DEL", f"list:{what}")


def test_rooms_of_all_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, _ = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea", "Rum")
    world.got(ann)
    assert rooms(world.ask(ann, Command("list"))) == [("Rum", 1), ("tea", 2)]


def test_people_of_all_servers(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "rum")
    world.ask(bob, Command("open", "gin"), Command("away", "lunch"))
    world.got(ann)
    assert people(world.ask(ann, Command("who"))) == [PersonInfo("ann", 1), PersonInfo("bob", 2, "lunch")]


def test_a_room_that_is_reserved_but_empty_is_not_listed(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob", "tea")
    world.ask(bob, Command("leave"))
    assert rooms(world.ask(ann, Command("list"))) == []


def test_what_was_read_is_shared_and_expires(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob", "tea")
    world.ask(ann, Command("list"))
    world.ask(bob, Command("join", "rum"))
    assert 0 < world.stored("TTL", "list:rooms") <= FRESH
    world.stored("SET", "list:rooms", world.stored("GET", "list:rooms"), "EX", 100)  # no test depends on the time
    assert rooms(world.ask(ann, Command("list"))) == [("tea", 1)]
    assert rooms(world.ask(bob, Command("list"))) == [("rum", 1)]  # the own state is over it
    forget_lists(world)
    assert rooms(world.ask(ann, Command("list"))) == [("rum", 1)]


def test_a_room_that_became_empty_here_is_not_in_the_list(world: ClusterWorld, pair: Pair) -> None:
    """Even if the list in Redis is older."""
    ann = world.come(pair[0], "ann", "tea")
    world.ask(ann, Command("list"))
    world.stored("SET", "list:rooms", world.stored("GET", "list:rooms"), "EX", 100)
    world.ask(ann, Command("leave"))
    assert rooms(world.ask(ann, Command("list"))) == []


def test_a_secret_room_is_listed_to_its_members_alone(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    eve, cid = world.come(pair[0], "eve", "rum"), world.come(pair[1], "cid", "rum")
    world.ask(ann, Command("mode", "secret on"))
    for person in (ann, bob, eve, cid):
        everything = [("rum", 2), ("tea", 2)] if person in (ann, bob) else [("rum", 2)]
        world.got(person)
        assert rooms(world.ask(person, Command("list"))) == everything
    world.ask(bob, Command("leave"))
    world.got(bob)
    forget_lists(world)
    for person in (bob, cid, eve):  # the server of the first two does not follow the room any more
        assert rooms(world.ask(person, Command("list"))) == [("rum", 2)]
    world.ask(ann, Command("mode", "secret off"))
    forget_lists(world)
    assert rooms(world.ask(eve, Command("list"))) == [("rum", 2), ("tea", 1)]


def test_a_secret_room_that_nobody_here_is_in_is_not_listed(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob", "tea")
    for change, listed in (("secret on", []), ("secret off", [("tea", 1)])):
        world.ask(bob, Command("mode", change))
        forget_lists(world)
        assert rooms(world.ask(ann, Command("list"))) == listed


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_long_list_is_complete_and_in_order(world: ClusterWorld, lanes: int) -> None:
    one, other = world.server(lanes=lanes), world.server(lanes=lanes)
    names = [f"room-{index:03}" for index in range(45)]
    members: list[Person] = [world.come(one, f"p{index}") for index in range(3)]
    for index, member in enumerate(members):
        world.ask(member, *(Command("open", name) for name in names[15 * index : 15 * index + 15]))
    asker = world.come(other, "asker")
    assert rooms(world.ask(asker, Command("list"))) == [(name, 1) for name in names]


def test_a_person_with_sessions_on_two_servers_is_one(world: ClusterWorld, pair: Pair) -> None:
    asker = world.come(pair[0], "asker")
    world.device(pair[0], "ada", "word", "tea")
    world.device(pair[1], "ada", "word", "rum")
    rows = people(world.ask(asker, Command("who")))
    assert [(row.name, row.rooms) for row in rows] == [("ada", 2), ("asker", 0)]
