"""The commands about buffers: what they send, and which buffer is shown afterwards."""

import pytest

from pylingo.client.events import Received, Refused
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Key, Text
from pylingo.client.terminal.model import Effect, Model, SendCommand, Speak
from pylingo.client.terminal.room_commands import ROOM_COMMANDS
from pylingo.client.terminal.update import update
from pylingo.shared.messages import Command, Error, Joined, Left, Renamed
from pylingo.shared.schema import Record

NOON = 1_700_000_000_000_000
ALL = frozenset({"rooms", "private", "people"})


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), name="ada", state="online", features=ALL)
    made.buffers = [Buffer("lobby"), Buffer("dev"), Buffer(person="grace")]
    return made


def typed(model: Model, line: str) -> list[Effect]:
    return update(model, Text(line), 0, NOON) + update(model, Key("enter"), 0, NOON)


def take(model: Model, *records: Record) -> None:
    for record in records:
        update(model, Received(record), 0, NOON)


def titles(model: Model) -> list[str]:
    return [buffer.title for buffer in model.buffers]


def told(model: Model) -> str:
    return model.buffer.scrollback.lines[-1].text


def test_each_of_them_is_a_command_of_the_window(model: Model) -> None:
    assert set(ROOM_COMMANDS) == {"join", "open", "leave", "msg", "me", "switch"}


# --- saying


def test_a_line_goes_to_the_room_or_the_person_of_its_buffer(model: Model) -> None:
    (room,) = typed(model, "hi")
    model.active = 2
    (person,) = typed(model, "psst")
    assert isinstance(room, Speak)
    assert isinstance(person, Speak)
    assert (room.text, room.room, room.to) == ("hi", "lobby", None)
    assert (person.text, person.room, person.to) == ("psst", None, "grace")
    assert model.buffers[2].spoken


def test_one_room_on_a_server_with_one_room_is_not_named(model: Model) -> None:
    model.features, model.buffers = frozenset(), [Buffer("lobby")]
    (effect,) = typed(model, "hi")
    assert isinstance(effect, Speak)
    assert (effect.room, effect.to) == (None, None)


def test_a_second_room_on_a_server_with_one_room_is_not_spoken_to(model: Model) -> None:
    model.features, model.active, model.buffers[1].is_outside = frozenset(), 1, True
    assert typed(model, "hi") == []
    assert "one room" in model.hint


@pytest.mark.parametrize("line", ["hi", "/me waves", "/topic x", "/users"])
def test_a_buffer_without_a_room_does_not_speak_in_another_one(model: Model, line: str) -> None:
    model.buffers.insert(0, Buffer())
    assert typed(model, line) == []
    assert "no room in this buffer" in model.hint


def test_a_buffer_without_a_room_takes_the_next_one(model: Model) -> None:
    model.buffers.insert(0, Buffer())
    model.active = 2
    assert typed(model, "/open ops") == [SendCommand("open", "ops")]
    take(model, Joined("ops", "ada", 1))
    assert titles(model) == ["ops", "lobby", "dev", "@grace"]


def test_joining_from_a_buffer_without_a_room_leaves_none(model: Model) -> None:
    model.buffers.insert(0, Buffer())
    assert typed(model, "/join ops") == [SendCommand("open", "ops")]
    model.buffers = [Buffer()]
    assert typed(model, "/join ops") == [SendCommand("join", "ops")]


def test_an_emote(model: Model) -> None:
    (effect,) = typed(model, "/me waves")
    assert isinstance(effect, Speak)
    assert (effect.text, effect.is_action, effect.room) == ("waves", True, "lobby")
    (line,) = model.buffer.scrollback.unsent.values()
    assert line.whole == "* ada waves"


def test_a_private_message_shows_its_conversation(model: Model) -> None:
    (effect,) = typed(model, "/msg @ken hello  there")
    assert isinstance(effect, Speak)
    assert (effect.text, effect.to) == ("hello  there", "ken")
    assert model.buffer.title == "@ken"
    assert typed(model, "/msg GRACE") == []
    assert model.buffer is model.buffers[2]


