"""When a busy loop rests and for how long, with turns and times that the test hands in."""

import socket
import time

import pytest

from pylingo.reactor.engine.coalescing import BUSY, CALM, PATIENCE, WINDOW, Coalescer, Load, UrgentDescriptors
from tests.support import DEADLINE

LONGEST = 0.005


class World:
    """A loop whose turns the test makes. `now` is its clock; `waited` are the rests before the turns."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.coalescer = Coalescer(longest)
        self.now = 1_000.0
        self.waited: list[float] = []

    def turn(self, work: float, events: int = 4) -> float:
        """Rest as long as the coalescer says, then work. Returns the rest."""
        rest = self.coalescer.rest(self.now)
        self.now += rest
        begin = self.now
        self.now += work
        self.coalescer.turned(begin, self.now, events)
        self.waited.append(rest)
        return rest

    def run(self, seconds: float, work: float, idle: float = 0.0, events: int = 4) -> None:
        """Turns with so much work each, and `idle` seconds in the selector after each, for so many seconds."""
        end = self.now + seconds
        while self.now < end:
            self.turn(work, events)
            self.now += idle

    def get_busy(self) -> None:
        self.run(3 * WINDOW, 0.001)
        assert self.coalescer.load is Load.BUSY
        self.waited.clear()


@pytest.fixture
def world() -> World:
    return World()


def test_one_person_who_types_is_never_delayed(world: World) -> None:
    for _ in range(200):
        world.turn(0.001, events=1)
        world.now += 0.1
    assert set(world.waited) == {0.0}


@pytest.mark.parametrize(("share", "rests"), [(BUSY * 0.9, False), (BUSY * 1.1, True)])
def test_it_rests_above_a_share_of_work(world: World, share: float, rests: bool) -> None:
    world.run(3 * WINDOW, 0.001, 0.001 / share - 0.001)
    assert (world.coalescer.load is Load.BUSY) == rests


def test_turns_begin_so_far_apart_and_no_farther(world: World) -> None:
    world.get_busy()
    for work in (0.001, 0.004, 0.0049, 0.005, 0.02):
        world.turn(work)
    assert world.waited[1:] == pytest.approx([0.004, 0.001, 0.0001, 0.0])  # before the next one each


def test_the_first_message_after_a_silence_goes_at_once_and_the_second_one_too_when_it_was_long(world: World) -> None:
    world.get_busy()
    world.now += LONGEST
    assert world.turn(0.001) == 0.0
    assert world.coalescer.load is Load.BUSY
    world.now += 1.0
    assert [world.turn(0.001), world.turn(0.001)] == [0.0, 0.0]
    assert world.coalescer.load is Load.CALM


def test_it_goes_on_while_resting_halves_the_share(world: World) -> None:
    world.get_busy()
    world.run(1.0, LONGEST * (CALM + BUSY) / 2)
    assert world.coalescer.load is Load.BUSY
    world.run(3 * WINDOW, LONGEST * CALM * 0.9)
    assert world.coalescer.load is Load.CALM


def test_a_conversation_of_one_peer_is_slowed_down_for_a_moment_and_then_left_alone(world: World) -> None:
    world.run(PATIENCE, 0.001, events=1)
    rests = [rest for rest in world.waited if rest]
    assert 0 < sum(rests) <= 2 * WINDOW
    world.waited.clear()
    world.run(PATIENCE, 0.001, events=1)  # it is tried again, as seldom
    assert sum(world.waited) <= 2 * WINDOW


def test_a_rest_that_was_ended_says_nothing_about_its_use(world: World) -> None:
    world.get_busy()
    for _ in range(100):
        rest = world.coalescer.rest(world.now)
        begin = world.now + rest / 4
        world.now = begin + 0.001
        world.coalescer.turned(begin, world.now, 1)
    assert world.coalescer.load is Load.BUSY


def test_a_turn_that_has_left_something_is_followed_by_the_next_one_at_once(world: World) -> None:
    world.get_busy()
    world.coalescer.hurry()
    assert world.turn(0.001) == 0.0
    assert world.turn(0.001) == pytest.approx(0.004)


def test_never() -> None:
    world = World(0.0)
    world.run(1.0, 0.001)
    assert set(world.waited) == {0.0}


def test_a_change_holds_from_the_next_turn_on(world: World) -> None:
    world.get_busy()
    world.turn(0.001)
    world.coalescer.longest = 0.0
    assert world.turn(0.001) == 0.0


# --- descriptors ------------------------------------------------------------------------------------------------


def test_an_urgent_descriptor_ends_a_rest() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        urgent = UrgentDescriptors()
        urgent.add(ours.fileno())
        theirs.send(b"x")
        start = time.monotonic()
        urgent.rest(DEADLINE)
        assert time.monotonic() - start < DEADLINE
        urgent.discard(ours.fileno())
        urgent.discard(ours.fileno())
        urgent.rest(0.001)  # returns although there is none
        urgent.rest(0.0009)
