"""Topics, emotes' relatives and people: `topic`, `who`, `whois`, `away`, as requests and as the others see them."""

import pytest

from pylingo.shared.framing import MAX_BODY
from pylingo.shared.messages import (
    Away,
    Command,
    Joined,
    Message,
    People,
    PersonDetails,
    PersonInfo,
    Say,
    Topic,
)
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_LINE
from tests.fakes.chat import NOON, Chat, Person, error, words_left_out


@pytest.fixture
def chat() -> Chat:
    return Chat()


def answers(chat: Chat, person: Person, *requests: Record) -> list[Record]:
    person.ask(*requests)
    chat.tick()
    return words_left_out(person.got())


# --- topics


def test_a_topic_is_told_to_the_room_and_shown_to_newcomers(chat):
    ada, bob = chat.people("ada", "bob")
    assert answers(chat, ada, Command("topic", id=1)) == [Topic("tea", None, None, None, 1)]
    topic = Topic("tea", "Assam, now", "ada", NOON)
    assert answers(chat, ada, Command("topic", " Assam, now ", 2)) == [Topic("tea", "Assam, now", "ada", NOON, 2)]
    assert bob.got() == [topic]
    eve = chat.person("eve")
    assert answers(chat, eve, Command("join", "tea", 3)) == [Joined("tea", "eve", 3, 3), topic]
    assert answers(chat, eve, Command("topic", id=4)) == [Topic("tea", "Assam, now", "ada", NOON, 4)]


def test_a_dash_clears_the_topic(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Command("topic", "Assam"))
    assert answers(chat, ada, Command("topic", "-", 1))[-1] == Topic("tea", None, "ada", NOON + 1, 1)
    assert bob.got()[-1] == Topic("tea", None, "ada", NOON + 1)
    assert answers(chat, bob, Command("topic", id=2)) == [Topic("tea", None, None, None, 2)]
    assert answers(chat, chat.person("eve"), Command("join", "tea")) == [Joined("tea", "eve", 3)]


def test_a_topic_stays_when_the_room_empties(chat):
    ada = chat.person("ada", "tea")
    answers(chat, ada, Command("topic", "Assam"), Command("leave"))
    assert "tea" not in chat.hub.rooms
    assert answers(chat, ada, Command("join", "TEA"))[-1] == Topic("TEA", "Assam", "ada", NOON)
    answers(chat, ada, Command("topic", "-"), Command("leave"))
    assert answers(chat, ada, Command("join", "tea")) == [Joined("tea", "ada", 1, room_operator=True)]


def test_a_topic_is_one_line(chat):
    ada, _ = chat.people("ada", "bob")
    (topic,) = answers(chat, ada, Command("topic", "two\nlines\tand\x1b[2J"))
    assert topic.topic == "two lines and\ufffd[2J"


@pytest.mark.parametrize("name", ["topic", "away"])
def test_a_line_has_a_longest(chat, name):
    ada, bob = chat.people("ada", "bob")
    assert answers(chat, ada, Command(name, "x" * (MAX_LINE + 1), 1)) == [error("text-too-long", 1)]
    assert bob.got() == []
    (reply,) = answers(chat, ada, Command(name, "x" * MAX_LINE, 2))
    assert MAX_LINE == 512
    assert "x" * MAX_LINE in (getattr(reply, "topic", ""), getattr(reply, "text", ""))


def test_a_topic_needs_a_room(chat):
    ada = chat.person("ada")
    assert answers(chat, ada, Command("topic", "x", 1), Command("topic", id=2)) == [
        error("no-room", 1),
        error("no-room", 2),
    ]


def test_topics_have_stamps_of_their_own(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Say("1"), Command("topic", "x"), Say("2"))
    chat.tick()
    assert bob.got() == [
        Message("tea", "ada", "1", NOON),
        Topic("tea", "x", "ada", NOON + 1),
        Message("tea", "ada", "2", NOON + 2),
    ]


# --- everybody


def test_the_list_of_people_has_everybody_in_order(chat):
    ada = chat.person("ada", "tea")
    bob = chat.person("Bob", "tea")
    chat.person("Änne")
    ada.ask(Command("open", "ops"))
    bob.ask(Command("away", "lunch"))
    chat.tick()
    ada.got()
    everybody = [PersonInfo("ada", 2), PersonInfo("Bob", 1, "lunch"), PersonInfo("Änne", 0)]
    assert answers(chat, ada, Command("who", id=1)) == [People(everybody, False, 1)]