@pytest.mark.parametrize(
    "line", ["/msg", "/msg ada hi", "/msg a\x07b", "/me", "/switch nowhere", "/switch 9", "/switch @"]
)
def test_a_command_that_makes_no_sense_stays_in_the_line(model: Model, line: str) -> None:
    before = titles(model)
    assert typed(model, line) == []
    assert model.hint
    assert model.buffer.editor.text
    assert titles(model) == before


@pytest.mark.parametrize(
    "line", ["/open ops", "/msg ken", "/msg ken hi", "/me waves", "/topic x", "/who", "/whois ken", "/away"]
)
def test_a_feature_that_the_server_lacks_is_told_and_nothing_is_sent(model: Model, line: str) -> None:
    model.features = frozenset()
    assert typed(model, line) == []
    assert "this server" in model.hint
    assert model.buffer.editor.text == line
    assert len(model.buffers) == 3


def test_before_the_server_has_told_its_features_everything_waits(model: Model) -> None:
    model.features = None
    assert typed(model, "/open ops") == [SendCommand("open", "ops")]


@pytest.mark.parametrize("line", ["psst", "/me waves", "/msg grace psst"])
def test_a_line_to_a_conversation_that_has_ended_must_be_sent_twice(model: Model, line: str) -> None:
    take(model, Left("lobby", "grace", "close"))
    model.active = 0 if line.startswith("/msg") else 2
    assert typed(model, line) == []
    assert model.hint == "grace may be somebody else now: Enter again sends it"
    assert model.buffer.editor.text == line
    (effect,) = update(model, Key("enter"), 0, NOON)
    assert isinstance(effect, Speak)
    assert effect.to == "grace"
    assert len(typed(model, "once more")) == 1


def test_an_ended_conversation_is_not_continued_where_another_has_its_name(model: Model) -> None:
    model.buffers.append(Buffer(person="hopper"))
    take(model, Renamed("grace", "hopper", "lobby"))
    model.active = 3
    for _ in range(2):
        assert typed(model, "psst") == []
        assert "this conversation has ended: the one with the present hopper is buffer 3" in model.hint
        model.buffer.editor.submit()


# --- rooms


def test_joining_moves_the_buffer_and_what_follows_is_for_the_new_room(model: Model) -> None:
    assert typed(model, "/join #Ops") == [SendCommand("join", "#Ops", "lobby")]
    (effect,) = typed(model, "hi")
    assert isinstance(effect, Speak)
    assert effect.room == "Ops"
    take(model, Joined("Ops", "ada", 1))
    assert titles(model) == ["Ops", "dev", "@grace"]


def test_a_refused_join_stays(model: Model) -> None:
    typed(model, "/join ops")
    update(model, Refused(Command("join", "ops", room="lobby"), Error("bad-room", "no")), 0, NOON)
    (effect,) = typed(model, "hi")
    assert isinstance(effect, Speak)
    assert effect.room == "lobby"
    assert model.moves == {}


def test_opening_makes_a_buffer_once_the_server_lets_us_in(model: Model) -> None:
    assert typed(model, "/open ops") == [SendCommand("open", "ops")]
    assert titles(model) == ["lobby", "dev", "@grace"]
    take(model, Joined("ops", "ada", 1))
    assert titles(model) == ["lobby", "dev", "ops", "@grace"]
    assert model.buffer.title == "ops"
    assert typed(model, "/open lobby") == []
    assert model.buffer.title == "lobby"


def test_joining_from_a_conversation_leaves_no_room(model: Model) -> None:
    model.active = 2
    assert typed(model, "/join ops") == [SendCommand("open", "ops")]


def test_leaving_closes_the_buffer_once_the_server_has_let_us_go(model: Model) -> None:
    assert typed(model, "/leave") == [SendCommand("leave", None, "lobby")]
    assert titles(model) == ["lobby", "dev", "@grace"]
    take(model, Left("lobby", "ada", current="dev"))
    assert titles(model) == ["dev", "@grace"]
    assert told(model) == "* you left lobby"


