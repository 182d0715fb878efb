"""What a server that is alone does with the deeds that may have to wait elsewhere: all of it at once."""

from typing import Any

from pylingo.reactor.bus.local import LocalBus
from pylingo.shared import __version__
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, Joined, Left, Message, Notice, Say, ServerInfo, Topic
from tests.fakes.chat import Chat


def test_numbers_are_given_once() -> None:
    bus = LocalBus()
    assert [bus.next_guest(), bus.next_guest()] == [1, 2]
    assert [bus.next_number(), bus.next_number()] == [1, 2]


def test_every_deed_has_happened_when_the_call_returns() -> None:
    chat = Chat()
    ada, bob = chat.person("ada", "tea"), chat.person("bob", "tea")
    bus, done = chat.hub.bus, []
    session = ada.session
    bus.enter(session, "Coffee", lambda room: done.append(room.name))
    bus.set_topic(session, session.room, "beans", lambda topic: done.append(topic.topic))
    bus.rename(session, "eve", done.append)
    bus.rename(session, "bob", done.append)
    bus.find_seat(session, "0" * 32, None, None, done.append)
    bus.look_up(session, "nobody", None, lambda: done.append("looked up"))
    assert done[:3] == ["Coffee", "beans", None]
    assert isinstance(done[3], RequestError)
    assert done[3].reason == "name-taken"
    assert done[4:] == [None, "looked up"]
    assert bus.stranger("ada") is None
    assert session.person.name == "eve"
    chat.tick()
    assert [type(record).__name__ for record in bob.got()][-1] == "Renamed"


def test_lists_give_rows_by_the_compared_form() -> None:
    chat = Chat()
    ada = chat.person("Ada", "Tea")
    rows: list[Any] = []
    chat.hub.bus.list_rooms(ada.session, lambda directory, row: rows.extend(map(row, directory.keys)))
    chat.hub.bus.list_people(ada.session, lambda directory, row: rows.extend(map(row, directory.keys)))
    assert (rows[0].room, rows[0].users) == ("Tea", 1)
    assert (rows[1].name, rows[1].rooms) == ("Ada", 1)
    assert chat.hub.bus.spelling(ada.session, ada.session.room, "ada") == "Ada"


def test_the_only_server_knows_where_it_is() -> None:
    chat = Chat()
    ada = chat.person("ada")
    rows: list[Any] = []
    LocalBus(lambda: "a.example:5000").list_servers(ada.session, lambda *answer: rows.extend(answer))
    assert rows == [[ServerInfo(1, "a.example:5000", __version__, 1, 0, own=True)], None]


def test_a_room_that_is_not_there_is_not_told_and_not_made() -> None:
    chat = Chat()
    ada = chat.person("ada", "tea")
    chat.hub.bus.tell_room(ada.session, "nowhere", Notice("hello"))
    assert list(chat.hub.rooms) == ["tea"]


def test_others_see_deeds_in_the_order_of_the_calls() -> None:
    chat = Chat()
    ada, bob = chat.person("ada", "tea"), chat.person("bob", "tea")
    bob.got()
    ada.ask(Say("one"), Command("topic", "two"), Say("three"), Command("leave"), Command("join", "tea"))
    chat.tick()
    assert [type(record) for record in bob.got()] == [Message, Topic, Message, Left, Joined]


def test_nobody_is_on_another_server() -> None:
    bus, found = LocalBus(), list[dict[str, str]]()
    bus.present(["ada"], found.append)
    assert found == [{}]
    assert bus.is_alone
