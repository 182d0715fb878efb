"""Seats that change their server: asked for, given, taken from a server that is gone, and lost."""

import re

from pylingo.reactor.bus.redis.blob import Event
from pylingo.reactor.bus.redis.library import function
from pylingo.reactor.bus.redis.seats import TravellingSeats
from pylingo.reactor.bus.redis.sessions import read_record
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    Joined,
    Left,
    Message,
    Private,
    Ready,
    Say,
    Sent,
    Users,
)
from tests.fakes.chat import Person
from tests.fakes.cluster import ChatServer, ClusterWorld
from tests.support import wait_until

type Pair = tuple[ChatServer, ChatServer]


def texts(records: list) -> list[str]:
    return [it.text for it in records if isinstance(it, Message | Private)]


def seats(server: ChatServer) -> TravellingSeats:
    return server.bus.seats


def left(records: list) -> list[Left]:
    return [it for it in records if isinstance(it, Left)]


# --- resuming on another server


def test_a_session_goes_on_elsewhere_with_its_name_and_its_rooms(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea", "rum"), world.come(pair[1], "bob", "tea", "rum")
    world.got(ann)
    ann.lose()
    back, ready = world.resume(pair[1], world.token(ann))
    assert (ready.resumed, ready.name, ready.room, ready.rooms) == (True, "ann", "rum", ["rum", "tea"])
    assert left(world.got(bob)) == []
    world.ask(back, Say("here"))
    assert texts(world.got(bob)) == ["here"]
    world.ask(bob, Say("welcome", room="tea"))
    assert texts(world.got(back)) == ["welcome"]
    assert [list(server.bus.sessions.by_number.values()).count(back.session) for server in pair] == [0, 1]


def test_the_old_connection_is_told_that_it_was_replaced(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    back, ready = world.resume(pair[1], world.token(ann))
    assert ready.resumed
    (goodbye,) = ann.got()
    assert isinstance(goodbye, Goodbye)
    assert (goodbye.reason, ann.endings) == ("replaced", ["replaced"])
    assert back.name == "ann"


def test_what_was_said_before_is_in_order_and_not_lost(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    token = world.token(ann)
    ann.ask(*(Say(str(index)) for index in range(5)))
    back, _ = world.resume(pair[1], token)
    world.ask(back, Say("5"))
    assert texts(world.got(bob)) == [str(index) for index in range(6)]


def test_a_message_said_again_elsewhere_is_not_doubled(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    token = world.token(ann)
    ann.ask(Say("once", id=1, key="k"))
    back, _ = world.resume(pair[1], token)
    (sent,) = [it for it in world.ask(back, Say("once", id=2, key="k")) if isinstance(it, Sent)]
    assert texts(world.got(bob)) == ["once"]
    assert sent.re == 2


def test_private_words_find_who_has_moved(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[0], "bob")
    back, _ = world.resume(pair[1], world.token(ann))
    world.ask(bob, Say("psst", to="ann"))
    assert texts(world.got(back)) == ["psst"]


def test_there_and_back_again(world: ClusterWorld, pair: Pair) -> None:
    person, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    for index in range(4):
        person, ready = world.resume(pair[(index + 1) % 2], world.token(person))
        assert (ready.resumed, ready.name, ready.rooms) == (True, "ann", ["tea"])
        world.ask(person, Say(str(index)))
    records = world.got(bob)
    assert (texts(records), left(records)) == (["0", "1", "2", "3"], [])
    person.session.end("close", "bye")
    world.settle()
    assert [it.name for it in left(bob.got())] == ["ann"]
    world.come(pair[0], "ann")  # the name is free


def test_a_session_that_came_back_stays_when_its_server_loses_redis_for_a_moment(
    world: ClusterWorld, pair: Pair
) -> None:
    person, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    for server in (pair[1], pair[0]):
        person, _ = world.resume(server, world.token(person))
    world.lose_links(pair[0])
    world.ask(person, Say("still here"))
    assert texts(world.got(bob)) == ["still here"]
    assert person.endings == []


def test_an_unknown_token_is_nobodys(world: ClusterWorld, pair: Pair) -> None:
    _, ready = world.resume(pair[1], "0" * 32)
    assert not ready.resumed


def test_the_seat_of_another_identity_stays_where_it_is(world: ClusterWorld, pair: Pair) -> None:
    ada = world.device(pair[0], "ada", "word", "tea")
    _, ready = world.resume(pair[1], world.token(ada))
    assert not ready.resumed
    assert (ada.got(), ada.endings, ada.over) == ([], [], False)


def test_a_seat_that_was_given_to_a_server_that_died_is_not_kept_for_ever(world: ClusterWorld) -> None:
    one, other = world.server(grace=0.5), world.server()
    ann, bob = world.come(one, "ann", "tea"), world.come(one, "bob", "tea")
    number = ann.session.number
    one.bus.signals.send(one.number, lambda it: None, "give", number, 999, 1)
    world.until(lambda: left(bob.got()), "the end of the seat")
    world.settle()
    assert world.stored("HGET", "sessions", number) is None
    world.come(other, "ann")  # the name is free


def test_what_was_said_while_a_server_was_away_is_not_said_twice(world: ClusterWorld, pair: Pair) -> None:
    """The session was taken from it meanwhile, and says it again on the other server."""
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.ask(ann, Say("first", id=9, key="k9"))  # from now on, keys of the room are not looked up in Redis
    token = world.token(ann)
    back = Person(pair[1].hub)
    world.kill_links(pair[0])
    world.until(lambda: not pair[0].cluster.deployment.is_up)
    ann.ask(*(Say(str(index), id=index, key=f"k{index}") for index in range(3)))
    back.ask(Hello(1, None, resume=token))

    def has_come() -> bool:
        world.kill_links(pair[0])
        return back.name == "ann"

    world.until(has_come)
    back.ask(*(Say(str(index), id=index, key=f"k{index}") for index in range(3)))
    world.come_back(pair[0])
    world.settle()
    assert texts(bob.got()) == ["first", "0", "1", "2"]


def test_the_token_of_somebody_who_has_left_is_nobodys(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    token = world.token(ann)
    ann.session.end("close", "bye")
    world.settle()
    _, ready = world.resume(pair[1], token)
    assert not ready.resumed


def test_two_who_resume_one_seat_at_once_on_two_servers(world: ClusterWorld, pair: Pair) -> None:
    third = world.server()
    ann = world.come(pair[0], "ann", "tea")
    token = world.token(ann)
    people = [Person(server.hub) for server in (pair[1], third)]
    for person in people:
        person.ask(Hello(1, None, resume=token))
    for person in people:
        world.got(person)
    with_name = [it for it in people if it.name == "ann" and it.session.peer is it]
    assert len(with_name) <= 1
    mine = sum(ann.session.number in server.bus.sessions.by_number for server in world.servers)
    assert mine <= 1


def test_one_who_gives_up_while_the_seat_is_on_its_way_leaves_it_for_the_grace_time(
    world: ClusterWorld, pair: Pair
) -> None:
    """The connection that wanted it breaks. The seat has moved, and can be resumed."""
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    token = world.token(ann)
    fleeting = Person(pair[1].hub)
    fleeting.ask(Hello(1, None, resume=token))
    fleeting.lose()
    world.settle()
    back, ready = world.resume(pair[1], token)
    assert (ready.resumed, back.name) == (True, "ann")
    assert left(world.got(bob)) == []


def test_a_seat_whose_connection_gave_up_expires(world: ClusterWorld) -> None:
    """Nobody comes back for it: the rooms are told."""
    one, other = world.server(), world.server(grace=0.3)
    ann, bob = world.come(one, "ann", "tea"), world.come(one, "bob", "tea")
    fleeting = Person(other.hub)
    fleeting.ask(Hello(1, None, resume=world.token(ann)))
    fleeting.lose()
    world.until(lambda: left(bob.got()), "the end of the seat")
    world.settle()
    assert len(other.hub) == 0
    world.come(one, "ann")


# --- servers that are gone


def test_a_server_that_is_not_connected_is_not_waited_for(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    token = world.token(ann)
    world.cut(pair[0])
    back, ready = world.resume(pair[1], token)
    assert (ready.resumed, ready.rooms) == (True, ["tea"])
    world.ask(back, Say("alive"))
    records = world.got(bob)
    assert (texts(records), left(records)) == (["alive"], [])


def test_the_seats_of_a_server_that_was_given_up_are_kept_for_the_grace_time(world: ClusterWorld) -> None:
    one, other = world.server(patience=1.0), world.server(grace=2.0, patience=1.0)
    ann, eve, bob = world.come(one, "ann", "tea"), world.come(one, "eve", "tea"), world.come(other, "bob", "tea")
    token = world.token(ann)
    world.cut(one)
    world.until(lambda: world.stored("HGET", "servers", one.number) is None, "the end of the patience")
    back, ready = world.resume(other, token)
    assert ready.resumed
    assert left(world.got(bob)) == []
    gone = world.until(lambda: left(bob.got()), "the end of the grace time")
    assert [(it.name, it.reason) for it in gone] == [(eve.name, "lost")]
    world.settle()
    assert [it.users for it in world.ask(back, Command("users")) if isinstance(it, Users)] == [["ann", "bob"]]
    world.come(other, "eve")  # whose name is free


def test_what_was_taken_while_a_server_was_away_is_dropped_there(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[1], "bob", "tea")
    token = world.token(ann)
    back = Person(pair[1].hub)
    back.ask(Hello(1, None, resume=token))

    def has_come() -> bool:
        world.kill_links(pair[0])
        return back.name == "ann"

    world.until(has_come)
    world.come_back(pair[0])
    assert ann.endings == ["replaced"]
    assert len(pair[0].hub) == 0
    records = world.got(bob)
    assert left(records) == []


# --- one owner at any moment


def gone(world: ClusterWorld, server: ChatServer, *rest: ChatServer) -> ChatServer:
    """A server ends, and another one keeps its seats: return that."""
    world.cut(server)
    rest[0].bus.signals.send_all("stopping", server.number)
    return world.until(lambda: next((it for it in rest if it.cluster.counters.servers_reaped), None), "the reaper")


def test_a_seat_that_is_kept_goes_to_one_server(world: ClusterWorld) -> None:
    """The server that keeps it has read that it has the seat, when another one takes it."""
    one, *rest = world.server(), world.server(), world.server()
    ann = world.come(one, "ann", "tea")
    number, token = ann.session.number, world.token(ann)
    keeper = gone(world, one, *rest)
    (other,) = {*rest} - {keeper}
    back = Person(keeper.hub)
    world.settle()
    before = hgets(world)
    back.ask(Hello(1, None, resume=token))
    while hgets(world) < before + 2:  # of the token, and of the record
        known = hgets(world)
        world.reactor.tick(0.01)
        wait_until(lambda known=known: hgets(world) > known, "the next step", 5)
    rests = [f"fence:{other.number}", "sessions", f"of:{keeper.number}", f"of:{other.number}", "taken:0", "taken:1"]
    keys = [world.keys.key(0, it) for it in rests]
    assert world.redis.call("FCALL", function("take"), len(keys), *keys, number, keeper.number, other.number, 1)
    world.got(back)
    owner = read_record(world.stored("HGET", "sessions", number))["s"]
    assert [server.number for server in rest if number in server.bus.sessions.by_number] == [owner]


def hgets(world: ClusterWorld) -> int:
    """How many HGET Redis has answered."""
    found = re.search(rb"cmdstat_hget:calls=(\d+)", world.redis.call("INFO", "commandstats"))
    return int(found[1]) if found is not None else 0


def test_two_who_come_back_to_the_server_that_keeps_their_seat(world: ClusterWorld) -> None:
    one, *rest = world.server(), world.server(), world.server()
    ann = world.come(one, "ann", "tea")
    number, token = ann.session.number, world.token(ann)
    keeper = gone(world, one, *rest)
    backs = [Person(server.hub) for server in (keeper, *rest, keeper)]
    for back in backs:
        back.ask(Hello(1, None, resume=token))
    for back in backs:
        world.got(back)
    assert [back.name for back in backs if not back.over].count("ann") == 1
    assert sum(number in server.bus.sessions.by_number for server in rest) == 1


def test_what_another_server_has_taken_is_not_put_out_of_its_rooms(world: ClusterWorld, pair: Pair) -> None:
    """Its grace time was over here, and Redis away, when another server took it."""
    ann, bob = world.come(pair[1], "ann", "tea"), world.come(pair[1], "bob", "tea")
    world.kill_links(pair[0])
    world.until(lambda: not pair[0].cluster.deployment.is_up)
    pair[0].bus.rooms.propose("tea", Event(op=["leave", ann.session.number, "lost", None, None]))
    seats(pair[0]).taken([ann.session.number])
    world.come_back(pair[0])
    world.settle()
    assert left(bob.got()) == []


def test_one_that_is_given_away_while_it_enters_a_room_stays_in_it(world: ClusterWorld, pair: Pair) -> None:
    ann, bob, eve = (world.come(pair[0], name, room) for name, room in (("ann", "tea"), ("bob", "rum"), ("eve", "rum")))
    world.got(bob)
    ann.ask(Command("open", "rum"))
    seats(pair[0]).give_away(ann.session)
    records = world.got(bob)
    assert [it.name for it in records if isinstance(it, Joined)] == ["ann"]
    assert left(records) == left(world.got(eve)) == []


def test_one_that_enters_a_room_of_which_its_new_server_does_not_know_leaves_it(
    world: ClusterWorld, pair: Pair
) -> None:
    ann, bob = world.come(pair[0], "ann", "tea"), world.come(pair[0], "bob", "rum")
    session, number = ann.session, ann.session.number
    seats(pair[0]).give_away(session)
    pair[0].bus.rooms.propose("rum", Event(op=["join", number, "ann", None, None]), session)
    world.until(lambda: left(bob.got()), "the end of the stray")


# --- what must not be lost on the way


def test_two_connections_for_one_seat_wait_until_it_is_in_its_rooms(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea", "rum")
    token = world.token(ann)
    ann.lose()
    backs = [Person(pair[1].hub) for _ in range(3)]
    for back in backs:
        back.ask(Hello(1, "ann", resume=token))
    (ready, *_) = [it for it in world.got(backs[-1]) if isinstance(it, Ready)]
    assert (ready.resumed, ready.token, ready.rooms) == (True, token, ["rum", "tea"])


def test_an_entrance_is_known_before_it_happens(world: ClusterWorld, pair: Pair) -> None:
    """A server that takes the session looks for its rooms in its record."""
    ann = world.come(pair[0], "ann", "tea")
    ann.ask(Command("open", "rum", id=1))
    number = ann.session.number
    rooms: list[int] = []
    world.until(lambda: rooms.append(len(ann.session.rooms)) or b"rum" in world.stored("HGET", "sessions", number))
    assert max(rooms) == 1, "it had entered before its record was written"
    world.got(ann)


def test_the_inbox_of_a_session_ends_with_it_and_only_then(world: ClusterWorld, pair: Pair) -> None:
    ann, bob = world.come(pair[0], "ann"), world.come(pair[1], "bob")
    world.ask(ann, Say("psst", to="bob"))
    place = f"p:@{ann.session.number}"
    back, _ = world.resume(pair[1], world.token(ann))
    world.settle()
    assert world.stored("XLEN", place) == 1
    world.ask(back, Command("close"))
    world.until(lambda: world.stored("EXISTS", place) == 0, "the end of the inbox")
    assert world.stored("XLEN", f"p:@{bob.session.number}") == 1


def test_a_seat_that_is_taken_on_before_it_has_its_place_is_not_resumed(world: ClusterWorld, pair: Pair) -> None:
    ann = world.come(pair[0], "ann", "tea")
    number, back = ann.session.number, Person(pair[1].hub)
    back.ask(Hello(1, None, resume=world.token(ann)))
    world.until(lambda: number in pair[1].bus.sessions.by_number)
    assert not pair[1].hub.rooms, "it has no place yet"
    seats(pair[1]).taken([number])
    (ready,) = [it for it in world.got(back) if isinstance(it, Ready)]
    assert (ready.resumed, ready.rooms) == (False, [])
    assert len(pair[1].hub.seats) == 0