def test_leaving_a_conversation_is_between_us_and_the_window(model: Model) -> None:
    model.active = 2
    assert typed(model, "/leave") == []
    assert titles(model) == ["lobby", "dev"]


def test_a_conversation_with_unconfirmed_words_is_not_closed(model: Model) -> None:
    model.active = 2
    typed(model, "psst")
    assert typed(model, "/leave") == []
    assert titles(model) == ["lobby", "dev", "@grace"]
    assert "not confirmed" in model.hint


def test_a_room_that_did_not_let_us_in_again_is_closed_at_once(model: Model) -> None:
    model.buffer.is_outside = True
    assert typed(model, "/leave") == []
    assert titles(model) == ["dev", "@grace"]


@pytest.mark.parametrize("line", ["/users", "/topic x"])
def test_a_conversation_has_no_room_for_commands_about_rooms(model: Model, line: str) -> None:
    model.active = 2
    assert typed(model, line) == []
    assert "conversation" in model.hint


def test_commands_of_the_server_name_the_room(model: Model) -> None:
    model.active = 1
    assert typed(model, "/topic green") == [SendCommand("topic", "green", "dev")]
    assert typed(model, "/whois grace") == [SendCommand("whois", "grace", "dev")]


# --- switching


@pytest.mark.parametrize(
    ("argument", "title"),
    [
        ("2", "dev"),
        ("dev", "dev"),
        ("#DEV", "dev"),
        ("@grace", "@grace"),
        ("grace", "@grace"),
        ("g", "@grace"),
        ("3", "@grace"),
    ],
)
def test_switching_by_number_name_or_the_beginning_of_one(model: Model, argument: str, title: str) -> None:
    assert typed(model, f"/switch {argument}") == []
    assert model.buffer.title == title


def test_switching_to_an_ambiguous_name_is_refused(model: Model) -> None:
    model.buffers[0].room = "deep"
    typed(model, "/switch de")
    assert "several" in model.hint


def test_switching_to_nothing_lists_the_buffers(model: Model) -> None:
    model.buffers[1].new = 3
    typed(model, "/switch")
    assert told(model) == "* buffers:\n1:lobby\n2:dev  3 new\n3:@grace"


def test_the_draft_of_each_buffer_stays(model: Model) -> None:
    update(model, Text("a draft"), 0, NOON)
    update(model, Key("alt-3"), 0, NOON)
    assert model.buffer.editor.text == ""
    update(model, Text("another"), 0, NOON)
    update(model, Key("alt-1"), 0, NOON)
    assert model.buffer.editor.text == "a draft"
    update(model, Key("alt-page-up"), 0, NOON)
    assert model.buffer.editor.text == "another"
    update(model, Key("alt-page-down"), 0, NOON)
    assert model.buffer.title == "lobby"
    update(model, Key("alt-9"), 0, NOON)
    assert model.buffer.title == "lobby"


def test_the_next_buffer_with_something_new(model: Model) -> None:
    model.buffers[1].new, model.buffers[2].new, model.buffers[2].urgent = 5, 1, 1
    shown = []
    for _ in range(3):
        update(model, Key("alt-a"), 0, NOON)
        shown.append(model.buffer.title)
    assert shown == ["@grace", "dev", "dev"]


def test_a_key_behind_a_room_is_not_part_of_its_name(model: Model) -> None:
    (command,) = typed(model, "/join tea sesame")
    assert command == SendCommand("join", "tea sesame", "lobby")
    assert model.buffer.heading == "tea"
    take(model, Joined("tea", "ada", 1))
    assert titles(model)[0] == "tea"
    typed(model, "/open den sesame")
    update(model, Refused(Command("open", "den sesame"), Error("bad-key", "no")), 0, NOON)
    assert model.moves == {}
