"""One simulated client without a connection: what it does with the bytes that it is given."""

import pytest

from pylingo.client.bench.dialect import PyLingo
from pylingo.client.bench.simulated import ENTER, FENCE, SAMPLE_EVERY, LoadRoom, LoadState, SimulatedClient
from pylingo.client.bench.stream import StreamChecker, mark
from pylingo.shared.codec import encode
from pylingo.shared.messages import Error, Message, Ready

DIALECT = PyLingo()


def message(serial: int) -> bytes:
    return encode(Message("room0", "c1", mark(1, serial, 7).decode(), serial + 1))


def people(count: int) -> tuple[LoadState, LoadRoom, list[SimulatedClient]]:
    state, room = LoadState(DIALECT), LoadRoom("room0", DIALECT)
    room.clients = [SimulatedClient(state, number, room) for number in range(count)]
    return state, room, room.clients


def test_the_answer_to_each_fence_counts_once():
    state, _, (client,) = people(1)
    answer = encode(Ready("c0", None, "t", False)) + DIALECT.fence_answer(ENTER)
    client.data_received(answer[:-1])
    assert state.passed == 0
    client.data_received(answer[-1:])
    client.data_received(DIALECT.fence_answer(ENTER))
    assert state.passed == 1
    state.fence = FENCE
    client.data_received(DIALECT.fence_answer(FENCE))
    assert (state.passed, state.error) == (2, None)


class Waiting(PyLingo):
    welcome = b"hello c"


class Wire:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)


@pytest.mark.parametrize(("dialect", "sent"), [(PyLingo(), [b"IE"]), (Waiting(), [b"I"])])
def test_a_client_enters_at_once_or_after_the_welcome(dialect: PyLingo, sent: list[bytes]):
    state = LoadState(dialect)
    client = SimulatedClient(state, 0, LoadRoom("room0", dialect))
    client.transport = wire = Wire()  # type: ignore[assignment]
    client.introduce(b"I", b"E")
    assert wire.sent == sent
    for piece in (b"hel", b"lo c0", b"and more"):
        client.data_received(piece)
    assert b"".join(wire.sent) == b"IE"


def test_a_sign_of_life_waits_for_the_welcome():
    state = LoadState(Waiting())
    client = SimulatedClient(state, 0, LoadRoom("room0", state.dialect))
    client.transport = wire = Wire()  # type: ignore[assignment]
    client.introduce(b"I", b"E")
    client.keep_alive()
    assert wire.sent == [b"I"]
    client.data_received(b"hello c0")
    client.keep_alive()
    assert wire.sent == [b"I", b"E", state.dialect.alive()]


def test_an_error_among_the_answers_ends_the_run():
    state, _, (client,) = people(1)
    client.data_received(encode(Error("name-taken", "taken")) + DIALECT.fence_answer(ENTER))
    assert "entering failed" in str(state.error)


def test_messages_ahead_of_the_observer_are_checked_later():
    state, room, (observer, reader) = people(2)
    observer.observe()
    reader.check(StreamChecker(room.stream))
    reader.data_received(message(0))
    assert room.ahead == {reader.checker}
    observer.data_received(message(0))
    room.sent = 1
    assert (room.ahead, room.is_level, state.error) == (set(), True, None)
    reader.data_received(message(1))
    assert not room.is_level


def test_a_latency_for_one_piece_in_so_many():
    state, room, (observer, reader) = people(2)
    observer.observe()
    reader.check(StreamChecker(room.stream))
    for serial in range(SAMPLE_EVERY):
        observer.data_received(message(serial))
    state.latencies.clear()
    for serial in range(SAMPLE_EVERY):
        reader.data_received(message(serial))
    assert len(state.latencies) == 1


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"\0\0\0\1\xc1", message(1)])
def test_an_observer_that_receives_garbage_ends_the_run(data: bytes):
    state, _, (observer,) = people(1)
    observer.observe()
    observer.data_received(data)
    assert state.error is not None


def test_a_lost_connection_ends_the_run_unless_that_was_to_be():
    state, room, (first, second) = people(2)
    room.senders = [second]
    second.stall()
    second.connection_lost(None)
    assert (state.error, room.senders) == (None, [])
    state.is_ending = True
    first.connection_lost(None)
    assert state.error is None
    state.is_ending = False
    first.connection_lost(OSError("reset"))
    assert "a connection was lost: reset" in str(state.error)


def test_the_stalled_are_not_waited_for():
    _, room, clients = people(3)
    for client in clients[1:]:
        client.check(StreamChecker(room.stream))
    clients[2].stall()
    assert room.checkers() == [clients[1].checker]
