"""One simulated client, and the room that it is in.

A client first collects the answers to its entering. Then the observer of a room decodes what it receives, and every
other client compares its bytes with the observer's.
"""

import time
from collections.abc import Callable

from pylingo.client.bench.dialect import Dialect
from pylingo.client.bench.stream import RoomStream, StreamChecker, StreamError
from pylingo.reactor.engine.channel import Channel
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.errors import ProtocolError

SAMPLE_EVERY = 16  # one of so many checked pieces gives a latency
ENTER, FENCE = 1, 2
"""The numbers of the two fences: after entering, and after everybody has entered."""


class LoadState:
    """The shared state of one load's clients: the dialect, the first error, the latencies, and the current fence."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.error: Exception | None = None
        self.latencies: list[int] = []
        self.fence = ENTER
        self.passed = 0  # clients that have the answer to the current fence
        self.is_ending = False
        self._checks = 0

    def fail(self, message: str) -> None:
        """End the run."""
        self.error = StreamError(message)

    def sample(self, stream: RoomStream, position: int, now: int) -> None:
        """Count a checked piece that starts at `position`; keep the latency of one in `SAMPLE_EVERY`."""
        self._checks += 1
        if self._checks % SAMPLE_EVERY == 0:
            self.latencies.append((now & 0xFFFFFFFFFFFF) - stream.sent_time(max(0, position)))


class LoadRoom:
    """A room of the load: its stream, its clients, and the senders among them."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.name = name
        self.stream = RoomStream(dialect.texts)
        self.clients: list[SimulatedClient] = []
        self.senders: list[SimulatedClient] = []
        self.ahead: set[StreamChecker] = set()
        """Checkers with bytes that the observer does not have yet."""
        self.sent = 0

    def checkers(self) -> list[StreamChecker]:
        """The checkers of everybody who reads and is not the observer."""
        return [client.checker for client in self.clients if client.checker is not None and not client.is_stalled]

    @property
    def is_level(self) -> bool:
        """Whether everybody who reads has received everything that was sent."""
        return self.stream.messages == self.sent and all(checker.is_level for checker in self.checkers())


class SimulatedClient:
    """One connection. `receive` handles its input; errors in it end the run."""

    def __init__(self, state: LoadState, number: int, room: LoadRoom) -> None:
        self.number = number
        self.room = room
        self.checker: StreamChecker | None = None
        self.transport: Transport | None = None
        self.serial = 0  # messages that it has sent
        self.is_stalled = False
        self.receive: Callable[[bytes], object] = self._collect
        self._state = state
        self._answers = b""
        self._entering = b""  # requests that wait for the welcome
        self._passed = 0

    def attach(self, reactor: Reactor, stream: Channel) -> None:
        """Use `stream`, which is connected."""
        self.transport = Transport(reactor, stream, self)

    def introduce(self, introduction: bytes, entering: bytes) -> None:
        """Send `introduction`, and `entering` at once or after the welcome that the dialect has."""
        if self._state.dialect.welcome:
            self._entering = entering
            entering = b""
        self.write(introduction + entering)

    def observe(self) -> None:
        """Be the observer of the room from now on."""
        self.receive = self._observe

    def check(self, checker: StreamChecker) -> None:
        """Have everything checked from now on."""
        self.checker = checker
        self.receive = self._check

    def stall(self) -> None:
        """Stop reading."""
        self.is_stalled = True
        if self in self.room.senders:
            self.room.senders.remove(self)
        if self.transport is not None:
            self.transport.pause_reading()

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def keep_alive(self) -> None:
        """Give a sign of life, unless the server has yet to welcome this client: some know no request before that."""
        if not self._entering:
            self.write(self._state.dialect.alive())

    def data_received(self, data: bytes) -> None:
        try:
            self.receive(data)
        except StreamError as error:
            self._state.error = error
        except ProtocolError as error:
            self._state.fail(f"the server sent an invalid frame: {error.text}")

    def eof_received(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def drained(self) -> None: ...

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if not self._state.is_ending and not self.is_stalled:
            self._state.fail(f"a connection was lost: {self._state.dialect.trouble(self._answers) or error}")

    def _collect(self, data: bytes) -> None:
        state = self._state
        if self._passed == state.fence:  # the rest are still entering; nothing that they cause is checked
            return
        self._answers += data
        if self._entering and state.dialect.welcome in self._answers:
            entering, self._entering = self._entering, b""
            self.write(entering)
        if state.dialect.fence_answer(state.fence) in self._answers:
            if trouble := state.dialect.trouble(self._answers):
                state.fail(f"entering failed: {trouble}")
            self._answers = b""
            self._passed = state.fence
            state.passed += 1

    def _observe(self, data: bytes) -> None:
        now = time.monotonic_ns() & 0xFFFFFFFFFFFF
        stream = self.room.stream
        before = stream.messages
        stream.observe(data)
        self._state.latencies += [now - sent_at for sent_at in stream.sent_at[before::SAMPLE_EVERY]]
        if self.room.ahead:
            self.room.ahead = {checker for checker in self.room.ahead if not checker.catch_up()}

    def _check(self, data: bytes) -> None:
        now = time.monotonic_ns()
        assert self.checker is not None
        if not self.checker.take(data):
            self.room.ahead.add(self.checker)
        elif self._state.dialect.one_order:
            self._state.sample(self.room.stream, self.checker.position - len(data), now)
