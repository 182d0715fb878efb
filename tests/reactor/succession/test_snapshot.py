"""The state of a hub that goes to another one: everything that people would miss."""

from collections.abc import Callable
from typing import Any

import pytest

from pylingo.reactor.chat.session import Session
from pylingo.reactor.history.memory import MemoryHistory
from pylingo.reactor.history.sqlite import SqliteHistory
from pylingo.reactor.succession.handover import (
    Counters,
    End,
    Log,
    Part,
    People,
    Seats,
    decode,
    encode,
    log_parts,
)
from pylingo.reactor.succession.snapshot import Restoring, collect
from pylingo.shared.messages import Command, Hello, HistoryPage, HistoryRequest, Left, Message, Ready, Say, Sent
from tests.fakes.chat import Chat, Person, seated
from tests.fakes.identity import key

GRACE = 60.0


def handed_over(chat: Chat, stopped: float = 0.0) -> Chat:
    """Another chat that has taken over from this one, through bytes."""
    chat.tick()
    new = Chat(grace=GRACE)
    new.now = chat.now
    restoring = Restoring(new.hub, new.hub.bus)
    for part in collect(chat.hub, chat.hub.bus, stopped):
        restoring.take(decode(encode(part)))
    assert restoring.is_complete
    assert restoring.stopped == stopped
    new.tick()
    return new


def comes_back(chat: Chat, token: str, **hello: Any) -> tuple[Person, Ready]:
    person = Person(chat.hub)
    person.ask(Hello(1, resume=token, **hello))
    chat.tick()
    *_, ready = person.got()
    return person, ready


@pytest.fixture
def chat() -> Chat:
    return Chat(grace=GRACE)


def test_people_come_back_to_their_rooms_and_nobody_is_told(chat: Chat) -> None:
    (_, token), (bob, other) = seated(chat, "Ada", "Tea"), seated(chat, "bob", "ale")
    bob.ask(Command("open", "tea"), Command("away", "lunch"))
    new = handed_over(chat)
    assert [room.name for room in new.hub.rooms.values()] == ["Tea", "ale"]
    assert new.hub.directory.keys == ["ale", "tea"]
    assert new.hub.rooms["tea"].directory.keys == ["ada", "bob"]
    second, ready = comes_back(new, other)
    assert ready == Ready("bob", "Tea", other, True, None, ["Tea", "ale"], operator=False)
    first, ready = comes_back(new, token)
    assert (ready.name, ready.rooms, ready.resumed) == ("Ada", ["Tea"], True)
    assert second.got() == []
    first.ask(Say("hi"))
    new.tick()
    assert [type(record) for record in second.got()] == [Message]
    assert new.hub.named("bob").away == "lunch"
    assert new.hub.named("bob").since == chat.hub.named("bob").since


def test_a_seat_is_kept_for_the_rest_of_its_time(chat: Chat) -> None:
    (ada, token), _, (_, other) = (seated(chat, name) for name in ("ada", "bob", "eve"))
    ada.lose()
    chat.wait(GRACE - 10)
    new = handed_over(chat)
    third, _ = comes_back(new, other)
    new.wait(9)
    assert third.got() == []
    new.wait(2)
    assert third.got() == [Left("tea", "ada", "lost")]
    new.wait(GRACE - 12)
    assert third.got() == []
    new.wait(2)
    assert third.got() == [Left("tea", "bob", "lost")]
    assert not comes_back(new, token)[1].resumed


def test_the_bounds_of_seats_forbid_nothing(chat: Chat) -> None:
    tokens = [seated(chat, f"p{number}")[1] for number in range(3)]
    chat.hub.seats.most = 1
    new = handed_over(chat)
    assert all(comes_back(new, token)[1].resumed for token in tokens)


def test_without_a_grace_time_people_come_back_all_the_same(chat: Chat) -> None:
    _, token = seated(chat, "ada")
    chat.hub.seats.grace = 0.0
    assert comes_back(handed_over(chat), token)[1].resumed


def test_a_hello_whose_answer_was_lost_finds_its_seat(chat: Chat) -> None:
    claim = "c" * 32
    ada = chat.person()
    ada.ask(Hello(1, "ada", resume=claim))
    new = handed_over(chat)
    assert comes_back(new, claim, name="ada")[1].resumed


