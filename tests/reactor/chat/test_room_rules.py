"""Who may enter a room with modes, and who may speak there."""

from collections.abc import Iterable

import pytest

from pylingo.reactor.chat.room_rules import outside_room
from pylingo.shared.messages import Command, Error, Joined, Left, Message, Modes, Say, Sent
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat, Person, error, words_left_out


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def ann(chat: Chat) -> Person:
    """The operator of the room tea."""
    ann = chat.person("ann")
    answers(chat, ann, Command("join", "tea"))
    return ann


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    chat.tick()
    person.got()
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


def modes(chat: Chat, person: Person, *arguments: str) -> None:
    replies = answers(chat, person, *(Command("mode", argument) for argument in arguments))
    assert all(isinstance(reply, Modes) for reply in replies), replies


def enters(chat: Chat, person: Person, argument: str = "tea") -> bool | str:
    """Whether somebody gets in; otherwise the code of the refusal."""
    (reply,) = answers(chat, person, Command("open", argument, 1))
    if isinstance(reply, Joined):
        answers(chat, person, Command("leave", room="tea"))
        return True
    assert isinstance(reply, Error)
    return reply.code


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("invite-only on", "invite-only"),
        ("key sesame", "bad-key"),
        ("limit 1", "room-full"),
        ("ban b*", "room-banned"),
        ("ban *!native@*", "room-banned"),
        ("ban *, exception eve", "room-banned"),
    ],
)
def test_a_room_is_closed(chat: Chat, ann: Person, mode: str, code: str) -> None:
    bob = chat.person("bob")
    modes(chat, ann, mode)
    assert enters(chat, bob) == code


@pytest.mark.parametrize(
    ("mode", "argument"),
    [
        ("key sesame", "tea sesame"),
        ("key sesame, invited bob", "tea"),
        ("limit 2", "tea"),
        ("limit 1, invited bob", "tea"),
        ("invite-only on, invited bob", "tea"),
        ("invite-only on, pass bo?", "tea"),
        ("ban bob, invited bob", "tea"),
        ("ban *, exception BOB", "tea"),
        ("ban m:bob", "tea"),
        ("ban eve", "tea"),
        ("key sesame, limit 1, invite-only on, key off, limit off, invite-only off", "tea"),
    ],
)
def test_a_room_is_open_to_some(chat: Chat, ann: Person, mode: str, argument: str) -> None:
    bob = chat.person("bob")
    modes(chat, ann, mode)
    assert enters(chat, bob, argument) is True


def test_operators_come_back_into_a_closed_room(chat: Chat, ann: Person) -> None:
    bob = chat.person("bob")
    answers(chat, bob, Command("join", "tea"))
    modes(chat, ann, "invite-only on, key sesame, ban *")
    answers(chat, ann, Command("leave"))
    assert enters(chat, ann) is True


def test_a_refused_join_leaves_the_room_before_as_it_was(chat: Chat, ann: Person) -> None:
    bob = chat.person("bob")
    answers(chat, bob, Command("join", "den"))
    modes(chat, ann, "invite-only on")
    assert answers(chat, bob, Command("join", "tea", 1)) == [error("invite-only", 1)]
    assert [room.name for room in bob.session.rooms] == ["den"]


def test_a_second_word_is_refused_where_there_is_no_key(chat: Chat, ann: Person) -> None:
    bob = chat.person("bob")
    assert enters(chat, bob, "tea time") == "bad-room"


def test_the_modes_of_guests_who_have_gone_keep_nobody_out(chat: Chat, ann: Person) -> None:
    answers(chat, ann, Say("for the log"))
    modes(chat, ann, "invite-only on, moderated on, ban bob")
    ann.session.lost()
    bob = chat.person("bob")
    joined, ended = answers(chat, bob, Command("join", "tea"))
    assert isinstance(joined, Joined)
    assert not joined.room_operator
    told = ["invite-only off", "moderated off", "ban off bob!*@*"]
    assert answers(chat, bob, Command("mode", None, 1), Say("hi", id=2)) == [
        Modes("tea", [], None, 1),
        Sent("tea", NOON + 1, 2),
    ]
    assert ended == Modes("tea", told, "bob")


# --- words


def speaks(chat: Chat, person: Person, room: str = "tea") -> str | None:
    """The code of the refusal, if it is refused."""
    (reply,) = answers(chat, person, Say("hi", id=1, room=room))
    return reply.code if isinstance(reply, Error) else None


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("moderated on", "moderated"),
        ("moderated on, voice bob", None),
        ("ban bob", "room-banned"),
        ("ban m:bob", "room-banned"),
        ("ban m:bob, voice bob", None),
        ("ban m:bob, exception m:*!native@*", None),
        ("moderated on, voice bob, voice off bob", "moderated"),
    ],
)
def test_who_may_speak(chat: Chat, ann: Person, mode: str, code: str | None) -> None:
    bob = chat.person("bob")
    answers(chat, bob, Command("join", "tea"))
    modes(chat, ann, mode)
    assert speaks(chat, bob) == code
    assert speaks(chat, ann) is None


def test_a_topic_needs_a_voice_in_a_moderated_room(chat: Chat, ann: Person) -> None:
    bob = chat.person("bob")
    answers(chat, bob, Command("join", "tea"))
    modes(chat, ann, "moderated on")
    assert answers(chat, bob, Command("topic", "mine", 1)) == [error("moderated", 1)]


def heard(people: Iterable[Person]) -> list[list[Record]]:
    return [[record for record in words_left_out(person.got()) if not isinstance(record, Left)] for person in people]


def test_some_rooms_hear_people_from_outside(chat: Chat, ann: Person) -> None:
    bob = chat.person("bob")
    assert speaks(chat, bob) == "not-in-room"
    modes(chat, ann, "outside on")
    assert outside_room(chat.hub, "tea") is chat.hub.rooms["tea"]
    ann.got()
    assert speaks(chat, bob, "#Tea") is None
    assert heard([ann]) == [[Message("tea", "bob", "hi", NOON)]]
    modes(chat, ann, "moderated on")
    assert speaks(chat, bob) == "moderated"
    assert outside_room(chat.hub, "den") is None
