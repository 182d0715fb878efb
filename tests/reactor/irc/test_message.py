"""Messages are parsed and formatted: the examples of the documents, hostile lines, and the way there and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.lines import LineDecoder
from pylingo.reactor.irc.message import (
    Message,
    ParseError,
    client_tags,
    format_message,
    format_tags,
    needs_colon,
    parse,
    parse_tags,
)
from tests.fakes.irc import HOSTILE_STREAMS, SOUND_LINES


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"PING", Message("PING")),
        (b"ping a", Message("PING", ["a"])),
        (b"PRIVMSG #tea :hello there", Message("PRIVMSG", ["#tea", "hello there"])),
        (b"PRIVMSG #tea hello", Message("PRIVMSG", ["#tea", "hello"])),
        (b"PRIVMSG #tea :", Message("PRIVMSG", ["#tea", ""])),
        (b"PRIVMSG #tea ::)", Message("PRIVMSG", ["#tea", ":)"])),
        (b"PRIVMSG #tea :a :b", Message("PRIVMSG", ["#tea", "a :b"])),
        (b"PRIVMSG   #tea   :a  b ", Message("PRIVMSG", ["#tea", "a  b "])),
        (b"JOIN #a,#b ", Message("JOIN", ["#a,#b"])),
        (b"MODE a:b", Message("MODE", ["a:b"])),
        (b":ada!a@b JOIN :#tea", Message("JOIN", ["#tea"], "ada!a@b")),
        (b"@a=1;b;+c/d=e :ada PING x", Message("PING", ["x"], "ada", {"a": "1", "b": "", "+c/d": "e"})),
        (b"@a=1 PING", Message("PING", tags={"a": "1"})),
        ("PRIVMSG #tea :Zoë \U0001f600".encode(), Message("PRIVMSG", ["#tea", "Zoë \U0001f600"])),
        (b"433 * ada :taken", Message("433", ["*", "ada", "taken"])),
    ],
)
def test_a_line_is_parsed(line: bytes, message: Message) -> None:
    found = parse(line)
    assert (found.command, list(found.params), found.source) == (message.command, list(message.params), message.source)
    assert dict(found.tags) == dict(message.tags)


@pytest.mark.parametrize(
    "line", [b"", b" ", b":", b":ada", b"@a=b", b"@a=b ", b"\x16\x03", b"P!NG", "é".encode(), b": :"]
)
def test_a_line_without_a_command(line: bytes) -> None:
    with pytest.raises(ParseError, match="command") as caught:
        parse(line)
    assert caught.value.reason == "INVALID_MESSAGE"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"PRIVMSG #tea :\xff", "PRIVMSG"),
        (b"@a=\xff :ada privmsg #tea :x", "PRIVMSG"),
        (b"PRIVMSG #tea :caf\xc3", "PRIVMSG"),
        (b"PRIVMSG #tea :\xed\xa0\x80", "PRIVMSG"),
        (b"\xff", "*"),
        (b":\xff", "*"),
    ],
)
def test_a_line_that_is_not_utf_8(line: bytes, command: str) -> None:
    with pytest.raises(ParseError, match="UTF-8") as caught:
        parse(line)
    assert (caught.value.reason, caught.value.command) == ("INVALID_UTF8", command)


@pytest.mark.parametrize("line", SOUND_LINES)
def test_what_clients_send_is_formatted_as_it_came(line: bytes) -> None:
    message = parse(line)
    again = parse(format_message(message.command, message.params, message.source, message.tags)[:-2])
    assert again == message


@pytest.mark.parametrize("name", HOSTILE_STREAMS)
def test_what_hostile_clients_send_is_a_message_or_a_line_error(name: str) -> None:
    try:
        for line in LineDecoder().feed(HOSTILE_STREAMS[name]):
            if isinstance(line, bytes):
                assert re.fullmatch(r"[A-Z0-9_-]+", parse(line).command)
    except Exception as error:
        assert type(error).__name__ in ("ParseError", "FrameError")


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_a_line_error(data: bytes) -> None:
    for line in LineDecoder().feed(data):
        assert isinstance(line, bytes)
        try:
            message = parse(line)
        except ParseError:
            continue
        format_message(message.command, [word for word in message.params if not needs_colon(word)], "x", message.tags)


plain = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
middles = plain.filter(lambda word: not needs_colon(word))
keys = st.from_regex(r"\+?([a-z0-9.-]+/)?[A-Za-z0-9-]+", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(
    st.from_regex(r"[A-Z]+|[0-9]{3}", fullmatch=True),
    st.lists(middles),
    st.none() | plain,
    st.none() | middles,
    st.dictionaries(keys, values),
)
def test_a_message_survives_the_way_there_and_back(
    command: str, front: list[str], last: str | None, source: str | None, tags: dict[str, str]
) -> None:
    params = [*front, *([last] if last is not None else [])]
    line = format_message(command, params, source, tags)
    assert line.endswith(b"\r\n")
    assert not set(b"\r\n\0") & set(line[:-2])
    found = parse(line[:-2])
    assert (found.command, list(found.params), found.source, dict(found.tags)) == (command, params, source, tags)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (["", "a"], "only the last"),
        (["a b", "c"], "only the last"),
        ([":a", "b"], "colon"),
        (["a\nb"], "CR, LF or NUL"),
        (["a\rb"], "CR, LF or NUL"),
        (["a\0b"], "CR, LF or NUL"),
    ],
)
def test_what_cannot_be_formatted(params: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        format_message("PRIVMSG", params)


def test_a_source_cannot_break_a_line() -> None:
    with pytest.raises(ValueError, match="spaces"):
        format_message("PRIVMSG", ["a"], "a b")


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        (r"a=\:\s\\\r\n", {"a": "; \\\r\n"}),
        (r"a=\b", {"a": "b"}),
        ("a=x\\", {"a": "x"}),
        ("a=1;a=2", {"a": "2"}),
        ("a==", {"a": "="}),
        ("a=;b", {"a": "", "b": ""}),
        ("", {}),
        (";;=x", {}),
    ],
)
def test_tags_are_parsed(words: str, tags: dict[str, str]) -> None:
    assert parse_tags(words) == tags


def test_a_tag_is_escaped() -> None:
    assert format_tags({"a": "; \\\r\n", "b": ""}) == r"a=\:\s\\\r\n;b"


def test_only_sound_tags_of_clients_are_relayed() -> None:
    tags = {"+typing": "active", "+draft/reply": "1", "time": "x", "+": "", "+a b": "", "+other": "", "typing": "1"}
    assert client_tags(tags) == {"+typing": "active", "+draft/reply": "1"}