def test_those_who_cannot_resume_stay_behind(chat: Chat) -> None:
    seated(chat, "ada")
    chat.person("guest", "tea")
    new = handed_over(chat)
    assert new.hub.rooms["tea"].directory.keys == ["ada"]
    assert len(new.hub) == 1


def test_numbers_and_stamps_go_on(chat: Chat) -> None:
    people = [seated(chat, f"p{number}")[0] for number in range(3)]
    people[0].ask(Say("late", key="k"))
    newest = chat.hub.tick.newest_stamp
    new = handed_over(chat)
    new.now -= 10**9  # the clock was set back
    assert new.hub.stamp() == newest + 1
    assert new.person().name == "guest-4"
    numbers = {person.session.number for person in people}
    assert len(numbers) == 3
    assert Person(new.hub).session.number not in numbers


def test_words_are_kept_and_not_said_twice(chat: Chat) -> None:
    ada, token = seated(chat, "ada")
    _, other = seated(chat, "bob")
    ada.ask(Say("hello", key="k1"), Say("psst", key="k2", to="bob"))
    chat.tick()
    said = [record.at for record in ada.got() if isinstance(record, Sent)]
    new = handed_over(chat)
    again, _ = comes_back(new, token)
    again.ask(Say("hello", key="k1"), Say("psst", key="k2", to="bob"))
    new.tick()
    assert [record.at for record in again.got() if isinstance(record, Sent)] == said
    bob, _ = comes_back(new, other)
    bob.ask(HistoryRequest(), HistoryRequest(inbox=True))
    new.tick()
    pages = [record for record in bob.got() if isinstance(record, HistoryPage)]
    assert [[entry.text for entry in page.messages] for page in pages] == [["hello"], ["psst"]]


def test_a_redacted_message_stays_so(chat: Chat) -> None:
    ada, _ = seated(chat, "ada")
    ada.ask(Say("oops"))
    (at,) = [entry.at for entry, _ in chat.hub.history.messages("tea")]
    chat.hub.history.redact("tea", at, lambda done: None)
    assert handed_over(chat).hub.history.messages("tea") == chat.hub.history.messages("tea")


def test_topics_and_the_powers_in_rooms(chat: Chat) -> None:
    ada, token = seated(chat, "ada", "new")
    ada.ask(Command("topic", "kettles"), Command("topiclock", "on"))
    gone, _ = seated(chat, "gone", "old")
    gone.ask(Command("topic", "cups"), Command("leave"))
    new = handed_over(chat)
    assert new.hub.rooms["new"].topic == chat.hub.rooms["new"].topic
    assert new.hub.rooms["new"].charter == chat.hub.rooms["new"].charter
    assert dict(new.hub.history.topics) == dict(chat.hub.history.topics)
    assert dict(new.hub.history.charters) == dict(chat.hub.history.charters)
    again, _ = comes_back(new, token)
    again.ask(Command("topiclock", "off"))
    assert not new.hub.rooms["new"].charter.is_topic_locked


def test_rooms_that_nobody_is_in_are_forgotten_first_and_in_the_same_order(chat: Chat) -> None:
    ada, _ = seated(chat, "ada", "kept")
    ada.ask(Say("x"))
    for name in ("first", "second"):
        ada.ask(Command("open", name), Say("y", room=name), Command("leave"))
    stranger = chat.person("eve", "strange")
    stranger.ask(Say("z"))
    history = handed_over(chat).hub.history
    assert isinstance(history, MemoryHistory)
    assert history.empty_rooms == ["first", "second", "strange"]


