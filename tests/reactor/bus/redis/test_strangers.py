"""People who are on another server, found by name for one request."""

from collections.abc import Collection

from pylingo.reactor.bus.redis.strangers import RemoteSession
from pylingo.shared.messages import Command, Error, PersonDetails, Private, Say, Sent
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def test_somebody_on_another_server_is_known_by_name(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.ask(bob, Command("away", "lunch"))
    world.got(ann)
    (details,) = world.ask(ann, Command("whois", "BOB", 4))
    assert details == PersonDetails("bob", ["tea"], False, bob.session.person.since, "lunch", 4)


def test_a_session_elsewhere_is_what_its_record_tells(world: ClusterWorld, pair: Pair) -> None:
    record = {"f": "sha", "h": "10.1.2.3", "r": ["Tea"], "n": "ann"}
    session = RemoteSession(pair[0].hub, 7, record)
    assert (session.number, session.identity, session.host) == (7, "sha", "10.1.2.3")
    assert [(room.name, room.key) for room in session.rooms] == [("Tea", "tea")]
    assert session.outbox.rooms == ()


def test_nobody_is_found_anywhere(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    for request in (Command("whois", "zoe", 4), Say("hi", id=4, to="zoe")):
        (error,) = world.ask(ann, request)
        assert isinstance(error, Error)
        assert (error.code, error.re) == ("no-such-user", 4)


def test_a_name_that_is_too_long_is_not_looked_up(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    (error,) = world.ask(ann, Command("whois", "x" * 10_000, 4))
    assert isinstance(error, Error)
    assert error.code == "no-such-user"


def test_a_stranger_is_known_for_one_request_only(world: ClusterWorld, pair: Pair) -> None:
    ann, _ = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    world.ask(ann, Command("whois", "bob"))
    assert pair[0].bus.stranger("bob") is None


def test_requests_behind_a_look_up_wait(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.got(ann)
    got = world.ask(ann, Say("psst", id=1, to="bob"), Say("aloud", id=2))
    assert [(it.re, it.to) for it in got if isinstance(it, Sent)] == [(1, "bob"), (2, None)]
    assert isinstance(world.got(bob)[0], Private)


def test_a_session_that_ends_while_it_asks_harms_nobody(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    ann.ask(Say("psst", id=1, to="bob"))
    ann.session.end("close", "bye")
    world.settle()
    assert pair[0].bus.stranger("bob") is None
    assert bob.got() == []


def test_names_that_somebody_has_on_another_server(world: ClusterWorld, pair: Pair) -> None:
    world.come(pair[0], "ann")
    for number in range(3):
        world.come(pair[1], f"Bob{number}")
    found: list[dict[str, str]] = []
    pair[0].bus.present(["ann", "bob0", "nobody", "bob2", *(f"x{number}" for number in range(300))], found.append)
    pair[0].bus.present([], found.append)  # which asks nobody
    world.settle()
    assert found == [{}, {"bob0": "Bob0", "bob2": "Bob2"}]
    assert not pair[0].bus.is_alone


def test_those_on_another_server_who_are_away(world: ClusterWorld, pair: Pair) -> None:
    world.come(pair[0], "ann").ask(Command("away", "out"))
    world.come(pair[1], "bob").ask(Command("away", "lunch"))
    world.come(pair[1], "cid")
    world.settle()
    found: list[Collection[str]] = []
    pair[0].bus.away(["ann", "bob", "cid", "nobody"], found.append)
    world.settle()
    assert found == [{"bob"}]
