"""The operators of a room: who becomes one, what they may do there, and how long it lasts."""

from typing import Any

import pytest

from pylingo.reactor.chat.room_operators import COMMANDS, HANDLERS
from pylingo.reactor.history.charter import MOST_MUTES, MOST_OPERATORS, mute_field, mute_value, operator_field
from pylingo.shared.messages import Command, Joined, Left, Message, Moderated, Renamed, RoomOp, Say, Sent, Users
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, words_left_out
from tests.fakes.identity import key

ADA = key("a").fingerprint


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def tea(chat: Chat) -> list[Person]:
    """Ann, who came first, bob and eve. They are guests."""
    return chat.people("ann", "bob", "eve")


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    chat.tick()
    person.got()
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


def heard(chat: Chat, *people: Person) -> list[list[Record]]:
    chat.tick()
    return [words_left_out(person.got()) for person in people]


# --- who is one


def test_the_first_in_an_empty_room_without_a_log_is_its_operator(chat: Chat) -> None:
    ann, bob = chat.person("ann"), chat.person("bob")
    assert answers(chat, ann, Command("join", "tea", 1)) == [Joined("tea", "ann", 1, 1, room_operator=True)]
    assert answers(chat, bob, Command("join", "tea", 2)) == [Joined("tea", "bob", 2, 2)]
    assert answers(chat, bob, Command("users", id=3)) == [Users("tea", ["ann", "bob"], False, 3, ["ann"])]


def test_a_room_with_a_log_stays_as_it_was(chat: Chat) -> None:
    ann, bob = chat.people("ann", "bob")
    answers(chat, ann, Say("hi"), Command("leave"))
    answers(chat, bob, Command("leave"))
    assert answers(chat, bob, Command("join", "tea")) == [Joined("tea", "bob", 1)]
    assert answers(chat, ann, Command("join", "tea")) == [Joined("tea", "ann", 2, room_operator=True)]
    assert heard(chat, bob) == [[Joined("tea", "ann", room_operator=True)]]


def test_a_room_without_a_log_belongs_to_whoever_comes_next(chat: Chat) -> None:
    ann, bob = chat.people("ann", "bob")
    answers(chat, ann, Command("leave"))
    answers(chat, bob, Command("leave"))
    assert answers(chat, bob, Command("join", "tea")) == [Joined("tea", "bob", 1, room_operator=True)]
    assert answers(chat, ann, Command("join", "tea")) == [Joined("tea", "ann", 2)]


def test_a_session_takes_its_power_along_to_another_name_and_nobody_gets_it_with_the_name(chat: Chat) -> None:
    ann, bob = chat.people("ann", "bob")
    answers(chat, ann, Say("hi"), Command("name", "anne"))
    answers(chat, bob, Command("name", "ann"))
    assert answers(chat, bob, Command("users")) == [Users("tea", ["ann", "anne"], False, None, ["anne"])]
    ann.session.end("close", "bye")
    other = chat.person("anne")
    assert answers(chat, other, Command("join", "tea")) == [Joined("tea", "anne", 2)]
    assert answers(chat, other, Command("kick", "ann", 1)) == [error("not-allowed", 1)]


def test_a_key_is_an_operator_again_with_another_connection_and_another_name(chat: Chat) -> None:
    ada, bob = chat.device("ada", "a", "tea"), chat.person("bob", "tea")
    answers(chat, ada, Say("hi"))
    ada.session.end("close", "bye")
    heard(chat, bob)
    again = chat.device("grace", "a", "tea")
    assert heard(chat, bob) == [[Joined("tea", "grace", None, None, ADA, None, True)]]
    assert answers(chat, again, Command("roomop", "bob", 1)) == [RoomOp("tea", "bob", "grace", True, 1)]


def test_another_name_of_one_of_two_connections_is_an_operator_as_well(chat: Chat) -> None:
    ada, bob = chat.device("ada", "a", "tea"), chat.person("bob", "tea")
    phone = chat.device("ada", "a", "tea")
    heard(chat, ada, bob)
    answers(chat, phone, Command("name", "anne"))
    assert heard(chat, bob) == [[Joined("tea", "anne", None, None, ADA, None, True)]]


