"""The checks of a room's deliveries: what is right passes however it arrives, and whatever is wrong is found."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.stream import MARK_SIZE, LengthChecker, RoomStream, StreamChecker, StreamError, mark
from pylingo.shared.codec import encode
from pylingo.shared.messages import Message, Ping

SENDERS = (3, 4, 5)
FAULTS = ("lose", "double", "swap", "alter")
PIECES = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 400), st.booleans()), max_size=60)
ORDERS = st.lists(st.sampled_from(SENDERS), max_size=25)


def message(sender: int, serial: int, at: int = 9) -> bytes:
    return encode(Message("room0", f"c{sender}", mark(sender, serial, at).decode() + "." * 20, 2**50 + at))


def said(order: list[int]) -> list[tuple[int, bytes]]:
    """The sender and the frame of each message, if these senders speak in turn."""
    serials = {sender: itertools.count() for sender in SENDERS}
    return [(sender, message(sender, next(serials[sender]), at)) for at, sender in enumerate(order)]


class Run:
    """An observer, a silent reader and the senders, each with what it is to receive."""

    def __init__(self, order: list[int], kind: type[StreamChecker] = StreamChecker) -> None:
        self.stream = RoomStream(PyLingo().texts)
        self.readers = {None: kind(self.stream), **{sender: kind(self.stream, sender) for sender in SENDERS}}
        room = said(order)
        self.count = len(room)
        self.gets: dict[object, list[bytes]] = {
            "observer": [frame for _, frame in room],
            **{who: [frame for sender, frame in room if sender != who] for who in self.readers},
        }

    def deliver(self, pieces: list[tuple[int, int, bool]]) -> bool:
        """Deliver all in these pieces first, and then the rest. Whether everybody has had everything."""
        left = {who: b"".join(frames) for who, frames in self.gets.items()}
        names = list(left)
        for index, size, forget in itertools.chain(pieces, ((index, 10**9, False) for index in range(len(names)))):
            who = names[index % len(names)]
            data, left[who] = left[who][:size], left[who][size:]
            if who == "observer":
                self.stream.observe(data)
                for reader in self.readers.values():
                    reader.catch_up()
            elif data:
                self.readers[who].take(data)  # type: ignore[index]
            if forget:
                self.stream.forget(min(reader.position for reader in self.readers.values()))
        return self.stream.messages == self.count and all(reader.is_level for reader in self.readers.values())


@given(ORDERS, PIECES)
def test_whatever_the_order_and_the_pieces_all_is_well(order: list[int], pieces: list[tuple[int, int, bool]]):
    run = Run(order)
    assert run.deliver(pieces)
    assert {sender: run.stream.serials[sender] for sender in SENDERS} == {
        sender: order.count(sender) for sender in SENDERS
    }


@given(ORDERS.filter(bool), PIECES, st.sampled_from(FAULTS), st.sampled_from(["observer", None, *SENDERS]), st.data())
def test_a_fault_is_found(
    order: list[int], pieces: list[tuple[int, int, bool]], fault: str, victim: object, data: st.DataObject
):
    """Everybody says something more at the end, so that something comes behind the fault."""
    run = Run([*order, *SENDERS, *SENDERS])
    frames = run.gets[victim]
    at = data.draw(st.integers(0, len(frames) - len(SENDERS) - 1))
    frame = frames[at]
    match fault:
        case "lose":
            del frames[at]
        case "double":
            frames.insert(at, frame)
        case "swap":
            frames[at], frames[at + 1] = frames[at + 1], frame
        case "alter":
            place = frame.index(b"....") - MARK_SIZE + data.draw(st.integers(0, MARK_SIZE + 19))
            frames[at] = frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]
    try:
        content = run.deliver(pieces)
    except StreamError:
        return
    assert not content  # somebody waits for what never comes, which the load notices in its time


@given(ORDERS, st.sampled_from([None, *SENDERS]))
def test_a_tail_that_does_not_come_leaves_a_reader_behind(order: list[int], victim: int | None):
    run = Run([*order, *SENDERS])
    last = run.gets[victim].pop()
    assert not run.deliver([])
    run.readers[victim].take(last)
    assert run.readers[victim].is_level


def test_a_surplus_at_the_end_leaves_a_reader_unlevel():
    run = Run([3])
    run.gets[None] *= 2
    assert not run.deliver([])
    assert not run.readers[None].is_level


def test_a_surplus_that_differs_is_seen_without_waiting():
    """A piece that goes beyond the known part of the room's stream is compared as far as that part reaches."""
    stream = RoomStream(PyLingo().texts)
    reader = StreamChecker(stream)
    stream.observe(message(3, 0) + message(4, 0))
    with pytest.raises(StreamError):
        reader.take(message(4, 0) + message(3, 0) + message(3, 1))


