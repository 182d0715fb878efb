"""The simulated clients: connecting, entering rooms, speaking at a rate or as fast as they can, and being checked."""

import contextlib
import heapq
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pylingo.client.bench.dialect import Dialect
from pylingo.client.bench.stream import FILLER, MARK_SIZE, Counter, Reader, RoomStream, StreamError, mark
from pylingo.reactor.engine.dial import Dial, resolve
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.engine.transport import Transport
from pylingo.shared.errors import ProtocolError

PATIENCE = 60.0
"""Seconds without any progress after which a run has failed."""
AFTERWARDS = 0.2
"""Seconds at the end of a run in which nothing more may come."""
_DIALS = 256  # under way at a time
_SAMPLE = 16  # of the checked pieces one in so many gives a latency
_ALIVE_EVERY = 8.0  # seconds; servers ping after 20

ENTER, FENCE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be put on the server. `rate` is in messages a second for each sender, 0 for as fast as they go.

    `prefix` and a number make the names of the clients.
    """

    clients: int
    rooms: int = 1
    senders: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    messages: int = 0
    size: int = 64
    stalled: int = 0
    window: int = 2_000
    seed: int = 1
    prefix: str = "c"


@dataclass(slots=True)
class Measured:
    """What the clients saw. Times in seconds, latencies in nanoseconds."""

    connect_seconds: float = 0.0
    seconds: float = 0.0
    messages: int = 0
    deliveries: int = 0
    latencies: list[int] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    client_cpu: float = 0.0


class Room:
    """A room of the load: its stream, its clients, those of them that speak."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.name = name
        self.stream = RoomStream(dialect)
        self.clients: list[Client] = []
        self.senders: list[Client] = []
        self.ahead: set[Client] = set()
        self.sent = 0

    def readers(self) -> list[Reader]:
        return [client.reader for client in self.clients if client.reader is not None]


