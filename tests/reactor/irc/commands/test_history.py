"""CHATHISTORY, and the newest messages on joining."""

import re

import pytest

from pylingo.reactor.irc.commands.history import HANDLERS, ON_JOIN
from pylingo.reactor.irc.times import server_time
from pylingo.shared.messages import Command, Say
from tests.fakes.chat import Chat, Person
from tests.fakes.irc_client import Desk, Somebody, numbers

CAPS = "batch message-tags server-time draft/chathistory"


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def desk(chat: Chat) -> Desk:
    return Desk(chat)


@pytest.fixture
def bob(chat: Chat) -> Person:
    """A native person who has said ten things in the room tea."""
    bob = chat.person("bob", "tea")
    for number in range(10):
        bob.ask(Say(f"m{number}"))
    chat.tick()
    return bob


@pytest.fixture
def ada(desk: Desk, bob: Person) -> Somebody:
    return desk.client("ada", "#tea", caps=CAPS)


def texts(lines: list[str]) -> list[str]:
    return [line.rpartition(":")[2] for line in lines if " PRIVMSG " in line]


def stamps(lines: list[str]) -> list[int]:
    return [int(found[1]) for line in lines if (found := re.search(r"msgid=(\d+)", line))]


def asked(ada: Somebody, words: str) -> list[str]:
    """The messages in the reply, which must be one batch."""
    first, *lines, last = ada.asks(f"CHATHISTORY {words}")
    name = re.fullmatch(r":irc\.test BATCH \+(\w+) chathistory \S+", first)
    assert name is not None, first
    assert last == f":irc.test BATCH -{name[1]}"
    assert all(f"batch={name[1]}" in line for line in lines)
    return lines


def test_the_newest_messages(ada: Somebody) -> None:
    lines = asked(ada, "LATEST #tea * 3")
    assert texts(lines) == ["m7", "m8", "m9"]
    assert all(re.search(r"time=\S+Z;msgid=\d+", line) for line in lines)
    assert lines[0].endswith(" :bob!native@pylingo PRIVMSG #tea :m7")
    assert texts(asked(ada, "LATEST #Tea * 100")) == [f"m{number}" for number in range(10)]


def test_messages_around_one(ada: Somebody) -> None:
    ids = stamps(asked(ada, "LATEST #tea * 100"))
    one = f"msgid={ids[4]}"
    assert texts(asked(ada, f"BEFORE #tea {one} 2")) == ["m2", "m3"]
    assert texts(asked(ada, f"AFTER #tea {one} 2")) == ["m5", "m6"]
    assert texts(asked(ada, f"LATEST #tea {one} 3")) == ["m7", "m8", "m9"]
    assert texts(asked(ada, f"LATEST #tea {one} 100")) == ["m5", "m6", "m7", "m8", "m9"]
    assert texts(asked(ada, f"AROUND #tea {one} 3")) == ["m3", "m4", "m5"]
    assert texts(asked(ada, f"AROUND #tea {one} 1")) == ["m4"]
    between = f"msgid={ids[8]}"
    assert texts(asked(ada, f"BETWEEN #tea {one} {between} 2")) == ["m5", "m6"]
    assert texts(asked(ada, f"BETWEEN #tea {between} {one} 2")) == ["m6", "m7"]
    assert texts(asked(ada, f"BEFORE #tea msgid={ids[0]} 5")) == []


def test_a_time_stands_for_its_whole_millisecond(desk: Desk, chat: Chat) -> None:
    bob = chat.person("bob", "tea")
    chat.now += 500 - chat.now % 1_000
    begin = chat.now
    for after in (0, 400, 1_000):
        chat.now = begin + after
        bob.ask(Say(f"at {after}"))
    ada = desk.client("ada", "#tea", caps=CAPS)
    time = f"timestamp={server_time(begin)}"
    assert texts(asked(ada, f"AFTER #tea {time} 10")) == ["at 1000"]
    assert texts(asked(ada, f"BEFORE #tea {time} 10")) == []
    assert texts(asked(ada, f"AROUND #tea {time} 1")) == ["at 0"]


def test_long_messages_are_read_in_several_pages(desk: Desk, chat: Chat) -> None:
    bob = chat.person("bob", "tea")
    for number in range(30):
        bob.ask(Say(f"{number:02}" + "x" * 3_000))
    ada = desk.client("ada", "#tea", caps=CAPS)
    ids = dict.fromkeys(stamps(asked(ada, "LATEST #tea * 30")))
    assert len(ids) == 30
    assert len(dict.fromkeys(stamps(asked(ada, "AFTER #tea msgid=0 30")))) == 30
    assert [*ids] == sorted(ids)


def test_what_was_said_in_private(desk: Desk, chat: Chat, ada: Somebody, bob: Person) -> None:
    ada.asks("PRIVMSG bob :hi")
    bob.ask(Say("ho", to="ada"))
    lines = asked(ada, "LATEST bob * 10")
    assert [line.partition(" ")[2] for line in lines] == [
        ":ada!ada-user@pylingo PRIVMSG bob :hi",
        ":bob!native@pylingo PRIVMSG ada :ho",
    ]


