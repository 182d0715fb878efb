"""Messages of several lines: collected with their limits, cut into lines, and the same again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.message import Message
from pylingo.reactor.irc.multiline import CONCAT, MAX_BYTES, MAX_LINES, BatchFault, BatchLine, OpenBatch, lines_of


def said(text: str, concat: bool = False, command: str = "PRIVMSG", target: str = "#tea") -> Message:
    return Message(command, [target, text], None, {CONCAT: ""} if concat else {})


def closed(*messages: Message) -> BatchFault | str:
    batch = OpenBatch("1", "#tea")
    for message in messages:
        batch.add(message)
    return batch.close()


def test_lines_are_joined() -> None:
    assert closed(said("a"), said("b")) == "a\nb"
    assert closed(said("a "), said("b", concat=True), said("c")) == "a b\nc"
    assert closed(said(""), said("b")) == "\nb"
    assert closed(said("a"), said(""), said("b")) == "a\n\nb"
    assert closed(said("a", target="#TEA")) == "a"


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([], BatchFault.INVALID),
        ([said("")], BatchFault.INVALID),
        ([said(" "), said("")], BatchFault.INVALID),
        ([said("a"), said("", concat=True)], BatchFault.INVALID),
        ([said("a"), said("b", command="NOTICE")], BatchFault.INVALID),
        ([said("a", command="TAGMSG")], BatchFault.INVALID),
        ([Message("PRIVMSG", ["#tea"])], BatchFault.INVALID),
        ([said("a"), said("b", target="#coffee")], BatchFault.OTHER_TARGET),
        ([said("x" * MAX_BYTES), said("y")], BatchFault.TOO_LARGE),
        ([said("é" * (MAX_BYTES // 2)), said("y", concat=True)], BatchFault.TOO_LARGE),
        ([said("x")] * (MAX_LINES + 1), BatchFault.TOO_MANY_LINES),
        ([said("a", target="#coffee"), said("b")], BatchFault.OTHER_TARGET),
    ],
)
def test_a_batch_that_is_refused(messages: list[Message], fault: BatchFault) -> None:
    assert closed(*messages) is fault


def test_the_largest_batches() -> None:
    assert closed(said("x" * MAX_BYTES)) == "x" * MAX_BYTES
    assert closed(*[said("x")] * MAX_LINES) == "\n".join(["x"] * MAX_LINES)


def test_the_command_of_the_lines_is_that_of_the_message() -> None:
    batch = OpenBatch("1", "#tea")
    batch.add(said("a", command="NOTICE"))
    assert (batch.close(), batch.command) == ("a", "NOTICE")


def test_a_text_is_cut_into_lines() -> None:
    assert lines_of("a\n\nb", 10) == [BatchLine("a", True), BatchLine("", True), BatchLine("b", True)]
    assert lines_of("hello there", 8) == [BatchLine("hello ", True), BatchLine("there", False)]


def test_a_text_that_is_too_large_for_a_batch() -> None:
    assert lines_of("x" * MAX_BYTES, 400) is not None
    assert lines_of("x" * (MAX_BYTES + 1), 400) is None
    assert lines_of("é" * MAX_BYTES, 400) is None
    assert lines_of("\n" * (MAX_LINES - 1), 400) is not None
    assert lines_of("\n" * MAX_LINES, 400) is None


@given(st.text(st.sampled_from("ab é\U0001f600\n\u0301"), max_size=300), st.integers(6, 40))
def test_a_text_comes_back(text: str, most: int) -> None:
    lines = lines_of(text, most)
    if lines is None:
        return
    assert all(len(line.text.encode()) <= most for line in lines)
    batch = OpenBatch("1", "#tea")
    for line in lines:
        batch.add(said(line.text, concat=not line.is_new))
    assert batch.close() == (text if text.strip() else BatchFault.INVALID)
