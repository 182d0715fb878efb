"""Rooms whose members are on two servers of a cluster, on a real Redis."""

import itertools
from dataclasses import replace

from pylingo.reactor.bus.redis.rooms import Rooms
from pylingo.shared.messages import Command, Error, Joined, Left, Message, Modes, Say, Topic, Users
from pylingo.shared.schema import Record
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def rooms_of(server: ChatServer) -> Rooms:
    return server.bus.rooms


def users(world: ClusterWorld, person: Person) -> list[str]:
    return [name for page in world.ask(person, Command("users")) if isinstance(page, Users) for name in page.users]


def joins(records: list[Record]) -> list[tuple[str, str]]:
    """Who has come and who has gone."""
    return [(type(it).__name__, it.name) for it in records if isinstance(it, Joined | Left)]


def test_two_who_enter_a_new_room_at_once_on_one_server(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(pair[0], name) for name in ("ann", "bob")]
    for person in people:
        person.ask(Command("join", "tea"))
    got = [world.got(person) for person in people]
    assert [it.users for it in got[0] if isinstance(it, Joined) and it.name == "ann"] == [1]
    assert [it.users for it in got[1] if isinstance(it, Joined) and it.name == "bob"] == [2]
    assert joins(got[0]) == [("Joined", "ann"), ("Joined", "bob")]
    assert [users(world, person) for person in people] == [["ann", "bob"]] * 2


def test_two_spellings_of_a_new_room_at_once_on_two_servers(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(server, name) for server, name in zip(pair, ("ann", "bob"), strict=True)]
    for person, room in zip(people, ("Tea", "TEA"), strict=True):
        person.ask(Command("join", room))
    names = {it.room for person in people for it in world.got(person) if isinstance(it, Joined)}
    assert len(names) == 1
    assert [users(world, person) for person in people] == [["ann", "bob"]] * 2


def test_somebody_enters_while_the_last_one_leaves(world: ClusterWorld, pair: Pair) -> None:
    for _ in range(3):
        ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[0], "bob")
        bob.ask(Command("join", "tea"))
        ann.ask(Command("leave"))
        world.got(ann)
        world.got(bob)
        assert users(world, bob) == ["bob"]
        for person in (ann, bob):
            person.session.end("close", "bye")
        world.settle()


