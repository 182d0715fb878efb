"""Loads of clients that come and go: all joining one room at once, and short-lived clients. For PyLingo only.

As in the other loads, the observer's stream is the room's stream. A client that joins must receive exactly what follows
its own `joined` there.
"""

import collections
from collections.abc import Callable, Iterator

from pylingo.client.bench.dialect import split_frames
from pylingo.client.bench.load import Load
from pylingo.client.bench.simulated import SimulatedClient
from pylingo.client.bench.stream import RoomStream, StreamChecker, StreamError, mark
from pylingo.reactor.engine.tls import reason_of
from pylingo.reactor.engine.tls_dial import Stream, TlsDial
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.codec import event_codec
from pylingo.shared.errors import ProtocolError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Goodbye, Joined, Left, Message


def _texts_of_joins(received: bytes) -> Iterator[tuple[int, bytes]]:
    """Count each `joined` frame as the first message of the client that joined."""
    for end, body in split_frames(received):
        record = event_codec.decode(body)
        if type(record) is not Joined or record.users is not None:
            raise ValueError(f"{record} arrived where only other clients joined")
        yield end, mark(int(record.name[1:]), 0, 0)


class _Joiner:
    """Checks what a client receives from its own `joined` on."""

    def __init__(self, client: SimulatedClient, stream: RoomStream) -> None:
        self._stream = stream
        self._own = stream.own.setdefault(client.number, collections.deque())
        self._pending = b""
        self._has_joined = False
        self._checker: StreamChecker | None = None
        client.receive = self._receive

    @property
    def is_level(self) -> bool:
        self._catch_up()
        return self._checker is not None and self._checker.is_level

    def _receive(self, data: bytes) -> None:
        if self._checker is not None:
            self._checker.take(data)
        else:
            self._pending += data
            self._catch_up()

    def _catch_up(self) -> None:
        """Check what was ahead of the observer."""
        if self._checker is not None:
            self._checker.catch_up()
            return
        for end, body in split_frames(self._pending) if not self._has_joined else ():
            if type(event_codec.decode(body)) is Joined:
                self._has_joined = True
                self._pending = self._pending[end:]
                break
        if self._has_joined and self._own:
            self._checker = StreamChecker(self._stream)
            self._checker.position = self._own[0][1]
            self._checker.take(self._pending)
            self._pending = b""


def join_storm(load: Load) -> tuple[float, int]:
    """Have all clients but the observer join its room at once.

    Returns the seconds until everybody has seen everybody who joined later, and the number of frames that took.
    """
    room = load.rooms[0]
    stream = room.stream = RoomStream(_texts_of_joins)
    observer, *others = room.clients
    joiners = [_Joiner(client, stream) for client in others]
    behind = joiners.copy()
    observer.observe()
    count = len(others)
    start = load.reactor.clock()
    for client in others:
        client.write(load.dialect.enter(f"c{client.number}", room.name))

    def all_joined() -> bool:
        while behind and stream.messages == count and behind[-1].is_level:
            behind.pop()
        return not behind and stream.messages == count

    load.until(all_joined, "joining", lambda: (stream.messages + count - len(behind)) / (2 * count))
    seconds = load.reactor.clock() - start
    load.state.latencies.clear()  # a `joined` carries no time
    load.listen_on()
    if stream.messages != count or not all(joiner.is_level for joiner in joiners):
        raise StreamError("more arrived than was sent")
    return seconds, count + count * (count - 1) // 2


class _ShortLivedClient:
    """Receives on one connection; its last frame must be the goodbye that it asked for."""

    def __init__(self, load: Load, stream: Stream, done: Callable[[Exception | None], None]) -> None:
        self._done = done
        self._decoder = FrameDecoder()
        self._last: object = None
        self.transport = Transport(load.reactor, stream, self)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._decoder.feed(data):
                self._last = event_codec.decode(body)
        except ProtocolError as error:
            self._last = error

    def eof_received(self) -> None:
        self.transport.close()

    def drained(self) -> None: ...

    def connection_lost(self, error: Exception | None) -> None:
        is_proper = error is None and type(self._last) is Goodbye and self._last.reason == "close"
        self._done(None if is_proper else StreamError(f"a short-lived client ended with {error or self._last}"))


_COURSE = (Joined, Message, Left, type(None))  # the events of one short-lived client
_TEXT = "." * 64


class _ChurnObserver:
    """Checks that each short-lived client joins, speaks and leaves, once and in this order."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self._stages: collections.Counter[str] = collections.Counter()
        self.frames = 0

    def receive(self, data: bytes) -> None:
        for record in map(event_codec.decode, self._decoder.feed(data)):
            name = record.from_ if type(record) is Message else getattr(record, "name", "")
            stage = self._stages[name]
            if type(record) is not _COURSE[stage]:
                raise StreamError(f"{record} arrived where {_COURSE[stage].__name__} of {name} was due")
            if type(record) is Message and record.text != _TEXT:
                raise StreamError(f"{record} arrived with another text than was sent")
            self._stages[name] = stage + 1
            self.frames += 1


def churn(load: Load, concurrency: int, count: int) -> int:
    """Have `count` clients, `concurrency` at a time, connect, join, say something and close.

    Returns the number of frames that the observer received about them.
    """
    load.quiesce()
    observer = _ChurnObserver()
    load.rooms[0].clients[0].receive = observer.receive
    done = started = 0
    alive: dict[int, TlsDial | Transport] = {}
    prefix, suffix = load.dialect.say("room0", len(_TEXT))
    farewell = prefix + _TEXT.encode() + suffix + load.dialect.leave()

    def ended(number: int, error: Exception | None) -> None:
        nonlocal done
        done += 1
        del alive[number]
        if error is not None and load.state.error is None:
            load.state.fail(f"connecting failed: {reason_of(error)}" if isinstance(error, OSError) else str(error))

    def connected(number: int, stream: Stream) -> None:
        alive[number] = transport = _ShortLivedClient(load, stream, lambda error: ended(number, error)).transport
        transport.write(load.dialect.enter(f"life{number}", "room0") + farewell)

    def start(number: int) -> None:
        alive[number] = load.dial(lambda stream: connected(number, stream), lambda error: ended(number, error))

    def all_done() -> bool:
        nonlocal started
        while started < min(count, done + concurrency):
            start(started)
            started += 1
        return done == count

    try:
        load.until(all_done, "churning", lambda: done / count)
        load.until(lambda: observer.frames >= 3 * count, "settling", lambda: observer.frames)
    finally:
        for connection in list(alive.values()):
            connection.cancel() if isinstance(connection, TlsDial) else connection.abort()
    if load.state.error is not None:
        raise load.state.error
    return observer.frames
