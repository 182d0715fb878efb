"""The list of buffers: its order, what is shown, what is closed, and its bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.client.events import Received
from pylingo.client.histories import INBOX
from pylingo.client.settings import Preferences
from pylingo.client.terminal import buffers
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.buffers import MOST_CONVERSATIONS, MOST_ROOMS, of_entered, of_person, of_rooms, places
from pylingo.client.terminal.input_events import Key, Text
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.loaded import CHARACTERS, LINES
from pylingo.client.terminal.model import Model
from pylingo.client.terminal.update import update
from pylingo.client.terminal.view import screen
from pylingo.shared.messages import (
    Away,
    Joined,
    Left,
    Limits,
    Message,
    Private,
    Ready,
    Renamed,
    Topic,
    Users,
    Welcome,
)
from pylingo.shared.names import fold
from pylingo.shared.schema import Record

NOON = 1_700_000_000_000_000


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), features=frozenset({"rooms", "private"}))
    made.buffers = [Buffer("lobby"), Buffer("dev"), Buffer(person="grace")]
    return made


def titles(model: Model) -> list[str]:
    return [buffer.title for buffer in model.buffers]


def test_rooms_and_people_are_found_in_any_case(model: Model) -> None:
    lobby, _, grace = model.buffers
    assert buffers.find_room(model, "LOBBY") is lobby
    assert buffers.find_person(model, "Grace") is grace
    assert buffers.find_room(model, "grace") is buffers.find_person(model, "lobby") is None
    assert buffers.find_room(model, None) is buffers.find_room(model, "") is None


def test_rooms_stand_before_conversations(model: Model) -> None:
    model.active = 2
    of_entered(model, "ops")
    of_person(model, "ken")
    assert titles(model) == ["lobby", "dev", "ops", "@grace", "@ken"]
    assert model.buffer.title == "@grace", "nobody has asked for the room"


def test_a_room_that_was_asked_for_is_shown(model: Model) -> None:
    model.moves["ops"] = Buffer()
    assert of_entered(model, "Ops") is model.buffer
    assert (titles(model), model.moves) == (["lobby", "dev", "Ops", "@grace"], {})


def test_a_room_that_was_asked_for_does_not_take_the_line_that_is_being_typed(model: Model) -> None:
    model.moves["ops"] = Buffer()
    model.buffer.editor.insert("half a line")
    of_entered(model, "ops")
    assert (model.buffer.title, model.buffer.editor.text) == ("lobby", "half a line")
    assert model.hint == "you are in ops, which is buffer 3 now"


def test_the_draft_of_a_buffer_that_is_closed_can_be_inserted(model: Model) -> None:
    model.buffer.editor.insert("half a line")
    buffers.close(model, model.buffer)
    model.buffer.editor.press("ctrl-y")
    assert (model.buffer.title, model.buffer.editor.text) == ("dev", "half a line")


def test_a_buffer_moves_to_another_room(model: Model) -> None:
    lobby = model.buffer
    model.moves["ops"] = lobby
    lobby.heading = "ops"
    assert of_entered(model, "ops") is lobby
    assert (titles(model), lobby.heading) == (["ops", "dev", "@grace"], None)


def test_moving_to_a_room_that_has_a_buffer_closes_the_one_left(model: Model) -> None:
    model.moves["dev"] = model.buffer
    of_entered(model, "dev")
    assert (titles(model), model.buffer.title) == (["dev", "@grace"], "dev")


def test_a_server_with_one_room_moves_the_only_buffer_of_a_room() -> None:
    model = Model("x", Preferences(), features=frozenset())
    of_entered(model, "lobby")
    of_entered(model, "dev")
    assert titles(model) == ["dev"]


def test_the_last_buffer_is_not_closed_but_belongs_to_nothing(model: Model) -> None:
    for _ in range(3):
        buffers.close(model, model.buffer)
    assert titles(model) == [""]
    of_entered(model, "ops")
    assert titles(model) == ["ops"]


def test_closing_another_buffer_leaves_the_shown_one(model: Model) -> None:
    model.active = 2
    buffers.close(model, model.buffers[0])
    assert model.buffer.title == "@grace"


def test_news_comes_in_the_order_of_its_urgency(model: Model) -> None:
    lobby, dev, grace = model.buffers
    of_person(model, "stranger").urgent = 1
    dev.new = 5
    grace.urgent, grace.spoken = 1, True
    assert [buffer.title for buffer in buffers.with_news(model)] == ["@grace", "@stranger", "dev"]
    lobby.urgent = 1
    assert buffers.with_news(model)[0] is lobby


def test_a_stranger_with_many_names_takes_neither_rooms_nor_conversations(model: Model) -> None:
    buffers.find_person(model, "grace").spoken = True  # type: ignore[union-attr]
    of_person(model, "ken").editor.insert("a draft")
    for number in range(200):
        of_person(model, f"mallory-{number}").new = 1
    assert titles(model)[:4] == ["lobby", "dev", "@grace", "@ken"]
    assert len(model.buffers) == 2 + MOST_CONVERSATIONS
    assert titles(model)[-1] == "@mallory-199"


def test_the_conversation_that_is_shown_is_not_closed(model: Model) -> None:
    for number in range(MOST_CONVERSATIONS - 1):
        of_person(model, f"friend-{number}").spoken = True
    model.active = 2
    of_person(model, "new")
    assert model.buffer.title == "@grace"
    assert len(model.buffers) == 2 + MOST_CONVERSATIONS


def test_the_number_of_rooms_is_bounded(model: Model) -> None:
    for number in range(2 * MOST_ROOMS):
        of_entered(model, f"room-{number}")
    assert len(model.buffers) <= MOST_ROOMS + 1


def test_the_lines_of_all_buffers_stay_within_the_bounds_of_one(model: Model) -> None:
    quiet = model.buffers[1].scrollback
    quiet.add(Line("message", "quiet"))
    for number in range(LINES + 1_000):
        model.buffers[number % 2 * 2].scrollback.add(Line("message", str(number)))
    update(model, Text("x"), 0, 0)
    assert sum(len(buffer.scrollback.lines) for buffer in model.buffers) <= LINES
    assert [line.text for line in quiet.lines] == ["quiet"], "the longest buffers lose their lines"
    assert model.buffers[0].scrollback.lines[-1].text == str(LINES + 998)


def test_the_buffer_that_is_shown_loses_none_of_its_half_of_the_lines(model: Model) -> None:
    shown, other = model.buffers[0].scrollback, model.buffers[1].scrollback
    for number in range(LINES // 2):
        shown.add(Line("message", str(number)))
    for buffer in model.buffers[1:]:
        for number in range(LINES // 2 - 200):
            buffer.scrollback.add(Line("message", str(number)))
            buffers.bound(model)
    assert len(shown.lines) == LINES // 2
    assert other.lines[-1].text == str(LINES // 2 - 201), "the newest lines stay"
    assert sum(len(buffer.scrollback.lines) for buffer in model.buffers) <= LINES + 256


def test_the_characters_of_all_buffers_are_bounded(model: Model) -> None:
    for buffer in model.buffers:
        for number in range(40):
            buffer.scrollback.add(Line("message", f"{number}" * (CHARACTERS // 80)))
            update(model, Text("x"), 0, 0)
    assert sum(buffer.scrollback.loaded.characters for buffer in model.buffers) <= CHARACTERS
    assert all(buffer.scrollback.lines for buffer in model.buffers)


def test_the_people_of_all_rooms_are_bounded(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "MOST_PEOPLE", 100)
    model.buffers[1].know("quiet")
    for number in range(1_000):
        model.buffer.know(f"p{number}")
        buffers.bound(model)
        assert sum(len(buffer.people) for buffer in model.buffers) <= 100
    assert "quiet" in model.buffers[1].people
    assert "p999" in model.buffer.people


def test_a_bound_is_kept_without_dropping_from_one_buffer_alone() -> None:
    model = Model("x", Preferences())
    for number in range(LINES + 200):
        model.buffer.scrollback.add(Line("message", str(number)))
    buffers.bound(model)
    assert len(model.buffer.scrollback.lines) == LINES + 200, "a single buffer keeps its own bounds"


def test_deleted_text_can_be_inserted_in_another_buffer(model: Model) -> None:
    model.buffer.editor.insert("in the wrong room")
    model.buffer.editor.press("ctrl-u")
    buffers.show(model, model.buffers[1])
    buffers.close(model, model.buffers[1])
    model.buffer.editor.press("ctrl-y")
    assert (model.buffer.title, model.buffer.editor.text) == ("@grace", "in the wrong room")


ROOMS = st.sampled_from(["lobby", "Lobby", "dev", "ops", "new"])
PEOPLE = st.sampled_from(["ada", "grace", "Grace", "ken", "guest-1"])
STAMPS = st.integers(NOON - 10**9, NOON)
FRAMES = st.one_of(
    st.builds(Message, ROOMS, PEOPLE, st.just("ada?"), STAMPS),
    st.builds(Private, PEOPLE, PEOPLE, st.just("psst"), STAMPS),
    st.builds(Joined, ROOMS, st.just("ada"), st.just(1)),
    st.builds(Joined, ROOMS, PEOPLE),
    st.builds(Left, ROOMS, PEOPLE, st.sampled_from(["leave", "close", "lost"])),
    st.builds(Left, ROOMS, st.just("ada")),
    st.builds(Renamed, PEOPLE, PEOPLE, st.none() | ROOMS),
    st.builds(Away, PEOPLE, st.none() | st.just("lunch")),
    st.builds(Topic, ROOMS, st.none() | st.just("green"), PEOPLE, STAMPS),
    st.builds(Users, ROOMS, st.lists(PEOPLE, max_size=3), st.booleans()),
    st.builds(Ready, PEOPLE, st.none(), st.just("0" * 32), st.booleans(), rooms=st.lists(ROOMS, max_size=3)),
    st.builds(Welcome, st.just(1), st.just("x"), st.just("x"), st.just(Limits(1, 1, 1, 1)), st.just(["rooms"])),
)
KEYS = st.sampled_from([Key(name) for name in ("alt-1", "alt-2", "alt-4", "alt-page-up", "alt-page-down", "alt-a")])
COMMANDS = st.sampled_from(["/open new", "/join ops", "/leave", "/msg ken", "/me waves"])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        FRAMES | KEYS | st.sampled_from(["/open new", "/join ops", "/leave", "/msg ken", "/me waves"]), max_size=40
    )
)
def test_whatever_happens_the_draft_and_the_order_stay(steps: list[Record | Key | str]) -> None:
    model = Model("x", Preferences(), name="ada", state="online", features=frozenset({"rooms", "private", "people"}))
    model.buffers = [Buffer("lobby"), Buffer(person="grace")]
    for step in steps:
        match step:
            case str():
                update(model, Text(step), 0.0, NOON)
                update(model, Key("enter"), 0.0, NOON)
                model.buffer.editor.set_draft("")
            case Key():
                update(model, step, 0.0, NOON)
            case _:
                model.buffer.editor.set_draft("a draft")
                before = model.buffer
                update(model, Received(step), 0.0, NOON)
                if before in model.buffers:
                    assert model.buffer is before
                else:
                    assert model.buffer.editor.kills[-1] == "a draft"
                before.editor.set_draft("")
        kinds = [buffer.person is not None for buffer in model.buffers]
        assert kinds == sorted(kinds)
        assert 0 <= model.active < len(model.buffers)
        rooms = [fold(buffer.room) for buffer in model.buffers if buffer.room is not None]
        assert len(rooms) == len(set(rooms))
        assert (model.buffer.new, model.buffer.urgent) == (0, 0)
        screen(model, 0.0)


def test_the_newest_private_message_is_among_the_places() -> None:
    model = Model("x", Preferences(), buffers=of_rooms(["lobby"], {}))
    assert places(model) == (["lobby"], {})
    of_person(model, "grace").last_at = 7
    of_person(model, "bob").last_at = 5
    assert places(model) == (["lobby"], {INBOX: 7})
