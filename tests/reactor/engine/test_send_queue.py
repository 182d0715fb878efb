"""The outgoing queue of a transport."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.engine.send_queue import SendQueue


def make(*pieces: tuple[bytes, int]) -> SendQueue:
    first, *rest = pieces
    queue = SendQueue(*first)
    for data, direct in rest:
        queue.append(data, direct)
    return queue


def sent(queue: SendQueue) -> bytes:
    """The bytes that the queue offers to a socket."""
    near, far = socket.socketpair()
    with near, far:
        assert queue.send(near) == queue.size
        return far.recv(100_000) if queue.size else b""


@given(st.lists(st.tuples(st.binary(max_size=5), st.booleans()), min_size=1, max_size=8), st.data())
def test_any_number_of_bytes_may_be_taken(pieces: list[tuple[bytes, bool]], data: st.DataObject) -> None:
    queue = make(*((piece, len(piece) if direct else 0) for piece, direct in pieces))
    left = b"".join(piece for piece, _ in pieces)
    direct = [is_direct for piece, is_direct in pieces for _ in piece]
    while len(left) > 1:
        taken = data.draw(st.integers(0, len(left) - 1))
        queue.remove(taken)
        left, direct = left[taken:], direct[taken:]
        assert (queue.size, sent(queue)) == (len(left), left)
        assert queue.direct >= sum(direct)
        if taken == 0:
            break


def test_a_direct_buffer_counts_in_full_until_it_is_taken() -> None:
    queue = make((b"123", 3), (b"45678", 0), (b"9", 1))
    for taken, direct in ((2, 4), (1, 1), (4, 1), (1, 1)):
        queue.remove(taken)
        assert queue.direct == direct


def test_a_direct_buffer_behind_others_counts_no_more_once_it_is_taken() -> None:
    queue = make((b"12", 0), (b"345", 3), (b"67", 1))
    for taken, direct in ((4, 4), (1, 1), (1, 1)):
        queue.remove(taken)
        assert queue.direct == direct


@pytest.mark.parametrize(("taken", "kept"), [(0, b""), (1, b"bc"), (3, b""), (4, b"ef"), (7, b"hi")])
def test_discarding_keeps_the_rest_of_the_frame_in_flight(taken: int, kept: bytes) -> None:
    queue = make((b"abcdef", 0), (b"ghijkl", 6))
    queue.remove(taken)
    left = 12 - taken
    assert queue.discard(lambda buffer, offset: -(-offset // 3) * 3) == left - len(kept)
    assert (queue.size, queue.direct, sent(queue)) == (len(kept), len(kept), kept)
