"""Frames out of a stream that was cut anywhere."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.shared.errors import FrameError, ProtocolError
from pylingo.shared.framing import HEADER_SIZE, MAX_BODY, FrameDecoder, encode_frame, frame_end

BAD_SIZES = {
    "0": b"\0\0\0\0",
    "32769": b"\0\0\x80\x01",
    "largest": b"\xff\xff\xff\xff",
    "signed": b"\x80\0\0\1",
    "little-endian 1": b"\1\0\0\0",
    "HTTP": b"GET ",
    "TLS hello": b"\x16\x03\x01\x02",
}
bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """`stream` in pieces that end at `places`, some of them perhaps empty."""
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(borders)]


def test_the_numbers_of_the_protocol():
    assert HEADER_SIZE == 4
    assert MAX_BODY == 32_768


# --- sizes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (1, b"\0\0\0\x01"),
        (255, b"\0\0\0\xff"),
        (256, b"\0\0\x01\0"),
        (32_767, b"\0\0\x7f\xff"),
        (32_768, b"\0\0\x80\0"),
    ],
)
def test_a_size_in_range_works(size, header):
    body = b"x" * size
    assert encode_frame(body) == header + body
    decoder = FrameDecoder()
    assert list(decoder.feed(header + body)) == [body]
    assert decoder.pending == 0


@pytest.mark.parametrize("size", [0, 32_769, 100_000])
def test_no_frame_is_made_out_of_range(size):
    with pytest.raises(ValueError, match=str(size)):
        encode_frame(b"x" * size)


@pytest.mark.parametrize("header", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_a_size_out_of_range_is_refused_with_its_four_bytes(header):
    decoder = FrameDecoder()
    assert list(decoder.feed(header[:3])) == []
    with pytest.raises(FrameError) as caught:
        list(decoder.feed(header[3:]))
    assert caught.value.reason == "bad-frame"
    assert decoder.pending <= HEADER_SIZE


@pytest.mark.parametrize("header", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_frames_before_a_bad_size_still_count(header):
    frames = iter(FrameDecoder().feed(encode_frame(b"one") + encode_frame(b"two") + header + b"rest"))
    assert [next(frames), next(frames)] == [b"one", b"two"]
    with pytest.raises(FrameError):
        next(frames)


@pytest.mark.parametrize("header", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_after_a_bad_size_the_stream_is_lost(header):
    # What follows may look like a frame, but nobody knows where one begins.
    decoder = FrameDecoder().feed(header)
    for _ in range(3):
        with pytest.raises(FrameError):
            list(decoder)
        decoder.feed(encode_frame(b"looks fine"))


@pytest.mark.parametrize("header", [b"\0\0\x80\0", b"\xff\xff\xff\xff"], ids=["largest allowed", "far too large"])
def test_nothing_is_reserved_for_a_size_that_was_only_announced(header):
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        list(decoder.feed(header))
    except FrameError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert decoder.pending == HEADER_SIZE
    assert peak < 16_384


def test_frames_taken_are_not_kept():
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        for _ in decoder.feed(encode_frame(b"x" * MAX_BODY) * 8 + b"\0\0"):
            pass
        del _
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decoder.pending == 2
    assert kept < 16_384


# --- cuts -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(bodies=bodies, places=st.lists(st.integers(min_value=0), max_size=20))
def test_any_cuts_give_the_same_bodies(bodies, places):
    decoder = FrameDecoder()
    found = []
    for piece in cut(b"".join(map(encode_frame, bodies)), places):
        found += decoder.feed(piece)
    assert found == bodies
    assert decoder.pending == 0


def test_a_frame_cut_at_every_position():
    stream = encode_frame(b"first") + encode_frame(b"second one")
    for place in range(len(stream) + 1):
        decoder = FrameDecoder()
        found = [*decoder.feed(stream[:place])]
        found += decoder.feed(stream[place:])
        assert found == [b"first", b"second one"], place


def test_a_byte_at_a_time():
    stream = encode_frame(b"a" * 300) * 3
    decoder = FrameDecoder()
    found = [body for byte in stream for body in decoder.feed(bytes([byte]))]
    assert found == [b"a" * 300] * 3


def test_a_thousand_frames_in_one_piece():
    expected = [b"%d" % number for number in range(1_000)]
    assert list(FrameDecoder().feed(b"".join(map(encode_frame, expected)))) == expected


@settings(deadline=None)
@given(bodies=bodies, places=st.lists(st.integers(min_value=0), max_size=8), taken=st.integers(0, 3))
def test_frames_not_yet_asked_for_survive_the_next_piece(bodies, places, taken):
    # The server stops in the middle of a piece when a peer has used up its share of a tick.
    decoder = FrameDecoder()
    found = []
    for piece in cut(b"".join(map(encode_frame, bodies)), places):
        decoder.feed(piece)
        found += [body for _, body in zip(range(taken), decoder, strict=False)]
    found += decoder
    assert found == bodies


@pytest.mark.parametrize("place", range(8))
def test_pending_counts_the_bytes_of_an_unfinished_frame(place):
    decoder = FrameDecoder()
    assert list(decoder.feed(encode_frame(b"done") + encode_frame(b"half")[:place])) == [b"done"]
    assert decoder.pending == place


def test_pending_counts_frames_not_yet_asked_for():
    decoder = FrameDecoder().feed(encode_frame(b"one") + encode_frame(b"two"))
    assert decoder.pending == 14
    assert next(iter(decoder)) == b"one"
    assert decoder.pending == 7


def test_nothing_at_all_is_no_frame():
    decoder = FrameDecoder()
    assert list(decoder) == []
    assert list(decoder.feed(b"")) == []
    assert decoder.pending == 0


@settings(deadline=None, max_examples=300)
@given(pieces=st.lists(st.binary(max_size=30), max_size=10))
def test_random_bytes_raise_nothing_but_protocol_errors(pieces):
    decoder = FrameDecoder()
    whole = b"".join(pieces)
    found = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
    except ProtocolError as error:
        assert isinstance(error, FrameError)
    else:
        assert sum(map(len, found)) + HEADER_SIZE * len(found) + decoder.pending == len(whole)
    assert whole.startswith(b"".join(map(encode_frame, found)))


@given(bodies=bodies.filter(bool))
def test_a_body_put_back_comes_again(bodies):
    decoder = FrameDecoder().feed(b"".join(map(encode_frame, bodies)))
    found = []
    for expected in bodies:
        [body] = itertools.islice(decoder, 1)
        left = decoder.pending
        decoder.put_back(body)
        assert body == expected
        assert decoder.pending == left + HEADER_SIZE + len(body)
        decoder.feed(b"")
        found += itertools.islice(decoder, 1)
    assert found == bodies
    assert decoder.pending == 0


def test_the_rest_can_be_read_and_left_out():
    decoder = FrameDecoder().feed(b"".join(map(encode_frame, (b"a", b"bc", b"d"))) + b"\0")
    assert next(iter(decoder)) == b"a"
    rest = decoder.rest
    assert rest == encode_frame(b"bc") + encode_frame(b"d") + b"\0"
    assert len(rest) == decoder.pending
    decoder.skip(len(encode_frame(b"bc")))
    assert list(decoder) == [b"d"]
    assert decoder.rest == b"\0"
    decoder.skip(0)
    assert list(decoder.feed(b"\0\0\1e")) == [b"e"]


# --- frame_end --------------------------------------------------------------------------------------------------


def test_the_end_of_the_frame_at_every_offset():
    stream = encode_frame(b"a") + encode_frame(b"bcd")  # borders at 0, 5 and 12
    expected = [0, *[5] * 5, *[12] * 7]
    assert [frame_end(stream, offset) for offset in range(len(stream) + 1)] == expected
    assert [frame_end(memoryview(stream), offset) for offset in range(len(stream) + 1)] == expected


@settings(deadline=None)
@given(bodies=bodies.filter(bool), offset=st.integers(min_value=0))
def test_a_frame_ends_on_a_border_at_or_after_the_offset(bodies, offset):
    frames = [encode_frame(body) for body in bodies]
    stream = b"".join(frames)
    offset %= len(stream) + 1
    borders = [len(b"".join(frames[:count])) for count in range(len(frames) + 1)]
    assert frame_end(stream, offset) == min(border for border in borders if border >= offset)
