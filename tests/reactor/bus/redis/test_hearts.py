"""The hearts of the servers, as one of them hears them."""

import msgpack

from pylingo.reactor.bus.redis.hearts import Hearts, ServerState, read_state
from tests.fakes.clock import Clock

PATIENCE = 10.0


def state(beat: int) -> bytes:
    return ServerState(beat, 5, 1, "1.0", "a.example.org:5000").packed()


def test_a_state_is_read_as_it_was_packed_and_more_is_ignored() -> None:
    one = ServerState(1, 2, 3, "1.0", "a.example.org:5000")
    assert read_state(one.packed()) == one
    assert read_state(msgpack.packb([*one, "new"])) == one


def beat(hearts: Hearts, clock: Clock, seconds: int, other: int | None) -> list[int]:
    """Ask once a second; the other server's heart beats from `other` on, or stands still."""
    dead = []
    for second in range(seconds):
        clock.advance(1.0)
        beat = 7 if other is None else other + second
        dead += [server for server, _ in hearts.heard({1: state(second), 2: state(beat)}, 1)]
    return dead


def test_a_heart_that_stands_still_for_the_patience() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    assert beat(hearts, clock, 10, None) == []
    assert beat(hearts, clock, 1, None) == [2]
    assert hearts.states[2].people == 5


def test_the_state_in_which_it_stands_still_is_returned() -> None:
    clock = Clock()
    hearts = Hearts(clock, 1.0)
    for _ in range(2):
        dead = hearts.heard({2: state(7)}, 1)
        clock.advance(1.0)
    assert dead == [(2, state(7))]


def test_hearts_that_beat_and_the_own_one_are_never_given_up() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    assert beat(hearts, clock, 60, 1) == []
    for _ in range(60):
        clock.advance(1.0)
        assert hearts.heard({1: state(3)}, 1) == []


def test_seconds_in_which_redis_hangs_do_not_count() -> None:
    """When it goes on, all hearts stand where they stood before, and beat only afterwards."""
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    beat(hearts, clock, 9, None)
    clock.advance(60.0)
    assert hearts.heard({1: state(1), 2: state(7)}, 1) == []
    assert beat(hearts, clock, 9, None) == []
    assert beat(hearts, clock, 2, None) == [2]


def test_a_broken_connection_begins_the_watch_anew() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    beat(hearts, clock, 10, None)
    hearts.begin_anew()
    assert beat(hearts, clock, 10, None) == []
    assert beat(hearts, clock, 1, None) == [2]


def test_giving_up_is_tried_again_after_the_patience() -> None:
    clock = Clock()
    hearts = Hearts(clock, 5.0)
    assert beat(hearts, clock, 6, None) == [2]
    assert beat(hearts, clock, 4, None) == []
    assert beat(hearts, clock, 1, None) == [2]


def test_a_server_that_took_itself_out_is_forgotten() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    beat(hearts, clock, 2, 1)
    assert sorted(hearts.fresh(3.0)) == [1, 2]
    clock.advance(1.0)
    hearts.heard({1: state(9)}, 1)
    assert (hearts.fresh(3.0), list(hearts.states)) == ([1], [1])


def test_which_hearts_are_fresh() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    beat(hearts, clock, 5, None)
    assert hearts.fresh(3.0) == [1]


def test_a_server_that_said_that_it_ends_is_not_fresh() -> None:
    clock = Clock()
    hearts = Hearts(clock, PATIENCE)
    beat(hearts, clock, 2, 1)
    hearts.forget(2)
    hearts.forget(3)
    assert hearts.fresh(3.0) == [1]
