"""The protocol of the simulated clients: they send PyLingo, and find the messages in any piece of a stream."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.stream import MARK_SIZE, mark
from pylingo.shared import PROTOCOL_VERSION
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.framing import FrameDecoder, encode_frame
from pylingo.shared.messages import (
    Command,
    Error,
    Goodbye,
    Hello,
    Joined,
    Message,
    Notice,
    Ping,
    PingRequest,
    Pong,
    PongRequest,
    Ready,
    Say,
)
from pylingo.shared.schema import Record
from pylingo.shared.text import MAX_TEXT

DIALECT = PyLingo()
TEXTS = st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=300), max_size=8)


def requests(data: bytes) -> list[Record]:
    return [request_codec.decode(body) for body in FrameDecoder().feed(data)]


def message(text: str, at: int = 1) -> bytes:
    return encode(Message("room0", "c1", text, at))


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (DIALECT.enter("c1", "room0"), [Hello(PROTOCOL_VERSION, "c1"), Command("join", "room0")]),
        (DIALECT.fence(2), [PingRequest(2)]),
        (DIALECT.leave(), [Command("close")]),
        (DIALECT.alive(), [PongRequest()]),
        (DIALECT.settle(), []),
    ],
)
def test_the_frames_that_it_sends(data: bytes, records: list[Record]):
    assert requests(data) == records


def test_the_answer_to_a_fence():
    assert DIALECT.fence_answer(2) == encode(Pong(2))
    assert DIALECT.fence_answer(1) not in DIALECT.fence_answer(2)


@given(st.integers(MARK_SIZE, MAX_TEXT), st.integers(0, 2**24 - 1), st.integers(0, 2**32 - 1))
def test_a_text_of_the_size_fits_into_what_stands_around_it(size: int, sender: int, serial: int):
    prefix, suffix = DIALECT.say("room0", size)
    text = mark(sender, serial, 7) + b"." * (size - MARK_SIZE)
    assert requests(prefix + text + suffix) == [Say(text.decode())]


@given(TEXTS, st.data())
def test_whole_messages_are_cut_out_of_any_piece(texts: list[str], data: st.DataObject):
    frames = [message(text, at) for at, text in enumerate(texts)]
    stream = b"".join(frames)
    size = data.draw(st.integers(0, len(stream)))
    found = list(DIALECT.texts(stream[:size]))
    ends = [sum(map(len, frames[: index + 1])) for index in range(len(frames))]
    whole = [end for end in ends if end <= size]
    assert found == [(end, text.encode()) for end, text in zip(whole, texts, strict=False)]


@pytest.mark.parametrize("record", [Ping(), Pong(1), Joined("r", "n"), Notice("n"), Error("c", "t")])
def test_anything_but_a_message_is_an_error(record: Record):
    with pytest.raises(ValueError, match="arrived where only messages were expected"):
        list(DIALECT.texts(message("x") + encode(record)))


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"\x01",
        b"\x01\x02",
        msgpack.packb([1]),
        msgpack.packb("text"),
        msgpack.packb({}),
        msgpack.packb({"type": "message"}),
        msgpack.packb({"type": "message", "text": 1}),
        msgpack.packb({"type": "message", "text": None}),
    ],
)
def test_a_frame_that_is_no_message_is_an_error_of_the_same_kind(body: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - as the protocol of dialects says
        list(DIALECT.texts(encode_frame(body)))


@pytest.mark.parametrize("record", [Error("name-taken", "no"), Goodbye("full", "no")])
def test_trouble_on_entering(record: Record):
    answers = encode(Ready("c1", None, "t", False)) + encode(record) + encode(Pong(1))
    assert record.text in (DIALECT.trouble(answers) or "")  # type: ignore[attr-defined]


def test_no_trouble():
    assert (
        DIALECT.trouble(encode(Ready("c1", None, "t", False)) + encode(Joined("r", "c1", 1)) + encode(Pong(1))) is None
    )
