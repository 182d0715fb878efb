"""One connected socket, real on both ends; only the clock is the test's."""

import collections
import errno
import functools
import gc
import math
import socket
import struct
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylingo.reactor.engine.loop import EVENT_READ, EVENT_WRITE, Reactor
from pylingo.reactor.engine.send_queue import SendQueue
from pylingo.reactor.engine.transport import LINGER, LONGEST_FLUSH, READ_SIZE, Transport
from tests.fakes.clock import Clock
from tests.fakes.selector import Selector
from tests.support import wait_until

FILLING = bytes(range(256)) * 8_192
"""2 MiB: more than the sockets of these tests take."""


class Socket:
    """A real socket that counts its calls and takes no more than it is `allowed` to, if that is given."""

    def __init__(self, sock, allowed=None):
        self.sock, self.allowed = sock, allowed
        self.calls = collections.Counter()
        self.taken = 0

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def send(self, data):
        return self._take("send", data)

    def sendmsg(self, buffers):
        return self._take("sendmsg", b"".join(buffers))

    def recv(self, size, flags=0):
        self.calls["recv"] += not flags
        return self.sock.recv(size, flags)

    @property
    def sends(self):
        return self.calls["send"] + self.calls["sendmsg"]

    def _take(self, name, data):
        self.calls[name] += 1
        if self.allowed:
            data = data[: self.allowed.pop(0)]
            if not data:
                raise BlockingIOError
        taken = self.sock.send(data)
        self.taken += taken
        return taken


class Receiver:
    """Notes what it is told, in order, and does what the test asks it to."""

    def __init__(self, **does):
        self.told, self.pieces, self.does = [], [], does

    def data_received(self, data):
        self.pieces.append(data)
        self._tell("data")

    def eof_received(self):
        self._tell("eof")

    def drained(self):
        self._tell("drained")

    def connection_lost(self, error):
        self.told.append(("lost", error))
        self._do("lost")

    def _tell(self, what):
        self.told.append(what)
        self._do(what)

    def _do(self, what):
        if what in self.does:
            self.does[what]()

    @property
    def data(self):
        return b"".join(self.pieces)

    @property
    def losses(self):
        return [told[1] for told in self.told if type(told) is tuple]


def offer(transport, data):
    """Write as a room does."""
    if not transport.write_now(data):
        transport.write(data)


class Bench:
    """A reactor, and transports on it with their peers."""

    def __init__(self):
        self.clock, self.selector = Clock(), Selector()
        self.reactor = Reactor(clock=self.clock, selector=self.selector, most_late=math.inf)
        self._socks = []

    def unix(self, buffer=None):
        """A pair that takes and gives at once, with little in between."""
        near, far = socket.socketpair()
        if buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        return self._keep(near, far)

    def tcp(self, buffer=None):
        """A pair over loopback: what resets and half-closes is TCP."""
        with socket.socket() as listening:
            if buffer is not None:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            near = socket.socket()
            if buffer is not None:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            near.connect(listening.getsockname())
            far, _ = listening.accept()
        return self._keep(near, far)

    def transport(self, ends=None, allowed=None, **does):
        """A transport, its counting socket, its receiver and the far end."""
        near, far = ends or self.tcp()
        sock, receiver = Socket(near, allowed), Receiver(**does)
        return Transport(self.reactor, sock, receiver), sock, receiver, far

    def blocked(self, **does):
        """A transport whose peer does not read, with something queued."""
        transport, sock, receiver, far = self.transport(self.tcp(4_096), **does)
        transport.write(FILLING)
        self.settle(transport)
        return transport, sock, receiver, far

    def settle(self, transport):
        """Have the kernel take what it takes."""
        ticks = 0
        while ticks < 20:  # loopback acknowledges late now and then, and makes room
            before = transport.queued
            self.reactor.tick(0)
            ticks = ticks + 1 if transport.queued == before else 0
        assert transport.queued

    def ticks(self, count=10):
        for _ in range(count):
            self.reactor.tick(0)

    def until(self, condition):
        def ticked():
            for _ in range(20):
                if value := condition():
                    return value
                self.reactor.tick(0)
            return condition()

        return wait_until(ticked)

    def read(self, far, size):
        """`size` bytes from `far`, while the reactor turns."""
        data = bytearray()
        far.setblocking(False)

        def enough():
            try:
                data.extend(far.recv(size - len(data)))
            except BlockingIOError:
                pass
            return len(data) == size

        self.until(enough)
        return bytes(data)

    def read_all(self, far):
        """Everything up to the end of the stream, while the reactor turns."""
        pieces = []
        far.setblocking(False)

        def ended():
            try:
                pieces.append(far.recv(1 << 20))
            except BlockingIOError:
                return False
            return not pieces[-1]

        self.until(ended)
        return b"".join(pieces)

    def waits_for(self, sock):
        """The events that are registered for a socket."""
        return self.selector.get_map()[sock.fileno()].events

    def assert_asleep(self):
        """Nothing happens, and the loop would sleep and not spin."""
        self.selector.asked.clear()
        self.selector.events.clear()
        for _ in range(10):
            self.reactor.tick()
        assert self.selector.events == []
        assert 0 not in self.selector.asked

    def close(self):
        for sock in self._socks:
            sock.close()
        self.reactor.close()

    def _keep(self, *socks):
        self._socks += socks
        return socks


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.close()


