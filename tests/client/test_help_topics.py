"""The explanations of commands: each one has one, and their examples are meant."""

import pytest

from pylingo.client.help_topics import KEYS_TOPIC, TOPICS, explain
from pylingo.client.local_commands import LOCAL_BY_NAME
from pylingo.shared.commands import BY_NAME, parse_line
from pylingo.shared.errors import RequestError
from pylingo.shared.messages import Command, CommandInfo

KNOWN = BY_NAME | LOCAL_BY_NAME


def test_every_command_is_explained_and_no_other() -> None:
    assert set(TOPICS) == set(KNOWN)
    assert KEYS_TOPIC not in KNOWN


@pytest.mark.parametrize("name", TOPICS)
def test_the_examples_are_commands_with_the_arguments_that_they_take(name: str) -> None:
    assert TOPICS[name].examples
    for example in TOPICS[name].examples:
        command = parse_line(example)
        assert isinstance(command, Command)
        assert command.name == name
        assert command.argument is None or KNOWN[name].argument is not None


@pytest.mark.parametrize("name", ["msg", "/msg", "MSG"])
def test_usage_words_and_examples(name: str) -> None:
    first, second, *rest = explain(name, KNOWN).split("\n")
    assert (first, second) == ("/msg [username text]", "Says something to one person alone.")
    assert rest[-2:] == ["    /msg grace hello", "    /msg grace"]


def test_a_command_of_a_newer_server_is_explained_in_its_words_made_safe() -> None:
    newer = {"dance": CommandInfo("dance", "steps", "Dan\x1b[2Jces.")}
    assert explain("dance", newer) == "/dance [steps]\nDan\N{REPLACEMENT CHARACTER}[2Jces."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jion", "there is no command '/jion'; did you mean /join?"),
        ("/zzz", "there is no command '/zzz': see /help"),
        ("msg x", "there is no command '/msg x'; did you mean /msg?"),
    ],
)
def test_an_unknown_topic_names_the_nearest(name: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        explain(name, KNOWN)
    assert caught.value.text == words
