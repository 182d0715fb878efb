"""The exceptions, and what the texts of all of them have in common."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared import names, text
from pylingo.shared.codec import event_codec, request_codec
from pylingo.shared.errors import FrameError, ProtocolError, RequestError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import REQUESTS

MAX_TEXT = 1_024
MAX_QUOTE = 64


def test_a_protocol_error_has_a_reason_and_a_text():
    error = ProtocolError("password", "the password is wrong")
    assert (error.reason, error.text) == ("password", "the password is wrong")
    assert error.args == ("password", "the password is wrong")


def test_a_frame_error_ends_in_bad_frame():
    error = FrameError("a body is a map")
    assert isinstance(error, ProtocolError)
    assert (error.reason, error.text) == ("bad-frame", "a body is a map")


@pytest.mark.parametrize("re", [None, 0, 5, 2**63 - 1])
def test_a_request_error_carries_the_id_of_its_request(re):
    error = RequestError("no-room", "join a room first", re)
    assert isinstance(error, ProtocolError)
    assert (error.reason, error.text, error.re) == ("no-room", "join a room first", re)


def test_a_request_error_may_have_no_id():
    assert RequestError("no-room", "join a room first").re is None


def test_the_two_kinds_do_not_catch_each_other():
    # One ends the connection and the other does not: an `except` for one must never see the other.
    assert not issubclass(FrameError, RequestError)
    assert not issubclass(RequestError, FrameError)


# --- the texts --------------------------------------------------------------------------------------------------


def assert_one_sentence(words: str) -> None:
    assert 0 < len(words) <= MAX_TEXT
    assert words == words.strip()
    assert words.splitlines() == [words]
    assert ". " not in words
    assert not {unicodedata.category(char) for char in words} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def pair(key: bytes, value: bytes) -> bytes:
    return string(key) + string(value)


def string(data: bytes) -> bytes:
    return b"\xdb" + len(data).to_bytes(4, "big") + data


# Each of these sends a peer's own words to one place that refuses them.
REFUSALS = {
    "unknown request type": lambda words: request_codec.decode(b"\x81" + pair(b"type", words.encode())),
    "unknown event type": lambda words: event_codec.decode(b"\x81" + pair(b"type", words.encode())),
    "key that is not ASCII": lambda words: request_codec.decode(
        b"\x83" + pair(b"type", b"say") + pair(b"text", b"hi") + pair(b"key", ("ж" + words).encode())
    ),
    "key in a part of an event": lambda words: event_codec.decode(
        b"\x84"
        + pair(b"type", b"history")
        + pair(b"room", b"lobby")
        + (string(b"more") + b"\xc2")
        + (string(b"messages") + b"\x91\x84" + pair(b"from", b"eve") + pair(b"text", b"hi"))
        + (string(b"at") + b"\x01" + pair(b"key", ("ж" + words).encode()))
    ),
    "words for a number": lambda words: request_codec.decode(
        b"\x82" + pair(b"type", b"hello") + pair(b"protocol", words.encode())
    ),
    "user name": lambda words: names.user_name("!" + words),
    "room name": lambda words: names.room_name("!" + words),
    "text of a message": lambda words: text.message_text(words + " " * 4_097),
    "body that is a string": lambda words: request_codec.decode(string(words.encode())),
}
HOSTILE = [
    "",
    "ж" * 7_000,
    "\x1b]52;c;ZXZpbA==\x07" * 20,
    "a. b. c",
    "line\nline\r\nline\u2028line\u2029line\x85",
    "\u202edlrow\u2067" * 40,
    "z" + "\u0301" * 500,
    "\U000e0041" * 100,
]


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS.keys())
def test_every_refusal_is_one_sentence(refuse, words):
    with pytest.raises(ProtocolError) as caught:
        refuse(words)
    # A peer's full stop inside the quotation is no sentence of ours.
    assert_one_sentence(caught.value.text.replace("a. b. c", "").replace("жa. b. c", ""))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 7_000])
@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_quotes_at_most_64_characters(refuse, size):
    # No text of ours has a letter zhe, so each one counted is the peer's.
    with pytest.raises(ProtocolError) as caught:
        refuse("ж" * size)
    assert caught.value.text.count("ж") <= MAX_QUOTE


@settings(deadline=None, max_examples=50)
@given(words=st.text(max_size=200).filter(lambda words: words.encode("utf-8", "replace") not in REQUESTS))
def test_no_words_of_a_peer_break_the_sentence(words):
    for refuse in REFUSALS.values():
        with pytest.raises(ProtocolError) as caught:
            refuse(words)
        error = caught.value.text
        assert len(error) <= MAX_TEXT
        assert error.splitlines() == [error]
        assert "\x1b" not in error
        error.encode()  # a lone surrogate could not be sent


@pytest.mark.parametrize("size", [b"\0\0\0\0", b"\0\0\x80\x01", b"\xff\xff\xff\xff", b"GET ", b"\x16\x03\x01\x02"])
def test_a_size_out_of_range_is_one_sentence(size):
    with pytest.raises(FrameError) as caught:
        next(iter(FrameDecoder().feed(size)))
    assert_one_sentence(caught.value.text)
    assert str(int.from_bytes(size)) in caught.value.text


@pytest.mark.parametrize(
    "body", [b"", b"\xc0", b"\x01", b"\x90", b"\xc1", b"\xa1x", b"\x80\x80", b"\xc2", b"\xca\0\0\0\0"]
)
def test_a_body_that_is_no_map_is_one_sentence(body):
    with pytest.raises(FrameError) as caught:
        request_codec.decode(body)
    assert_one_sentence(caught.value.text)