def test_the_list_of_people_is_never_out_of_date(chat):
    ada = chat.person("ada", "tea")

    def listed() -> list[tuple[str, int, str | None]]:
        (people,) = (record for record in answers(chat, ada, Command("who")) if isinstance(record, People))
        return [(person.name, person.rooms, person.away) for person in people.people]

    assert listed() == [("ada", 1, None)]
    bob = chat.person()
    assert listed() == [("ada", 1, None), ("guest-2", 0, None)]
    for command, entry in [
        (Command("name", "bob"), ("bob", 0, None)),
        (Command("join", "tea"), ("bob", 1, None)),
        (Command("open", "ops"), ("bob", 2, None)),
        (Command("away", "out"), ("bob", 2, "out")),
        (Command("leave"), ("bob", 1, "out")),
        (Command("away"), ("bob", 1, None)),
    ]:
        bob.ask(command)
        assert listed() == [("ada", 1, None), entry]
    bob.session.lost()
    assert listed() == [("ada", 1, None)]


def test_everybody_may_be_more_than_a_frame_holds(chat):
    ada = chat.person("ada")
    for number in range(60):
        person = chat.person(f"user-{number:02}")
        person.ask(Command("away", "\U0001f600" * 512))
    chat.tick()
    ada.ask(Command("who", id=1))
    for _ in range(200):
        chat.tick()
    pages = ada.got()
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [person.name for page in pages for person in page.people] == ["ada", *(f"user-{n:02}" for n in range(60))]
    sizes = [len(data) for data in ada.out.buffers[-len(pages) :]]
    assert max(sizes) <= 4 + MAX_BODY
    assert min(sizes[:-1]) > MAX_BODY // 2


# --- one person


def test_whois_tells_what_the_asker_may_know(chat):
    chat.now += 5
    ada, bob = chat.people("ada", "bob")
    for room in ("Ops", "secret", "dev"):
        bob.ask(Command("open", room))
    ada.ask(Command("open", "dev"), Command("open", "ops"))
    bob.ask(Command("away", "lunch"))
    chat.tick()
    ada.got()
    assert answers(chat, ada, Command("whois", "BOB", 1)) == [
        PersonDetails("bob", ["dev", "Ops", "tea"], False, NOON + 5, "lunch", 1)
    ]
    assert answers(chat, chat.person("eve"), Command("whois", "bob", 2)) == [
        PersonDetails("bob", [], False, NOON + 5, "lunch", 2)
    ]
    assert answers(chat, ada, Command("whois", "nobody", 3)) == [error("no-such-user", 3)]


def test_the_time_of_coming_survives_a_new_name(chat):
    ada = chat.person("ada")
    chat.now += 1_000
    ada.ask(Command("name", "anne"))
    (person,) = answers(chat, ada, Command("whois", "anne"))[-1:]
    assert person.since == NOON


# --- away


def test_being_away_is_told_to_those_who_share_a_room(chat):
    ada, bob = chat.people("ada", "bob")
    eve = chat.person("eve", "ops")
    assert answers(chat, ada, Command("away", " lunch ", 1)) == [Away("ada", "lunch", 1)]
    assert bob.got() == [Away("ada", "lunch")]
    assert eve.got() == []
    assert answers(chat, ada, Command("away", None, 2)) == [Away("ada", None, 2)]
    assert bob.got() == [Away("ada", None)]


def test_an_unchanged_state_is_told_to_nobody(chat):
    ada, bob = chat.people("ada", "bob")
    assert answers(chat, ada, Command("away", id=1)) == [Away("ada", None, 1)]
    assert bob.got() == []
    ada.ask(Command("away", "lunch"), Command("away", "lunch"))
    chat.tick()
    assert bob.got() == [Away("ada", "lunch")]


def test_nil_says_in_bytes_that_somebody_is_back(chat):
    ada, bob = chat.people("ada", "bob")
    ada.ask(Command("away", "lunch"), Command("away"))
    chat.tick()
    assert b"\xa4text\xc0" in bytes(bob.out.buffers[-1])
