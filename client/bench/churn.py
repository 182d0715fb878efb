"""Loads that come and go: everybody joining one room at once, and short lives one after another. For PyLingo only.

They are checked like the others: the observer's stream is the room's, and whoever joined must have received exactly
what stands behind its own `joined` there.
"""

import collections
import socket
from collections.abc import Iterator

from pylingo.client.bench.load import Client, Load
from pylingo.client.bench.stream import Reader, RoomStream, StreamError, mark
from pylingo.reactor.engine.dial import Dial
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.codec import event_codec
from pylingo.shared.errors import ProtocolError
from pylingo.shared.framing import HEADER, HEADER_SIZE, FrameDecoder
from pylingo.shared.messages import Goodbye, Joined, Left, Message
from pylingo.shared.schema import Record


class _Joins:
    """Cuts a room's stream of `joined` frames; each counts as the first message of the one who joined."""

    def texts(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        start = 0
        while start + HEADER_SIZE <= len(received):
            end = start + HEADER_SIZE + HEADER.unpack_from(received, start)[0]
            if end > len(received):
                return
            record = event_codec.decode(received[start + HEADER_SIZE : end])
            if type(record) is not Joined or record.users is not None:
                raise ValueError(f"{record} came where only others joined")
            yield end, mark(int(record.name[1:]), 0, 0)
            start = end


class _Joiner:
    """Receives for a client of the storm."""

    def __init__(self, client: Client, stream: RoomStream) -> None:
        self._client = client
        self._stream = stream
        self._own = stream.own.setdefault(client.number, collections.deque())
        self._held = b""
        self._in = False
        self._reader: Reader | None = None

    @property
    def is_level(self) -> bool:
        self.catch_up()
        return self._reader is not None and self._reader.is_level

    def data_received(self, data: bytes) -> None:
        with self._client.guarded():
            if self._reader is not None:
                self._reader.take(data)
            else:
                self._held += data
                self.catch_up()

    def catch_up(self) -> None:
        """Check what was ahead of the observer."""
        if self._reader is not None:
            self._reader.catch_up()
            return
        while not self._in and len(self._held) >= HEADER_SIZE:
            end = HEADER_SIZE + HEADER.unpack_from(self._held)[0]
            if end > len(self._held):
                return
            record = event_codec.decode(self._held[HEADER_SIZE:end])
            self._held = self._held[end:]
            self._in = type(record) is Joined
        if self._in and self._own:
            self._reader = Reader(self._stream)
            self._reader.position = self._own[0][1]
            self._reader.take(self._held)
            self._held = b""

    def eof_received(self) -> None:
        self._client.eof_received()

    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self._client.connection_lost(error)


def storm(load: Load) -> tuple[float, int]:
    """All clients but the observer join its room at once.

    Returns the seconds until everybody has seen everybody who came later, and how many frames that were.
    """
    room = load.rooms[0]
    stream = RoomStream(_Joins())
    observer, *others = room.clients
    joiners = []
    for client in others:
        joiner = _Joiner(client, stream)
        joiners.append(joiner)
        assert client.transport is not None
        client.transport.receiver = joiner
    room.stream = stream
    observer.observes = True
    load.latencies.clear()
    start = load.reactor.clock()
    for client in others:
        client.write(load.dialect.enter(f"c{client.number}", room.name))
    behind = list(joiners)

    def all_in() -> bool:
        while behind and stream.messages == len(others) and behind[-1].is_level:
            behind.pop()
        return not behind and stream.messages == len(others)

    load.until(all_in, "joining", lambda: (stream.messages + len(others) - len(behind)) / (2 * len(others)))
    load.latencies.clear()
    count = len(others)
    return load.reactor.clock() - start, count + count * (count - 1) // 2


class _Life:
    """Receives for one short life: it must end with the goodbye that was asked for."""

    def __init__(self, over: "collections.abc.Callable[[Exception | None], object]") -> None:
        self._over = over
        self._decoder = FrameDecoder()
        self._last: object = None
        self._transport: Transport | None = None

    def start(self, transport: Transport, data: bytes) -> None:
        self._transport = transport
        transport.write(data)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._decoder.feed(data):
                self._last = event_codec.decode(body)
        except ProtocolError as error:
            self._last = error

    def eof_received(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        farewell = type(self._last) is Goodbye and self._last.reason == "close"
        self._over(None if farewell and error is None else StreamError(f"a life ended with {error or self._last}"))


_COURSE = (Joined, Message, Left, type(None))  # of a life
_WORDS = "." * 64  # that it says


class _Watcher:
    """The observer of the churn: each life must join, speak and leave, once and in this order."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._decoder = FrameDecoder()
        self._stages: collections.Counter[str] = collections.Counter()
        self.frames = 0

    def data_received(self, data: bytes) -> None:
        with self._client.guarded():
            for body in self._decoder.feed(data):
                self._see(event_codec.decode(body))

    def _see(self, record: Record) -> None:
        name = record.from_ if type(record) is Message else getattr(record, "name", "")
        stage = self._stages[name]
        if type(record) is not _COURSE[stage]:
            raise StreamError(f"{record} came where {_COURSE[stage].__name__} of {name} was due")
        if type(record) is Message and record.text != _WORDS:
            raise StreamError(f"{record} came with another text than was said")
        self._stages[name] = stage + 1
        self.frames += 1

    def eof_received(self) -> None:
        self._client.eof_received()

    def drained(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None:
        self._client.connection_lost(error)


def churn(load: Load, at_a_time: int, lives: int) -> int:
    """Let `lives` clients connect, join, say something and close; returns how many frames the observer saw of them."""
    load.quiesce()
    observer = load.rooms[0].clients[0]
    watcher = _Watcher(observer)
    assert observer.transport is not None
    observer.transport.receiver = watcher
    done = started = 0
    living: dict[int, Dial | Transport] = {}

    def over(number: int, error: Exception | None) -> None:
        nonlocal done
        done += 1
        del living[number]
        load.error = load.error or (StreamError(f"connecting failed: {error}") if isinstance(error, OSError) else error)

    def connected(number: int, sock: socket.socket) -> None:
        life = _Life(lambda error: over(number, error))
        prefix, suffix = load.dialect.say("room0", len(_WORDS))
        say = prefix + _WORDS.encode() + suffix
        living[number] = transport = Transport(load.reactor, sock, life)
        life.start(transport, load.dialect.enter(f"life{number}", "room0") + say + load.dialect.leave())

    def begin(number: int) -> None:
        living[number] = Dial(
            load.reactor, load.targets, lambda sock: connected(number, sock), lambda error: over(number, error)
        )

    def go_on() -> bool:
        nonlocal started
        while started < min(lives, done + at_a_time):
            begin(started)
            started += 1
        return done == lives

    try:
        load.until(go_on, "living", lambda: done / lives)
        load.until(lambda: watcher.frames >= 3 * lives, "settling", lambda: watcher.frames)
    finally:
        for life in list(living.values()):
            life.cancel() if isinstance(life, Dial) else life.abort()
    if load.error is not None:
        raise load.error
    return watcher.frames