def test_bans_mutes_and_keys(chat: Chat) -> None:
    register = chat.hub.access.register
    register.moderation.ban("mallory", None, "192.0.2.9", "op", "spam", None)
    register.moderation.mute("eve", None, "192.0.2.8", "op", None, 3600.0)
    one, two = chat.device("Ada", "word", "tea"), chat.device("Ada", "word", "ale")
    token = one.session.token
    new = handed_over(chat)
    assert new.hub.access.register.to_state() == register.to_state()
    assert new.hub.access.register.moderation.address_ban("192.0.2.9", None) is not None
    person = new.hub.named("ada")
    assert len(person.sessions) == 2
    assert person.fingerprint == one.session.identity
    assert [room.key for room in person.rooms] == ["tea", "ale"]
    assert new.hub.rooms["tea"].directory.keys == ["ada"]
    assert two.session.token != token
    assert not comes_back(new, token or "")[1].resumed  # without the key
    owner = Person(new.hub)
    owner.ask(key("word").hello(owner.challenge, None, resume=token))
    new.tick()
    assert [record.resumed for record in owner.got() if isinstance(record, Ready)] == [True]


def parts_of(chat: Chat) -> list[Part]:
    return list(collect(chat.hub, chat.hub.bus, 1.0))


def test_a_history_in_a_file_keeps_its_messages(chat: Chat, tmp_path) -> None:
    def file() -> SqliteHistory:
        later: Callable[..., Any] = lambda *args: None  # noqa: E731
        return SqliteHistory(str(tmp_path / "h"), later, later, later, later, later, MemoryHistory())

    chat = Chat(grace=GRACE, log=file())
    seated(chat, "ada", None)
    chat.hub.history.newest_stamp = 77
    parts = parts_of(chat)
    assert not any(isinstance(part, Log) for part in parts)
    new = Chat(grace=GRACE, log=file())
    restoring = Restoring(new.hub, new.hub.bus)
    for part in parts:
        restoring.take(part)
    assert new.hub.history.first_session == chat.hub.history.first_session
    assert new.hub.history.newest_stamp == 77


def test_what_happens_to_a_log_after_it_was_copied(chat: Chat) -> None:
    ada, _ = seated(chat, "ada")
    for text in ("one", "two"):
        ada.ask(Say(text))
    ada.ask(Command("open", "gone"), Say("x", room="gone"), Command("leave"))
    history = chat.hub.history
    assert isinstance(history, MemoryHistory)
    new = Chat(grace=GRACE)
    restoring = Restoring(new.hub, new.hub.bus)
    copied = {room: history.messages(room)[-1][0].at for room in history.rooms}
    for room in history.rooms:
        for part in log_parts(room, history.messages(room)):
            restoring.take(part)
    history.redact_now("tea", history.messages("tea")[0][0].at)
    ada.ask(Say("three"), Command("open", "new"), Say("y", room="new"))
    history.keep_only(room for room in history.rooms if room != "gone")
    parts = list(collect(chat.hub, chat.hub.bus, 0.0, copied, 2))
    assert sum(len(part.messages) for part in parts if isinstance(part, Log)) == 2
    for part in parts:
        restoring.take(part)
    assert restoring.is_complete
    taken = new.hub.history
    assert isinstance(taken, MemoryHistory)
    assert {room: taken.messages(room) for room in taken.rooms} == {r: history.messages(r) for r in history.rooms}
    assert [entry.text for entry, _ in taken.messages("tea")] == ["", "two", "three"]


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_part_that_is_lost_is_noticed(chat: Chat, lost: int) -> None:
    ada, _ = seated(chat, "ada")
    ada.ask(Say("x"))
    parts = parts_of(chat)
    restoring = Restoring(Chat().hub, chat.hub.bus)
    for part in parts[:lost] + parts[lost + 1 : -1]:
        restoring.take(part)
    with pytest.raises(ValueError, match=r"has 5 parts, and 4 have come"):
        restoring.take(parts[-1])
    assert not restoring.is_complete


def test_the_parts_are_those_that_are_expected(chat: Chat) -> None:
    parts = parts_of(chat)
    assert [type(part) for part in parts][:2] == [Counters, People]
    assert parts[-1] == End(len(parts) - 1)
    assert not any(isinstance(part, Seats) for part in parts)


def test_people_that_cannot_be_read_are_a_sentence() -> None:
    new = Chat()
    restoring = Restoring(new.hub, new.hub.bus)
    with pytest.raises(ValueError, match="must be an object"):
        restoring.take(People(b"[]"))


def test_what_is_given_is_a_session(chat: Chat) -> None:
    seated(chat, "ada")
    (session,) = handed_over(chat).hub.sessions()
    assert isinstance(session, Session)
    assert session.is_away