@pytest.mark.parametrize("who", [None, 3])
def test_ahead_of_the_observer(who: int | None):
    stream = RoomStream(PyLingo().texts)
    reader = StreamChecker(stream, who)
    assert not reader.take(message(4, 0))
    assert not reader.is_level
    assert not reader.take(message(4, 1))
    stream.observe(message(4, 0)[:9])
    assert not reader.catch_up()
    stream.observe(message(4, 0)[9:] + message(4, 1))
    assert reader.catch_up()
    assert reader.is_level


def test_a_sender_alone_is_level_with_its_own_words():
    stream = RoomStream(PyLingo().texts)
    reader = StreamChecker(stream, 3)
    stream.observe(message(3, 0) + message(3, 1))
    assert reader.is_level
    assert reader.position == stream.end


def test_own_words_that_come_back_are_found():
    stream = RoomStream(PyLingo().texts)
    reader = StreamChecker(stream, 3)
    stream.observe(message(3, 0) + message(4, 0))
    with pytest.raises(StreamError, match="bytes differ"):
        reader.take(message(3, 0))


@pytest.mark.parametrize(
    "data",
    [
        message(3, 1),
        message(3, 0) + message(3, 0),
        message(3, 0) + message(3, 2),
        encode(Ping()),
        encode(Message("r", "c3", "short", 1)),
        encode(Message("r", "c3", "x" * MARK_SIZE, 1)),
    ],
    ids=["not from the first", "doubled", "one lost", "no message", "no mark", "not a number"],
)
def test_a_stream_that_the_observer_does_not_take(data: bytes):
    with pytest.raises(StreamError):
        RoomStream(PyLingo().texts).observe(data)


def test_times_and_counts():
    stream = RoomStream(PyLingo().texts)
    frames = [message(3, 0, at=70), message(4, 0, at=80)]
    stream.observe(b"".join(frames))
    border = len(frames[0])
    assert [stream.sent_time(position) for position in (0, border - 1, border)] == [70, 70, 80]
    assert [stream.count_until(position) for position in (0, border - 1, border, stream.end)] == [0, 0, 1, 2]
    stream.forget(border)
    assert stream.base == border
    assert stream.holds(border, frames[1])
    assert not stream.holds(border, frames[0])


def test_a_mark():
    assert mark(0xABC, 0xDEF, 2**48 + 5) == b"000abc" + b"00000def" + b"000000000005"
    assert len(mark(0, 0, 0)) == MARK_SIZE


# --- where a room has no one order


def shuffled(frames: list[bytes], keys: list[int]) -> Iterator[bytes]:
    return (frame for _, frame in sorted(zip(keys, frames, strict=False), key=lambda pair: pair[0]))


@given(ORDERS, PIECES, st.lists(st.integers(), min_size=25, max_size=25))
def test_a_counter_takes_any_order(order: list[int], pieces: list[tuple[int, int, bool]], keys: list[int]):
    run = Run(order, LengthChecker)
    for who in run.readers:
        run.gets[who] = list(shuffled(run.gets[who], keys))
    assert run.deliver([(index, size, False) for index, size, _ in pieces])


@given(ORDERS, PIECES, st.sampled_from(["lose", "double"]), st.sampled_from([None, *SENDERS]))
def test_a_counter_that_gets_fewer_or_more_is_not_level(
    order: list[int], pieces: list[tuple[int, int, bool]], fault: str, victim: int | None
):
    run = Run([*order, *SENDERS], LengthChecker)
    frames = run.gets[victim]
    frames[:1] = [] if fault == "lose" else frames[:1] * 2
    assert not run.deliver([(index, size, False) for index, size, _ in pieces])
