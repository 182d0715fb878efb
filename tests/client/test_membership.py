"""The rooms that we are in, the rooms that we want, and the way from the ones to the others."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.features import ROOMS
from pylingo.client.membership import Membership, bare, moved, without
from pylingo.shared.messages import Command, Joined


def member(*rooms: str) -> Membership:
    """Somebody who is in these rooms."""
    membership = Membership(rooms)
    membership.ready(rooms)
    assert membership.restoration({ROOMS}) == []
    assert membership.restored() == []
    return membership


def joined(room: str, number: int | None = None) -> Joined:
    return Joined(room, "ada", 1, number)


MOVED = [
    (Command("join", "c"), ["c", "b"]),
    (Command("join", "b"), ["b"]),
    (Command("join", "A"), ["A", "b"]),
    (Command("join", "c", room="b"), ["c", "a"]),
    (Command("join", " #c "), ["c", "b"]),
    (Command("join", " "), ["a", "b"]),
    (Command("open", "c"), ["c", "a", "b"]),
    (Command("open", "b"), ["b", "a"]),
    (Command("open"), ["a", "b"]),
    (Command("leave"), ["b"]),
    (Command("leave", room="B"), ["a"]),
    (Command("leave", "b"), ["a", "b"]),
    (Command("users"), ["a", "b"]),
]


@pytest.mark.parametrize(("command", "rooms"), MOVED, ids=lambda value: str(value))
def test_rooms_after_a_move(command: Command, rooms: list[str]) -> None:
    assert moved(["a", "b"], command) == rooms


def test_a_move_from_nowhere() -> None:
    assert moved([], Command("join", "a")) == ["a"]
    assert moved([], Command("leave")) == []


def test_names_are_compared_as_the_server_does() -> None:
    assert bare(" #Tea") == "Tea"
    assert bare(None) == ""
    assert without(["Tea", "pool"], ["TEA"]) == ["pool"]
    assert Membership(["Tea", "pool", "tea", "#pool"]).wanted == ["Tea", "pool"]


def test_a_move_is_wanted_from_the_moment_it_is_sent() -> None:
    membership = member("a", "b")
    assert (membership.wanted_current, membership.places) == ("a", {"a", "b"})
    membership.sent(Command("open", "c", 1))
    membership.sent(Command("leave", None, 2, room="b"))
    membership.sent(Command("users", None, 3))
    assert (membership.rooms, membership.wanted) == (["a", "b"], ["c", "a"])
    membership.joined(joined("C", 1))
    assert membership.rooms == ["C", "a", "b"]
    membership.left("b", "C", 2)
    assert membership.rooms == membership.wanted == ["C", "a"]
    assert Membership([]).wanted_current is None


def test_a_move_that_is_refused_is_no_longer_wanted() -> None:
    membership = member("a")
    membership.sent(Command("join", "#b", 1))
    membership.sent(Command("leave", None, 2))
    assert membership.wanted == []
    assert membership.refused(1) == "b"
    assert membership.wanted == []
    assert membership.refused(2) is None
    assert membership.wanted == ["a"]
    assert membership.refused(None) is membership.refused(7) is None


def test_only_moves_are_remembered() -> None:
    membership = member("a")
    membership.sent(Command("users", None, 1))
    assert membership.refused(1) is None
    membership.sent(Command("open", "b"))
    assert membership.wanted == ["a"], "without an id it is not known when it is answered"


def test_the_server_says_which_room_is_current_after_a_leave() -> None:
    membership = member("a", "b", "c")
    membership.left("a", "c", None)
    assert membership.rooms == ["c", "b"]
    membership.left("b", None, None)
    assert membership.rooms == ["c"]


def test_a_leave_is_done_once() -> None:
    membership = member("a", "b", "c")
    membership.sent(Command("leave", None, 1))
    assert membership.wanted == ["b", "c"]
    membership.left("a", "b", 1)
    assert membership.wanted == ["b", "c"]
    membership.sent(Command("leave", None, 2))
    membership.disconnected()
    assert membership.wanted == ["c"]


def test_an_answer_without_an_id_is_for_the_oldest_move() -> None:
    membership = member("a")
    membership.sent(Command("open", "b", 1))
    membership.sent(Command("join", "c", 2))
    membership.joined(joined("b"))
    assert membership.rooms == ["b", "a"]
    membership.joined(joined("c"))
    assert membership.rooms == ["c", "a"]


def test_a_join_that_nobody_asked_for_is_a_move() -> None:
    membership = member("a")
    membership.joined(joined("b", 9))
    assert membership.rooms == ["b"]


# --- a new connection


def test_all_rooms_are_entered_and_the_current_one_last() -> None:
    membership = Membership(["a", "b", "c"])
    membership.ready([])
    commands = membership.restoration({ROOMS})
    assert commands == [Command("open", "c"), Command("open", "b"), Command("open", "a")]
    assert not membership.is_entering
    for number, command in enumerate(commands, 1):
        membership.entered(Command(command.name, command.argument, number))
    assert membership.refused(2) == "b"
    assert membership.is_entering
    for number, room in ((1, "c"), (3, "a")):
        membership.joined(joined(room, number))
    assert not membership.is_entering
    assert membership.restored() == []
    assert membership.rooms == membership.wanted == ["a", "c"]


def test_a_room_that_was_refused_is_not_entered_on_the_next_connection() -> None:
    membership = Membership(["a", "b"])
    membership.ready([])
    membership.entered(Command("open", "b", 1))
    membership.entered(Command("open", "a", 2))
    membership.refused(1)
    membership.disconnected()
    assert membership.wanted == ["a"]


def test_rooms_that_are_not_wanted_any_more_are_left() -> None:
    membership = Membership(["a"])
    membership.ready(["c", "a", "b"])
    assert membership.restoration({ROOMS}) == []
    assert membership.restored() == [Command("leave", room="c"), Command("leave", room="b")]


def test_a_wanted_room_takes_the_place_of_one_that_is_not() -> None:
    membership = Membership(["b", "c"])
    membership.ready(["a", "d"])
    assert membership.restoration({ROOMS}) == [Command("join", "c", room="a"), Command("join", "b", room="d")]
    assert membership.restored() == []


def test_the_wanted_room_becomes_current_again() -> None:
    membership = Membership(["a", "b"])
    membership.ready(["b", "A"])
    assert membership.restoration({ROOMS}) == [Command("open", "a")]
    membership.ready(["a"])
    assert membership.restoration({ROOMS}) == [Command("open", "b"), Command("open", "a")]
    membership.ready(["a", "b"])
    assert membership.restoration({ROOMS}) == []


@pytest.mark.parametrize(
    ("wanted", "rooms", "entering", "leaving"),
    [
        (["a", "b"], [], [Command("join", "a")], []),
        (["a"], ["b"], [Command("join", "a")], []),
        (["a", "b"], ["a"], [], []),
        ([], ["a"], [], [Command("leave")]),
        ([], ["a", "b"], [], [Command("leave")]),
        ([], [], [], []),
    ],
)
def test_a_server_of_version_1_0_has_one_room(
    wanted: list[str], rooms: list[str], entering: list[Command], leaving: list[Command]
) -> None:
    membership = Membership(wanted)
    membership.ready(rooms)
    assert membership.restoration(set()) == entering
    assert membership.restored() == leaving


def test_moves_without_a_reply_are_restored_after_a_loss() -> None:
    membership = member("a", "b")
    membership.sent(Command("open", "c", 1))
    membership.sent(Command("leave", None, 2, room="b"))
    membership.disconnected()
    assert membership.wanted == ["c", "a"]
    membership.ready(["a", "b"])
    assert membership.restoration({ROOMS}) == [Command("join", "c", room="b")]
    membership.entered(Command("join", "c", 3, room="b"))
    membership.disconnected()
    assert not membership.is_entering
    assert membership.wanted == ["c", "a"], "a second loss changes nothing"


ROOM_NAMES = st.sampled_from(["a", "b", "c", "d"])
MOVES = st.one_of(
    st.builds(Command, st.sampled_from(["join", "open"]), ROOM_NAMES),
    st.builds(lambda room: Command("leave", room=room), st.none() | ROOM_NAMES),
)


@given(st.lists(ROOM_NAMES, unique=True), st.lists(ROOM_NAMES, unique=True), st.lists(MOVES, max_size=3))
def test_a_restoration_ends_in_what_was_wanted(wanted: list[str], rooms: list[str], moves: list[Command]) -> None:
    membership = Membership(wanted)
    membership.ready([])
    membership.restoration({ROOMS})
    membership.restored()
    membership.ready(wanted)
    for number, move in zip(itertools.count(1), moves, strict=False):
        membership.sent(Command(move.name, move.argument, number, room=move.room))
    goal = membership.wanted
    membership.disconnected()
    membership.ready(rooms)
    result = rooms
    for command in (*membership.restoration({ROOMS}), *membership.restored()):
        result = moved(result, command)
    assert result[:1] == goal[:1]
    assert set(result) == set(goal)