class Client:
    """One simulated client. First it collects answers, then every byte is checked."""

    def __init__(self, load: "Load", number: int, room: Room) -> None:
        self.number = number
        self.room = room
        self.reader: Reader | None = None
        self.transport: Transport | None = None
        self.serial = 0
        self.observes = False
        self.stalled = False
        self.answers = b""
        self.passed = 0
        self._load = load

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        try:
            if self.observes:
                self._observe(data, now)
            elif self.reader is None:
                self._collect(data)
            elif not self.reader.take(data):
                self.room.ahead.add(self)
            elif self._load.dialect.one_order:
                self._load.checked(self.room.stream, self.reader.position, len(data), now)
        except (StreamError, ProtocolError) as error:
            self._load.error = StreamError(str(error))

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """What is wrong with what came ends the run, not just this connection."""
        try:
            yield
        except StreamError as error:
            self._load.error = error
        except ProtocolError as error:
            self._load.error = StreamError(f"what came is no frame: {error.text}")

    def eof_received(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def drained(self) -> None: ...

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        self._load.lost(self, error)

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def _collect(self, data: bytes) -> None:
        load = self._load
        if self.passed == load.fence:  # others are still entering: what they cause is not looked at
            return
        self.answers += data
        if load.dialect.fence_answer(load.fence) in self.answers:
            if trouble := load.dialect.trouble(self.answers):
                load.error = StreamError(f"entering failed: {trouble}")
            self.answers = b""
            self.passed = load.fence
            load.passed += 1

    def _observe(self, data: bytes, now: int) -> None:
        stream = self.room.stream
        before = stream.messages
        stream.observe(data)
        for index in range(before, stream.messages, _SAMPLE):
            self._load.latencies.append((now & 0xFFFFFFFFFFFF) - stream.sent_at[index])
        if self.room.ahead:
            self.room.ahead = {client for client in self.room.ahead if not client.reader.catch_up()}  # type: ignore[union-attr]


class Load:
    """Clients for a plan, on a reactor that this drives. All methods block until what they say is done.

    They raise `StreamError` if a delivery was not as it must be, and if nothing moves for `PATIENCE` seconds.
    """

    def __init__(
        self,
        plan: Plan,
        dialect: Dialect,
        port: int,
        host: str = "127.0.0.1",
        progress: Callable[[str, float], object] = lambda what, part: None,
    ) -> None:
        self.plan = plan
        self.dialect = dialect
        self.reactor = Reactor()
        self.random = random.Random(plan.seed)
        self.rooms = [Room(f"room{index}", dialect) for index in range(plan.rooms)]
        self.clients: list[Client] = []
        self.latencies: list[int] = []
        self.error: Exception | None = None
        self.fence = ENTER
        self.passed = 0
        self.targets = resolve(host, port)
        self._progress = progress
        self._ending = False
        self._checks = 0

    # --- phases

    def connect(self, enter: bool = True) -> float:
        """Connect everybody and have them enter their rooms; returns how many seconds that took.

        Without `enter` only the observers enter, and the others wait.
        """
        total = self.plan.clients + self.plan.rooms
        waiting = iter(range(total))
        start = time.monotonic()
        under_way = 0

        def connected(client: Client, sock: socket.socket) -> None:
            nonlocal under_way
            under_way -= 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.transport = Transport(self.reactor, sock, client)
            if enter or client.number < self.plan.rooms:
                client.write(self.dialect.enter(f"{self.plan.prefix}{client.number}", client.room.name))
            client.write(self.dialect.fence(ENTER))

        def failed(error: OSError) -> None:
            self.error = StreamError(f"connecting failed: {error}")

        def dial_more() -> bool:
            nonlocal under_way
            for number in itertools.islice(waiting, _DIALS - under_way):
                client = self._client(number)
                under_way += 1
                Dial(self.reactor, self.targets, lambda sock, client=client: connected(client, sock), failed)  # type: ignore[misc]
            return self.passed == total

        self._keep_alive()
        self.until(dial_more, "connecting", lambda: self.passed / total)
        return time.monotonic() - start

    def settle(self) -> None:
        """Wait until everybody has had all that entering caused; from then on every byte is checked."""
        self.quiesce()
        for room in self.rooms:
            room.clients[0].observes = True
            for index, client in enumerate(room.clients[1:]):
                speaks = index < self.plan.senders
                client.reader = (Reader if self.dialect.one_order else Counter)(
                    room.stream, client.number if speaks and not self.dialect.echo else None
                )
                if speaks:
                    room.senders.append(client)
                    client.write(self.dialect.settle())
        for client in self._choose_stalled():
            client.stalled = True
            if client.transport is not None:
                client.transport.pause_reading()

    def quiesce(self) -> None:
        """Wait until everybody has had all that entering caused."""
        until = time.monotonic() + self.dialect.rest
        while time.monotonic() < until:
            self.reactor.tick(0.1)
        self.fence, self.passed = FENCE, 0
        for client in self.clients:
            client.write(self.dialect.fence(FENCE))
        self.until(lambda: self.passed == len(self.clients), "settling", lambda: self.passed / len(self.clients))

    def speak(self) -> Measured:
        """Have the senders speak as the plan says, wait until all is delivered, and check it."""
        result = Measured()
        cpu, start = time.process_time(), time.monotonic()
        if self.plan.rate:
            self._speak_at_rate(result)
        else:
            self._speak_at_once()
        result.messages = sum(room.sent for room in self.rooms)
        self.until(self._all_level, "delivering", self._part_delivered)
        result.seconds = time.monotonic() - start
        result.client_cpu = time.process_time() - cpu
        for room in self.rooms:
            everybody = len(room.clients) - sum(client.stalled for client in room.clients)
            for client in room.senders:
                if room.stream.count_from(client.number) != client.serial:
                    raise StreamError(f"of {client.serial} messages {room.stream.count_from(client.number)} came")
            result.deliveries += room.stream.messages * (everybody - (not self.dialect.echo))
        result.latencies = self.latencies
        return result

    def speak_in_turn(self) -> Measured:
        """Have one sender speak, wait until everybody has had it, and so on."""
        result = Measured()
        cpu, start = time.process_time(), time.monotonic()
        room = self.rooms[0]
        for serial in range(self.plan.messages):
            self._say(room.senders[serial % len(room.senders)])
            self.until(self._all_level, "delivering", self._part_delivered)
            self._progress("speaking", serial / self.plan.messages)
        result.messages = room.sent
        result.deliveries = room.sent * (len(room.clients) - (not self.dialect.echo))
        result.seconds = time.monotonic() - start
        result.client_cpu = time.process_time() - cpu
        result.latencies = self.latencies
        return result

    def wait(self) -> Measured:
        """Let time pass in silence."""
        start = time.monotonic()
        while (past := time.monotonic() - start) < self.plan.seconds:
            self.reactor.tick(0.2)
            if self.error is not None:
                raise self.error
            self._progress("waiting", past / self.plan.seconds)
        return Measured(seconds=self.plan.seconds)

    def stay_level(self) -> None:
        """Wait a moment for what must not come: a message doubled at the very end."""
        until = time.monotonic() + AFTERWARDS
        while time.monotonic() < until and self.error is None:
            self.reactor.tick(0.05)
        if self.error is not None:
            raise self.error
        if not self._all_level():
            raise StreamError("more came than was said")

    def close(self) -> None:
        """Cut all connections."""
        self._ending = True
        for client in self.clients:
            if client.transport is not None:
                client.transport.abort()
        self.reactor.tick(0)
        self.reactor.close()

    def until(self, done: Callable[[], bool], what: str, part: Callable[[], float]) -> None:
        """Turn the reactor until `done()`, as long as `part()` grows."""
        best, deadline = -1.0, 0.0
        while not done():
            self.reactor.tick(0.05)
            if self.error is not None:
                raise self.error
            now = self.reactor.now
            if now >= deadline - PATIENCE + 0.2 or deadline == 0:
                reached = part()
                if reached > best:
                    best, deadline = reached, now + PATIENCE
                    self._progress(what, reached)
                elif now > deadline:
                    raise StreamError(f"{what} came to a halt at {100 * best:.1f}%")

    # --- what clients report

    def checked(self, stream: RoomStream, position: int, size: int, now: int) -> None:
        """A piece that ends at `position` was as it must be; one in some gives a latency."""
        self._checks += 1
        if self._checks % _SAMPLE == 0:
            self.latencies.append((now & 0xFFFFFFFFFFFF) - stream.sent_time(max(0, position - size)))

    def lost(self, client: Client, error: Exception | None) -> None:
        """A connection ended."""
        if not self._ending and not client.stalled:
            self.error = error if isinstance(error, StreamError) else StreamError(f"a connection was lost: {error}")

    # --- inside

    def _client(self, number: int) -> Client:
        """Client `number`; the first of each room is its observer."""
        client = Client(self, number, self.rooms[number % len(self.rooms)])
        client.room.clients.append(client)
        self.clients.append(client)
        return client

    def _choose_stalled(self) -> list[Client]:
        readers = [client for room in self.rooms for client in room.clients[1:] if client not in set(room.senders)]
        candidates = readers if len(readers) >= self.plan.stalled else [c for r in self.rooms for c in r.clients[1:]]
        chosen = self.random.sample(candidates, self.plan.stalled)
        for client in chosen:
            if client in client.room.senders:
                client.room.senders.remove(client)
        return chosen

    def _say(self, client: Client, count: int = 1) -> None:
        prefix, suffix = self._parts(client.room)
        filler = FILLER * (self.plan.size - MARK_SIZE)
        now = time.monotonic_ns()
        serial = client.serial
        client.serial = serial + count
        client.room.sent += count
        client.write(
            b"".join(
                prefix + mark(client.number, number, now) + filler + suffix for number in range(serial, serial + count)
            )
        )

    def _parts(self, room: Room) -> tuple[bytes, bytes]:
        return self.dialect.say(room.name, self.plan.size)

    def _speak_at_rate(self, result: Measured) -> None:
        interval = 1 / self.plan.rate
        start = time.monotonic()
        due = [
            (start + self.random.random() * interval, client.number, client)
            for room in self.rooms
            for client in room.senders
        ]
        heapq.heapify(due)
        end = start + (self.plan.seconds or self.plan.messages / (self.plan.rate * max(1, len(due))))
        while due and due[0][0] < end:
            now = time.monotonic()
            while due[0][0] <= now:
                when, number, client = due[0]
                result.lateness.append(now - when)
                self._say(client)
                heapq.heapreplace(due, (when + interval, number, client))
            self.reactor.tick(max(0.0, min(due[0][0], end) - time.monotonic()))
            if self.error is not None:
                raise self.error
            self._progress("speaking", (now - start) / (end - start))

    def _speak_at_once(self) -> None:
        """Keep `window` messages of each room on their way, until the time is up or all is said."""
        start = time.monotonic()
        most = self.plan.messages // self.plan.rooms if self.plan.messages else None
        block = max(1, self.plan.window // (2 * max(1, self.plan.senders)))
        speaking = [room for room in self.rooms if room.senders]

        def said() -> bool:
            for room in speaking:
                self._top_up(room, block, most)
            if most is None:
                return time.monotonic() - start >= self.plan.seconds
            return all(room.sent >= most for room in speaking)

        def part() -> float:
            if most is None:
                return (time.monotonic() - start) / self.plan.seconds
            return sum(self._arrived(room) + room.sent for room in speaking) / (2 * most * len(speaking))

        self.until(said, "speaking", part)

    def _top_up(self, room: Room, block: int, most: int | None) -> None:
        arrived = self._arrived(room)
        while room.sent - arrived <= self.plan.window // 2 and (most is None or room.sent < most):
            for client in room.senders:
                self._say(client, block if most is None else min(block, max(1, most - room.sent)))
                if most is not None and room.sent >= most:
                    return

    def _arrived(self, room: Room) -> int:
        """How many messages everybody in the room has had."""
        stream = room.stream
        readers = [client.reader for client in room.clients if client.reader and not client.stalled]
        for reader in readers:
            reader.pass_own()
        slowest = min((reader.position for reader in readers), default=0)
        slowest = min(slowest, stream.end) if len(room.clients) > 1 else stream.end
        if slowest - stream.base > 4_000_000:
            stream.forget(slowest)
        return stream.count_until(slowest)

    def _all_level(self) -> bool:
        return all(
            room.stream.messages == room.sent
            and all(c.reader is None or c.stalled or c.reader.is_level for c in room.clients)
            for room in self.rooms
        )

    def _part_delivered(self) -> float:
        readers = [reader for room in self.rooms for reader in room.readers()]
        arrived = sum(room.stream.messages for room in self.rooms) + sum(reader.position for reader in readers)
        return 1 - 1 / (1 + arrived)

    def _keep_alive(self) -> None:
        for client in self.clients:
            client.write(self.dialect.alive())
        self.reactor.call_later(_ALIVE_EVERY, self._keep_alive)
