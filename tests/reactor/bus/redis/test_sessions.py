"""The sessions of a server as the other servers know them: numbers, and records in Redis."""

from typing import Any

import msgpack

from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.sessions import GUESTS, digest, read_record
from pylingo.shared.messages import Command, Left
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld

type Pair = tuple[ChatServer, ChatServer]


def record(world: ClusterWorld, person: Person) -> dict[str, Any]:
    return read_record(world.stored("HGET", "sessions", person.session.number))


def test_a_record_says_who_a_session_is_and_where(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "Ann", "tea", "rum")
    world.ask(ann, Command("open", "gin"), Command("away", "lunch"))
    session = ann.session
    assert record(world, ann) == {
        "s": pair[0].number,
        "m": 0,
        "n": "Ann",
        "f": None,
        "c": session.person.since,
        "a": "lunch",
        "r": ["gin", "rum", "tea"],
        "h": "127.0.0.1",
        "t": digest(world.token(ann)),
    }


def test_a_token_and_a_name_lead_to_the_number(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "Ann")
    number = b"%d" % ann.session.number
    assert world.stored("HGET", "tok", digest(world.token(ann))) == number
    assert world.stored("HGET", "names", "ann") == number
    assert world.stored("SMEMBERS", f"of:{pair[0].number}") == [number]


def test_a_guest_has_a_name_and_a_record_before_hello(world: ClusterWorld, pair: Pair) -> None:
    guest = Person(pair[0].hub)
    world.settle()
    assert world.stored("HGET", "names", guest.name) == b"%d" % guest.session.number
    assert record(world, guest)["t"] is None


def test_numbers_name_the_server(world: ClusterWorld, pair: Pair) -> None:
    people = [world.come(server, name) for server, name in zip(pair, ("ann", "bob"), strict=True)]
    assert [it.session.number >> 32 for it in people] == [server.number for server in pair]


def test_guests_of_all_servers_have_different_numbers(world: ClusterWorld, pair: Pair) -> None:
    numbers = [server.bus.next_guest() for server in pair for _ in range(GUESTS // 2)]
    assert len(set(numbers)) == GUESTS


def test_more_numbers_for_guests_are_asked_for_in_time(world: ClusterWorld, pair: Pair) -> None:
    numbers = []
    for _ in range(5 * GUESTS // 100):
        numbers += [pair[0].bus.next_guest() for _ in range(100)]
        world.settle()
    assert len(set(numbers)) == 5 * GUESTS
    assert max(numbers) < 10 * GUESTS


def test_without_redis_a_guest_gets_a_number_all_the_same(world: ClusterWorld, pair: Pair) -> None:
    numbers = [pair[0].bus.next_guest() for _ in range(3 * GUESTS)]
    assert len(set(numbers)) == 3 * GUESTS


def test_nothing_is_left_of_a_session_that_has_ended(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    ann.session.end("close", "bye")
    world.settle()
    server = pair[0].number
    for place in ("sessions", "names", "tok", f"of:{server}", f"here:{server}"):
        assert world.stored("EXISTS", place) == 0, place
    assert not pair[0].bus.sessions.by_number


def test_nothing_is_left_of_a_guest_that_ends_while_its_name_is_on_the_way(world: ClusterWorld, pair: Pair) -> None:
    guest = Person(pair[0].hub)
    guest.session.end("close", "bye")
    world.settle()
    for place in ("sessions", "names", f"of:{pair[0].number}"):
        assert world.stored("EXISTS", place) == 0, place


def test_a_name_is_free_for_others_when_its_session_has_ended(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann")
    ann.session.end("close", "bye")
    world.settle()
    world.come(pair[1], "ann")


def test_everything_is_registered_again_when_redis_has_lost_it(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    before = record(world, ann)
    for place in ("sessions", "names", "tok"):
        world.stored("DEL", place)
    pair[0].bus.sessions.register_again()
    world.settle()
    assert record(world, ann) == before
    assert world.stored("HGET", "names", "ann") == b"%d" % ann.session.number
    assert world.stored("HGET", "tok", digest(world.token(ann))) == b"%d" % ann.session.number


def test_a_late_call_does_not_take_a_session_back_from_another_server(world: ClusterWorld, pair: Pair) -> None:
    """As one that waited for Redis, while another server has taken the session."""
    ann = world.come(pair[0], "ann")
    sessions = pair[0].bus.sessions
    late = sessions.claim_command(ann.session, "ann")
    back, _ = world.resume(pair[1], world.token(ann))
    assert record(world, back)["s"] == pair[1].number
    assert world.redis.call(*late)[0] == 0
    assert record(world, back)["s"] == pair[1].number


def test_a_late_call_does_not_bring_back_what_was_taken_from_a_server_that_was_away(
    world: ClusterWorld, pair: Pair
) -> None:
    ann = world.come(pair[0], "ann")
    late = pair[0].bus.sessions.claim_command(ann.session, "ann")
    token = world.token(ann)
    world.cut(pair[0])
    back, ready = world.resume(pair[1], token)
    assert ready.resumed
    back.session.end("close", "bye")
    world.settle(pair[1])
    world.redis.call(*late)
    assert world.stored("EXISTS", "sessions") == world.stored("EXISTS", "names") == 0


def test_a_record_without_values_is_read() -> None:
    whole = {"s": 1, "m": 0, "n": "ann", "f": None, "a": None, "t": None}
    assert read_record(msgpack.packb({"s": 1, "n": "ann"})) == whole


def test_a_record_says_that_somebody_has_left_whose_connection_broke_meanwhile(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea", "rum")
    number = ann.session.number
    ann.ask(Command("leave", None, 1, "tea"))
    ann.lose()
    world.settle()
    assert read_record(world.stored("HGET", "sessions", number))["r"] == ["rum"]


def test_a_session_that_another_server_has_is_given_up(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    theirs = {**record(world, ann), "s": pair[1].number, "m": 1}
    world.stored("HSET", "sessions", ann.session.number, msgpack.packb(theirs))
    ann.ask(Command("away", "lunch"))
    world.until(lambda: ann.over, "the end of the connection")
    world.settle()
    assert not pair[0].bus.sessions.by_number
    assert pair[0].cluster.counters.sessions_overruled == 1
    assert [type(it) for it in bob.got() if isinstance(it, Left)] == []


def test_the_server_that_another_one_overrules_hears_it(world: ClusterWorld, pair: Pair) -> None:
    """Redis had lost the move to the other one, which brings its record back."""
    ann = world.come(pair[0], "ann", "tea")
    number, other = ann.session.number, pair[1].number
    theirs = msgpack.packb({**record(world, ann), "s": other, "m": 1})
    keys = [world.keys.key(0, it) for it in (f"fence:{other}", "sessions", f"of:{other}", "tok", f"taken:{other}")]
    prefix = world.keys.channel(0, "")
    assert world.redis.call("FCALL", function("put"), len(keys), *keys, number, theirs, "", "", prefix) == 1
    world.until(lambda: ann.over, "the end of the connection")
    assert not pair[0].bus.sessions.by_number