def test_the_rank_is_given_and_taken(chat: Chat, tea: list[Person]) -> None:
    ann, bob, eve = tea
    assert answers(chat, bob, Command("roomop", "eve", 1)) == [error("not-allowed", 1)]
    assert answers(chat, ann, Command("roomop", "BOB", 2)) == [RoomOp("tea", "bob", "ann", True, 2)]
    assert heard(chat, bob, eve) == [[RoomOp("tea", "bob", "ann", True)]] * 2
    assert answers(chat, eve, Command("users")) == [Users("tea", ["ann", "bob", "eve"], False, None, ["ann", "bob"])]
    assert answers(chat, bob, Command("roomdeop", "ann", 3)) == [RoomOp("tea", "ann", "bob", False, 3)]
    assert heard(chat, ann, eve) == [[RoomOp("tea", "ann", "bob", False)]] * 2
    assert answers(chat, ann, Command("roomop", "eve", 4)) == [error("not-allowed", 4)]
    assert answers(chat, bob, Command("roomop", "bob", 5)) == [RoomOp("tea", "bob", "bob", True, 5)]
    assert heard(chat, ann, eve) == [[], []], "nothing has changed"
    assert answers(chat, bob, Command("roomdeop", "eve", 6)) == [error("bad-argument", 6)]
    chat.person("carl", "coffee")
    assert answers(chat, bob, Command("roomop", "carl", 7)) == [error("no-such-user", 7)]
    assert answers(chat, bob, Command("roomop", "nobody", 8)) == [error("no-such-user", 8)]


def test_the_rank_is_taken_from_a_guest_who_has_gone(chat: Chat, tea: list[Person]) -> None:
    ann, bob, _ = tea
    answers(chat, ann, Command("roomop", "bob"))
    bob.session.end("close", "bye")
    assert answers(chat, ann, Command("roomdeop", "bob", 1))[-1] == RoomOp("tea", "bob", "ann", False, 1)
    assert ann.session.rooms[0].charter.operators == [operator_field(ann.session.number)]


def test_one_operator_more_than_the_most(chat: Chat, tea: list[Person]) -> None:
    ann, _, eve = tea
    room = ann.session.rooms[0]
    room.charter = room.charter.changed({operator_field(f"key-{n}"): "x" for n in range(MOST_OPERATORS - 2)})
    answers(chat, ann, Command("roomop", "eve"))
    assert answers(chat, ann, Command("roomop", "bob", 1)) == [error("not-allowed", 1)]
    answers(chat, eve, Command("leave"))
    assert answers(chat, ann, Command("roomop", "bob", 2))[-1] == RoomOp("tea", "bob", "ann", True, 2)
    assert len(room.charter.operators) == MOST_OPERATORS, "a guest who is not there has lost the rank"


# --- what they may do


def test_the_commands() -> None:
    assert {*HANDLERS, "kick", "mute", "unmute"} == COMMANDS


def test_a_kick(chat: Chat, tea: list[Person]) -> None:
    ann, bob, eve = tea
    kicked = Moderated("kick", "ann", "eve", None, "tea", "too loud")
    left = Left("tea", "eve", "kicked", None, None, "ann", "too loud")
    assert answers(chat, bob, Command("kick", "eve", 1)) == [error("not-allowed", 1)]
    done = Moderated("kick", "ann", "eve", None, "tea", "too loud", None, 2)
    assert answers(chat, ann, Command("kick", "eve too loud", 2)) == [left, done]
    assert heard(chat, bob, eve) == [[left, kicked], [left]]
    answers(chat, ann, Command("roomop", "bob"))
    assert answers(chat, ann, Command("kick", "bob", 3)) == [error("not-allowed", 3)], "an operator as well"


def test_nothing_beyond_the_room(chat: Chat, tea: list[Person]) -> None:
    ann, _, eve = tea
    eve.ask(Command("open", "coffee"))
    ann.ask(Command("open", "coffee"))
    assert answers(chat, ann, Command("kick", "eve", 1, "coffee")) == [error("not-allowed", 1)]
    assert answers(chat, ann, Command("kick", "eve", 2, "nowhere")) == [error("not-allowed", 2)]
    for name, argument in {"ban": "eve", "op": "eve", "redact": "5", "announce": "hi", "bans": None}.items():
        assert answers(chat, ann, Command(name, argument, 3, "tea")) == [error("not-allowed", 3)]


def test_a_mute_is_for_the_room_alone(chat: Chat, tea: list[Person]) -> None:
    ann, bob, eve = tea
    until = NOON + 600_000_000
    assert answers(chat, ann, Command("mute", "eve 10m", 1)) == [
        Moderated("mute", "ann", "eve", None, "tea", None, until, 1)
    ]
    assert heard(chat, bob, eve) == [[Moderated("mute", "ann", "eve", None, "tea", None, until)]] * 2
    for request in (Say("hi", id=2), Command("topic", "x", 2), Command("me", "waves", 2)):
        assert answers(chat, eve, request) == [error("muted", 2)]
    answers(chat, eve, Command("open", "coffee"))
    assert [type(it) for it in answers(chat, eve, Say("hi", id=3))] == [Sent]
    assert [type(it) for it in answers(chat, eve, Command("away", "lunch", 4), Command("name", "eva", 5))][
        -1
    ] is Renamed
    assert answers(chat, eve, Say("hi", id=6, room="tea")) == [error("muted", 6)], "with another name as well"
    chat.now = until
    assert [type(it) for it in answers(chat, eve, Say("hi", id=7, room="tea"))] == [Sent]


