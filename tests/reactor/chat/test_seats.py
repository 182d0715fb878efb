"""How many seats are kept for connections that broke, and whose goes when there are too many."""

import gc
import itertools
import secrets
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from pylingo.reactor.chat.hub import GRACE
from pylingo.reactor.chat.seats import Seats
from pylingo.shared.messages import Command, Hello, Left, Ready, Users
from tests.fakes.bench import Bench, Wire, benches
from tests.fakes.chat import Alarm, Chat, Person
from tests.support import Peer, ServerProcess, wait_until


class Sitter:
    """Whose seat is kept."""

    def __init__(self, office: "Office", origin: str | None, name: str) -> None:
        self.origin = origin
        self.name = name
        self._office = office

    def expire(self) -> None:
        self._office.seats.give_up(self)
        self._office.expired.append(self.name)


class Office:
    """Seats whose time the test moves."""

    def __init__(self, most: int = 0, most_per_origin: int = 0) -> None:
        self.now = 0.0
        self.expired: list[str] = []
        self.seats = Seats(60.0, lambda delay, ring: Alarm(self.now + delay, ring), lambda: self.now)
        self.seats.most, self.seats.most_per_origin = most, most_per_origin

    def keep(self, origin: str | None, name: str) -> bool:
        return self.seats.keep(Sitter(self, origin, name))


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


# --- the bounds -------------------------------------------------------------------------------------------------


def test_of_one_origin_the_oldest_goes_first_once_it_was_kept_for_half_of_the_grace_time():
    office = Office(most_per_origin=2)
    assert office.keep("a", "one")
    office.now = 10.0
    assert office.keep("a", "two")
    office.now = 29.9
    assert not office.keep("a", "young")
    assert office.expired == []
    office.now = 30.0
    assert office.keep("a", "three")
    assert office.expired == ["one"]
    assert not office.keep("a", "young")
    assert office.keep("b", "other")
    office.now = 40.0
    assert office.keep("a", "four")
    assert office.expired == ["one", "two"]
    assert len(office.seats) == 3


def test_in_all_the_own_oldest_goes_first_and_else_the_oldest():
    office = Office(most=3)
    for name in ("a1", "b1", "a2"):
        assert office.keep(name[0], name)
        office.now += 10.0
    assert office.keep("a", "a3")  # the oldest of all is its own, and 30 s old
    assert not office.keep("a", "a4")
    assert office.expired == ["a1"]
    assert office.keep("c", "c1")
    assert office.expired == ["a1", "b1"]
    assert not office.keep("c", "c2")
    office.now = 60.0
    assert office.keep("c", "c3")  # a2 is older, but another's
    assert office.expired == ["a1", "b1", "c1"]
    assert len(office.seats) == 3


def test_where_no_bound_for_one_origin_holds_the_one_for_all_does():
    office = Office(most=5, most_per_origin=1)
    assert [office.keep(None, f"{number}") for number in range(7)] == [True] * 5 + [False] * 2
    office.now = 30.0
    assert office.keep(None, "late")
    assert office.expired == ["0"]


def test_the_least_bound_for_all_is_one_seat():
    office = Office(most=1)
    assert [office.keep("a", "one"), office.keep("a", "two"), office.keep("b", "other")] == [True, False, True]
    assert office.expired == ["one"]
    assert len(office.seats) == 1


def test_seats_that_are_not_kept_are_counted():
    office = Office(most_per_origin=1)
    assert [office.keep("a", f"{number}") for number in range(3)] == [True, False, False]
    assert office.seats.refused == 2


@pytest.mark.parametrize("most", [0, 1_000])
def test_no_bound(most):
    office = Office(most=most)
    assert all(office.keep("a", "x") for _ in range(1_000))


def test_a_seat_given_up_makes_place_and_nothing_is_left_of_it():
    office = Office(most=2, most_per_origin=2)
    for _ in range(100):
        for origin in ("a", None):
            sitter = Sitter(office, origin, "x")
            assert office.seats.keep(sitter)
            office.seats.give_up(sitter)
    assert len(office.seats) == 0
    assert office.seats.origins == 0


def test_without_a_grace_time_or_timers_there_are_none():
    for seats in (Seats(0.0, lambda *_: Alarm(0.0, print), lambda: 0.0), Seats(60.0, None, lambda: 0.0)):
        assert not seats.keep(Sitter(Office(), None, "x"))
        assert len(seats) == 0


# --- sessions ---------------------------------------------------------------------------------------------------


