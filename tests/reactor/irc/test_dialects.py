"""The lines that a room says to IRC clients: at most eight kinds, each fit for a line."""

import itertools
import random

import pytest

from pylingo.reactor.irc.capabilities import CAPABILITIES
from pylingo.reactor.irc.dialects import Dialect, Dialects, Tags, tags_of
from pylingo.reactor.irc.message import parse
from pylingo.reactor.irc.people import People
from pylingo.shared.messages import (
    Joined,
    Left,
    Message,
    Moderated,
    Notice,
    Pong,
    Private,
    Redacted,
    Renamed,
    Topic,
)
from pylingo.shared.schema import Record
from tests.fakes.chat import NOON, Chat

AT = NOON + 123_999


@pytest.fixture
def people() -> People:
    return People(Chat().hub)


def dialect(people: People, tags: Tags = Tags.NONE, is_extended: bool = False) -> Dialect:
    return Dialect(people, lambda: NOON, "irc.test", tags, is_extended)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (Message("tea", "ada", "hello", AT), ":ada!native@pylingo PRIVMSG #tea :hello"),
        (Message("tea", "ada", "waves", AT, True), ":ada!native@pylingo PRIVMSG #tea :\x01ACTION waves\x01"),
        (Message("tea", "ada", "hello", AT, None, True), ":ada!native@pylingo NOTICE #tea :hello"),
        (Private("ada", "bob", "psst", AT), ":ada!native@pylingo PRIVMSG bob :psst"),
        (Joined("tea", "ada"), ":ada!native@pylingo JOIN #tea"),
        (Left("tea", "ada", "leave"), ":ada!native@pylingo PART #tea"),
        (Left("tea", "ada", "leave", text="so long"), ":ada!native@pylingo PART #tea :so long"),
        (Left("tea", "ada", "moved"), ":ada!native@pylingo PART #tea"),
        (Left("tea", "ada", "lost"), ":ada!native@pylingo QUIT :lost"),
        (Left("tea", "ada", "close", text="Quit: bye"), ":ada!native@pylingo QUIT :Quit: bye"),
        (Left("tea", "eve", "kicked", by="ada", text="spam"), ":ada!native@pylingo KICK #tea eve :spam"),
        (Left("tea", "eve", "kicked", by="ada"), ":ada!native@pylingo KICK #tea eve :ada"),
        (Renamed("ada", "lovelace", "tea"), ":ada!native@pylingo NICK :lovelace"),
        (Topic("tea", "scones", "ada", AT), ":ada!native@pylingo TOPIC #tea :scones"),
        (Topic("tea", None, "ada", AT), ":ada!native@pylingo TOPIC #tea :"),
        (Moderated("mute", "ada", "eve", None, "tea", "spam"), ":irc.test NOTICE #tea :mute of eve by ada: spam"),
        (Redacted("tea", AT, "ada"), f":irc.test NOTICE #tea :ada has taken back the message {AT}"),
        (Notice("hello"), ":irc.test NOTICE * :hello"),
    ],
)
def test_a_record_is_a_line(people: People, record: Record, line: str):
    assert dialect(people).encode(record) == f"{line}\r\n".encode()


@pytest.mark.parametrize(
    "record", [Moderated("kick", "ada", "eve", None, "tea"), Pong(), Topic("tea", None, None, None)]
)
def test_some_records_tell_nothing(people: People, record: Record):
    assert dialect(people).encode(record) == b""


def test_tags_are_those_that_a_client_can_read(people: People):
    message = Message("tea", "ada", "hello", AT)
    time = "time=2026-01-01T12:00:00.123Z"
    assert dialect(people, Tags.TIME).encode(message).startswith(f"@{time} :ada".encode())
    assert dialect(people, Tags.ALL).encode(message).startswith(f"@{time};msgid={AT} :ada".encode())
    joined = dialect(people, Tags.TIME, True).encode(Joined("tea", "ada"))
    assert joined == b"@time=2026-01-01T12:00:00.000Z :ada!native@pylingo JOIN #tea * :ada\r\n"


def test_a_text_of_many_lines_is_many_lines(people: People):
    lines = dialect(people).encode(Message("tea", "ada", "one\n\ntwo", AT)).split(b"\r\n")
    assert [line.rpartition(b":")[2] for line in lines] == [b"one", b"two", b""]
    assert len(dialect(people).encode(Message("tea", "ada", "x\n" * 2_000, AT)).split(b"\r\n")) == 22


@pytest.mark.parametrize("text", ["x" * 4_096, "\U0001f600" * 2_000, "word " * 800])
@pytest.mark.parametrize("is_action", [None, True])
def test_no_line_is_longer_than_a_line_may_be(people: People, text: str, is_action: bool | None):
    name, room = "n" * 32, "\U00020000" * 64
    for tags in Tags:
        for record in (
            Message(room, name, text, AT, is_action),
            Topic(room, text[:512], name, AT),
            Left(room, name, "close", text=text[:512]),
            Left(room, name, "kicked", by=name, text=text[:512]),
            Notice(text),
        ):
            for line in dialect(people, tags).encode(record).split(b"\r\n")[:-1]:
                assert len(line.partition(b" ")[2] if line.startswith(b"@") else line) <= 510
                parse(line)


def test_what_cannot_be_told_is_in_the_log_and_keeps_nobody_from_the_rest(people: People, caplog):
    broken = Message("tea", "ada", None, AT)  # type: ignore[arg-type]
    assert dialect(people).encode(broken) == b""
    assert "Message could not be told" in caplog.text


def test_there_are_at_most_eight_however_capabilities_are_combined(people: People):
    dialects = Dialects(people, lambda: NOON, "irc.test")
    names = sorted(CAPABILITIES)
    for count in range(3):
        for some in itertools.combinations(names, count):
            dialects.of(frozenset(some))
    chance = random.Random(1)
    for _ in range(2_000):
        dialects.of(frozenset(name for name in names if chance.random() < 0.5))
    assert 4 <= len(dialects) <= 8
    assert dialects.of(frozenset()) is dialects.of(frozenset({"batch", "setname"}))


def test_the_tags_of_capabilities():
    assert tags_of(frozenset()) is Tags.NONE
    assert tags_of(frozenset({"server-time"})) is Tags.TIME
    assert tags_of(frozenset({"server-time", "message-tags"})) is Tags.ALL