def test_somebody_leaves_and_comes_back_at_once(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    ann.ask(Command("leave"), Command("join", "tea"), Say("again"))
    world.got(ann)
    records = world.got(bob)
    assert joins(records) == [("Left", "ann"), ("Joined", "ann")]
    assert [it.text for it in records if isinstance(it, Message)] == ["again"]
    assert users(world, ann) == users(world, bob) == ["ann", "bob"]


def test_one_who_ends_while_entering_is_in_no_room(world: ClusterWorld, pair: Pair) -> None:
    bob = world.come(pair[1], "bob", "tea")
    for turns in range(4):
        ann = world.come(pair[0], "ann")
        ann.ask(Command("join", "tea"))
        for _ in range(turns):
            world.reactor.tick(0.001)
        ann.session.end("close", "bye")
        world.settle()
        assert users(world, bob) == ["bob"]
        assert not pair[0].hub.rooms
        assert world.stored("SMEMBERS", f"here:{pair[0].number}") == []


def test_a_person_leaves_a_room_with_the_last_session(world: ClusterWorld, pair: Pair) -> None:
    bob = world.come(pair[1], "bob", "tea")
    adas = [world.device(server, "ada", "word", "tea") for server in pair]
    assert joins(world.got(bob)) == [("Joined", "ada")]
    world.ask(adas[0], Command("leave"))
    assert joins(world.got(bob)) == []
    assert users(world, bob) == ["ada", "bob"]
    world.ask(adas[1], Command("leave"))
    assert joins(world.got(bob)) == [("Left", "ada")]
    assert users(world, bob) == ["bob"]


def test_a_topic_is_known_on_both_servers_and_to_those_who_come(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    (topic,) = world.ask(ann, Command("topic", "green", 3))
    assert isinstance(topic, Topic)
    assert (topic.topic, topic.re) == ("green", 3)
    assert world.got(bob) == [replace(topic, re=None)]
    late = Person(pair[1].hub)
    got = world.ask(late, Command("join", "tea"))
    assert [it.topic for it in got if isinstance(it, Topic)] == ["green"]
    world.ask(bob, Command("topic", "-"))
    assert [it.topic for it in world.got(ann) if isinstance(it, Topic)] == [None]


def test_a_connection_that_ends_while_it_leaves_a_room(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(bob)
    ann.ask(Command("leave"))
    ann.session.end("close", "bye")
    assert [record for record in world.got(bob) if isinstance(record, Left)] == [Left("tea", "ann", "leave")]
    assert list(pair[0].hub.rooms) == []


def test_a_session_whose_place_is_not_known_yet_enters_the_room(world: ClusterWorld, pair: Pair) -> None:
    """It has come from another server, and this one has not heard that it is in the room."""
    ann, done = world.come(pair[0], "ann"), list[bool]()
    rooms_of(pair[0]).sit_down(ann.session, "tea", lambda: done.append(True))
    world.until(lambda: done)
    assert users(world, ann) == ["ann"]
    assert world.stored("HKEYS", "m:tea") == [b"%d" % ann.session.number]


def operators(world: ClusterWorld, person: Person) -> list[str] | None:
    """Those that a list of the people in the room marks."""
    person.ask(Command("users"))
    return [it for it in world.got(person) if isinstance(it, Users)][-1].operators


def test_both_servers_know_the_operators_of_a_room(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    assert operators(world, ann) == operators(world, bob) == ["ann"]
    ann.ask(Command("roomop", "bob"), Command("topiclock", "on"))
    world.got(ann)
    world.got(bob)
    assert operators(world, ann) == operators(world, bob) == ["ann", "bob"]
    stored = dict(itertools.batched(world.stored("HGETALL", "o:tea"), 2))
    assert stored == {
        b"operator %d" % ann.session.number: b"ann",
        b"operator %d" % bob.session.number: b"bob",
        b"topic-lock": b"1",
    }
    carl = world.come(pair[1], "carl", "tea")
    assert operators(world, carl) == ["ann", "bob"], "as Redis has it"
    for person in (ann, bob, carl):
        person.ask(Command("leave"))
        world.got(person)
    assert world.stored("EXISTS", "o:tea") == 0, "nothing was said there"


def test_the_charter_of_a_room_with_a_log_expires_with_the_log(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    ann.ask(Say("hi"), Command("leave"))
    world.got(ann)
    assert world.stored("HGET", "o:tea", "logged") == b"1"
    assert world.stored("TTL", "o:tea") > 0
    bob = world.come(pair[1], "bob", "tea")
    assert operators(world, bob) is None
    assert world.stored("TTL", "o:tea") == -1


def test_modes_hold_on_all_servers_and_are_kept_in_redis(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(bob)
    ann.ask(Command("mode", "moderated on, key sesame, voice bob, outside on", 2))
    told = ["moderated on", "key sesame", "voice bob", "outside on"]
    assert [it for it in world.got(ann) if isinstance(it, Modes)] == [Modes("tea", told, "ann", 2)]
    assert [it for it in world.got(bob) if isinstance(it, Modes)] == [Modes("tea", told, "ann")]
    assert world.stored("HGET", "o:tea", "key") == b"sesame"
    carl = world.come(pair[1], "carl", "den")
    carl.ask(Command("join", "tea", 3))
    assert [it.code for it in world.got(carl) if isinstance(it, Error)] == ["bad-key"]
    assert [room.name for room in carl.session.rooms] == ["den"], "a refused join leaves no room"
    carl.ask(Command("join", "tea sesame"), Say("hi", id=4))
    assert [it.code for it in world.got(carl) if isinstance(it, Error)] == ["moderated"]
    assert [room.name for room in carl.session.rooms] == ["tea"]
    bob.ask(Say("hi", id=5))
    assert [it for it in world.got(bob) if isinstance(it, Error)] == []
    dora = world.come(pair[0], "dora")
    ann.ask(Command("mode", "moderated off, limit 1, invited dora"))
    world.got(ann)
    dora.ask(Say("from outside", room="tea"), Command("join", "tea"))
    replies = world.got(dora)
    assert [it for it in replies if isinstance(it, Error)] == []
    assert [room.name for room in dora.session.rooms] == ["tea"]
