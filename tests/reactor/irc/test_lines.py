"""The lines of a stream: any cut gives the same ones, and each limit holds to the byte."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.irc.lines import MAX_LINE, MAX_TAGS, MAX_UNENDED, TOO_LONG, LineDecoder
from pylingo.shared.errors import FrameError
from tests.fakes.irc import HOSTILE_STREAMS

Outcome = list[bytes | str]


def lines_of(*pieces: bytes) -> Outcome:
    decoder = LineDecoder()
    found: Outcome = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
    except FrameError:
        found.append("cut off")
    return found


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (b"NICK a\r\nUSER b\r\n", [b"NICK a", b"USER b"]),
        (b"NICK a\nUSER b\n", [b"NICK a", b"USER b"]),
        (b"NICK a\rUSER b\r", [b"NICK a", b"USER b"]),
        (b"NICK a\0USER b\0\n", [b"NICK a", b"USER b"]),
        (b"\r\n\r\n\n\0NICK a\r\n\r\n", [b"NICK a"]),
        (b"NICK a", []),
        (b"", []),
        (b"\xff\xfe\r\n", [b"\xff\xfe"]),
    ],
)
def test_the_ends_of_lines(stream: bytes, lines: Outcome) -> None:
    assert lines_of(stream) == lines


@given(
    st.lists(st.sampled_from([b"PING a", b"\r", b"\n", b"\0", b"\r\n", b"x" * 300, b"@a=b ", b"\xff", b"y" * 9_000])),
    st.lists(st.integers(0, 40_000), max_size=10),
)
def test_any_cut_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[begin:end] for begin, end in itertools.pairwise(places)]
    assert lines_of(*pieces) == lines_of(stream)


@pytest.mark.parametrize("name", HOSTILE_STREAMS)
def test_single_bytes_give_the_same_lines(name: str) -> None:
    stream = HOSTILE_STREAMS[name]
    assert lines_of(*(stream[at : at + 1] for at in range(len(stream)))) == lines_of(stream)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_at_the_limit_and_one_beyond(end: bytes) -> None:
    assert lines_of(b"x" * MAX_LINE + end) == [b"x" * MAX_LINE]
    assert lines_of(b"x" * (MAX_LINE + 1) + end + b"PING a" + end) == [TOO_LONG, b"PING a"]


def test_tags_have_a_limit_of_their_own() -> None:
    tags = b"@" + b"t" * (MAX_TAGS - 2) + b" "
    assert len(tags) == MAX_TAGS
    full = tags + b"x" * MAX_LINE
    assert lines_of(full + b"\n") == [full]
    assert lines_of(full + b"x\n") == [TOO_LONG]
    assert lines_of(b"@t" + tags[1:] + b"x\n") == [TOO_LONG]
    assert lines_of(b"@" + b"t" * MAX_TAGS + b"\n") == [TOO_LONG]


def test_a_stream_without_an_end_is_cut_off() -> None:
    assert lines_of(b"x" * MAX_UNENDED) == []
    assert lines_of(b"x" * MAX_UNENDED + b"\n") == [TOO_LONG]
    assert lines_of(b"PING a\n" + b"x" * (MAX_UNENDED + 1)) == [b"PING a", "cut off"]
    assert lines_of(b"PING a\n" + b"x" * (MAX_UNENDED + 1) + b"\nPING b\n") == [b"PING a", "cut off"]


def test_a_broken_stream_stays_broken() -> None:
    decoder = LineDecoder().feed(b"x" * (MAX_UNENDED + 1))
    for _ in range(2):
        with pytest.raises(FrameError, match="16384"):
            next(decoder)


def test_only_an_unended_line_is_kept() -> None:
    decoder = LineDecoder()
    assert list(decoder.feed(b"PING a\r\nPIN")) == [b"PING a"]
    assert decoder.pending == 3
    assert list(decoder.feed(b"G b\r\n")) == [b"PING b"]
    assert decoder.pending == 0
    assert list(decoder.feed(b"\n" * 50_000)) == []
    assert decoder.pending == 0


def test_a_line_that_is_put_back_comes_again() -> None:
    decoder = LineDecoder().feed(b"PING a\r\n\r\nPING b\r\nPING")
    assert next(decoder) == b"PING a"
    assert next(decoder) == b"PING b"
    decoder.put_back(b"PING b")
    assert decoder.pending == len(b"PING b\r\nPING")
    decoder.feed(b" c\r\n")
    assert list(decoder) == [b"PING b", b"PING c"]


def test_a_line_may_be_put_back_again_and_again() -> None:
    decoder = LineDecoder().feed(b"PING a\r\nPING b\r\n")
    for _ in range(3):
        assert next(decoder) == b"PING a"
        decoder.put_back(b"PING a")
    assert list(decoder) == [b"PING a", b"PING b"]