def test_a_mute_ends(chat: Chat, tea: list[Person]) -> None:
    ann, _, eve = tea
    answers(chat, ann, Command("mute", "eve"))
    assert answers(chat, ann, Command("unmute", "EVE", 1)) == [Moderated("unmute", "ann", "EVE", None, "tea", re=1)]
    assert [type(it) for it in answers(chat, eve, Say("hi", id=2))] == [Sent]
    assert answers(chat, ann, Command("unmute", "eve", 3)) == [error("bad-argument", 3)]
    answers(chat, ann, Command("mute", "eve"), Command("roomop", "bob"))
    assert answers(chat, ann, Command("mute", "bob", 4)) == [error("not-allowed", 4)]
    assert answers(chat, ann, Command("mute", "eve soon", 5)) == [error("bad-argument", 5)]
    eve.session.end("close", "bye")
    assert answers(chat, ann, Command("unmute", "eve", 6))[-1] == Moderated("unmute", "ann", "eve", None, "tea", re=6)


def test_one_mute_more_than_the_most(chat: Chat, tea: list[Person]) -> None:
    ann, bob, _ = tea
    room = ann.session.rooms[0]
    fields: dict[str, str | None] = {mute_field(f"key-{n}"): mute_value("x", NOON + n + 1) for n in range(MOST_MUTES)}
    room.charter = room.charter.changed(fields)
    assert answers(chat, ann, Command("mute", "eve", 1)) == [error("not-allowed", 1)]
    chat.now += 2
    answers(chat, ann, Command("mute", "eve"))
    assert len(room.charter.fields) == 1 + MOST_MUTES - 1, "those that have ended are gone"
    assert answers(chat, ann, Command("mute", "bob", 2))[-1] == Moderated("mute", "ann", "bob", None, "tea", re=2)
    assert answers(chat, bob, Say("hi", id=3)) == [error("muted", 3)]


def test_the_topic_is_locked(chat: Chat, tea: list[Person]) -> None:
    ann, bob, eve = tea
    told: dict[str, Any] = {"room": "tea", "text": "on"}
    assert answers(chat, bob, Command("topiclock", "on", 1)) == [error("not-allowed", 1)]
    assert answers(chat, ann, Command("topiclock", "ON", 2)) == [Moderated("topiclock", "ann", re=2, **told)]
    assert heard(chat, bob, eve) == [[Moderated("topiclock", "ann", **told)]] * 2
    assert answers(chat, bob, Command("topic", "x", 3)) == [error("not-allowed", 3)]
    assert answers(chat, bob, Command("topic", id=4))[0].topic is None
    assert answers(chat, ann, Command("topic", "x", 5))[0].topic == "x"
    carl = chat.person("carl")
    assert answers(chat, carl, Command("join", "tea"))[0] == Joined("tea", "carl", 4, topic_locked=True)
    assert answers(chat, ann, Command("topiclock", "maybe", 6))[-1] == error("bad-argument", 6)
    answers(chat, ann, Command("topiclock", "off"))
    assert answers(chat, bob, Command("topic", "y", 7))[0].topic == "y"


# --- operators of the server


def test_operators_of_the_server_are_operators_everywhere(chat: Chat, tea: list[Person]) -> None:
    ann, bob, _ = tea
    ada = chat.device("ada", "a", "tea")
    chat.hub.access.store(chat.hub.access.register.op(ADA))
    chat.hub.ranks_changed()
    assert answers(chat, bob, Command("users"))[-1].operators == ["ada", "ann"]
    assert answers(chat, ann, Command("kick", "ada", 1)) == [error("not-allowed", 1)]
    assert answers(chat, ann, Command("mute", "ada", 2)) == [error("not-allowed", 2)]
    assert answers(chat, ada, Command("topiclock", "on", 3))[-1].re == 3
    assert answers(chat, ada, Command("kick", "ann", 4))[-1].re == 4, "an operator of the room"
    assert answers(chat, ada, Command("roomop", "bob", 5))[-1] == RoomOp("tea", "bob", "ada", True, 5)


def test_an_operator_of_the_server_ends_the_mute_of_a_room(chat: Chat, tea: list[Person]) -> None:
    ann, bob, eve = tea
    ada = chat.device("ada", "a", "tea")
    chat.hub.access.store(chat.hub.access.register.op(ADA))
    answers(chat, ann, Command("mute", "eve"))
    assert answers(chat, ada, Command("unmute", "eve", 1))[-1] == Moderated("unmute", "ada", "eve", None, "tea", re=1)
    assert [type(it) for it in answers(chat, eve, Say("hi", id=2))] == [Sent]
    assert isinstance(heard(chat, bob)[0][-1], Message)
    assert answers(chat, ada, Command("unmute", "eve", 3)) == [error("bad-argument", 3)]
