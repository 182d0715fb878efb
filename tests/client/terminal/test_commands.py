"""The commands that the program carries out by itself."""

import pytest

from pylingo.client.local_commands import LOCAL
from pylingo.client.settings import LAYOUTS, Preferences
from pylingo.client.terminal.commands import run_local
from pylingo.client.terminal.key_table import key_rows
from pylingo.client.terminal.line import Line
from pylingo.client.terminal.model import Do, Effect, Model, Transcribe
from pylingo.client.terminal.room_commands import ROOM_COMMANDS
from pylingo.client.themes import THEMES
from pylingo.shared.commands import BY_NAME
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import CommandInfo

NOON = 1_700_000_000_000_000


@pytest.fixture
def model() -> Model:
    return Model("x", Preferences())


def run(model: Model, name: str, argument: str | None = None) -> list[Effect]:
    effects = run_local(model, name, argument, NOON)
    assert effects is not None
    return effects


def texts(model: Model) -> list[str]:
    return [line.text for line in model.buffer.scrollback.lines]


def test_commands_of_the_server_are_not_carried_out_here(model: Model) -> None:
    for name in [*BY_NAME, "", "nope"]:
        if name not in ("close", "help") and name not in ROOM_COMMANDS:
            assert run_local(model, name, "x", NOON) is None
    assert run_local(model, "help", None, NOON) is None
    assert model.preferences == Preferences()


def test_the_table_has_every_command_and_none_of_the_servers(model: Model) -> None:
    names = [info.name for info in LOCAL]
    assert names == [
        "layout",
        "theme",
        "switch",
        "colors",
        "time",
        "people",
        "mouse",
        "ignore",
        "notify",
        "search",
        "history",
        "log",
        "help",
        "bare",
        "clear",
        "quit",
    ]
    assert set(names) & set(BY_NAME) == {"help"}
    model.buffer.room = "lobby"
    for name in names:
        run(model, name, "msg" if name in ("help", "search") else None)


def test_notify_is_for_the_room_of_the_buffer_and_kept(model: Model) -> None:
    model.where, model.buffer.room = "chat.example:5000", "Ops"
    assert run(model, "notify", "all") == [Do.REMEMBER]
    assert model.preferences.notify_rooms == {"chat.example:5000/ops": "all"}
    assert run(model, "notify") == []
    assert texts(model)[-1] == "* in Ops, every message calls you: notify is all"
    assert run(model, "notify", "mention") == [Do.REMEMBER]
    assert model.preferences.notify_rooms == {}, "that is so everywhere"
    model.preferences.notify = "none"
    run(model, "notify")
    assert texts(model)[-1] == "* in Ops, no message calls you: notify is none"
    run(model, "notify", "mention")
    assert model.preferences.notify_rooms == {"chat.example:5000/ops": "mention"}


def test_notify_takes_a_level_and_needs_a_room(model: Model) -> None:
    with pytest.raises(RequestError, match="and there is none in this buffer"):
        run(model, "notify", "all")
    model.buffer.room = "ops"
    with pytest.raises(RequestError, match="takes one of mention, all, none"):
        run(model, "notify", "loud")
    assert model.preferences == Preferences()


def test_help_explains_a_command(model: Model) -> None:
    model.commands["dance"] = CommandInfo("dance", None, "Dances.")
    usages = {"msg": "/msg [username text]", "/layout": "/layout [layout]", "dance": "/dance\nDances."}
    for topic, words in usages.items():
        assert run(model, "help", topic) == []
        assert words in texts(model)[-1]
    with pytest.raises(RequestError, match="did you mean /dance"):
        run(model, "help", "danec")


def test_help_shows_the_keys(model: Model) -> None:
    assert run(model, "help", "Keys") == []
    assert all(row in texts(model)[0] for row in key_rows())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(model: Model, layout: str) -> None:
    assert run(model, "layout", layout) == [Do.REMEMBER, Do.REPAINT]
    assert model.preferences.layout == layout


@pytest.mark.parametrize("argument", [None, "", "left", "TOP", "top bottom"])
def test_layout_says_which_there_are(model: Model, argument: str | None) -> None:
    assert run(model, "layout", argument) == []
    assert model.preferences.layout == "top"
    (text,) = texts(model)
    assert "it is top now" in text
    assert all(f"\n{name}" in text for name in LAYOUTS)


@pytest.mark.parametrize("theme", THEMES)
def test_theme(model: Model, theme: str) -> None:
    assert run(model, "theme", theme) == [Do.REMEMBER, Do.REPAINT]
    assert model.preferences.theme == theme
    assert run(model, "theme") == []
    assert all(f"\n{name:<15}{theme.about}" in texts(model)[-1] for name, theme in THEMES.items())


