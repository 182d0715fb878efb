"""What Tab offers."""

from typing import Any

import pytest

from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import Preferences
from pylingo.client.terminal import candidates
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.candidates import query_for, sources
from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Model
from pylingo.client.wording import clock_time
from pylingo.shared.commands import COMMANDS
from pylingo.shared.messages import CommandInfo

NOON = 1_700_000_000_000_000


def message(at: int, who: str, text: str, kind: str = "message", **more: Any) -> Line:
    """A message that the server has stamped, some seconds after noon."""
    return Line(kind, text, NOON + at * 1_000_000, who, is_stamped=True, **more)


@pytest.fixture
def model() -> Model:
    made = Model("x", Preferences(), name="ada")
    made.buffers = [Buffer("lobby"), Buffer("Dev"), Buffer(person="grace")]
    for name in ("ada", "bob", "cy"):
        made.buffers[0].know(name)
    made.buffers[1].know("dan")
    made.rooms = ["lobby", "dev", "deep"]
    made.banned = ["mallory", "192.0.2.1"]
    made.preferences.ignored = {"mallory", "bob"}
    made.hidden = {"eve": "eve"}
    made.buffer.topic = "tea at four"
    made.buffer.scrollback.add(message(7, "bob", "hi"))
    made.list_files = lambda begun: [name for name in ("file", "folder/") if name.startswith(begun)]
    made.commands["dance"] = CommandInfo("dance", "fast|slow", "Dances.")  # of a newer server
    return made


def complete(model: Model, text: str) -> list[str]:
    done = Completer().complete(text, len(text), sources(model))
    return list(done.offer.candidates) if done is not None else []


def test_names_are_those_of_the_room_then_of_conversations_then_of_other_rooms(model: Model) -> None:
    assert sources(model).names == ["cy", "bob", "grace", "dan"]
    model.active = 2
    assert sources(model).names == ["grace", "cy", "bob", "dan"]


def test_rooms_are_ours_first_and_each_once(model: Model) -> None:
    assert sources(model).rooms == ["lobby", "Dev", "deep"]


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("/switch ", ["Dev", "@grace"]),
        ("/switch @", ["@grace"]),
        ("/switch d", ["Dev"]),
        ("/layout b", ["bottom"]),
        ("/colors o", ["on", "off"]),
        ("/join de", ["Dev", "deep"]),
        ("/ignore g", ["grace"]),
        ("ask @g", ["@grace"]),
        ("see #de", ["#Dev", "#deep"]),
        ("/log f", ["file", "folder/"]),
        ("/log x", []),
        ("/kick b", ["bob"]),
        ("/ban bob ", ["10m", "1h", "12h", "1d", "7d"]),
        ("/ban bob 1d bec b", ["bob"]),
        ("/mute bob 1", ["10m", "1h", "12h", "1d"]),
        ("/unban m", ["mallory"]),
        ("/unban 1", ["192.0.2.1"]),
        ("/invite ", ["1"]),
        ("/invite 1 ", ["10m", "1h", "12h", "1d", "7d"]),
        ("/ignore ", ["cy", "bob", "grace", "dan", "eve", "mallory"]),
        ("/ignore @m", ["@mallory"]),
        ("/topic ", ["tea at four"]),
        ("/topic b", ["bob"]),
        ("/away with d", ["dan"]),
        ("/name ", ["ada"]),
        ("/nam", ["/name"]),
        ("/dan", ["/dance"]),
        ("/dance ", ["fast", "slow"]),
    ],
)
def test_arguments(model: Model, text: str, candidates: list[str]) -> None:
    assert complete(model, text) == candidates


def test_the_wanted_name_is_offered(model: Model) -> None:
    model.wanted = "alan"
    assert complete(model, "/name ") == ["alan"]


@pytest.mark.parametrize("info", [info for info in (*COMMANDS, *LOCAL) if info.argument], ids=lambda info: info.name)
def test_every_argument_of_every_command_completes(model: Model, info: CommandInfo) -> None:
    line = f"/{info.name} "
    for _ in (info.argument or "").split():
        found = complete(model, line)
        assert found, line
        line += f"{found[0]} "


# --- the messages that can be taken out of the history


def stamps(model: Model, begun: str = "") -> dict[int, str]:
    """The seconds and the labels of the messages that Tab offers for `/redact`."""
    text = f"/redact {begun}"
    done = Completer().complete(text, len(text), sources(model))
    if done is None:
        return {}
    assert done.text == f"/redact {done.offer.candidates[0]} "
    seconds = [(int(at) - NOON) // 1_000_000 for at in done.offer.candidates]
    return dict(zip(seconds, done.offer.labels, strict=True))


def test_the_stamps_of_messages_are_offered_newest_first_with_their_words(model: Model) -> None:
    lines = model.buffer.scrollback
    lines.add(message(8, "ada", "one\n two", "own"))
    lines.add(message(68, "cy", "waves", is_action=True))
    lines.add(message(69, "bob", "a message that is far too long for the row"))
    noon, later = clock_time(NOON), clock_time(NOON + 68_000_000)
    assert stamps(model) == {
        69: f"bob {later} a message that is far to\N{HORIZONTAL ELLIPSIS}",
        68: f"cy {later} waves",
        8: f"ada {noon} one two",
        7: f"bob {noon} hi",
    }
    assert [*stamps(model)] == [69, 68, 8, 7]
    assert [*stamps(model, "BO")] == [69, 7]
    assert [*stamps(model, str(NOON + 8_000_000)[:-6])] == [8]
    assert stamps(model, "dan") == {}


def test_the_stamps_of_old_messages_are_not_offered(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_RECENT", 2)
    for second in (8, 9):
        model.buffer.scrollback.add(message(second, "bob", "hi"))
    assert [*stamps(model)] == [9, 8]


def test_only_messages_that_the_history_of_the_room_may_have_are_offered(model: Model) -> None:
    lines = model.buffer.scrollback
    lines.unsent["k"] = Line("own", "waits", NOON, "ada", state="unsent")
    lines.add(Line("own", "refused", NOON, "ada", state="refused"))
    lines.add(Line("note", "* cy joined", NOON))
    lines.add(message(8, "bob", "a password"))
    assert [*stamps(model)] == [8, 7]
    lines.redact(NOON + 8_000_000)
    assert [*stamps(model)] == [7]
    model.active = 2  # a conversation
    model.buffer.scrollback.add(message(9, "grace", "psst"))
    assert stamps(model) == {}


def test_messages_of_a_room_that_the_buffer_was_for_before_are_not_offered(model: Model) -> None:
    lines = model.buffer.scrollback
    for second, room in ((10, "kitchen"), (20, "lobby"), (30, "lobby")):
        lines.add(Line("note", f"* you are in {room}", NOON + second * 1_000_000, begins=room))
        lines.add(message(second + 1, "bob", f"in {room}"))
    assert [*stamps(model)] == [31, 21, 7]


def test_more_candidates_are_asked_for_where_the_server_has_them(model: Model) -> None:
    assert query_for(model, "room") is None, "we are not online"
    model.state = "online"
    assert query_for(model, "room") == "list"
    assert query_for(model, "username") is None
    assert query_for(model, "banned") is None
    model.is_operator = True
    assert query_for(model, "banned") == "bans"