def reset(sock):
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_the_numbers_are_the_documented_ones():
    assert (READ_SIZE, LINGER) == (65_536, 2.0)


# --- reading ----------------------------------------------------------------------------------------------------


def test_input_is_received_with_one_bounded_read_a_tick(bench):
    _, sock, receiver, far = bench.transport(bench.unix())
    sent = b"".join(index.to_bytes(4) for index in range(40_000))
    rest = memoryview(sent)
    far.setblocking(False)
    for _ in range(1_000):
        if rest:
            try:
                rest = rest[far.send(rest) :]
            except BlockingIOError:
                pass
        before = sock.calls["recv"]
        bench.reactor.tick(0)
        assert sock.calls["recv"] - before <= 1
        if len(receiver.data) == len(sent):
            break
    assert receiver.data == sent
    assert max(map(len, receiver.pieces)) == READ_SIZE, "there was more to read than that"


@pytest.mark.parametrize("error", [BlockingIOError, InterruptedError])
def test_a_false_alarm_is_no_end(bench, monkeypatch, error):
    transport, sock, receiver, far = bench.transport()

    def fail(size):
        raise error

    monkeypatch.setattr(sock, "recv", fail, raising=False)
    transport.handle(EVENT_READ)
    monkeypatch.undo()
    far.send(b"still here")
    bench.until(lambda: receiver.data == b"still here")
    assert receiver.losses == []


def test_nothing_is_read_while_reading_is_paused(bench):
    transport, sock, receiver, far = bench.transport()
    transport.pause_reading()
    far.send(b"hello")
    bench.ticks()
    assert sock.calls["recv"] == 0
    bench.assert_asleep()
    transport.resume_reading()
    bench.until(lambda: receiver.data == b"hello")


def test_a_peer_that_is_not_read_is_slowed_by_tcp(bench):
    transport, _, receiver, far = bench.transport(bench.tcp(4_096)[::-1])
    transport.pause_reading()
    far.setblocking(False)
    sent = far.send(FILLING)
    bench.ticks()
    assert sent < len(FILLING)
    assert receiver.data == b""
    transport.resume_reading()
    bench.until(lambda: len(receiver.data) == sent)


def test_pausing_within_data_received_takes_effect_with_the_next_read(bench):
    transport, _, receiver, far = bench.transport(bench.unix(), data=lambda: transport.pause_reading())
    far.setblocking(False)
    far.send(b"x" * (READ_SIZE + 1))
    bench.ticks()
    assert receiver.data == b"x" * READ_SIZE
    transport.resume_reading()
    bench.until(lambda: len(receiver.data) == READ_SIZE + 1)


def test_pausing_by_another_s_handler_in_the_same_tick_takes_effect_at_once(bench):
    """The event that is still to be handed out is a stale one then."""
    transport, _, receiver, far = bench.transport()
    far.send(b"hello")
    wait_until(lambda: bench.selector.select())
    transport.pause_reading()
    transport.handle(EVENT_READ)
    assert receiver.data == b""
    transport.resume_reading()
    bench.until(lambda: receiver.data == b"hello")


@pytest.mark.parametrize("queued", [False, True], ids=["nothing queued", "something queued"])
def test_a_reset_is_noticed_while_reading_is_paused(bench, queued):
    transport, _, receiver, far = bench.blocked() if queued else bench.transport()
    transport.pause_reading()
    bench.assert_asleep()
    reset(far)
    bench.until(lambda: receiver.losses)
    assert isinstance(receiver.losses[0], OSError)
    assert len(receiver.losses) == 1
    bench.assert_asleep()


def test_an_end_is_noticed_when_reading_goes_on(bench):
    transport, _, receiver, far = bench.transport()
    transport.pause_reading()
    far.send(b"last words")
    far.close()
    bench.ticks()
    bench.assert_asleep()
    assert receiver.told == []
    transport.resume_reading()
    bench.until(lambda: "eof" in receiver.told)
    assert receiver.data == b"last words"


def test_unread_input_is_known_of_while_reading_is_paused(bench):
    transport, _, receiver, far = bench.transport()
    assert not transport.has_unread
    transport.pause_reading()
    far.send(b"hello")
    wait_until(lambda: transport.has_unread)
    bench.ticks()
    assert receiver.data == b""
    transport.resume_reading()
    bench.until(lambda: receiver.data)
    assert receiver.data == b"hello"
    assert not transport.has_unread
    reset(far)
    bench.until(lambda: receiver.losses)
    assert not transport.has_unread


def test_reading_that_is_held_goes_on_only_when_it_is_released(bench):
    transport, _, receiver, far = bench.transport()
    transport.hold_reading()
    far.send(b"hello")
    transport.resume_reading()
    transport.pause_reading()
    transport.resume_reading()
    bench.ticks()
    assert receiver.data == b""
    assert not transport.has_unread
    transport.release_reading()
    wait_until(lambda: transport.has_unread)
    bench.ticks()
    assert receiver.data == b""
    transport.resume_reading()
    bench.until(lambda: receiver.data == b"hello")
    transport.release_reading()
    far.send(b" again")
    bench.until(lambda: receiver.data == b"hello again")