@pytest.mark.parametrize(
    ("command", "field"), [("colors", "colors"), ("time", "times"), *[(name, name) for name in ("people", "mouse")]]
)
def test_switches(model: Model, command: str, field: str) -> None:
    shown = []
    for argument in ("off", "off", "on", "on", None, ""):
        assert run(model, command, argument) == [Do.REMEMBER, Do.REPAINT]
        shown.append(getattr(model.preferences, field))
    assert shown == [False, False, True, True, False, True]


@pytest.mark.parametrize(
    ("command", "argument", "words"),
    [
        ("colors", "maybe", "/colors takes on or off"),
        ("colors", "ON", "/colors takes on or off"),
        ("time", "12:00", "/time takes on or off"),
        ("clear", "all", "/clear takes no argument"),
        ("quit", "now", "/quit takes no argument"),
        ("close", "now", "/close takes no argument"),
    ],
)
def test_a_wrong_argument_is_refused_and_changes_nothing(model: Model, command: str, argument: str, words: str) -> None:
    model.buffer.scrollback.add(Line("note", "x"))
    with pytest.raises(RequestError) as caught:
        run(model, command, argument)
    assert caught.value.reason == "bad-argument"
    assert words in caught.value.text
    assert model.preferences == Preferences()
    assert texts(model) == ["x"]


def test_people_says_where_there_is_a_list(model: Model) -> None:
    model.buffer.room = "lobby"
    run(model, "people", "on")
    assert "windows of 100 columns" in model.hint
    model.hint, model.columns = "", 100
    run(model, "people", "on")
    assert model.hint == ""
    model.buffer.room = None
    run(model, "people", "off")
    assert model.hint == ""


def test_ignoring_and_hearing_again(model: Model) -> None:
    assert run(model, "ignore", "Bob") == [Do.REMEMBER]
    assert model.preferences.ignored == {"bob"}
    assert run(model, "ignore", "Álvaro") == [Do.REMEMBER]
    assert run(model, "ignore") == []
    assert run(model, "ignore", "BOB") == [Do.REMEMBER]
    assert model.preferences.ignored == {"álvaro"}
    assert texts(model) == [
        "* Bob is hidden from now on; /ignore Bob again shows them",
        "* Álvaro is hidden from now on; /ignore Álvaro again shows them",
        "* hidden: bob, álvaro",
        "* BOB is shown again",
    ]


def test_nobody_is_hidden_at_first(model: Model) -> None:
    assert run(model, "ignore") == []
    assert texts(model) == ["* hidden: nobody"]


def test_a_name_that_nobody_can_have_is_refused(model: Model) -> None:
    for name in ("a b", "x" * 33, "-", "guest-7"):
        with pytest.raises(RequestError, match="name"):
            run(model, "ignore", name)
    assert model.preferences.ignored == set()


def test_guests_who_are_here_can_be_ignored(model: Model) -> None:
    model.buffer.know("guest-7")
    run(model, "ignore", "guest-7")
    assert model.hides("Guest-7")
    assert model.preferences.ignored == set(), "the number is somebody else's after the server's next start"
    model.buffer.people.clear()
    run(model, "ignore")
    run(model, "ignore", "guest-7")
    assert not model.hides("guest-7")
    assert texts(model)[1:] == ["* hidden: guest-7", "* guest-7 is shown again"]


@pytest.mark.parametrize("called", ["bobby", "Bob"])
def test_showing_somebody_again_is_for_all_their_names(model: Model, called: str) -> None:
    model.preferences.ignored = {"bob", "cy"}
    model.follow("Bob", "Bobby")
    run(model, "ignore")
    assert run(model, "ignore", called) == [Do.REMEMBER]
    assert (model.preferences.ignored, model.hidden) == ({"cy"}, {})
    assert texts(model) == ["* hidden: bob, bobby (was bob), cy", f"* {called} is shown again"]


def test_names_in_notes_are_inert(model: Model) -> None:
    model.buffer.know("\x1b[2J")
    run(model, "ignore", "\x1b[2J")
    run(model, "ignore")
    run(model, "ignore", "\x1b[2J")
    assert all("\x1b" not in text for text in texts(model))
    assert len(texts(model)) == 3


def test_a_log_begins_and_ends(model: Model) -> None:
    assert run(model, "log", "~/chat of today.txt") == [Transcribe("~/chat of today.txt")]
    assert run(model, "log") == [Transcribe(None)]


def test_clear_keeps_what_waits_to_be_sent(model: Model) -> None:
    model.buffer.scrollback.add(Line("note", "x"))
    model.buffer.scrollback.unsent["k"] = Line("own", "mine", state="unsent")
    assert run(model, "clear") == [Do.REPAINT]
    assert texts(model) == []
    assert list(model.buffer.scrollback.unsent) == ["k"]


@pytest.mark.parametrize("name", ["quit", "close"])
def test_leaving(model: Model, name: str) -> None:
    assert run(model, name) == [Do.LEAVE]