def seated(chat: Chat, name: str, origin: str | None, room: str = "tea") -> tuple[Person, str]:
    person = Person(chat.hub, origin=origin)
    person.ask(Hello(1, name), Command("join", room))
    chat.tick()
    return person, next(record.token for record in person.got() if type(record) is Ready)


def resume(chat: Chat, token: str, origin: str | None) -> tuple[Person, Ready]:
    person = Person(chat.hub, origin=origin)
    person.got()
    person.ask(Hello(1, "nobody", resume=token))
    chat.tick()
    ready = person.got()[0]
    assert type(ready) is Ready
    return person, ready


def test_the_room_sees_whose_seat_went_and_the_name_is_free(chat):
    chat.hub.seats.most_per_origin = 1
    bob = chat.person("bob", "tea")
    alice, token = seated(chat, "alice", "a")
    anne, kept = seated(chat, "anne", "a")
    bob.got()
    alice.lose()
    chat.wait(GRACE / 2)
    anne.lose()
    chat.tick()
    assert bob.got() == [Left("tea", "alice", "lost")]
    assert len(chat.hub) == 2
    assert not resume(chat, token, "a")[1].resumed
    assert resume(chat, kept, "a")[1].resumed


@pytest.mark.parametrize("reason", ["lost", "idle", "stalled", "frame-timeout"])
def test_a_session_that_gets_no_seat_leaves_at_once(chat, reason):
    chat.hub.seats.most_per_origin = 1
    bob = chat.person("bob", "tea")
    seated(chat, "alice", "a")[0].lose()
    anne, token = seated(chat, "anne", "a")
    bob.got()
    if reason == "lost":
        anne.lose()
    else:
        anne.session.end(reason, "why")
    chat.tick()
    assert bob.got() == [Left("tea", "anne", reason)]
    assert not resume(chat, token, "a")[1].resumed
    bob.ask(Command("users"))
    assert bob.got() == [Users("tea", ["alice", "bob"], False, operators=["bob"])]


def test_a_client_that_keeps_coming_and_going_gets_no_seat(chat):
    """However often: nothing but the first few seats is left of it."""
    chat.hub.seats.most_per_origin = 4
    for number in range(1_000):
        seated(chat, f"n{number}", "a", f"room{number}")[0].lose()
        chat.wait(0.01)
    assert len(chat.hub.seats) == len(chat.hub) == len(chat.hub.rooms) == 4
    assert {session.person.name for session in chat.hub.sessions()} == {"n0", "n1", "n2", "n3"}
    assert seated(chat, "other", "b")[0].lose() is None
    chat.wait(GRACE)
    assert len(chat.hub) == len(chat.hub.rooms) == len(chat.hub.directory.keys) == 0
    assert len(chat.hub.tokens) == 0


def test_a_session_that_resumes_repeatedly_has_one_seat_at_a_time(chat):
    chat.hub.seats.most_per_origin = 1
    person, token = seated(chat, "alice", "a")
    for origin in ("a", "b", None, "a", "a"):
        person.lose()
        chat.tick()
        assert len(chat.hub.seats) == 1
        person, ready = resume(chat, token, origin)
        assert ready.resumed
        assert len(chat.hub.seats) == 0
        assert person.session.origin == origin


def test_a_seat_counts_where_its_connection_came_from_last(chat):
    chat.hub.seats.most_per_origin = 1
    _, token = seated(chat, "alice", "a")
    moved, _ = resume(chat, token, "b")  # from a connection that looks alive
    moved.lose()
    chat.tick()
    seated(chat, "anne", "a")[0].lose()
    chat.tick()
    assert len(chat.hub.seats) == 2
    seated(chat, "bert", "b")[0].lose()
    chat.tick()
    assert len(chat.hub.seats) == 2


def test_nothing_is_left_of_seats_when_the_server_stops(chat):
    for number in range(3):
        seated(chat, f"n{number}", "a")[0].lose()
    chat.tick()
    for session in chat.hub.sessions():
        session.shut_down("bye")
    chat.tick()
    assert len(chat.hub.seats) == 0
    assert all(alarm.cancelled for alarm in chat.alarms)


# --- connections ------------------------------------------------------------------------------------------------


@pytest.fixture
def bench() -> Iterator[Any]:
    with benches() as make:
        yield make


def come_and_go(desk: Bench, number: int, host: str) -> Wire:
    wire = desk.connect((host, 40_000 + number))
    wire.send(Hello(1, f"n{host[-1]}{number}"), Command("join", f"room{host[-1]}{number}"))
    desk.turn()
    wire.hang_up()
    desk.turn()
    return wire