def test_a_message_that_was_taken_back_is_missing(desk: Desk, chat: Chat) -> None:
    bob = chat.person("bob", "tea")
    bob.ask(Say("one"), Say("two"))
    ada = desk.client("ada", "#tea", caps=CAPS)
    ids = stamps(asked(ada, "LATEST #tea * 10"))
    chat.hub.history.redact("tea", ids[0], lambda is_there: None)
    assert texts(asked(ada, "LATEST #tea * 10")) == ["two"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", "INVALID_PARAMS"),
        ("LATEST", "INVALID_PARAMS"),
        ("LATEST #tea *", "INVALID_PARAMS"),
        ("LATEST #tea * 0", "INVALID_PARAMS"),
        ("LATEST #tea x 5", "INVALID_PARAMS"),
        ("NEXT #tea * 5", "INVALID_PARAMS"),
        ("TARGETS * * 5", "INVALID_PARAMS"),
        ("TARGETS", "INVALID_PARAMS"),
        ("LATEST #coffee * 5", "INVALID_TARGET"),
        ("LATEST nobody * 5", "INVALID_TARGET"),
        ("LATEST ada * 5", "INVALID_TARGET"),
        ("LATEST * * 5", "INVALID_TARGET"),
        ("LATEST " + "x" * 300 + " * 5", "INVALID_TARGET"),
        ("LATEST #" + "x" * 300 + " * 5", "INVALID_TARGET"),
    ],
)
def test_what_cannot_be_asked(desk: Desk, bob: Person, words: str, code: str) -> None:
    ada = desk.client("ada", "#tea", caps=f"{CAPS} standard-replies")
    (line,) = ada.asks(f"CHATHISTORY {words}")
    assert line.startswith(f":irc.test FAIL CHATHISTORY {code} ")


def test_with_whom_somebody_has_talked(desk: Desk, chat: Chat, ada: Somebody, bob: Person) -> None:
    bob.ask(Command("open", "coffee"), Say("there", room="coffee"), Say("ho", to="ada"))
    ada.asks("JOIN #coffee")
    begin, *lines, _ = ada.asks("CHATHISTORY TARGETS timestamp=1970-01-01T00:00:00Z timestamp=2100-01-01T00:00:00Z 10")
    assert begin.endswith(" draft/chathistory-targets")
    assert [line.split(" ")[4] for line in lines] == ["#tea", "#coffee", "bob"]
    one = ada.asks("CHATHISTORY TARGETS timestamp=2100-01-01T00:00:00Z timestamp=1970-01-01T00:00:00Z 1")
    assert len(one) == 3
    none = ada.asks("CHATHISTORY TARGETS timestamp=2099-01-01T00:00:00Z timestamp=2100-01-01T00:00:00Z 10")
    assert len(none) == 2


def test_without_batches_the_messages_come_alone(desk: Desk, bob: Person) -> None:
    ada = desk.client("ada", "#tea", caps="server-time draft/chathistory")
    lines = ada.asks("CHATHISTORY LATEST #tea * 2")
    assert texts(lines) == ["m8", "m9"]
    assert len(lines) == 2


def test_a_label_is_on_the_batch(desk: Desk, bob: Person) -> None:
    ada = desk.client("ada", "#tea", caps=f"{CAPS} labeled-response")
    lines = ada.asks("@label=x CHATHISTORY LATEST #tea * 2")
    assert lines[0].startswith("@label=x ")
    assert texts(lines) == ["m8", "m9"]


def test_the_lines_behind_wait_for_the_history(ada: Somebody) -> None:
    lines = ada.asks("CHATHISTORY LATEST #tea * 2", "PING 1")
    assert numbers(lines)[-1] == "PONG"


# --- on joining


def test_a_client_that_reads_times_gets_the_newest_on_joining(desk: Desk, chat: Chat) -> None:
    bob = chat.person("bob", "tea")
    for number in range(ON_JOIN + 5):
        bob.ask(Say(f"m{number}"))
        chat.now += 1_000_000
    ada = desk.client("ada", caps="server-time")
    lines = ada.asks("JOIN #tea")
    assert texts(lines) == [f"m{number}" for number in range(5, ON_JOIN + 5)]
    assert all(line.startswith("@time=") for line in lines if " PRIVMSG " in line)
    bob.ask(Say("live"))
    assert texts(ada.got()) == ["live"]


@pytest.mark.parametrize("caps", ["", "batch", "server-time draft/chathistory"])
def test_other_clients_get_none(desk: Desk, bob: Person, caps: str) -> None:
    assert texts(desk.client("ada", caps=caps).asks("JOIN #tea")) == []


def test_an_empty_room_sends_no_empty_batch(desk: Desk) -> None:
    assert "BATCH" not in numbers(desk.client("ada", caps="server-time batch").asks("JOIN #new"))


def test_joining_again_repeats_nothing(desk: Desk, bob: Person) -> None:
    ada = desk.client("ada", "#tea", caps="server-time")
    assert ada.asks("JOIN #tea") == []


def test_the_command_is_in_the_table(desk: Desk) -> None:
    assert HANDLERS["CHATHISTORY"] is desk.gateway.handlers["CHATHISTORY"]


def test_clients_that_ask_for_the_history_are_refused_with_fail(ada: Somebody, desk: Desk) -> None:
    assert ada.asks("CHATHISTORY LATEST #no * 5") == [
        ":irc.test FAIL CHATHISTORY INVALID_TARGET LATEST #no :you are not in that channel"
    ]
    assert numbers(ada.asks("CHATHISTORY LATEST #tea")) == ["FAIL"]
    assert numbers(desk.client("eve").asks("CHATHISTORY LATEST #no * 5")) == ["400"]


def test_a_conversation_is_called_as_the_client_spells_it(ada: Somebody, bob: Person, desk: Desk) -> None:
    ada.asks("PRIVMSG bob :hi")
    first, line, _ = ada.asks("CHATHISTORY LATEST BOB * 5")
    assert first.endswith(" chathistory BOB")
    assert line.endswith(" PRIVMSG bob :hi")
