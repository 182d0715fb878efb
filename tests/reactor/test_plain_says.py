"""Plain messages, which are read without the codec, and always as the codec would read them."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.plain_says import LONGEST, decode_request, take_texts
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.errors import FrameError, ProtocolError
from pylingo.shared.framing import HEADER_SIZE, FrameDecoder, encode_frame
from pylingo.shared.messages import Command, PingRequest, Say
from pylingo.shared.text import message_text


def decoded(decode, body):
    """The request, or what is wrong with it."""
    try:
        return decode(body)
    except ProtocolError as error:
        return type(error), error.reason, error.text


def test_texts_of_all_sizes_are_read_as_by_the_codec():
    for size in (*range(LONGEST + 20), 1_000):
        assert decode_request(encode(Say("x" * size))[HEADER_SIZE:]) == Say("x" * size)


def test_any_byte_may_be_wrong():
    for size in (1, 31, 32, LONGEST):
        body = encode(Say("x" * size))[HEADER_SIZE:]
        for index in range(min(len(body), 24)):
            for code in (0, 0x20, 0x82, 0xA1, 0xD9, 0xFF):
                other = body[:index] + bytes([code]) + body[index + 1 :]
                assert decoded(decode_request, other) == decoded(request_codec.decode, other)
        for other in (body[:-1], body + b"x", b""):
            assert decoded(decode_request, other) == decoded(request_codec.decode, other)


def test_other_encodings_of_a_plain_message_are_read():
    for body in (
        msgpack.packb({"text": "hi", "type": "say"}),
        b"\x82\xa4type\xa3say\xa4text\xd9\x02hi",
        b"\x82\xa4type\xa3say\xa4text\xda\x00\x02hi",
    ):
        assert decode_request(body) == Say("hi")
        assert take_texts(encode_frame(body)) == ([], 0)


words = st.text(min_size=1, max_size=40) | st.text("ab", min_size=LONGEST - 2, max_size=LONGEST + 20)
request = st.builds(Say, words) | st.sampled_from([Say("hi", id=1), Say("hi", room="tea"), PingRequest(1), Say("")])


def is_taken(record):
    try:
        return record == Say(record.text) and message_text(record.text) == record.text and "\n" not in record.text
    except (ProtocolError, AttributeError):
        return False


@given(st.lists(request, max_size=12), st.binary(max_size=20))
def test_the_texts_are_those_of_the_first_requests(requests, rest):
    stream = b"".join(map(encode, requests)) + rest
    texts, end = take_texts(stream)
    taken = list(FrameDecoder().feed(stream[:end]))
    assert [request_codec.decode(body) for body in taken] == [Say(text.decode()) for text in texts]
    assert all(is_taken(request_codec.decode(body)) for body in taken)


@pytest.mark.parametrize("text", ["hi", "x" * 31, "x" * 32, "x" * LONGEST, "größer", "\N{GRINNING FACE} 東京"])
def test_all_that_came_together_are_taken(text):
    frame = encode(Say(text))
    assert take_texts(frame * 50) == ([text.encode()] * 50, 50 * len(frame))
    assert take_texts(frame * 2 + frame[:-1]) == ([text.encode()] * 2, 2 * len(frame))
    for last in ("\0", " ", "\x7f", "\x85", "a\nb", "\u2028", "\u3000", "x" * 250):
        taken = 2 if last != "x" * 250 else 1  # no plain message is followed by the header of a larger frame
        assert take_texts(frame * 2 + encode(Say(last)) + frame) == ([text.encode()] * taken, taken * len(frame))
    assert take_texts(encode(Command("help")) + frame) == ([], 0)
    assert take_texts(b"") == ([], 0)


def test_bytes_that_are_no_utf8_are_left_to_the_codec():
    body = b"\x82\xa4type\xa3say\xa4text\xa2\xff\xfe"
    assert take_texts(encode(Say("hi")) + encode_frame(body)) == ([b"hi"], len(encode(Say("hi"))))
    with pytest.raises(ProtocolError, match="UTF-8"):
        decode_request(body)
    with pytest.raises(FrameError):
        decode_request(b"\xc1")