def test_the_bound_for_connections_of_an_address_is_that_of_its_seats(bench):
    desk = bench(max_per_address=3)
    for number in range(10):
        for host in ("10.0.0.1", "2001:db8::1", "2001:db8::2", "127.0.0.1"):
            come_and_go(desk, number, host)
    assert len(desk.server.hub.seats) == 3 + 3 + 10  # one /64 is one address, loopback is exempt
    assert desk.connect(("10.0.0.1", 50_000)).got()  # seats keep nobody out


def test_a_seat_takes_no_more_memory_than_the_readme_says(bench):
    """4 KiB with a room of its own, both with the longest names: letters beyond the BMP take four bytes each."""
    letters = [chr(code) for code in range(0x10C00, 0x10C20)]
    pairs = ["".join(pair) for pair in itertools.product(letters, letters)]
    desk = bench()

    def come_and_go(pair: str) -> None:
        wire = desk.connect()
        name, room = (pair.rjust(longest, letters[0]) for longest in (32, 64))
        wire.send(Hello(1, name, resume=secrets.token_hex(16)), Command("join", room))
        desk.turn()
        wire.hang_up()
        desk.turn()
        desk.wires.clear()

    for pair in pairs[:24]:
        come_and_go(pair)
    gc.collect()
    tracemalloc.start()
    try:
        for pair in pairs[24:]:
            come_and_go(pair)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(desk.server.hub.seats) == len(desk.server.hub.rooms) == 1_024
    assert 1_000 < taken / 1_000 < 4_096


def test_without_exemption_the_bound_holds_for_loopback(bench, caplog):
    desk = bench(max_per_address=3, exempt=())
    for number in range(10):
        come_and_go(desk, number, "127.0.0.1")
    assert len(desk.server.hub.seats) == len(desk.server.hub.rooms) == 3
    caplog.set_level("INFO")
    desk.server.log_counters()
    assert "; accepted 10, lost 10, no-seat 7, seats 3; " in caplog.text


def test_the_bound_for_all(bench):
    desk = bench(max_seats=5)
    for number in range(10):
        come_and_go(desk, number, "127.0.0.1")
    assert len(desk.server.hub.seats) == 5


@pytest.mark.parametrize(("options", "most"), [((), 7), (("--max-seats", "3"), 3)], ids=["default", "given"])
def test_a_server_keeps_as_many_seats_as_it_takes_connections_unless_told(options, most):
    with ServerProcess("--max-connections", "7", *options) as server:
        for number in range(12):
            with Peer(server.port) as peer:
                peer.hello(f"n{number}")
                peer.join("tea")
        with Peer(server.port) as peer:
            peer.join("tea")

            def here() -> int:
                peer.send(Command("users"))
                return len(peer.until(Users).users) - 1

            wait_until(lambda: here() == most, "the seats that are kept")
            peer.fence()
            assert here() == most


def test_giving_up_a_seat_that_is_not_kept_changes_nothing():
    office = Office(2, 2)
    ada, bob = Sitter(office, "10.1.1.1", "ada"), Sitter(office, "10.1.1.1", "bob")
    assert office.seats.keep(ada)
    office.seats.give_up(bob)
    assert (len(office.seats), office.seats.origins) == (1, 1)
    office.seats.give_up(ada)
    office.seats.give_up(ada)
    assert (len(office.seats), office.seats.origins) == (0, 0)


def test_a_seat_of_another_process_is_kept_for_the_rest_of_its_time():
    office = Office(most=1)
    old, new = Sitter(office, "a", "old"), Sitter(office, "a", "new")
    assert office.seats.keep(new)
    office.seats.keep_for(old, 10.0)  # beyond the bound
    assert office.seats.left(old) == 10.0
    office.now += 4
    assert (office.seats.left(old), office.seats.left(new)) == (6.0, 56.0)
    office.seats.grace = 5.0  # changes nothing for those that are kept
    assert (office.seats.left(old), office.seats.left(new)) == (6.0, 56.0)
    office.now += 100
    assert office.seats.left(old) == 0.0
    office.seats.give_up(old)
    assert office.seats.left(old) is None


def test_without_a_clock_no_seat_of_another_process_is_kept():
    seats = Seats(60.0, None, lambda: 0.0)
    office = Office()
    sitter = Sitter(office, None, "ada")
    seats.keep_for(sitter, 10.0)
    assert len(seats) == 0