def test_a_close_reads_to_the_end_although_reading_is_held(bench):
    transport, _, receiver, far = bench.transport()
    transport.hold_reading()
    far.send(b"unread")
    transport.close()
    bench.ticks()
    assert far.recv(10) == b""
    far.close()
    bench.until(lambda: receiver.losses)
    assert receiver.data == b""


def test_an_end_is_nothing_to_read(bench):
    transport, _, receiver, far = bench.transport()
    transport.pause_reading()
    far.close()
    assert not transport.has_unread
    transport.resume_reading()
    bench.until(lambda: "eof" in receiver.told)
    assert not transport.has_unread


# --- writing ----------------------------------------------------------------------------------------------------


def test_write_only_queues_and_the_flush_sends_once(bench):
    transport, sock, _, far = bench.transport()
    pieces = [b"one ", memoryview(b"two "), b"", b"three"]
    for piece in pieces:
        transport.write(piece)
    assert sock.sends == 0
    assert transport.queued == 13
    bench.reactor.tick(0)
    assert sock.sends == 1
    assert transport.queued == 0
    assert bench.read(far, 13) == b"one two three"


def test_frames_of_rooms_at_the_flush_go_along_with_the_same_send(bench):
    transport, sock, _, far = bench.transport()
    bench.reactor.call_before_flush(lambda: transport.write(b" room"))
    transport.write(b"direct")
    bench.reactor.tick(0)
    assert sock.sends == 1
    assert bench.read(far, 11) == b"direct room"


def test_bytes_sent_at_the_flush_go_out_at_once(bench):
    transport, sock, receiver, far = bench.transport()
    queued = []
    bench.reactor.call_before_flush(lambda: (offer(transport, b"room"), queued.append((sock.sends, transport.queued))))
    bench.reactor.tick(0)
    assert queued == [(1, 0)]
    bench.assert_asleep()
    assert (sock.sends, receiver.told) == (1, [])
    assert bench.read(far, 4) == b"room"


def test_bytes_sent_at_the_flush_go_behind_the_queue(bench):
    transport, sock, _, far = bench.transport()
    bench.reactor.call_before_flush(lambda: (offer(transport, b" room"), transport.write(b" answer")))
    transport.write(b"direct")
    bench.reactor.tick(0)
    assert sock.sends == 1
    assert bench.read(far, 18) == b"direct room answer"


def test_a_listener_is_told_of_bytes_that_the_flush_sends(bench):
    transport, _, receiver, _ = bench.transport()
    transport.tell_drained = True
    bench.reactor.call_before_flush(lambda: offer(transport, b"room"))
    bench.ticks(2)
    assert receiver.told == ["drained"]


@pytest.mark.parametrize("end", ["close", "abort"])
def test_nothing_is_sent_after_the_end(bench, end):
    transport, sock, _, _ = bench.transport()
    getattr(transport, end)()
    bench.reactor.call_before_flush(lambda: offer(transport, b"room"))
    bench.ticks()
    assert sock.sends == 0


@pytest.mark.parametrize("data", [b"", memoryview(b"")])
def test_an_empty_write_is_harmless(bench, data):
    transport, sock, _, _ = bench.transport()
    transport.write(data)
    bench.reactor.tick(0)
    assert transport.queued == 0
    assert bench.waits_for(sock) == EVENT_READ
    bench.assert_asleep()


def test_more_buffers_than_one_call_takes_go_out_over_several_ticks(bench):
    transport, sock, _, far = bench.transport(bench.unix())
    expected = b""
    for index in range(2_000):
        piece = index.to_bytes(3)
        transport.write(memoryview(piece) if index % 3 else piece)
        expected += piece
    sends = 0
    while transport.queued:
        bench.reactor.tick(0)
        assert sock.sends == sends + 1
        sends = sock.sends
        assert transport.queued == len(expected) - sock.taken
    assert 2 <= sends < 10
    assert bench.read(far, len(expected)) == expected


sizes = st.lists(st.tuples(st.integers(0, 9_000), st.booleans()), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(sizes, st.one_of(st.none(), st.integers(0, 9_000)), st.integers(0, 30_000)), min_size=1, max_size=6
    ),
    st.lists(st.one_of(st.integers(0, 9), st.integers(0, 20_000)), max_size=30),
)
def test_any_writes_and_any_partial_sends_arrive_byte_by_byte(steps, allowed):
    """`allowed` is how much the socket takes at a time, until it takes what the kernel's tiny buffer takes."""
    bench = Bench()
    try:
        transport, sock, _, far = bench.transport(bench.unix(2_048), list(allowed))
        far.setblocking(False)
        written, received = bytearray(), bytearray()

        def read(most):
            try:
                received.extend(far.recv(most) if most else b"")
            except BlockingIOError:
                pass

        def tick():
            sends = sock.sends
            bench.reactor.tick(0)
            assert sock.sends - sends <= 1
            assert transport.queued == len(written) - sock.taken
            waits = EVENT_READ | (EVENT_WRITE if transport.queued else 0)
            assert bench.waits_for(sock) == waits, "for writing exactly while something is left over"

        def next_piece(size):
            piece = bytes((len(written) + index) * 7 % 251 for index in range(size))
            written.extend(piece)
            return piece

        for pieces, sent, most in steps:
            for size, view in pieces:
                piece = next_piece(size)
                transport.write(memoryview(piece) if view else piece)
                assert transport.queued == len(written) - sock.taken
            if sent is not None:
                bench.reactor.call_before_flush(functools.partial(offer, transport, next_piece(sent)))
            tick()
            read(most)
        while len(received) < len(written):
            before = len(received), sock.taken, len(sock.allowed or ())
            tick()
            read(100_000)
            assert (len(received), sock.taken, len(sock.allowed or ())) != before, "it stands still"
        tick()
        assert received == written
        assert transport.queued == 0
        bench.assert_asleep()
    finally:
        bench.close()


