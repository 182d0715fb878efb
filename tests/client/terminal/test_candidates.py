"""What Tab offers."""

import pytest

from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.candidates import query_for, sources
from pylingo.client.terminal.completion import Completer
from pylingo.client.terminal.model import Model
from pylingo.shared.commands import COMMANDS
from pylingo.shared.messages import CommandInfo


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


NOT_YET = {"redact"}
"""Commands whose argument nobody could type without help, and which has none yet."""


@pytest.mark.parametrize("info", [info for info in (*COMMANDS, *LOCAL) if info.argument], ids=lambda info: info.name)
def test_every_argument_of_every_command_completes(model: Model, info: CommandInfo) -> None:
    if info.name in NOT_YET:
        return
    line = f"/{info.name} "
    for _ in (info.argument or "").split():
        found = complete(model, line)
        assert found, line
        line += f"{found[0]} "


def test_more_candidates_are_asked_for_where_the_server_has_them(model: Model) -> None:
    assert query_for(model, "room") is None, "we are not online"
    model.state = "online"
    assert query_for(model, "room") == "list"
    assert query_for(model, "username") is None
    assert query_for(model, "banned") is None
    model.is_operator = True
    assert query_for(model, "banned") == "bans"
