"""The pieces that an outbox sends in one tick: direct replies, and parts of the batches of rooms, in their order."""

from typing import Protocol

from pylingo.reactor.chat.batch import Batch
from pylingo.reactor.chat.dialect import Dialect

_SMALL_PIECE = 1_024  # bytes: below that, copying pieces together is cheaper than sending them apart

type Piece = bytes | tuple[Batch, int, int]
"""A direct reply, or the frames of a batch from one place to another."""


class Sink(Protocol):
    """The receiver of pieces: a transport."""

    def write(self, data: bytes | memoryview, direct: int = 0) -> None:
        """Queue `data`, in which `direct` bytes are direct replies."""


def count_messages(pieces: list[Piece]) -> int:
    """The messages in `pieces`, each of which is looked at once. Batches are sealed."""
    count = 0
    for piece in pieces:
        if isinstance(piece, tuple):
            batch, begin, end = piece
            count += batch.count_messages(begin, end)
    return count


def send_pieces(pieces: list[Piece], sink: Sink, dialect: Dialect | None = None) -> tuple[int, int]:
    """Put `pieces` into `sink`, small ones together. Batches are sealed; `dialect` is None for frames.

    Return the bytes of direct replies, and all bytes.
    """
    buffers = [piece if isinstance(piece, bytes) else piece[0].cut(piece[1], piece[2], dialect) for piece in pieces]
    direct = [len(piece) if isinstance(piece, bytes) else 0 for piece in pieces]
    total, size = sum(direct), sum(map(len, buffers))
    if len(buffers) > 1 and size < _SMALL_PIECE * len(buffers):
        buffers, direct = [b"".join(buffers)], [total]
    for buffer, count in zip(buffers, direct, strict=True):
        if buffer:
            sink.write(buffer, count)
    return total, size