def test_leftovers_wait_for_the_peer_without_spinning(bench):
    transport, sock, _, far = bench.blocked()
    assert bench.waits_for(sock) == EVENT_READ | EVENT_WRITE
    sends = sock.sends
    bench.assert_asleep()
    transport.write(b"more")
    bench.ticks()
    assert sock.sends == sends, "a socket that is full is not tried again before it is writable"
    assert transport.queued == len(FILLING) + 4 - sock.taken
    assert bench.read(far, len(FILLING) + 4) == FILLING + b"more"
    assert bench.waits_for(sock) == EVENT_READ
    bench.assert_asleep()


def test_leftovers_go_behind_what_others_have_that_is_new(bench, monkeypatch):
    transport, _, _, _ = bench.blocked()
    asked = []
    monkeypatch.setattr(bench.reactor, "flush_soon", lambda connection, is_backlog: asked.append(is_backlog))
    transport.handle(EVENT_WRITE)
    assert asked == [True]
    bench.transport()[0].write(b"new")
    assert asked == [True, False]


def test_no_write_interest_where_the_first_send_took_everything(bench, monkeypatch):
    transport, _, _, far = bench.transport()
    changes = []
    monkeypatch.setattr(bench.reactor, "modify", lambda *args: changes.append(args))
    for _ in range(5):
        transport.write(b"hello")
        bench.reactor.tick(0)
    assert changes == [], "that would be a system call for each message"
    transport.resume_reading()
    assert changes == [], "only changes are told to the selector"
    assert bench.read(far, 25) == b"hello" * 5


def test_an_idle_transport_holds_no_queue(bench):
    """There are many thousand of them."""

    def holds_a_queue():
        return any(
            isinstance(held, (list, collections.deque, bytearray, SendQueue)) for held in gc.get_referents(transport)
        )

    transport, _, _, far = bench.transport()
    assert not holds_a_queue()
    assert not hasattr(transport, "__dict__")
    transport.write(b"x" * 100_000)
    assert holds_a_queue()
    bench.read(far, 100_000)
    bench.until(lambda: not transport.queued)
    assert not holds_a_queue()


def test_waiting_since_is_when_the_socket_last_took_a_byte_or_first_refused_one(bench):
    transport, _, _, far = bench.transport(bench.tcp(4_096))
    bench.clock.now = 2_000.0
    bench.reactor.tick(0)
    transport.write(FILLING)
    assert not transport.waiting_since, "nothing was offered to the socket yet"
    bench.settle(transport)
    assert transport.waiting_since == 2_000.0
    bench.clock.now = 2_010.0
    transport.write(b"more")
    bench.ticks()
    assert transport.waiting_since == 2_000.0, "nothing was taken, and what is queued behind does not count"
    bench.clock.now = 2_020.0
    before = transport.queued
    far.setblocking(False)

    def taken():
        try:
            far.recv(65_536)
        except BlockingIOError:
            pass
        return transport.queued < before

    bench.until(taken)
    assert transport.waiting_since == 2_020.0


def test_a_send_that_takes_nothing_does_not_count_as_progress(bench):
    """A socket may be called writable and take nothing all the same."""
    transport, sock, _, _ = bench.transport(bench.unix(), [0, 0, 0])
    transport.write(b"hello")
    for _ in range(3):
        bench.clock.now += 10
        bench.reactor.tick(0)
    assert sock.sends == 3
    assert (transport.queued, transport.waiting_since) == (5, 1_010.0)  # when it first refused


def test_direct_bytes_are_counted(bench):
    transport, _, _, _ = bench.transport()
    assert transport.queued_direct == 0
    for piece, direct in ((b"123", 3), (b"12345", 0), (b"1", 1), (b"12", 1)):
        transport.write(piece, direct)
    assert (transport.queued, transport.queued_direct) == (11, 5)
    bench.ticks()
    assert (transport.queued, transport.queued_direct) == (0, 0)


