"""The commands, and what a typed line means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared.commands import (
    BY_NAME,
    COMMANDS,
    OPTIONAL,
    message_of,
    parse_line,
    parse_piped,
    suggestion,
    unknown_command,
)
from pylingo.shared.messages import Command, CommandInfo, Say


def test_the_commands_of_the_protocol():
    assert {command.name: command.argument is not None for command in COMMANDS} == {
        "name": True,
        "list": False,
        "join": True,
        "open": True,
        "users": False,
        "leave": False,
        "topic": True,
        "me": True,
        "msg": True,
        "who": False,
        "whois": True,
        "away": True,
        "irc-password": True,
        "kick": True,
        "roomop": True,
        "roomdeop": True,
        "mode": True,
        "topiclock": True,
        "ban": True,
        "unban": True,
        "bans": False,
        "mute": True,
        "unmute": True,
        "op": True,
        "deop": True,
        "redact": True,
        "announce": True,
        "servers": False,
        "invite": True,
        "help": False,
        "close": False,
    }
    assert OPTIONAL == {"topic", "away", "invite", "irc-password", "mode"}


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("nmae", "; did you mean /name?"),
        ("opne", "; did you mean /open?"),
        ("whios", "; did you mean /whois?"),
        ("xyzzy", ": see /help"),
        ("", ": see /help"),
        ("x" * 10_000, ": see /help"),
    ],
)
def test_the_nearest_command_is_suggested(name, rest):
    assert suggestion(name) == rest


def test_a_suggestion_is_one_of_the_commands_that_are_known():
    assert suggestion("swich", ["switch", "leave"]) == "; did you mean /switch?"


def test_every_command_is_found_by_its_name():
    assert BY_NAME == {command.name: command for command in COMMANDS}
    assert len(BY_NAME) == len(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_described(command):
    assert type(command) is CommandInfo
    assert command.name == command.name.lower()
    assert command.description.endswith(".")
    assert command.description.isprintable()


@pytest.mark.parametrize("line", ["", " ", "\t", "\n", " \t\r\n ", "\u3000"], ids=ascii)
def test_a_blank_line_means_nothing(line):
    assert parse_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "  indented",
        "trailing  ",
        "a / b",
        "7/8",
        " /join room",
        "two\nlines",
        "\\/x",
        "-",
        "лучше",
        "／join x",
    ],
)
def test_words_are_said_as_they_were_typed(line):
    assert parse_line(line) == Say(line)


@pytest.mark.parametrize(
    ("line", "said"), [("//", "/"), ("//etc/hosts", "/etc/hosts"), ("///", "//"), ("// spaced ", "/ spaced ")]
)
def test_two_slashes_say_one(line, said):
    assert parse_line(line) == Say(said)


@pytest.mark.parametrize(
    ("line", "name", "argument"),
    [
        ("/list", "list", None),
        ("/list ", "list", None),
        ("/list    ", "list", None),
        ("/LIST", "list", None),
        ("/Join Lobby", "join", "Lobby"),
        ("/join #lobby", "join", "#lobby"),
        ("/join   lobby  ", "join", "lobby"),
        ("/join two words", "join", "two words"),
        ("/join two  blanks", "join", "two  blanks"),
        ("/ join lobby", "join", "lobby"),
        ("/name /slash", "name", "/slash"),
        ("/close\n", "close", None),
        ("/", "", None),
        ("/   ", "", None),
        ("/nonsense", "nonsense", None),
        ("/ПРИВЕТ", "привет", None),
        ("/join /a/b", "join", "/a/b"),
    ],
)
def test_a_slash_begins_a_command(line, name, argument):
    assert parse_line(line) == Command(name, argument)


@settings(deadline=None)
@given(line=st.text(st.characters(exclude_categories=[])))
def test_any_line_means_something(line):
    meant = parse_line(line)
    if not line.strip():
        assert meant is None
    elif line.startswith("/") and "/" not in (line[1:].split() or [""])[0] and not line.startswith("//"):
        assert type(meant) is Command
        assert meant.argument is None or meant.argument == meant.argument.strip() != ""
    else:
        assert meant == Say(line[1:] if line.startswith("//") else line)


@pytest.mark.parametrize("line", ["/usr/bin/ld: cannot find -lfoo", "/a/", "/etc/passwd", "/usr//x", "/ a/b c"])
def test_a_first_word_with_a_second_slash_is_text(line):
    assert parse_line(line) == parse_piped(line) == Say(line)


@pytest.mark.parametrize("line", ["/closed", "/Close", "/", "/ close", "/quit", "/nonsense", "/close: no", " /close"])
def test_in_a_pipe_all_is_text_but_the_commands_that_there_are(line):
    assert parse_piped(line) == Say(line)


@pytest.mark.parametrize("name", BY_NAME)
def test_in_a_pipe_the_commands_that_there_are_are_commands(name):
    assert parse_piped(f"/{name}") == Command(name)
    assert parse_piped(f"/{name}  a b ") == Command(name, "a b")
    assert parse_piped(f"//{name}") == Say(f"/{name}")


def test_a_blank_line_in_a_pipe_is_nothing():
    assert parse_piped(" \t") is None


def test_the_error_for_an_unknown_command_says_what_to_do():
    error = unknown_command("nonsense\x1b")
    assert "'/nonsense\ufffd'" in error.text
    assert "/help" in error.text


@pytest.mark.parametrize(
    ("typed", "near"), [("nmae", "name"), ("joni", "join"), ("layuot", "layout"), ("wois", "whois")]
)
def test_an_unknown_command_names_the_nearest_one(typed, near):
    known = {*BY_NAME, "layout"}
    assert unknown_command(typed, known).text == f"there is no command '/{typed}'; did you mean /{near}?"
    assert suggestion(typed, known) == f"; did you mean /{near}?"


def test_a_suggestion_is_a_command_that_is_known():
    assert unknown_command("layuot").text.endswith(": /help lists them; to send it as text, put a second / before it")
    assert suggestion("layuot") == ": see /help"
    assert unknown_command("x" * 100_000, iter(["name"])).reason == "unknown-command"


MESSAGES = [
    (Command("me", "waves"), Say("waves", action=True)),
    (Command("me", "waves", room="ops"), Say("waves", room="ops", action=True)),
    (Command("me"), None),
    (Command("msg", "grace hi  there"), Say("hi  there", to="grace")),
    (Command("msg", "grace\nhi\nthere"), Say("hi\nthere", to="grace")),
    (Command("msg", "grace hi", room="ops"), Say("hi", to="grace")),
    (Command("msg", "grace"), None),
    (Command("msg"), None),
    (Command("name", "grace hi"), None),
]


@pytest.mark.parametrize(("command", "say"), MESSAGES)
def test_two_commands_are_messages(command, say):
    assert message_of(command) == say


@settings(deadline=None)
@given(text=st.text(min_size=1).filter(str.strip))
def test_whatever_begins_with_a_slash_can_be_said(text):
    assert parse_line("//" + text) == Say("/" + text)
