"""The pieces of a tick: what is joined, what is not copied, and what is counted."""

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.pieces import Piece, count_messages, send_pieces


class Sink:
    def __init__(self) -> None:
        self.writes: list[tuple[bytes | memoryview, int]] = []

    def write(self, data: bytes | memoryview, direct: int = 0) -> None:
        self.writes.append((data, direct))


def sealed(*frames: bytes) -> Batch:
    """A batch in which every second frame is a message."""
    batch = Batch()
    batch.frames += frames
    batch.stamps += [number % 2 * 7 for number in range(len(frames))]
    batch.seal()
    return batch


def test_small_pieces_are_joined():
    sink, batch = Sink(), sealed(b"a", b"b", b"c")
    pieces: list[Piece] = [(batch, 0, 2), b"reply", (batch, 2, 3)]
    assert send_pieces(pieces, sink) == (5, 8)
    assert sink.writes == [(b"abreplyc", 5)]


def test_large_pieces_are_not_copied():
    sink, reply = Sink(), b"r" * 2_000
    batch = sealed(b"a" * 2_000, b"b" * 2_000)
    assert send_pieces([(batch, 0, 1), reply, (batch, 1, 2)], sink) == (2_000, 6_000)
    assert [direct for _, direct in sink.writes] == [0, 2_000, 0]
    first, second, third = (data for data, _ in sink.writes)
    assert second is reply
    assert isinstance(first, memoryview)
    assert isinstance(third, memoryview)
    assert first.obj is third.obj


def test_an_empty_piece_is_not_sent():
    sink = Sink()
    assert send_pieces([b""], sink) == send_pieces([], sink) == (0, 0)
    assert sink.writes == []


def test_messages_are_counted_in_the_parts_of_batches():
    batch = sealed(b"a", b"b", b"c", b"d")
    assert count_messages([(batch, 0, 3), b"reply", (batch, 3, 4)]) == 2
    assert count_messages([b"reply"]) == 0