@pytest.mark.parametrize(("taken", "left"), [(2, 4), (3, 1), (4, 1), (8, 1), (9, 0)])
def test_a_direct_buffer_counts_until_its_last_byte_is_taken(bench, taken, left):
    transport, _, _, _ = bench.transport(bench.unix(), [taken, 0])
    for piece, direct in ((b"123", 3), (b"12345", 0), (b"1", 1)):
        transport.write(piece, direct)
    bench.reactor.tick(0)
    assert (transport.queued, transport.queued_direct) == (9 - taken, left)


# --- drained ----------------------------------------------------------------------------------------------------


def test_drained_is_told_once_and_only_if_asked_for(bench):
    transport, _, receiver, far = bench.blocked()
    transport.tell_drained = True
    bench.ticks()
    assert receiver.told == []
    bench.read(far, len(FILLING))
    bench.until(lambda: receiver.told)
    for _ in range(3):
        transport.write(b"again")
        bench.ticks()
    assert receiver.told == ["drained"]
    assert transport.tell_drained is False
    transport.tell_drained = True
    transport.write(b"and again")
    bench.ticks()
    assert receiver.told == ["drained", "drained"]


def test_bytes_written_when_drained_go_out_with_the_next_tick(bench):
    transport, sock, _, far = bench.transport(drained=lambda: transport.write(b" world"))
    transport.tell_drained = True
    transport.write(b"hello")
    bench.reactor.tick(0)
    assert (sock.sends, transport.queued) == (1, 6)
    bench.reactor.tick(0)
    assert (sock.sends, transport.queued) == (2, 0)
    assert bench.read(far, 11) == b"hello world"


@pytest.mark.parametrize("words", [b"", b"goodbye"])
def test_a_transport_may_be_closed_when_drained(bench, words):
    transport, _, receiver, far = bench.transport(drained=lambda: (transport.write(words), transport.close()))
    transport.tell_drained = True
    transport.write(b"hello ")
    assert bench.read_all(far) == b"hello " + words
    far.close()
    bench.until(lambda: receiver.losses)
    assert receiver.told == ["drained", ("lost", None)]


def test_a_failure_when_drained_ends_the_connection(bench, caplog):
    transport, _, receiver, _ = bench.transport(drained=lambda: 1 / 0)
    transport.tell_drained = True
    transport.write(b"hello")
    bench.ticks()
    assert [type(error) for error in receiver.losses] == [ZeroDivisionError]
    assert "ZeroDivisionError" in caplog.text


# --- drop -------------------------------------------------------------------------------------------------------

FRAME = 1_000


def frame_end(buffer, offset):
    """Frames of `FRAME` bytes each, every buffer beginning with one."""
    assert offset > 0, "there is no byte before it"
    return min(-(-offset // FRAME) * FRAME, len(buffer))


@pytest.mark.parametrize("kind", [bytes, memoryview])
@pytest.mark.parametrize(("taken", "kept"), [(1, 999), (999, 1), (1_001, 999), (2_500, 500), (4_999, 1)])
def test_drop_keeps_exactly_the_frame_in_flight(bench, kind, taken, kept):
    frames = b"".join(letter * FRAME for letter in (b"a", b"b", b"c", b"d", b"e"))
    transport, _, _, far = bench.transport(bench.unix(), [taken, 0])
    transport.write(kind(frames))
    transport.write(b"another buffer")
    bench.reactor.tick(0)
    before = transport.queued
    assert before == 5_014 - taken
    assert transport.discard_unsent(frame_end) == before - kept
    assert transport.queued == kept
    assert transport.discard_unsent(frame_end) == 0, "what is in flight stays, however often"
    transport.write(b"farewell")
    assert transport.queued == kept + 8
    bench.until(lambda: not transport.queued)
    assert bench.read(far, taken + kept + 8) == frames[: taken + kept] + b"farewell"


def test_drop_leaves_nothing_where_no_frame_is_in_flight(bench):
    transport, _, _, far = bench.transport(bench.unix(), [FRAME, 0])
    assert transport.discard_unsent(frame_end) == 0
    transport.write(b"a" * FRAME)
    transport.write(b"b" * FRAME)
    assert transport.discard_unsent(frame_end) == 2 * FRAME, "the socket has not seen it yet"
    assert transport.queued == 0
    transport.write(b"c" * FRAME)
    transport.write(b"d" * FRAME)
    bench.reactor.tick(0)
    assert transport.discard_unsent(frame_end) == FRAME, "the socket has taken one frame to its end"
    transport.write(b"farewell")
    bench.until(lambda: not transport.queued)
    assert bench.read(far, FRAME + 8) == b"c" * FRAME + b"farewell"


def test_a_transport_sleeps_after_everything_was_dropped(bench):
    transport, sock, _, far = bench.transport(bench.unix(), [FRAME, 0])
    transport.write(b"a" * FRAME)
    transport.write(b"b" * FRAME)
    bench.reactor.tick(0)
    transport.discard_unsent(frame_end)
    bench.ticks(3)
    assert bench.waits_for(sock) == EVENT_READ
    bench.assert_asleep()
    assert bench.read(far, FRAME) == b"a" * FRAME


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.integers(1, 50_000), st.booleans())
def test_after_any_drop_the_peer_sees_whole_frames_only(counts, taken, view):
    bench = Bench()
    try:
        transport, _, _, far = bench.transport(bench.unix(), [taken, 0])
        for index, count in enumerate(counts):
            data = bytes([index]) * FRAME * count
            transport.write(memoryview(data) if view else data)
        total = sum(counts) * FRAME
        bench.reactor.tick(0)
        taken = min(taken, total)
        dropped = transport.discard_unsent(frame_end)
        kept = -taken % FRAME
        assert (dropped, transport.queued) == (total - taken - kept, kept)
        transport.write(b"f" * FRAME)
        bench.until(lambda: not transport.queued)
        seen = bench.read(far, taken + kept + FRAME)
        assert seen.endswith(b"f" * FRAME)
        assert all(len(set(seen[at : at + FRAME])) == 1 for at in range(0, len(seen), FRAME))
    finally:
        bench.close()


# --- ending: close ----------------------------------------------------------------------------------------------


def test_close_sends_what_is_queued_then_shuts_its_side_and_reads_to_the_end(bench):
    transport, sock, receiver, far = bench.transport()
    transport.write(b"farewell")
    transport.close()
    assert not transport.is_open
    assert sock.sends == 0, "closing waits for the flush as writing does"
    assert bench.waits_for(sock) == EVENT_READ, "all of it may go out with the first send"
    assert bench.read_all(far) == b"farewell"
    far.send(b"words that nobody waits for any more")
    bench.ticks()
    assert receiver.told == [], "neither received nor lost before the peer has closed its side"
    assert sock.fileno() >= 0
    far.close()
    bench.until(lambda: receiver.losses)
    assert receiver.told == [("lost", None)]
    assert sock.fileno() == -1


def test_close_without_anything_queued_ends_the_stream_at_once(bench):
    transport, _, receiver, far = bench.transport()
    transport.close()
    bench.reactor.tick(0)
    assert far.recv(10) == b""
    far.close()
    wait_until(lambda: bench.selector.select())
    bench.reactor.tick(0)
    assert receiver.told == [("lost", None)], "in the very tick that reads the end"


@pytest.mark.parametrize("paused", [False, True])
def test_a_farewell_arrives_though_unread_input_lies_behind_it(bench, paused):
    """A plain close would reset the connection, and the peer lose the farewell."""
    transport, _, receiver, far = bench.transport()
    if paused:
        transport.pause_reading()
    far.setblocking(False)
    far.send(FILLING)
    transport.write(b"farewell")
    transport.close()
    assert bench.read_all(far) == b"farewell"
    far.close()
    bench.until(lambda: receiver.losses)
    assert receiver.losses == [None]


@pytest.mark.parametrize("pause", [False, True], ids=["", "paused by the same request"])
def test_a_peer_that_takes_long_gets_its_farewell_whole(bench, pause):
    """A request may end the connection and be the one that its pace slows: what comes must be read all the same."""

    def quit_():
        transport.write(FILLING[:100_000])
        transport.close()
        if pause:
            transport.pause_reading()

    near, far = bench.tcp(4_096)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    transport, _, receiver, _ = bench.transport((near, far), data=quit_)
    far.send(b"quit")
    bench.until(lambda: receiver.told and not transport.queued)
    far.send(b"one more thing")
    bench.ticks()
    bench.clock.now += LINGER
    bench.until(lambda: receiver.losses)
    assert bench.read_all(far) == FILLING[:100_000], "the kernel goes on with it, unless input lies there unread"


def test_nothing_is_written_after_close(bench):
    transport, _, _, far = bench.transport()
    transport.write(b"farewell")
    transport.close()
    transport.write(b"too late")
    assert transport.queued == 8
    assert bench.read_all(far) == b"farewell"


def test_close_takes_all_that_is_queued_along(bench):
    transport, _, receiver, far = bench.blocked()
    transport.close()
    assert bench.read_all(far) == FILLING
    far.close()
    bench.until(lambda: receiver.losses)
    assert receiver.told == [("lost", None)]


def test_close_gives_up_on_a_peer_that_takes_nothing(bench):
    transport, sock, receiver, _ = bench.blocked()
    transport.close()
    bench.clock.now += LINGER - 0.01
    bench.ticks()
    bench.assert_asleep()
    assert receiver.told == []
    bench.clock.now += 0.01
    bench.reactor.tick(0)
    assert receiver.told == [("lost", None)]
    assert sock.fileno() == -1


def take_slowly(bench, transport, far, seconds: float) -> bytes:
    """Take a piece in time, again and again; return the bytes that came within `seconds`."""
    taken = bytearray()
    end = bench.clock.now + seconds
    while transport.queued and bench.clock.now < end:
        before = transport.queued
        while transport.queued == before:  # the kernel offers a place only when a good part of its buffer is free
            taken += far.recv(1_000)
            bench.ticks()
        bench.clock.now += LINGER - 0.1
        bench.ticks()
    return bytes(taken)


def test_close_waits_for_a_peer_that_goes_on_taking(bench):
    transport, _, receiver, far = bench.blocked()
    transport.close()
    taken = take_slowly(bench, transport, far, LONGEST_FLUSH - LINGER)
    assert len(taken) < len(FILLING)
    assert receiver.told == []
    assert taken + bench.read_all(far) == FILLING
    far.close()
    bench.until(lambda: receiver.losses)


def test_close_gives_up_on_a_peer_that_takes_too_slowly(bench):
    transport, _, receiver, far = bench.blocked()
    transport.close()
    take_slowly(bench, transport, far, LONGEST_FLUSH + 2 * LINGER)
    assert receiver.told == [("lost", None)]


def test_close_gives_up_on_a_peer_that_never_closes_its_side(bench):
    transport, sock, receiver, far = bench.blocked()
    transport.close()
    bench.clock.now += LINGER - 0.01
    assert bench.read_all(far) == FILLING
    bench.clock.now += LINGER - 0.01
    far.send(b"still talking")
    bench.ticks()
    assert receiver.told == [], "its time began anew when all was sent"
    bench.assert_asleep()
    bench.clock.now += 0.01
    bench.reactor.tick(0)
    assert receiver.told == [("lost", None)]
    assert sock.fileno() == -1
    bench.clock.now += 10 * LINGER
    bench.ticks()
    assert receiver.told == [("lost", None)]


def test_closing_again_changes_nothing(bench):
    transport, _, receiver, far = bench.transport()
    transport.close()
    bench.clock.now += LINGER / 2
    bench.reactor.tick(0)
    transport.close()
    bench.clock.now += LINGER / 2
    bench.reactor.tick(0)
    transport.close()
    assert receiver.told == [], "half a LINGER later it was shut, and that gives it another whole one"
    far.close()
    bench.until(lambda: receiver.losses)
    transport.close()
    transport.abort()
    bench.ticks()
    assert receiver.told == [("lost", None)]


# --- ending: by the peer ----------------------------------------------------------------------------------------


def test_a_peer_that_has_said_all_can_still_be_answered(bench):
    transport, sock, receiver, far = bench.transport()
    far.send(b"question")
    far.shutdown(socket.SHUT_WR)
    bench.until(lambda: "eof" in receiver.told)
    assert receiver.data == b"question"
    bench.assert_asleep()
    assert transport.is_open
    transport.write(b"answer")
    transport.close()
    bench.reactor.tick(0)
    assert receiver.losses == [None], "both sides are shut: there is nothing to wait for"
    assert bench.read_all(far) == b"answer"
    assert receiver.told == ["data", "eof", ("lost", None)]
    assert sock.fileno() == -1


def test_the_end_is_told_once_however_often_reading_is_resumed(bench):
    transport, _, receiver, far = bench.transport()
    far.shutdown(socket.SHUT_WR)
    bench.until(lambda: receiver.told)
    transport.pause_reading()
    transport.resume_reading()
    transport.handle(EVENT_READ)
    bench.ticks()
    assert receiver.told == ["eof"]


def test_an_answer_to_a_peer_that_has_said_all_may_take_several_sends(bench):
    transport, sock, receiver, far = bench.blocked()
    far.shutdown(socket.SHUT_WR)
    bench.until(lambda: receiver.told)
    assert bench.waits_for(sock) == EVENT_WRITE
    bench.assert_asleep()
    transport.close()
    assert bench.read_all(far) == FILLING
    bench.until(lambda: receiver.losses)
    assert receiver.told == ["eof", ("lost", None)]


def test_an_end_that_comes_while_closing_is_not_told(bench):
    transport, _, receiver, far = bench.blocked()
    transport.close()
    far.shutdown(socket.SHUT_WR)
    bench.ticks()
    assert receiver.told == []
    assert bench.read_all(far) == FILLING
    bench.until(lambda: receiver.losses)
    assert receiver.told == [("lost", None)]


def test_a_reset_is_an_error_when_read(bench):
    _, _, receiver, far = bench.transport()
    reset(far)
    bench.until(lambda: receiver.losses)
    assert receiver.losses[0].errno == errno.ECONNRESET


@pytest.mark.parametrize("write", [Transport.write, offer])
def test_a_reset_in_the_middle_of_a_broadcast_is_an_error_when_written(bench, write):
    """The flush may be the first to notice."""
    transport, sock, receiver, far = bench.transport()
    reset(far)
    wait_until(lambda: bench.selector.select())
    write(transport, b"hello")
    transport.flush()
    write(transport, b"more")
    assert sock.sends == 1
    bench.ticks()
    assert [error.errno for error in receiver.losses] in ([errno.ECONNRESET], [errno.EPIPE])


def test_a_reset_after_the_peer_had_said_all_is_noticed(bench):
    _, _, receiver, far = bench.transport()
    far.shutdown(socket.SHUT_WR)
    bench.until(lambda: receiver.told)
    reset(far)
    bench.until(lambda: receiver.losses)
    assert isinstance(receiver.losses[0], OSError)
    bench.assert_asleep()


@pytest.mark.parametrize("shut", [False, True], ids=["while flushing", "while reading to the end"])
def test_a_reset_while_closing_is_no_error(bench, shut):
    transport, _, receiver, far = bench.transport() if shut else bench.blocked()
    transport.close()
    bench.ticks()
    reset(far)
    bench.until(lambda: receiver.losses)
    assert receiver.told == [("lost", None)], "it was closed, and that is why it ended"


def test_a_reset_that_only_shutting_down_notices_is_no_error(bench):
    transport, _, receiver, far = bench.transport()
    reset(far)
    wait_until(lambda: bench.selector.select())
    transport.close()
    transport.flush()
    bench.reactor.tick(0)
    assert receiver.told == [("lost", None)]


# --- ending: exactly once ---------------------------------------------------------------------------------------


def end_by_closing(transport, far):
    transport.close()
    far.close()


def end_by_abort(transport, far):
    transport.abort()


def end_by_abort_twice(transport, far):
    transport.abort()
    transport.abort()


def end_by_close_and_abort(transport, far):
    transport.close()
    transport.abort()


def end_by_failure(transport, far):
    transport.fail(RuntimeError("our bug"))


def end_by_failure_and_close(transport, far):
    transport.fail(RuntimeError("our bug"))
    transport.close()
    transport.abort()


def end_by_reset(transport, far):
    reset(far)


def end_by_reset_and_write(transport, far):
    transport.write(b"hello")
    reset(far)


def end_by_peer_and_abort(transport, far):
    far.send(b"last words")
    far.close()
    transport.abort()


def end_by_reset_and_close(transport, far):
    reset(far)
    transport.close()


ENDINGS = {
    end_by_closing: type(None),
    end_by_abort: type(None),
    end_by_abort_twice: type(None),
    end_by_close_and_abort: type(None),
    end_by_failure: RuntimeError,
    end_by_failure_and_close: RuntimeError,
    end_by_reset: OSError,
    end_by_reset_and_write: OSError,
    end_by_peer_and_abort: type(None),
    end_by_reset_and_close: type(None),
}


@pytest.mark.parametrize("queued", [False, True], ids=["idle", "with leftovers"])
@pytest.mark.parametrize(("end", "error"), ENDINGS.items(), ids=[end.__name__ for end in ENDINGS])
def test_the_end_is_told_exactly_once(bench, end, error, queued):
    transport, sock, receiver, far = bench.blocked() if queued else bench.transport()
    number = sock.fileno()
    end(transport, far)
    assert receiver.losses == [], "never from within a call"
    bench.until(lambda: receiver.losses)
    assert len(receiver.told) == 1, "nothing but the end"
    assert isinstance(receiver.losses[0], error)
    assert sock.fileno() == -1
    assert number not in bench.selector.get_map()
    assert bench.reactor.pending_timers == 0
    assert not transport.is_open
    transport.write(b"too late")
    transport.close()
    transport.abort()
    transport.fail(RuntimeError("too late"))
    transport.pause_reading()
    transport.resume_reading()
    for mask in (0, EVENT_READ, EVENT_WRITE, EVENT_READ | EVENT_WRITE):
        transport.handle(mask)
    assert transport.discard_unsent(frame_end) == 0
    bench.clock.now += 10 * LINGER
    bench.ticks()
    assert len(receiver.told) == 1
    bench.assert_asleep()


@pytest.mark.parametrize("mask", [0, EVENT_READ, EVENT_WRITE])
def test_an_event_of_the_tick_in_which_it_was_aborted_is_not_acted_on(bench, mask):
    transport, sock, receiver, far = bench.transport()
    far.send(b"hello")
    transport.write(b"never sent")
    transport.abort()
    transport.handle(mask)
    bench.reactor.tick(0)
    assert receiver.told == [("lost", None)]
    assert sock.sends == 0
    assert sock.calls["recv"] == 0


def test_a_transport_may_be_aborted_by_its_own_data(bench):
    transport, _, receiver, far = bench.transport(data=lambda: (transport.write(b"no"), transport.abort()))
    far.send(b"hello")
    bench.until(lambda: receiver.losses)
    bench.ticks()
    assert receiver.told == ["data", ("lost", None)]


@pytest.mark.parametrize("what", ["data", "eof", "lost"])
def test_a_failure_of_the_receiver_ends_its_connection_once(bench, caplog, what):
    _, sock, receiver, far = bench.transport(**{what: lambda: 1 / 0})
    far.send(b"hello")
    if what == "eof":
        far.shutdown(socket.SHUT_WR)
    elif what == "lost":
        reset(far)
    bench.until(lambda: receiver.losses)
    bench.ticks()
    assert len(receiver.losses) == 1
    assert sock.fileno() == -1
    assert caplog.text.count("Traceback") == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_closed_transport_holds_its_receiver_no_longer(bench):
    """They hold each other: without that only the garbage collector would free them."""
    transport, _, receiver, _ = bench.transport()
    gone = weakref.ref(receiver)
    transport.abort()
    gc.disable()
    try:
        bench.ticks()
        del receiver
        assert gone() is None
        assert transport.receiver is None
    finally:
        gc.enable()


def test_a_transport_without_a_receiver_yet_is_harmless(bench):
    near, far = bench.tcp()
    transport = Transport(bench.reactor, near)
    transport.tell_drained = True
    transport.write(b"hello")
    far.send(b"nobody hears that")
    far.shutdown(socket.SHUT_WR)
    bench.ticks()
    assert bench.read(far, 5) == b"hello"
    transport.close()
    bench.until(lambda: near.fileno() == -1)
